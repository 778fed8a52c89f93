package catalog

import (
	"embed"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog/quality"
	"github.com/gatehouse-tre/gatehouse/catalog/source"
)

// Definition says how extracts become a dataset: which files there are, what
// each column holds, and what becomes of it. Every column of every file is
// treated explicitly; what a definition does not mention is never published.
// docs: the shipped definitions beside this file are examples of every key.
type Definition struct {
	Dataset     string  `yaml:"dataset"`
	Title       string  `yaml:"title"`
	Description string  `yaml:"description"`
	Custodian   string  `yaml:"custodian"`    // the organisation
	Encoding    string  `yaml:"encoding"`     // of every file that does not say another: one of the Encodings; default: utf-8
	RejectLimit float64 `yaml:"reject_limit"` // largest share of a file's rows that may be rejected, 0 to 1
	RejectFloor int64   `yaml:"reject_floor"` // so many rejected rows of a file are no reason to stop, whatever their share
	Index       string  `yaml:"index"`        // person index to use; default: the dataset's name

	OptOuts       OptOuts         `yaml:"opt_outs"`        // the lists to apply, or "none"
	OptOutsReason string          `yaml:"opt_outs_reason"` // why none apply; only with "none"
	People        PeopleRule      `yaml:"people"`
	Tables        []TableRule     `yaml:"tables"`
	Listing       *Listing        `yaml:"listing"`     // what catalogues say of the dataset
	ShiftDates    *ShiftRule      `yaml:"shift_dates"` // the dates of each person move
	Quality       []quality.Check `yaml:"quality"`     // what must hold of the published tables
	Risk          *RiskRule       `yaml:"risk"`        // how alone people are by what somebody could know of them

	// Deleted lists whom the source holds no longer; it is read with an extract of
	// changes, and may be absent. Kind and Optional are not given.
	Deleted *ListRule `yaml:"deleted"`

	SHA256 string `yaml:"-"` // of the file
	file   string // its name, for messages
	lines  lines
}

// ShiftRule moves all dates of a person by one number of days, from −Days to Days.
type ShiftRule struct {
	Days int `yaml:"days"`
}

// The encodings that a definition may declare.
const (
	EncodingUTF8        = string(source.EncodingUTF8)
	EncodingWindows1252 = string(source.EncodingWindows1252)
)

// OptOuts are the opt-out lists of a definition. None is said aloud, never by
// leaving the key out.
type OptOuts struct {
	None  bool
	Lists []ListRule
}

// UnmarshalYAML takes the word "none" or a list of lists.
func (o *OptOuts) UnmarshalYAML(unmarshal func(any) error) error {
	var word string
	if unmarshal(&word) == nil && word == "none" {
		o.None = true
		return nil
	}
	return unmarshal(&o.Lists)
}

// ListKind says what it means to stand on an opt-out list.
type ListKind string

// The kinds of opt-out lists.
const (
	ListAllow ListKind = "allow" // whoever is not on it has opted out (the cleaned list that came back)
	ListDeny  ListKind = "deny"  // whoever is on it has opted out
)

// ListRule is one opt-out list. A list without a header is a check service's
// reply: ten digits, a comma and a line feed per row.
type ListRule struct {
	List     string        `yaml:"list"` // name in receipts: "national", "type1", "withdrawals"
	File     string        `yaml:"file"`
	Kind     ListKind      `yaml:"kind"`
	Header   []string      `yaml:"header"` // exact column names; none: a check service's reply
	Column   string        `yaml:"column"` // which of them holds the identifier
	MaxAge   time.Duration `yaml:"max_age"`
	Dated    time.Time     `yaml:"dated"`    // when it was made, if the definition knows
	Optional bool          `yaml:"optional"` // the file may be absent: then nobody is on it
	Coded    *CodedRule    `yaml:"coded"`    // the list is in the events of the extracts: there is no file
}

// PeopleRule says where the people of a dataset are found.
type PeopleRule struct {
	Table          string         `yaml:"table"`            // one row per person
	FromRows       bool           `yaml:"from_rows"`        // instead of a table: whoever a valid row of any table names, by an identifier of Kind
	Identifier     string         `yaml:"identifier"`       // column of that table that identifies a person for ever
	Key            string         `yaml:"key"`              // column of that table by which other tables name the person; default: Identifier
	Kind           IdentifierKind `yaml:"kind"`             // of Identifier
	Birth          string         `yaml:"birth"`            // column with the date of birth, if any
	Death          string         `yaml:"death"`            // column with the date of death, if any
	DeathGraceDays int            `yaml:"death_grace_days"` // how long after a death its person's dates may still lie
	LinkWithoutKey []string       `yaml:"link_without_key"` // columns that must all equal one person's, where a row names nobody

	Linkage        *LinkageRule `yaml:"linkage"`         // instead of LinkWithoutKey: passes of rules, and a model
	Local          []LocalRule  `yaml:"local"`           // columns of that table with organisations' own numbers
	Unlinked       Unlinked     `yaml:"unlinked"`        // what becomes of rows whose person Linkage, or a local number, does not find
	UnlinkedReason string       `yaml:"unlinked_reason"` // why people may be published whom no opt-out reaches
}

// IdentifierKind is what a person's identifier is.
type IdentifierKind string

// The kinds of identifiers.
const (
	IdentifierNHSNumber IdentifierKind = "nhs_number" // ten digits, modulus 11
	IdentifierOpaque    IdentifierKind = "opaque"     // any text that is not empty
)

// TableRule is the file, or the files, of which a table is made, and the table.
type TableRule struct {
	Name          string     `yaml:"name"`
	File          string     `yaml:"file"`           // a name, or a pattern of '*' and '?' that several files' names match
	Optional      bool       `yaml:"optional"`       // without a file there is no table
	Format        Format     `yaml:"format"`         // default: csv
	Resource      string     `yaml:"resource"`       // of a FHIR table: the type of its resources
	Withheld      string     `yaml:"withheld"`       // why the table is read and checked, and not published
	Encoding      string     `yaml:"encoding"`       // default: the dataset's
	Compression   string     `yaml:"compression"`    // none, gzip or zstd; default: what the file's first bytes say
	UnpackedLimit Size       `yaml:"unpacked_limit"` // largest size that one packed file may unpack to; default: 200 times its own, and 64 MiB
	Delimiter     string     `yaml:"delimiter"`      // one ASCII character, or "tab"; default: comma
	Description   string     `yaml:"description"`
	Public        bool       `yaml:"public"` // a reference table: no rows about people
	Link          bool       `yaml:"link"`   // rows without a key are linked by People.LinkWithoutKey or People.Linkage
	Local         *LocalRule `yaml:"local"`  // its column with an organisation's own numbers: the key, or where that is empty

	LinkColumns  map[string]string `yaml:"link_columns"`  // the table's own columns for those of People.Linkage; default: of the same name
	Duplicates   string            `yaml:"duplicates"`    // "reject": exact copies of earlier rows are rejected; "keep" (default)
	MayBeEmpty   bool              `yaml:"may_be_empty"`  // a file with a header and no rows is no error
	FinalNewline string            `yaml:"final_newline"` // "optional": a last line without line end is not taken for a cut file
	RejectLimit  *float64          `yaml:"reject_limit"`  // overrides the dataset's
	Columns      []ColumnRule      `yaml:"columns"`       // the file's columns, all of them, in their order
	Derived      []DerivedRule     `yaml:"derived"`
	Rules        []RowRule         `yaml:"rules"`
	Order        []string          `yaml:"order"` // published columns in the order to show them; default: as they come, derived last

	shift int // by how many days its dates move at most
}

// Format is what a table's files are.
type Format string

// The formats.
const (
	FormatCSV     Format = "csv"     // separated fields, RFC 4180, with a header
	FormatFHIR    Format = "fhir"    // FHIR R4 resources of one type, one a line (bulk export)
	FormatParquet Format = "parquet" // flat Parquet; never opened by a database
)

// Treatment says what becomes of a column.
type Treatment string

// The treatments.
const (
	TreatDrop  Treatment = "drop"  // read and checked, not published
	TreatUnit  Treatment = "unit"  // the key of the person: replaced by the unit
	TreatKeep  Treatment = "keep"  // published as it is
	TreatDay   Treatment = "day"   // a timestamp's date
	TreatMonth Treatment = "month" // a date's month, as its first day
	TreatYear  Treatment = "year"  // a date's year, as an integer

	TreatOutcode Treatment = "outcode" // the first half of a postcode
)

// ColumnRule is one column of a file.
type ColumnRule struct {
	Name        string           `yaml:"name"`
	Type        FieldType        `yaml:"type"` // default: text
	Treatment   Treatment        `yaml:"treatment"`
	As          string           `yaml:"as"` // published name, default: Name
	Class       Class            `yaml:"class"`
	Grain       string           `yaml:"grain"`
	Description string           `yaml:"description"`
	Bounds      `yaml:",inline"` // what is published lies within
	Rare        *RareRule        `yaml:"rare"`  // values of few people are grouped
	Study       string           `yaml:"study"` // the one project that may have the column; default: any

	Path        string   `yaml:"path"`         // of a FHIR table: where the value stands, see source.Path
	Format      string   `yaml:"format"`       // how dates are written, such as DD/MM/YYYY: see dateLayout; default: YYYY-MM-DD
	Missing     []string `yaml:"missing"`      // values that stand for none, such as 1800-01-01
	Required    bool     `yaml:"required"`     // an empty field is rejected
	Values      []string `yaml:"values"`       // the only values
	In          string   `yaml:"in"`           // "table.column" of a public table that must hold the value
	Min         *string  `yaml:"min"`          // of numbers, or of dates as YYYY-MM-DD
	Max         *string  `yaml:"max"`          //
	NotFuture   bool     `yaml:"not_future"`   // not after the day of publication
	AfterBirth  bool     `yaml:"after_birth"`  // not before the person's birth
	BeforeDeath bool     `yaml:"before_death"` // not after the person's death, with grace
}

// FieldType is what a column of a file holds.
type FieldType string

// The types of fields, with the type in which they are published. Nothing is
// read leniently: what is not exactly of the type is rejected.
const (
	FieldText      FieldType = "text"      // VARCHAR
	FieldInteger   FieldType = "integer"   // INTEGER: an optional minus and digits
	FieldBigint    FieldType = "bigint"    // BIGINT
	FieldNumber    FieldType = "number"    // DOUBLE: finite, with '.' for the point
	FieldDate      FieldType = "date"      // DATE: YYYY-MM-DD
	FieldTimestamp FieldType = "timestamp" // TIMESTAMP: YYYY-MM-DD HH:MM:SS, or with T, or the date alone
)

// DerivedRule is a published column that is computed from a row.
type DerivedRule struct {
	Name        string    `yaml:"name"`
	Days        *DaysRule `yaml:"days"`  // whole days between two dates
	Years       *DaysRule `yaml:"years"` // completed years between two dates, such as an age
	Bounds      `yaml:",inline"`
	Class       Class  `yaml:"class"`
	Grain       string `yaml:"grain"`
	Description string `yaml:"description"`
	Study       string `yaml:"study"` // the one project that may have it; default: any
}

// DaysRule names two date columns; the result is To − From, and NULL where
// either is absent.
type DaysRule struct {
	From string `yaml:"from"`
	To   string `yaml:"to"`
}

// RowRule must hold for every row.
type RowRule struct {
	Order  []string `yaml:"order"`  // two date columns, the second never before the first
	Reason string   `yaml:"reason"` // reason code of rows that break it, e.g. "discharged_before_admitted"
}

//go:embed definitions/*.yaml
var shipped embed.FS

// ShippedDefinition gives a definition that comes with Gatehouse, by the name
// of its dataset; ok is false if there is none.
func ShippedDefinition(dataset string) (d *Definition, ok bool) {
	b, err := shipped.ReadFile("definitions/" + dataset + ".yaml")
	if err != nil || !gatehouse.ValidName(dataset) {
		return nil, false
	}
	if d, err = ParseDefinition(dataset+".yaml", b); err != nil {
		panic("catalog: a shipped definition is invalid: " + err.Error())
	}
	return d, true
}

// ShippedText gives the file of a definition that comes with Gatehouse.
func ShippedText(dataset string) (text []byte, ok bool) {
	if !gatehouse.ValidName(dataset) {
		return nil, false
	}
	text, err := shipped.ReadFile("definitions/" + dataset + ".yaml")
	return text, err == nil
}

// ReadDefinition reads a definition from a file, or the shipped one if name is
// not a path. Errors have CodeDefinition.
func ReadDefinition(name string) (*Definition, error) {
	if !strings.ContainsAny(name, "./") {
		if d, ok := ShippedDefinition(name); ok {
			return d, nil
		}
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, gatehouse.Errorf(gatehouse.CodeDefinition, "The dataset definition %s cannot be read.", filepath.Base(name)).Because(err)
	}
	return ParseDefinition(filepath.Base(name), b)
}

// Package catalog turns identifiable extracts into datasets that a researcher
// may use: it reads a dataset definition, accounts for every row, applies
// opt-outs, gives each person a unit, and publishes immutable, signed versions.
package catalog

import (
	"fmt"
	"hash/fnv"
	"io"
	"slices"
	"time"
)

// UnitColumn is the gate-owned column of every published table about people:
// the person's unit, a dense uint32. No definition may declare a column of this
// name and no researcher's SQL can reach it.
const UnitColumn = "_unit"

// RowColumn is the gate-owned column that tells which row a row is, in one
// namespace over all tables: see Version.RowBase. It stands in no published file;
// a vault makes it from a row's place in its file.
const RowColumn = "_row"

// placeColumns are DuckDB's own names of a row's place in its file.
var placeColumns = []string{"file_row_number", "file_index", "filename"}

// PersonColumn is the name under which a workspace shows a person's pseudonym.
// It does not stand in published files: a project's population gives it.
const PersonColumn = "person_id"

// Class says how the gate treats a published column.
type Class string

// The classes of published columns.
const (
	ClassPerson    Class = "person"    // the person's identity: joined, partitioned and counted, never a value
	ClassDimension Class = "dimension" // may be a group key
	ClassMeasure   Class = "measure"   // may be aggregated
	ClassDate      Class = "date"      // may be a group key at Grain or coarser; differences are measures
	ClassQuasi     Class = "quasi"     // quasi-identifier: filter and join, never a group key
	ClassReference Class = "reference" // a column of a public table
)

// Column is one column of a published table.
type Column struct {
	Name        string `json:"name"`
	Type        string `json:"type"` // DuckDB type: VARCHAR, INTEGER, BIGINT, DOUBLE, DATE, TIMESTAMP, BOOLEAN, DECIMAL(p,s)
	Class       Class  `json:"class"`
	Grain       string `json:"grain,omitempty"`       // dates: finest grain to group by ("month", "year"); measures: rounding step of quantiles, as a decimal
	Description string `json:"description,omitempty"` // shown in the catalogue
	// Study is the one project that may have the column; "": any may.
	Study string `json:"study,omitempty"`
}

// Table is one table of a published version.
type Table struct {
	Name        string   `json:"name"`
	Description string   `json:"description,omitempty"`
	Public      bool     `json:"public"`  // a reference table: no rows about people
	Columns     []Column `json:"columns"` // as a workspace shows them: person_id first in tables about people; never _unit
	Files       []File   `json:"files"`   // Parquet, sorted by _unit
	Rows        int64    `json:"rows"`
	People      int64    `json:"people"`            // distinct units; 0 for public tables
	Carried     int64    `json:"carried,omitempty"` // of Rows, those that are the version before's
}

// ColumnsOf are the columns that a project may know of: without those of other
// studies. "" stands for everybody.
func (t Table) ColumnsOf(project string) []Column {
	return slices.DeleteFunc(slices.Clone(t.Columns), func(c Column) bool { return c.Study != "" && c.Study != project })
}

// File is one file of a version, by its path below the version's folder.
type File struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"` // lower-case hex
	Bytes  int64  `json:"bytes"`
	// Masked says that rows of the people in Version.Superseded do not count: the
	// file is shared with an earlier version, and their later rows stand in another.
	Masked bool `json:"masked,omitempty"`
}

// Version is an immutable published snapshot of a dataset, as its manifest
// describes it. Folder is where it stands on this machine.
type Version struct {
	Dataset   string    `json:"dataset"`
	Number    int       `json:"number"`
	Title     string    `json:"title"`
	Custodian string    `json:"custodian"` // the organisation
	Published time.Time `json:"published"`
	Units     int64     `json:"units"`      // distinct people in the version
	UnitsFile File      `json:"units_file"` // Parquet with the one column _unit, ascending: everyone in the version
	Tables    []Table   `json:"tables"`
	Accounts  []Account `json:"accounts"` // what became of every row of every extract
	Receipts  []Receipt `json:"receipts"` // the opt-out lists that were applied
	// NoOptOuts is why no list was applied; "" where lists were.
	NoOptOuts string `json:"no_opt_outs,omitempty"`
	// Family names the person index that gave the units: across versions and
	// datasets of one family, a unit is the same person; elsewhere it is another.
	Family string `json:"family"`
	// IndexChanges is how many identifiers that index had seen move by merges and
	// splits when the version was made.
	IndexChanges int64 `json:"index_changes,omitempty"`
	// Linkage tells how rows that bear no identifier found their people. OwnUnits is
	// how many people of the version are local numbers that fit nobody, whom no opt-out
	// by another number reaches, and UnlinkedReason why they may be published.
	Linkage []LinkageCount `json:"linkage,omitempty"`
	// ShiftedDays is by how many days the dates of each person moved at most; 0: none did.
	ShiftedDays int `json:"shifted_days,omitempty"`
	// CommonDates are the columns, as table.column, of dates that moved of which one is so
	// common that who knows it can guess by how much.
	CommonDates      []string `json:"common_dates,omitempty"`
	OwnUnits         int64    `json:"own_units,omitempty"`
	UnlinkedReason   string   `json:"unlinked_reason,omitempty"`
	DefinitionSHA256 string   `json:"definition_sha256"` // of the definition file
	// Quality has the checks of the definition, and Risk how alone people are: for
	// custodians.
	Quality []QualityMark `json:"quality,omitempty"`
	Risk    *Risk         `json:"risk,omitempty"`
	// Listing is what catalogues say of the dataset.
	Listing     *Listing `json:"listing,omitempty"`
	PublishedBy string   `json:"published_by"` // user name
	// Before is the version that this one followed: its number and the SHA-256 of
	// its manifest. The manifests of a dataset are a chain. nil for the first.
	Before *Link `json:"before,omitempty"`
	// Superseded is a Parquet file with the one column _unit, ascending: whose rows
	// in masked files do not count. nil where no file is masked.
	Superseded *File `json:"superseded,omitempty"`
	// Changes says that the accounts are of an extract of changes alone: every other
	// person's rows are those of Before.
	Changes bool   `json:"changes,omitempty"`
	Folder  string `json:"-"`
}

// Link names a version and its manifest.
type Link struct {
	Number   int    `json:"number"`
	Manifest string `json:"manifest"` // SHA-256 of manifest.json, lower-case hex
}

// Name is the version's name as people write it: "shared_care@3".
func (v Version) Name() string { return fmt.Sprintf("%s@%d", v.Dataset, v.Number) }

// Bounds of a published table, so that each of its rows has a number of its own.
const (
	rowBits    = 32 // of a row's number in its file
	fileBits   = 7  // of a file's number in its table
	TableFiles = 1 << fileBits
)

// RowBase is what the numbers of a table's rows begin at: row r of file f is
// base + f<<32 + r. The base is never 0, so that the numbers below 1<<39 are free
// to stand for people, and bit 63 is clear, so that those with it are free for
// rows that a question makes of several.
func (v Version) RowBase(table string) uint64 {
	h := fnv.New32a()
	_, _ = io.WriteString(h, v.Name()+"/"+table) // a hash takes every byte
	tag := h.Sum32()
	if tag = (tag>>24 ^ tag) & 0xffffff; tag == 0 {
		tag = 1
	}
	return uint64(tag) << (rowBits + fileBits)
}

// Account is the balance of one extract: Read = Published + OptedOut + Withheld +
// Σ Rejected, always; a version whose accounts do not balance is not published.
type Account struct {
	Table     string           `json:"table"`
	Extract   string           `json:"extract"` // file name, without folder
	SHA256    string           `json:"sha256"`  // of the file
	Read      int64            `json:"read"`    // records found in the file, the header left out
	Published int64            `json:"published"`
	OptedOut  int64            `json:"opted_out"`
	Withheld  int64            `json:"withheld,omitempty"` // rows of a table that the definition does not publish
	Rejected  map[string]int64 `json:"rejected"`           // by reason code, e.g. "nhs_number_check_digit"
}

// Balanced reports whether every record read is accounted for exactly once.
func (a Account) Balanced() bool {
	n := a.Published + a.OptedOut + a.Withheld
	for _, r := range a.Rejected {
		n += r
	}
	return n == a.Read
}

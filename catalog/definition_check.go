package catalog

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog/source"
)

// checker collects what is wrong with a definition.
type checker struct {
	d      *Definition
	faults []string
}

// fault notes a fault at a path of the file.
func (c *checker) fault(path, format string, args ...any) {
	c.faults = append(c.faults, fmt.Sprintf("%s line %d: %s.", c.d.file, c.d.lines.of(path), fmt.Sprintf(format, args...)))
}

// want notes a fault unless ok.
func (c *checker) want(ok bool, path, format string, args ...any) {
	if !ok {
		c.fault(path, format, args...)
	}
}

var (
	columnPattern   = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)
	resourcePattern = regexp.MustCompile(`^[A-Z][A-Za-z]{2,40}$`)
	reasonPattern   = regexp.MustCompile(`^[a-z][a-z0-9_]{2,62}$`)
)

// baseName holds for plain file names, which cannot leave the extracts folder.
func baseName(s string) bool {
	return s != "" && filepath.Base(s) == s && s != "." && s != ".." && !strings.ContainsAny(s, "\x00\n")
}

// check gives every fault of the definition, one sentence each.
func (d *Definition) check() []string {
	c := &checker{d: d}
	c.want(gatehouse.ValidName(d.Dataset), "$.dataset", "dataset must be a name of lower-case letters, digits, '_' and '-'")
	c.want(d.Title != "", "$.title", "title is missing")
	c.want(d.Custodian != "", "$.custodian", "custodian is missing")
	c.encoding("$.encoding", d.Encoding)
	c.want(d.RejectLimit >= 0 && d.RejectLimit <= 1, "$.reject_limit", "reject_limit is a share from 0 to 1")
	c.want(d.RejectFloor >= 0, "$.reject_floor", "reject_floor cannot be negative")
	c.want(d.Index == d.Dataset || gatehouse.ValidName(d.Index), "$.index", "index must be a name of lower-case letters, digits, '_' and '-'")
	c.want(len(d.Tables) > 0, "$.tables", "there are no tables")
	c.optOuts()
	d.Listing.check(c)
	names := make(map[string]bool)
	for i, t := range d.Tables {
		path := fmt.Sprintf("$.tables[%d]", i)
		c.want(!names[t.Name], path+".name", "the table name %q is used twice", t.Name)
		names[t.Name] = true
		c.table(path, t)
	}
	c.people()
	c.shifts()
	d.checkQuality(c)
	return c.faults
}

// fromRows checks a definition whose people are those whom its rows name.
func (c *checker) fromRows(p PeopleRule, path string) {
	c.want(p.Kind == IdentifierNHSNumber || p.Kind == IdentifierOpaque, path+".kind", "people.kind must be nhs_number or opaque")
	c.want(p.Table == "" && p.Identifier == "" && p.Key == "" && p.Birth == "" && p.Death == "" && len(p.LinkWithoutKey) == 0 && p.Linkage == nil && len(p.Local) == 0 && p.Unlinked == "", path+".from_rows",
		"people.from_rows takes the place of a table of people, so nothing else but kind is said of it")
	c.want(slices.ContainsFunc(c.d.Tables, func(t TableRule) bool { return t.key() >= 0 }), path+".from_rows", "no table is about people")
	for j, other := range c.d.Tables {
		c.want(!other.Link && other.Local == nil && len(other.LinkColumns) == 0, fmt.Sprintf("$.tables[%d].link", j), "link and local need a table of people")
	}
}

// format checks that what a table says of its files suits their format.
func (c *checker) format(path string, t TableRule) {
	switch t.Format {
	case FormatCSV:
	case FormatFHIR:
		c.want(resourcePattern.MatchString(t.Resource), path+".resource", "resource must be the type of the table's resources, such as Patient")
		c.want(t.Encoding == EncodingUTF8, path+".encoding", "FHIR resources are utf-8")
	case FormatParquet:
		c.want(t.Encoding == EncodingUTF8 && t.Compression == "", path+".format", "a Parquet file has no encoding or compression of its own to declare")
	default:
		c.fault(path+".format", "format must be csv, fhir or parquet")
	}
	c.want(t.Format == FormatFHIR || t.Resource == "", path+".resource", "only a table of format fhir has a resource")
	for i, column := range t.Columns {
		at := fmt.Sprintf("%s.columns[%d].path", path, i)
		if t.Format != FormatFHIR {
			c.want(column.Path == "", at, "only a column of a table of format fhir has a path")
			continue
		}
		_, err := source.ParsePath(column.Path)
		c.want(err == nil, at, "column %s: %v", column.Name, err)
	}
}

func (c *checker) encoding(path, encoding string) {
	switch source.Encoding(encoding) {
	case source.EncodingUTF8, source.EncodingWindows1252, source.EncodingUTF16, source.EncodingUTF16LE, source.EncodingUTF16BE:
		return
	}
	c.fault(path, "encoding must be utf-8, windows-1252, utf-16, utf-16le or utf-16be")
}

func (c *checker) optOuts() {
	d := c.d
	if d.OptOuts.None {
		c.want(strings.TrimSpace(d.OptOutsReason) != "", "$.opt_outs", "opt_outs: none needs opt_outs_reason, which says why nobody's opt-out applies")
		return
	}
	c.want(d.OptOutsReason == "", "$.opt_outs_reason", "opt_outs_reason is only for opt_outs: none")
	c.want(len(d.OptOuts.Lists) > 0, "$.opt_outs", "opt_outs is missing: name the lists to apply, or say none with opt_outs_reason")
	names := make(map[string]bool)
	for i, l := range d.OptOuts.Lists {
		path := fmt.Sprintf("$.opt_outs[%d]", i)
		c.want(gatehouse.ValidName(l.List), path+".list", "list must be a name of lower-case letters, digits, '_' and '-'")
		c.want(!names[l.List], path+".list", "the list name %q is used twice", l.List)
		names[l.List] = true
		if l.Coded != nil {
			c.coded(path, l)
			continue
		}
		c.want(baseName(l.File), path+".file", "file must be the name of a file in the extracts folder")
		c.want(l.Kind == ListAllow || l.Kind == ListDeny, path+".kind", "kind must be allow or deny")
		c.want(!(l.Kind == ListAllow && l.Optional), path+".optional", "an allow-list cannot be optional: without it nobody may be published")
		c.want(l.MaxAge >= 0, path+".max_age", "max_age cannot be negative")
		if len(l.Header) > 0 {
			c.want(slices.Contains(l.Header, l.Column), path+".column", "column must be one of the list's header")
			c.unique(path+".header", "header", l.Header)
		} else {
			c.want(l.Column == "", path+".column", "a list without a header has no columns")
			c.want(d.People.Kind == IdentifierNHSNumber, path+".header", "a list without a header holds NHS numbers; this dataset's identifiers are others")
		}
	}
}

// coded checks a list that is in the events.
func (c *checker) coded(path string, l ListRule) {
	c.want(l.File == "" && len(l.Header) == 0 && l.Column == "" && !l.Optional, path, "the coded list %s is in the events: it has no file, header or column, and is not optional", l.List)
	c.want(l.Kind == ListDeny, path+".kind", "a coded list is of kind deny")
	c.want(l.MaxAge >= 0, path+".max_age", "max_age cannot be negative")
	t, ok := c.d.table(l.Coded.Table)
	if !ok || t.Public || t.Name == c.d.People.Table {
		c.fault(path+".coded", "coded.table must name a table of events")
		return
	}
	_, i := t.column(l.Coded.Code)
	c.want(i >= 0, path+".coded", "coded.code must name a column of %s", t.Name)
	c.dates(path+".coded", t, l.Coded.Date)
	for _, code := range slices.Concat(l.Coded.Dissent, l.Coded.Withdrawn) {
		c.want(code != "" && string(plainCode([]byte(code))) == code, path+".coded", "a code is written without padding, dots and term code")
	}
	for _, code := range l.Coded.Withdrawn {
		c.want(!slices.Contains(l.Coded.Dissent, code), path+".coded", "the code %s stands for dissent and for its withdrawal", code)
	}
}

func (c *checker) unique(path, what string, names []string) {
	seen := make(map[string]bool)
	for _, n := range names {
		c.want(!seen[n], path, "%s names %q twice", what, n)
		seen[n] = true
	}
}

func (c *checker) people() {
	p, path := c.d.People, "$.people"
	if p.FromRows {
		c.fromRows(p, path)
		return
	}
	t, ok := c.d.table(p.Table)
	if !ok || t.Public {
		c.fault(path+".table", "people.table must name a table about people")
		return
	}
	c.want(p.Kind == IdentifierNHSNumber || p.Kind == IdentifierOpaque, path+".kind", "people.kind must be nhs_number or opaque")
	identifier, i := t.column(p.Identifier)
	c.want(i >= 0 && !identifier.published(), path+".identifier", "people.identifier must name a column of %s that is not published", t.Name)
	key, i := t.column(p.Key)
	c.want(i >= 0 && key.Treatment == TreatUnit, path+".key", "the column that names the person in %s must have treatment unit", t.Name)
	dated := func(name, key string) {
		if name == "" {
			return
		}
		column, i := t.column(name)
		c.want(i >= 0 && column.Type == FieldDate, path+"."+key, "people.%s must name a date column of %s", key, t.Name)
		if key == "birth" {
			c.want(!(column.Treatment == TreatKeep || column.Treatment == TreatDay), path+"."+key, "a full date of birth is never published: treat %s as month, year or drop", name)
		}
	}
	dated(p.Birth, "birth")
	dated(p.Death, "death")
	c.want(p.DeathGraceDays >= 0, path+".death_grace_days", "death_grace_days cannot be negative")
	for _, name := range p.LinkWithoutKey {
		column, i := t.column(name)
		c.want(i >= 0 && !(column.published() && column.Treatment == TreatKeep), path+".link_without_key", "link_without_key must name columns of %s that are not published as they are", t.Name)
		for j, other := range c.d.Tables {
			if other.Link {
				_, k := other.column(name)
				c.want(k >= 0, fmt.Sprintf("$.tables[%d].link", j), "%s is linked, but has no column %s", other.Name, name)
			}
		}
	}
	for j, other := range c.d.Tables {
		if other.Link {
			c.want((len(p.LinkWithoutKey) > 0 || p.Linkage != nil) && other.Name != t.Name && !other.Public, fmt.Sprintf("$.tables[%d].link", j),
				"link needs people.linkage or people.link_without_key, and a table about people other than %s", t.Name)
		}
	}
	for j, other := range c.d.Tables {
		c.want(other.Local == nil || p.Key == p.Identifier, fmt.Sprintf("$.tables[%d].local", j),
			"local needs rows that name people by people.identifier: where people.key is another column, a row that bears both would not say whose its local number is")
	}
	c.linkage(t)
}

func (c *checker) table(path string, t TableRule) {
	c.want(gatehouse.ValidName(t.Name), path+".name", "a table's name is made of lower-case letters, digits, '_' and '-'")
	c.want(t.Name != "units", path+".name", "no table may be called units")
	c.want(baseName(t.File) && !strings.HasPrefix(t.File, "."), path+".file", "file must be the name of a file in the extracts folder, or a pattern of such names")
	c.encoding(path+".encoding", t.Encoding)
	c.format(path, t)
	c.want(!t.Optional || t.Name != c.d.People.Table, path+".optional", "the table of the people cannot be optional")
	switch source.Compression(t.Compression) {
	case source.CompressionDetect, source.CompressionNone, source.CompressionGzip, source.CompressionZstd:
	default:
		c.fault(path+".compression", "compression must be none, gzip or zstd")
	}
	c.want(len(t.Delimiter) == 1 && !strings.ContainsAny(t.Delimiter, "\"\r\n") && t.Delimiter[0] < 0x80, path+".delimiter", "delimiter must be one ASCII character, not a quote")
	c.want(t.Duplicates == "keep" || t.Duplicates == "reject", path+".duplicates", "duplicates must be keep or reject")
	c.want(t.FinalNewline == "" || t.FinalNewline == "optional", path+".final_newline", "final_newline can only be optional")
	c.want(*t.RejectLimit >= 0 && *t.RejectLimit <= 1, path+".reject_limit", "reject_limit is a share from 0 to 1")
	c.want(len(t.Columns) > 0, path+".columns", "table %s has no columns", t.Name)

	names := make(map[string]bool)
	published := make(map[string]bool)
	units := 0
	publish := func(path, name string) {
		c.want(columnPattern.MatchString(name), path, "the published name %q is not made of lower-case letters, digits and '_'", name)
		c.want(name != UnitColumn && name != RowColumn && name != PersonColumn && !slices.Contains(placeColumns, name), path, "the name %s is the gate's own", name)
		c.want(!published[name], path, "table %s would publish column %s twice", t.Name, name)
		published[name] = true
	}
	for i, column := range t.Columns {
		at := fmt.Sprintf("%s.columns[%d]", path, i)
		c.want(column.Name != "", at+".name", "column %d of table %s has no name", i+1, t.Name)
		c.want(!names[column.Name], at+".name", "table %s has column %s twice", t.Name, column.Name)
		names[column.Name] = true
		if column.Treatment == TreatUnit {
			units++
		}
		c.column(at, t, column)
		if column.published() && column.Treatment != "" {
			publish(at, column.As)
		}
	}
	if t.Withheld != "" {
		c.want(!t.Public && !t.Link && units == 0 && len(published) == 0 && len(t.Derived) == 0, path+".withheld",
			"table %s is withheld, so each of its columns is treated as drop, and it is neither public nor linked", t.Name)
	} else if t.Public {
		c.want(units == 0, path, "public table %s cannot have a column with treatment unit", t.Name)
		c.want(!t.Link, path+".link", "public table %s cannot be linked to people", t.Name)
	} else {
		c.want(units == 1, path, "table %s needs exactly one column with treatment unit (or public: true)", t.Name)
	}
	for i, derived := range t.Derived {
		at := fmt.Sprintf("%s.derived[%d]", path, i)
		publish(at+".name", derived.Name)
		if (derived.Days == nil) == (derived.Years == nil) {
			c.fault(at, "derived column %s does not say how (days: {from, to}, or years: {from, to})", derived.Name)
			continue
		}
		between, as := derived.interval()
		c.dates(at, t, between.From, between.To)
		c.want(derived.Days == nil || t.Name != c.d.People.Table || between.From != c.d.People.Birth && between.To != c.d.People.Birth, at+".days",
			"days since a birth tell the date of birth: say years")
		c.coarse(at, t, derived.Name, "INTEGER", kindInteger, as, derived.Bounds, nil)
		c.class(at, t, derived.Name, derived.Class, derived.Grain, "INTEGER")
	}
	for i, rule := range t.Rules {
		at := fmt.Sprintf("%s.rules[%d]", path, i)
		c.want(reasonPattern.MatchString(rule.Reason), at+".reason", "a rule needs a reason code of lower-case letters, digits and '_'")
		if len(rule.Order) != 2 {
			c.fault(at+".order", "order must name two date columns")
			continue
		}
		c.dates(at+".order", t, rule.Order[0], rule.Order[1])
	}
	if len(t.Order) > 0 {
		c.unique(path+".order", "order", t.Order)
		for _, name := range t.Order {
			c.want(published[name], path+".order", "order names %s, which table %s does not publish", name, t.Name)
		}
		c.want(len(t.Order) == len(published), path+".order", "order must name every published column of table %s", t.Name)
	}
	c.want(len(published) > 0 || !t.Public, path, "table %s would publish nothing", t.Name)
}

func (c *checker) dates(path string, t TableRule, names ...string) {
	for _, name := range names {
		column, i := t.column(name)
		c.want(i >= 0 && (column.Type == FieldDate || column.Type == FieldTimestamp), path, "%q is not a date column of table %s", name, t.Name)
	}
}

func (c *checker) column(path string, t TableRule, column ColumnRule) {
	dated := column.Type == FieldDate || column.Type == FieldTimestamp
	switch column.Type {
	case FieldText, FieldInteger, FieldBigint, FieldNumber, FieldDate, FieldTimestamp:
	default:
		c.fault(path+".type", "column %s has the unknown type %q", column.Name, column.Type)
		return
	}
	switch column.Treatment {
	case TreatDrop, TreatKeep:
	case TreatUnit:
		c.want(column.Type == FieldText, path+".type", "column %s has treatment unit and so must be text", column.Name)
	case TreatDay:
		c.want(column.Type == FieldTimestamp, path+".treatment", "treatment day of column %s needs a timestamp", column.Name)
	case TreatMonth, TreatYear:
		c.want(dated, path+".treatment", "treatment %s of column %s needs a date", column.Treatment, column.Name)
	case TreatOutcode:
		c.want(column.Type == FieldText, path+".treatment", "treatment outcode of column %s needs text", column.Name)
	case "":
		c.fault(path, "column %s of table %s has no treatment: say drop, keep, unit, day, month, year or outcode", column.Name, t.Name)
		return
	default:
		c.fault(path+".treatment", "column %s has the unknown treatment %q", column.Name, column.Treatment)
		return
	}
	if column.published() {
		c.class(path, t, column.As, column.Class, column.Grain, column.publishedType())
		c.coarse(path, t, column.Name, column.publishedType(), kinds[column.Type], forms[column.Treatment], column.Bounds, column.Rare)
	} else {
		c.want(column.Bounds.none() && column.Rare == nil, path, "column %s is not published, so it has no top, bottom or rare values", column.Name)
		c.want(column.Class == "" && column.As == "" && column.Grain == "", path, "column %s is not published, so it has no class, grain or other name", column.Name)
	}
	c.want(dated || !(column.NotFuture || column.AfterBirth || column.BeforeDeath), path, "column %s is not a date, so it cannot lie before or after one", column.Name)
	c.want(!(t.Public && (column.AfterBirth || column.BeforeDeath)), path, "table %s is not about people, so nothing in it follows a birth or a death", t.Name)
	if column.AfterBirth || column.BeforeDeath {
		c.want(t.Name != c.d.People.Table, path, "in %s itself, compare the dates with a rule", t.Name)
		c.want(!column.AfterBirth || c.d.People.Birth != "", path+".after_birth", "after_birth needs people.birth")
		c.want(!column.BeforeDeath || c.d.People.Death != "", path+".before_death", "before_death needs people.death")
	}
	for key, s := range map[string]*string{"min": column.Min, "max": column.Max} {
		if s != nil {
			_, err := column.bound(*s)
			c.want(err == nil, path+"."+key, "%s of column %s does not suit its type", key, column.Name)
		}
	}
	if column.Format != "" {
		_, err := parseLayout(column.Format, column.Type)
		c.want(dated, path+".format", "column %s is not a date, so it has no format", column.Name)
		c.want(err == nil, path+".format", "column %s: %v", column.Name, err)
	}
	c.unique(path+".missing", "missing", column.Missing)
	c.want(len(column.Missing) == 0 || column.Treatment != TreatUnit, path+".missing", "column %s names the person, so nothing in it stands for no value", column.Name)
	c.want(len(column.Values) == 0 || column.Type == FieldText, path+".values", "values of column %s need text", column.Name)
	c.unique(path+".values", "values", column.Values)
	if column.In != "" {
		table, name := column.reference()
		other, ok := c.d.table(table)
		_, i := other.column(name)
		c.want(ok && other.Public && !other.Optional && i >= 0 && other.Columns[i].Type == column.Type && column.Type == FieldText && !t.Public, path+".in",
			"in of column %s must name a text column of a public table, as table.column", column.Name)
	}
}

// class checks that a published column's class suits its type.
func (c *checker) class(path string, t TableRule, name string, class Class, grain, duckType string) {
	if t.Public {
		c.want(class == ClassReference, path+".class", "columns of public table %s are of class reference", t.Name)
		return
	}
	switch class {
	case ClassDimension, ClassQuasi:
	case ClassDate:
		c.want(duckType == "DATE" || duckType == "TIMESTAMP", path+".class", "column %s is not a date", name)
		c.want(grain == "month" || grain == "year", path+".grain", "date column %s needs a grain: month or year", name)
	case ClassMeasure:
		c.want(duckType == "INTEGER" || duckType == "BIGINT" || duckType == "DOUBLE", path+".class", "measure %s is not a number", name)
		if grain != "" {
			step, err := strconv.ParseFloat(grain, 64)
			c.want(err == nil && step > 0, path+".grain", "the grain of measure %s is a step above zero", name)
		}
	case "":
		c.fault(path, "column %s of table %s has no class: say dimension, measure, date or quasi", name, t.Name)
	default:
		c.fault(path+".class", "column %s cannot be of class %q", name, class)
	}
}

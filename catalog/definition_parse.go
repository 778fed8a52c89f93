package catalog

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/gatehouse-tre/gatehouse"
)

// ParseDefinition reads and checks a definition; file is its name for messages.
// Every fault that is found is named with its line; the error has CodeDefinition.
func ParseDefinition(file string, b []byte) (*Definition, error) {
	d := &Definition{file: file}
	tree, err := parser.ParseBytes(b, 0)
	if err != nil {
		return nil, d.syntax(err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(b), yaml.Strict())
	if err := decoder.Decode(d); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, gatehouse.Errorf(gatehouse.CodeDefinition, "%s: the definition is empty.", file)
		}
		return nil, d.syntax(err)
	}
	if len(tree.Docs) != 1 {
		return nil, gatehouse.Errorf(gatehouse.CodeDefinition, "%s: a definition is one YAML document, not several.", file)
	}
	d.lines = lines{tree}
	d.defaults()
	if faults := d.check(); len(faults) > 0 {
		return nil, gatehouse.Errorf(gatehouse.CodeDefinition, "%s", strings.Join(faults, "\n"))
	}
	sum := sha256.Sum256(b)
	d.SHA256 = hex.EncodeToString(sum[:])
	return d, nil
}

// syntax renders an error of the YAML reader: its line and one sentence.
func (d *Definition) syntax(err error) error {
	var e yaml.Error
	if !errors.As(err, &e) {
		return gatehouse.Errorf(gatehouse.CodeDefinition, "%s: the definition is not valid YAML.", d.file).Because(err)
	}
	message := strings.TrimSuffix(strings.TrimSpace(e.GetMessage()), ".")
	if t := e.GetToken(); t != nil && t.Position != nil {
		return gatehouse.Errorf(gatehouse.CodeDefinition, "%s line %d: %s.", d.file, t.Position.Line, message)
	}
	return gatehouse.Errorf(gatehouse.CodeDefinition, "%s: %s.", d.file, message)
}

// lines finds the line of a place in the definition, for messages.
type lines struct{ tree *ast.File }

// of gives the line of a path such as "$.tables[2].columns[0].type", or of the
// nearest place above it that exists.
func (l lines) of(path string) int {
	for path != "$" && path != "" {
		p, err := yaml.PathString(path)
		if err == nil {
			if node, err := p.FilterFile(l.tree); err == nil && node != nil && node.GetToken() != nil {
				return firstLine(node)
			}
		}
		path = path[:max(strings.LastIndexByte(path, '.'), 0)]
	}
	return 1
}

// firstLine is the line where a node begins; a mapping's own token is its first ':'.
func firstLine(node ast.Node) int {
	switch n := node.(type) {
	case *ast.MappingNode:
		if len(n.Values) > 0 {
			return n.Values[0].Key.GetToken().Position.Line
		}
	case *ast.MappingValueNode:
		return n.Key.GetToken().Position.Line
	}
	return node.GetToken().Position.Line
}

// defaults fills in what a definition may leave out.
func (d *Definition) defaults() {
	if d.Encoding == "" {
		d.Encoding = EncodingUTF8
	}
	if d.Index == "" {
		d.Index = d.Dataset
	}
	if d.People.Key == "" {
		d.People.Key = d.People.Identifier
	}
	for i := range d.OptOuts.Lists {
		l := &d.OptOuts.Lists[i]
		if l.Coded == nil {
			continue
		}
		if l.Kind == "" {
			l.Kind = ListDeny
		}
		if len(l.Coded.Dissent) == 0 {
			l.Coded.Dissent = DissentCodes
		}
	}
	for i := range d.Tables {
		t := &d.Tables[i]
		switch t.Delimiter {
		case "":
			t.Delimiter = ","
		case "tab":
			t.Delimiter = "\t"
		}
		if t.Format == "" {
			t.Format = FormatCSV
		}
		if t.Encoding == "" {
			t.Encoding = d.Encoding
		}
		if t.Duplicates == "" {
			t.Duplicates = "keep"
		}
		if t.RejectLimit == nil {
			t.RejectLimit = &d.RejectLimit
		}
		if d.ShiftDates != nil && !t.Public {
			t.shift = d.ShiftDates.Days
		}
		for j := range t.Columns {
			c := &t.Columns[j]
			if c.Type == "" {
				c.Type = FieldText
			}
			if t.Format == FormatFHIR && c.Format == "" && c.dated() {
				c.Format = layoutFHIR
			}
			if c.As == "" && c.published() {
				c.As = c.Name
			}
			if c.Rare != nil && c.Rare.As == "" {
				c.Rare.As = "other"
			}
			if t.Public && c.published() && c.Class == "" {
				c.Class = ClassReference
			}
		}
	}
}

func (c ColumnRule) published() bool { return c.Treatment != TreatDrop && c.Treatment != TreatUnit }

func (c ColumnRule) dated() bool { return c.Type == FieldDate || c.Type == FieldTimestamp }

// place names a column in the custodian's report.
func (c ColumnRule) place() string {
	if c.Path != "" {
		return c.Path
	}
	return c.Name
}

// publishedType is the DuckDB type in which a column is published.
func (c ColumnRule) publishedType() string {
	switch c.Treatment {
	case TreatYear:
		return "INTEGER"
	case TreatMonth, TreatDay:
		return "DATE"
	}
	switch c.Type {
	case FieldInteger:
		return "INTEGER"
	case FieldBigint:
		return "BIGINT"
	case FieldNumber:
		return "DOUBLE"
	case FieldDate:
		return "DATE"
	case FieldTimestamp:
		return "TIMESTAMP"
	}
	return "VARCHAR"
}

// interval gives the dates that a derived column lies between, and its form; nil if it
// does not say.
func (r DerivedRule) interval() (*DaysRule, form) {
	if r.Years != nil {
		return r.Years, formYears
	}
	return r.Days, formDays
}

// columns are the published columns of a table in the order to show them, the
// person first in tables about people.
func (t TableRule) columns() []Column {
	byName := make(map[string]Column)
	var order []string
	add := func(c Column) {
		byName[c.Name] = c
		order = append(order, c.Name)
	}
	for _, c := range t.Columns {
		if c.published() {
			add(Column{Name: c.As, Type: c.publishedType(), Class: c.Class, Grain: c.Grain, Study: c.Study,
				Description: describe(c.Description, t.coarseness(c))})
		}
	}
	for _, c := range t.Derived {
		add(Column{Name: c.Name, Type: "INTEGER", Class: c.Class, Grain: c.Grain, Study: c.Study, Description: describe(c.Description, coarseness(c.Bounds, nil, false))})
	}
	if len(t.Order) > 0 {
		order = t.Order
	}
	var out []Column
	if !t.Public {
		out = append(out, Column{Name: PersonColumn, Type: "VARCHAR", Class: ClassPerson, Description: "The project's pseudonym of the person."})
	}
	for _, name := range order {
		out = append(out, byName[name])
	}
	return out
}

// table finds a table by name.
func (d *Definition) table(name string) (TableRule, bool) {
	for _, t := range d.Tables {
		if t.Name == name {
			return t, true
		}
	}
	return TableRule{}, false
}

// column finds a column of the file by name, and its position.
func (t TableRule) column(name string) (ColumnRule, int) {
	for i, c := range t.Columns {
		if c.Name == name {
			return c, i
		}
	}
	return ColumnRule{}, -1
}

// key is the position of the column that names the person, -1 in public tables.
func (t TableRule) key() int {
	for i, c := range t.Columns {
		if c.Treatment == TreatUnit {
			return i
		}
	}
	return -1
}

// reference splits "table.column".
func (c ColumnRule) reference() (table, column string) {
	table, column, _ = strings.Cut(c.In, ".")
	return table, column
}

// bound reads a Min or Max in the column's type: numbers as they are, dates in days.
func (c ColumnRule) bound(s string) (float64, error) {
	switch c.Type {
	case FieldInteger, FieldBigint, FieldNumber:
		return strconv.ParseFloat(s, 64)
	case FieldDate, FieldTimestamp:
		days, ok := parseDate([]byte(s))
		if !ok {
			return 0, fmt.Errorf("%q is not a date", s)
		}
		return float64(days), nil
	}
	return 0, errors.New("text has no range")
}

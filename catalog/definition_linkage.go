package catalog

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/gatehouse-tre/gatehouse/catalog/linkage"
)

// LinkageRule says how rows that bear no identifier find their person: see the
// package linkage.
type LinkageRule struct {
	Fields        []LinkField `yaml:"fields"`
	Passes        []LinkPass  `yaml:"passes"`
	Probabilistic *LinkModel  `yaml:"probabilistic"` // for rows that no pass has linked
}

// LinkField is a column of the table of people by which rows are compared.
type LinkField struct {
	Column    string       `yaml:"column"`
	Kind      linkage.Kind `yaml:"kind"`
	Frequency bool         `yaml:"frequency"` // rare values say more
	Decisive  bool         `yaml:"decisive"`  // who differs outright is somebody else
	SwapWith  string       `yaml:"swap_with"` // the name that it is sometimes exchanged with
}

// LinkPass is an exact rule: all of On equal one person's, and nobody else's. Of a
// column a part may be taken: "born:year", "postcode:outcode", "family:soundex",
// "given:1".
type LinkPass struct {
	Name string   `yaml:"name"`
	On   []string `yaml:"on"`
}

// LinkModel is the probabilistic part.
type LinkModel struct {
	Threshold float64    `yaml:"threshold"` // least probability of a link, above 0.5
	Blocks    [][]string `yaml:"blocks"`    // whoever agrees in all of one of them is compared
}

// LocalRule is a column of an organisation's own numbers of people.
type LocalRule struct {
	Organisation string `yaml:"organisation"`
	Column       string `yaml:"column"`
}

// Unlinked says what becomes of rows whose person is not found.
type Unlinked string

// What may become of them.
const (
	UnlinkedDrop    Unlinked = "drop"     // they are rejected, with the reason
	UnlinkedOwnUnit Unlinked = "own_unit" // each local number that fits nobody is a person of its own
)

// rules are those of the package linkage. A column may be named with a part of it.
func (r *LinkageRule) rules() linkage.Rules {
	parts := func(names []string) (out []linkage.Part) {
		for _, name := range names {
			field, of, _ := strings.Cut(name, ":")
			out = append(out, linkage.Part{Field: field, Of: of})
		}
		return out
	}
	var out linkage.Rules
	for _, f := range r.Fields {
		out.Fields = append(out.Fields, linkage.Field{Name: f.Column, Kind: f.Kind, Frequency: f.Frequency, Decisive: f.Decisive, SwapWith: f.SwapWith})
	}
	for _, p := range r.Passes {
		out.Passes = append(out.Passes, linkage.Pass{Name: p.Name, On: parts(p.On)})
	}
	if m := r.Probabilistic; m != nil {
		out.Model = &linkage.Model{Threshold: m.Threshold}
		for _, b := range m.Blocks {
			out.Model.Blocks = append(out.Model.Blocks, parts(b))
		}
	}
	return out
}

// linkColumn is the column of a linked table that holds what a column of the table
// of people holds.
func (t TableRule) linkColumn(name string) (ColumnRule, int) {
	if as, ok := t.LinkColumns[name]; ok {
		name = as
	}
	return t.column(name)
}

// keyIsLocal reports whether the rows of a table name people by an organisation's
// own number.
func (t TableRule) keyIsLocal() bool {
	k := t.key()
	return t.Local != nil && k >= 0 && t.Columns[k].Name == t.Local.Column
}

// byNumberOrName reports whether rows of any table find their person otherwise than
// by its key, or by columns that must all be equal.
func (d *Definition) byNumberOrName() bool {
	return d.People.Linkage != nil || slices.ContainsFunc(d.Tables, func(t TableRule) bool { return t.Local != nil })
}

var organisationPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$`)

// passPattern keeps the names of passes apart from the other outcomes.
var passPattern = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

// linkage checks how rows find people that they do not name.
func (c *checker) linkage(people TableRule) {
	p, path := c.d.People, "$.people"
	if p.Linkage != nil {
		c.linkageRule(people)
		c.want(len(p.LinkWithoutKey) == 0, path+".link_without_key", "people.linkage takes the place of link_without_key")
	}
	organisations := make(map[string]bool)
	for i, l := range p.Local {
		at := fmt.Sprintf("%s.local[%d]", path, i)
		c.local(at, people, l)
		c.want(!organisations[l.Organisation], at, "people.local names the organisation %q twice", l.Organisation)
		organisations[l.Organisation] = true
		c.want(l.Column != p.Identifier && l.Column != p.Key, at, "the column that names the person is no local number")
	}
	for j, t := range c.d.Tables {
		at := fmt.Sprintf("$.tables[%d]", j)
		if t.Local != nil {
			c.want(!t.Public && t.Name != p.Table && t.Withheld == "", at+".local", "local is for tables of rows about people; of %s itself, say people.local", p.Table)
			c.local(at+".local", t, *t.Local)
		}
		c.want(len(t.LinkColumns) == 0 || t.Link && p.Linkage != nil, at+".link_columns", "link_columns needs link and people.linkage")
		for name := range t.LinkColumns {
			c.want(p.Linkage != nil && slices.ContainsFunc(p.Linkage.Fields, func(f LinkField) bool { return f.Column == name }), at+".link_columns",
				"link_columns names %s, by which people.linkage links nothing", name)
		}
	}
	c.unlinked()
}

func (c *checker) linkageRule(people TableRule) {
	p, path := c.d.People, "$.people.linkage"
	for i, f := range p.Linkage.Fields {
		at := fmt.Sprintf("%s.fields[%d]", path, i)
		column, k := people.column(f.Column)
		if k < 0 {
			c.fault(at, "%q is no column of %s", f.Column, people.Name)
			continue
		}
		c.want(f.Column != p.Identifier && f.Column != p.Key, at, "the column that names the person is not linked by")
		c.want(f.Kind != linkage.KindName && f.Kind != linkage.KindPostcode || !(column.published() && column.Treatment == TreatKeep), at,
			"%s holds names or postcodes, and is published as it is", f.Column)
		c.linkType(at, f, column)
		for j, t := range c.d.Tables {
			if !t.Link {
				continue
			}
			other, k := t.linkColumn(f.Column)
			at := fmt.Sprintf("$.tables[%d].link", j)
			c.want(k >= 0, at, "%s is linked, but has no column %s", t.Name, f.Column)
			if k >= 0 {
				c.linkType(at, f, other)
			}
		}
	}
	for i, pass := range p.Linkage.Passes {
		c.want(passPattern.MatchString(pass.Name) && !reservedOutcome(pass.Name), fmt.Sprintf("%s.passes[%d].name", path, i), "a pass needs a name of lower-case letters, digits and '_' of its own")
		for _, on := range pass.On {
			c.want(!strings.HasSuffix(on, ":"), fmt.Sprintf("%s.passes[%d].on", path, i), "%q names no part", on)
		}
	}
	_, err := linkage.New(p.Linkage.rules())
	c.want(err == nil, path, "people.linkage: %v", err)
	c.want(slices.ContainsFunc(c.d.Tables, func(t TableRule) bool { return t.Link }), path, "people.linkage links no table: say link: true of one")
}

// linkType checks that a column's values can be compared as the field's.
func (c *checker) linkType(at string, f LinkField, column ColumnRule) {
	if f.Kind == linkage.KindDate {
		c.want(column.Type == FieldDate, at, "%s is linked by as a date, and is none", column.Name)
		return
	}
	c.want(column.Type == FieldText, at, "%s is linked by as text, and is none", column.Name)
}

func (c *checker) local(at string, t TableRule, l LocalRule) {
	c.want(organisationPattern.MatchString(l.Organisation), at, "an organisation is named by letters, digits, '_' and '-'")
	column, i := t.column(l.Column)
	c.want(i >= 0 && column.Type == FieldText && !column.published(), at, "local numbers are in a text column of %s that is not published", t.Name)
}

// unlinked checks that a definition says what becomes of rows whose person is not
// found, and that opt-outs can still reach whoever is published.
func (c *checker) unlinked() {
	p, path := c.d.People, "$.people.unlinked"
	if !c.d.byNumberOrName() {
		c.want(p.Unlinked == "" && p.UnlinkedReason == "", path, "people.unlinked needs people.linkage, or a table with local numbers")
		return
	}
	switch p.Unlinked {
	case UnlinkedDrop:
		c.want(p.UnlinkedReason == "", path+"_reason", "unlinked_reason is only for unlinked: own_unit")
	case UnlinkedOwnUnit:
		for j, t := range c.d.Tables {
			c.want(!t.Link || t.Local != nil, fmt.Sprintf("$.tables[%d].link", j), "with unlinked: own_unit, %s needs local numbers: nothing else says which of its rows are one person's", t.Name)
		}
		lists := c.d.OptOuts.Lists
		c.want(!slices.ContainsFunc(lists, func(l ListRule) bool { return l.Kind == ListAllow }), path,
			"with an allow-list, whoever is not on it has opted out, and nobody whose person was not found is on it: say unlinked: drop")
		c.want(len(lists) == 0 || strings.TrimSpace(p.UnlinkedReason) != "", path, "no opt-out reaches people who were not found: unlinked: own_unit needs unlinked_reason")
	default:
		c.fault(path, "people.unlinked must say what becomes of rows whose person is not found: drop or own_unit")
	}
}

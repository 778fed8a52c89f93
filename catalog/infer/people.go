package infer

import (
	"slices"

	"github.com/gatehouse-tre/gatehouse/catalog"
)

// findPeople finds by which column each table names the person, and which table
// has one row for each.
func (p *proposal) findPeople() {
	p.kind = catalog.IdentifierNHSNumber
	if !p.keys(func(c *column) bool {
		return c.share(c.looks[lookNHSNumber]) >= lookShares[lookNHSNumber] && c.share(c.bigints) >= lookShares[lookNHSNumber]
	}) {
		p.kind = catalog.IdentifierOpaque
		p.keys(func(c *column) bool { return namedPerson.MatchString(c.name) && c.filled*2 > c.rows })
	}
	for _, t := range p.tables {
		if t.key < 0 {
			continue
		}
		t.what[t.key].drop().treatment = catalog.TreatUnit
		t.what[t.key].kind = catalog.FieldText
		if t.columns[t.key].unique() && (p.people == nil || t.births() > p.people.births()) {
			p.people = t
		}
	}
}

// keys finds the tables' columns that name the person.
func (p *proposal) keys(is func(*column) bool) (found bool) {
	for _, t := range p.tables {
		best := 0.0
		for i, c := range t.columns {
			if share := float64(c.filled) / float64(c.rows); is(c) && share > best {
				t.key, best = i, share
				found = true
			}
		}
	}
	return found
}

func (t *table) births() (n int) {
	for i, d := range t.what {
		if d.birth {
			n++
			if namedBirth.MatchString(t.columns[i].name) {
				n += len(t.what) // its name says so: no guess
			}
		}
	}
	return n
}

// findReferences finds code lists: small tables that nothing in flags a person,
// whose first unique column holds what a column of a table about people holds.
// Whatever else names nobody is left out: it cannot be told from rows about people
// whose key was not found.
func (p *proposal) findReferences() {
	p.tables = slices.DeleteFunc(p.tables, func(t *table) bool {
		if t.key >= 0 {
			return false
		}
		if t.public = p.isReference(t); t.public {
			for i, d := range t.what {
				t.what[i] = &decision{kind: d.kind, format: d.format, treatment: catalog.TreatKeep}
			}
			return false
		}
		p.remark("%s is left out: no column names a person, and it is not plainly a list of codes.", t.file)
		return true
	})
}

func (p *proposal) isReference(t *table) bool {
	if !t.sample.Whole || len(t.files) > 1 {
		return false
	}
	for i, d := range t.what {
		if d.person || d.birth || d.death || namedHuman.MatchString(t.columns[i].name) {
			return false
		}
	}
	for _, c := range t.columns {
		if c.full || !c.unique() || c.filled != c.rows {
			continue
		}
		for _, other := range p.tables {
			if other.key < 0 {
				continue
			}
			for i, theirs := range other.columns {
				if i != other.key && within(theirs.distinct, c.distinct) {
					return true
				}
			}
		}
	}
	return false
}

// within holds if nearly all values are known, and they are several.
func within(values, known map[uint64]struct{}) bool {
	if len(values) < 2 || len(values) > len(known) {
		return false
	}
	hits := 0
	for h := range values {
		if _, ok := known[h]; ok {
			hits++
		}
	}
	return float64(hits) >= 0.9*float64(len(values))
}

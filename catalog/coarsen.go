package catalog

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
)

// RareRule groups what few people have.
type RareRule struct {
	Fewer int    `yaml:"fewer"` // a value of fewer people than this is not published …
	As    string `yaml:"as"`    // … but this is instead; default: other
}

// Bounds are what a published number, year or date is cut off at: whatever lies
// below Bottom is published as Bottom, and whatever lies above Top as Top.
type Bounds struct {
	Bottom *string `yaml:"bottom"`
	Top    *string `yaml:"top"`
}

// cut is Bounds as numbers; dates are days.
type cut struct{ low, high float64 }

func (b Bounds) none() bool { return b.Bottom == nil && b.Top == nil }

// read reads the bounds of what is published as the DuckDB type, of a cell of a kind.
// Of a date they are dates, of a date's year years.
func (b Bounds) read(duckType string, k kind, as form) (*cut, error) {
	if b.none() {
		return nil, nil
	}
	bound := func(s *string, none float64) (float64, error) {
		if s == nil {
			return none, nil
		}
		switch {
		case as == formYear:
			year, err := strconv.ParseInt(*s, 10, 64)
			if err != nil || year < firstYear || year > lastYear {
				return 0, fmt.Errorf("%q is not a year", *s)
			}
			return float64(daysFromCivil(year, 1, 1)), nil
		case duckType == "DATE":
			day, ok := parseDate([]byte(*s))
			if !ok {
				return 0, fmt.Errorf("%q is not a date", *s)
			}
			return float64(day), nil
		case duckType == "INTEGER" || duckType == "BIGINT":
			n, err := strconv.ParseInt(*s, 10, 32)
			if err != nil {
				return 0, fmt.Errorf("%q is not a whole number", *s)
			}
			return float64(n), nil
		case duckType == "DOUBLE":
			x, ok := parseReal([]byte(*s))
			if !ok {
				return 0, fmt.Errorf("%q is not a number", *s)
			}
			return x, nil
		}
		return 0, fmt.Errorf("%s has no top or bottom", strings.ToLower(duckType))
	}
	const widest = 1 << 62
	low, err := bound(b.Bottom, -widest)
	if err != nil {
		return nil, err
	}
	high, err := bound(b.Top, widest)
	if err != nil {
		return nil, err
	}
	if low >= high {
		return nil, fmt.Errorf("the bottom is not below the top")
	}
	return &cut{low, high}, nil
}

func (c *cut) whole(n int64) int64 {
	switch {
	case float64(n) < c.low:
		return int64(c.low)
	case float64(n) > c.high:
		return int64(c.high)
	}
	return n
}

func (c *cut) real(x float64) float64 { return min(max(x, c.low), c.high) }

// completedYears is somebody's age on a day: who was born on 29 February has a
// birthday on 1 March of other years.
func completedYears(from, to int64) int64 {
	y1, m1, d1 := civilFromDays(from)
	y2, m2, d2 := civilFromDays(to)
	years := y2 - y1
	if m2 < m1 || m2 == m1 && d2 < d1 {
		years--
	}
	return years
}

// outcode gives the first half of a postcode of the United Kingdom, in capitals, into
// to, which has room for it; ok is false for what is neither a postcode nor an outcode.
func outcode(to, postcode []byte) (out []byte, ok bool) {
	out = to[:0]
	blank := -1
	for _, c := range postcode {
		switch {
		case c == ' ':
			if len(out) == 0 || blank >= 0 && blank != len(out) {
				return nil, false
			}
			blank = len(out)
			continue
		case c >= 'a' && c <= 'z':
			c -= 'a' - 'A'
		case c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		default:
			return nil, false
		}
		if len(out) == 7 {
			return nil, false
		}
		out = append(out, c)
	}
	n := len(out)
	if n > 4 || blank >= 0 && blank < n { // the second half: a digit and two letters
		if n < 5 || blank >= 0 && blank != n-3 && blank != n || !digitAt(out, n-3) || digitAt(out, n-2) || digitAt(out, n-1) {
			return nil, false
		}
		n -= 3
	}
	out = out[:n]
	return out, validOutcode(out)
}

func digitAt(b []byte, i int) bool { return b[i] >= '0' && b[i] <= '9' }

// validOutcode knows A9, A99, AA9, AA99, A9A, AA9A and GIR.
func validOutcode(b []byte) bool {
	if string(b) == "GIR" {
		return true
	}
	if len(b) < 2 || len(b) > 4 || digitAt(b, 0) {
		return false
	}
	rest := b[1:]
	if !digitAt(rest, 0) {
		rest = rest[1:]
	}
	if len(rest) < 1 || len(rest) > 2 || !digitAt(rest, 0) {
		return false
	}
	return true
}

// coarseness says in a column's description what was coarsened.
func coarseness(b Bounds, r *RareRule, outcode bool) string {
	var said []string
	if outcode {
		said = append(said, "the first half of the postcode")
	}
	if b.Bottom != nil {
		said = append(said, fmt.Sprintf("%s stands for it and all below", *b.Bottom))
	}
	if b.Top != nil {
		said = append(said, fmt.Sprintf("%s stands for it and all above", *b.Top))
	}
	if r != nil {
		said = append(said, fmt.Sprintf("%s stands for values of fewer than %d people", r.As, r.Fewer))
	}
	return strings.Join(said, "; ")
}

// coarseness is that of a column of the file.
func (t TableRule) coarseness(c ColumnRule) string {
	said := coarseness(c.Bounds, c.Rare, c.Treatment == TreatOutcode)
	if t.shift == 0 || !c.dated() {
		return said
	}
	moved := fmt.Sprintf("moved by up to %d days, the same for all dates of a person", t.shift)
	if said == "" {
		return moved
	}
	return said + "; " + moved
}

// maxShift is the most that dates may move.
const maxShift = 365

// shifts checks that dates move, and who may have which columns.
func (c *checker) shifts() {
	if r := c.d.ShiftDates; r != nil {
		c.want(r.Days >= 1 && r.Days <= maxShift, "$.shift_dates.days", "shift_dates.days is from 1 to %d", maxShift)
	}
	for i, t := range c.d.Tables {
		for j, column := range t.Columns {
			c.study(fmt.Sprintf("$.tables[%d].columns[%d].study", i, j), t, column.Name, column.published(), column.Study)
		}
		for j, derived := range t.Derived {
			c.study(fmt.Sprintf("$.tables[%d].derived[%d].study", i, j), t, derived.Name, true, derived.Study)
		}
	}
}

func (c *checker) study(path string, t TableRule, name string, published bool, study string) {
	c.want(study == "" || published && !t.Public, path, "column %s is not published about people, so no study has it for itself", name)
	c.want(study == "" || gatehouse.ValidName(study), path, "%q is not a project's name", study)
}

// describe adds what was coarsened to a description.
func describe(description, coarse string) string {
	switch {
	case coarse == "":
		return description
	case description == "":
		return strings.ToUpper(coarse[:1]) + coarse[1:] + "."
	}
	return strings.TrimRight(description, " .") + " (" + coarse + ")."
}

// coarse checks how a published column is coarsened.
func (c *checker) coarse(path string, t TableRule, name, duckType string, k kind, as form, b Bounds, r *RareRule) {
	_, err := b.read(duckType, k, as)
	c.want(err == nil, path, "top and bottom of column %s: %v", name, err)
	c.want(b.none() || as == formAsIs || as == formYear || as == formMonth || as == formDay || as == formDays || as == formYears, path, "column %s has no top or bottom", name)
	if r == nil {
		return
	}
	c.want(!t.Public, path+".rare", "public table %s has no people, so nothing in it is rare", t.Name)
	c.want(duckType == "VARCHAR", path+".rare", "column %s is not text, so its rare values have no group", name)
	c.want(r.Fewer >= 2, path+".rare", "rare values of column %s are those of fewer people than a number of 2 or more", name)
}

// rares are the published columns of a table whose rare values are grouped.
func (t TableRule) rares() (out []rareColumn) {
	for _, c := range t.Columns {
		if c.published() && c.Rare != nil {
			out = append(out, rareColumn{c.As, *c.Rare})
		}
	}
	return out
}

type rareColumn struct {
	name string
	rule RareRule
}

// hasRare reports whether a definition groups rare values anywhere.
func (d *Definition) hasRare() bool {
	return slices.ContainsFunc(d.Tables, func(t TableRule) bool { return len(t.rares()) > 0 })
}

// grouped is a query of rows in which rare values are grouped; from gives them once,
// with their units. A group that would itself be of too few people takes the rarest of
// the other values in; if there is none, nothing is published.
func grouped(from string, rares []rareColumn) string {
	var with, replaced []string
	with = append(with, fmt.Sprintf("_rows AS MATERIALIZED (%s)", from))
	for i, r := range rares {
		name := quoteName(r.name)
		with = append(with,
			fmt.Sprintf("_people%d AS MATERIALIZED (SELECT %s AS v, count(DISTINCT %s) AS n FROM _rows WHERE %s IS NOT NULL GROUP BY 1)", i, name, UnitColumn, name),
			fmt.Sprintf("_few%d AS MATERIALIZED (SELECT v FROM _people%d WHERE n < %d OR v = %s)", i, i, r.rule.Fewer, quoteText(r.rule.As)),
			fmt.Sprintf("_all%d AS MATERIALIZED (SELECT count(DISTINCT %s) AS n FROM _rows WHERE %s IN (SELECT v FROM _few%d))", i, UnitColumn, name, i),
			fmt.Sprintf("_more%d AS MATERIALIZED (SELECT v FROM _few%d UNION SELECT v FROM (SELECT v FROM _people%d WHERE v NOT IN (SELECT v FROM _few%d) AND (SELECT n BETWEEN 1 AND %d FROM _all%d) ORDER BY n, v LIMIT 1))",
				i, i, i, i, r.rule.Fewer-1, i),
			fmt.Sprintf("_group%d AS MATERIALIZED (SELECT count(DISTINCT %s) AS n FROM _rows WHERE %s IN (SELECT v FROM _more%d))", i, UnitColumn, name, i))
		replaced = append(replaced, fmt.Sprintf("CASE WHEN %s IN (SELECT v FROM _more%d) THEN CASE WHEN (SELECT n FROM _group%d) >= %d THEN %s END ELSE %s END AS %s",
			name, i, i, r.rule.Fewer, quoteText(r.rule.As), name, name))
	}
	return fmt.Sprintf("WITH %s SELECT * REPLACE (%s) FROM _rows", strings.Join(with, ", "), strings.Join(replaced, ", "))
}

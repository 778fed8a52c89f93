package plan

import (
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// What conditions mean by themselves, whatever the data are: two that are met in the
// same cases are one, as an exhaustive CASE and everything, or "x IS NULL OR x IS NOT NULL". A
// case says of each thing that the conditions look at where its value is: between which literals it
// is compared with, or NULL. Of what is not understood it says that it is true, false or
// NULL. Cases that cannot be only keep conditions apart that are one.

// maxCases bounds the cases that are looked through.
const maxCases = 4096

// truth3 is true, false or NULL.
type truth3 int8

const (
	isFalse truth3 = iota
	isTrue
	isNull
)

func not3(x truth3) truth3 {
	switch x {
	case isTrue:
		return isFalse
	case isFalse:
		return isTrue
	}
	return isNull
}

func truthOf(b bool) truth3 {
	if b {
		return isTrue
	}
	return isFalse
}

// thing is what conditions look at: an expression, with what it is compared with in
// order; of texts the order is any. Its places are: before, at and after each of these,
// ending with NULL; or true, false and NULL.
type thing struct {
	kind   byte // 'n' numbers, 'd' dates, 't' texts; 0 for what is true, false or NULL
	points []string
	by     map[string]*big.Rat
}

func (t *thing) places() int {
	if t.kind == 0 {
		return 3
	}
	return 2*len(t.points) + 2
}

// null reports whether a place is NULL.
func (t *thing) null(place int) bool { return place == t.places()-1 }

// compare says how a value at a place compares with a point: below, at or above it.
func (t *thing) compare(place int, point string) int {
	return place - 2*slices.Index(t.points, point) - 1
}

// cases are the things that some conditions look at.
type cases struct {
	print  func(Expr) string
	things map[string]*thing
	order  []string
	at     []int // the place of each thing
}

func (c *cases) thing(key string, kind byte) *thing {
	t := c.things[key]
	if t == nil {
		t = &thing{by: map[string]*big.Rat{}}
		c.things[key] = t
		c.order = append(c.order, key)
	}
	if t.kind == 0 {
		t.kind = kind
	}
	return t
}

var plainDate = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)

// point is a literal that values are compared with.
func point(e Expr) (kind byte, text string, number *big.Rat, ok bool) {
	if c, is := plainConst(e); is && !c.Null {
		switch {
		case c.T.ID == "VARCHAR":
			return 't', c.Text, nil, true
		case c.T.ID == "DATE" && plainDate.MatchString(c.Text):
			return 'd', c.Text, nil, true
		}
	}
	x, is := plainNumber(e)
	if !is || !e.Type().Numeric() || e.Type().ID == "FLOAT" {
		return 0, "", nil, false
	}
	if e.Type().ID == "DOUBLE" { // as it is compared
		f, _ := x.Float64()
		if x = new(big.Rat).SetFloat64(f); x == nil {
			return 0, "", nil, false
		}
	}
	return 'n', x.RatString(), x, true
}

// comparison takes one with a literal apart; op is as with the literal on the right.
func comparison(e *Compare) (of Expr, op string, literal Expr, ok bool) {
	turned := map[string]string{"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "<>": "<>", "IS DISTINCT FROM": "IS DISTINCT FROM", "IS NOT DISTINCT FROM": "IS NOT DISTINCT FROM"}
	of, op, literal = e.L, e.Op, e.R
	if _, fixed := constant(of); fixed {
		of, op, literal = e.R, turned[e.Op], e.L
	}
	if _, fixed := constant(of); fixed || turned[e.Op] == "" {
		return nil, "", nil, false
	}
	kind, _, _, ok := point(literal)
	if kind == 't' && strings.ContainsAny(op, "<>") && op != "<>" {
		return nil, "", nil, false // the order of texts is a collation's
	}
	return of, op, literal, ok
}

// notice lists the things in a condition, with their points.
func (c *cases) notice(e Expr) {
	look := func(of Expr, literals ...Expr) bool {
		kinds := ""
		for _, l := range literals {
			kind, _, _, ok := point(l)
			if !ok {
				return false
			}
			kinds += string(kind)
		}
		key := c.print(of)
		if t := c.things[key]; kinds != strings.Repeat(kinds[:1], len(kinds)) || t != nil && t.kind != 0 && t.kind != kinds[0] {
			return false
		}
		t := c.thing(key, kinds[0])
		for _, l := range literals {
			if _, text, number, _ := point(l); !slices.Contains(t.points, text) {
				t.points = append(t.points, text)
				t.by[text] = number
			}
		}
		return true
	}
	switch e := e.(type) {
	case *Logic:
		for _, a := range e.Args {
			c.notice(a)
		}
		return
	case *Compare:
		if of, _, literal, ok := comparison(e); ok && look(of, literal) {
			return
		}
	case *Op:
		switch {
		case e.Name == "NOT", e.Name == "COALESCE":
			for _, a := range e.Args {
				c.notice(a)
			}
			return
		case e.Name == "IS NULL" || e.Name == "IS NOT NULL":
			c.thing(c.print(e.Args[0]), 0)
			return
		case (e.Name == "IN" || e.Name == "NOT IN") && len(e.Args) > 1 && look(e.Args[0], e.Args[1:]...):
			return
		}
	case *Const:
		if e.T.ID == "BOOLEAN" {
			return
		}
	}
	c.thing(c.print(e), 0)
}

// sorted puts the points in order, and gives how many cases there are.
func (c *cases) sorted() int {
	n := 1
	for _, key := range c.order {
		t := c.things[key]
		slices.SortFunc(t.points, func(a, b string) int {
			if t.kind == 'n' {
				return t.by[a].Cmp(t.by[b])
			}
			return strings.Compare(a, b)
		})
		if n = min(n*t.places(), maxCases+1); n > maxCases {
			break
		}
	}
	c.at = make([]int, len(c.order))
	return n
}

// next goes to the next case; false after the last.
func (c *cases) next() bool {
	for i, key := range c.order {
		if c.at[i]++; c.at[i] < c.things[key].places() {
			return true
		}
		c.at[i] = 0
	}
	return false
}

func (c *cases) place(key string) (*thing, int) {
	return c.things[key], c.at[slices.Index(c.order, key)]
}

// of is what a condition is in the case at hand.
func (c *cases) of(e Expr) truth3 {
	switch e := e.(type) {
	case *Const:
		if e.T.ID == "BOOLEAN" {
			if e.Null {
				return isNull
			}
			return truthOf(always(e))
		}
	case *Logic:
		out := truthOf(!e.Or)
		for _, a := range e.Args {
			switch x := c.of(a); {
			case x == truthOf(e.Or):
				return x
			case x == isNull:
				out = isNull
			}
		}
		return out
	case *Op:
		switch e.Name {
		case "NOT":
			return not3(c.of(e.Args[0]))
		case "COALESCE":
			for _, a := range e.Args {
				if x := c.of(a); x != isNull {
					return x
				}
			}
			return isNull
		case "IS NULL", "IS NOT NULL":
			t, place := c.place(c.print(e.Args[0]))
			return truthOf(t.null(place) == (e.Name == "IS NULL"))
		case "IN", "NOT IN":
			if t, place, ok := c.compared(e.Args[0], e.Args[1:]...); ok {
				if t.null(place) {
					return isNull
				}
				in := false
				for _, l := range e.Args[1:] {
					_, text, _, _ := point(l)
					in = in || t.compare(place, text) == 0
				}
				return truthOf(in == (e.Name == "IN"))
			}
		}
	case *Compare:
		of, op, literal, ok := comparison(e)
		if !ok {
			break
		}
		t, place, ok := c.compared(of, literal)
		if !ok {
			break
		}
		if t.null(place) {
			if strings.HasPrefix(op, "IS") {
				return truthOf(op == "IS DISTINCT FROM")
			}
			return isNull
		}
		_, text, _, _ := point(literal)
		x := t.compare(place, text)
		switch op {
		case "=", "IS NOT DISTINCT FROM":
			return truthOf(x == 0)
		case "<>", "IS DISTINCT FROM":
			return truthOf(x != 0)
		case "<":
			return truthOf(x < 0)
		case "<=":
			return truthOf(x <= 0)
		case ">":
			return truthOf(x > 0)
		case ">=":
			return truthOf(x >= 0)
		}
	}
	_, place := c.place(c.print(e))
	return truth3(place)
}

// compared gives where something is that is compared with literals, if it was noticed
// as that.
func (c *cases) compared(of Expr, literals ...Expr) (*thing, int, bool) {
	t := c.things[c.print(of)]
	if t == nil || t.kind == 0 {
		return nil, 0, false
	}
	for _, l := range literals {
		kind, text, _, ok := point(l)
		if !ok || kind != t.kind || !slices.Contains(t.points, text) {
			return nil, 0, false
		}
	}
	_, place := c.place(c.print(of))
	return t, place, true
}

// byCases says what each row set is made of: of numbered sorts of cases. ok is false
// where there are too many.
func (b *releaseBuilder) byCases() (of [][]int, count int, ok bool) {
	sets := make([][][]Expr, len(b.rowSets)) // of each, conditions of which one holds whole
	for i, name := range b.rowSets {
		names := []string{name}
		if any := b.anyOf[name]; any != nil {
			names = any
		}
		for _, n := range names {
			conds, known := b.conds[n]
			if !known {
				return nil, 0, false
			}
			sets[i] = append(sets[i], conds)
		}
	}
	return sortsOf(sets, func(e Expr) string { return b.p.expr(e, b.ref) })
}

// sortsOf says of what sorts of cases each set is, the first that of all: cases are of
// one sort if they are in the same sets.
func sortsOf(sets [][][]Expr, print func(Expr) string) (of [][]int, count int, ok bool) {
	c := &cases{print: print, things: map[string]*thing{}}
	for _, ways := range sets {
		for _, conds := range ways {
			for _, cond := range conds {
				c.notice(cond)
			}
		}
	}
	if c.sorted() > maxCases {
		return nil, 0, false
	}
	sorts := map[string]int{}
	of = make([][]int, len(sets)+1)
	for more := true; more; more = c.next() {
		sort := ""
		in := []int{0}
		for i, ways := range sets {
			if slices.ContainsFunc(ways, func(conds []Expr) bool {
				return !slices.ContainsFunc(conds, func(e Expr) bool { return c.of(e) != isTrue })
			}) {
				in = append(in, i+1)
				sort += strconv.Itoa(i) + " "
			}
		}
		if _, known := sorts[sort]; known {
			continue
		}
		n := len(sorts)
		if sorts[sort] = n; n >= 4*(len(sets)+1) {
			return nil, 0, false
		}
		for _, i := range in {
			of[i] = append(of[i], n)
		}
	}
	return of, len(sorts), true
}

package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
)

// Beneath are the rows that numbers computed for each person were counted or
// summed from. A sum of such numbers is a number of those rows too: beside the
// count of all of them but one person's it would tell of that person, although
// the one is made of people and the other of rows.
type Beneath struct {
	// SQL answers with columns u, r, g and sig as Release.Rows does (all present, sig
	// a UBIGINT), a person's rows together, each once for each number computed from
	// it. The bits Bits of sig say from which: the calls' rows, and those where the
	// argument is not NULL.
	SQL  string
	Bits []int
	// Cells are those whose numbers are made of them.
	Cells []int
}

// additive calls are sums over a person's rows.
var additive = []string{"count_star", "count", "count_if", "countif", "sum"}

// summation is what a node of people computes for each person as a sum over the
// rows of its input.
type summation struct {
	input Node
	calls []*AggregateCall
}

// Beneath gives the rows beneath the numbers of a release; nil if no sum, mean or
// spread in it is of a number that was summed for each person, and no group key is.
func (r *Release) Beneath() (*Beneath, error) {
	out := &Beneath{}
	in := r.Node.Input.Columns()
	// People grouped by such a number tell its sum over each group.
	keyed := slices.ContainsFunc(r.Node.Groups, func(e Expr) bool { return readsDerived(e, in) })
	for i, c := range r.Cells {
		if keyed || (c.Measure == MeasureSum || c.Measure == MeasureMean || c.Measure == MeasureSpread || c.Measure == MeasureRegression) &&
			slices.ContainsFunc(c.Call.Args, func(e Expr) bool { return readsDerived(e, in) }) {
			out.Cells = append(out.Cells, i)
		}
	}
	if len(out.Cells) == 0 {
		return nil, nil
	}
	var found []summation
	summations(r.Node.Input, map[Node]bool{}, &found)
	if len(found) == 0 {
		return nil, nil
	}
	p := &Printer{Vault: true, Rows: true, listed: map[int]bool{}}
	b, err := r.build(p, false)
	if err != nil {
		return nil, err
	}
	people := "SELECT DISTINCT u, " + r.groupHash() + " AS g, CAST(" + r.signature() + " AS UBIGINT) AS sig FROM (" + b.inner([]string{"u"}) + ") AS s"
	beneath := func(rows string) string {
		return "SELECT f.u, x.r, f.g, f.sig | x.bits AS sig FROM people AS f JOIN (" + rows + ") AS x ON f.u = x.u"
	}
	var parts []string
	for _, s := range found {
		from := p.from(s.input, "t")
		ref := p.single(s.input)
		var bits []string
		for _, call := range s.calls {
			if call.Distinct {
				continue
			}
			where := "true"
			if call.Filter != nil {
				where = "coalesce(" + p.expr(call.Filter, ref) + ", false)"
			}
			conds := []string{where}
			if len(call.Args) > 0 {
				has := p.expr(call.Args[0], ref) + " IS NOT NULL"
				if call.Name == "count_if" || call.Name == "countif" {
					has = "coalesce(" + p.expr(call.Args[0], ref) + ", false)"
				}
				conds = append(conds, where+" AND "+has)
			}
			for _, c := range conds {
				bits = append(bits, fmt.Sprintf("CASE WHEN %s THEN CAST(%d AS UBIGINT) ELSE CAST(0 AS UBIGINT) END", c, out.bit(r)))
			}
		}
		if len(bits) > 0 {
			parts = append(parts, beneath("SELECT u, r, "+strings.Join(bits, " | ")+" AS bits FROM "+from))
		}
		for _, call := range s.calls {
			if call.Distinct { // different values: of each the row that DISTINCT would make
				x := p.expr(call.Args[0], ref)
				where := x + " IS NOT NULL"
				if call.Filter != nil {
					where += " AND " + p.expr(call.Filter, ref)
				}
				parts = append(parts, beneath(fmt.Sprintf("SELECT DISTINCT u, %s AS r, CAST(%d AS UBIGINT) AS bits FROM %s WHERE %s", keyedRow("u", []string{x}), out.bit(r), from, where)))
			}
		}
	}
	if len(out.Bits)+r.RowSets > maxBits {
		return nil, gatehouse.Errorf(gatehouse.CodeTooLarge, "The question computes too many numbers for each person.").WithAdvice("Ask for them in several questions.")
	}
	p.withs = append(p.withs, "people AS MATERIALIZED ("+people+")")
	out.SQL = p.with() + "SELECT u, r, g, sig FROM (" + strings.Join(parts, " UNION ALL ") + ") AS b ORDER BY u"
	return out, p.err
}

// maxBits is how many fit into sig beside its sign.
const maxBits = 62

// bit takes the next bit, as a number.
func (b *Beneath) bit(r *Release) uint64 {
	at := r.RowSets + len(b.Bits)
	b.Bits = append(b.Bits, at)
	return uint64(1) << (at & 63)
}

// readsDerived reports whether an expression reads a number that was computed
// from a person's rows.
func readsDerived(e Expr, in []Column) bool {
	found := false
	Walk(e, func(e Expr) bool {
		if ref, ok := e.(*Ref); ok && in[ref.Index].Form == FormDerived {
			found = true
		}
		return !found
	})
	return found
}

// summations finds what is summed for each person in a node and below it.
func summations(n Node, seen map[Node]bool, out *[]summation) {
	VisitNodes(n, func(n Node) {
		if seen[n] {
			return
		}
		seen[n] = true
		var calls []*AggregateCall
		switch n := n.(type) {
		case *WithRef:
			summations(n.Def, seen, out)
		case *Correlated:
			summations(n.Of.L, seen, out)
		case *Aggregate:
			if n.People() && n.Input.People() {
				calls = n.Aggs
			}
		case *Window:
			if n.People() {
				for _, w := range n.Calls {
					if w.Aggregate != nil {
						calls = append(calls, w.Aggregate)
					}
				}
			}
		}
		var sums []*AggregateCall
		for _, c := range calls {
			if slices.Contains(additive, c.Name) && (!c.Distinct || c.Name == "count") {
				sums = append(sums, c)
			}
		}
		if len(sums) > 0 {
			*out = append(*out, summation{n.Inputs()[0], sums})
		}
	})
}

package plan

import (
	"slices"
	"strings"
)

// What a question makes of several protected numbers, a share of their sum or a
// moving mean, would be wrong without those that are withheld, and nothing in it
// would show that. With Printer.Gaps it is NULL instead wherever one of them is.
//
// Counts are left as they are: count(n) is how many numbers are shown.

// numbers says which columns of a lobby node may hold protected numbers.
func numbers(n Node) []bool {
	out := make([]bool, len(n.Columns()))
	reads := func(e Expr, in []bool) bool {
		found := false
		Walk(e, func(e Expr) bool {
			if ref, ok := e.(*Ref); ok && ref.Index < len(in) && in[ref.Index] {
				found = true
			}
			return !found
		})
		return found
	}
	switch n := n.(type) {
	case *Aggregate:
		if n.Protected {
			for i := range n.Aggs {
				out[len(n.Groups)+i] = true
			}
			return out
		}
		in := numbers(n.Input)
		for i, g := range n.Groups {
			out[i] = reads(g, in)
		}
		for i, a := range n.Aggs {
			out[len(n.Groups)+i] = reads(a, in)
		}
	case *Project:
		in := numbers(n.Input)
		for i, e := range n.Exprs {
			out[i] = reads(e, in)
		}
	case *Window:
		in := numbers(n.Input)
		copy(out, in)
		for i, w := range n.Calls {
			out[len(in)+i] = reads(w, in)
		}
	case *Join:
		copy(out, numbers(n.L))
		if n.Kind != SemiJoin && n.Kind != AntiJoin && n.Kind != MarkJoin {
			copy(out[len(n.L.Columns()):], numbers(n.R))
		}
	case *Union:
		l, r := numbers(n.L), numbers(n.R)
		for i := range out {
			out[i] = l[i] || r[i]
		}
	case *WithRef:
		return numbers(n.Def)
	case *With:
		return numbers(n.Body)
	case *Unnest:
		in := numbers(n.Input)
		copy(out, in)
		for i, l := range n.Lists {
			out[len(in)+i] = reads(l, in)
		}
	case *Filter, *Sort, *Limit, *Distinct, *Scalar:
		copy(out, numbers(n.Inputs()[0]))
	}
	return out
}

// keeping are aggregates that show each of their arguments, or how many there are.
var keeping = []string{"count", "list", "array_agg", "first", "last", "any_value", "arg_min", "arg_max", "min_by", "max_by", "string_agg", "histogram"}

// gaps is a condition that is true where a number that the aggregate is made of
// is withheld; "" if none can be. over is the window, or "".
func (p *Printer) gaps(a *AggregateCall, in Node, ref refs, over string) string {
	if p.Vault || !p.Gaps || slices.Contains(keeping, a.Name) {
		return ""
	}
	held := numbers(in)
	var missing []string
	for _, arg := range a.Args {
		Walk(arg, func(e Expr) bool {
			if r, ok := e.(*Ref); ok && held[r.Index] {
				if sql := ref(r.Index) + " IS NULL"; !slices.Contains(missing, sql) {
					missing = append(missing, sql)
				}
			}
			return true
		})
	}
	if len(missing) == 0 {
		return ""
	}
	where := "(" + strings.Join(missing, " OR ") + ")"
	if a.Filter != nil {
		where = "coalesce(" + p.expr(a.Filter, ref) + ", true) AND " + where
	}
	return "count(*) FILTER (WHERE " + where + ")" + over + " > 0"
}

// whole prints an aggregate so that it is NULL where something is missing in it.
func (p *Printer) whole(a *AggregateCall, in Node, ref refs, over string) string {
	sql := p.call(a, ref) + over
	if gaps := p.gaps(a, in, ref, over); gaps != "" {
		return "CASE WHEN " + gaps + " THEN NULL ELSE " + sql + " END"
	}
	return sql
}

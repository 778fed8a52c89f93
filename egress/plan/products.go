package plan

import (
	"crypto/sha256"
	"fmt"
	"strings"
)

// Products names, for each cell of a release, the pairs of values that are
// multiplied in it: the arguments of a covariance or a regression, the factors of a
// product. Of each the two names, alike for the same column in any question; nil for
// cells without. A covariance of a value with known weights is another equation about
// everybody's value, so that the number of weights must be bounded.
func (r *Release) Products() [][][2]string {
	out := make([][][2]string, len(r.Cells))
	name := func(e Expr) string { return lineage(e, r.Node.Input) }
	for i, c := range r.Cells {
		if c.Measure == MeasureRegression && len(c.Call.Args) == 2 {
			out[i] = append(out[i], [2]string{name(c.Call.Args[0]), name(c.Call.Args[1])})
		}
		if c.Measure == MeasureCount || c.Measure == MeasureDistinct {
			continue
		}
		for _, arg := range c.Call.Args {
			Walk(arg, func(e Expr) bool {
				if f, ok := e.(*Call); ok && f.Name == "*" && len(f.Args) == 2 {
					_, left := literal(f.Args[0])
					_, right := literal(f.Args[1])
					if !left && !right {
						out[i] = append(out[i], [2]string{name(f.Args[0]), name(f.Args[1])})
					}
				}
				return true
			})
		}
	}
	return out
}

// lineage names a value by the columns of tables that it is made of.
func lineage(e Expr, in Node) string {
	switch e := e.(type) {
	case *Ref:
		return lineageOf(in, e.Index)
	case *Const:
		return e.Text
	case *Cast:
		return lineage(e.X, in)
	}
	parts := []string{fmt.Sprintf("%T", e)}
	if c, ok := e.(*Call); ok {
		if x := shiftedBy(c); x != nil { // the same weights, but for sums
			return lineage(x, in)
		}
		parts[0] = c.Name
	}
	for _, c := range e.Children() {
		parts = append(parts, lineage(c, in))
	}
	return strings.Join(parts, " ")
}

// lineageOf names a column of a node.
func lineageOf(n Node, column int) string {
	switch n := n.(type) {
	case *Scan:
		if p := n.Picked[column]; p >= 0 {
			return n.Table.Name + n.Table.Made + "." + n.Table.Columns[p].Name
		}
	case *Project:
		return lineage(n.Exprs[column], n.Input)
	case *Filter, *Sort, *Limit, *Distinct:
		return lineageOf(n.Inputs()[0], column)
	case *Window:
		if width := len(n.Input.Columns()); column < width {
			return lineageOf(n.Input, column)
		}
		return computed(n, column)
	case *Join:
		if width := len(n.L.Columns()); column >= width {
			return lineageOf(n.R, column-width)
		}
		return lineageOf(n.L, column)
	case *Aggregate:
		if column < len(n.Groups) {
			return lineage(n.Groups[column], n.Input)
		}
		return computed(n, column)
	case *With:
		return lineageOf(n.Body, column)
	case *WithRef:
		return lineageOf(n.Def, column)
	case *Correlated:
		return lineage(n.Reads[column], n.Of.L)
	case *Concat:
		at := column - concatOwn
		for _, b := range n.Branches {
			if at >= 0 && at < len(b.Columns()) {
				return lineageOf(b, at)
			}
			at -= len(b.Columns())
		}
	}
	return fmt.Sprintf("%T %d", n, column)
}

// computed names a number by everything that it is computed with: another
// condition on the rows makes another weight.
func computed(n Node, column int) string {
	p := &Printer{Vault: true, listed: map[int]bool{}}
	sql := p.node(n)
	return fmt.Sprintf("%d of %x", column, sha256.Sum256([]byte(p.with()+sql)))
}

// shiftedBy is what a call adds a literal to or multiplies with one; else nil.
func shiftedBy(c *Call) Expr {
	if (c.Name == "+" || c.Name == "-" || c.Name == "*") && len(c.Args) == 2 {
		for i, arg := range c.Args {
			if _, ok := literal(arg); ok {
				return c.Args[1-i]
			}
		}
	}
	return nil
}

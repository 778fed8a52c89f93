package plan

import (
	"strconv"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

// Concat is UNION ALL of people: the rows of all branches, one after the other.
//
// Its columns are those of every branch side by side, NULL in the rows of the
// others, after two of the gate's own: the person, and which branch the row is of.
// What the union shows as one column is an expression above,
//
//	CASE WHEN branch = 0 THEN a WHEN branch = 1 THEN b … END,
//
// so that a number of such a column is taken apart like every CASE, and whom each
// branch adds to it is measured (see overBranches).
//
// A row keeps the identity that it has in its branch. Where one row of a table
// comes in several branches it counts as often (disclosure.Term.Times).
type Concat struct {
	head
	Branches []Node
	// Person is of each branch a column that is the row's person, −1 where none is
	// needed. Check makes sure that those in Own are.
	Person []int
	Own    []branchColumn
}

type branchColumn struct{ branch, column int }

// The gate's own columns of a Concat.
const (
	concatPerson = iota
	concatBranch
	concatOwn // how many
)

// Inputs implements Node.
func (n *Concat) Inputs() []Node { return n.Branches }

// offset is where the columns of a branch begin.
func (n *Concat) offset(branch int) int {
	at := concatOwn
	for _, p := range n.Branches[:branch] {
		at += len(p.Columns())
	}
	return at
}

// columns sets what is known of the columns.
func (n *Concat) columns() {
	n.cols = []Column{{Name: catalog.PersonColumn, Type: Varchar, Identity: Own, Class: catalog.ClassPerson}, {Type: BigInt, Class: catalog.ClassDimension, Size: 1}}
	for _, p := range n.Branches {
		for _, c := range p.Columns() {
			if c.Identity == Own {
				c.Identity = OwnOrNull // NULL in the rows of other branches
			}
			n.cols = append(n.cols, c)
		}
	}
}

// checkConcat types a union after its branches.
func checkConcat(n *Concat) error {
	for _, p := range n.Branches {
		if !p.People() {
			return mixedUnion()
		}
	}
	for _, own := range n.Own {
		if n.Branches[own.branch].Columns()[own.column].Identity != Own {
			return gatehouse.Errorf(gatehouse.CodePersonMixed, "A branch of a union has something else where another has person_id.").
				WithAdvice("Put person_id into the same column of every branch, and filter out rows where it is NULL.")
		}
	}
	n.columns()
	n.people, n.once = true, false
	return nil
}

func mixedUnion() error {
	return gatehouse.Errorf(gatehouse.CodeOperator, "UNION, EXCEPT and INTERSECT put rows of people together with rows that are of nobody.").
		WithAdvice("Aggregate each part and combine the results, or leave out the part that is of nobody.")
}

// concat prints a union.
func (p *Printer) concat(n *Concat) string {
	parts := make([]string, len(n.Branches))
	for i, part := range n.Branches {
		out := []string{"u AS u"}
		if p.Rows {
			out = append(out, "r AS r")
		}
		out = append(out, "CAST("+strconv.Itoa(i)+" AS BIGINT) AS c"+strconv.Itoa(concatBranch))
		ref := p.columns(part, "")
		from, to := n.offset(i), n.offset(i)+len(part.Columns())
		for c := concatOwn; c < len(n.cols); c++ {
			value := "CAST(NULL AS " + n.cols[c].Type.SQL() + ")"
			switch {
			case c >= from && c < to:
				value = ref(c - from)
			case n.cols[c].Identity != NotIdentity:
				value = "CAST(NULL AS UINTEGER)"
			}
			out = append(out, value+" AS c"+strconv.Itoa(c))
		}
		parts[i] = "(SELECT " + strings.Join(out, ", ") + " FROM " + p.from(part, "t") + ")"
	}
	return strings.Join(parts, " UNION ALL ")
}

// unite makes the wide form of a UNION ALL of people: a projection of a Concat.
// Whatever else it is given it gives back.
func unite(n *Union) Node {
	if n.Kind != "UNION ALL" || !ofPeople(n.L) || !ofPeople(n.R) {
		return n
	}
	type branch struct {
		exprs []Expr
		input Node
	}
	var branches []branch
	add := func(in Node) {
		p, ok := in.(*Project)
		if !ok {
			branches = append(branches, branch{refsOf(in, 0), in})
			return
		}
		c, ok := p.Input.(*Concat)
		if !ok {
			branches = append(branches, branch{p.Exprs, p.Input})
			return
		}
		for k, part := range c.Branches { // a union of a union has the branches of both
			b := branch{input: part}
			for _, e := range p.Exprs {
				b.exprs = append(b.exprs, c.within(withBranch(e, concatBranch, k), k))
			}
			branches = append(branches, b)
		}
	}
	add(n.L)
	add(n.R)
	c := &Concat{}
	for _, b := range branches {
		c.Branches, c.Person = append(c.Branches, b.input), append(c.Person, -1)
	}
	c.columns()
	out := &Project{Input: c}
	for j, col := range n.cols {
		values := make([]Expr, len(branches))
		persons := 0
		for i, b := range branches {
			values[i] = shift(b.exprs[j], c.offset(i))
			if ref, ok := b.exprs[j].(*Ref); ok && carriesPerson(b.input, ref.Index) {
				persons++
			}
		}
		var e Expr
		if persons == len(branches) {
			for i, b := range branches {
				at := b.exprs[j].(*Ref).Index
				c.Person[i] = at
				c.Own = append(c.Own, branchColumn{i, at})
			}
			e = &Ref{T: Varchar, Index: concatPerson}
		} else {
			e = byBranch(concatBranch, finestSet(len(branches)), values)
		}
		out.Exprs = append(out.Exprs, e)
		out.cols = append(out.cols, Column{Name: col.Name, Type: col.Type})
	}
	return out
}

// within gives an expression over the Concat as one over a branch, in whose rows it
// reads that branch's columns only.
func (n *Concat) within(e Expr, branch int) Expr {
	from, to := n.offset(branch), n.offset(branch)+len(n.Branches[branch].Columns())
	return Rewrite(e, func(e Expr) Expr {
		ref, ok := e.(*Ref)
		switch {
		case !ok:
			return e
		case ref.Index == concatPerson:
			return &Ref{T: ref.T, Index: n.Person[branch]}
		case ref.Index >= from && ref.Index < to:
			return &Ref{T: ref.T, Index: ref.Index - from}
		}
		return &Const{T: ref.T, Null: true}
	})
}

// byBranch is CASE WHEN at = branches[0] THEN values[0] … ELSE the last END, or the
// value where all are the same literal. at is the column that says the branch.
func byBranch(at int, branches []int, values []Expr) Expr {
	last := len(values) - 1
	same := true
	for _, v := range values {
		same = same && sameLiteral(v, values[last])
	}
	if same {
		return values[last]
	}
	c := &Case{T: values[last].Type(), Else: values[last]}
	for i, v := range values[:last] {
		c.Whens = append(c.Whens, isBranch(at, branches[i]))
		c.Thens = append(c.Thens, v)
	}
	return c
}

// isBranch is the condition that a row is of a branch.
func isBranch(at, branch int) Expr {
	return &Compare{Op: "=", L: &Ref{T: BigInt, Index: at}, R: integer(int64(branch))}
}

func sameLiteral(a, b Expr) bool {
	p := &Printer{Vault: true}
	_, litA := literal(a)
	_, litB := literal(b)
	return litA && litB && p.expr(a, nil) == p.expr(b, nil)
}

// ofPeople reports whether the rows of a node that is not checked yet look like
// rows of people: Check has the last word.
func ofPeople(n Node) bool {
	switch n := n.(type) {
	case *Scan:
		return !n.Table.Public
	case *Concat:
		return true
	case *WithRef:
		return ofPeople(n.Def)
	case *With:
		return ofPeople(n.Body)
	case *Correlated:
		return ofPeople(n.Of.L)
	case *Aggregate:
		for _, g := range n.Groups {
			if ref, ok := g.(*Ref); ok && carriesPerson(n.Input, ref.Index) {
				return ofPeople(n.Input)
			}
		}
		return false
	case *Distinct:
		for _, t := range n.Targets {
			if ref, ok := t.(*Ref); ok && carriesPerson(n.Input, ref.Index) {
				return ofPeople(n.Input)
			}
		}
		return false
	}
	for _, in := range n.Inputs() {
		if ofPeople(in) {
			return true
		}
	}
	return false
}

// carriesPerson reports whether a column of a node that is not checked yet looks
// like the person of its rows: Check has the last word.
func carriesPerson(n Node, i int) bool {
	of := func(e Expr, in Node) bool {
		ref, ok := e.(*Ref)
		return ok && carriesPerson(in, ref.Index)
	}
	switch n := n.(type) {
	case *Scan:
		return !n.Table.Public && n.Picked[i] >= 0 && n.Table.Columns[n.Picked[i]].Class == catalog.ClassPerson
	case *Concat:
		return i == concatPerson
	case *WithRef:
		return carriesPerson(n.Def, i)
	case *With:
		return carriesPerson(n.Body, i)
	case *Correlated:
		return of(n.Reads[i], n.Of.L)
	case *Project:
		return of(n.Exprs[i], n.Input)
	case *Filter, *Sort, *Distinct, *Limit:
		return carriesPerson(n.Inputs()[0], i)
	case *Window:
		return i < len(n.Input.Columns()) && carriesPerson(n.Input, i)
	case *Aggregate:
		return i < len(n.Groups) && of(n.Groups[i], n.Input)
	case *Union:
		return carriesPerson(n.L, i) && carriesPerson(n.R, i)
	case *Join:
		width := len(n.L.Columns())
		switch {
		case i < width:
			return n.Kind != RightJoin && n.Kind != FullJoin && carriesPerson(n.L, i)
		case n.Kind == InnerJoin || n.Kind == CrossJoin || n.Kind == RightJoin:
			return carriesPerson(n.R, i-width)
		}
	}
	return false
}

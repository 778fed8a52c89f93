package plan

// Frontier lists the protected aggregates of a checked tree, each once, those
// that others are made from first; of them those that the vault reads again
// (back): their released numbers stand in a condition, a key or a join of people,
// so the next are asked only when they have been judged (Aggregate.Released). public
// are the reference tables that the lobby reads itself.
func Frontier(root Node) (aggregates []*Aggregate, back map[*Aggregate]bool, public []*Table) {
	f := frontier{back: map[*Aggregate]bool{}, seen: map[visited]bool{}, listed: map[*Aggregate]bool{}, tables: map[*Table]bool{}}
	f.visit(root, false)
	return f.aggregates, f.back, f.public
}

type visited struct {
	node   Node
	inside bool
}

type frontier struct {
	aggregates []*Aggregate
	back       map[*Aggregate]bool
	public     []*Table
	seen       map[visited]bool
	listed     map[*Aggregate]bool
	tables     map[*Table]bool
}

// visit looks at n; inside says that the vault reads it.
func (f *frontier) visit(n Node, inside bool) {
	if f.seen[visited{n, inside}] {
		return
	}
	f.seen[visited{n, inside}] = true
	agg, _ := n.(*Aggregate)
	protected := agg != nil && agg.Protected
	below := inside || protected || n.People()
	inputs := n.Inputs()
	switch n := n.(type) {
	case *WithRef:
		inputs = []Node{n.Def}
	case *With: // the definition is visited where it is read
		inputs = []Node{n.Body}
	case *Correlated:
		inputs = []Node{n.Of.L}
	}
	for _, in := range inputs {
		f.visit(in, below)
	}
	if protected {
		f.back[agg] = f.back[agg] || inside
		if !f.listed[agg] {
			f.listed[agg] = true
			f.aggregates = append(f.aggregates, agg)
		}
	}
	if scan, ok := n.(*Scan); ok && !inside && scan.Table.Public && !f.tables[scan.Table] {
		f.tables[scan.Table] = true
		f.public = append(f.public, scan.Table)
	}
}

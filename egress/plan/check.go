package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

// Check types the tree (gate.md §1): every node becomes people or public, the
// aggregates at the frontier are marked Protected, and what the gate does not
// accept is refused with a code and advice. The tree is normalised on the way.
func Check(s *Statement) error {
	if s.Root == nil {
		return nil
	}
	if s.Create == "" && rowsOfPeople(s.Root) {
		VisitNodes(s.Root, func(n Node) { n.node().people = true })
		return &Refused{Err: rowLevel(), Node: s.Root}
	}
	s.Root = normalise(s.Root)
	c := &checker{}
	if err := c.node(&s.Root); err != nil {
		return err
	}
	if err := checkVault(s.Root, s.Root.People()); err != nil {
		return err
	}
	if s.Create != "" {
		if err := checkCreate(s); err != nil {
			return &Refused{Err: err, Node: s.Root}
		}
		return nil
	}
	if s.Root.People() {
		return &Refused{Err: rowLevel(), Node: s.Root}
	}
	return nil
}

func rowLevel() error {
	return gatehouse.Errorf(gatehouse.CodeRowLevel, "The result would hold rows about single people.")
}

// rowsOfPeople knows the plainest row-level questions, so that "the first five
// rows" is answered with what matters rather than with a word about LIMIT.
func rowsOfPeople(n Node) bool {
	switch n := n.(type) {
	case *Project:
		return rowsOfPeople(n.Input)
	case *Sort:
		return rowsOfPeople(n.Input)
	case *Limit:
		return rowsOfPeople(n.Input)
	case *Filter:
		return rowsOfPeople(n.Input)
	case *Scan:
		return !n.Table.Public
	}
	return false
}

func checkCreate(s *Statement) error {
	switch {
	case s.View && !s.Root.People():
		return gatehouse.Errorf(gatehouse.CodeStatement, "A view is of rows of people; this SELECT gives protected results.").
			WithAdvice("Ask the SELECT by itself: its result comes straight to your notebook.")
	case !s.Root.People():
		return gatehouse.Errorf(gatehouse.CodeStatement, "A workspace table keeps rows of people; this SELECT gives protected results.").
			WithAdvice("Ask the SELECT by itself: its result comes straight to your notebook.")
	}
	if len(s.Names) != len(s.Root.Columns()) {
		return malformed(fmt.Errorf("CREATE TABLE of %d columns names %d", len(s.Root.Columns()), len(s.Names)))
	}
	seen := map[string]bool{}
	for i, name := range s.Names {
		folded := strings.ToLower(name) // as DuckDB compares names
		id := s.Root.Columns()[i].Identity
		switch {
		case seen[folded]:
			return gatehouse.Errorf(gatehouse.CodeBind, "Two columns of the new table have the same name.").WithAdvice("Give each a name of its own with AS.")
		case folded == catalog.UnitColumn, folded == catalog.RowColumn, folded == catalog.PersonColumn && (id != Own || name != catalog.PersonColumn):
			return gatehouse.Errorf(gatehouse.CodePersonMixed, "A column named %s must be the person's own identity.", folded).WithAdvice("Give the column another name with AS.")
		case id != NotIdentity && (folded != catalog.PersonColumn || id != Own):
			return gatehouse.Errorf(gatehouse.CodePersonMixed, "The person's identity is kept under the name person_id only.").WithAdvice("Select person_id once, under its own name.")
		}
		seen[folded] = true
	}
	if !gatehouse.ValidName(s.Create) {
		return gatehouse.Errorf(gatehouse.CodeBind, "A workspace table's name is lower-case letters, digits and '_', beginning with a letter.").WithAdvice("Choose such a name, for example cohort_2020.")
	}
	return nil
}

// checkVault holds the public rows that the vault reads beside people to the
// same functions: what runs there is on the list, whatever it looks at.
func checkVault(n Node, inside bool) error {
	if agg, ok := n.(*Aggregate); ok && agg.Protected {
		inside = true
	}
	if inside && !n.People() {
		switch n.(type) {
		case *TableFunction, *Unnest:
			return at(gatehouse.Errorf(gatehouse.CodeTableFunction, "Generated rows cannot be joined with people.").WithAdvice("Join with VALUES or a reference table."), n)
		}
		if agg, ok := n.(*Aggregate); !ok || !agg.Protected {
			if err := checkFunctions(Exprs(n)...); err != nil {
				return at(err, n)
			}
		}
	}
	inputs := n.Inputs()
	if ref, ok := n.(*WithRef); ok && inside {
		inputs = []Node{ref.Def}
	}
	for _, in := range inputs {
		if err := checkVault(in, inside); err != nil {
			return err
		}
	}
	return nil
}

type checker struct{}

// node checks what slot holds, inputs first, and may replace it.
func (c *checker) node(slot *Node) error {
	err := c.check(slot)
	return at(err, *slot)
}

func (c *checker) check(slot *Node) error {
	switch n := (*slot).(type) {
	case *Scan:
		return c.scan(n)
	case *Values, *TableFunction:
		return nil
	case *WithRef:
		n.cols, n.people, n.once = n.Def.Columns(), n.Def.People(), n.Def.node().once
		return nil
	case *Correlated:
		return c.correlated(n)
	case *With:
		if err := c.node(&n.Def); err != nil {
			return err
		}
		// the readers were made before the definition could be replaced
		VisitNodes(n.Body, func(m Node) {
			if ref, ok := m.(*WithRef); ok && ref.Index == n.Index {
				ref.Def = n.Def
			}
		})
		if err := c.node(&n.Body); err != nil {
			return err
		}
		n.cols, n.people, n.once = n.Body.Columns(), n.Body.People(), n.Body.node().once
		return nil
	case *Join:
		if err := c.node(&n.L); err != nil {
			return err
		}
		if err := c.node(&n.R); err != nil {
			return err
		}
		if err := checkJoin(n); err != nil {
			return err
		}
		n.once = joinOnce(n)
		return nil
	case *Union:
		if err := c.node(&n.L); err != nil {
			return err
		}
		if err := c.node(&n.R); err != nil {
			return err
		}
		return setOperation(n, slot)
	case *Concat:
		for i := range n.Branches {
			if err := c.node(&n.Branches[i]); err != nil {
				return err
			}
		}
		return checkConcat(n)
	}
	// one input
	input := inputSlot(*slot)
	if input == nil {
		return unknown("operator", "node")
	}
	if err := c.node(input); err != nil {
		return err
	}
	if !(*input).People() {
		return nil // over public rows anything goes: it runs in the lobby
	}
	if err := checkFunctions(Exprs(*slot)...); err != nil {
		return err
	}
	switch n := (*slot).(type) {
	case *Project:
		return checkProject(n)
	case *Filter:
		return checkFilter(n)
	case *Sort:
		*slot = n.Input // the order of people's rows shows nowhere
		return nil
	case *Aggregate:
		return checkAggregate(n, slot)
	case *Distinct:
		return checkDistinct(n, slot)
	case *Window:
		return checkWindow(n)
	case *Limit:
		return gatehouse.Errorf(gatehouse.CodeOperator, "LIMIT over rows of people is not answered.").WithAdvice("Aggregate first; LIMIT works on the result.")
	case *Scalar:
		return gatehouse.Errorf(gatehouse.CodeRowLevel, "A scalar subquery would read one person's value.").WithAdvice("Use an aggregate inside the subquery.")
	case *Unnest:
		return gatehouse.Errorf(gatehouse.CodeTableFunction, "UNNEST over rows of people is not answered.").WithAdvice("Join with VALUES ('a'), ('b') on a column, or use CASE WHEN or one FILTER for each value.")
	}
	return unknown("operator", "node")
}

// correlated types what a correlated subquery reads of the rows around it. Of
// people it must read the person too, or its rows would be nobody's.
func (c *checker) correlated(n *Correlated) error {
	left := n.Of.L
	own := false
	for i, e := range n.Reads {
		from := left.Columns()[e.(*Ref).Index]
		if from.Identity == OwnOrNull {
			return noIdentity([]Column{from})
		}
		own = own || from.Identity == Own
		from.Type = n.cols[i].Type
		n.cols[i] = from
	}
	n.people = left.People()
	if n.people && !own {
		return gatehouse.Errorf(gatehouse.CodeJoin, "A subquery reads values of the people around it without their person_id.").
			WithAdvice("Compare person_id inside the subquery with the one outside.")
	}
	return nil
}

func inputSlot(n Node) *Node {
	switch n := n.(type) {
	case *Project:
		return &n.Input
	case *Filter:
		return &n.Input
	case *Sort:
		return &n.Input
	case *Aggregate:
		return &n.Input
	case *Distinct:
		return &n.Input
	case *Window:
		return &n.Input
	case *Limit:
		return &n.Input
	case *Scalar:
		return &n.Input
	case *Unnest:
		return &n.Input
	}
	return nil
}

// checkFunctions refuses functions that are not allowed over people.
func checkFunctions(exprs ...Expr) error {
	var bad error
	for _, e := range exprs {
		Walk(e, func(e Expr) bool {
			if bad != nil {
				return false
			}
			switch e := e.(type) {
			case *Call:
				bad = checkFunction(e)
			case *Cast:
				bad = checkDateLiteral(e)
			}
			return bad == nil
		})
	}
	return bad
}

func (c *checker) scan(n *Scan) error {
	n.people, n.once = !n.Table.Public, n.Table.Once && !n.Table.Public
	for i, at := range n.Picked {
		if at < 0 {
			continue
		}
		col := n.Table.Columns[at]
		out := &n.cols[i]
		out.Class, out.Grain, out.Size, out.Scanned = col.Class, col.Grain, 1, true
		switch {
		case !n.people:
			out.Class = catalog.ClassReference
		case col.Class == catalog.ClassPerson:
			out.Identity = Own
		}
		switch {
		case n.Table.Known != nil:
			known := n.Table.Known[at]
			out.Form, out.Nulls, out.Scanned, out.Size = known.Form, known.Nulls, known.Scanned, known.Size
			if known.Summed { // the rows beneath it are no longer known: a value to filter by
				out.Form, out.Class = FormNone, ""
			}
		case out.Type.Numeric() && col.Class != catalog.ClassQuasi && out.Identity == NotIdentity:
			out.Form = FormLinear
		}
	}
	return nil
}

func checkProject(n *Project) error {
	n.people, n.once = true, n.Input.node().once
	for i, e := range n.Exprs {
		col, err := derive(e, n.Input.Columns())
		if err != nil {
			return err
		}
		col.Name, col.Type = n.cols[i].Name, n.cols[i].Type
		n.cols[i] = col
	}
	return nil
}

func checkFilter(n *Filter) error {
	n.people, n.once = true, n.Input.node().once
	n.cols = slices.Clone(n.Input.Columns())
	for _, cond := range splitAnd(n.Conds) {
		col, err := derive(cond, n.Input.Columns())
		if err != nil {
			return err
		}
		if col.Identity != NotIdentity {
			return noIdentity([]Column{col})
		}
		for _, ref := range provenPresent(cond) {
			if n.cols[ref].Identity == OwnOrNull {
				n.cols[ref].Identity = Own
			}
			n.cols[ref].Nulls = NullsRaw // there are none left to tell anything
		}
	}
	return nil
}

// provenPresent lists the columns that are not NULL in a row that meets cond.
func provenPresent(cond Expr) []int {
	var out []int
	look := func(e Expr) {
		for {
			c, ok := e.(*Cast)
			if !ok {
				break
			}
			e = c.X
		}
		if ref, ok := e.(*Ref); ok {
			out = append(out, ref.Index)
		}
	}
	switch c := cond.(type) {
	case *Op:
		if c.Name == "IS NOT NULL" || c.Name == "IN" {
			look(c.Args[0])
		}
	case *Compare:
		if c.Op != "IS DISTINCT FROM" && c.Op != "IS NOT DISTINCT FROM" {
			look(c.L)
			look(c.R)
		}
	}
	return out
}

// checkAggregate types an aggregate over people, and may replace it in slot by
// several.
func checkAggregate(n *Aggregate, slot *Node) error {
	in := n.Input.Columns()
	unions := unionsOf(n.Input)
	onlyBranch(n, unions)
	keys := make([]Column, len(n.Groups))
	person := -1
	for i, g := range n.Groups {
		col, err := derive(g, in)
		if err != nil {
			return err
		}
		keys[i] = col
		if col.Identity == Own {
			person = i
		}
	}
	if person >= 0 {
		if len(n.Sets) != 1 || !slices.Contains(n.Sets[0], person) || len(n.Grouping) > 0 {
			return gatehouse.Errorf(gatehouse.CodeGroupKey, "GROUPING SETS, ROLLUP and CUBE cannot hold person_id.").WithAdvice("Make one row of each person first (a subquery with GROUP BY person_id, …), and ROLLUP the other keys outside.")
		}
		return checkPersonAggregate(n, keys)
	}
	if done, err := overBranches(n, unions, slot); done || err != nil {
		return err
	}
	if err := checkKeys(n); err != nil {
		return err
	}
	for _, a := range n.Aggs {
		exactly(a)
		if err := checkFrontier(a, in); err != nil {
			return err
		}
	}
	if err := separate(n, slot); err != nil {
		return err
	}
	for _, a := range n.Aggs {
		widen(a)
	}
	return nil
}

// checkKeys refuses groups at the frontier that may not be shown.
func checkKeys(n *Aggregate) error {
	for _, g := range n.Groups {
		k, err := derive(g, n.Input.Columns())
		if err != nil {
			return err
		}
		if k.Class != catalog.ClassDimension && k.Class != catalog.ClassReference {
			return groupKeyError(k)
		}
	}
	if len(n.Sets) > 64 {
		return gatehouse.Errorf(gatehouse.CodeTooLarge, "There are too many grouping sets.").WithAdvice("Ask for at most 64 of them at once: fewer keys in CUBE, or GROUPING SETS with those you need.")
	}
	if repeatedSets(n) {
		return gatehouse.Errorf(gatehouse.CodeOperator, "GROUPING SETS, ROLLUP and CUBE name each grouping once.").WithAdvice("Write each key and each grouping once, such as ROLLUP (region, sex).")
	}
	if len(n.Groups) == 0 && len(n.Sets) > 1 {
		return gatehouse.Errorf(gatehouse.CodeOperator, "GROUPING SETS without any column are not answered.").WithAdvice("Leave the GROUP BY out, or GROUP BY a dimension.")
	}
	return nil
}

func groupKeyError(k Column) error {
	e := gatehouse.Errorf(gatehouse.CodeGroupKey, "A group key is not a declared dimension.").WithAdvice("Group by columns that the catalogue declares as dimensions, by bands (CASE WHEN … THEN 'a' ELSE 'b' END), or by dates at month or coarser.")
	switch {
	case k.Identity != NotIdentity:
		return gatehouse.Errorf(gatehouse.CodeGroupKey, "Grouping by person_id shows single people.").WithAdvice("Leave person_id out of the keys; to aggregate within each person, group by a person_id that is never NULL, in a subquery.")
	case k.Name != "" && k.Class == catalog.ClassDate:
		return gatehouse.Errorf(gatehouse.CodeGroupKey, "The date column %q is too fine to group by.", k.Name).WithAdvice("Group by date_trunc('month', …) or coarser.")
	case k.Name != "" && k.Class == catalog.ClassQuasi:
		return gatehouse.Errorf(gatehouse.CodeGroupKey, "The column %q is a quasi-identifier: filter or join by it, but do not group by it.", k.Name).WithAdvice("Group by a declared dimension, or by bands of it (CASE WHEN … IN (…) THEN 'a' ELSE 'b' END).")
	case k.Name != "":
		return gatehouse.Errorf(gatehouse.CodeGroupKey, "The column %q is not declared as a dimension.", k.Name).WithAdvice("Put it into bands with CASE WHEN … THEN … END.")
	}
	return e
}

// repeatedSets reports whether two grouping sets are the same, or two keys: the
// same rows would be measured twice.
func repeatedSets(n *Aggregate) bool {
	if len(n.Sets) < 2 {
		return false
	}
	p := &Printer{Vault: true, listed: map[int]bool{}}
	ref := p.single(n.Input)
	keys := map[string]bool{}
	for _, g := range n.Groups {
		sql := p.expr(g, ref)
		if keys[sql] {
			return true
		}
		keys[sql] = true
	}
	seen := map[string]bool{}
	for _, set := range n.Sets {
		sorted := slices.Clone(set)
		slices.Sort(sorted)
		name := fmt.Sprint(slices.Compact(sorted))
		if seen[name] || len(slices.Compact(slices.Clone(sorted))) != len(set) {
			return true
		}
		seen[name] = true
	}
	return false
}

package egress

import (
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// telling writes the steps of a preflight.
type telling struct {
	q     *question
	p     *Preflight
	words plan.Words
	seen  map[plan.Node]bool

	aggregates []*plan.Aggregate // of the frontier, in the order in which they are judged
	back       map[*plan.Aggregate]bool
	releases   map[*plan.Aggregate]*plan.Release
	until      plan.Node // stop before it
	stopped    bool
	depth      int // of until
}

func (t *telling) add(s Step) { t.p.Steps = append(t.p.Steps, s) }

// accepted tells of a statement that the checker accepted, or gives the refusal of
// what comes after it.
func (t *telling) accepted() error {
	q := t.q
	switch {
	case q.stmt.Drop != "":
		if err := q.checkDrop(); err != nil {
			return err
		}
		t.add(Step{Engine: "vault", Kind: "workspace table", What: map[bool]string{false: "DROP TABLE ", true: "DROP VIEW "}[q.stmt.View] + q.stmt.Drop, Note: "Nothing leaves."})
		return nil
	case q.stmt.Create != "":
		if _, err := q.checkCreate(); err != nil {
			return err
		}
		t.visit(q.stmt.Root, 1, true)
		if q.stmt.View {
			t.add(Step{Kind: "workspace view", What: "CREATE VIEW " + q.stmt.Create, Note: "Nothing is read and nothing leaves. Questions of the view are judged as if its SELECT stood in its place."})
			return nil
		}
		t.add(Step{Engine: "vault", Kind: "workspace table", What: "CREATE TABLE " + q.stmt.Create, Note: "Rows of people are kept in the workspace; nothing leaves, and questions of the table are judged like any other."})
		return nil
	}
	if err := t.prepare(); err != nil {
		return err
	}
	t.visit(q.stmt.Root, 1, false)
	names := make([]string, len(q.bound.Columns))
	for i, c := range q.bound.Columns {
		names[i] = c.Name
	}
	answer := Step{Engine: "lobby", Kind: "answer", What: strings.Join(names, ", "), Rule: "policy " + t.p.Policy}
	switch n := t.p.Aggregations; n {
	case 0:
		answer.Note = "Nothing of people is in it: nothing is judged."
	case 1:
		answer.Note = "1 aggregation of people is judged; what the lobby makes of its numbers may leave. Rounding: " + q.policy.Rounding() + "."
	default:
		answer.Note = "Taken apart into " + strconv.Itoa(n) + " aggregations of people, judged one after the other; what the lobby makes of their numbers may leave. Rounding: " + q.policy.Rounding() + "."
	}
	t.add(answer)
	return nil
}

// prepare prints, for no engine, everything that the question would run, so that
// what cannot be printed is refused here too.
func (t *telling) prepare() error {
	q := t.q
	t.aggregates, t.back, _ = plan.Frontier(q.stmt.Root)
	t.p.Aggregations = len(t.aggregates)
	if err := checkAggregations(t.aggregates); err != nil {
		return err
	}
	t.releases = map[*plan.Aggregate]*plan.Release{}
	lobby := &plan.Printer{Protected: map[*plan.Aggregate]string{}}
	for i, agg := range t.aggregates {
		r, err := plan.NewRelease(agg)
		if err != nil {
			return &plan.Refused{Err: err, Node: agg, Part: t.words.Node(agg)}
		}
		t.releases[agg] = r
		lobby.Protected[agg] = "p" + strconv.Itoa(i)
		if t.back[agg] { // stands for what would have been released
			nothing := make([]string, len(agg.Columns()))
			for c := range nothing {
				nothing[c] = "NULL AS c" + strconv.Itoa(c)
			}
			agg.Released = "(SELECT " + strings.Join(nothing, ", ") + " WHERE false) AS v"
		}
	}
	names := make([]string, len(q.bound.Columns))
	for i, c := range q.bound.Columns {
		names[i] = c.Name
	}
	_, err := lobby.Statement(q.stmt.Root, names)
	return err
}

// refused ends with a refusal: before it stands what had been checked by then.
func (t *telling) refused(err error, r *Refusal) {
	t.p.Refused = r
	depth := 0
	var place *plan.Refused
	if t.q.stmt != nil && t.q.stmt.Root != nil && errors.As(err, &place) && place.Node != nil {
		t.until = place.Node
		t.visit(t.q.stmt.Root, 1, false)
		switch {
		case !t.stopped: // the place was replaced: what stands there now has not all been checked
			t.p.Steps = nil
		case r.Part != "":
			depth = t.depth
		}
	}
	what := r.Part
	switch {
	case what != "":
	case t.q.bound != nil && t.q.bound.Statement != "":
		what = "the whole " + strings.ReplaceAll(t.q.bound.Statement, "_", " ")
	default:
		what = "the whole statement"
	}
	t.add(Step{Depth: depth, Kind: "refused", What: what, Rule: string(r.Code), Note: r.Sentence, Advice: r.Advice})
}

// visit tells of everything below n and then of n, in the checker's order. inside
// says that the vault reads it.
func (t *telling) visit(n plan.Node, depth int, inside bool) {
	if t.stopped || t.seen[n] {
		return
	}
	t.seen[n] = true
	agg, _ := n.(*plan.Aggregate)
	protected := agg != nil && agg.Protected
	below := inside || protected || n.People()
	switch n := n.(type) {
	case *plan.With: // its definition is told of where it is read, but a refusal may be in it
		if t.until != nil {
			t.visit(n.Def, depth, below)
		}
		t.visit(n.Body, depth, inside)
		return
	case *plan.WithRef:
		t.visit(n.Def, depth, below)
		return
	}
	silent := unsaid(n) && n != t.until
	deeper := depth + 1
	if silent {
		deeper = depth
	}
	for _, in := range n.Inputs() {
		t.visit(in, deeper, below)
	}
	switch {
	case t.stopped || silent:
	case n == t.until:
		t.stopped, t.depth = true, depth
	default:
		t.tell(n, depth, inside || protected || n.People())
	}
}

// unsaid reports whether a node is not worth a row: it picks and renames columns,
// or is the empty row of a SELECT without a table.
func unsaid(n plan.Node) bool {
	switch n := n.(type) {
	case *plan.Project:
		return !slices.ContainsFunc(n.Exprs, func(e plan.Expr) bool {
			_, column := e.(*plan.Ref)
			return !column
		})
	case *plan.Values:
		return len(n.Rows) == 1 && len(n.Columns()) == 1 && n.Columns()[0].Type.ID == "BOOLEAN"
	}
	return false
}

// tell adds the rows of one node.
func (t *telling) tell(n plan.Node, depth int, inside bool) {
	s := Step{Depth: depth, Engine: "lobby", Kind: "public", What: t.words.Node(n)}
	if inside {
		s.Engine = "vault"
	}
	if n.People() {
		s.Kind = "people"
	}
	switch n := n.(type) {
	case *plan.Scan:
		t.scan(n, &s)
	case *plan.Values:
		s.Note = "Literals."
	case *plan.Filter:
		if n.People() {
			s.Note = "Whom it selects is measured, so it may be anything."
		}
	case *plan.Join:
		t.join(n, &s)
	case *plan.Aggregate:
		if n.Protected {
			t.protected(n, s)
			return
		}
		if s.What += t.calls(n); n.People() {
			s.Note = "Within each person's rows: one row for each person and key."
		}
	case *plan.Window:
		if n.People() {
			s.Note = "Within each person's rows."
		}
	case *plan.Distinct:
		if n.People() {
			s.Note = "Within each person's rows."
		}
	}
	if s.Kind == "public" && s.Engine == "lobby" && s.Note == "" {
		s.Note = "No people in it: anything goes."
	}
	t.add(s)
}

func (t *telling) calls(n *plan.Aggregate) string {
	out := make([]string, len(n.Aggs))
	for i, a := range n.Aggs {
		out[i] = t.words.Expr(a, n.Input)
	}
	if len(out) == 0 {
		return ""
	}
	return ": " + strings.Join(out, ", ")
}

func (t *telling) scan(n *plan.Scan, s *Step) {
	if n.Table.Public {
		s.Note = "A reference table: no people in it."
		return
	}
	var read []string
	for i, at := range n.Picked {
		if at >= 0 {
			read = append(read, t.words.Columns(n)[i])
		}
	}
	s.Note = "Several rows for a person."
	if n.Table.Once {
		s.Note = "One row for each person."
	}
	if len(read) > 0 {
		s.Note += " Reads " + strings.Join(read, ", ") + "."
	}
}

func (t *telling) join(n *plan.Join, s *Step) {
	switch lp, rp := n.L.People(), n.R.People(); {
	case lp && rp:
		s.Rule, s.Note = "joined on person_id", "Both sides are the same person in each row."
	case lp || rp:
		s.Note = "People with public rows."
		if slices.Contains(plan.PublicJoins(n), n) {
			s.Rule = "each row of people meets one public row at most"
			s.Note = "People with public rows: that nobody's rows are repeated is looked at when the question is asked."
		}
	}
}

// protected tells of an aggregate at the frontier and of each of its numbers.
func (t *telling) protected(n *plan.Aggregate, s Step) {
	k := strconv.Itoa(t.q.policy.Threshold)
	s.Kind = "protected aggregate"
	s.Note = "Rows of people become numbers that may leave."
	if len(n.Groups) > 0 {
		s.Rule = "group: " + k + " people"
		s.Note = "Groups of fewer than " + k + " people are left out; whether there are any is not said."
	}
	if len(t.aggregates) > 1 {
		s.Note = "Aggregation " + strconv.Itoa(slices.Index(t.aggregates, n)+1) + " of " + strconv.Itoa(len(t.aggregates)) + ". " + s.Note
	}
	if t.back[n] {
		s.Note += " Its released numbers are then compared with people."
	}
	t.add(s)
	r := t.releases[n]
	if r == nil { // refused before it was looked at more closely
		for _, a := range n.Aggs {
			t.add(Step{Depth: s.Depth + 1, Engine: "vault", Kind: "number", What: t.words.Expr(a, n.Input)})
		}
		return
	}
	names := t.q.names(n)
	cells := rules(r, t.q.policy)
	for i, c := range r.Cells {
		what := t.words.Expr(c.Call, n.Input)
		name := names[len(n.Groups)+i]
		if alias.MatchString(name) && slices.ContainsFunc(t.q.bound.Columns, func(b BoundColumn) bool { return b.Name == name }) {
			what += " AS " + name
		}
		t.add(Step{Depth: s.Depth + 1, Engine: "vault", Kind: classOf(c, r.Node), What: what, Rule: t.rulesOf(r, c, cells[i]), Note: noteOf(r, c)})
	}
}

// alias is a name that a researcher gave a number, rather than DuckDB's own for it.
var alias = regexp.MustCompile(`^[\pL_][\pL\pN_]*$`)

// classOf says what kind of number an aggregate is.
func classOf(c plan.Cell, n *plan.Aggregate) string {
	of := "rows"
	if c.People {
		of = "people"
	}
	counts := indicates(c, n)
	switch {
	case c.Measure == plan.MeasureCount, c.Measure == plan.MeasureDistinct, c.Measure == plan.MeasureSum && counts:
		return "count of " + of
	case c.Measure == plan.MeasureMean && counts:
		return "share of " + of
	case c.Measure == plan.MeasureSum:
		return "sum of a measure"
	case c.Measure == plan.MeasureMean:
		return "mean of a measure"
	case c.Measure == plan.MeasureSpread:
		return "spread of a measure"
	case c.Measure == plan.MeasureQuantile:
		return "quantile of a measure"
	case c.Measure == plan.MeasureRegression:
		return "regression of two measures"
	}
	return "number"
}

// indicates reports whether a sum or mean is of 0 and 1: a count in another dress.
func indicates(c plan.Cell, n *plan.Aggregate) bool {
	if c.Measure != plan.MeasureSum && c.Measure != plan.MeasureMean {
		return false
	}
	_, _, counts := c.Weight(n)
	return counts
}

// rulesOf lists the rules of the policy that judge a number, by the names that the
// disclosure record gives them.
func (t *telling) rulesOf(r *plan.Release, c plan.Cell, judged disclosure.Cell) string {
	p := t.q.policy
	threshold := "threshold: " + strconv.Itoa(judged.Need) + " people"
	if c.Measure == plan.MeasureQuantile {
		threshold = "threshold: " + strconv.Itoa(p.Threshold) + " people on each side"
	}
	out := []string{threshold}
	if judged.Sums || judged.Rows || slices.ContainsFunc(r.Shares, func(s plan.RowShare) bool { return r.Cells[s.Cell].Call == c.Call }) {
		out = append(out, "dominance")
	}
	out = append(out, "difference")
	counts := indicates(c, r.Node)
	switch {
	case c.Measure == plan.MeasureQuantile && c.Grain != "":
		out = append(out, "rounded to the column's step of "+c.Grain)
	case c.Measure == plan.MeasureCount, c.Measure == plan.MeasureDistinct, c.Measure == plan.MeasureSum && counts:
		if p.RoundCounts > 0 {
			out = append(out, "rounded to "+strconv.FormatInt(p.RoundCounts, 10))
		}
	default:
		out = append(out, strconv.Itoa(p.Digits)+" significant digits")
	}
	return strings.Join(out, "; ")
}

func noteOf(r *plan.Release, c plan.Cell) string {
	parts, err := plan.CellParts(c.Call)
	if err != nil {
		return ""
	}
	judged, conditions := 0, false
	for _, p := range parts {
		if !p.Neutral() {
			judged++
			conditions = conditions || len(p.Conds) > 0
		}
	}
	note := ""
	switch {
	case judged > 1:
		note = "Its " + strconv.Itoa(judged) + " branches are judged as numbers of their own. "
	case conditions:
		note = "Those whom its condition selects are counted. "
	}
	if r.RowSets > 0 || len(r.Node.Sets) > 1 {
		note += "Judged together with the other numbers of the question, and with those released before."
	} else {
		note += "Judged together with the numbers released before."
	}
	return note
}

// checkAggregations bounds the protected aggregates of one question.
func checkAggregations(aggregates []*plan.Aggregate) error {
	if len(aggregates) > maxAggregates {
		return gatehouse.Errorf(gatehouse.CodeTooLarge, "The question aggregates rows of people too many times.").WithAdvice("Ask it in parts.")
	}
	return nil
}

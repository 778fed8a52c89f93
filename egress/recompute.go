package egress

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Recomputed is the protected table of a decided question with nothing withheld.
// It is for output checkers: whoever calls Recompute keeps it from researchers.
type Recomputed struct {
	Answer   []byte // CSV; rounded as the policy rounds what leaves, nothing withheld
	Evidence []byte // CSV: keys, people, and of each number its exact value, the people behind it, and the rule that withholds it
	Source   string // the SQL that the vault ran, printed by the gate
	Rounding string // in words
	Groups   int
	Withheld map[string]int // numbers, by rule
	Dropped  int            // groups that would be left out whole
	// Cohorts are the rows and people that the numbers are made of, sealed as in the
	// ledger: they count as released if the table is.
	Cohorts []byte
	// Changed says, in sentences, what is no longer as it was when the question was
	// asked, and may make other numbers of it.
	Changed []string
	At      time.Time
}

// NotComputable is a question to which there is no table that could be
// recomputed: its SQL does not bind, or asks for what the gate does not print.
type NotComputable struct{ Reason *gatehouse.Error }

func (e *NotComputable) Error() string { return "not computable: " + e.Reason.Error() }
func (e *NotComputable) Unwrap() error { return e.Reason }

// answerLimit bounds a recomputed table, in bytes.
const answerLimit = 8 << 20

// Recompute asks a decided question again, over the same dataset versions, and
// gives its protected table with nothing withheld, beside what the gate measured.
// Only SQL that the gate printed runs on data. What the researcher's SQL does with
// protected numbers is left out: run on numbers that are not protected, its
// failing, or its taking long, would tell of them. s is the session of whoever
// refers the decision, in the decision's workspace.
func (g *Gate) Recompute(ctx context.Context, s *workspaces.Session, d Decision) (*Recomputed, error) {
	limit := g.TimeLimit
	if limit == 0 {
		limit = 2 * time.Minute
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errTimeLimit)
	defer cancel()
	r, err := g.recompute(ctx, s, d)
	if err != nil && errors.Is(context.Cause(ctx), errTimeLimit) {
		err = gatehouse.Errorf(gatehouse.CodeTimeLimit, "The question took longer than is allowed.").Because(err)
	}
	return r, err
}

func (g *Gate) recompute(ctx context.Context, s *workspaces.Session, d Decision) (*Recomputed, error) {
	q, err := g.open(ctx, s, d.SQL)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(q.decision.Datasets, d.Datasets) {
		return nil, gatehouse.Errorf(gatehouse.CodeRequestState, "The project uses other versions of its datasets than when the question was asked.").
			WithAdvice("Ask it again, and refer the new decision.")
	}
	params, err := readParameters(d.Parameters)
	if err != nil {
		return nil, err
	}
	if err := q.bind(ctx, params); err != nil {
		return nil, notComputable(err)
	}
	if q.stmt.Create != "" || q.stmt.Drop != "" {
		return nil, notComputable(gatehouse.Errorf(gatehouse.CodeStatement, "The statement makes or drops a table of the workspace."))
	}
	aggregates, _, _ := plan.Frontier(q.stmt.Root)
	if len(aggregates) != 1 {
		return nil, notComputable(gatehouse.Errorf(gatehouse.CodeOperator, "A question that is referred aggregates rows of people once."))
	}
	r, err := plan.NewRelease(aggregates[0])
	if err != nil {
		return nil, notComputable(err)
	}
	vault, done, err := g.Vaults.Vault(ctx, s)
	if err != nil {
		return nil, engineError(err, "The workspace engine could not be started.")
	}
	defer done()
	if err := q.checkPublicJoins(ctx, vault, q.stmt.Root); err != nil {
		return nil, err
	}
	out := &Recomputed{Source: r.SQL, Rounding: q.policy.Rounding(), Withheld: map[string]int{}, Changed: q.changed(d), At: g.Now().UTC()}
	rows := &cohorts{values: computedOf(r), sums: summedValues(r)}
	t, atoms, verdicts, err := judgeRows(ctx, vault, r, q.policy, rows)
	if err != nil {
		return nil, err
	}
	defer t.release()
	under, err := readBeneath(ctx, vault, r)
	if err != nil {
		return nil, err
	}
	out.Cohorts, err = q.counted(r, t, atoms, rows, under)
	if errors.Is(err, errTooManyNumbers) { // the checkers are told, and not the author
		out.Changed = append(out.Changed, "The numbers are too many to be counted as released: what is asked later is not judged against them.")
	} else if err != nil {
		return nil, err
	}
	people, err := readAll(ctx, vault, r.People())
	if err != nil {
		return nil, err
	}
	defer people.Release()
	if err := out.evidence(r, t, verdicts, people); err != nil {
		return nil, err
	}
	return out, out.answer(r, q.policy, t)
}

// notComputable marks what the researcher could have been told before any data
// was touched; other failures stay what they are.
func notComputable(err error) error {
	var e *gatehouse.Error
	if !errors.As(err, &e) || e.Kind() != gatehouse.KindInvalid && e.Kind() != gatehouse.KindDenied {
		return err
	}
	return &NotComputable{e}
}

// answer writes the table as it would leave, with nothing withheld.
func (out *Recomputed) answer(r *plan.Release, policy disclosure.Policy, t *groupTable) error {
	lifted := make([]disclosure.Verdict, t.rows)
	for i := range lifted {
		lifted[i].Withheld = make([]disclosure.Rule, len(r.Cells))
	}
	p, err := build(r, policy, t, lifted)
	if err != nil {
		return err
	}
	defer p.table.Release()
	keys, cells := r.Titles()
	w := newCSV()
	w.write(append(keys, cells...)...)
	for i := range int(p.table.NumRows()) {
		record := make([]string, r.Keys+len(r.Cells)) // without what GROUPING() says
		for c := range record {
			record[c] = valueText(p.table.Column(c), i)
		}
		w.write(record...)
	}
	out.Answer = w.bytes()
	return nil
}

// evidence writes, for every group that the question asked for, what a checker
// judges it by.
func (out *Recomputed) evidence(r *plan.Release, t *groupTable, verdicts []disclosure.Verdict, people arrow.RecordBatch) error {
	all := make([]int, t.rows)
	for i := range all {
		all[i] = i
	}
	at, err := indexGroups(r, t, people, all)
	if err != nil {
		return err
	}
	header, cells := r.Titles()
	header = append(header, "people", "group left out")
	for _, c := range cells {
		header = append(header, c, c+": people", c+": withheld by")
	}
	w := newCSV()
	w.write(header...)
	for i := range t.rows {
		if !released(r, t.gid.Value(i)) {
			continue
		}
		out.Groups++
		row, found := at[i]
		channel := func(c int) int64 {
			if !found {
				return 0
			}
			n, _ := strconv.ParseInt(people.Column(1+r.Keys+c).ValueStr(row), 10, 64) // a count
			return n
		}
		var record []string
		for _, k := range t.keys {
			record = append(record, valueText(k, i))
		}
		left := ""
		if verdicts[i].Dropped {
			left = "yes"
			out.Dropped++
		}
		record = append(record, strconv.FormatInt(channel(0), 10), left)
		for c, cell := range r.Cells {
			behind := channel(0)
			for _, n := range cell.Contributors {
				behind = min(behind, channel(n))
			}
			rule := string(disclosure.RuleThreshold)
			if !verdicts[i].Dropped {
				if rule = string(verdicts[i].Withheld[c]); rule != "" {
					out.Withheld[rule]++
				}
			}
			record = append(record, valueText(t.cells[c], i), strconv.FormatInt(behind, 10), rule)
		}
		w.write(record...)
	}
	out.Evidence = w.bytes()
	return nil
}

// changed says what is no longer as it was at a decision.
func (q *question) changed(d Decision) []string {
	var out []string
	switch {
	case len(d.Populations) == 0:
		out = append(out, "Whether the population has changed since is not known: the decision is from before that was kept.")
	case !slices.Equal(d.Populations, q.decision.Populations):
		out = append(out, "The population of the workspace has changed since the question was asked: people were withdrawn, or came back.")
	}
	if d.Policy != q.decision.Policy {
		out = append(out, "The disclosure policy of the project was "+d.Policy+" when the question was asked.")
	}
	for _, t := range q.scratch {
		if t.Made.After(d.Time) {
			out = append(out, "The workspace's table "+t.Table.Name+" was made after the question was asked; if the question reads it, it reads another table.")
		}
	}
	return out
}

// keptParameters is a row of parameters as a decision keeps it.
func keptParameters(params arrow.RecordBatch) ([]byte, error) {
	if params == nil || params.NumCols() == 0 {
		return nil, nil
	}
	var out bytes.Buffer
	w := ipc.NewWriter(&out, ipc.WithSchema(params.Schema()))
	if err := w.Write(params); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if out.Len() > maxStatement {
		return nil, gatehouse.Errorf(gatehouse.CodeTooLarge, "The parameters are larger than 256 KiB.").WithAdvice("Ask with fewer or shorter values.")
	}
	return out.Bytes(), nil
}

// openParameters reads what keptParameters wrote; the caller releases the batch,
// which is nil for none.
func openParameters(kept []byte) (arrow.RecordBatch, error) {
	if len(kept) == 0 {
		return nil, nil
	}
	r, err := ipc.NewReader(bytes.NewReader(kept))
	if err != nil {
		return nil, err
	}
	defer r.Release()
	if !r.Next() {
		return nil, errors.Join(errors.New("a decision's parameters are cut off"), r.Err())
	}
	batch := r.RecordBatch()
	batch.Retain()
	return batch, nil
}

func readParameters(kept []byte) (map[string]*plan.Const, error) {
	batch, err := openParameters(kept)
	if err != nil {
		return nil, err
	}
	if batch != nil {
		defer batch.Release()
	}
	return parameters(batch)
}

// parameterTexts are the values of a decision's parameters, for people to read.
func parameterTexts(kept []byte) ([]string, error) {
	batch, err := openParameters(kept)
	if err != nil || batch == nil {
		return nil, err
	}
	defer batch.Release()
	var out []string
	for _, c := range batch.Columns() {
		out = append(out, valueText(c, 0))
	}
	return out, nil
}

// csvTable writes a table of bounded size.
type csvTable struct {
	out   bytes.Buffer
	w     *csv.Writer
	large bool
}

func newCSV() *csvTable {
	t := &csvTable{}
	t.w = csv.NewWriter(&t.out)
	return t
}

func (t *csvTable) write(record ...string) {
	if t.large {
		return
	}
	if len(record) == 1 && record[0] == "" {
		record[0] = " " // a line without anything would be no row
	}
	_ = t.w.Write(record) // into memory
	t.w.Flush()
	t.large = t.out.Len() > answerLimit
}

// bytes gives the table. One that is too large says so to whoever opens it: an
// error would tell the researcher how much there is that was withheld.
func (t *csvTable) bytes() []byte {
	if t.large {
		return []byte("note\nThe table is larger than one file may be: it must be asked for with fewer groups.\n")
	}
	return t.out.Bytes()
}

// valueText is a value as a file has it; nothing for NULL.
func valueText(a arrow.Array, row int) string {
	if a.IsNull(row) {
		return ""
	}
	return a.ValueStr(row)
}

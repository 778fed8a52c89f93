package egress

import (
	"context"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// maxGroups bounds a protected table.
const maxGroups = 500_000

// protected is a protected aggregate after judgement: its columns are c0, c1, …
// in the order of the plan, and everything in it may leave.
type protected struct {
	table      arrow.RecordBatch
	source     string
	suppressed map[disclosure.Rule]int
	cells      int    // numbers released
	cohorts    []byte // what the ledger keeps of the people behind them, sealed
	kept       *KeptAnswer
	earlier    []EarlierNumbers // numbers that were released before

	rolled     []int64             // of each row: which keys are rolled up, as gid
	withheld   [][]disclosure.Rule // of each row and number
	groups     []int               // of each row: the row of the group table
	places     []place             // some of the withheld numbers, by row of the table
	morePlaces bool                // there are more
	rolledUp   [][]bool            // of each row and key

	totals [][]byte // public totals, which the ledger does not have yet
}

// groupTable is the vault's answer to a release: one row for each group.
type groupTable struct {
	rows     int
	gid      *array.Int64
	keys     []arrow.Array
	groups   []uint64 // hash of the keys, as in Release.Rows; means something where gid is 0
	cells    []arrow.Array
	evidence []disclosure.Evidence // by row
}

func (t *groupTable) release() {
	t.gid.Release()
	for _, a := range append(slices.Clone(t.keys), t.cells...) {
		a.Release()
	}
}

// protect runs a protected aggregate in the vault, measures what is in doubt,
// judges every cell by itself, with the others and with everything that was
// released before, and builds the table that may leave.
func (q *question) protect(ctx context.Context, vault Vault, agg *plan.Aggregate) (*protected, error) {
	r, err := plan.NewRelease(agg)
	if err != nil {
		return nil, err
	}
	a := q.asked(r)
	if p, err := q.again(ctx, a, r); p != nil || err != nil {
		return p, err
	}
	if err := q.checkPublicJoins(ctx, vault, agg); err != nil {
		return nil, err
	}
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
	if err := q.enter(ctx, vault); err != nil {
		return nil, err
	}
	if p, err := q.again(ctx, a, r); p != nil || err != nil {
		return p, err // it was asked at the same time
	}
	before, err := q.earlier(ctx, a.question, "")
	if err != nil {
		return nil, err
	}
	var m *mixture
	if before != nil {
		defer before.table.Release()
		m = before.hold(r, q.policy.Threshold, t, verdicts)
	}
	others, err := q.across(ctx, vault, r, t, atoms, verdicts)
	if err != nil {
		return nil, err
	}
	kept, err := admit(q.scopes, q.decision.ID, r, t, atoms, verdicts, rows, under)
	if err != nil {
		return nil, err
	}
	p, err := build(r, q.policy, t, verdicts)
	if err != nil {
		return nil, err
	}
	now := answerOfNow(r, t, p, q.decision.ID)
	if m != nil {
		if now, err = m.merge(r, p, now); err != nil {
			return nil, err
		}
	}
	if kept != nil {
		if p.cohorts, err = q.gate.Histories.seal(q.session.Project.ID, kept); err != nil {
			return nil, err
		}
	}
	if !q.totals { // the first aggregation that was not answered before
		if p.totals, err = q.gate.Histories.sealTotals(q.session.Project.ID, q.scopes); err != nil {
			return nil, err
		}
		q.totals = true
	}
	for _, o := range others {
		sealed, err := q.gate.Histories.seal(q.session.Project.ID, o)
		if err != nil {
			return nil, err
		}
		p.totals = append(p.totals, sealed)
	}
	p.kept, err = q.keepAnswer(a, now)
	return p, err
}

// enter waits for its turn among related questions.
func (q *question) enter(ctx context.Context, vault Vault) (err error) {
	if q.left != nil {
		return nil
	}
	if q.gate.Histories == nil {
		return gatehouse.Errorf(gatehouse.CodeConfig, "The gate has no history to judge answers against.")
	}
	q.scopes, q.left, err = q.gate.Histories.enter(ctx, q, vault)
	return err
}

// leave lets other questions be judged. What was admitted and not committed
// makes the history in memory useless: it is built again from the ledger.
func (q *question) leave(committed bool) {
	if q.left == nil {
		return
	}
	if committed {
		for _, s := range q.scopes {
			if s.damaged = false; q.totals {
				s.totals = nil
			}
		}
	}
	q.left()
}

// maxAggregates bounds the protected aggregates of one question, maxLiteral the
// rows of one that the vault reads again.
const (
	maxAggregates = 20
	maxLiteral    = 10_000
)

// literalTable writes a released table for the vault to read: texts, which the
// plan casts.
func literalTable(table arrow.RecordBatch) (string, error) {
	if table.NumRows() > maxLiteral {
		return "", gatehouse.Errorf(gatehouse.CodeTooLarge, "An aggregate that people are compared with has too many groups.").WithAdvice("Compare with fewer, coarser groups.")
	}
	names, nulls := make([]string, table.NumCols()), make([]string, table.NumCols())
	for i := range names {
		names[i], nulls[i] = "c"+strconv.Itoa(i), "NULL AS c"+strconv.Itoa(i)
	}
	if table.NumRows() == 0 {
		return "(SELECT " + strings.Join(nulls, ", ") + " WHERE false) AS v", nil
	}
	rows := make([]string, table.NumRows())
	for i := range rows {
		values := make([]string, table.NumCols())
		for c, a := range table.Columns() {
			if values[c] = "NULL"; !a.IsNull(i) {
				values[c] = plan.Text(a.ValueStr(i))
			}
		}
		rows[i] = "(" + strings.Join(values, ", ") + ")"
	}
	return "(VALUES " + strings.Join(rows, ", ") + ") AS v(" + strings.Join(names, ", ") + ")", nil
}

// judgeRows measures a protected aggregate and says what may leave of each group.
// The caller releases the table. Every row is handed to collector, unless it is nil.
func judgeRows(ctx context.Context, vault Vault, r *plan.Release, policy disclosure.Policy, collector *cohorts) (t *groupTable, atoms *atomTable, verdicts []disclosure.Verdict, err error) {
	audited := r.RowSets > 0 || len(r.Node.Sets) > 1
	var early func() *rowStream
	spool := ""
	passes := audited || collector != nil || len(r.Shares) > 0 || countedBelow(r)
	if passes { // the rows are needed whatever the groups are
		var drop func()
		if spool, drop, err = putDown(ctx, vault, r); err != nil {
			return nil, nil, nil, err
		}
		defer drop()
		opened := make(chan *rowStream, 1)
		go func() { opened <- openRows(ctx, vault, r, spool, collector != nil, false) }()
		early = sync.OnceValue(func() *rowStream { return <-opened })
		defer func() { early().close() }()
	}
	groups, err := readGroups(ctx, vault, r, spool, !passes)
	if err != nil {
		return nil, nil, nil, err
	}
	defer func() {
		if err != nil {
			groups.release()
		}
	}()
	t = groups
	cells := rules(r, policy)
	if passes || t.inDoubt(r, policy, cells) {
		if atoms, err = runPass(ctx, vault, r, policy, t, collector, spool, early); err != nil {
			return nil, nil, nil, err
		}
		t.fillPeople(r)
	}
	verdicts = make([]disclosure.Verdict, t.rows)
	for i := range verdicts {
		verdicts[i] = disclosure.Judge(policy, cells, t.evidence[i])
	}
	if audited {
		if err := audit(r, policy, t, atoms, verdicts); err != nil {
			return nil, nil, nil, err
		}
	}
	return t, atoms, verdicts, nil
}

// rules turns what the plan says of the cells into what the policy asks of them.
func rules(r *plan.Release, policy disclosure.Policy) []disclosure.Cell {
	out := make([]disclosure.Cell, len(r.Cells))
	for i, c := range r.Cells {
		out[i] = disclosure.Cell{Need: policy.Needs(statistic(c.Measure)), Contributors: c.Contributors, Sums: c.Sums, Rows: c.Rows}
		if c.Measure == plan.MeasureQuantile {
			fractions := c.Call.Quantiles
			if len(fractions) == 0 {
				fractions = []*big.Rat{big.NewRat(1, 2)} // median
			}
			out[i].Sides = disclosure.Sides(fractions)
		}
	}
	return out
}

func statistic(m plan.Measure) disclosure.Statistic {
	switch m {
	case plan.MeasureDistinct:
		return disclosure.DistinctCount
	case plan.MeasureSum:
		return disclosure.Sum
	case plan.MeasureMean:
		return disclosure.Mean
	case plan.MeasureSpread:
		return disclosure.Spread
	case plan.MeasureQuantile:
		return disclosure.Quantile
	case plan.MeasureRegression:
		return disclosure.Regression
	}
	return disclosure.Count
}

// readGroups reads the vault's answer: gid, keys, aggregates and, unless the pass
// counts them, people of channels.
func readGroups(ctx context.Context, vault Vault, r *plan.Release, spool string, people bool) (*groupTable, error) {
	channels := 0
	if people {
		channels = r.Channels
	}
	table, err := readAll(ctx, vault, r.Groups(spool, people))
	if err != nil {
		return nil, err
	}
	defer table.Release()
	if int(table.NumCols()) != 2+r.Keys+len(r.Cells)+channels {
		return nil, misshapen()
	}
	t := &groupTable{rows: int(table.NumRows()), evidence: make([]disclosure.Evidence, table.NumRows())}
	if t.gid, err = integers(table.Column(0)); err != nil {
		return nil, err
	}
	for i := range r.Keys {
		a := table.Column(1 + i)
		a.Retain()
		t.keys = append(t.keys, a)
	}
	hashes, ok := table.Column(1 + r.Keys).(*array.Uint64)
	if !ok {
		return nil, misshapen()
	}
	t.groups = append([]uint64(nil), hashes.Uint64Values()...)
	if err := t.distinctGroups(); err != nil {
		return nil, err
	}
	for i := range r.Cells {
		a := table.Column(2 + r.Keys + i)
		a.Retain()
		t.cells = append(t.cells, a)
	}
	for c := range channels {
		counts, err := integers(table.Column(2 + r.Keys + len(r.Cells) + c))
		if err != nil {
			return nil, err
		}
		for i := range t.evidence {
			t.evidence[i].People = append(t.evidence[i].People, int(counts.Value(i)))
		}
		counts.Release()
	}
	return t, nil
}

// distinctGroups makes sure that the hash of a finest group's keys names it.
func (t *groupTable) distinctGroups() error {
	seen := make(map[uint64]struct{}, len(t.groups))
	for i, g := range t.groups {
		if t.gid.Value(i) != 0 {
			continue
		}
		if _, twice := seen[g]; twice {
			return misshapen()
		}
		seen[g] = struct{}{}
	}
	return nil
}

func misshapen() error {
	return gatehouse.Errorf(gatehouse.CodeInternal, "The engine's answer has another shape than the gate asked for.")
}

// readAll collects an answer of the vault into one batch.
func readAll(ctx context.Context, vault Vault, sql string) (arrow.RecordBatch, error) {
	reader, err := vault.Query(ctx, sql)
	if err != nil {
		return nil, vaultError(err)
	}
	defer reader.Release()
	var batches []arrow.RecordBatch
	defer func() {
		for _, b := range batches {
			b.Release()
		}
	}()
	rows := int64(0)
	for reader.Next() {
		b := reader.RecordBatch()
		b.Retain()
		batches = append(batches, b)
		if rows += b.NumRows(); rows > maxGroups {
			return nil, gatehouse.Errorf(gatehouse.CodeTooLarge, "The question has too many groups.").WithAdvice("GROUP BY fewer keys or coarser ones (years for months, bands for years).")
		}
	}
	if err := reader.Err(); err != nil {
		return nil, vaultError(err)
	}
	schema := reader.Schema()
	columns := make([]arrow.Array, schema.NumFields())
	for i := range columns {
		parts := make([]arrow.Array, 0, len(batches))
		for _, b := range batches {
			parts = append(parts, b.Column(i))
		}
		if len(parts) == 0 {
			columns[i] = array.MakeArrayOfNull(memory.DefaultAllocator, schema.Field(i).Type, 0)
			continue
		}
		if columns[i], err = array.Concatenate(parts, memory.DefaultAllocator); err != nil {
			return nil, err
		}
	}
	defer func() {
		for _, c := range columns {
			c.Release()
		}
	}()
	return array.NewRecordBatch(schema, columns, rows), nil
}

// integers reads a column of any integer type.
func integers(a arrow.Array) (*array.Int64, error) {
	b := array.NewInt64Builder(memory.DefaultAllocator)
	defer b.Release()
	b.Reserve(a.Len())
	for i := range a.Len() {
		switch a := a.(type) {
		case *array.Int64:
			b.Append(a.Value(i))
		case *array.Int32:
			b.Append(int64(a.Value(i)))
		default:
			return nil, misshapen()
		}
	}
	return b.NewInt64Array(), nil
}

// inDoubt reports whether the lower bounds leave a rule undecided somewhere.
func (t *groupTable) inDoubt(r *plan.Release, policy disclosure.Policy, cells []disclosure.Cell) bool {
	for i := range t.rows {
		if !r.Counted && len(disclosure.InDoubt(policy.Threshold, cells, t.evidence[i].People)) > 0 {
			return true
		}
	}
	return false
}

// indexGroups finds, for groups of t, their row in another answer.
func indexGroups(r *plan.Release, t *groupTable, answer arrow.RecordBatch, rows []int) (map[int]int, error) {
	gid, err := integers(answer.Column(0))
	if err != nil {
		return nil, err
	}
	defer gid.Release()
	keys := answer.Columns()[1 : 1+r.Keys]
	byKey := make(map[string]int, answer.NumRows())
	for i := range int(answer.NumRows()) {
		key := groupKey(gid.Value(i), keys, i)
		if _, twice := byKey[key]; twice {
			return nil, misshapen()
		}
		byKey[key] = i
	}
	at := make(map[int]int, len(rows))
	for _, i := range rows {
		if row, ok := byKey[groupKey(t.gid.Value(i), t.keys, i)]; ok {
			at[i] = row
		}
	}
	return at, nil
}

func groupKey(gid int64, keys []arrow.Array, row int) string {
	var b strings.Builder
	b.WriteString(strconv.FormatInt(gid, 10))
	for _, k := range keys {
		if k.IsNull(row) {
			b.WriteString("|-")
			continue
		}
		s := k.ValueStr(row)
		fmt.Fprintf(&b, "|%d:%s", len(s), s)
	}
	return b.String()
}

// released reports whether a grouping was asked for, or only added as atoms.
func released(r *plan.Release, gid int64) bool { return !r.AtomsAdded || gid != 0 }

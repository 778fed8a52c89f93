package egress

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// Bounds of a protected table.
const (
	maxGroups   = 500_000
	maxRestrict = 2_000 // groups in doubt that are named in the exact query
)

// protected is a protected aggregate after judgement: its columns are c0, c1, …
// in the order of the plan, and everything in it may leave.
type protected struct {
	table      arrow.RecordBatch
	source     string
	suppressed map[disclosure.Rule]int
	dropped    bool // some groups were withheld whole
	cells      int  // numbers released
}

// groupTable is the vault's answer to a release: one row for each group.
type groupTable struct {
	rows  int
	gid   *array.Int64
	keys  []arrow.Array
	cells []arrow.Array
	lower [][]int // people of each channel, lower bound or exact, by row
}

func (t *groupTable) release() {
	t.gid.Release()
	for _, a := range append(slices.Clone(t.keys), t.cells...) {
		a.Release()
	}
}

// protect runs a protected aggregate in the vault, measures what is in doubt,
// judges every cell, and builds the table that may leave.
func protect(ctx context.Context, vault Vault, r *plan.Release, policy disclosure.Policy) (*protected, error) {
	t, err := readGroups(ctx, vault, r)
	if err != nil {
		return nil, err
	}
	defer t.release()
	cells := rules(r, policy)
	if !r.Counted {
		if err := measure(ctx, vault, r, policy, cells, t); err != nil {
			return nil, err
		}
	}
	verdicts := make([]disclosure.Verdict, t.rows)
	for i := range verdicts {
		verdicts[i] = disclosure.Judge(policy.Threshold, cells, disclosure.Group{People: t.lower[i]})
	}
	if !complete(policy.Threshold, r, t, verdicts) {
		return nil, gatehouse.Errorf(gatehouse.CodeTooSmall, "Subtotals of so many small groups cannot be protected.").
			WithAdvice("Ask without ROLLUP, CUBE or GROUPING SETS, or with coarser groups.")
	}
	return build(r, policy, t, verdicts)
}

// rules turns what the plan says of the cells into what the policy asks of them.
func rules(r *plan.Release, policy disclosure.Policy) []disclosure.Cell {
	out := make([]disclosure.Cell, len(r.Cells))
	for i, c := range r.Cells {
		out[i] = disclosure.Cell{Need: policy.Needs(statistic(c.Measure), c.Call.Quantiles), Contributors: c.Contributors}
		if c.Call.Name == "median" {
			out[i].Need = max(out[i].Need, 2*policy.Threshold)
		}
		for _, d := range c.Differences {
			out[i].Differences = append(out[i].Differences, disclosure.Difference(d))
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

// readGroups reads the vault's answer: gid, keys, aggregates, lower bounds.
func readGroups(ctx context.Context, vault Vault, r *plan.Release) (*groupTable, error) {
	table, err := readAll(ctx, vault, r.SQL)
	if err != nil {
		return nil, err
	}
	defer table.Release()
	want := 1 + r.Keys + len(r.Cells) + r.Channels
	if int(table.NumCols()) != want {
		return nil, gatehouse.Errorf(gatehouse.CodeInternal, "The engine's answer has another shape than the gate asked for.")
	}
	t := &groupTable{rows: int(table.NumRows())}
	if t.gid, err = integers(table.Column(0)); err != nil {
		return nil, err
	}
	for i := range r.Keys {
		a := table.Column(1 + i)
		a.Retain()
		t.keys = append(t.keys, a)
	}
	for i := range r.Cells {
		a := table.Column(1 + r.Keys + i)
		a.Retain()
		t.cells = append(t.cells, a)
	}
	t.lower = make([][]int, t.rows)
	for i := range t.lower {
		t.lower[i] = make([]int, r.Channels)
	}
	for c := range r.Channels {
		counts, err := integers(table.Column(1 + r.Keys + len(r.Cells) + c))
		if err != nil {
			return nil, err
		}
		for i := range t.lower {
			t.lower[i][c] = int(counts.Value(i))
		}
		counts.Release()
	}
	return t, nil
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
			return nil, gatehouse.Errorf(gatehouse.CodeTooLarge, "The question has too many groups.")
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
			return nil, gatehouse.Errorf(gatehouse.CodeInternal, "The engine's answer has another shape than the gate asked for.")
		}
	}
	return b.NewInt64Array(), nil
}

// measure asks for the true number of people where the lower bounds leave a
// rule undecided.
func measure(ctx context.Context, vault Vault, r *plan.Release, policy disclosure.Policy, cells []disclosure.Cell, t *groupTable) error {
	asked := map[int]bool{}
	var rows []int
	for i := range t.rows {
		doubt := disclosure.InDoubt(policy.Threshold, cells, t.lower[i])
		if len(doubt) > 0 {
			rows = append(rows, i)
		}
		for _, c := range doubt {
			asked[c] = true
		}
	}
	if len(rows) == 0 {
		return nil
	}
	channels := make([]int, 0, len(asked))
	for c := range asked {
		channels = append(channels, c)
	}
	slices.Sort(channels)
	exact, err := readAll(ctx, vault, r.Exact(channels, restriction(r, t, rows)))
	if err != nil {
		return err
	}
	defer exact.Release()
	gid, err := integers(exact.Column(0))
	if err != nil {
		return err
	}
	defer gid.Release()
	keys := exact.Columns()[1 : 1+r.Keys]
	byKey := make(map[string]int, exact.NumRows())
	for i := range int(exact.NumRows()) {
		byKey[groupKey(gid, keys, i)] = i
	}
	for n, c := range channels {
		counts, err := integers(exact.Column(1 + r.Keys + n))
		if err != nil {
			return err
		}
		for _, i := range rows {
			t.lower[i][c] = 0 // a group without any person of the channel
			if at, ok := byKey[groupKey(t.gid, t.keys, i)]; ok {
				t.lower[i][c] = int(counts.Value(at))
			}
		}
		counts.Release()
	}
	return nil
}

func groupKey(gid *array.Int64, keys []arrow.Array, row int) string {
	var b strings.Builder
	b.WriteString(strconv.FormatInt(gid.Value(row), 10))
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

// restriction names the groups in doubt, if they are few and of one grouping.
func restriction(r *plan.Release, t *groupTable, rows []int) string {
	if r.Keys == 0 || len(r.Node.Sets) != 1 || len(rows) > maxRestrict || len(rows)*2 > t.rows {
		return ""
	}
	var values []string
	for _, i := range rows {
		texts := make([]string, r.Keys)
		for k, a := range t.keys {
			typ := r.Node.Groups[k].Type().SQL()
			if a.IsNull(i) {
				texts[k] = "CAST(NULL AS " + typ + ")"
			} else {
				texts[k] = "CAST(" + plan.Text(a.ValueStr(i)) + " AS " + typ + ")"
			}
		}
		values = append(values, "("+strings.Join(texts, ", ")+")")
	}
	names, same := make([]string, r.Keys), make([]string, r.Keys)
	for k := range names {
		names[k] = "v" + strconv.Itoa(k)
		same[k] = "v" + strconv.Itoa(k) + " IS NOT DISTINCT FROM k" + strconv.Itoa(k)
	}
	return "EXISTS (SELECT 1 FROM (VALUES " + strings.Join(values, ", ") + ") AS w(" + strings.Join(names, ", ") + ") WHERE " + strings.Join(same, " AND ") + ")"
}

// complete adds complementary suppression where groups of several groupings
// stand beside their totals, for whole groups and for each cell.
func complete(threshold int, r *plan.Release, t *groupTable, verdicts []disclosure.Verdict) bool {
	if len(r.Node.Sets) < 2 {
		return true
	}
	table, order := subtotals(r, t)
	withheld := make([]bool, len(order))
	for at, i := range order {
		withheld[at] = verdicts[i].Dropped || !released(r, t.gid.Value(i))
	}
	if !disclosure.Complete(threshold, table, withheld) {
		return false
	}
	for at, i := range order {
		verdicts[i].Dropped = withheld[at]
	}
	for c := range r.Cells {
		hidden := slices.Clone(withheld)
		for at, i := range order {
			hidden[at] = hidden[at] || verdicts[i].Withheld[c] != ""
		}
		if slices.Equal(hidden, withheld) {
			continue
		}
		if !disclosure.Complete(threshold, table, hidden) {
			return false
		}
		for at, i := range order {
			if hidden[at] && !withheld[at] && verdicts[i].Withheld[c] == "" {
				verdicts[i].Withheld[c] = disclosure.RuleComplementary
			}
		}
	}
	return true
}

// released reports whether a grouping was asked for, or only added as atoms.
func released(r *plan.Release, gid int64) bool { return !r.AtomsAdded || gid != 0 }

// subtotals describes the groups as sets of the finest grouping's groups, which
// NewRelease makes sure is there.
func subtotals(r *plan.Release, t *groupTable) (disclosure.Table, []int) {
	var table disclosure.Table
	order := make([]int, t.rows)
	atoms := map[int64]map[string][]int{} // gid → keys kept → atoms
	var finest []int
	for i := range t.rows {
		order[i] = i
		if t.gid.Value(i) == 0 {
			finest = append(finest, i)
		}
	}
	table.Atoms = make([]int, len(finest))
	for a, i := range finest {
		table.Atoms[a] = t.lower[i][0]
	}
	keyOf := func(gid int64, row int) string {
		var b strings.Builder
		for k, a := range t.keys {
			if gid>>(len(t.keys)-1-k)&1 == 1 {
				continue
			}
			if a.IsNull(row) {
				b.WriteString("|-")
			} else {
				s := a.ValueStr(row)
				fmt.Fprintf(&b, "|%d:%s", len(s), s)
			}
		}
		return b.String()
	}
	for i := range t.rows {
		gid := t.gid.Value(i)
		if atoms[gid] == nil {
			atoms[gid] = map[string][]int{}
			for a, row := range finest {
				key := keyOf(gid, row)
				atoms[gid][key] = append(atoms[gid][key], a)
			}
		}
		table.Groups = append(table.Groups, atoms[gid][keyOf(gid, i)])
		level := 0
		for g := gid; g != 0; g &= g - 1 {
			level++
		}
		table.Level = append(table.Level, level)
	}
	return table, order
}

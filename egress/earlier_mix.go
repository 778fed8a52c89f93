package egress

import (
	"slices"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// ruleEarlier marks, while a table is judged, numbers in whose place an earlier
// one is given: they are not released.
const ruleEarlier disclosure.Rule = "earlier"

// mixture is a table that was released before people left, asked again after. Of
// one version of a dataset populations only ever lose people, so that what a
// number rests on now is what it rested on then without those who left: how many
// they are is the difference of two counts.
//
// A number that fewer than k people left, or nobody, is given as it was, also
// where it was withheld: else whoever compares could see who left. docs/design/0007.
type mixture struct {
	before *earlierAnswer
	at     map[int]int // of rows of the group table: the row of before
	gone   []bool      // of each row of before: k people or more left, and too few are there
	held   [][]bool    // of each row and number of before: it is given again
}

// hold marks what is given as it was. Nothing of it is judged anew.
func (e *earlierAnswer) hold(r *plan.Release, k int, t *groupTable, verdicts []disclosure.Verdict) *mixture {
	m := &mixture{before: e, at: map[int]int{}, gone: make([]bool, len(e.Rolled)), held: make([][]bool, len(e.Rolled))}
	now := map[string]int{}
	for i := range t.rows {
		if released(r, t.gid.Value(i)) {
			now[groupKey(t.gid.Value(i), t.keys, i)] = i
		}
	}
	keys := e.table.Columns()[:e.Keys]
	for row, gid := range e.Rolled {
		m.held[row] = make([]bool, len(r.Cells))
		i, there := now[groupKey(gid, keys, row)]
		var people []int
		left := e.Groups[row]
		if there {
			m.at[i] = row
			people = t.evidence[i].People
			left = difference(e.Groups[row], people[0])
		}
		if left >= k && (!there || verdicts[i].Dropped) {
			m.gone[row] = r.Keys > 0 // without keys there is always a row
			continue
		}
		for c, cell := range r.Cells {
			if m.held[row][c] = left < k || !changed(e.People[row][c], behind(people, cell), k); m.held[row][c] && there {
				verdicts[i].Withheld[c] = ruleEarlier
			}
		}
	}
	for i := range t.rows {
		if _, known := m.at[i]; !known && released(r, t.gid.Value(i)) {
			verdicts[i].Dropped = true // it was not shown, and has not grown
		}
	}
	return m
}

// changed reports whether somebody left a number, and k people or more wherever
// somebody did.
func changed(before, now []int, k int) bool {
	some := false
	for i := range before {
		left := difference(before[i], now[i])
		if left > 0 && left < k {
			return false
		}
		some = some || left > 0
	}
	return some
}

func difference(a, b int) int { return max(a-b, b-a) }

// merge puts the earlier numbers into the table of the new ones, in the order of
// the earlier table. It changes p, and gives what is kept of it.
func (m *mixture) merge(r *plan.Release, p *protected, now *earlierAnswer) (*earlierAnswer, error) {
	defer now.table.Release()
	e := m.before
	out := &earlierAnswer{Keys: r.Keys, Sources: append(slices.Clone(now.Sources), e.Sources...)}
	fresh := map[int]int{} // of rows of before: the row of the new table
	for row, i := range p.groups {
		if old, ok := m.at[i]; ok {
			fresh[old] = row
		}
	}
	var rows [][2]int // of the old and the new table, −1 for none
	for old := range e.Rolled {
		if m.gone[old] {
			continue
		}
		row, ok := fresh[old]
		if !ok {
			row = -1
		}
		rows = append(rows, [2]int{old, row})
		out.Rolled = append(out.Rolled, e.Rolled[old])
		out.Groups = append(out.Groups, e.Groups[old])
		withheld, people, from := slices.Clone(e.Withheld[old]), slices.Clone(e.People[old]), slices.Clone(e.From[old])
		for c := range r.Cells {
			if m.held[old][c] || row < 0 {
				from[c] += len(now.Sources)
				continue
			}
			withheld[c], people[c], from[c] = now.Withheld[row][c], now.People[row][c], now.From[row][c]
			out.Groups[len(out.Groups)-1] = now.Groups[row]
		}
		out.Withheld, out.People, out.From = append(out.Withheld, withheld), append(out.People, people), append(out.From, from)
	}
	var err error
	if out.table, err = m.table(r, rows, now.table); err != nil {
		return nil, err
	}
	p.table, p.rolled, p.withheld = out.table, out.Rolled, out.Withheld
	p.tally(r)
	p.earlier = out.given(len(now.Sources))
	return out, nil
}

// table copies each number from where it is given.
func (m *mixture) table(r *plan.Release, rows [][2]int, now arrow.RecordBatch) (arrow.RecordBatch, error) {
	before := m.before.table
	var columns []arrow.Array
	defer func() {
		for _, c := range columns {
			c.Release()
		}
	}()
	fields := make([]arrow.Field, before.NumCols())
	for c := range int(before.NumCols()) {
		if !arrow.TypeEqual(before.Column(c).DataType(), now.Column(c).DataType()) {
			return nil, misshapen()
		}
		cell := c - r.Keys
		b := array.NewBuilder(memory.DefaultAllocator, before.Column(c).DataType())
		for _, row := range rows {
			from, i := before.Column(c), row[0]
			if cell >= 0 && cell < len(r.Cells) && !m.held[row[0]][cell] && row[1] >= 0 {
				from, i = now.Column(c), row[1]
			}
			if from.IsNull(i) {
				b.AppendNull()
			} else if err := appendValue(b, from, i, i, nil); err != nil {
				b.Release()
				return nil, err
			}
		}
		columns = append(columns, b.NewArray())
		b.Release()
		fields[c] = arrow.Field{Name: "c" + strconv.Itoa(c), Type: columns[c].DataType(), Nullable: true}
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, int64(len(rows))), nil
}

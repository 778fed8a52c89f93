package egress

import (
	"encoding/binary"
	"slices"

	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// cohorts collects which rows of which people a protected aggregate is made of:
// each row's finest group and conditions, as a label.
type cohorts struct {
	units  []uint32
	rows   []uint64
	labels []uint32
	known  map[label]uint32
	list   []label

	// changed adds those who add something else to a number than in another version;
	// nil within a version.
	changed func(*numbered, *disclosure.Cohorts)
}

type label struct {
	group uint64
	sig   int64
}

var _ rowCollector = (*cohorts)(nil)

// Begin implements rowCollector.
func (c *cohorts) Begin() {
	*c = cohorts{units: c.units[:0], rows: c.rows[:0], labels: c.labels[:0], known: map[label]uint32{}}
}

// Rows implements rowCollector.
func (c *cohorts) Rows(u []uint32, r, g []uint64, sig []int64) error {
	c.units, c.rows = append(c.units, u...), append(c.rows, r...)
	var last label
	at, some := uint32(0), false
	for i := range u {
		l := label{g[i], sig[i]}
		if !some || l != last {
			n, ok := c.known[l]
			if !ok {
				n = uint32(len(c.list))
				c.known[l] = n
				c.list = append(c.list, l)
			}
			last, at, some = l, n, true
		}
		c.labels = append(c.labels, at)
	}
	return nil
}

// number is one released number: a group of the answer, and the condition that
// the rows behind it meet (−1 for none). As one of people it has each once, or as
// often as the person themself is among the rows (weighed), or for each row (every).
type number struct {
	row, set int
	weighed  bool
	every    bool
	also     int64 // bits that the rows have besides (beneath)
}

// numbered are the numbers of one kind that would leave, and what each cell of
// each group is made of.
type numbered struct {
	index map[number]int32
	list  []number
	cells map[[2]int][]int32 // by group row and cell
}

func newNumbered() *numbered {
	return &numbered{index: map[number]int32{}, cells: map[[2]int][]int32{}}
}

func (n *numbered) add(row, cell int, x number) {
	at, ok := n.index[x]
	if !ok {
		at = int32(len(n.list))
		n.index[x] = at
		n.list = append(n.list, x)
	}
	n.cells[[2]int{row, cell}] = append(n.cells[[2]int{row, cell}], at)
}

// shown lists the numbers that the verdicts let out of cells that pick chooses.
func shown(r *plan.Release, t *groupTable, verdicts []disclosure.Verdict, pick func(plan.Cell) bool) *numbered {
	out := newNumbered()
	for i, v := range verdicts {
		if v.Dropped || !released(r, t.gid.Value(i)) {
			continue
		}
		for c, cell := range r.Cells {
			if v.Withheld[c] != "" || !pick(cell) {
				continue
			}
			for _, set := range cell.RowSets {
				out.add(i, c, number{row: i, set: set})
			}
		}
	}
	return out
}

// terms are, of each label, the numbers that its rows are in.
func (c *cohorts) terms(t *groupTable, atoms *atomTable, n *numbered) [][]disclosure.Term {
	holding := map[uint64][]int{} // rows of t that hold a finest group, by its hash
	for i := range t.rows {
		for _, g := range atoms.members[i] {
			hash := t.groups[atoms.groups[g].row]
			holding[hash] = append(holding[hash], i)
		}
	}
	sets := map[int][]number{}
	for _, x := range n.list {
		sets[x.row] = append(sets[x.row], x)
	}
	out := make([][]disclosure.Term, len(c.list))
	for l, at := range c.list {
		for _, row := range holding[at.group] {
			for _, x := range sets[row] {
				if (x.set < 0 || at.sig>>x.set&1 == 1) && at.sig&x.also == x.also {
					out[l] = append(out[l], disclosure.Term{Number: n.index[x], Times: 1})
				}
			}
		}
		slices.SortFunc(out[l], func(a, b disclosure.Term) int { return int(a.Number - b.Number) })
	}
	return out
}

// byPerson makes the table of numbers that are made of people: of each, every
// number that some row of theirs is in. A person's rows stand together.
func (c *cohorts) byPerson(t *groupTable, atoms *atomTable, n *numbered) *disclosure.Cohorts {
	terms := c.terms(t, atoms, n)
	out := &disclosure.Cohorts{Numbers: len(n.list)}
	patterns := map[string]uint32{}
	var mine []uint32
	var key []byte
	for from := 0; from < len(c.units); {
		to := from
		mine = mine[:0]
		for to < len(c.units) && c.units[to] == c.units[from] {
			mine = append(mine, c.labels[to])
			to++
		}
		slices.Sort(mine)
		mine = slices.Compact(mine)
		key = key[:0]
		for _, l := range mine {
			key = binary.LittleEndian.AppendUint32(key, l)
		}
		p, ok := patterns[string(key)]
		if !ok {
			p = uint32(len(out.Patterns))
			patterns[string(key)] = p
			out.Patterns = append(out.Patterns, union(terms, mine))
		}
		out.Elements = append(out.Elements, disclosure.Element{Key: uint64(c.units[from]), Unit: c.units[from], Pattern: p})
		from = to
	}
	return out
}

// union is every number of some labels, once.
func union(terms [][]disclosure.Term, labels []uint32) []disclosure.Term {
	var out []disclosure.Term
	for _, l := range labels {
		out = append(out, terms[l]...)
	}
	slices.SortFunc(out, func(a, b disclosure.Term) int { return int(a.Number - b.Number) })
	return slices.CompactFunc(out, func(a, b disclosure.Term) bool { return a.Number == b.Number })
}

// madeRows reports whether the rows are made by the question (of pairs of rows,
// or of a person and values): what is no row of a table can be made in another
// way too, so that its people are compared as well.
func (c *cohorts) madeRows() bool {
	return slices.ContainsFunc(c.rows, func(r uint64) bool { return r>>63 == 1 })
}

// oneEach reports whether nobody has two of the rows. A person's stand together.
func (c *cohorts) oneEach() bool {
	for i := 1; i < len(c.units); i++ {
		if c.units[i] == c.units[i-1] {
			return false
		}
	}
	return true
}

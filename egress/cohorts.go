package egress

import (
	"slices"

	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// cohorts collects which rows of which people a protected aggregate is made of:
// each row's finest group and conditions, as a label.
type cohorts struct {
	rows   disclosure.Elements // of each row its number, whose it is, and its label
	list   []label
	known  map[label]uint32
	labels []uint32        // of some rows, to be used again
	sums   *profiles       // what they add to sums (sums.go)
	values *computedValues // of the rows, as far as they are wanted (computed.go); nil for none
	// parts are, of each label, how many rows each part of the people has; nil where there are too many.
	parts []*[disclosure.Buckets]int32

	// What is the case of the rows so far.
	last     struct{ unit, row uint64 } // the last one
	own      bool                       // each is the person whose it is, if it is a person
	people   bool                       // some are people
	others   bool                       // some are not
	made     bool                       // some are made by the question
	several  bool                       // some person has two
	again    bool                       // those of some person do not ascend: one may come again
	anyOrder bool                       // all together do not ascend

	// changed adds those who add something else to a number than in another version;
	// nil within a version.
	changed func(*numbered, *disclosure.Cohorts)
}

type label struct {
	group uint64
	sig   int64
}

// Begin makes it empty: what was collected until then is void.
func (c *cohorts) Begin() {
	c.sums.clear()
	c.values.clear()
	*c = cohorts{known: map[label]uint32{}, labels: c.labels[:0], own: true, values: c.values, sums: c.sums}
	c.last.unit = ^uint64(0)
}

// Rows takes rows: the unit, which row it is, the hash of its finest group's keys
// (groupTable.groups) and its bit set of row sets. All are of one length, and are
// valid only during the call. A person's rows stand together.
func (c *cohorts) Rows(u []uint32, r, g []uint64, sig []int64) error {
	labels := c.labels[:0]
	var last label
	at, some := uint32(0), false
	for i := range u {
		l := label{g[i], sig[i]}
		if !some || l != last {
			n, ok := c.known[l]
			if !ok {
				n = c.newLabel(l)
				c.known[l] = n
			}
			last, at, some = l, n, true
		}
		labels = append(labels, at)
	}
	c.labels = labels
	c.labelled(u, r, labels)
	return nil
}

func (c *cohorts) newLabel(l label) uint32 {
	if len(c.parts) == len(c.list) {
		if len(c.parts) == maxParts {
			c.parts = nil
		} else {
			c.parts = append(c.parts, new([disclosure.Buckets]int32))
		}
	}
	c.list = append(c.list, l)
	return uint32(len(c.list) - 1)
}

// labelled takes rows whose labels are known.
func (c *cohorts) labelled(u []uint32, r []uint64, labels []uint32) {
	for i, row := range r {
		unit := uint64(u[i])
		if isPerson(row) {
			c.people, c.own = true, c.own && row == unit
		} else {
			c.others, c.made = true, c.made || row>>63 == 1
		}
		ascending := row > c.last.row || c.rows.Len() == 0 && i == 0
		c.anyOrder = c.anyOrder || !ascending
		if unit == c.last.unit {
			c.several, c.again = true, c.again || !ascending
		}
		c.last.unit, c.last.row = unit, row
	}
	if c.parts != nil {
		for i, l := range labels {
			c.parts[l][u[i]%disclosure.Buckets]++
		}
	}
	c.rows.AddAll(r, u, labels)
}

// number is one released number: a group of the answer, and the condition that
// the rows behind it meet (−1 for none). As one of people it has each once, or as
// often as the person themself is among the rows (weighed), or for each row (every).
type number struct {
	row, set int
	weighed  bool
	every    bool
	also     int64 // bits that the rows have besides (beneath)
	y        int   // of a sum: its measure, and 1 (sums.go, computed.go)
	squared  bool  // of squares
	divided  bool  // how many of these values there are
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
	if c.oneEach() && !c.others && c.own {
		out.Patterns, out.Elements = disclosure.PatternsOf(terms...), c.rows.Clone()
		return out
	}
	var patterns disclosure.Distinct
	ofLabel := make([]uint32, len(terms)) // plus one; of people with that label only
	var mine []uint32
	c.eachPerson(func(unit uint32, _ []uint64, labels []uint32) {
		one := labels[0]
		for _, l := range labels[1:] {
			if l != one {
				mine = append(mine[:0], labels...)
				slices.Sort(mine)
				out.Elements.Add(uint64(unit), unit, patterns.Put(union(terms, slices.Compact(mine))))
				return
			}
		}
		if ofLabel[one] == 0 {
			ofLabel[one] = patterns.Put(terms[one]) + 1
		}
		out.Elements.Add(uint64(unit), unit, ofLabel[one]-1)
	})
	out.Patterns = patterns.List()
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
func (c *cohorts) madeRows() bool { return c.made }

// oneEach reports whether nobody has two of the rows. A person's stand together.
func (c *cohorts) oneEach() bool { return !c.several }

// eachPerson calls f with the rows of each person, which stand together, and their
// labels. They are valid only during the call.
func (c *cohorts) eachPerson(f func(unit uint32, rows []uint64, labels []uint32)) {
	var rows []uint64 // of a person, from earlier blocks
	var labels []uint32
	var unit uint32
	for b := range c.rows.Blocks() {
		from := 0
		if len(rows) > 0 {
			for from < len(b.Units) && b.Units[from] == unit {
				from++
			}
			rows, labels = append(rows, b.Keys[:from]...), append(labels, b.Patterns[:from]...)
			if from == len(b.Units) {
				continue
			}
			f(unit, rows, labels)
			rows, labels = rows[:0], labels[:0]
		}
		for from < len(b.Units) {
			to := from + 1
			for to < len(b.Units) && b.Units[to] == b.Units[from] {
				to++
			}
			if to == len(b.Units) { // there may be more in the next
				unit, rows, labels = b.Units[from], append(rows, b.Keys[from:]...), append(labels, b.Patterns[from:]...)
				break
			}
			f(b.Units[from], b.Keys[from:to], b.Patterns[from:to])
			from = to
		}
	}
	if len(rows) > 0 {
		f(unit, rows, labels)
	}
}

package egress

import (
	"context"
	"math"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// pass reads the rows of a release once, and counts from them what the rules and
// the audit need (gate.md §2, "one pass for everything"). A person's rows follow
// each other, so a counter needs to know only the last unit that it saw.
type pass struct {
	r         *plan.Release
	policy    disclosure.Policy
	t         *groupTable
	groups    groupIndex // finest groups, by hash: rows of t
	known     atomIndex  // atoms, by hash of the group and combination
	targets   [][]int32  // of each row of t that is a finest group: the rows of t that hold it
	tallies   []tally    // of each row of t
	atoms     *atomTable
	atomLast  []int64 // last unit of each atom
	ofAtom    []atomTallies
	seen      unitSet
	last      int64 // unit of the last row
	columns   plan.RowColumns
	wide      struct{ r, g, sig []uint64 } // columns that the answer has not, or in a narrower type
	signed    []int64
	labels    []uint32
	counts    bool // some rows are counted one by one
	collector *cohorts
}

// tally is what one group is counted with.
type tally struct {
	people []int   // of each channel
	last   []int64 // last unit of each channel
	shares []shareTally
}

// atomTallies is where the rows of an atom are counted.
type atomTallies struct {
	targets []int32 // rows of t
	// Which channels and shares the atom's rows may be in, by its combination of
	// conditions. A channel that is not here has no row of it, or all: then it is counted by atom.
	channels, shares []int
	// whole are the channels that have all of the atom's rows, if these are counted by atom.
	whole []int
}

// nobody is the last unit where there was none.
const nobody = -1

// rowStream is rows on their way from the vault.
type rowStream struct {
	reader  array.RecordReader
	columns plan.RowColumns
	close   func() // once or more
	err     error
}

func openRows(ctx context.Context, vault Vault, r *plan.Release, spool string, identity, sorted bool) *rowStream {
	ctx, stop := context.WithCancel(ctx)
	sql, columns := r.Rows(spool, identity, sorted)
	reader, err := vault.Query(ctx, sql)
	return &rowStream{reader: reader, columns: columns, err: err, close: sync.OnceFunc(func() {
		stop()
		if err == nil {
			reader.Release()
		}
	})}
}

// runPass makes the pass, and a second one over sorted rows if the first finds
// rows of a person apart. It fills in the evidence of t, and gives the atoms.
// early, unless it is nil, gives the rows for the first.
func runPass(ctx context.Context, vault Vault, r *plan.Release, policy disclosure.Policy, t *groupTable, collector *cohorts, spool string, early func() *rowStream) (*atomTable, error) {
	for _, sorted := range []bool{false, true} {
		p := newPass(r, policy, t, collector)
		var rows *rowStream
		if early != nil && !sorted {
			rows = early()
		} else {
			rows = openRows(ctx, vault, r, spool, collector != nil, sorted)
		}
		whole, err := p.read(rows)
		if err != nil {
			return nil, err
		}
		if whole {
			p.finish()
			return p.atoms, nil
		}
	}
	return nil, misshapen() // sorted rows are together
}

func newPass(r *plan.Release, policy disclosure.Policy, t *groupTable, collector *cohorts) *pass {
	p := &pass{r: r, policy: policy, t: t, collector: collector, last: nobody, tallies: make([]tally, t.rows), targets: make([][]int32, t.rows)}
	p.atoms = newAtomTable(r, t)
	for i := range t.rows {
		p.tallies[i] = tally{people: make([]int, r.Channels), last: make([]int64, r.Channels), shares: make([]shareTally, len(r.Shares))}
		for c := range p.tallies[i].last {
			p.tallies[i].last[c] = nobody
		}
		for s := range p.tallies[i].shares {
			p.tallies[i].shares[s].last = nobody
		}
		for _, g := range p.atoms.members[i] {
			finest := p.atoms.groups[g].row
			p.targets[finest] = append(p.targets[finest], int32(i))
		}
	}
	hashes := make(map[uint64]int32, len(p.atoms.groups))
	for _, g := range p.atoms.groups {
		hashes[t.groups[g.row]] = int32(g.row)
	}
	p.groups = newGroupIndex(hashes)
	if collector != nil {
		collector.Begin()
	}
	return p
}

// read takes all rows, or reports that a person's are not together.
func (p *pass) read(rows *rowStream) (bool, error) {
	defer rows.close()
	if rows.err != nil {
		return false, vaultError(rows.err)
	}
	p.columns = rows.columns
	for rows.reader.Next() {
		together, err := p.batch(rows.reader.RecordBatch())
		if err != nil || !together {
			return false, err
		}
	}
	if err := rows.reader.Err(); err != nil {
		return false, vaultError(err)
	}
	return true, nil
}

func (p *pass) batch(b arrow.RecordBatch) (bool, error) {
	left := b.Columns()
	next := func(there bool) arrow.Array {
		if !there || len(left) == 0 {
			return nil
		}
		a := left[0]
		left = left[1:]
		return a
	}
	units, ok := next(true).(*array.Uint32)
	rows, groups, sigs := next(p.columns.Row), next(p.columns.Group), next(p.columns.Signature)
	if !ok || units.NullN() > 0 || len(left) != p.columns.Values {
		return false, misshapen()
	}
	u := units.Uint32Values()
	g, ok := widened(&p.wide.g, groups, p.columns.Group, len(u))
	bits, right := widened(&p.wide.sig, sigs, p.columns.Signature, len(u))
	if !ok || !right {
		return false, misshapen()
	}
	sig := p.signed[:0]
	for _, s := range bits {
		sig = append(sig, int64(s))
	}
	p.signed = sig
	values := make([]*array.Float64, len(left))
	for i := range values {
		if values[i], ok = left[i].(*array.Float64); !ok {
			return false, misshapen()
		}
	}
	labels := p.labels[:0]
	var last struct {
		g   uint64
		sig int64
		at  uint32
	}
	some := false
	for i, unit := range u {
		if int64(unit) != p.last {
			p.last = int64(unit)
			if p.seen.add(unit) {
				return false, nil
			}
		}
		if !some || g[i] != last.g || sig[i] != last.sig {
			at, ok := p.known.find(g[i], sig[i])
			if !ok {
				if at, ok = p.newAtom(g[i], sig[i]); !ok {
					return false, misshapen()
				}
			}
			last.g, last.sig, last.at, some = g[i], sig[i], at, true
		}
		a := last.at
		labels = append(labels, a)
		if p.atomLast[a] != int64(unit) {
			p.atomLast[a] = int64(unit)
			p.atoms.people[a]++
		}
	}
	if p.counts {
		p.count(u, labels, values)
	}
	p.labels = labels
	if p.collector != nil {
		r, ok := widened(&p.wide.r, rows, p.columns.Row, len(u))
		if !ok {
			return false, misshapen()
		}
		if !p.columns.Row { // the person
			for i, unit := range u {
				r[i] = uint64(unit)
			}
		}
		p.collector.labelled(u, r, labels)
		p.collector.valued(u, labels, values)
	}
	return true, nil
}

// widened gives a column of any unsigned type, or zeros in its place where it is
// not there. into is memory to use again.
func widened(into *[]uint64, a arrow.Array, there bool, n int) ([]uint64, bool) {
	if x, ok := a.(*array.Uint64); ok && there {
		return x.Uint64Values(), x.NullN() == 0
	}
	if cap(*into) < n {
		*into = make([]uint64, n)
	}
	out := (*into)[:n]
	if !there {
		clear(out)
		return out, true
	}
	switch x := a.(type) {
	case *array.Uint8:
		for i, v := range x.Uint8Values() {
			out[i] = uint64(v)
		}
	case *array.Uint16:
		for i, v := range x.Uint16Values() {
			out[i] = uint64(v)
		}
	case *array.Uint32:
		for i, v := range x.Uint32Values() {
			out[i] = uint64(v)
		}
	default:
		return nil, false
	}
	return out, a.NullN() == 0
}

// newAtom makes an atom, and says where its rows are counted. ok is false if there is no
// such group.
func (p *pass) newAtom(g uint64, sig int64) (at uint32, ok bool) {
	row, ok := p.groups.find(g)
	if !ok {
		return 0, false
	}
	a := p.atoms.atom(row, sig)
	p.atomLast = append(p.atomLast, nobody)
	p.known.put(g, sig, uint32(a))
	if p.collector != nil {
		p.collector.newLabel(label{g, sig})
	}
	in := func(set int) bool { return set < 0 || sig>>set&1 == 1 }
	to := atomTallies{targets: p.targets[row]}
	for c, of := range p.r.Counts {
		switch {
		case !in(of.Set):
		case p.r.Counted && len(of.Values) == 0:
			to.whole = append(to.whole, c)
		default:
			to.channels = append(to.channels, c)
		}
	}
	for s, of := range p.r.Shares {
		if in(of.Set) {
			to.shares = append(to.shares, s)
		}
	}
	p.ofAtom = append(p.ofAtom, to)
	p.counts = p.counts || len(to.channels)+len(to.shares) > 0
	return uint32(a), true
}

// count takes rows into their groups: by channel and by share, as far as it is not
// known from the atoms.
func (p *pass) count(u, labels []uint32, values []*array.Float64) {
	k := p.policy.Threshold
	for i, unit := range u {
		of := &p.ofAtom[labels[i]]
		for _, at := range of.targets {
			t := &p.tallies[at]
			for _, c := range of.channels {
				if (p.r.Counted || t.last[c] != int64(unit)) && none(p.r.Counts[c].Values, values, i) {
					t.last[c] = int64(unit)
					t.people[c]++
				}
			}
			for _, s := range of.shares {
				share := &p.r.Shares[s]
				if share.Value < 0 {
					t.shares[s].row(int64(unit))
				} else if v := values[share.Value]; v.IsValid(i) {
					x := v.Value(i)
					if p.r.Counted {
						t.shares[s].once(int64(unit), x, k)
					} else {
						t.shares[s].row(int64(unit))
						t.shares[s].value(int64(unit), x, k)
					}
					if share.Squares {
						t.shares[s].follow(x, k)
					}
				}
			}
		}
	}
}

// none reports whether no value of a row is missing or 0.
func none(of []int, values []*array.Float64, i int) bool {
	for _, v := range of {
		if values[v].IsNull(i) || values[v].Value(i) == 0 {
			return false
		}
	}
	return true
}

// finish writes what was counted into the evidence.
func (p *pass) finish() {
	for at, of := range p.ofAtom {
		for _, i := range of.targets {
			for _, c := range of.whole {
				p.tallies[i].people[c] += p.atoms.people[at]
			}
		}
	}
	for i := range p.tallies {
		t, e := &p.tallies[i], &p.t.evidence[i]
		e.People = t.people
		e.Shares = e.Shares[:0]
		for s, of := range p.r.Shares {
			e.Shares = append(e.Shares, t.shares[s].finish(of))
		}
	}
}

// countedBelow reports whether a number of the release is people that only the pass counts.
func countedBelow(r *plan.Release) bool {
	for c := range r.Cells {
		if _, ok := r.PeopleOf(c); ok {
			return true
		}
	}
	return false
}

// fillPeople puts in the numbers that are people of a channel.
func (t *groupTable) fillPeople(r *plan.Release) {
	for c := range r.Cells {
		channel, ok := r.PeopleOf(c)
		if !ok {
			continue
		}
		b := array.NewInt64Builder(memory.DefaultAllocator)
		for _, e := range t.evidence {
			b.Append(int64(e.People[channel]))
		}
		t.cells[c].Release()
		t.cells[c] = b.NewInt64Array()
		b.Release()
	}
}

// shareTally finds the largest shares of single people, and whether nearly
// everybody has one value.
type shareTally struct {
	last       int64 // unit whose rows are being added up
	sum, n     float64
	sums, rows disclosure.Shares
	people     int
	common     []candidate
	ended      bool        // no value can be common any more
	values     []candidate // different values, by row
	many       bool        // they are more than two that nearly everybody has, and of few people
}

// candidate is a value that nearly everybody may turn out to have.
type candidate struct {
	value  float64
	people int
	last   int64
}

// row adds a row of a unit.
func (s *shareTally) row(unit int64) {
	if s.last != unit {
		s.flush()
		s.last = unit
		s.people++
	}
	s.n++
}

// once adds the value of the only row of a unit.
func (s *shareTally) once(unit int64, x float64, k int) {
	s.people++
	if !s.ended {
		s.last, s.sum, s.n = unit, 0, 0
		s.value(unit, x, k)
		s.sum = 0
	}
	add(&s.sums, math.Abs(x))
	s.rows.Total++
	s.rows.Second = s.rows.First
	s.rows.First = 1
}

// value adds the row's value. A value that all but k−1 people have is had by one
// of the first k, so only theirs need to be followed.
func (s *shareTally) value(unit int64, x float64, k int) {
	s.sum += math.Abs(x)
	if s.ended {
		return
	}
	for i := range s.common {
		c := &s.common[i]
		if c.value == x || c.value != c.value && x != x {
			if c.last != unit {
				c.last = unit
				c.people++
			}
			return
		}
	}
	if s.people <= k {
		s.common = append(s.common, candidate{value: x, people: 1, last: unit})
		return
	}
	kept := s.common[:0]
	for _, c := range s.common {
		had := s.people - 1 // people whose rows are all seen
		with := c.people
		if c.last == unit {
			with--
		}
		if had-with < k {
			kept = append(kept, c)
		}
	}
	s.common = kept
	s.ended = len(kept) == 0
}

// follow counts the rows of each value. Of two values that all but k−1 people have
// there are no more than k+1 different ones in all.
func (s *shareTally) follow(x float64, k int) {
	if s.many {
		return
	}
	for i := range s.values {
		if c := &s.values[i]; c.value == x || c.value != c.value && x != x {
			c.people++
			return
		}
	}
	if len(s.values) == k+1 {
		s.many, s.values = true, nil
		return
	}
	s.values = append(s.values, candidate{value: x, people: 1})
}

// twoMost is how many people have one of the two values that most have, where each
// has one row; 0 where they have more, or there are many values.
func (s *shareTally) twoMost() int {
	if int(s.rows.Total) != s.people {
		return 0
	}
	first, second := 0, 0
	for _, c := range s.values {
		if c.people > first {
			first, second = c.people, first
		} else {
			second = max(second, c.people)
		}
	}
	return first + second
}

// flush ends the rows of a unit.
func (s *shareTally) flush() {
	if s.n > 0 {
		add(&s.sums, s.sum)
		add(&s.rows, s.n)
	}
	s.sum, s.n = 0, 0
}

// add takes in what one person adds.
func add(to *disclosure.Shares, x float64) {
	to.Total += x
	switch {
	case x > to.First:
		to.First, to.Second = x, to.First
	case x > to.Second:
		to.Second = x
	}
}

func (s *shareTally) finish(of plan.RowShare) disclosure.CellShares {
	s.flush()
	out := disclosure.CellShares{Cell: of.Cell, Sums: s.sums, Rows: s.rows, People: s.people, Literal: of.Value < 0}
	for _, c := range s.common {
		out.Common = max(out.Common, c.people)
	}
	out.Two = s.twoMost()
	return out
}

// unitSet is a set of units, which are dense.
type unitSet struct{ words []uint64 }

// add reports whether the unit was there already.
func (s *unitSet) add(unit uint32) bool {
	at, bit := int(unit>>6), uint64(1)<<(unit&63)
	if at >= len(s.words) {
		s.words = append(s.words, make([]uint64, max(at+1-len(s.words), len(s.words), 1024))...)
	}
	there := s.words[at]&bit != 0
	s.words[at] |= bit
	return there
}

// groupIndex finds a group by the hash of its keys, which is as good as chance.
type groupIndex struct {
	hashes []uint64
	rows   []int32 // −1 for an empty place
	mask   uint64
}

func newGroupIndex(groups map[uint64]int32) groupIndex {
	size := 8
	for size < 3*len(groups) {
		size *= 2
	}
	x := groupIndex{hashes: make([]uint64, size), rows: make([]int32, size), mask: uint64(size - 1)}
	for i := range x.rows {
		x.rows[i] = -1
	}
	for hash, row := range groups {
		at := hash & x.mask
		for x.rows[at] >= 0 {
			at = (at + 1) & x.mask
		}
		x.hashes[at], x.rows[at] = hash, row
	}
	return x
}

func (x *groupIndex) find(hash uint64) (int, bool) {
	for at := hash & x.mask; x.rows[at] >= 0; at = (at + 1) & x.mask {
		if x.hashes[at] == hash {
			return int(x.rows[at]), true
		}
	}
	return 0, false
}

// atomIndex finds an atom by the hash of its group's keys and its combination of
// conditions.
type atomIndex struct {
	places []atomPlace
	n      int
}

type atomPlace struct {
	g   uint64
	sig int64
	at  uint32 // the atom, plus one; 0 for an empty place
}

func (x *atomIndex) find(g uint64, sig int64) (uint32, bool) {
	if len(x.places) == 0 {
		return 0, false
	}
	a := x.place(g, sig)
	return a.at - 1, a.at != 0
}

func (x *atomIndex) place(g uint64, sig int64) *atomPlace {
	mask := uint64(len(x.places) - 1)
	for at := (g ^ uint64(sig)*0x9e3779b97f4a7c15>>20) & mask; ; at = (at + 1) & mask {
		if a := &x.places[at]; a.at == 0 || a.g == g && a.sig == sig {
			return a
		}
	}
}

func (x *atomIndex) put(g uint64, sig int64, at uint32) {
	if 3*x.n >= len(x.places) {
		before := x.places
		x.places = make([]atomPlace, max(16, 4*len(before)))
		for _, a := range before {
			if a.at != 0 {
				*x.place(a.g, a.sig) = a
			}
		}
	}
	x.n++
	*x.place(g, sig) = atomPlace{g, sig, at + 1}
}

package egress

import (
	"context"
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
	values    measuredColumns
	tables    *valueTables // nil where rows are counted one by one
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
	p.values.of, p.tables = r.Lines, newValueTables(r)
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
	if !ok || units.NullN() > 0 || len(left) != p.columns.Measured {
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
	if !p.values.read(left, len(u)) {
		return false, misshapen()
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
	if p.counts && !p.tabled(labels) {
		p.count(u, labels, p.values.all())
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
		if p.collector.wantsValues() {
			p.collector.valued(u, labels, p.values.all())
		}
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
func (p *pass) count(u, labels []uint32, values []numbers) {
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
				} else if v := &values[share.Value]; v.there(i) {
					x := v.x[i]
					if p.r.Counted {
						t.shares[s].once(int64(unit), x, k)
					} else {
						t.shares[s].row(int64(unit))
						t.shares[s].value(int64(unit), x, k)
					}
					if share.Squares {
						t.shares[s].follow(x, 1, k)
					}
				}
			}
		}
	}
}

// none reports whether no value of a row is missing or 0.
func none(of []int, values []numbers, i int) bool {
	for _, v := range of {
		if !values[v].there(i) || values[v].x[i] == 0 {
			return false
		}
	}
	return true
}

// finish writes what was counted into the evidence.
func (p *pass) finish() {
	p.endTables()
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

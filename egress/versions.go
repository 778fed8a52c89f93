package egress

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// A number of one version is judged against those of another by asking for it in
// the other one too (docs/design/0008): it is made of what the same question is
// made of there, and of the people who add something else to it here.

// Versions gives published versions.
type Versions interface {
	// Version gives a version of a dataset; CodeNotFound if there is none.
	Version(ctx context.Context, dataset string, number int) (catalog.Version, error)
}

// Bounds of what is compared: other versions, and people by group who add
// something else.
const (
	maxOthers  = 4
	maxChanged = 5_000_000
)

// across withholds what, with the numbers of other versions of the datasets, would
// tell of too few people. It gives what the ledger must keep of the rest. Where
// another version cannot be compared, everything is withheld: nothing was admitted then
// beside that version. A failure after that refuses the question, so that nothing is known that is
// not in the ledger.
func (q *question) across(ctx context.Context, vault Vault, r *plan.Release, t *groupTable, atoms *atomTable, verdicts []disclosure.Verdict) ([]*releasedTable, error) {
	var kept []*releasedTable
	versions := map[string]bool{}
	for _, s := range q.scopes {
		maps.Copy(versions, s.versions)
	}
	names := slices.Sorted(maps.Keys(versions))
	others := 0
	for at, m := range q.session.Mounts {
		for _, name := range names {
			dataset, digits, _ := strings.Cut(name, "@")
			number, err := strconv.Atoi(digits)
			if dataset != m.Version.Dataset || err != nil || number == m.Version.Number {
				continue
			}
			others++
			tables, err := q.beside(ctx, vault, at, number, r, t, atoms, verdicts, others)
			switch {
			case ctx.Err() != nil || errors.As(err, new(admissionError)):
				return nil, err
			case err != nil:
				if q.gate.Log != nil {
					q.gate.Log.Warn("a version cannot be compared", "decision", q.decision.ID, "version", name, "cause", err.Error())
				}
				for i := range verdicts {
					for c := range verdicts[i].Withheld {
						if verdicts[i].Withheld[c] == "" {
							verdicts[i].Withheld[c] = disclosure.RuleDifference
						}
					}
				}
			}
			kept = append(kept, tables...)
		}
	}
	return kept, nil
}

// beside judges the numbers against those of one other version.
func (q *question) beside(ctx context.Context, vault Vault, at, number int, r *plan.Release, t *groupTable, atoms *atomTable, verdicts []disclosure.Verdict, others int) ([]*releasedTable, error) {
	session, err := q.otherSession(ctx, at, number)
	switch {
	case err != nil:
		return nil, err
	case others > maxOthers:
		return nil, errors.New("something was released of too many versions")
	}
	other, done, err := q.gate.Vaults.Vault(ctx, session)
	if err != nil {
		return nil, err
	}
	defer done()
	gone, err := q.remade(ctx, other, session, r.SQL)
	if err != nil {
		return nil, err
	}
	defer gone()
	rows, changes, err := compare(ctx, vault, other, r, t, atoms)
	if err != nil {
		return nil, err
	}
	under, err := readBeneath(ctx, other, r)
	if err != nil {
		return nil, err
	}
	space := changeSpace(q.session.Mounts[at].Version.Name(), session.Mounts[at].Version.Name())
	var kept []*releasedTable
	for c := range r.Cells { // each for itself: others change of others
		rows.changed = func(n *numbered, table *disclosure.Cohorts) { changes.add(c, space, n, table) }
		alone := make([]disclosure.Verdict, len(verdicts))
		for i, v := range verdicts {
			alone[i] = disclosure.Verdict{Dropped: v.Dropped, Withheld: make([]disclosure.Rule, len(v.Withheld))}
			for o := range alone[i].Withheld {
				if alone[i].Withheld[o] = v.Withheld[o]; o != c {
					alone[i].Withheld[o] = ruleEarlier
				}
			}
		}
		table, err := admit(q.scopes, q.decision.ID, r, t, atoms, alone, rows, under)
		if err != nil {
			return nil, admissionError{err}
		}
		if table != nil {
			kept = append(kept, table)
		}
		for i := range verdicts {
			verdicts[i].Withheld[c] = alone[i].Withheld[c]
		}
	}
	return kept, nil
}

// admissionError is of a table of which a part may be in the histories.
type admissionError struct{ error }

func (e admissionError) Unwrap() error { return e.error }

// otherSession shows the tables and columns of the session in another version, of
// the same people: whoever is not in the session's population is in neither.
func (q *question) otherSession(ctx context.Context, at, number int) (*workspaces.Session, error) {
	m := q.session.Mounts[at]
	if q.gate.Versions == nil || m.Population == "" {
		return nil, errors.New("other versions are not to be had")
	}
	v, err := q.gate.Versions.Version(ctx, m.Version.Dataset, number)
	if err != nil {
		return nil, err
	}
	if v.Family != m.Version.Family {
		return nil, errors.New("it knows people by other units")
	}
	mount := workspaces.Mount{Version: v, Population: m.Population, Digest: m.Digest}
	for _, mine := range m.Tables {
		for _, theirs := range v.Tables {
			if theirs.Name != mine.Name || theirs.Public != mine.Public {
				continue
			}
			table := theirs
			table.Columns = slices.DeleteFunc(slices.Clone(mine.Columns), func(c catalog.Column) bool {
				return !slices.ContainsFunc(theirs.Columns, func(o catalog.Column) bool { return o.Name == c.Name && o.Type == c.Type })
			})
			mount.Tables = append(mount.Tables, table)
		}
	}
	session := *q.session
	session.Mounts, session.Beside = slices.Clone(q.session.Mounts), v.Name()
	session.Mounts[at] = mount
	return &session, nil
}

// changes are, of each number, the people who add something else to it than in
// another version.
type changes struct {
	units map[changedNumber][]uint32
}

type changedNumber struct{ row, cell int }

// personGroup is a person's rows of one finest group.
type personGroup struct {
	unit  uint32
	group uint64
}

// compare reads what every person adds to every number, here and in another
// version, and gives the rows there.
func compare(ctx context.Context, here, there Vault, r *plan.Release, t *groupTable, atoms *atomTable) (*cohorts, *changes, error) {
	sql, err := r.Contributions()
	if err != nil {
		return nil, nil, err
	}
	sums := map[personGroup][]uint64{}
	rows := &cohorts{}
	rows.Begin()
	for _, side := range []struct {
		vault Vault
		sign  uint64
		into  *cohorts
	}{{here, 1, nil}, {there, ^uint64(0), rows}} {
		if err := contributions(ctx, side.vault, sql, len(r.Cells), side.sign, sums, side.into); err != nil {
			return nil, nil, err
		}
	}
	out := &changes{units: map[changedNumber][]uint32{}}
	holding := map[uint64][]int{}
	for i := range t.rows {
		for _, g := range atoms.members[i] {
			hash := t.groups[atoms.groups[g].row]
			holding[hash] = append(holding[hash], i)
		}
	}
	type personNumber struct {
		unit uint32
		row  int
	}
	byRow := map[personNumber][]uint64{}
	for at, v := range sums {
		for _, row := range holding[at.group] {
			key := personNumber{at.unit, row}
			if byRow[key] == nil {
				byRow[key] = make([]uint64, len(v))
			}
			for c := range v {
				byRow[key][c] += v[c]
			}
		}
	}
	for at, v := range byRow {
		for c := range v {
			if v[c] != 0 {
				key := changedNumber{at.row, c}
				out.units[key] = append(out.units[key], at.unit)
			}
		}
	}
	return rows, out, nil
}

// contributions adds what each person's rows add to each number, times sign.
func contributions(ctx context.Context, vault Vault, sql string, cells int, sign uint64, sums map[personGroup][]uint64, into *cohorts) error {
	reader, err := vault.Query(ctx, sql)
	if err != nil {
		return vaultError(err)
	}
	defer reader.Release()
	for reader.Next() {
		b := reader.RecordBatch()
		if int(b.NumCols()) != 4+cells {
			return misshapen()
		}
		units, ok := b.Column(0).(*array.Uint32)
		columns := make([][]uint64, 3+cells)
		for i := range columns {
			a, is := b.Column(i + 1).(*array.Uint64)
			if ok = ok && is && a.NullN() == 0; !ok {
				return misshapen()
			}
			columns[i] = a.Uint64Values()
		}
		u := units.Uint32Values()
		if into != nil {
			sig := make([]int64, len(u))
			for i, s := range columns[2] {
				sig[i] = int64(s)
			}
			if err := into.Rows(u, columns[0], columns[1], sig); err != nil {
				return err
			}
		}
		for i, unit := range u {
			key := personGroup{unit, columns[1][i]}
			v := sums[key]
			if v == nil {
				v = make([]uint64, cells)
				sums[key] = v
			}
			some := false
			for c := range v {
				v[c] += sign * columns[3+c][i]
				some = some || v[c] != 0
			}
			if !some {
				delete(sums, key) // nothing has changed so far
			}
		}
		if len(sums) > maxChanged {
			return errors.New("too many people are to be compared")
		}
	}
	return reader.Err()
}

// changeSpace is what the keys of change elements begin with: above bit 63, where
// no table's rows are, so that those of two versions are their own.
func changeSpace(here, there string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(here + " beside " + there)) // a hash takes every byte
	return 1<<63 | h.Sum64()&^uint64(1<<32-1)
}

// add puts the people who changed in a cell into its numbers: one element for each.
func (x *changes) add(cell int, space uint64, n *numbered, table *disclosure.Cohorts) {
	in := map[uint32]map[int32]bool{}
	for at, numbers := range n.cells {
		if at[1] != cell {
			continue
		}
		for _, unit := range x.units[changedNumber{at[0], cell}] {
			if in[unit] == nil {
				in[unit] = map[int32]bool{}
			}
			for _, number := range numbers {
				in[unit][number] = true
			}
		}
	}
	patterns := map[string]uint32{}
	for _, unit := range slices.Sorted(maps.Keys(in)) {
		numbers := slices.Sorted(maps.Keys(in[unit]))
		pattern, known := patterns[fmt.Sprint(numbers)]
		if !known {
			var terms []disclosure.Term
			for _, number := range numbers {
				terms = append(terms, disclosure.Term{Number: number, Times: 1})
			}
			pattern = table.Patterns.Add(terms)
			patterns[fmt.Sprint(numbers)] = pattern
		}
		table.Elements.Add(space|uint64(unit), unit, pattern)
	}
}

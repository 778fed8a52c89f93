package egress

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// beneath are the rows that numbers computed for each person come from.
type beneath struct {
	plan *plan.Beneath
	rows cohorts
}

// readBeneath reads them; nil where there are none.
func readBeneath(ctx context.Context, vault Vault, r *plan.Release) (*beneath, error) {
	b, err := r.Beneath()
	if b == nil || err != nil {
		return nil, err
	}
	out := &beneath{plan: b}
	out.rows.Begin()
	reader, err := vault.Query(ctx, b.SQL)
	if err != nil {
		return nil, vaultError(err)
	}
	defer reader.Release()
	for reader.Next() {
		batch := reader.RecordBatch()
		u, ok := batch.Column(0).(*array.Uint32)
		var wide [3]*array.Uint64
		for i := range wide {
			var is bool
			wide[i], is = batch.Column(i + 1).(*array.Uint64)
			ok = ok && is && wide[i].NullN() == 0
		}
		if !ok || u.NullN() > 0 {
			return nil, misshapen()
		}
		sig := make([]int64, batch.NumRows())
		for i, s := range wide[2].Uint64Values() {
			sig[i] = int64(s)
		}
		if err := out.rows.Rows(u.Uint32Values(), wide[0].Uint64Values(), wide[1].Uint64Values(), sig); err != nil {
			return nil, err
		}
	}
	if err := reader.Err(); err != nil {
		return nil, vaultError(err)
	}
	return out, out.rows.distinctRows()
}

// table lists, for each number that the verdicts let out and that is made of
// numbers computed for each person, the sums of those over the people behind it.
func (b *beneath) table(r *plan.Release, t *groupTable, atoms *atomTable, verdicts []disclosure.Verdict) (*numbered, *disclosure.Cohorts) {
	n := newNumbered()
	for i, v := range verdicts {
		if v.Dropped || !released(r, t.gid.Value(i)) {
			continue
		}
		for _, c := range b.plan.Cells {
			if v.Withheld[c] != "" {
				continue
			}
			for _, set := range r.Cells[c].RowSets {
				for _, bit := range b.plan.Bits {
					n.add(i, c, number{row: i, set: set, also: 1 << bit})
				}
			}
		}
	}
	if len(n.list) == 0 {
		return n, nil
	}
	return n, b.rows.byRow(t, atoms, n, true)
}

package state

import (
	"context"
	"errors"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

// RecordIndexChange keeps the event of a change of a person index. In the same
// transaction whoever has withdrawn from one of the datasets, which are those of the
// index, is withdrawn under the units to which that is carried, and nobody's consent
// stands whose unit is, or was, one of these: until the next list.
func (s Catalogue) RecordIndexChange(ctx context.Context, datasets []string, e gatehouse.Event, carried []catalog.Carried) error {
	return s.DB.Update(ctx, func(tx *Tx) error {
		tx.Record(e)
		w := workspacesTx{tx}
		for _, dataset := range datasets {
			left, err := w.withdrawnByProject(ctx, dataset)
			if err != nil {
				return err
			}
			for project, units := range left {
				if more := carry(units, carried); len(more) > 0 {
					if err := w.Withdraw(ctx, dataset, project, more); err != nil {
						return err
					}
				}
			}
			if err := w.beforeAnything(ctx, dataset, carried); err != nil {
				return err
			}
			if err := w.endConsents(ctx, dataset, carried); err != nil {
				return err
			}
		}
		return nil
	})
}

// carry gives the units to which withdrawals are carried, one change after the other
// until nothing changes any more.
func carry(units *roaring.Bitmap, carried []catalog.Carried) (more []uint32) {
	for again := true; again; {
		again = false
		for _, c := range carried {
			for _, from := range c.From {
				if !units.Contains(from) {
					continue
				}
				for _, to := range c.To {
					if units.CheckedAdd(to) {
						more, again = append(more, to), true
					}
				}
			}
		}
	}
	return more
}

// withdrawnByProject gives who withdrew from a dataset, by project; "" is all of them.
func (tx workspacesTx) withdrawnByProject(ctx context.Context, dataset string) (map[string]*roaring.Bitmap, error) {
	left := map[string]*roaring.Bitmap{}
	err := tx.each(ctx, func(scan func(...any) error) error {
		var project string
		var unit int64
		if err := scan(&project, &unit); err != nil {
			return err
		}
		if unit != int64(uint32(unit)) {
			return errors.New("state: a withdrawn unit is out of range")
		}
		if left[project] == nil {
			left[project] = roaring.New()
		}
		left[project].Add(uint32(unit))
		return nil
	}, `SELECT project, unit FROM withdrawals WHERE dataset = $1`, dataset)
	return left, err
}

package state

import (
	"context"
	"encoding/json"

	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/egress"
)

var _ egress.LineageStore = Ledger{}

// MadeOf implements egress.LineageStore.
func (s Ledger) MadeOf(ctx context.Context, version string) (out []catalog.DerivedTable, err error) {
	err = s.DB.View(ctx, func(tx *Tx) error {
		return tx.each(ctx, func(scan func(...any) error) error {
			t := catalog.DerivedTable{}
			var content string
			if err := scan(&t.Project, &t.Workspace, &t.Name, &content); err != nil {
				return err
			}
			var kept egress.ScratchTable
			if err := json.Unmarshal([]byte(content), &kept); err != nil {
				return err
			}
			t.View, t.Made = kept.View != "", kept.Made
			out = append(out, t)
			return nil
		}, `SELECT d.project, t.workspace, t.name, t.content FROM scratch_tables t JOIN decisions d ON d.id = t.made_by
			WHERE EXISTS (SELECT 1 FROM json_each(d.datasets) j WHERE j.value = $1) ORDER BY d.project, t.workspace, t.name`, version)
	})
	return out, err
}

package workspaces

import (
	"context"

	"github.com/gatehouse-tre/gatehouse"
)

// Withdraw records that people leave a dataset after its publication: every
// project's populations, or one project's. A custodian may. From the moment it
// returns, Enter gives no session whose population still has them; populations
// are written anew at the next question. The journal is not told whom or how
// many: few people who leave can be found by comparing.
func (s *Service) Withdraw(ctx context.Context, actor gatehouse.Principal, dataset, project string, units []uint32) error {
	if !gatehouse.ValidName(dataset) {
		return gatehouse.Errorf(gatehouse.CodeNotFound, "There is no dataset %q.", dataset)
	}
	e := gatehouse.Event{Action: "withdrawal.recorded", Project: project, Subject: dataset}
	return s.act(ctx, actor, gatehouse.ActionDatasetPublish, e, func(tx Tx) error {
		if project != "" {
			if _, err := tx.Project(ctx, project); err != nil {
				return err
			}
		}
		return tx.Withdraw(ctx, dataset, project, units)
	})
}

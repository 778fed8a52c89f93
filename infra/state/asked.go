package state

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/gatehouse-tre/gatehouse/egress"
)

var _ egress.QuestionStore = Ledger{}

// Asked gives decisions of a project, newest first.
func (s Ledger) Asked(ctx context.Context, project, after string, limit int) ([]egress.Decision, error) {
	found := []egress.Decision{}
	err := s.DB.View(ctx, func(tx *Tx) error {
		return tx.each(ctx, func(scan func(...any) error) error {
			var d egress.Decision
			var decided, datasets, detail string
			if err := scan(&d.ID, &decided, &d.Project, &d.Workspace, &d.User, &d.SQL, &d.Outcome, &d.Code, &d.Policy, &datasets, &detail); err != nil {
				return err
			}
			var kept decisionDetail
			var err error
			d.Time, err = parseTime(decided)
			err = errors.Join(err, json.Unmarshal([]byte(datasets), &d.Datasets), json.Unmarshal([]byte(detail), &kept))
			d.Sentence, d.Disclosure = kept.Sentence, kept.Disclosure
			found = append(found, d)
			return err
		}, `SELECT id, decided, project, workspace, author, statement, outcome, code, policy, datasets, detail FROM decisions
			WHERE workspace IN (SELECT id FROM workspaces WHERE project = $1) AND project = $1
			AND ($2 = '' OR (decided, id) < (SELECT decided, id FROM decisions WHERE id = $2 AND project = $1))
			ORDER BY decided DESC, id DESC LIMIT $3`, project, after, limit)
	})
	return found, err
}

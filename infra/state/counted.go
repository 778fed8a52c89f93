package state

import (
	"context"
	"encoding/base64"

	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// CountRelease keeps what the release of a referred result let out, for every
// project on its datasets.
func (tx requestTx) CountRelease(ctx context.Context, c egress.ReleasedCohorts) error {
	for _, dataset := range c.Datasets {
		if _, err := tx.sql.ExecContext(ctx, `INSERT INTO cohorts (place, decision, project, content, dataset, release)
			SELECT coalesce(max(place), 0) + 1, $1, $2, $3, $4, $5 FROM cohorts`,
			c.Decision, c.Project, base64.StdEncoding.EncodeToString(c.Sealed), dataset, c.Release); err != nil {
			return err
		}
	}
	return nil
}

// OnDatasets lists the projects that may use any of some datasets, or were told
// something of one. What a draft asks for it may not use.
func (s Ledger) OnDatasets(ctx context.Context, datasets []string) ([]string, error) {
	found := map[string]bool{}
	var out []string
	err := s.DB.View(ctx, func(tx *Tx) error {
		for _, d := range datasets {
			names, err := requestTx{tx}.names(ctx, `SELECT g.project FROM grants g JOIN projects p ON p.id = g.project WHERE g.dataset = $1 AND (`+approvedOnce+` OR substr(p.id, 1, length($2)) = $2)
				UNION SELECT d.project FROM decisions d, json_each(d.datasets) j WHERE d.outcome IN ('released', 'suppressed') AND substr(j.value, 1, length($1) + 1) = $1 || '@'
				ORDER BY 1`, d, workspaces.CataloguePrefix)
			if err != nil {
				return err
			}
			for _, p := range names {
				if !found[p] {
					found[p] = true
					out = append(out, p)
				}
			}
		}
		return nil
	})
	return out, err
}

// Granted lists the datasets that any of some projects may use.
func (s Ledger) Granted(ctx context.Context, projects []string) (out []string, err error) {
	list, err := asJSON(projects)
	if err != nil {
		return nil, err
	}
	err = s.DB.View(ctx, func(tx *Tx) error {
		out, err = requestTx{tx}.names(ctx, `SELECT DISTINCT dataset FROM grants WHERE project IN (SELECT value FROM json_each($1)) ORDER BY 1`, list)
		return err
	})
	return out, err
}

package state

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Ledger keeps what the gate decided; it is an egress.Ledger.
type Ledger struct{ DB *DB }

var _ egress.Ledger = Ledger{}

// Commit keeps a decision, what it released, its change of workspace tables and
// its events in one transaction.
func (s Ledger) Commit(ctx context.Context, d egress.Decision, change egress.ScratchChange, events ...gatehouse.Event) error {
	return s.DB.Update(ctx, func(tx *Tx) error {
		datasets, err1 := asJSON(d.Datasets)
		detail, err2 := asJSON(decisionDetail{d.Sentence, d.Parameters, d.Populations, d.Disclosure})
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		if _, err := tx.SQL().ExecContext(ctx, `INSERT INTO decisions (id, decided, project, workspace, author, session, statement, outcome, code, policy, datasets, detail)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
			d.ID, timeText(d.Time), d.Project, d.Workspace, d.User, d.Session, d.SQL, string(d.Outcome), string(d.Code), d.Policy, datasets, detail); err != nil {
			return err
		}
		for i, e := range d.Entries {
			if _, err := tx.SQL().ExecContext(ctx, `INSERT INTO ledger (decision, place, source, digest, groups, cells) VALUES ($1, $2, $3, $4, $5, $6)`,
				d.ID, i, e.Source, e.Digest, e.Groups, e.Cells); err != nil {
				return err
			}
			if e.Answer != nil {
				if err := keepAnswer(ctx, tx, d, e.Answer); err != nil {
					return err
				}
			}
			kept := e.Totals
			if e.Cohorts != nil {
				kept = append(slices.Clone(kept), e.Cohorts)
			}
			for _, c := range kept {
				if _, err := tx.SQL().ExecContext(ctx, `INSERT INTO cohorts (place, decision, project, content)
					SELECT coalesce(max(place), 0) + 1, $1, $2, $3 FROM cohorts`, d.ID, d.Project, base64.StdEncoding.EncodeToString(c)); err != nil {
					return err
				}
			}
		}
		if err := changeScratch(ctx, tx, d, change); err != nil {
			return err
		}
		for _, e := range events {
			tx.Record(e)
		}
		return nil
	})
}

// decisionDetail is what the database keeps of a decision and never searches.
type decisionDetail struct {
	Sentence    string             `json:"sentence,omitempty"`
	Parameters  []byte             `json:"parameters,omitempty"`
	Populations []string           `json:"populations,omitempty"`
	Disclosure  *egress.Disclosure `json:"disclosure,omitempty"`
}

// Decision gives what was decided of one question, without its ledger entries;
// GH-103 if there is no such decision.
func (s Ledger) Decision(ctx context.Context, id string) (egress.Decision, error) {
	var d egress.Decision
	err := s.DB.View(ctx, func(tx *Tx) error {
		var decided, datasets, detail string
		err := tx.SQL().QueryRowContext(ctx, `SELECT id, decided, project, workspace, author, session, statement, outcome, code, policy, datasets, detail
			FROM decisions WHERE id = $1`, id).
			Scan(&d.ID, &decided, &d.Project, &d.Workspace, &d.User, &d.Session, &d.SQL, &d.Outcome, &d.Code, &d.Policy, &datasets, &detail)
		if errors.Is(err, sql.ErrNoRows) {
			return absent("decision", id)
		} else if err != nil {
			return err
		}
		var kept decisionDetail
		d.Time, err = parseTime(decided)
		err = errors.Join(err, json.Unmarshal([]byte(datasets), &d.Datasets), json.Unmarshal([]byte(detail), &kept))
		d.Sentence, d.Parameters, d.Populations, d.Disclosure = kept.Sentence, kept.Parameters, kept.Populations, kept.Disclosure
		return err
	})
	return d, err
}

func changeScratch(ctx context.Context, tx *Tx, d egress.Decision, change egress.ScratchChange) error {
	name := change.Drop
	if change.Put != nil {
		name = change.Put.Table.Name
	}
	if name == "" {
		return nil
	}
	if _, err := tx.SQL().ExecContext(ctx, `DELETE FROM scratch_tables WHERE workspace = $1 AND name = $2`, d.Workspace, name); err != nil {
		return err
	}
	if change.Put == nil {
		return nil
	}
	content, err := asJSON(change.Put)
	if err != nil {
		return err
	}
	_, err = tx.SQL().ExecContext(ctx, `INSERT INTO scratch_tables (workspace, name, made_by, content) VALUES ($1, $2, $3, $4)`, d.Workspace, name, d.ID, content)
	return err
}

// Record journals events of their own.
func (s Ledger) Record(ctx context.Context, events ...gatehouse.Event) error {
	return s.DB.Update(ctx, func(tx *Tx) error {
		for _, e := range events {
			tx.Record(e)
		}
		return nil
	})
}

// Finish journals that an answer was sent, and keeps the digest of its table: the
// first decision that let a table out is the one that counts.
func (s Ledger) Finish(ctx context.Context, d egress.Decision, table string, e gatehouse.Event) error {
	return s.DB.Update(ctx, func(tx *Tx) error {
		tx.Record(e)
		if table == "" {
			return nil
		}
		_, err := tx.SQL().ExecContext(ctx, `INSERT INTO answer_tables (project, digest, decision) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, d.Project, table, d.ID)
		return err
	})
}

// Proof gives the decision that let a table out to a project; nil for none.
func (s Ledger) Proof(ctx context.Context, project, table string) (*egress.Proof, error) {
	var p egress.Proof
	var decided string
	err := s.DB.View(ctx, func(tx *Tx) error {
		return tx.SQL().QueryRowContext(ctx, `SELECT d.id, d.decided, d.outcome FROM answer_tables t JOIN decisions d ON d.id = t.decision
			WHERE t.project = $1 AND t.digest = $2`, project, table).Scan(&p.Decision, &decided, &p.Outcome)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	p.Decided, err = parseTime(decided)
	return &p, err
}

// Scratch lists a workspace's own tables, by name.
func (s Ledger) Scratch(ctx context.Context, workspace string) ([]egress.ScratchTable, error) {
	var out []egress.ScratchTable
	err := s.DB.View(ctx, func(tx *Tx) error {
		rows, err := tx.SQL().QueryContext(ctx, `SELECT content FROM scratch_tables WHERE workspace = $1 ORDER BY name`, workspace)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var content string
			if err := rows.Scan(&content); err != nil {
				return err
			}
			var t egress.ScratchTable
			if err := json.Unmarshal([]byte(content), &t); err != nil {
				return err
			}
			out = append(out, t)
		}
		return rows.Err()
	})
	return out, err
}

// approvedOnce is the condition that a project p was approved at some time, as
// workspaces.Project.EverApproved has it.
const approvedOnce = `(p.state NOT IN ('draft', 'submitted', 'rejected', 'closed', 'archived')
	OR p.state IN ('closed', 'archived') AND (p.approved_by <> '' OR p.approved IS NOT NULL))`

// heard is who knows what a project was told.
const heard = `heard AS (SELECT m.project, m.user_name FROM members m JOIN projects p ON p.id = m.project WHERE ` + approvedOnce + `
	UNION SELECT project, user_name FROM project_insiders)`

// Related lists the projects that share a member with one, itself included. Whoever
// left a project still knows what it was told. Of a project that was never approved
// nobody was told anything, and whom its draft names need not know of it.
func (s Ledger) Related(ctx context.Context, project string) ([]string, error) {
	out := []string{project}
	err := s.DB.View(ctx, func(tx *Tx) error {
		rows, err := tx.SQL().QueryContext(ctx, `WITH `+heard+`
			SELECT DISTINCT theirs.project FROM heard mine JOIN heard theirs ON theirs.user_name = mine.user_name
			WHERE mine.project = $1 AND theirs.project <> $1`, project)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id string
			if err := rows.Scan(&id); err != nil {
				return err
			}
			out = append(out, id)
		}
		return rows.Err()
	})
	return out, err
}

// datasetsOf gives the datasets that some projects may use, and the catalogue's
// projects by their dataset.
func datasetsOf(ctx context.Context, tx *Tx, projects map[string]bool) (on map[string]bool, catalogues map[string]string, err error) {
	on, catalogues = map[string]bool{}, map[string]string{}
	err = tx.each(ctx, func(scan func(...any) error) error {
		var project, dataset string
		err := scan(&project, &dataset)
		on[dataset] = on[dataset] || projects[project]
		if workspaces.IsCatalogue(project) {
			catalogues[project] = dataset
		}
		return err
	}, `SELECT project, dataset FROM grants`)
	return on, catalogues, err
}

// Cohorts gives what was released to projects after a place, in order, what
// releases of requests let out of their datasets, and what the catalogue shows of them.
func (s Ledger) Cohorts(ctx context.Context, projects []string, after int64, each func(egress.KeptCohorts) error) error {
	wanted := map[string]bool{}
	for _, p := range projects {
		wanted[p] = true
	}
	var kept []egress.KeptCohorts
	err := s.DB.View(ctx, func(tx *Tx) error {
		on, catalogues, err := datasetsOf(ctx, tx, wanted)
		if err != nil {
			return err
		}
		rows, err := tx.SQL().QueryContext(ctx, `SELECT place, decision, project, dataset, release, (SELECT d.datasets FROM decisions d WHERE d.id = decision)
			FROM cohorts WHERE place > $1 ORDER BY place`, after)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var k egress.KeptCohorts
			var dataset, datasets string
			if err := rows.Scan(&k.Place, &k.Decision, &k.Project, &dataset, &k.Release, &datasets); err != nil {
				return err
			}
			if err := json.Unmarshal([]byte(datasets), &k.Datasets); err != nil {
				return err
			}
			if dataset == "" {
				dataset = catalogues[k.Project]
			}
			if wanted[k.Project] || dataset != "" && on[dataset] {
				kept = append(kept, k)
			}
		}
		return rows.Err()
	})
	if err != nil {
		return err
	}
	for _, k := range kept {
		var content string
		err := s.DB.View(ctx, func(tx *Tx) error {
			return tx.SQL().QueryRowContext(ctx, `SELECT content FROM cohorts WHERE place = $1`, k.Place).Scan(&content)
		})
		if err == nil {
			k.Sealed, err = base64.StdEncoding.DecodeString(content)
		}
		if err == nil {
			err = each(k)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

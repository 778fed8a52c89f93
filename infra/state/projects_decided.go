package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func (tx workspacesTx) Custodians(ctx context.Context, dataset string) ([]string, error) {
	var named []string
	err := tx.each(ctx, func(scan func(...any) error) error {
		var user string
		err := scan(&user)
		named = append(named, user)
		return err
	}, `SELECT c.user_name FROM custodians c JOIN house_roles h ON h.user_name = c.user_name AND h.role = $2
		WHERE c.dataset = $1 ORDER BY c.user_name`, dataset, string(gatehouse.RoleCustodian))
	return named, err
}

func (tx workspacesTx) CustodianOf(ctx context.Context, user string) ([]string, error) {
	var datasets []string
	err := tx.each(ctx, func(scan func(...any) error) error {
		var dataset string
		err := scan(&dataset)
		datasets = append(datasets, dataset)
		return err
	}, `SELECT dataset FROM custodians WHERE user_name = $1 ORDER BY dataset`, user)
	return datasets, err
}

func (tx workspacesTx) AddCustodian(ctx context.Context, dataset, user string) error {
	_, err := tx.affects(ctx, `INSERT INTO custodians (dataset, user_name, named) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, dataset, user, timeText(tx.now))
	return err
}

func (tx workspacesTx) RemoveCustodian(ctx context.Context, dataset, user string) error {
	_, err := tx.affects(ctx, `DELETE FROM custodians WHERE dataset = $1 AND user_name = $2`, dataset, user)
	return err
}

func (tx workspacesTx) Decisions(ctx context.Context, project string) ([]workspaces.Decision, error) {
	var all []workspaces.Decision
	err := tx.each(ctx, func(scan func(...any) error) error {
		d := workspaces.Decision{Project: project}
		var conditions, decided string
		if err := scan(&d.Amendment, &d.Round, &d.Dataset, &d.Custodian, &d.Verdict, &conditions, &d.Comment, &d.Seen, &decided); err != nil {
			return err
		}
		var err error
		d.Time, err = parseTime(decided)
		err = errors.Join(err, json.Unmarshal([]byte(conditions), &d.Conditions))
		if len(d.Conditions) == 0 {
			d.Conditions = nil
		}
		all = append(all, d)
		return err
	}, `SELECT amendment, round, dataset, custodian, verdict, conditions, comment, seen, decided FROM project_decisions WHERE project = $1 ORDER BY seq`, project)
	return all, err
}

func (tx workspacesTx) AddDecision(ctx context.Context, d workspaces.Decision) error {
	conditions, err := asJSON(d.Conditions)
	if err != nil {
		return err
	}
	added, err := tx.affects(ctx, `INSERT INTO project_decisions (project, amendment, round, dataset, custodian, verdict, conditions, comment, seen, decided)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (project, amendment, round, dataset) DO NOTHING`,
		d.Project, d.Amendment, d.Round, d.Dataset, d.Custodian, string(d.Verdict), conditions, d.Comment, d.Seen, timeText(d.Time))
	if err == nil && !added {
		err = gatehouse.Errorf(gatehouse.CodeConflict, "For the dataset %q there is a decision already.", d.Dataset)
	}
	return err
}

const amendmentColumns = `id, project, state, proposer, why, base, content, changes, proposed, concluded`

func scanAmendment(scan func(...any) error) (workspaces.Amendment, error) {
	var a workspaces.Amendment
	var content, changes, proposed string
	var concluded sql.NullString
	if err := scan(&a.ID, &a.Project, &a.State, &a.By, &a.Why, &a.Base, &content, &changes, &proposed, &concluded); err != nil {
		return a, err
	}
	var err1, err2 error
	a.Proposed, err1 = parseTime(proposed)
	a.Concluded, err2 = parseOptional(concluded)
	return a, errors.Join(err1, err2, json.Unmarshal([]byte(content), &a.To), json.Unmarshal([]byte(changes), &a.Changes))
}

func (tx workspacesTx) Amendment(ctx context.Context, id string) (workspaces.Amendment, error) {
	a, err := scanAmendment(tx.sql.QueryRowContext(ctx, `SELECT `+amendmentColumns+` FROM amendments WHERE id = $1`, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return a, absent("amendment", id)
	}
	return a, err
}

func (tx workspacesTx) Amendments(ctx context.Context, project string) ([]workspaces.Amendment, error) {
	var all []workspaces.Amendment
	err := tx.each(ctx, func(scan func(...any) error) error {
		a, err := scanAmendment(scan)
		all = append(all, a)
		return err
	}, `SELECT `+amendmentColumns+` FROM amendments WHERE project = $1 ORDER BY proposed, id`, project)
	return all, err
}

func (tx workspacesTx) AddAmendment(ctx context.Context, a workspaces.Amendment) error {
	content, err1 := json.Marshal(a.To)
	changes, err2 := json.Marshal(a.Changes)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	_, err := tx.affects(ctx, `INSERT INTO amendments (`+amendmentColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		a.ID, a.Project, string(a.State), a.By, a.Why, a.Base, string(content), string(changes), timeText(a.Proposed), optional(a.Concluded))
	return err
}

func (tx workspacesTx) ConcludeAmendment(ctx context.Context, id string, to workspaces.AmendmentState) error {
	changed, err := tx.affects(ctx, `UPDATE amendments SET state = $1, concluded = $2 WHERE id = $3 AND state = 'proposed'`, string(to), timeText(tx.now), id)
	if err == nil && !changed {
		err = gatehouse.Errorf(gatehouse.CodeConflict, "The amendment %q is concluded already.", id)
	}
	return err
}

func (tx workspacesTx) Agreement(ctx context.Context) (workspaces.Agreement, error) {
	var a workspaces.Agreement
	var added string
	err := tx.sql.QueryRowContext(ctx, `SELECT version, content, sha256, days, added FROM agreements ORDER BY version DESC LIMIT 1`).
		Scan(&a.Version, &a.Text, &a.SHA256, &a.Days, &added)
	if errors.Is(err, sql.ErrNoRows) {
		return a, absent("agreement", "newest")
	}
	if err != nil {
		return a, err
	}
	a.Added, err = parseTime(added)
	return a, err
}

func (tx workspacesTx) AddAgreement(ctx context.Context, a workspaces.Agreement) error {
	_, err := tx.affects(ctx, `INSERT INTO agreements (version, content, sha256, days, added) VALUES ($1, $2, $3, $4, $5)`, a.Version, a.Text, a.SHA256, a.Days, timeText(a.Added))
	return err
}

func (tx workspacesTx) AddSignature(ctx context.Context, s workspaces.Signature) error {
	_, err := tx.affects(ctx, `INSERT INTO signatures (project, user_name, version, sha256, signed, until) VALUES ($1, $2, $3, $4, $5, $6)`,
		s.Project, s.User, s.Version, s.SHA256, timeText(s.Signed), timeText(s.Until))
	return err
}

func (tx workspacesTx) Signatures(ctx context.Context, project string) ([]workspaces.Signature, error) {
	var all []workspaces.Signature
	err := tx.each(ctx, func(scan func(...any) error) error {
		s := workspaces.Signature{Project: project}
		var signed, until string
		if err := scan(&s.User, &s.Version, &s.SHA256, &signed, &until); err != nil {
			return err
		}
		var err1, err2 error
		s.Signed, err1 = parseTime(signed)
		s.Until, err2 = parseTime(until)
		all = append(all, s)
		return errors.Join(err1, err2)
	}, `SELECT user_name, version, sha256, signed, until FROM signatures WHERE project = $1 ORDER BY seq`, project)
	return all, err
}

func (tx workspacesTx) AddWarning(ctx context.Context, w workspaces.Warning) (bool, error) {
	return tx.affects(ctx, `INSERT INTO warnings (project, user_name, kind, due, days, given) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
		w.Project, w.User, w.Kind, timeText(w.Due), w.Days, timeText(tx.now))
}

func (tx workspacesTx) Released(ctx context.Context) ([]workspaces.PublicRelease, error) {
	var all []workspaces.PublicRelease
	err := tx.each(ctx, func(scan func(...any) error) error {
		var r workspaces.PublicRelease
		var files, released string
		if err := scan(&r.ID, &r.Project, &files, &released, &r.Recalled); err != nil {
			return err
		}
		var names []string
		var err error
		r.Released, err = parseTime(released)
		err = errors.Join(err, json.Unmarshal([]byte(files), &names))
		r.Files = len(names)
		all = append(all, r)
		return err
	}, `SELECT id, project, files, released, recalled IS NOT NULL FROM releases ORDER BY released DESC, id DESC`)
	return all, err
}

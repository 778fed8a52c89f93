package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Requests keeps requests and releases; it is an egress.RequestStore.
type Requests struct{ DB *DB }

var _ egress.RequestStore = Requests{}

// Update changes requests in one transaction; see DB.Update.
func (s Requests) Update(ctx context.Context, change func(egress.RequestTx) error) error {
	return s.DB.Update(ctx, func(tx *Tx) error { return change(requestTx{tx}) })
}

// View reads requests in one transaction; see DB.View.
func (s Requests) View(ctx context.Context, read func(egress.RequestReader) error) error {
	return s.DB.View(ctx, func(tx *Tx) error { return read(requestTx{tx}) })
}

// requestTx adds to a transaction what egress asks of it.
type requestTx struct{ *Tx }

// optional is a time that may be NULL, which is the zero time.
func optional(t time.Time) sql.NullString {
	if t.IsZero() {
		return sql.NullString{}
	}
	return sql.NullString{String: timeText(t), Valid: true}
}

// scanTimes reads what optional and timeText wrote.
func scanTimes(pairs map[*time.Time]sql.NullString) error {
	for to, text := range pairs {
		if !text.Valid {
			continue
		}
		t, err := parseTime(text.String)
		if err != nil {
			return err
		}
		*to = t
	}
	return nil
}

// asJSON is how the database keeps lists and records that it never searches.
func asJSON(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}

func (tx requestTx) Project(ctx context.Context, id string) (workspaces.Project, error) {
	return workspacesTx(tx).Project(ctx, id)
}

const requestColumns = `r.id, r.project, r.title, r.context, r.groups, r.state, r.author, r.round, r.version,
	r.created, r.submitted, r.concluded, r.vetoes, r.insiders, coalesce(l.id, '')`

func scanRequest(scan func(...any) error) (egress.Request, error) {
	var (
		r                             egress.Request
		context, groups               string
		vetoes, insiders              string
		created, submitted, concluded sql.NullString
	)
	err := scan(&r.ID, &r.Project, &r.Title, &context, &groups, &r.State, &r.Author, &r.Round, &r.Version,
		&created, &submitted, &concluded, &vetoes, &insiders, &r.Release)
	if err != nil {
		return r, err
	}
	return r, errors.Join(
		json.Unmarshal([]byte(context), &r.Context),
		json.Unmarshal([]byte(groups), &r.Groups),
		json.Unmarshal([]byte(vetoes), &r.Vetoes),
		json.Unmarshal([]byte(insiders), &r.Insiders),
		scanTimes(map[*time.Time]sql.NullString{&r.Created: created, &r.Submitted: submitted, &r.Concluded: concluded}),
	)
}

func (tx requestTx) Request(ctx context.Context, id string) (egress.Request, error) {
	r, err := scanRequest(tx.sql.QueryRowContext(ctx,
		`SELECT `+requestColumns+` FROM requests r LEFT JOIN releases l ON l.request = r.id WHERE r.id = $1`, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return r, absent("request", id)
	} else if err != nil {
		return r, err
	}
	return r, tx.whole(ctx, &r)
}

// whole reads what stands beside a request.
func (tx requestTx) whole(ctx context.Context, r *egress.Request) error {
	var errs [7]error
	r.Files, errs[0] = tx.files(ctx, r.ID)
	r.Votes, errs[1] = tx.votes(ctx, r.ID)
	r.Turns, errs[2] = tx.turns(ctx, r.ID)
	r.Messages, errs[3] = tx.messages(ctx, r.ID)
	r.Claims, errs[4] = tx.claims(ctx, r.ID)
	r.Clearances, errs[5] = tx.clearances(ctx, r.ID)
	errs[6] = tx.each(ctx, func(scan func(...any) error) error {
		var user string
		err := scan(&user)
		if err == nil && !slices.Contains(r.Insiders, user) {
			r.Insiders = append(r.Insiders, user)
		}
		return err
	}, `SELECT user_name FROM project_insiders WHERE project = $1 ORDER BY user_name`, r.Project)
	r.DiscountInsiders()
	return errors.Join(errs[:]...)
}

func (tx requestTx) files(ctx context.Context, request string) ([]egress.RequestFile, error) {
	var files []egress.RequestFile
	err := tx.each(ctx, func(scan func(...any) error) error {
		var (
			f              egress.RequestFile
			report         string
			referral       string
			basis, proof   string
			added, removed sql.NullString
		)
		if err := scan(&f.ID, &f.Request, &f.Name, &f.Kind, &f.Group, &basis, &proof, &f.SHA256, &f.Bytes, &f.Origin, &f.Decision, &report, &referral, &f.Cohorts, &f.AddedBy, &added, &removed, &f.Round); err != nil {
			return err
		}
		err := errors.Join(json.Unmarshal([]byte(report), &f.Report), scanTimes(map[*time.Time]sql.NullString{&f.Added: added, &f.Removed: removed}))
		for text, to := range map[string]any{referral: &f.Referral, basis: &f.Basis, proof: &f.Proof} {
			if text != "" {
				err = errors.Join(err, json.Unmarshal([]byte(text), to))
			}
		}
		files = append(files, f)
		return err
	}, `SELECT id, request, name, kind, grp, basis, proof, sha256, bytes, origin, decision, report, referral, cohorts, added_by, added, removed, round
		FROM request_files WHERE request = $1 ORDER BY seq`, request)
	return files, err
}

func (tx requestTx) votes(ctx context.Context, request string) ([]egress.Vote, error) {
	var votes []egress.Vote
	err := tx.each(ctx, func(scan func(...any) error) error {
		var (
			v    egress.Vote
			cast string
		)
		err := scan(&v.File, &v.Checker, &v.Round, &v.Stage, &v.Verdict, &v.Comment, &cast)
		if err == nil {
			v.Cast, err = parseTime(cast)
		}
		votes = append(votes, v)
		return err
	}, `SELECT file, checker, round, stage, verdict, comment, cast_at FROM request_votes WHERE request = $1 ORDER BY seq`, request)
	return votes, err
}

func (tx requestTx) RequestProjects(ctx context.Context) ([]string, error) {
	return tx.names(ctx, `SELECT DISTINCT project FROM requests ORDER BY project`)
}

func (tx requestTx) names(ctx context.Context, query string, args ...any) ([]string, error) {
	var names []string
	err := tx.each(ctx, func(scan func(...any) error) error {
		var name string
		err := scan(&name)
		names = append(names, name)
		return err
	}, query, args...)
	return names, err
}

func (tx requestTx) Requests(ctx context.Context, q egress.RequestQuery) ([]egress.Request, error) {
	if len(q.Projects) == 0 {
		return nil, nil
	}
	args := []any{q.Member}
	arg := func(v any) string {
		args = append(args, v)
		return placeholder(len(args))
	}
	var projects []string
	for _, p := range q.Projects {
		projects = append(projects, arg(p))
	}
	query := `SELECT ` + requestColumns + ` FROM requests r LEFT JOIN releases l ON l.request = r.id
		WHERE r.project IN (` + strings.Join(projects, ", ") + `)
		AND (r.submitted IS NOT NULL OR EXISTS (SELECT 1 FROM members m WHERE m.project = r.project AND m.user_name = $1))`
	if q.State != "" {
		query += ` AND r.state = ` + arg(string(q.State))
	}
	if q.After != "" {
		query += ` AND (r.created, r.id) < (SELECT o.created, o.id FROM requests o WHERE o.id = ` + arg(q.After) + `)`
	}
	query += ` ORDER BY r.created DESC, r.id DESC LIMIT ` + arg(q.Limit)
	found, err := tx.list(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	for i := range found {
		if found[i].Turns, err = tx.turns(ctx, found[i].ID); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (tx requestTx) list(ctx context.Context, query string, args ...any) ([]egress.Request, error) {
	var found []egress.Request
	err := tx.each(ctx, func(scan func(...any) error) error {
		r, err := scanRequest(scan)
		found = append(found, r)
		return err
	}, query, args...)
	return found, err
}

// placeholder is the nth argument of a statement.
func placeholder(n int) string { return "$" + strconv.Itoa(n) }

func (tx requestTx) Rejections(ctx context.Context, sha256 []string, except string) (map[string][]string, error) {
	found := map[string][]string{}
	for _, sha := range sha256 {
		if _, done := found[sha]; done {
			continue
		}
		// A review that is under way stays blind: its rejections are not told.
		requests, err := tx.names(ctx, `SELECT DISTINCT r.id FROM request_files f
			JOIN request_votes v ON v.file = f.id JOIN requests r ON r.id = f.request
			WHERE f.sha256 = $1 AND v.verdict = 'reject' AND r.id <> $2 AND r.state NOT IN ('submitted', 'in_review')
			ORDER BY r.id`, sha, except)
		if err != nil {
			return nil, err
		}
		if len(requests) > 0 {
			found[sha] = requests
		}
	}
	return found, nil
}

func (tx requestTx) AddRequest(ctx context.Context, r egress.Request) error {
	context, err1 := asJSON(r.Context)
	insiders, err2 := asJSON(r.Insiders)
	groups, err3 := asJSON(r.Groups)
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	_, err := tx.sql.ExecContext(ctx, `INSERT INTO requests
		(id, project, title, context, groups, state, author, round, version, created, submitted, concluded, insiders)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		r.ID, r.Project, r.Title, context, groups, string(r.State), r.Author, r.Round, r.Version,
		timeText(r.Created), optional(r.Submitted), optional(r.Concluded), insiders)
	return err
}

func (tx requestTx) SaveRequest(ctx context.Context, r egress.Request) error {
	context, err1 := asJSON(r.Context)
	insiders, err2 := asJSON(r.Insiders)
	groups, err3 := asJSON(r.Groups)
	vetoes, err4 := asJSON(r.Vetoes)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return err
	}
	saved, err := tx.affects(ctx, `UPDATE requests SET title = $1, context = $2, groups = $3, state = $4, round = $5, version = $6,
		submitted = $7, concluded = $8, vetoes = $9, insiders = $10 WHERE id = $11 AND version = $12`,
		r.Title, context, groups, string(r.State), r.Round, r.Version,
		optional(r.Submitted), optional(r.Concluded), vetoes, insiders, r.ID, r.Version-1)
	if err == nil && !saved {
		err = gatehouse.Errorf(gatehouse.CodeRequestState, "The request was changed by somebody else.").WithAdvice("Look at it again.")
	}
	return err
}

func (tx requestTx) AddFile(ctx context.Context, f egress.RequestFile) error {
	report, err := asJSON(f.Report)
	if err != nil {
		return err
	}
	referral, err := optionalJSON(f.Referral)
	if err != nil {
		return err
	}
	proof, err := optionalJSON(f.Proof)
	if err != nil {
		return err
	}
	_, err = tx.sql.ExecContext(ctx, `INSERT INTO request_files
		(id, request, name, kind, grp, sha256, bytes, origin, decision, report, referral, proof, cohorts, added_by, added, removed, round)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
		f.ID, f.Request, f.Name, string(f.Kind), f.Group, f.SHA256, f.Bytes, string(f.Origin), f.Decision, report, referral, proof, f.Cohorts,
		f.AddedBy, timeText(f.Added), optional(f.Removed), f.Round)
	return err
}

// optionalJSON is a record that may be missing, which is the empty text.
func optionalJSON[T any](v *T) (string, error) {
	if v == nil {
		return "", nil
	}
	return asJSON(v)
}

func (tx requestTx) SaveFile(ctx context.Context, f egress.RequestFile) error {
	basis, err := optionalJSON(f.Basis)
	if err != nil {
		return err
	}
	saved, err := tx.affects(ctx, `UPDATE request_files SET grp = $1, removed = $2, round = $3, basis = $4 WHERE id = $5 AND request = $6 AND removed IS NULL`,
		f.Group, optional(f.Removed), f.Round, basis, f.ID, f.Request)
	if err == nil && !saved {
		err = absent("file", f.Name)
	}
	return err
}

func (tx requestTx) AddVote(ctx context.Context, request string, v egress.Vote) error {
	_, err := tx.sql.ExecContext(ctx, `INSERT INTO request_votes (request, file, checker, round, stage, verdict, comment, cast_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		request, v.File, v.Checker, v.Round, string(v.Stage), string(v.Verdict), v.Comment, timeText(v.Cast))
	return err
}

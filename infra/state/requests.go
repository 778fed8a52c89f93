package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
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

const requestColumns = `r.id, r.project, r.title, r.context, r.state, r.author, r.round, r.version,
	r.created, r.submitted, r.concluded, r.reviewed, r.insiders, coalesce(l.id, '')`

func scanRequest(scan func(...any) error) (egress.Request, error) {
	var (
		r                             egress.Request
		context, insiders             string
		created, submitted, concluded sql.NullString
	)
	err := scan(&r.ID, &r.Project, &r.Title, &context, &r.State, &r.Author, &r.Round, &r.Version,
		&created, &submitted, &concluded, &r.Reviewed, &insiders, &r.Release)
	if err != nil {
		return r, err
	}
	return r, errors.Join(
		json.Unmarshal([]byte(context), &r.Context),
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
	if r.Files, err = tx.files(ctx, id); err != nil {
		return r, err
	}
	r.Votes, err = tx.votes(ctx, id)
	return r, err
}

func (tx requestTx) files(ctx context.Context, request string) ([]egress.RequestFile, error) {
	var files []egress.RequestFile
	err := tx.each(ctx, func(scan func(...any) error) error {
		var (
			f              egress.RequestFile
			report         string
			referral       string
			added, removed sql.NullString
		)
		if err := scan(&f.ID, &f.Request, &f.Name, &f.SHA256, &f.Bytes, &f.Origin, &f.Decision, &report, &referral, &f.Cohorts, &f.AddedBy, &added, &removed, &f.Round); err != nil {
			return err
		}
		err := errors.Join(json.Unmarshal([]byte(report), &f.Report), scanTimes(map[*time.Time]sql.NullString{&f.Added: added, &f.Removed: removed}))
		if referral != "" {
			err = errors.Join(err, json.Unmarshal([]byte(referral), &f.Referral))
		}
		files = append(files, f)
		return err
	}, `SELECT id, request, name, sha256, bytes, origin, decision, report, referral, cohorts, added_by, added, removed, round
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
		return fmt.Sprintf("$%d", len(args))
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
	var found []egress.Request
	err := tx.each(ctx, func(scan func(...any) error) error {
		r, err := scanRequest(scan)
		found = append(found, r)
		return err
	}, query, args...)
	return found, err
}

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
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	_, err := tx.sql.ExecContext(ctx, `INSERT INTO requests
		(id, project, title, context, state, author, round, version, created, submitted, concluded, reviewed, insiders)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		r.ID, r.Project, r.Title, context, string(r.State), r.Author, r.Round, r.Version,
		timeText(r.Created), optional(r.Submitted), optional(r.Concluded), r.Reviewed, insiders)
	return err
}

func (tx requestTx) SaveRequest(ctx context.Context, r egress.Request) error {
	context, err1 := asJSON(r.Context)
	insiders, err2 := asJSON(r.Insiders)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	saved, err := tx.affects(ctx, `UPDATE requests SET title = $1, context = $2, state = $3, round = $4, version = $5,
		submitted = $6, concluded = $7, reviewed = $8, insiders = $9 WHERE id = $10 AND version = $11`,
		r.Title, context, string(r.State), r.Round, r.Version,
		optional(r.Submitted), optional(r.Concluded), r.Reviewed, insiders, r.ID, r.Version-1)
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
	referral := ""
	if f.Referral != nil {
		if referral, err = asJSON(f.Referral); err != nil {
			return err
		}
	}
	_, err = tx.sql.ExecContext(ctx, `INSERT INTO request_files
		(id, request, name, sha256, bytes, origin, decision, report, referral, cohorts, added_by, added, removed, round)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
		f.ID, f.Request, f.Name, f.SHA256, f.Bytes, string(f.Origin), f.Decision, report, referral, f.Cohorts, f.AddedBy, timeText(f.Added), optional(f.Removed), f.Round)
	return err
}

func (tx requestTx) SaveFile(ctx context.Context, f egress.RequestFile) error {
	saved, err := tx.affects(ctx, `UPDATE request_files SET removed = $1, round = $2 WHERE id = $3 AND request = $4 AND removed IS NULL`,
		optional(f.Removed), f.Round, f.ID, f.Request)
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

func (tx requestTx) Release(ctx context.Context, id string) (egress.Release, error) {
	var (
		r                           egress.Release
		files                       string
		released, expires, recalled sql.NullString
	)
	err := tx.sql.QueryRowContext(ctx, `SELECT id, request, project, title, sha256, bytes, signing_key, files,
		released, released_by, expires, recalled, recalled_by, reason FROM releases WHERE id = $1`, id).
		Scan(&r.ID, &r.Request, &r.Project, &r.Title, &r.SHA256, &r.Bytes, &r.Key, &files,
			&released, &r.By, &expires, &recalled, &r.RecalledBy, &r.Reason)
	if errors.Is(err, sql.ErrNoRows) {
		return r, absent("release", id)
	} else if err != nil {
		return r, err
	}
	var at time.Time
	err = errors.Join(json.Unmarshal([]byte(files), &r.Files),
		scanTimes(map[*time.Time]sql.NullString{&r.Released: released, &r.Expires: expires, &at: recalled}))
	if err != nil {
		return r, err
	}
	if recalled.Valid {
		r.Recalled = &at
	}
	r.Downloads = []egress.Download{}
	err = tx.each(ctx, func(scan func(...any) error) error {
		var (
			d  egress.Download
			at string
		)
		err := scan(&d.By, &d.Session, &at)
		if err == nil {
			d.At, err = parseTime(at)
		}
		r.Downloads = append(r.Downloads, d)
		return err
	}, `SELECT user_name, session, at FROM release_downloads WHERE release = $1 ORDER BY seq`, id)
	return r, err
}

func (tx requestTx) AddRelease(ctx context.Context, r egress.Release) error {
	files, err := asJSON(r.Files)
	if err != nil {
		return err
	}
	_, err = tx.sql.ExecContext(ctx, `INSERT INTO releases
		(id, request, project, title, sha256, bytes, signing_key, files, released, released_by, expires)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		r.ID, r.Request, r.Project, r.Title, r.SHA256, r.Bytes, r.Key, files, timeText(r.Released), r.By, timeText(r.Expires))
	return err
}

func (tx requestTx) SaveRelease(ctx context.Context, r egress.Release) error {
	if r.Recalled == nil {
		return errors.New("state: a release is saved only to recall it")
	}
	saved, err := tx.affects(ctx, `UPDATE releases SET recalled = $1, recalled_by = $2, reason = $3 WHERE id = $4 AND recalled IS NULL`,
		timeText(*r.Recalled), r.RecalledBy, r.Reason, r.ID)
	if err == nil && !saved {
		err = gatehouse.Errorf(gatehouse.CodeRequestState, "The release was recalled already.")
	}
	return err
}

func (tx requestTx) AddDownload(ctx context.Context, release string, d egress.Download) error {
	_, err := tx.sql.ExecContext(ctx, `INSERT INTO release_downloads (release, user_name, session, at) VALUES ($1, $2, $3, $4)`,
		release, d.By, d.Session, timeText(d.At))
	return err
}

package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func (tx workspacesTx) AddSubmission(ctx context.Context, round int, p workspaces.Project) error {
	content, err := json.Marshal(p)
	if err != nil {
		return err
	}
	_, err = tx.sql.ExecContext(ctx, `INSERT INTO project_submissions (project, round, content, submitted) VALUES ($1, $2, $3, $4)`, p.ID, round, string(content), timeText(tx.now))
	return err
}

func (tx workspacesTx) Submission(ctx context.Context, project string, round int) (p workspaces.Project, at time.Time, err error) {
	var content, submitted string
	err = tx.sql.QueryRowContext(ctx, `SELECT content, submitted FROM project_submissions WHERE project = $1 AND round = $2`, project, round).Scan(&content, &submitted)
	if errors.Is(err, sql.ErrNoRows) {
		return p, at, absent("submission", project)
	} else if err != nil {
		return p, at, err
	}
	at, err = parseTime(submitted)
	return p, at, errors.Join(err, json.Unmarshal([]byte(content), &p))
}

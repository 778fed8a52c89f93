package state

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"time"

	"github.com/gatehouse-tre/gatehouse/egress"
)

// Bounds of the answers that are kept to be given again, for each project: the
// newest of them, and none that is older.
const (
	AnswerBytes = 256 << 20
	AnswerAge   = 2 * 366 * 24 * time.Hour
)

// keepAnswer keeps an answer, unless the same question of the same people has one,
// and lets go what is beyond the bounds.
func keepAnswer(ctx context.Context, tx *Tx, d egress.Decision, a *egress.KeptAnswer) error {
	if _, err := tx.SQL().ExecContext(ctx, `DELETE FROM answers WHERE project = $1 AND kept < $2`, d.Project, timeText(tx.Now().Add(-AnswerAge))); err != nil {
		return err
	}
	content := base64.StdEncoding.EncodeToString(a.Sealed)
	if _, err := tx.SQL().ExecContext(ctx, `INSERT INTO answers (question, population, place, decision, project, kept, bytes, content)
		SELECT $1, $2, coalesce(max(place), 0) + 1, $3, $4, $5, $6, $7 FROM answers WHERE true ON CONFLICT DO NOTHING`,
		a.Question, a.Population, d.ID, d.Project, timeText(tx.Now()), len(content), content); err != nil {
		return err
	}
	_, err := tx.SQL().ExecContext(ctx, `DELETE FROM answers WHERE place IN (
		SELECT place FROM (SELECT place, sum(bytes) OVER (ORDER BY place DESC) AS newer FROM answers WHERE project = $1) WHERE newer > $2)`,
		d.Project, AnswerBytes)
	return err
}

// Earlier gives the newest answer that is kept of a question and a population, or
// of any population, if it is ""; nil for none.
func (s Ledger) Earlier(ctx context.Context, question, population string) (*egress.KeptAnswer, error) {
	var a egress.KeptAnswer
	var decided, content string
	err := s.DB.View(ctx, func(tx *Tx) error {
		return tx.SQL().QueryRowContext(ctx, `SELECT a.question, a.population, a.decision, d.decided, a.content FROM answers a JOIN decisions d ON d.id = a.decision
			WHERE a.question = $1 AND (a.population = $2 OR $2 = '') AND a.kept >= $3 ORDER BY a.place DESC LIMIT 1`,
			question, population, timeText(s.DB.Now().UTC().Add(-AnswerAge))).
			Scan(&a.Question, &a.Population, &a.Decision, &decided, &content)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var err2 error
	a.Decided, err = parseTime(decided)
	a.Sealed, err2 = base64.StdEncoding.DecodeString(content)
	return &a, errors.Join(err, err2)
}

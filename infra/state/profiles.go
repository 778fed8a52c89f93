package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/egress"
)

// Profiles keeps what the catalogue shows of versions; it is an egress.ProfileStore.
type Profiles struct{ DB *DB }

var _ egress.ProfileStore = Profiles{}

// KeepProfile implements egress.ProfileStore.
func (s Profiles) KeepProfile(ctx context.Context, p catalog.Profile, e gatehouse.Event) error {
	content, err := asJSON(p)
	if err != nil {
		return err
	}
	return s.DB.Update(ctx, func(tx *Tx) error {
		tx.Record(e)
		_, err := tx.SQL().ExecContext(ctx, `INSERT INTO profiles (dataset, number, made, content) VALUES ($1, $2, $3, $4)
			ON CONFLICT (dataset, number) DO UPDATE SET made = excluded.made, content = excluded.content`, p.Dataset, p.Number, timeText(p.Made), content)
		return err
	})
}

// Profile implements egress.ProfileStore.
func (s Profiles) Profile(ctx context.Context, dataset string, number int) (catalog.Profile, error) {
	var p catalog.Profile
	err := s.DB.View(ctx, func(tx *Tx) error {
		var content string
		err := tx.SQL().QueryRowContext(ctx, `SELECT content FROM profiles WHERE dataset = $1 AND number = $2`, dataset, number).Scan(&content)
		if errors.Is(err, sql.ErrNoRows) {
			return gatehouse.Errorf(gatehouse.CodeNotFound, "No profile was made of this version.").WithAdvice("A custodian of the dataset makes one with 'gatehouse catalog profile'.")
		}
		if err != nil {
			return err
		}
		return json.Unmarshal([]byte(content), &p)
	})
	return p, err
}

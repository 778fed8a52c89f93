package state

import (
	"context"
	"strconv"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

// Catalogue keeps which versions were published; it is a catalog.Store.
type Catalogue struct{ DB *DB }

var _ catalog.Store = Catalogue{}

// RecordPublished implements catalog.Store.
func (s Catalogue) RecordPublished(ctx context.Context, actor string, v catalog.Version) error {
	return s.DB.Update(ctx, func(tx *Tx) error {
		done, err := tx.SQL().ExecContext(ctx, `INSERT INTO versions (dataset, number, published, actor, units) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
			v.Dataset, v.Number, timeText(v.Published), actor, v.Units)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return err
		}
		e := gatehouse.Event{Actor: actor, Action: "version.published", Subject: v.Name(), Detail: map[string]string{
			"units": strconv.FormatInt(v.Units, 10), "definition_sha256": v.DefinitionSHA256}}
		for _, a := range v.Accounts {
			rejected := int64(0)
			for _, n := range a.Rejected {
				rejected += n
			}
			e.Detail[a.Table] = "read " + strconv.FormatInt(a.Read, 10) + ", published " + strconv.FormatInt(a.Published, 10) +
				", opted out " + strconv.FormatInt(a.OptedOut, 10) + ", rejected " + strconv.FormatInt(rejected, 10)
		}
		tx.Record(e)
		return nameFirst(ctx, tx, v.Dataset, actor)
	})
}

// nameFirst names whoever publishes a dataset's first version its first custodian,
// so that no dataset is without one who decides about projects.
func nameFirst(ctx context.Context, tx *Tx, dataset, actor string) error {
	done, err := tx.SQL().ExecContext(ctx, `INSERT INTO custodians (dataset, user_name, named) SELECT $1, name, $3 FROM users
		WHERE name = $2 AND (SELECT count(*) FROM versions WHERE dataset = $1) = 1 AND NOT EXISTS (SELECT 1 FROM custodians WHERE dataset = $1)`,
		dataset, actor, timeText(tx.Now()))
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return err
	}
	tx.Record(gatehouse.Event{Actor: actor, Action: "custodian.named", Subject: dataset, Detail: map[string]string{"user": actor}})
	return nil
}

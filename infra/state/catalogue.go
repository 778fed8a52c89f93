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
		return nil
	})
}

package state

import (
	"context"

	"github.com/gatehouse-tre/gatehouse"
)

// RecordEvent keeps an event of the catalogue's, such as a change of a person index.
func (s Catalogue) RecordEvent(ctx context.Context, e gatehouse.Event) error {
	return s.DB.Update(ctx, func(tx *Tx) error {
		tx.Record(e)
		return nil
	})
}

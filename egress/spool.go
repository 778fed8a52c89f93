package egress

import (
	"context"
	"errors"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// dropLimit bounds the removal of a question's rows from the vault's memory.
const dropLimit = 10 * time.Second

// putDown has the vault put the rows of a release into a table of its own, where
// that saves work. The name is "" if not, or if the vault has no room for them; drop
// must be called when nothing reads them any more.
func putDown(ctx context.Context, vault Vault, r *plan.Release) (name string, drop func(), err error) {
	name = gatehouse.NewID("rows")
	create := r.Spool(name)
	if create == "" {
		return "", func() {}, nil
	}
	drop = func() { // a vault that does not answer any more has no rows either
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropLimit)
		defer cancel()
		_ = vault.Exec(ctx, "DROP TABLE IF EXISTS "+plan.Ident(name))
	}
	if err := vault.Exec(ctx, create); err != nil {
		drop()
		if f := (*EngineFailure)(nil); errors.As(err, &f) && f.Kind == FailureMemory {
			return "", func() {}, nil
		}
		return "", nil, vaultError(err)
	}
	return name, drop, nil
}

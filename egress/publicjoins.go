package egress

import (
	"context"
	"crypto/sha256"
	"strings"
	"sync"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// checkPublicJoins refuses to join people with public rows of which several
// could meet one person: repeated, a person would weigh more than others. It
// looks at public rows only.
func (q *question) checkPublicJoins(ctx context.Context, vault Vault, root plan.Node) error {
	for _, join := range plan.PublicJoins(root) {
		sql, err := join.RepeatsSQL()
		if err != nil {
			return err
		}
		known := strings.Join(q.decision.Datasets, " ") + "\n" + sql // versions never change
		if q.gate.unrepeated.has(known) {
			continue
		}
		answer, err := readAll(ctx, vault, sql)
		if err != nil {
			return err
		}
		repeats, err := integers(answer.Column(0))
		answer.Release()
		if err != nil {
			return err
		}
		if repeats.Len() != 1 || repeats.Value(0) != 0 {
			return gatehouse.Errorf(gatehouse.CodeJoin, "Several rows of a reference table could meet one row of people.").
				WithAdvice("Join on '=' with columns that are unique in the reference table, or put bands into CASE WHEN.")
		}
		q.gate.unrepeated.add(known)
	}
	return nil
}

// verified remembers a bounded number of things that were found in order.
type verified struct {
	mu    sync.Mutex
	known map[[sha256.Size]byte]struct{}
}

// mostVerified is how many are kept; then it begins anew.
const mostVerified = 4096

func (v *verified) has(what string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	_, ok := v.known[sha256.Sum256([]byte(what))]
	return ok
}

func (v *verified) add(what string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.known == nil || len(v.known) >= mostVerified {
		v.known = map[[sha256.Size]byte]struct{}{}
	}
	v.known[sha256.Sum256([]byte(what))] = struct{}{}
}

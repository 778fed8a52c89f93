package catalog

import (
	"context"
	"slices"
	"time"

	"github.com/gatehouse-tre/gatehouse"
)

// Recall is that a version must not be used, and why: something in it is wrong. It
// stays where it is, so that what was told of it can be compared with what is told of
// others; projects on it must move.
type Recall struct {
	Number int       `json:"number"`
	Reason string    `json:"reason"`
	Actor  string    `json:"actor"`
	Since  time.Time `json:"since"`
}

// RecallOf gives the recall of a version; nil for none.
func RecallOf(all []Recall, number int) *Recall {
	i := slices.IndexFunc(all, func(r Recall) bool { return r.Number == number })
	if i < 0 {
		return nil
	}
	return &all[i]
}

// Refusal is CodeRecalled, of the version.
func (r Recall) Refusal(dataset string) error {
	return gatehouse.Errorf(gatehouse.CodeRecalled, "%s was recalled by its custodian on %s.", Version{Dataset: dataset, Number: r.Number}.Name(), r.Since.Format(time.DateOnly))
}

// Recall has a version used by nobody from now on, in whichever project: the version
// before is the newest that can be used. One that is recalled already is CodeConflict.
func (r Retention) Recall(ctx context.Context, who gatehouse.Principal, dataset string, number int, reason string) error {
	return r.recall(ctx, who, dataset, number, reason, "version.recalled", func(tx RetentionTx, v Version, old *Recall) error {
		if old != nil {
			return gatehouse.Errorf(gatehouse.CodeConflict, "%s is recalled already.", v.Name())
		}
		return tx.Recall(ctx, who.User, dataset, number, reason)
	})
}

// Reinstate ends a recall.
func (r Retention) Reinstate(ctx context.Context, who gatehouse.Principal, dataset string, number int, reason string) error {
	return r.recall(ctx, who, dataset, number, reason, "version.reinstated", func(tx RetentionTx, v Version, old *Recall) error {
		if old == nil {
			return gatehouse.Errorf(gatehouse.CodeConflict, "%s is not recalled.", v.Name())
		}
		return tx.Reinstate(ctx, dataset, number)
	})
}

func (r Retention) recall(ctx context.Context, who gatehouse.Principal, dataset string, number int, reason, action string, do func(RetentionTx, Version, *Recall) error) error {
	if err := checkReason(reason); err != nil {
		return err
	}
	return r.act(ctx, who, dataset, func(tx RetentionTx) error {
		v, err := r.version(dataset, number)
		if err != nil {
			return err
		}
		all, err := tx.Recalls(ctx, dataset)
		if err != nil {
			return err
		}
		tx.Record(gatehouse.Event{Actor: who.User, Action: action, Subject: v.Name(), Detail: map[string]string{"reason": reason}})
		return do(tx, v, RecallOf(all, number))
	})
}

// notRecalled refuses to publish changes of a version that was recalled, whose wrong
// rows would stand in the next.
func (p *publication) notRecalled(ctx context.Context) error {
	if p.before == nil {
		return nil
	}
	all, err := p.Store.Recalled(ctx, p.before.Dataset)
	if err == nil && RecallOf(all, p.before.Number) != nil {
		err = gatehouse.Errorf(gatehouse.CodeChanges, "%s was recalled, so that no changes of it are published.", p.before.Name())
	}
	return err
}

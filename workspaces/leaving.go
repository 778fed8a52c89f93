package workspaces

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/gatehouse-tre/gatehouse"
)

// LeavingPolicy says what a project sees of people who withdraw from a dataset.
type LeavingPolicy string

// The policies. Whatever the policy, nobody who has withdrawn is seen in a version that
// was published later, and who withdraws from the project itself, or whose consent it
// needs, is seen in none.
const (
	LeavingRemove   LeavingPolicy = "remove"    // they are gone, from every version, at once; the default
	LeavingStopFlow LeavingPolicy = "stop-flow" // versions that were published before go on showing them
)

// Leaving is what a custodian has decided about a project.
type Leaving struct {
	Dataset, Project string
	Policy           LeavingPolicy
	Document         string    // what the decision rests on
	Since            time.Time // when it was decided: whoever withdrew before is gone all the same
	Seen             time.Time // when the newest version was published that the project has had since
}

// maxDocument bounds what a decision rests on, in bytes.
const maxDocument = 500

// SetLeaving decides what a project sees of people who withdraw from a dataset from now
// on. A custodian of the dataset may who has no part in the project. Whoever has
// withdrawn before is gone, and does not come back.
func (s *Service) SetLeaving(ctx context.Context, actor gatehouse.Principal, l Leaving) error {
	e := gatehouse.Event{Action: "leaving.decided", Project: l.Project, Subject: l.Dataset, Detail: map[string]string{"policy": string(l.Policy), "document": strings.TrimSpace(l.Document)}}
	return s.act(ctx, actor, gatehouse.ActionDatasetPublish, e, func(tx Tx) error {
		if IsCatalogue(l.Project) { // what it is told everybody is: nobody who left stays in that
			return gatehouse.Errorf(gatehouse.CodeNotFound, "There is no project %q.", l.Project)
		}
		p, err := tx.Project(ctx, l.Project)
		if err != nil {
			return err
		}
		if _, ok := p.grant(l.Dataset); !ok {
			return gatehouse.Errorf(gatehouse.CodeNotFound, "The project %q does not use a dataset %q.", p.ID, l.Dataset)
		}
		if err := s.requireCustodian(ctx, tx, actor, p, l.Dataset); err != nil {
			return err
		}
		if err := disinterested(actor, p); err != nil {
			return err
		}
		l.Document = strings.TrimSpace(l.Document)
		switch {
		case l.Policy != LeavingRemove && l.Policy != LeavingStopFlow:
			return gatehouse.Errorf(gatehouse.CodeInvalidProject, "What becomes of people who leave is %q or %q.", LeavingRemove, LeavingStopFlow)
		case l.Document == "" || len(l.Document) > maxDocument || !utf8.ValidString(l.Document):
			return gatehouse.Errorf(gatehouse.CodeInvalidProject, "The document that it rests on is not named, in at most %d bytes.", maxDocument)
		case l.Policy == LeavingStopFlow && p.OptOutBasis == BasisConsent:
			return gatehouse.Errorf(gatehouse.CodeConsent, "The basis of the project %q is consent: whoever ends it is gone at once.", p.ID)
		}
		l.Since = tx.Now()
		return tx.SetLeaving(ctx, l)
	})
}

// Leaving gives what was decided about a project, for whoever may see it.
func (s *Service) Leaving(ctx context.Context, actor gatehouse.Principal, dataset, project string) (l Leaving, err error) {
	if _, err := s.Project(ctx, actor, project); err != nil {
		return l, err
	}
	err = s.Store.View(ctx, func(tx Tx) (err error) {
		l, err = tx.Leaving(ctx, dataset, project)
		return err
	})
	return l, err
}

// clockStep is by how much the time of a publication may have been cut.
const clockStep = time.Second

// staying gives who of those who withdrew a project goes on seeing in a version of this
// time: who withdrew after the version, after every later one that the project has had,
// and after stop-flow was decided.
func staying(ctx context.Context, tx Tx, dataset, project string, published time.Time) (*roaring.Bitmap, error) {
	l, err := tx.Leaving(ctx, dataset, project)
	if err != nil || l.Policy != LeavingStopFlow {
		return roaring.New(), err
	}
	after := published.Add(clockStep)
	for _, t := range []time.Time{l.Since, l.Seen.Add(clockStep)} {
		if t.After(after) {
			after = t
		}
	}
	return tx.WithdrawnAfter(ctx, dataset, project, after)
}

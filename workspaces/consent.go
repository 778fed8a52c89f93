package workspaces

import (
	"cmp"
	"context"
	"math"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/gatehouse-tre/gatehouse"
)

// Consents is who has consented to a project, of a dataset's people: an allow-list.
type Consents struct {
	Dataset, Project string
	Family           string // the person index whose units they are; it is not kept
	Units            *roaring.Bitmap
	Dated            time.Time // when the list was made
}

// consentAhead is by how much a list's date may be ahead of the clock.
const consentAhead = 24 * time.Hour

// RecordConsents replaces the list of who has consented to a project whose basis is
// consent. Whoever is not on it is not in the project's populations, from the moment
// that it returns; whoever is on it is, unless a list of the dataset's took the person
// out of the version, or the person has withdrawn. A custodian of the dataset may who
// has no part in the project. A list that is too old, or of the future, is CodeConsent.
// The journal is not told whom or how many.
func (s *Service) RecordConsents(ctx context.Context, actor gatehouse.Principal, c Consents) error {
	e := gatehouse.Event{Action: "consent.recorded", Project: c.Project, Subject: c.Dataset, Detail: map[string]string{"dated": c.Dated.UTC().Format(time.RFC3339)}}
	return s.act(ctx, actor, gatehouse.ActionDatasetPublish, e, func(tx Tx) error {
		p, err := tx.Project(ctx, c.Project)
		if err != nil {
			return err
		}
		g, ok := p.grant(c.Dataset)
		if !ok {
			return gatehouse.Errorf(gatehouse.CodeNotFound, "The project %q does not use a dataset %q.", p.ID, c.Dataset)
		}
		if err := s.requireCustodian(ctx, tx, actor, p, c.Dataset); err != nil {
			return err
		}
		if err := disinterested(actor, p); err != nil {
			return err
		}
		switch age := tx.Now().Sub(c.Dated); {
		case p.OptOutBasis != BasisConsent:
			return gatehouse.Errorf(gatehouse.CodeConsent, "The basis of the project %q is not consent.", p.ID)
		case age < -consentAhead:
			return gatehouse.Errorf(gatehouse.CodeConsent, "The list of consent is dated in the future.")
		case age > s.MaxListAge:
			return gatehouse.Errorf(gatehouse.CodeConsent, "The list of consent is too old.").WithAdvice("Ask the study for who consents now.")
		}
		// Units of another index are other people's. A dataset keeps its index, but for
		// versions of before that was so.
		v, err := s.Catalogue.Version(ctx, c.Dataset, g.Version)
		if err != nil {
			return err
		}
		if cmp.Or(c.Family, c.Dataset) != cmp.Or(v.Family, v.Dataset) {
			return gatehouse.Errorf(gatehouse.CodeConsent, "The list is of the people of another person index than that of %s.", v.Name()).
				WithAdvice("Record it again: the project has moved to another version.")
		}
		before, err := tx.ConsentsDated(ctx, c.Dataset, c.Project)
		switch {
		case err == nil && c.Dated.Before(before):
			return gatehouse.Errorf(gatehouse.CodeConsent, "A newer list of consent is recorded: of %s.", before.UTC().Format(time.DateOnly)).
				WithAdvice("Ask the study for who consents now.")
		case err != nil && gatehouse.CodeOf(err) != gatehouse.CodeNotFound:
			return err
		}
		return tx.SetConsents(ctx, c)
	})
}

// consentFresh refuses a project on the basis of consent without a list of who consents
// to it, or with one that is too old.
func (s *Service) consentFresh(ctx context.Context, p Project, dataset string, now time.Time) error {
	if p.OptOutBasis != BasisConsent {
		return nil
	}
	var dated time.Time
	err := s.Store.View(ctx, func(tx Tx) (err error) {
		dated, err = tx.ConsentsDated(ctx, dataset, p.ID)
		return err
	})
	switch {
	case gatehouse.CodeOf(err) == gatehouse.CodeNotFound:
		return noConsents(p.ID)
	case err == nil && now.Sub(dated) > s.MaxListAge:
		return refuse(gatehouse.CodeListsStale, "The list of who consents to the project %q is too old.", p.ID)
	}
	return err
}

// consentHolds refuses to move a project on the basis of consent to a version about
// another person index, in which the units of its list are other people's.
func (s *Service) consentHolds(ctx context.Context, p Project, before, after DatasetGrant) error {
	if p.OptOutBasis != BasisConsent {
		return nil
	}
	was, err := s.Catalogue.Version(ctx, before.Dataset, before.Version)
	if gatehouse.CodeOf(err) == gatehouse.CodeNotFound {
		return nil // a dataset keeps its index; versions of before that was so are gone
	}
	if err != nil {
		return err
	}
	is, err := s.Catalogue.Version(ctx, after.Dataset, after.Version)
	if err != nil {
		return err
	}
	if cmp.Or(was.Family, was.Dataset) != cmp.Or(is.Family, is.Dataset) {
		return gatehouse.Errorf(gatehouse.CodeConsent, "%s is about the people of another person index than %s: the list of consent would be other people's.", is.Name(), was.Name()).
			WithAdvice("Apply for a project of its own.")
	}
	return nil
}

func noConsents(project string) error {
	return gatehouse.Errorf(gatehouse.CodeConsent, "Nobody's consent to the project %q is recorded.", project).
		WithAdvice("A custodian records who consents with 'gatehouse catalog consent'.")
}

// excluded are the units that a project does not see of a dataset's version that was
// published at a time; in no version at all where it is zero: who has withdrawn, but for
// those who stay, and, where its basis is consent, who has not consented. consent says
// that it is.
func excluded(ctx context.Context, tx Tx, dataset, project string, published time.Time) (units *roaring.Bitmap, consent bool, err error) {
	if units, err = tx.Withdrawn(ctx, dataset, project); err != nil {
		return nil, false, err
	}
	p, err := tx.Project(ctx, project)
	if err != nil {
		return nil, false, err
	}
	if p.OptOutBasis != BasisConsent {
		if !published.IsZero() {
			stay, err := staying(ctx, tx, dataset, project, published)
			if err != nil {
				return nil, false, err
			}
			units.AndNot(stay)
		}
		return units, false, nil
	}
	c, err := tx.Consents(ctx, dataset, project)
	if gatehouse.CodeOf(err) == gatehouse.CodeNotFound {
		return units, true, noConsents(project)
	}
	if err != nil {
		return nil, true, err
	}
	units.Or(roaring.Flip(c.Units, 0, math.MaxUint32+1))
	return units, true, nil
}

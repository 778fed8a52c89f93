package workspaces

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

// What the catalogue shows of a dataset's variables is asked through the gate, like
// everything that leaves, and what was shown counts for every project on the dataset.
// So the catalogue of each dataset asks in the name of a project of its own, which
// has no members, is in no list, and that nobody can enter.

// CataloguePrefix begins the ids of the catalogue's projects. No applicant can
// take such an id: see Project.Validate.
const CataloguePrefix = "catalogue--"

// CatalogueProject is the id of the project, and of the workspace, in whose name the
// catalogue asks about a dataset.
func CatalogueProject(dataset string) string {
	if id := CataloguePrefix + dataset; gatehouse.ValidName(id) {
		return id
	}
	sum := sha256.Sum256([]byte(dataset)) // the name is too long for an id
	return CataloguePrefix + hex.EncodeToString(sum[:16])
}

// IsCatalogue reports whether a project is the catalogue's: what is released to it
// is told to everybody.
func IsCatalogue(project string) bool { return strings.HasPrefix(project, CataloguePrefix) }

// OpenCatalogue lets the catalogue ask about a version under a disclosure policy: its
// project has the version from then on. A custodian of the dataset may. A dataset of
// which another version is open is CodeConflict.
func (s *Service) OpenCatalogue(ctx context.Context, actor gatehouse.Principal, dataset string, number int, policy string) error {
	if !gatehouse.ValidName(dataset) || number < 1 {
		return gatehouse.Errorf(gatehouse.CodeNotFound, "There is no such version.")
	}
	e := gatehouse.Event{Actor: actor.User, Action: "profile.opened", Subject: dataset, Detail: map[string]string{}}
	if err := s.Authorizer.Authorize(ctx, actor, gatehouse.ActionDatasetPublish, ""); err != nil {
		return s.journalRefusal(ctx, e, err)
	}
	policy, err := s.Policies.PinPolicy(ctx, policy)
	if err != nil {
		return err
	}
	v, err := s.Catalogue.Version(ctx, dataset, number)
	if err != nil {
		return err
	}
	e.Detail["version"], e.Detail["policy"] = v.Name(), policy
	return s.act(ctx, actor, gatehouse.ActionDatasetPublish, e, func(tx Tx) error {
		if err := hasCatalogueAsk(ctx, tx, actor, dataset); err != nil {
			return err
		}
		if err := notRecalled(ctx, tx, dataset, number); err != nil {
			return err
		}
		p, err := catalogueProject(ctx, tx, actor, v, policy)
		if err != nil {
			return err
		}
		w := Workspace{ID: p.ID, Project: p.ID, Dataset: dataset}
		if _, err = tx.Workspace(ctx, w.ID); gatehouse.CodeOf(err) != gatehouse.CodeNotFound {
			return err
		}
		if w.Epoch, err = tx.ProjectEpoch(ctx, w.Project); err != nil {
			return err
		}
		return tx.AddWorkspace(ctx, w)
	})
}

// MoveCatalogue has the catalogue ask about another version of a dataset from now on. What
// was told of the version before stays told, and the gate compares what is told of this one
// with it, for every project on the dataset. A custodian of the dataset may. A dataset of
// which the catalogue has asked nothing is left alone.
func (s *Service) MoveCatalogue(ctx context.Context, actor gatehouse.Principal, dataset string, number int) error {
	if !gatehouse.ValidName(dataset) || number < 1 {
		return gatehouse.Errorf(gatehouse.CodeNotFound, "There is no such version.")
	}
	e := gatehouse.Event{Actor: actor.User, Action: "profile.moved", Subject: dataset, Detail: map[string]string{}}
	if err := s.Authorizer.Authorize(ctx, actor, gatehouse.ActionDatasetPublish, ""); err != nil {
		return s.journalRefusal(ctx, e, err)
	}
	v, err := s.Catalogue.Version(ctx, dataset, number)
	if err != nil {
		return err
	}
	e.Detail["version"] = v.Name()
	return s.act(ctx, actor, gatehouse.ActionDatasetPublish, e, func(tx Tx) error {
		if err := hasCatalogueAsk(ctx, tx, actor, dataset); err != nil {
			return err
		}
		if err := notRecalled(ctx, tx, dataset, number); err != nil {
			return err
		}
		p, err := tx.Project(ctx, CatalogueProject(dataset))
		if gatehouse.CodeOf(err) == gatehouse.CodeNotFound {
			return nil
		}
		if err != nil {
			return err
		}
		p.Datasets = []DatasetGrant{catalogueGrant(v)}
		return tx.ChangeProject(ctx, p)
	})
}

// catalogueGrant is every table of a version.
func catalogueGrant(v catalog.Version) DatasetGrant {
	grant := DatasetGrant{Dataset: v.Dataset, Version: v.Number}
	for _, t := range v.Tables {
		grant.Tables = append(grant.Tables, TableGrant{Table: t.Name})
	}
	return grant
}

// EnterCatalogue gives the session in which the catalogue asks a question about a
// version that OpenCatalogue let it ask about: everybody in it who has not withdrawn,
// all of its tables. As Enter, it is called for each question, and what it gives is not
// kept: who had it asked must still be a custodian of the dataset, not locked, and in a session that nobody else
// has ended; and the opt-out lists must be fresh, as for any project to which the opt-out applies.
func (s *Service) EnterCatalogue(ctx context.Context, actor gatehouse.Principal, dataset string, number int) (*Session, error) {
	if !gatehouse.ValidName(dataset) || number < 1 {
		return nil, gatehouse.Errorf(gatehouse.CodeNotFound, "There is no such version.")
	}
	e := gatehouse.Event{Actor: actor.User, Action: "profile", Subject: dataset}
	session, err := s.enterCatalogue(ctx, actor, dataset, number)
	if err != nil {
		return nil, s.journalRefusal(ctx, e, err)
	}
	return session, nil
}

func (s *Service) enterCatalogue(ctx context.Context, actor gatehouse.Principal, dataset string, number int) (*Session, error) {
	if err := s.Authorizer.Authorize(ctx, actor, gatehouse.ActionDatasetPublish, ""); err != nil {
		return nil, err
	}
	session := &Session{Principal: actor}
	var now time.Time
	err := s.Store.View(ctx, func(tx Tx) (err error) {
		now = tx.Now()
		if err := hasCatalogueAsk(ctx, tx, actor, dataset); err != nil {
			return err
		}
		if session.Project, err = tx.Project(ctx, CatalogueProject(dataset)); err != nil {
			return err
		}
		session.Workspace, err = tx.Workspace(ctx, session.Project.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	grant, ok := session.Project.grant(dataset)
	if !ok || grant.Version != number {
		return nil, refuse(gatehouse.CodeConflict, "Another version of %s has the profile.", dataset)
	}
	session.Workspace.Folder = s.folder(session.Workspace.ID)
	mount, err := s.mount(ctx, session.Workspace, session.Project, grant, now)
	if err != nil {
		return nil, err
	}
	session.Mounts = []Mount{mount}
	session.Codelists, err = s.codelists(ctx) // what others asked is looked at in this session too
	return session, err
}

// hasCatalogueAsk refuses whoever may not have the catalogue ask about a dataset.
func hasCatalogueAsk(ctx context.Context, tx Tx, actor gatehouse.Principal, dataset string) error {
	if err := unlocked(ctx, tx, actor.User); err != nil {
		return err
	}
	named, err := tx.Custodians(ctx, dataset)
	if err != nil {
		return err
	}
	if !slices.Contains(named, actor.User) {
		return gatehouse.Errorf(gatehouse.CodeNotCustodian, "You are not custodian of the dataset %q.", dataset)
	}
	// Whoever signs out leaves the work to be done; a session that somebody else ended does not.
	in, err := tx.SignInByID(ctx, actor.Session)
	switch {
	case gatehouse.CodeOf(err) == gatehouse.CodeNotFound:
		return nil
	case err == nil && !in.Ended.IsZero() && in.EndedBy != actor.User:
		return refuse(gatehouse.CodeSessionEnded, "The session was ended.")
	}
	return err
}

// catalogueProject gives the catalogue's project of a version's dataset, and makes it
// the first time. It is archived: there is no step in which it could become live.
func catalogueProject(ctx context.Context, tx Tx, actor gatehouse.Principal, v catalog.Version, policy string) (Project, error) {
	id := CatalogueProject(v.Dataset)
	grant := catalogueGrant(v)
	p, err := tx.Project(ctx, id)
	switch {
	case gatehouse.CodeOf(err) == gatehouse.CodeNotFound:
		p = Project{ID: id, Title: "Catalogue of " + v.Dataset, Purpose: "What the catalogue shows of each variable.", State: ProjectArchived,
			Datasets: []DatasetGrant{grant}, Policy: policy, OptOutBasis: BasisApplies, Expires: tx.Now(), CreatedBy: actor.User}
		err = tx.AddProject(ctx, p)
	case err == nil && (len(p.Datasets) != 1 || p.Datasets[0].Version != v.Number):
		// What was told of another version would have to be compared with every answer,
		// and what cannot be compared is withheld, from every project on the dataset.
		return p, gatehouse.Errorf(gatehouse.CodeConflict, "Another version of %s has the profile.", v.Dataset).WithAdvice("Move the profile to this one, with 'gatehouse catalog profile make --move': that costs answers of every project on the dataset.")
	case err == nil:
		p.Datasets, p.Policy = []DatasetGrant{grant}, policy
		if err = tx.ChangeProject(ctx, p); err == nil {
			p, err = tx.Project(ctx, id)
		}
	}
	return p, err
}

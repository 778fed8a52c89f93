package workspaces

import (
	"context"
	"slices"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/catalog/codelist"
)

// NationalList is the receipt of the national data opt-out.
const NationalList = "national"

// Enter checks everything that must hold for p to ask a question now, and gives
// what the gate needs to know. It is called for each question: what it gives is
// not kept. In this order: the token is live and bound to a workspace; policy
// allows the query; the user is a member whose training and agreement are valid;
// the project is active and not expired; its dataset version was not recalled, and verifies; the opt-out lists that
// the version was made with are fresh; the population is written and leaves out
// everybody who has withdrawn. The first that fails is returned, and journaled.
func (s *Service) Enter(ctx context.Context, p gatehouse.Principal) (*Session, error) {
	e := gatehouse.Event{Actor: p.User, Action: "session", Subject: p.Session}
	session, err := s.enter(ctx, p, &e)
	if err != nil {
		return nil, s.journalRefusal(ctx, e, err)
	}
	return session, nil
}

// EnterSignedIn is Enter for somebody who is signed in, in a browser or on a
// command line, and names the workspace: every check is the same, but that the
// session takes the place of the token. To a person who may not know the workspace
// there is none.
func (s *Service) EnterSignedIn(ctx context.Context, p gatehouse.Principal, workspace string) (*Session, error) {
	e := gatehouse.Event{Actor: p.User, Action: "session", Subject: p.Session}
	session, err := s.enterBy(ctx, p, &e, workspace, func(tx Tx, now time.Time) error {
		signedIn, err := tx.SignInByID(ctx, p.Session)
		if gatehouse.CodeOf(err) == gatehouse.CodeNotFound || err == nil && (signedIn.User != p.User || p.Workspace != "") {
			return refuse(gatehouse.CodeWrongWorkspace, "This token reaches no workspace.")
		}
		if err != nil {
			return err
		}
		return signedIn.usable(now, s.signInIdle())
	})
	if err != nil {
		return nil, unknownWorkspace(s.journalRefusal(ctx, e, err), workspace)
	}
	return session, nil
}

func (s *Service) enter(ctx context.Context, p gatehouse.Principal, e *gatehouse.Event) (*Session, error) {
	return s.enterBy(ctx, p, e, p.Workspace, func(tx Tx, now time.Time) error {
		if p.Workspace == "" {
			return refuse(gatehouse.CodeWrongWorkspace, "This token reaches no workspace.")
		}
		// The token again, since it may have been revoked after p was made.
		t, err := tx.Token(ctx, p.Session)
		if gatehouse.CodeOf(err) == gatehouse.CodeNotFound || err == nil && t.User != p.User {
			return refuse(gatehouse.CodeUnauthenticated, "The token is not known.")
		}
		if err != nil {
			return err
		}
		if err := t.usable(now); err != nil {
			return err
		}
		if t.Workspace != p.Workspace {
			return refuse(gatehouse.CodeWrongWorkspace, "The token is not for this workspace.")
		}
		return nil
	})
}

// enterBy lets p into a workspace if by, which looks at the token or session in
// which p acts, does.
func (s *Service) enterBy(ctx context.Context, p gatehouse.Principal, e *gatehouse.Event, workspace string, by func(tx Tx, now time.Time) error) (*Session, error) {
	if p.Anonymous() {
		return nil, refuse(gatehouse.CodeUnauthenticated, "Nobody is signed in.")
	}
	session := &Session{Principal: p}
	session.Principal.Workspace = workspace
	var now time.Time
	err := s.Store.View(ctx, func(tx Tx) (err error) {
		now = tx.Now()
		if err := by(tx, now); err != nil {
			return err
		}
		if session.Workspace, err = tx.Workspace(ctx, workspace); err != nil {
			return err
		}
		e.Project = session.Workspace.Project
		if session.Project, err = tx.Project(ctx, session.Workspace.Project); err != nil {
			return err
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	session.Workspace.Folder = s.folder(session.Workspace.ID)
	project := session.Project
	if err := s.Authorizer.Authorize(ctx, p, gatehouse.ActionWorkspaceQuery, project.ID); err != nil {
		return nil, err
	}
	if err := project.Admit(p.User, now); err != nil {
		return nil, err
	}
	grant, ok := project.grant(session.Workspace.Dataset)
	if !ok {
		return nil, refuse(gatehouse.CodeWrongWorkspace, "The dataset of this workspace is not part of the project %q any more.", project.ID)
	}
	mount, err := s.mount(ctx, session.Workspace, project, grant, now)
	if err != nil {
		return nil, err
	}
	session.Mounts = []Mount{mount}
	session.Codelists, err = s.codelists(ctx)
	return session, err
}

// Codelists gives the tables of codes that every workspace has.
type Codelists interface {
	Mounted(ctx context.Context) ([]codelist.Mounted, error)
}

func (s *Service) codelists(ctx context.Context) ([]codelist.Mounted, error) {
	if s.Codelists == nil {
		return nil, nil
	}
	return s.Codelists.Mounted(ctx)
}

// mount gives a dataset version as the project may see it at now.
func (s *Service) mount(ctx context.Context, w Workspace, p Project, grant DatasetGrant, now time.Time) (Mount, error) {
	if err := s.Store.View(ctx, func(tx Tx) error { return notRecalled(ctx, tx, grant.Dataset, grant.Version) }); err != nil {
		return Mount{}, err
	}
	v, err := s.Catalogue.Version(ctx, grant.Dataset, grant.Version)
	if err != nil {
		return Mount{}, err
	}
	if err := s.listsFresh(p, v, now); err != nil {
		return Mount{}, err
	}
	if err := s.consentFresh(ctx, p, grant.Dataset, now); err != nil {
		return Mount{}, err
	}
	tables, err := grant.Mounted(v, p.ID)
	if err != nil {
		return Mount{}, err
	}
	population, err := s.population(ctx, w, v)
	if err != nil {
		return Mount{}, err
	}
	return Mount{
		Version: v, Tables: tables,
		Population: s.populationFile(w.ID), Digest: population.SHA256, Complete: population.Complete,
	}, nil
}

// ListTooOld reports whether a list that a version was made with is too old for the
// project: older than most at now. Where the opt-out does not apply to the project,
// the national list's age does not matter.
func (p Project) ListTooOld(r catalog.Receipt, now time.Time, most time.Duration) bool {
	return now.Sub(r.Dated) > most && (r.List != NationalList || p.OptOutBasis == BasisApplies)
}

// LacksNational reports whether a version was made without the national list,
// although the opt-out applies to the project.
func (p Project) LacksNational(v catalog.Version) bool {
	return p.OptOutBasis == BasisApplies && !slices.ContainsFunc(v.Receipts, func(r catalog.Receipt) bool { return r.List == NationalList })
}

// listsFresh refuses a version whose opt-out lists are older than allowed. Where
// the opt-out applies to the project, the national list must be among them;
// where it does not, its age does not matter.
func (s *Service) listsFresh(p Project, v catalog.Version, now time.Time) error {
	for _, r := range v.Receipts {
		if p.ListTooOld(r, now, s.MaxListAge) {
			return refuse(gatehouse.CodeListsStale, "The opt-out list %q that %s was made with is too old.", r.List, v.Name())
		}
	}
	if p.LacksNational(v) {
		return refuse(gatehouse.CodeListsStale, "%s was made without the national opt-out list, which applies to this project.", v.Name())
	}
	return nil
}

package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/web"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// projectDesk is where somebody's business with projects is done: a server, which is how
// people work, or an installation's own folder, for its first steps. Each acts as
// the holder of a token or session.
type projectDesk interface {
	Me(ctx context.Context) (web.Me, error)
	CreateProject(ctx context.Context, p workspaces.Project) (workspaces.Project, error)
	EditProject(ctx context.Context, p workspaces.Project) (workspaces.Project, error)
	Project(ctx context.Context, id string) (workspaces.Project, error)
	Projects(ctx context.Context) ([]workspaces.Project, error)
	Review(ctx context.Context, id string) (workspaces.ProjectReview, error)
	Tasks(ctx context.Context) ([]workspaces.Task, error)
	FiveSafes(ctx context.Context, id string) (workspaces.FiveSafes, error)
	MoveProject(ctx context.Context, id string, step workspaces.ProjectStep, why string) error
	// DecideProject decides for a dataset, or with "" for all of one's own.
	DecideProject(ctx context.Context, id, dataset string, j workspaces.Judgement) (workspaces.Project, error)
	Agreement(ctx context.Context) (workspaces.Agreement, error)
	SignAgreement(ctx context.Context, id string, version int) (workspaces.Project, error)
	Amendments(ctx context.Context, id string) ([]web.ProposedChange, error)
	ProposeAmendment(ctx context.Context, p workspaces.Project, why string) (web.ProposedChange, error)
	DecideAmendment(ctx context.Context, project, id, dataset string, j workspaces.Judgement) (web.ProposedChange, error)
	WithdrawAmendment(ctx context.Context, project, id string) error
	SetMember(ctx context.Context, id string, m workspaces.Member) error
	RemoveMember(ctx context.Context, id, user string) error
	SetExpiry(ctx context.Context, id string, expires time.Time) error
	SetPolicy(ctx context.Context, id, policy string) (full string, err error)
	UseVersion(ctx context.Context, id, dataset string, number int) error
	OpenWorkspace(ctx context.Context, project, dataset, id string) (workspaces.Workspace, error)
	Workspaces(ctx context.Context) ([]workspaces.Workspace, error)
	Custodians(ctx context.Context, dataset string) ([]string, error)
}

var _ projectDesk = (*web.Client)(nil)

// place is where a command finds its desk: --dir, or else a server.
type place struct {
	local
	server serverFlags
	owner  bool // without a token, --dir is the owner of the machine
}

// flags adds those that say where and as whom. token says whose it is.
func (l *place) flags(c *cobra.Command, token string) {
	l.server.addServer(c)
	c.Flags().StringVar(&l.server.tokenFile, "token-file", "", token+" (or in GATEHOUSE_TOKEN; else the session of 'gatehouse login')")
	c.Flags().StringVar(&l.dir, "dir", "", "folder of the installation, in place of a server")
	c.MarkFlagsMutuallyExclusive("dir", "server")
}

// at runs do at the desk that the flags name.
func (l *place) at(ctx context.Context, do func(projectDesk) error) error {
	if l.dir == "" {
		client, err := l.server.client()
		if err != nil {
			var e *gatehouse.Error
			if errors.As(err, &e) && e.Code == gatehouse.CodeConfig && l.server.server == "" {
				return e.WithAdvice("Give --server or set GATEHOUSE_SERVER; after 'gatehouse login' it is remembered. On the installation's own machine --dir does as well.")
			}
			return err
		}
		return do(client)
	}
	l.tokenFile = l.server.tokenFile
	run := l.as
	if l.owner {
		run = l.asTokenOrOwner
	}
	return run(ctx, func(in *installation, actor gatehouse.Principal) error { return do(folderDesk{in, actor}) })
}

// folderDesk is an installation's folder, for actor.
type folderDesk struct {
	*installation
	actor gatehouse.Principal
}

func (d folderDesk) Me(context.Context) (web.Me, error) {
	return web.Me{User: d.actor.User, Workspace: d.actor.Workspace}, nil
}

func (d folderDesk) CreateProject(ctx context.Context, p workspaces.Project) (workspaces.Project, error) {
	return d.workspaces.CreateProject(ctx, d.actor, p)
}

func (d folderDesk) EditProject(ctx context.Context, p workspaces.Project) (workspaces.Project, error) {
	return d.workspaces.EditProject(ctx, d.actor, p)
}

func (d folderDesk) Project(ctx context.Context, id string) (workspaces.Project, error) {
	return d.workspaces.Project(ctx, d.actor, id)
}

func (d folderDesk) Projects(ctx context.Context) ([]workspaces.Project, error) {
	return d.workspaces.Projects(ctx, d.actor)
}

func (d folderDesk) Review(ctx context.Context, id string) (workspaces.ProjectReview, error) {
	return d.workspaces.Review(ctx, d.actor, id)
}

func (d folderDesk) Tasks(ctx context.Context) ([]workspaces.Task, error) {
	return d.workspaces.Tasks(ctx, d.actor)
}

func (d folderDesk) FiveSafes(ctx context.Context, id string) (workspaces.FiveSafes, error) {
	return d.workspaces.FiveSafes(ctx, d.actor, id)
}

func (d folderDesk) MoveProject(ctx context.Context, id string, step workspaces.ProjectStep, why string) error {
	switch s := d.workspaces; step {
	case workspaces.StepSubmit:
		return s.SubmitProject(ctx, d.actor, id)
	case workspaces.StepWithdraw:
		return s.WithdrawProject(ctx, d.actor, id)
	case workspaces.StepSuspend:
		return s.SuspendProject(ctx, d.actor, id, why)
	case workspaces.StepResume:
		return s.ResumeProject(ctx, d.actor, id)
	case workspaces.StepClose:
		return s.CloseProject(ctx, d.actor, id, why)
	case workspaces.StepArchive:
		return s.ArchiveProject(ctx, d.actor, id)
	}
	return gatehouse.Errorf(gatehouse.CodeUsage, "There is no step %q.", step)
}

func (d folderDesk) DecideProject(ctx context.Context, id, dataset string, j workspaces.Judgement) (workspaces.Project, error) {
	if dataset == "" {
		return d.workspaces.DecideForMine(ctx, d.actor, id, j)
	}
	return d.workspaces.DecideProject(ctx, d.actor, id, dataset, j)
}

func (d folderDesk) Agreement(ctx context.Context) (workspaces.Agreement, error) {
	return d.workspaces.Agreement(ctx)
}

func (d folderDesk) SignAgreement(ctx context.Context, id string, version int) (workspaces.Project, error) {
	return d.workspaces.SignAgreement(ctx, d.actor, id, version)
}

func (d folderDesk) Amendments(ctx context.Context, id string) ([]web.ProposedChange, error) {
	all, err := d.workspaces.Amendments(ctx, d.actor, id)
	var shown []web.ProposedChange
	for _, a := range all {
		shown = append(shown, web.Proposed(a))
	}
	return shown, err
}

func (d folderDesk) ProposeAmendment(ctx context.Context, p workspaces.Project, why string) (web.ProposedChange, error) {
	a, err := d.workspaces.ProposeAmendment(ctx, d.actor, p.ID, p, why)
	return web.Proposed(a), err
}

func (d folderDesk) DecideAmendment(ctx context.Context, project, id, dataset string, j workspaces.Judgement) (web.ProposedChange, error) {
	a, err := d.workspaces.DecideAmendment(ctx, d.actor, project, id, dataset, j)
	return web.Proposed(a), err
}

func (d folderDesk) WithdrawAmendment(ctx context.Context, project, id string) error {
	return d.workspaces.WithdrawAmendment(ctx, d.actor, project, id)
}

func (d folderDesk) SetMember(ctx context.Context, id string, m workspaces.Member) error {
	return d.workspaces.SetMember(ctx, d.actor, id, m)
}

func (d folderDesk) RemoveMember(ctx context.Context, id, user string) error {
	return d.workspaces.RemoveMember(ctx, d.actor, id, user)
}

func (d folderDesk) SetExpiry(ctx context.Context, id string, expires time.Time) error {
	return d.workspaces.SetExpiry(ctx, d.actor, id, expires)
}

func (d folderDesk) SetPolicy(ctx context.Context, id, policy string) (string, error) {
	if err := d.workspaces.SetPolicy(ctx, d.actor, id, policy); err != nil {
		return "", err
	}
	return d.policies.PinPolicy(ctx, policy)
}

func (d folderDesk) UseVersion(ctx context.Context, id, dataset string, number int) error {
	return d.workspaces.UseVersion(ctx, d.actor, id, dataset, number)
}

func (d folderDesk) OpenWorkspace(ctx context.Context, project, dataset, id string) (workspaces.Workspace, error) {
	return d.workspaces.OpenWorkspaceOn(ctx, d.actor, project, dataset, id)
}

func (d folderDesk) Workspaces(ctx context.Context) ([]workspaces.Workspace, error) {
	return d.workspaces.Workspaces(ctx, d.actor)
}

func (d folderDesk) Custodians(ctx context.Context, dataset string) ([]string, error) {
	return d.workspaces.Custodians(ctx, d.actor, dataset)
}

package workspaces

import (
	"context"

	"github.com/gatehouse-tre/gatehouse"
)

// Withdraw records that people leave a dataset after its publication: every
// project's populations, or one project's. A custodian may. From the moment it
// returns, Enter gives no session whose population still has them; populations
// are written anew at the next question, or by Remount. The journal is not told
// whom or how many: few people who leave can be found by comparing.
func (s *Service) Withdraw(ctx context.Context, actor gatehouse.Principal, dataset, project string, units []uint32) error {
	if !gatehouse.ValidName(dataset) {
		return gatehouse.Errorf(gatehouse.CodeNotFound, "There is no dataset %q.", dataset)
	}
	e := gatehouse.Event{Action: "withdrawal.recorded", Project: project, Subject: dataset}
	return s.act(ctx, actor, gatehouse.ActionDatasetPublish, e, func(tx Tx) error {
		if project != "" {
			if _, err := tx.Project(ctx, project); err != nil {
				return err
			}
		}
		return tx.Withdraw(ctx, dataset, project, units)
	})
}

// WithdrawalMarks gives, for each workspace, a number that grows with each
// withdrawal that concerns it. It is for whoever keeps engines up to date.
func (s *Service) WithdrawalMarks(ctx context.Context) (map[string]int64, error) {
	marks := map[string]int64{}
	err := s.Store.View(ctx, func(tx Tx) error {
		all, err := tx.Workspaces(ctx)
		if err != nil {
			return err
		}
		for _, w := range all {
			if marks[w.ID], err = tx.WithdrawalMark(ctx, w.Dataset, w.Project); err != nil {
				return err
			}
		}
		return nil
	})
	return marks, err
}

// Remount gives what a workspace shows now, with its population brought up to
// date, for whoever keeps engines up to date: it is nobody's session, and lets
// nobody ask. Whether anybody may is not looked at: people who left are taken out
// of the workspaces of projects that have ended, too.
func (s *Service) Remount(ctx context.Context, workspace string) (*Session, error) {
	session := &Session{Principal: System}
	err := s.Store.View(ctx, func(tx Tx) (err error) {
		if session.Workspace, err = tx.Workspace(ctx, workspace); err != nil {
			return err
		}
		session.Project, err = tx.Project(ctx, session.Workspace.Project)
		return err
	})
	if err != nil {
		return nil, err
	}
	session.Workspace.Folder = s.folder(workspace)
	grant, ok := session.Project.grant(session.Workspace.Dataset)
	if !ok {
		return nil, refuse(gatehouse.CodeWrongWorkspace, "The dataset of this workspace is not part of the project %q any more.", session.Project.ID)
	}
	v, err := s.Catalogue.Version(ctx, grant.Dataset, grant.Version)
	if err != nil {
		return nil, err
	}
	m := Mount{Version: v, Population: s.populationFile(workspace)}
	if m.Tables, err = grant.Mounted(v); err != nil {
		return nil, err
	}
	p, err := s.population(ctx, session.Workspace, v)
	if err != nil {
		return nil, err
	}
	m.Digest, m.Complete = p.SHA256, p.Complete
	session.Mounts = []Mount{m}
	return session, nil
}

package workspaces

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
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

// Remount gives what a workspace shows now, with its population brought up to
// date, for whoever keeps engines up to date: it is nobody's session, and lets
// nobody ask. Whether anybody may is not looked at: people who left are taken out
// of the workspaces of projects that have ended, too. A workspace whose dataset or
// version its project does not have any more shows no tables, only the people whom its
// own tables may hold. CodeWrongWorkspace is one that never had any; CodeKeys one of a
// project whose keys were destroyed.
func (s *Service) Remount(ctx context.Context, workspace string) (*Session, error) {
	session := &Session{Principal: System}
	err := s.Store.View(ctx, func(tx Tx) (err error) {
		if session.Workspace, err = tx.Workspace(ctx, workspace); err != nil {
			return err
		}
		if err := keysStand(ctx, tx, session.Workspace.Project); err != nil {
			return err
		}
		session.Project, err = tx.Project(ctx, session.Workspace.Project)
		return err
	})
	if err != nil {
		return nil, err
	}
	session.Workspace.Folder = s.folder(workspace)
	m := Mount{Population: s.populationFile(workspace)}
	grant, granted := session.Project.grant(session.Workspace.Dataset)
	if granted {
		m.Version, err = s.Catalogue.Version(ctx, grant.Dataset, grant.Version)
		if gatehouse.CodeOf(err) == gatehouse.CodeNotFound {
			granted, err = false, nil
		}
		if err != nil {
			return nil, err
		}
	}
	var p Population
	if granted {
		if m.Tables, err = grant.Mounted(m.Version, session.Project.ID); err != nil {
			return nil, err
		}
		p, err = s.population(ctx, session.Workspace, m.Version)
		if gatehouse.CodeOf(err) == gatehouse.CodeConsent { // nobody may ask, and whoever withdraws leaves all the same
			p, err = s.lastPopulation(ctx, session.Workspace)
		}
	} else {
		p, err = s.lastPopulation(ctx, session.Workspace)
	}
	if err != nil {
		return nil, err
	}
	m.Digest, m.Complete = p.SHA256, p.Complete
	session.Mounts = []Mount{m}
	return session, nil
}

// lastPopulation brings the population that a workspace had last up to date with
// withdrawals, without the version that it was of.
func (s *Service) lastPopulation(ctx context.Context, w Workspace) (Population, error) {
	for {
		p, current, err := s.prunedPopulation(ctx, w, false)
		if err != nil || current {
			return p, err
		}
		if _, err, _ = s.building.Do(buildingKey(w, w.Dataset), func() (any, error) {
			_, _, err := s.prunedPopulation(ctx, w, true)
			return nil, err
		}); err != nil {
			return p, err
		}
	}
}

// prunedPopulation gives the population that a workspace had last, and whether it is up to
// date; if not, and it is to write, it writes it.
func (s *Service) prunedPopulation(ctx context.Context, w Workspace, write bool) (p Population, current bool, err error) {
	var mark int64
	var withdrawn *roaring.Bitmap
	only := false // of those who consented
	err = s.Store.View(ctx, func(tx Tx) (err error) {
		if mark, err = tx.WithdrawalMark(ctx, w.Dataset, w.Project); err != nil {
			return err
		}
		var consent bool
		if withdrawn, consent, err = excluded(ctx, tx, w.Dataset, w.Project, time.Time{}); err != nil && gatehouse.CodeOf(err) != gatehouse.CodeConsent {
			return err
		}
		only = consent && err == nil
		p, err = tx.Population(ctx, w.ID, w.Dataset)
		return err
	})
	if gatehouse.CodeOf(err) == gatehouse.CodeNotFound {
		return p, false, refuse(gatehouse.CodeWrongWorkspace, "The workspace %q never had a population.", w.ID)
	}
	if current = p.Mark == mark && p.Consent == only; err != nil || current || !write {
		return p, current, err
	}
	p.Mark, p.Consent = mark, only
	p, err = s.writePopulation(ctx, w, p, func(out io.Writer) (people int64, complete bool, err error) {
		people, err = prunePopulation(ctx, out, s.custodiansPopulation(w.ID), withdrawn)
		return people, false, err
	})
	return p, err == nil, err
}

// prunePopulation writes to w the population file at path without whoever is withdrawn,
// and returns how many people are left. It needs no key.
func prunePopulation(ctx context.Context, w io.Writer, path string, withdrawn *roaring.Bitmap) (people int64, err error) {
	damaged := func(err error) error {
		return gatehouse.Errorf(gatehouse.CodeStorage, "A population cannot be read as it was written.").Because(err)
	}
	in, err := file.OpenParquetFile(path, false)
	if err != nil {
		return 0, damaged(err)
	}
	defer in.Close()
	reader, err := pqarrow.NewFileReader(in, pqarrow.ArrowReadProperties{BatchSize: populationGroup}, memory.DefaultAllocator)
	if err != nil {
		return 0, damaged(err)
	}
	batches, err := reader.GetRecordReader(ctx, nil, nil)
	if err != nil {
		return 0, damaged(err)
	}
	defer batches.Release()
	out, err := newPopulationWriter(batches.Schema(), w)
	if err != nil {
		return 0, err
	}
	for batches.Next() {
		batch := batches.RecordBatch()
		units, ok := batch.Column(0).(*array.Uint32)
		if !ok || batch.ColumnName(0) != catalog.UnitColumn {
			return 0, damaged(errors.New("units are not in its first column"))
		}
		for first := 0; first < units.Len(); { // runs of people who stay
			last := first
			for last < units.Len() && !withdrawn.Contains(units.Value(last)) {
				last++
			}
			if last > first {
				run := batch.NewSlice(int64(first), int64(last))
				err := out.WriteBuffered(run)
				run.Release()
				if err != nil {
					return 0, unwritable(err)
				}
				people += int64(last - first)
			}
			first = last + 1
		}
	}
	if err := batches.Err(); err != nil && !errors.Is(err, io.EOF) {
		return 0, damaged(err)
	}
	if err := out.Close(); err != nil {
		return 0, unwritable(err)
	}
	return people, nil
}

package workspaces

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"os"
	"path/filepath"
	"strconv"

	"github.com/gatehouse-tre/gatehouse"
)

// PersonIndex tells who a unit is. It stands in the custodian zone.
type PersonIndex interface {
	// Identifiers gives all identifiers of the people with these units of a family,
	// by unit. A unit that is nobody's is left out.
	Identifiers(ctx context.Context, family string, units []uint32) (map[uint32][]string, error)
}

// reidentified is the folder of the custodian zone with what was traced.
func (s *Service) reidentified() string { return filepath.Join(s.Dir, "custodian", "reidentified") }

// TracedFile is where the result of a joint act of tracing stands: in the custodian
// zone, for its user alone, and nowhere else.
func (s *Service) TracedFile(a JointAct) string { return filepath.Join(s.reidentified(), a.ID+".csv") }

// tracedHeader is the first line of a result.
var tracedHeader = []string{"pseudonym", "epoch", "identifier", "outcome"}

// trace writes whom pseudonyms name, a line for each identifier.
func (s *Service) trace(ctx context.Context, a JointAct) error {
	if s.Index == nil {
		return gatehouse.Errorf(gatehouse.CodeConfig, "This part of the installation has no person index.")
	}
	var p Project
	err := s.Store.View(ctx, func(tx Tx) (err error) {
		p, err = tx.Project(ctx, a.Project)
		return err
	})
	if err != nil {
		return err
	}
	grant, ok := p.grant(a.Dataset)
	if !ok {
		return gatehouse.Errorf(gatehouse.CodeNotFound, "The project %q does not use a dataset %q.", p.ID, a.Dataset)
	}
	v, err := s.Catalogue.Version(ctx, grant.Dataset, grant.Version)
	if err != nil {
		return err
	}
	reversed, err := s.Pseudonymiser.Reverse(ctx, a.Project, a.Names)
	if err != nil {
		return err
	}
	var units []uint32
	for _, r := range reversed {
		if r.of(v.Family) {
			units = append(units, r.Unit)
		}
	}
	people, err := s.Index.Identifiers(ctx, v.Family, units)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	out := csv.NewWriter(&text)
	rows := [][]string{tracedHeader}
	for i, name := range a.Names {
		r := reversed[i]
		epoch := strconv.Itoa(r.Epoch)
		switch {
		case r.Epoch == 0:
			rows = append(rows, []string{name, "", "", "no pseudonym of this project"})
		case !r.of(v.Family) || len(people[r.Unit]) == 0:
			rows = append(rows, []string{name, epoch, "", "nobody of this dataset's person index"})
		}
		if r.of(v.Family) {
			for _, identifier := range people[r.Unit] {
				rows = append(rows, []string{name, epoch, identifier, "found"})
			}
		}
	}
	if err := out.WriteAll(rows); err != nil {
		return unwritable(err)
	}
	if err := os.MkdirAll(s.reidentified(), 0o700); err != nil {
		return unwritable(err)
	}
	f, err := newReplacement(s.TracedFile(a), 0o600, -1, -1)
	if err != nil {
		return unwritable(err)
	}
	defer f.discard()
	if _, err := f.Write(text.Bytes()); err != nil {
		return unwritable(err)
	}
	if err := f.commit(); err != nil {
		return unwritable(err)
	}
	return nil
}

// of reports whether a pseudonym is of somebody of a person index.
func (r Reversed) of(family string) bool {
	return r.Epoch > 0 && (r.Family == family || r.Family == "")
}

// destroyKeys destroys a project's keys, and the population files and workspaces' own
// tables, since they say which unit each pseudonym stands for.
func (s *Service) destroyKeys(ctx context.Context, project string) error {
	if err := s.Pseudonymiser.DestroyProjectKey(ctx, project); err != nil {
		return err
	}
	var of []Workspace
	err := s.Store.View(ctx, func(tx Tx) error {
		all, err := tx.Workspaces(ctx)
		for _, w := range all {
			if w.Project == project {
				of = append(of, w)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, w := range of {
		if err := errors.Join(s.removePopulation(w.ID), s.removeTables(w.ID)); err != nil {
			return err
		}
	}
	return nil
}

// custodiansPopulation is the custodian's copy of a population.
func (s *Service) custodiansPopulation(workspace string) string {
	return filepath.Join(s.Dir, "custodian", "populations", workspace+".parquet")
}

// removePopulation removes both files of a population, and what a crash has left of
// them, durably.
func (s *Service) removePopulation(workspace string) error {
	var files []string
	for _, path := range []string{s.populationFile(workspace), s.custodiansPopulation(workspace)} {
		beginnings, err := filepath.Glob(filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".*"))
		if err != nil {
			return err
		}
		files = append(append(files, path), beginnings...)
	}
	return removeDurably(files)
}

// removeTables removes a workspace's own tables, whose rows bear pseudonyms. Whatever
// shows them still is ended by a Follower.
func (s *Service) removeTables(workspace string) error {
	files, err := filepath.Glob(filepath.Join(s.folder(workspace), "scratch", "*"))
	if err != nil {
		return err
	}
	return removeDurably(files)
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

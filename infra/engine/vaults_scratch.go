package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// A workspace's own tables stand in a file that is named after the population that
// they hold people of. When the population changes, they are copied to a new file
// without whoever is not in it any more, and the old file is removed: deleting
// rows would leave them in the file.
const (
	scratchName = "scratch"
	scratchType = ".duckdb"
	partType    = ".part" // of a copy that is not whole
)

// scratchFile is where the tables of a session's workspace stand, of its population.
func scratchFile(s *workspaces.Session) string {
	sum := sha256.New()
	known := len(s.Mounts) > 0
	for _, m := range s.Mounts {
		fmt.Fprintln(sum, m.Digest)
		known = known && m.Population != ""
	}
	name := scratchName
	if known {
		name += "-" + hex.EncodeToString(sum.Sum(nil)[:8])
	}
	return filepath.Join(s.Workspace.Folder, "scratch", name+scratchType)
}

// copyNeeded reports whether making sure of the workspace's tables takes a copy of them.
func copyNeeded(s *workspaces.Session) (bool, error) {
	current := scratchFile(s)
	found, err := filepath.Glob(filepath.Join(filepath.Dir(current), scratchName+"*"+scratchType))
	if err != nil {
		return false, scratchFailure(err)
	}
	return len(found) > 0 && !slices.Contains(found, current), nil
}

// cleanScratch makes sure that the workspace's tables hold nobody who is not in
// the session's population. No vault of the workspace has them, and nobody else cleans
// them.
func (v *Vaults) cleanScratch(ctx context.Context, s *workspaces.Session) error {
	current := scratchFile(s)
	dir := filepath.Dir(current)
	found, err := filepath.Glob(filepath.Join(dir, scratchName+"*"+scratchType))
	if err != nil {
		return scratchFailure(err)
	}
	parts, err := filepath.Glob(filepath.Join(dir, "*"+partType+"*"))
	if err != nil {
		return scratchFailure(err)
	}
	for _, part := range parts {
		if err := os.Remove(part); err != nil {
			return scratchFailure(err)
		}
	}
	there := false
	var old []string
	for _, path := range found {
		if path == current {
			there = true
		} else {
			old = append(old, path)
		}
	}
	switch {
	case len(old) == 0:
		return nil
	case !there && len(old) > 1:
		return scratchFailure(errors.New("the workspace's tables stand in several files"))
	case !there:
		if err := v.copyScratch(ctx, s, old[0], current); err != nil {
			return err
		}
	}
	for _, path := range old {
		for _, name := range []string{path + ".wal", path} {
			if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
				return scratchFailure(err)
			}
		}
	}
	return syncDir(dir)
}

func scratchFailure(err error) error {
	return gatehouse.Errorf(gatehouse.CodeStorage, "The workspace's own tables cannot be brought up to date with its population.").
		WithAdvice("The operator must make room on the volume, or look into the workspace's scratch folder.").Because(err)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return scratchFailure(err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return scratchFailure(err)
	}
	return nil
}

// copyScratch copies the workspace's tables with the rows of people who are in the
// population, in a worker of its own. The copy takes its place when it is whole.
func (v *Vaults) copyScratch(ctx context.Context, s *workspaces.Session, from, to string) error {
	c := v.Config(s.Workspace.ID)
	c.Role, c.Write = RoleVault, []string{filepath.Dir(to)}
	c.Threads = 1 // first answers without those who left have the other processors
	var visible []string
	for _, m := range s.Mounts {
		if m.Population == "" {
			return scratchFailure(errors.New("the population is not known"))
		}
		c.Read = append(c.Read, filepath.Dir(m.Population))
		visible = append(visible, fmt.Sprintf("SELECT %s FROM read_parquet(%s)", catalog.UnitColumn, quote(m.Population)))
	}
	part := to + partType
	p, err := Start(ctx, c)
	if err != nil {
		return err
	}
	defer p.Kill()
	worker := Vault{p}
	err = worker.Open(ctx, "ATTACH "+quote(from)+" AS was", "ATTACH "+quote(part)+" AS scratch", "CREATE TABLE visible AS "+strings.Join(visible, " UNION "))
	if err != nil {
		return err
	}
	tables, err := scratchTables(ctx, worker)
	if err != nil {
		return err
	}
	for _, t := range tables {
		name := `"` + strings.ReplaceAll(t, `"`, `""`) + `"`
		err := worker.Exec(ctx, fmt.Sprintf("CREATE TABLE scratch.main.%s AS SELECT * FROM was.main.%s WHERE %s IN (SELECT %s FROM visible) ORDER BY %s",
			name, name, catalog.UnitColumn, catalog.UnitColumn, catalog.UnitColumn))
		if err != nil {
			return err
		}
	}
	if err := worker.Exec(ctx, "CHECKPOINT scratch"); err != nil {
		return err
	}
	if err := p.Close(); err != nil {
		return err
	}
	if _, err := os.Stat(part + ".wal"); !errors.Is(err, os.ErrNotExist) {
		return scratchFailure(errors.New("the copy has changes beside it"))
	}
	if err := os.Rename(part, to); err != nil {
		return scratchFailure(err)
	}
	return syncDir(filepath.Dir(to))
}

// scratchTables lists the tables to copy.
func scratchTables(ctx context.Context, worker Vault) ([]string, error) {
	r, err := worker.Query(ctx, "SELECT table_name FROM duckdb_tables() WHERE database_name = 'was' AND schema_name = 'main' ORDER BY 1")
	if err != nil {
		return nil, err
	}
	defer r.Release()
	var names []string
	for r.Next() {
		column, ok := r.RecordBatch().Column(0).(*array.String)
		if !ok {
			return nil, scratchFailure(errors.New("the names of tables are not texts"))
		}
		for i := range column.Len() {
			names = append(names, strings.Clone(column.Value(i)))
		}
	}
	return names, r.Err()
}

// Refresh is Cut, then Clean.
func (v *Vaults) Refresh(ctx context.Context, s *workspaces.Session) error {
	return errors.Join(v.Cut(ctx, s), v.Clean(ctx, s))
}

// Cut ends what still runs on another population of the session's workspace than the
// session's, its views of other versions too. The next question finds it done.
func (v *Vaults) Cut(_ context.Context, s *workspaces.Session) error {
	return v.end(s.Workspace.ID, func(people string) bool { return people != populations(s) })
}

// Clean takes those who left out of the workspace's own tables. The next question finds
// it done.
func (v *Vaults) Clean(ctx context.Context, s *workspaces.Session) error {
	slot, err := v.slot(s.Workspace.ID)
	if err != nil {
		return err
	}
	slot.mu.Lock()
	if slot.process != nil && slot.people != populations(s) {
		slot.stop(true)
	}
	if slot.process != nil && slot.own == nil {
		slot.mu.Unlock()
		return nil // it was started with this population, of which the tables were
	}
	c, err := v.tablesToClean(ctx, slot, s)
	slot.mu.Unlock() // questions that do not name the own tables need not wait
	if err != nil || c == nil {
		return err
	}
	return c.wait(ctx)
}

// Forget ends whatever shows a workspace, and removes its own tables.
func (v *Vaults) Forget(_ context.Context, w workspaces.Workspace) error {
	if err := v.end(w.ID, func(string) bool { return true }); err != nil {
		return err
	}
	slot, err := v.slot(w.ID)
	if err != nil {
		return err
	}
	slot.mu.Lock()
	defer slot.mu.Unlock()
	dir := filepath.Join(w.Folder, "scratch")
	files, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(files) == 0 {
		return nil
	}
	if err != nil {
		return scratchFailure(err)
	}
	for _, f := range files {
		if err := os.Remove(filepath.Join(dir, f.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
			return scratchFailure(err)
		}
	}
	return syncDir(dir)
}

// end kills the processes of a workspace, of its own view and of those beside it, of
// whose population is says so, and what cleans own tables for such a population.
func (v *Vaults) end(workspace string, is func(people string) bool) error {
	v.mu.Lock()
	var slots []*vaultSlot
	for id, slot := range v.running {
		if id == workspace || strings.HasPrefix(id, workspace+besideName) {
			slots = append(slots, slot)
		}
	}
	v.mu.Unlock()
	for _, slot := range slots {
		slot.mu.Lock()
		if slot.process != nil && is(slot.people) {
			slot.stop(true)
		}
		if slot.cleaning != nil && is(slot.cleaning.people) {
			slot.stopCleaning()
		}
		slot.mu.Unlock()
	}
	return nil
}

// populations names whom a session sees.
func populations(s *workspaces.Session) string {
	var names []string
	for _, m := range s.Mounts {
		names = append(names, m.Digest)
	}
	return strings.Join(names, " ")
}

// stop ends the slot's process: at once, whatever it is asked, if somebody whom it
// shows has left; else when its questions are over.
func (s *vaultSlot) stop(now bool) {
	if now {
		s.process.Kill()
	}
	if now || !s.process.Alive() {
		s.stopCleaning() // questions may wait for it
	}
	s.users.Wait()
	s.process.Close()
	s.process, s.own = nil, nil
}

package engine

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/catalog/codelist"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Vaults starts the vault of each workspace when the first question comes, and
// keeps it. A vault shows exactly the tables and the population of the session:
// when they change, or it dies, the next question gets a new one.
type Vaults struct {
	// Config gives how to start a workspace's vault, without Role, Read and Write.
	Config func(workspace string) Config
	// Patience is how long a question that names own tables waits while those who left
	// are taken out of them; 0: 30 seconds.
	Patience time.Duration

	mu      sync.Mutex
	running map[string]*vaultSlot
	closed  bool
}

// vaultSlot is a workspace's place: its lock is held while its vault is started
// or replaced, so that the scratch file has one owner.
type vaultSlot struct {
	mu      sync.Mutex
	process *Process
	mounted string         // fingerprint of what it shows
	people  string         // the populations that it shows
	own     *ownTables     // of process, where they were to be cleaned when it started; nil: it has them
	users   sync.WaitGroup // questions that run on process

	cleaning *cleaning // of the own tables, the last; nil: none was needed
}

// besideName stands between a workspace and what its view is beside; no workspace has
// such an id.
const besideName = " beside "

var (
	_ egress.Vaults     = (*Vaults)(nil)
	_ workspaces.Mounts = (*Vaults)(nil)
)

// Vault implements egress.Vaults.
func (v *Vaults) Vault(ctx context.Context, s *workspaces.Session) (egress.Vault, func(), error) {
	id := s.Workspace.ID
	if s.Beside != "" {
		id += besideName + s.Beside
	}
	slot, err := v.slot(id)
	if err != nil {
		return nil, nil, err
	}
	slot.mu.Lock()
	defer slot.mu.Unlock()
	statements, read, err := mountStatements(s)
	if err != nil {
		return nil, nil, err
	}
	mounted := fingerprint(statements, s.Mounts)
	if slot.process != nil && (!slot.process.Alive() || slot.mounted != mounted) {
		slot.stop(slot.people != populations(s))
	}
	if slot.process == nil || slot.own != nil && slot.own.failed() {
		if err := v.start(ctx, slot, s, statements, read, mounted); err != nil {
			return nil, nil, err
		}
	}
	slot.users.Add(1)
	done := sync.OnceFunc(slot.users.Done)
	if slot.own == nil {
		return Vault{slot.process}, done, nil
	}
	return shownVault{Vault{slot.process}, slot.own}, done, nil
}

// start starts the vault of a slot, which is locked, if it has none, and finds out
// whether its own tables are to be cleaned. The first statement attaches them.
func (v *Vaults) start(ctx context.Context, slot *vaultSlot, s *workspaces.Session, statements, read []string, mounted string) error {
	var own *ownTables
	if s.Beside == "" {
		c, err := v.tablesToClean(ctx, slot, s)
		if err != nil {
			return err
		}
		if c == nil && slot.process != nil { // it has not attached them yet
			c = newCleaning(populations(s), func(context.Context) error { return nil })
		}
		if c != nil {
			own = &ownTables{cleaning: c, attach: statements[0], patience: cmp.Or(v.Patience, ownPatience)}
			statements = statements[1:]
		}
	}
	if slot.process == nil {
		c := v.Config(s.Workspace.ID)
		c.Role, c.Read = RoleVault, read
		if s.Beside == "" {
			c.Write = []string{filepath.Join(s.Workspace.Folder, "scratch")}
		}
		p, err := Start(ctx, c)
		if err != nil {
			return err
		}
		if err := (Vault{p}).Open(ctx, statements...); err != nil {
			p.Kill()
			return err
		}
		slot.process, slot.mounted, slot.people = p, mounted, populations(s)
	}
	slot.own = own
	return nil
}

func (v *Vaults) slot(workspace string) (*vaultSlot, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return nil, gatehouse.Errorf(gatehouse.CodeShutdown, "The service is shutting down.")
	}
	if v.running == nil {
		v.running = map[string]*vaultSlot{}
	}
	if v.running[workspace] == nil {
		v.running[workspace] = &vaultSlot{}
	}
	return v.running[workspace], nil
}

// Pids lists the process ids of the running vaults, by workspace, for the operator, without
// those that are being started or ended.
func (v *Vaults) Pids() map[string]int {
	v.mu.Lock()
	slots := maps.Clone(v.running)
	v.mu.Unlock()
	out := map[string]int{}
	for id, slot := range slots {
		// One that is being ended or made waits for questions, and these for the list of
		// slots: whoever only looks waits for neither.
		if !slot.mu.TryLock() {
			continue
		}
		if slot.process != nil && slot.process.Alive() {
			out[id] = slot.process.Pid()
		}
		slot.mu.Unlock()
	}
	return out
}

// Close stops every vault once its questions are over.
func (v *Vaults) Close() error {
	v.mu.Lock()
	v.closed = true
	slots := v.running
	v.running = nil
	v.mu.Unlock()
	var errs []error
	for _, slot := range slots {
		slot.mu.Lock()
		slot.stopCleaning()
		slot.users.Wait()
		if slot.process != nil {
			errs = append(errs, slot.process.Close())
			slot.process = nil
		}
		slot.mu.Unlock()
	}
	return errors.Join(errs...)
}

// mountStatements makes the views of a session's tables, and lists the folders
// that they read.
func mountStatements(s *workspaces.Session) (statements, read []string, err error) {
	scratch := scratchFile(s)
	if s.Beside != "" { // the file has one owner
		scratch = ":memory:"
	}
	statements = append(statements, "ATTACH "+quote(scratch)+" AS scratch")
	for _, m := range s.Mounts {
		read = append(read, m.Version.Folder)
		within := ""
		if !m.Complete {
			read = append(read, filepath.Dir(m.Population))
			within = fmt.Sprintf("%s IN (SELECT %s FROM read_parquet(%s))", catalog.UnitColumn, catalog.UnitColumn, quote(m.Population))
		}
		for _, t := range m.Tables {
			if len(t.Files) > catalog.TableFiles {
				return nil, nil, gatehouse.Errorf(gatehouse.CodeTooLarge, "The table %s of %s has more than %d files.", t.Name, m.Version.Name(), catalog.TableFiles)
			}
			statements = append(statements, viewStatement(m.Version, t, within))
		}
	}
	for i, c := range s.Codelists {
		if i == 0 {
			statements = append(statements, "CREATE SCHEMA "+codelist.Schema)
			read = append(read, filepath.Dir(c.File))
		}
		statements = append(statements, fmt.Sprintf("CREATE VIEW %s.%s AS SELECT %s FROM read_parquet(%s)", codelist.Schema, identifier(c.Name), strings.Join(codelist.Columns, ", "), quote(c.File)))
	}
	return statements, read, nil
}

// viewStatement makes the view of one table: its approved columns, the unit, and
// which row it is.
func viewStatement(v catalog.Version, t catalog.Table, within string) string {
	var columns []string
	for _, c := range t.Columns {
		if c.Class != catalog.ClassPerson {
			columns = append(columns, `"`+strings.ReplaceAll(c.Name, `"`, `""`)+`"`)
		}
	}
	if t.Public {
		within = ""
	}
	return fmt.Sprintf(`CREATE VIEW "%s" AS %s`, t.Name, v.PartsSQL(t, func(p catalog.Part) string {
		if t.Public {
			return strings.Join(columns, ", ")
		}
		row := fmt.Sprintf("%d + file_row_number", v.RowBase(t.Name)+uint64(p.First)<<32)
		if len(p.Files) > 1 {
			row += " + (CAST(file_index AS BIGINT) << 32)"
		}
		return strings.Join(append([]string{catalog.UnitColumn, "CAST(" + row + " AS UBIGINT) AS " + catalog.RowColumn}, columns...), ", ")
	}, within))
}

func identifier(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// fingerprint is of what a vault shows: its views, and who is in its population.
func fingerprint(statements []string, mounts []workspaces.Mount) string {
	parts := slices.Clone(statements)
	for _, m := range mounts {
		parts = append(parts, m.Digest)
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:])
}

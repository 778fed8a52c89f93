package optout

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

// Service checks lists at the check service. All that it keeps of people stands in
// the custodian zone, DIR/custodian/optouts/CHECK/: request.dat, and reply.dat with
// receipt.json once there is an answer.
type Service struct {
	Dir        string // the installation
	Store      Store
	Authorizer Authorizer
	Mailbox    Mailbox
	To         string // the check service's mailbox
	// ChunkBytes is how much one chunk holds before compression; MESH allows 100 MB.
	ChunkBytes int
	// MostRemoved is the largest share of those asked about who may be missing in
	// an answer; beyond it the answer is refused, since it is more likely cut short
	// than true. 0: DefaultMostRemoved.
	MostRemoved float64
}

// prefix begins the names of checks.
const prefix = "gatehouse-"

// What holds where nothing is configured.
const (
	DefaultChunkBytes  = 50 << 20
	DefaultMostRemoved = 0.25
	// arrival is how long after it was sent a message may still appear at the
	// service. Only when it is over does "untracked" mean that it never arrived.
	arrival = 15 * time.Minute
	// Overdue is after how long an answer is overdue; it takes up to an hour.
	Overdue = 2 * time.Hour
)

func (s *Service) folder(check string) string {
	return filepath.Join(s.Dir, "custodian", "optouts", check)
}

func storageFailure(err error) error {
	return gatehouse.Errorf(gatehouse.CodeStorage, "The folder of opt-out checks cannot be read or written.").Because(err)
}

// lock lets one process at a time work on checks. The kernel lets go of it when
// the process dies.
func (s *Service) lock() (unlock func(), err error) {
	dir := s.folder("")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, storageFailure(err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, storageFailure(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, gatehouse.Errorf(gatehouse.CodeBusy, "Another command works on opt-out checks.").Because(err)
	}
	return func() { f.Close() }, nil
}

// act runs change if actor may publish, and records what it gives to record.
func (s *Service) act(ctx context.Context, actor gatehouse.Principal, change func(Tx) error) error {
	if err := s.Authorizer.Authorize(ctx, actor, gatehouse.ActionDatasetPublish, gatehouse.Everywhere); err != nil {
		return err
	}
	return s.Store.Update(ctx, change)
}

// Checks gives the checks of a dataset, or of all for "", the newest first.
func (s *Service) Checks(ctx context.Context, actor gatehouse.Principal, dataset string) (all []Check, err error) {
	err = s.act(ctx, actor, func(tx Tx) error {
		all, err = tx.Checks(ctx, dataset)
		return err
	})
	return all, err
}

// Fetch takes a check of a dataset's list as far as it goes without waiting: it
// goes on with one that is open, else it begins one about the people of extracts.
// When the check comes back StateAnswered, the list stands in the extracts folder
// under its name, with its date and its receipt. Whatever stopped it before, Fetch
// again goes on from there: the question is never sent twice unless the service
// says that it has not got it.
func (s *Service) Fetch(ctx context.Context, actor gatehouse.Principal, d *catalog.Definition, list, extracts string) (Check, error) {
	unlock, err := s.lock()
	if err != nil {
		return Check{}, err
	}
	defer unlock()
	c, err := s.open(ctx, actor, d, list, extracts)
	if err != nil {
		return c, err
	}
	if c.State == StatePrepared || c.State == StateSending || c.State == StateUploading {
		if c, err = s.send(ctx, actor, c); err != nil {
			return c, err
		}
	}
	if c.State != StateAwaiting {
		return c, nil
	}
	return s.collect(ctx, actor, c)
}

// GiveUp ends a check that is open, so that another may begin. An answer that
// comes later is not taken.
func (s *Service) GiveUp(ctx context.Context, actor gatehouse.Principal, dataset string) (Check, error) {
	unlock, err := s.lock()
	if err != nil {
		return Check{}, err
	}
	defer unlock()
	all, err := s.Checks(ctx, actor, dataset)
	if err != nil {
		return Check{}, err
	}
	for _, c := range all {
		if c.State.Open() {
			return s.refuse(ctx, actor, c, "it was given up")
		}
	}
	return Check{}, gatehouse.Errorf(gatehouse.CodeNotFound, "No check of %s is open.", dataset)
}

// open gives the dataset's open check, or a new one with its request.
func (s *Service) open(ctx context.Context, actor gatehouse.Principal, d *catalog.Definition, list, extracts string) (Check, error) {
	rule, err := nationalRule(d, list)
	if err != nil {
		return Check{}, err
	}
	all, err := s.Checks(ctx, actor, "")
	if err != nil {
		return Check{}, err
	}
	if err := s.sweep(all); err != nil {
		return Check{}, err
	}
	for _, c := range all {
		if c.State.Open() && c.Dataset == d.Dataset && c.List == rule.List {
			if c.Extracts != extracts {
				return c, gatehouse.Errorf(gatehouse.CodeCheck, "A check of %s is under way for other extracts.", d.Dataset).
					WithAdvice("Let it end, or give it up with 'gatehouse optouts give-up'.")
			}
			return c, nil
		}
	}
	var b [5]byte
	if _, err := rand.Read(b[:]); err != nil {
		return Check{}, err
	}
	c := Check{Dataset: d.Dataset, List: rule.List, File: rule.File, Extracts: extracts, State: StatePrepared, By: actor.User}
	// The service answers to names of letters, digits, '-' and '_' only.
	c.ID = prefix + time.Now().UTC().Format("20060102") + "-" + hex.EncodeToString(b[:])
	if c.Asked, err = s.writeRequest(ctx, c, d, extracts); err != nil {
		return Check{}, errors.Join(err, os.RemoveAll(s.folder(c.ID)))
	}
	err = s.act(ctx, actor, func(tx Tx) error {
		c.Prepared = tx.Now()
		tx.Record(gatehouse.Event{Actor: actor.User, Action: "optouts.prepared", Subject: c.ID, Detail: map[string]string{"dataset": c.Dataset, "list": c.List}})
		return tx.AddCheck(ctx, c)
	})
	return c, err // the change may stand all the same: the request stays
}

// sweep removes requests that never became a check.
func (s *Service) sweep(checks []Check) error {
	folders, err := filepath.Glob(s.folder(prefix + "*"))
	if err != nil {
		return storageFailure(err)
	}
	for _, dir := range folders {
		if !slices.ContainsFunc(checks, func(c Check) bool { return c.ID == filepath.Base(dir) }) {
			if err := os.RemoveAll(dir); err != nil {
				return storageFailure(err)
			}
		}
	}
	return nil
}

// nationalRule finds the list that the check service answers.
func nationalRule(d *catalog.Definition, list string) (catalog.ListRule, error) {
	for _, l := range d.OptOuts.Lists {
		if l.List == list {
			if l.Kind != catalog.ListAllow || len(l.Header) > 0 {
				return l, gatehouse.Errorf(gatehouse.CodeDefinition, "The list %s of %s is not a check service's reply.", list, d.Dataset)
			}
			return l, nil
		}
	}
	return catalog.ListRule{}, gatehouse.Errorf(gatehouse.CodeDefinition, "The definition of %s has no list %s.", d.Dataset, list)
}

// writeRequest writes the numbers to ask about, durably.
func (s *Service) writeRequest(ctx context.Context, c Check, d *catalog.Definition, extracts string) (int64, error) {
	dir := s.folder(c.ID)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, storageFailure(err)
	}
	f, err := os.OpenFile(filepath.Join(dir, requestFile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, storageFailure(err)
	}
	defer f.Close()
	n, err := catalog.WriteNHSNumbers(ctx, f, d, extracts)
	if err != nil {
		return 0, err
	}
	if n == 0 {
		return 0, gatehouse.Errorf(gatehouse.CodeCheck, "The extracts name nobody to ask about.")
	}
	if err := errors.Join(f.Sync(), f.Close(), syncFolder(dir), syncFolder(filepath.Dir(dir))); err != nil {
		return 0, storageFailure(err)
	}
	return n, nil
}

// change moves a check, with its event, from the state that it is in.
func (s *Service) change(ctx context.Context, actor gatehouse.Principal, c Check, to State, action string) (Check, error) {
	from := c.State
	c.State = to
	err := s.act(ctx, actor, func(tx Tx) error {
		switch to {
		case StateSending:
			c.Sent, c.To = tx.Now(), s.To
		case StateAnswered, StateRefused:
			c.Settled = tx.Now()
		}
		if action != "" {
			tx.Record(gatehouse.Event{Actor: actor.User, Action: action, Subject: c.ID, Detail: map[string]string{"dataset": c.Dataset, "list": c.List}})
		}
		return tx.ChangeCheck(ctx, c, from)
	})
	if err != nil {
		c.State = from
	}
	return c, err
}

// refuse ends a check without a list.
func (s *Service) refuse(ctx context.Context, actor gatehouse.Principal, c Check, why string) (Check, error) {
	c.Reason = why
	return s.change(ctx, actor, c, StateRefused, "optouts.refused")
}

// now is the clock of the store, which all times of checks are of.
func (s *Service) now(ctx context.Context) (now time.Time, err error) {
	err = s.Store.Update(ctx, func(tx Tx) error {
		now = tx.Now()
		return nil
	})
	return now, err
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// writeWhole writes a file that takes its place in one step.
func writeWhole(path string, content []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	if err := errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	return errors.Join(os.Rename(f.Name(), path), syncFolder(filepath.Dir(path)))
}

package codelist

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/gatehouse-tre/gatehouse"
)

// Tx is one transaction of a Store.
type Tx interface {
	Now() time.Time
	// Codelists gives every version, by name and then as they were added.
	Codelists(ctx context.Context) ([]Codelist, error)
	// Codelist gives one version, or CodeNotFound.
	Codelist(ctx context.Context, name, version string) (Codelist, error)
	// AddCodelist keeps a version and its terms in their order. Its table's name must be
	// free.
	AddCodelist(ctx context.Context, c Codelist, terms []Term) error
	// Terms gives the terms of a table, in their order.
	Terms(ctx context.Context, table string) ([]Term, error)
	// SearchTerms gives the terms of the newest version of every list whose code, term or
	// category has each word, in whatever case: at most so many, by list.
	SearchTerms(ctx context.Context, words []string, most int) ([]Found, error)
	// Record adds an event, committed with the transaction.
	Record(e gatehouse.Event)
}

// Store keeps codelists.
type Store interface {
	// ViewCodelists and UpdateCodelists run do in one transaction; an error undoes it.
	ViewCodelists(ctx context.Context, do func(Tx) error) error
	UpdateCodelists(ctx context.Context, do func(Tx) error) error
}

// Authorizer says who may do what.
type Authorizer interface {
	// Authorize returns nil, or a GH-102 error if policy does not allow the action on the
	// project ("" for none).
	Authorize(ctx context.Context, p gatehouse.Principal, action gatehouse.Action, project string) error
}

// Service adds codelists and shows them. Custodians add; whoever reads the catalogue
// reads.
type Service struct {
	Dir        string // of the installation
	Store      Store
	Authorizer Authorizer

	mu       sync.Mutex
	verified map[string]os.FileInfo // files of tables whose bytes were found in order; guarded by mu
}

// New is a codelist to add.
type New struct {
	Name, Version    string
	Title, Reference string
	System           System // "": the header says it
	Column           string // of the codes; "": one of the known names
	Content          io.Reader
}

// Bounds of what is kept.
const (
	mostLists  = 1000 // versions of all lists: each is a table of every workspace
	titleBytes = 200
	mostFound  = 200 // terms that a search gives
	mostWords  = 8
	queryBytes = 200
)

// Add reads a file and keeps it as a version of a list, for ever. A version that is there
// with the same bytes is given again and journaled once; with other bytes, or where two
// names would make one table's name, it is CodeConflict. A custodian may.
func (s *Service) Add(ctx context.Context, who gatehouse.Principal, n New) (Codelist, error) {
	if err := s.Authorizer.Authorize(ctx, who, gatehouse.ActionDatasetPublish, ""); err != nil {
		return Codelist{}, err // before anything is read
	}
	table, err := tableOf(n.Name, n.Version)
	if err != nil {
		return Codelist{}, err
	}
	for _, text := range []string{n.Title, n.Reference} {
		if len(text) > titleBytes || strings.ContainsFunc(text, unicode.IsControl) {
			return Codelist{}, invalid("The title and the reference are one line each, of at most %d bytes.", titleBytes)
		}
	}
	content, err := io.ReadAll(io.LimitReader(n.Content, FileBytes+1))
	if err != nil {
		return Codelist{}, invalid("The file did not arrive whole.").Because(err)
	}
	terms, system, err := read(content, n.Column, n.System)
	if err != nil {
		return Codelist{}, err
	}
	sum := sha256.Sum256(content)
	c := Codelist{Name: n.Name, Version: n.Version, Title: strings.TrimSpace(n.Title), System: system, Reference: strings.TrimSpace(n.Reference), Table: Schema + "." + table,
		Codes: len(terms), SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(content)), AddedBy: who.User}
	stored, err := tableFile(terms)
	if err != nil {
		return Codelist{}, err
	}
	sum = sha256.Sum256(stored)
	c.Stored = hex.EncodeToString(sum[:])
	// The file stands before the version does, so that no version is without it. One
	// that no version came to use is public, small, and the next attempt's.
	if err := s.keep(c.Stored, stored); err != nil {
		return Codelist{}, err
	}
	err = s.Store.UpdateCodelists(ctx, func(tx Tx) error {
		if err := s.Authorizer.Authorize(ctx, who, gatehouse.ActionDatasetPublish, ""); err != nil {
			return err
		}
		all, err := tx.Codelists(ctx)
		if err != nil {
			return err
		}
		for _, there := range all {
			switch {
			case there.Name == c.Name && there.Version == c.Version:
				if there.SHA256 != c.SHA256 || there.System != c.System || there.Stored != c.Stored {
					return gatehouse.Errorf(gatehouse.CodeConflict, "The codelist %s has a version %s of other content.", c.Name, c.Version).WithAdvice("A version never changes: add the file as another.")
				}
				c = there
				return nil
			case there.Table == c.Table:
				return gatehouse.Errorf(gatehouse.CodeConflict, "The version %s of the codelist %s would have the name of another's table.", c.Version, c.Name).WithAdvice("Name the list or the version otherwise.")
			}
		}
		if len(all) >= mostLists {
			return invalid("There are %d versions of codelists already.", mostLists)
		}
		c.Added = tx.Now().Truncate(time.Microsecond) // as it is kept
		tx.Record(gatehouse.Event{Actor: who.User, Action: "codelist.added", Subject: c.Name, Detail: map[string]string{
			"version": c.Version, "table": c.Table, "system": string(c.System), "codes": strconv.Itoa(c.Codes), "sha256": c.SHA256, "stored_sha256": c.Stored}})
		return tx.AddCodelist(ctx, c, terms)
	})
	return c, err
}

// List gives every version of every list.
func (s *Service) List(ctx context.Context, who gatehouse.Principal) (all []Codelist, err error) {
	err = s.reading(ctx, who, func(tx Tx) error {
		all, err = tx.Codelists(ctx)
		return err
	})
	return all, err
}

// Codelist gives one version with its terms.
func (s *Service) Codelist(ctx context.Context, who gatehouse.Principal, name, version string) (c Codelist, terms []Term, err error) {
	if _, err := tableOf(name, version); err != nil {
		return c, nil, notThere()
	}
	err = s.reading(ctx, who, func(tx Tx) error {
		if c, err = tx.Codelist(ctx, name, version); err != nil {
			return err
		}
		terms, err = tx.Terms(ctx, c.Table)
		return err
	})
	return c, terms, err
}

func notThere() error { return gatehouse.Errorf(gatehouse.CodeNotFound, "There is no such codelist.") }

// Search gives the terms of the newest versions that have every word of a text, and
// whether there are more than are given. Of no word it gives none.
func (s *Service) Search(ctx context.Context, who gatehouse.Principal, text string) (found []Found, more bool, err error) {
	words := strings.Fields(strings.ToLower(text))
	if len(words) > mostWords || len(text) > queryBytes {
		return nil, false, invalid("A search is of at most %d words.", mostWords).WithAdvice("Search for part of a term, or for a code.")
	}
	err = s.reading(ctx, who, func(tx Tx) error {
		if len(words) == 0 {
			return nil
		}
		found, err = tx.SearchTerms(ctx, words, mostFound+1)
		return err
	})
	if more = len(found) > mostFound; more {
		found = found[:mostFound]
	}
	return found, more, err
}

func (s *Service) reading(ctx context.Context, who gatehouse.Principal, do func(Tx) error) error {
	if err := s.Authorizer.Authorize(ctx, who, gatehouse.ActionDatasetRead, ""); err != nil {
		return err
	}
	return s.Store.ViewCodelists(ctx, do)
}

// Mounted is a table of codes as engines read it: code, term and category, texts of which
// the last two may be NULL.
type Mounted struct {
	Name string // without the schema
	File string // Parquet
}

// Mounted gives the tables of every workspace. One whose file is gone or is not the one
// that was added is left out: a question that names it is refused, and others are not.
func (s *Service) Mounted(ctx context.Context) ([]Mounted, error) {
	var all []Codelist
	err := s.Store.ViewCodelists(ctx, func(tx Tx) (err error) {
		all, err = tx.Codelists(ctx)
		return err
	})
	var out []Mounted
	for _, c := range all {
		if path := s.file(c.Stored); s.verifies(path, c.Stored) {
			out = append(out, Mounted{strings.TrimPrefix(c.Table, Schema+"."), path})
		}
	}
	return out, err
}

// verifies reports whether a file has the bytes of a hash. It reads it again when its
// size, time or place has changed.
func (s *Service) verifies(path, sum string) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	s.mu.Lock()
	before := s.verified[path]
	s.mu.Unlock()
	if before != nil && os.SameFile(before, info) && before.Size() == info.Size() && before.ModTime().Equal(info.ModTime()) {
		return true
	}
	content, err := os.ReadFile(path)
	found := sha256.Sum256(content)
	if err != nil || hex.EncodeToString(found[:]) != sum {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.verified == nil {
		s.verified = map[string]os.FileInfo{}
	}
	s.verified[path] = info
	return true
}

func (s *Service) folder() string { return filepath.Join(s.Dir, "codelists") }

func (s *Service) file(sum string) string { return filepath.Join(s.folder(), sum+".parquet") }

// keep writes a table's file under its hash, whole or not at all. Engines under other
// users read it.
func (s *Service) keep(sum string, content []byte) error {
	path := s.file(sum)
	if s.verifies(path, sum) {
		return nil
	}
	err := os.MkdirAll(s.folder(), 0o755)
	if err == nil {
		err = writeWhole(path, content)
	}
	if err != nil {
		return gatehouse.Errorf(gatehouse.CodeStorage, "The codelist cannot be kept.").Because(err)
	}
	return nil
}

func writeWhole(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".part-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // after the rename there is none
	_, err = f.Write(content)
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

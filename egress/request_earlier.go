package egress

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress/inspect"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// EarlierRelease is something that left a project before.
type EarlierRelease struct {
	Release  string        `json:"release"`
	Request  string        `json:"request"`
	Title    string        `json:"title"`
	Author   string        `json:"author"`
	Released time.Time     `json:"released"`
	Recalled *time.Time    `json:"recalled,omitempty"`
	Files    []EarlierFile `json:"files"`
}

// EarlierFile is a file of it.
type EarlierFile struct {
	Name    string         `json:"name"`
	Type    inspect.Type   `json:"type"`
	SHA256  string         `json:"sha256"`
	Bytes   int64          `json:"bytes"`
	Context RequestContext `json:"context" doc:"What was said of it"`
	// Namesake and Same name files of the request at hand.
	Namesake string `json:"namesake,omitempty" doc:"The file of this request that has its name"`
	Same     string `json:"same,omitempty" doc:"The file of this request that has its bytes"`
}

// Bounds of what is looked up beside a request.
const (
	maxEarlier     = 200 // releases that are listed
	maxComparisons = 10  // releases that one file is compared with
)

// EarlierReleases lists what left a request's project before, newest first, for
// those who may look into its files.
func (s *Requests) EarlierReleases(ctx context.Context, p gatehouse.Principal, id string) ([]EarlierRelease, error) {
	list := []EarlierRelease{}
	err := s.Store.View(ctx, func(tx RequestReader) error {
		r, err := s.lookedAt(ctx, tx, p, id)
		if err != nil {
			return err
		}
		list, err = earlier(ctx, tx, r)
		return err
	})
	return list, s.journalRefusal(ctx, gatehouse.Event{Actor: p.User, Action: "request.earlier.view", Subject: id}, err)
}

// earlier gives what left the project of r before r's own release.
func earlier(ctx context.Context, tx RequestReader, r Request) ([]EarlierRelease, error) {
	releases, err := tx.Releases(ctx, r.Project)
	if err != nil {
		return nil, err
	}
	list := []EarlierRelease{}
	for _, release := range releases {
		if release.Request == r.ID {
			list = list[:0] // what is newer came after
			continue
		}
		from, err := tx.Request(ctx, release.Request)
		if err != nil {
			return nil, err
		}
		e := EarlierRelease{Release: release.ID, Request: from.ID, Title: from.Title, Author: from.Author, Released: release.Released, Recalled: release.Recalled, Files: []EarlierFile{}}
		for _, f := range from.outputs() {
			if !slices.Contains(release.Files, f.Name) {
				continue
			}
			file := EarlierFile{Name: f.Name, Type: f.Report.Type, SHA256: f.SHA256, Bytes: f.Bytes, Context: from.contextOf(f.Group)}
			for _, mine := range r.current() {
				if foldName(mine.Name) == foldName(f.Name) {
					file.Namesake = mine.Name
				}
				if mine.SHA256 == f.SHA256 {
					file.Same = mine.Name
				}
			}
			e.Files = append(e.Files, file)
		}
		list = append(list, e)
		if len(list) == maxEarlier {
			break
		}
	}
	return list, nil
}

// FileComparison is a file beside one that left before.
type FileComparison struct {
	Release    string             `json:"release"`
	Request    string             `json:"request"`
	Title      string             `json:"title"`
	File       string             `json:"file"`
	Released   time.Time          `json:"released"`
	Recalled   *time.Time         `json:"recalled,omitempty"`
	Comparison inspect.Comparison `json:"comparison"`
}

// CompareFile sets a file of a request beside those of the same name, or of the
// same bytes, that left its project before, newest first. It shows values, so
// only those who may look into the file get it, and each look is journaled.
func (s *Requests) CompareFile(ctx context.Context, p gatehouse.Principal, id, name string) ([]FileComparison, error) {
	var (
		before  []EarlierRelease
		project workspaces.Project
	)
	f, err := s.look(ctx, p, id, name, func(f RequestFile) (string, string, error) { return "request.earlier.viewed", f.SHA256, nil })
	if err != nil {
		return nil, err
	}
	err = s.Store.View(ctx, func(tx RequestReader) error {
		r, err := tx.Request(ctx, id)
		if err != nil {
			return err
		}
		if project, err = tx.Project(ctx, r.Project); err != nil {
			return err
		}
		before, err = earlier(ctx, tx, r)
		return err
	})
	if err != nil {
		return nil, err
	}
	policy, err := s.Policies.Named(ctx, project.Policy)
	if err != nil {
		return nil, err
	}
	content, err := s.bytes(ctx, f.SHA256)
	if err != nil {
		return nil, err
	}
	list := []FileComparison{}
	for _, release := range before {
		for _, other := range release.Files {
			if foldName(other.Name) != foldName(f.Name) && other.SHA256 != f.SHA256 || len(list) == maxComparisons {
				continue
			}
			c := FileComparison{Release: release.Release, Request: release.Request, Title: release.Title, File: other.Name, Released: release.Released, Recalled: release.Recalled}
			switch {
			case other.SHA256 == f.SHA256:
				c.Comparison = inspect.Comparison{Same: true, Comparable: true}
			case other.Type != f.Report.Type:
				c.Comparison.Why = "The files are of different types."
			default:
				was, err := s.bytes(ctx, other.SHA256)
				if err != nil {
					return nil, err
				}
				c.Comparison = inspect.Compare(f.Report.Type, was, content, policy.Threshold)
			}
			list = append(list, c)
		}
	}
	return list, nil
}

// bytes reads a whole object, one of a bounded number at a time.
func (s *Requests) bytes(ctx context.Context, sha256 string) ([]byte, error) {
	select {
	case s.reading <- struct{}{}:
		defer func() { <-s.reading }()
	case <-ctx.Done():
		return nil, gatehouse.Errorf(gatehouse.CodeCancelled, "Reading a file was cancelled.").Because(ctx.Err())
	}
	content, err := s.Objects.Open(ctx, sha256)
	if err == nil {
		var data []byte
		data, err = io.ReadAll(content)
		if err = errors.Join(err, content.Close()); err == nil {
			return data, nil
		}
	}
	if errors.Is(err, ErrObjectDamaged) || errors.Is(err, ErrObjectMissing) {
		return nil, gatehouse.Errorf(gatehouse.CodeBundle, "A file is not what was handed in, and is not shown.").
			WithAdvice("The operator must restore the object store from a backup.").Because(err)
	}
	return nil, err
}

package egress

import (
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Release is what left: a sealed bundle of the files that two checkers
// approved.
type Release struct {
	ID       string    `json:"id"`
	Request  string    `json:"request"`
	Project  string    `json:"project"`
	Title    string    `json:"title"`
	SHA256   string    `json:"sha256" doc:"Of the bundle, in lower-case hex"`
	Bytes    int64     `json:"bytes"`
	Key      string    `json:"key" doc:"Id of the key that signed it"`
	Files    []string  `json:"files" doc:"Names of the files inside"`
	Released time.Time `json:"released"`
	By       string    `json:"released_by"`
	Expires  time.Time `json:"expires" doc:"When it can be downloaded no more"`

	Recalled   *time.Time `json:"recalled,omitempty"`
	RecalledBy string     `json:"recalled_by,omitempty"`
	Reason     string     `json:"recall_reason,omitempty"`
	Downloads  []Download `json:"downloads"`
}

// Download is one time that a release was taken out.
type Download struct {
	By      string    `json:"by"`
	Session string    `json:"-"` // of the token that was presented
	At      time.Time `json:"at"`
}

// ReleaseRequest seals the files that two checkers approved and makes them
// ready to download. The bundle is written before the transaction, from a
// snapshot; the transaction takes it only if the request is still the one that
// was sealed, and judges it anew.
func (s *Requests) ReleaseRequest(ctx context.Context, p gatehouse.Principal, id string) (Release, error) {
	const attempts = 3 // somebody may change the request while it is sealed
	for range attempts {
		release, err := s.release(ctx, p, id)
		if !errors.Is(err, errChanged) {
			return release, err
		}
	}
	return Release{}, gatehouse.Errorf(gatehouse.CodeRequestState, "The request kept changing while it was sealed.").WithAdvice("Try again.")
}

var errChanged = errors.New("the request has changed since it was read")

func (s *Requests) release(ctx context.Context, p gatehouse.Principal, id string) (Release, error) {
	var (
		sealed  Request
		project workspaces.Project
		now     time.Time
	)
	err := s.Store.View(ctx, func(tx RequestReader) (err error) {
		now = tx.Now().Truncate(time.Microsecond) // as the database keeps it
		if sealed, project, err = s.read(ctx, tx, p, gatehouse.ActionRequestRelease, id); err != nil {
			return err
		}
		if _, err = sealed.State.next(StepRelease); err != nil {
			return err
		}
		return mayRelease(sealed, project, p.User, now)
	})
	if err != nil {
		return Release{}, s.journalRefusal(ctx, gatehouse.Event{Actor: p.User, Action: "request.release", Project: sealed.Project, Subject: id}, err)
	}
	release := Release{
		ID: gatehouse.NewID("rel"), Request: sealed.ID, Project: sealed.Project, Title: sealed.Title, Key: KeyID(s.public),
		Released: now, By: p.User, Expires: now.Add(s.Lifetime), Downloads: []Download{},
	}
	manifest, err := s.manifest(ctx, release, sealed, project)
	if err != nil {
		return Release{}, err
	}
	if s.Journal != nil {
		if manifest.Journal, err = s.Journal.ProveEvent(ctx, "request.concluded", sealed.ID); err != nil {
			return Release{}, err
		}
	}
	bundle, err := s.seal(ctx, manifest)
	if err != nil {
		return Release{}, err
	}
	release.SHA256, release.Bytes = bundle.SHA256, bundle.Bytes
	for _, f := range manifest.Files {
		release.Files = append(release.Files, f.Name)
	}
	counted, err := s.countedFiles(ctx, sealed, release.ID)
	if err != nil {
		return Release{}, err
	}
	done, err := s.hold(ctx, counted)
	if err != nil {
		return Release{}, err
	}
	defer done()
	err = s.change(ctx, p, gatehouse.ActionRequestRelease, id, StepRelease,
		func(tx RequestTx, r *Request, project workspaces.Project, e *gatehouse.Event) error {
			if err := mayRelease(*r, project, p.User, tx.Now()); err != nil {
				return err
			}
			if r.Version != sealed.Version {
				return errChanged
			}
			r.Release = release.ID
			e.Action = "request.released"
			e.Detail["release"], e.Detail["bundle"], e.Detail["key"] = release.ID, release.SHA256, release.Key
			e.Detail["files"], e.Detail["expires"] = strconv.Itoa(len(release.Files)), release.Expires.Format(time.RFC3339)
			if err := tx.AddRelease(ctx, release); err != nil {
				return err
			}
			for _, c := range counted {
				if err := tx.CountRelease(ctx, c); err != nil {
					return err
				}
			}
			return nil
		})
	return release, err
}

// mayRelease refuses to seal for insiders, for a project that is not live, and
// what two different checkers have not approved.
func mayRelease(r Request, project workspaces.Project, user string, now time.Time) error {
	if err := mayCheck(r, project, user); err != nil {
		return gatehouse.Errorf(gatehouse.CodeSeparation, "The author and the members of a project cannot release its requests.").
			WithAdvice("A checker from outside the project must do this.")
	}
	if err := live(project, "", now); err != nil {
		return err
	}
	if vetoed(&r) || len(uncleared(&r)) > 0 {
		return gatehouse.Errorf(gatehouse.CodeSeparation, "The custodian of a dataset of the request has not agreed.")
	}
	if len(releasable(r)) == 0 && slices.ContainsFunc(r.Votes, func(v Vote) bool { return v.Void && v.Round == r.Round }) {
		return gatehouse.Errorf(gatehouse.CodeSeparation, "A checker of the request has become a member of the project since, and their vote does not count any more.").
			WithAdvice("Its author withdraws it, and makes a new request for other checkers.")
	}
	if len(releasable(r)) == 0 {
		return gatehouse.Errorf(gatehouse.CodeSeparation, "No file of the request was approved by two different checkers.")
	}
	return nil
}

// releasable gives the files that may leave, by name.
func releasable(r Request) []RequestFile {
	var files []RequestFile
	for _, f := range r.outputs() {
		if approvedByTwo(f, r.Votes) {
			files = append(files, f)
		}
	}
	slices.SortFunc(files, func(a, b RequestFile) int { return strings.Compare(a.Name, b.Name) })
	return files
}

// manifest describes what leaves, and why it may.
func (s *Requests) manifest(ctx context.Context, release Release, r Request, project workspaces.Project) (Manifest, error) {
	policy, err := s.Policies.Named(ctx, project.Policy)
	if err != nil {
		return Manifest{}, err
	}
	m := Manifest{
		Format: ManifestFormat, Release: release.ID, Request: r.ID, Project: r.Project, Title: r.Title, Context: r.Context,
		About: ProjectRecord{Title: project.Title, Purpose: project.Purpose, ApprovedBy: project.ApprovedBy,
			OptOutBasis: string(project.OptOutBasis), OptOutRef: project.OptOutRef},
		Author: r.Author, Submitted: r.Submitted, Released: release.Released, ReleasedBy: release.By, Expires: release.Expires,
		Disclosure: DisclosureRecord{Policy: policy.FullName(), Threshold: policy.Threshold, Checkers: 2, Datasets: []DatasetRecord{}},
		Key:        release.Key, Files: []ManifestFile{},
	}
	for _, d := range project.Datasets {
		record, err := s.dataset(ctx, d.Dataset, d.Version)
		if err != nil {
			return Manifest{}, err
		}
		m.Disclosure.Datasets = append(m.Disclosure.Datasets, record)
	}
	slices.SortFunc(m.Disclosure.Datasets, func(a, b DatasetRecord) int { return strings.Compare(a.Name, b.Name) })
	for _, c := range r.Clearances {
		if c.Round == r.Round && c.Verdict == ClearanceClear {
			m.Clearances = append(m.Clearances, ManifestClearance{c.Dataset, c.Custodian, c.At})
		}
	}
	files := releasable(r)
	m.Withheld = len(r.outputs()) - len(files)
	for _, f := range files {
		entry := ManifestFile{
			Name: f.Name, Type: f.Report.Type, SHA256: f.SHA256, Bytes: f.Bytes, Origin: f.Origin, Decision: f.Decision,
			Findings: f.Report.Findings, Votes: []ManifestVote{},
		}
		if f.Referral != nil {
			entry.Question = f.Referral.Statement
		}
		for _, v := range r.Votes {
			if v.File == f.ID {
				entry.Votes = append(entry.Votes, ManifestVote{v.Checker, v.Round, v.Stage, v.Verdict, v.Cast})
			}
		}
		m.Files = append(m.Files, entry)
	}
	return m, nil
}

// dataset is what a bundle says of a version. One whose manifest no longer
// verifies is not vouched for: nothing is released then.
func (s *Requests) dataset(ctx context.Context, name string, number int) (DatasetRecord, error) {
	d := DatasetRecord{Name: catalog.Version{Dataset: name, Number: number}.Name(), OptOuts: []OptOutReceipt{}}
	if s.Versions == nil {
		return d, nil
	}
	v, err := s.Versions.Version(ctx, name, number)
	if err != nil {
		return d, err
	}
	d.Title, d.Custodian, d.Published, d.NoOptOuts = v.Title, v.Custodian, v.Published, v.NoOptOuts
	for _, r := range v.Receipts {
		d.OptOuts = append(d.OptOuts, OptOutReceipt{List: r.List, Dated: r.Dated, Digest: r.Digest, Root: r.Root, SHA256: r.SHA256})
	}
	return d, nil
}

// seal writes the bundle into the objects.
func (s *Requests) seal(ctx context.Context, m Manifest) (Object, error) {
	reader, writer := io.Pipe()
	go func() {
		writer.CloseWithError(WriteBundle(ctx, writer, m, s.Signer, func(sha256 string) (io.ReadCloser, error) {
			return s.Objects.Open(ctx, sha256)
		}))
	}()
	object, err := s.Objects.Put(ctx, reader)
	reader.CloseWithError(io.ErrClosedPipe) // ends the writer if Put gave up
	if errors.Is(err, ErrObjectDamaged) || errors.Is(err, ErrObjectMissing) {
		return object, gatehouse.Errorf(gatehouse.CodeBundle, "A file is not what the checkers reviewed; nothing was released.").
			WithAdvice("The operator must restore the object store from a backup.").Because(err)
	}
	return object, err
}

// Release shows a release to somebody who may see its request.
func (s *Requests) Release(ctx context.Context, p gatehouse.Principal, id string) (Release, error) {
	var release Release
	err := s.Store.View(ctx, func(tx RequestReader) (err error) {
		release, _, _, err = s.readRelease(ctx, tx, p, gatehouse.ActionRequestRead, id)
		return err
	})
	return release, err
}

func (s *Requests) readRelease(ctx context.Context, tx RequestReader, p gatehouse.Principal, action gatehouse.Action, id string) (Release, Request, workspaces.Project, error) {
	release, err := tx.Release(ctx, id)
	if gatehouse.CodeOf(err) == gatehouse.CodeNotFound {
		return release, Request{}, workspaces.Project{}, notFound("release")
	} else if err != nil {
		return release, Request{}, workspaces.Project{}, err
	}
	if err := s.may(ctx, p, action, release.Project, "release"); err != nil {
		return release, Request{}, workspaces.Project{}, err
	}
	r, err := tx.Request(ctx, release.Request)
	if err != nil {
		return release, r, workspaces.Project{}, err
	}
	project, err := tx.Project(ctx, release.Project)
	return release, r, project, err
}

// RecallRelease calls a release back: from then on nobody can download it. The
// release that it returns names who did before.
func (s *Requests) RecallRelease(ctx context.Context, p gatehouse.Principal, id, reason string) (Release, error) {
	reason = strings.TrimSpace(reason)
	if reason == "" {
		return Release{}, gatehouse.Errorf(gatehouse.CodeRequestInvalid, "A release is recalled with a reason.").WithAdvice("Say why, for those who hold copies.")
	}
	if err := checkText("reason", reason, maxComment, true); err != nil {
		return Release{}, err
	}
	var release Release
	err := s.Store.Update(ctx, func(tx RequestTx) error {
		var r Request
		var err error
		var project workspaces.Project
		if release, r, project, err = s.readRelease(ctx, tx, p, gatehouse.ActionRequestRecall, id); err != nil {
			return err
		}
		if r.State, err = r.State.next(StepRecall); err != nil {
			return err
		}
		now := tx.Now()
		release.Recalled, release.RecalledBy, release.Reason = &now, p.User, reason
		detail := map[string]string{"request": r.ID, "downloads": strconv.Itoa(len(release.Downloads))}
		for i, user := range downloaders(release) {
			detail["downloaded_by_"+strconv.Itoa(i+1)] = user
		}
		tx.Record(gatehouse.Event{Time: now, Actor: p.User, Action: "release.recalled", Project: r.Project, Subject: release.ID, Detail: detail})
		for _, user := range downloaders(release) {
			tx.Notify(gatehouse.Notice{Kind: "release.recalled", To: user, Project: r.Project, Subject: release.ID})
		}
		return errors.Join(tx.SaveRelease(ctx, release), s.save(ctx, tx, &r, project))
	})
	return release, s.journalRefusal(ctx, gatehouse.Event{Actor: p.User, Action: "release.recall", Project: release.Project, Subject: id}, err)
}

// downloaders names those who hold a copy.
func downloaders(r Release) []string {
	var users []string
	for _, d := range r.Downloads {
		if !slices.Contains(users, d.By) {
			users = append(users, d.By)
		}
	}
	return users
}

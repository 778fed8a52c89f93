package egress

import (
	"cmp"
	"context"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress/inspect"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// AddFile adds a file that is to leave, in no group of outputs; see AddFileAs.
func (s *Requests) AddFile(ctx context.Context, p gatehouse.Principal, id, name string, content io.Reader) (RequestView, error) {
	return s.AddFileAs(ctx, p, id, NewFile{Name: name}, content)
}

// NewFile is what is said of a file that is handed in.
type NewFile struct {
	Name  string
	Kind  FileKind // "" for an output
	Group string   // name of a group of the request; "" for none
}

// AddFileAs copies what content gives into the objects and adds it to a draft or
// returned request, after looking into it. The original is never read again.
func (s *Requests) AddFileAs(ctx context.Context, p gatehouse.Principal, id string, n NewFile, content io.Reader) (RequestView, error) {
	f := RequestFile{Name: n.Name, Kind: cmp.Or(n.Kind, KindOutput), Group: n.Group, Origin: OriginUpload}
	if f.Kind != KindOutput && f.Kind != KindSupporting {
		return RequestView{}, gatehouse.Errorf(gatehouse.CodeRequestInvalid, "A file's kind is one of output and supporting.")
	}
	return s.addFile(ctx, p, id, f, content)
}

// addFile adds a file of any origin. What can be refused before a byte is
// stored is refused first; the transaction that adds the file decides.
func (s *Requests) addFile(ctx context.Context, p gatehouse.Principal, id string, f RequestFile, content io.Reader) (RequestView, error) {
	var err error
	if f.Name, err = cleanFileName(f.Name); err != nil {
		return RequestView{}, err
	}
	var project workspaces.Project
	err = s.Store.View(ctx, func(tx RequestReader) error {
		var r Request
		if r, project, err = s.read(ctx, tx, p, gatehouse.ActionRequestCreate, id); err != nil {
			return err
		}
		if _, err := r.group(f.Group); err != nil {
			return err
		}
		return s.fits(r, project, p, f, tx.Now())
	})
	if err != nil {
		return RequestView{}, s.journalRefusal(ctx, gatehouse.Event{Actor: p.User, Action: "request.edit", Project: project.ID, Subject: id}, err)
	}

	object, err := s.Objects.Put(ctx, &limited{r: content, left: s.Limits.FileBytes})
	if err != nil {
		return RequestView{}, err
	}
	f.SHA256, f.Bytes = object.SHA256, object.Bytes
	if f.Report, err = s.inspect(ctx, f, project); err != nil {
		return RequestView{}, err
	}

	if f.Proof, err = s.prove(ctx, f, project); err != nil {
		return RequestView{}, err
	}

	err = s.change(ctx, p, gatehouse.ActionRequestCreate, id, StepEdit,
		func(tx RequestTx, r *Request, project workspaces.Project, e *gatehouse.Event) error {
			if err := s.fits(*r, project, p, f, tx.Now()); err != nil {
				return err
			}
			var err error
			if f.Group, err = r.group(f.Group); err != nil {
				return err
			}
			f.ID, f.Request, f.AddedBy, f.Added, f.Round = gatehouse.NewID("fil"), r.ID, p.User, tx.Now(), r.Round+1
			e.Action = "request.file.added"
			e.Detail["file"], e.Detail["sha256"], e.Detail["bytes"] = f.ID, f.SHA256, strconv.FormatInt(f.Bytes, 10)
			e.Detail["origin"], e.Detail["type"], e.Detail["kind"] = string(f.Origin), string(f.Report.Type), string(f.Kind)
			if f.Proof != nil {
				e.Detail["proved_by"] = f.Proof.Decision
			}
			return tx.AddFile(ctx, f)
		})
	if err != nil {
		return RequestView{}, err
	}
	return s.Request(ctx, p, id)
}

// fits checks what the request's rows and limits say of adding f.
func (s *Requests) fits(r Request, project workspaces.Project, p gatehouse.Principal, f RequestFile, now time.Time) error {
	if r.Author != p.User {
		return gatehouse.Errorf(gatehouse.CodeSeparation, "Only the author can add files to a request.").
			WithAdvice("Ask the author, or make a request of your own.")
	}
	if _, err := r.State.next(StepEdit); err != nil {
		return err
	}
	if err := live(project, p.User, now); err != nil {
		return err
	}
	if r.holdsReferral() { // what can be told of the files together would tell of the referred one
		return gatehouse.Errorf(gatehouse.CodeFileRefused, "A request for a referred result holds that result alone.").
			WithAdvice("Put other files into a request of their own.")
	}
	current := r.current()
	total := f.Bytes
	for _, other := range current {
		total += other.Bytes
		if foldName(other.Name) == foldName(f.Name) {
			return gatehouse.Errorf(gatehouse.CodeFileRefused, "The request has a file of that name already.").
				WithAdvice("Remove that file first, or choose another name.")
		}
	}
	switch {
	case len(current) >= s.Limits.Files || len(r.Files) >= s.Limits.Added:
		return gatehouse.Errorf(gatehouse.CodeFileRefused, "The request has as many files as one request may have.").
			WithAdvice("Put the rest into a second request.")
	case total > s.Limits.RequestBytes:
		return gatehouse.Errorf(gatehouse.CodeFileRefused, "The files of the request are together larger than %d MiB.", s.Limits.RequestBytes>>20).
			WithAdvice("Put the rest into a second request.")
	}
	for _, other := range r.Files {
		if f.SHA256 != "" && other.SHA256 == f.SHA256 && slices.ContainsFunc(r.Votes, func(v Vote) bool { return v.File == other.ID && v.Verdict == VerdictReject }) {
			return gatehouse.Errorf(gatehouse.CodeFileRefused, "A checker has rejected these bytes in this request.").
				WithAdvice("Change the file so that it answers the checker's comment.")
		}
	}
	return nil
}

// limited fails, rather than ending, when there is more than allowed: a file
// that is cut off must not look whole.
type limited struct {
	r    io.Reader
	left int64
}

func (l *limited) Read(b []byte) (int, error) {
	if l.left < 0 {
		return 0, gatehouse.Errorf(gatehouse.CodeFileRefused, "The file is larger than one file may be.").
			WithAdvice("Split it, or aggregate further.")
	}
	if int64(len(b)) > l.left+1 {
		b = b[:l.left+1]
	}
	n, err := l.r.Read(b)
	if l.left -= int64(n); l.left < 0 {
		return l.Read(nil)
	}
	return n, err
}

func (s *Requests) inspect(ctx context.Context, f RequestFile, project workspaces.Project) (inspect.Report, error) {
	select {
	case s.reading <- struct{}{}:
		defer func() { <-s.reading }()
	case <-ctx.Done():
		return inspect.Report{}, gatehouse.Errorf(gatehouse.CodeCancelled, "The upload was cancelled.").Because(ctx.Err())
	}
	policy, err := s.Policies.Named(ctx, project.Policy)
	if err != nil {
		return inspect.Report{}, err
	}
	content, err := s.Objects.Open(ctx, f.SHA256)
	if err != nil {
		return inspect.Report{}, err
	}
	defer content.Close()
	options := inspect.Options{Threshold: policy.Threshold, MaxBytes: s.Limits.FileBytes, Supporting: f.Kind == KindSupporting}
	if s.Pseudonyms != nil {
		if options.Pseudonym, err = s.Pseudonyms.Recogniser(ctx, project.ID); err != nil {
			return inspect.Report{}, err
		}
	}
	report, err := inspect.File(f.Name, content, options)
	if refusal, ok := inspect.IsRefusal(err); ok {
		return report, gatehouse.Errorf(gatehouse.CodeFileRefused, "%s", refusal.What).WithAdvice("%s", refusal.Do)
	}
	return report, err
}

// RemoveFile takes a file out of a draft or returned request. What was said of
// it is kept.
func (s *Requests) RemoveFile(ctx context.Context, p gatehouse.Principal, id, name string) (RequestView, error) {
	err := s.change(ctx, p, gatehouse.ActionRequestCreate, id, StepEdit,
		func(tx RequestTx, r *Request, _ workspaces.Project, e *gatehouse.Event) error {
			f, err := r.file(name)
			if err != nil {
				return err
			}
			f.Removed = tx.Now()
			e.Action = "request.file.removed"
			e.Detail["file"], e.Detail["sha256"] = f.ID, f.SHA256
			return tx.SaveFile(ctx, f)
		})
	if err != nil {
		return RequestView{}, err
	}
	return s.Request(ctx, p, id)
}

// MoveFile puts a file of a draft or returned request into another group; "" is
// none.
func (s *Requests) MoveFile(ctx context.Context, p gatehouse.Principal, id, name, group string) (RequestView, error) {
	err := s.change(ctx, p, gatehouse.ActionRequestCreate, id, StepEdit,
		func(tx RequestTx, r *Request, _ workspaces.Project, e *gatehouse.Event) error {
			f, err := r.file(name)
			if err != nil {
				return err
			}
			if f.Group, err = r.group(group); err != nil {
				return err
			}
			e.Action = "request.file.moved"
			e.Detail["file"] = f.ID
			return tx.SaveFile(ctx, f)
		})
	if err != nil {
		return RequestView{}, err
	}
	return s.Request(ctx, p, id)
}

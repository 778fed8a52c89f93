package egress

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress/inspect"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// RequestView is a request as one reader may see it.
type RequestView struct {
	RequestSummary
	Context    RequestContext `json:"context" doc:"Of outputs that are in no group"`
	Groups     []OutputGroup  `json:"groups" doc:"Groups of outputs, each with a context of its own"`
	Files      []FileView     `json:"files"`
	Removed    []FileView     `json:"removed,omitempty" doc:"Files that the author took out after checkers had voted on them"`
	Release    string         `json:"release,omitempty" doc:"Id of the release"`
	Vetoes     []string       `json:"vetoes,omitempty" doc:"Datasets whose custodian must agree in this round"`
	Clearances []Clearance    `json:"clearances,omitempty" doc:"What custodians said"`
	Discussion []ThreadView   `json:"discussion" doc:"Questions and answers that you may see"`
	Claims     []Claim        `json:"claims,omitempty" doc:"Checkers who said that they are looking at it (shown to checkers)"`
	Warnings   []string       `json:"warnings,omitempty" doc:"What to know of the request as a whole"`
	MayCheck   bool           `json:"may_check" doc:"Whether you may vote on this request's files"`
	MayClear   bool           `json:"may_clear" doc:"Whether you may decide for a dataset's custodian"`
	MaySpeak   bool           `json:"may_speak" doc:"Whether you may write in the discussion"`
}

// RequestSummary is a request in a list.
type RequestSummary struct {
	ID        string       `json:"id"`
	Project   string       `json:"project"`
	Title     string       `json:"title"`
	State     RequestState `json:"state" enum:"draft,submitted,in_review,disputed,vetting,approved,returned,rejected,released,recalled,withdrawn"`
	Turn      Party        `json:"turn" doc:"Whose turn it is" enum:"author,checker,custodian,releaser,member,nobody"`
	Author    string       `json:"author"`
	Round     int          `json:"round" doc:"How often it was submitted"`
	Created   time.Time    `json:"created"`
	Submitted *time.Time   `json:"submitted,omitempty"`
	Concluded *time.Time   `json:"concluded,omitempty"`
	Clock     Clock        `json:"clock"`
}

// FileView is a file of a request as one reader may see it.
type FileView struct {
	Name      string            `json:"name"`
	Kind      FileKind          `json:"kind" enum:"output,supporting" doc:"A supporting file helps the checkers and never leaves: nobody votes on it"`
	Group     string            `json:"group,omitempty" doc:"Name of its group of outputs"`
	Proof     *Proof            `json:"proof,omitempty" doc:"The gate's decision that let these bytes out already"`
	Type      inspect.Type      `json:"type"`
	SHA256    string            `json:"sha256"`
	Bytes     int64             `json:"bytes"`
	Origin    FileOrigin        `json:"origin" enum:"upload,query"`
	Decision  string            `json:"decision,omitempty" doc:"The gate's decision, for a referred query"`
	Referral  *Referral         `json:"referral,omitempty" doc:"The question behind a referred result, and to people from outside the project what the gate found"`
	Added     time.Time         `json:"added"`
	Removed   *time.Time        `json:"removed,omitempty"`
	Rows      int               `json:"rows,omitempty"`
	Columns   int               `json:"columns,omitempty"`
	Findings  []inspect.Finding `json:"findings"`
	Outcome   FileOutcome       `json:"outcome" enum:"pending,disputed,approved,returned,rejected" doc:"Pending until you may see what the votes come to"`
	Cast      int               `json:"votes_cast" doc:"How many checkers have voted in this round"`
	Votes     []VoteView        `json:"votes" doc:"The votes that you may see: blind until every file has two"`
	Elsewhere []string          `json:"rejected_in,omitempty" doc:"Other requests in which a checker rejected the same bytes (shown to checkers)"`
}

// VoteView is a vote as it is shown.
type VoteView struct {
	Checker string    `json:"checker"`
	Round   int       `json:"round"`
	Stage   VoteStage `json:"stage" enum:"blind,dispute"`
	Verdict Verdict   `json:"verdict" enum:"approve,return,reject"`
	Comment string    `json:"comment,omitempty"`
	Cast    time.Time `json:"cast"`
}

// Request shows a request to somebody who may see it.
func (s *Requests) Request(ctx context.Context, p gatehouse.Principal, id string) (RequestView, error) {
	var view RequestView
	err := s.Store.View(ctx, func(tx RequestReader) error {
		r, project, err := s.read(ctx, tx, p, gatehouse.ActionRequestRead, id)
		if err != nil {
			return err
		}
		view, err = s.view(ctx, tx, p, r, project)
		return err
	})
	return view, err
}

// sight is what a reader may see of the votes.
type sight struct {
	user    string
	checker bool // may vote on this request
	// custodian is custodian of a dataset of the project, and may have the last word
	// once the checkers have voted.
	custodian bool
	custody   []string // datasets of the request's vetoes of which they are custodian
	inside    bool     // on the author's side: is or was of the project
	all       bool     // an auditor
}

func (s *Requests) sight(ctx context.Context, tx RequestReader, p gatehouse.Principal, r Request, project workspaces.Project) (sight, error) {
	outside := mayCheck(r, project, p.User) == nil
	checker := outside && s.Authorizer.Authorize(ctx, p, gatehouse.ActionRequestReview, r.Project) == nil
	sees := sight{
		user:    p.User,
		checker: checker,
		inside:  !outside,
		// Whoever may vote stays blind, whatever else they may do.
		all: outside && !checker && s.Authorizer.Authorize(ctx, p, gatehouse.ActionJournalRead, "") == nil,
	}
	if !outside || s.Authorizer.Authorize(ctx, p, gatehouse.ActionRequestVet, r.Project) != nil {
		return sees, nil
	}
	var datasets []string
	for _, d := range project.Datasets {
		datasets = append(datasets, d.Dataset)
	}
	mine, err := custody(ctx, tx, p.User, datasets)
	if err != nil || len(mine) == 0 {
		return sees, err
	}
	sees.custodian = true
	sees.custody, err = custody(ctx, tx, p.User, r.Vetoes)
	return sees, err
}

// mayClear reports whether a reader can give a custodian's word now.
func mayClear(sees sight, r Request, project workspaces.Project) bool {
	return r.State == RequestVetting && mayVet(r, project, sees.user) == nil &&
		slices.ContainsFunc(uncleared(&r), func(dataset string) bool { return slices.Contains(sees.custody, dataset) })
}

// round reports whether votes of that round may be seen: those of earlier
// rounds and of a concluded one by everybody, those of a dispute by checkers,
// those of a blind review by nobody.
func (v sight) round(r Request, round int) bool {
	return v.all || round < r.Round || !r.Concluded.IsZero() || v.checker && r.State == RequestDisputed
}

func (s *Requests) view(ctx context.Context, tx RequestReader, p gatehouse.Principal, r Request, project workspaces.Project) (RequestView, error) {
	sees, err := s.sight(ctx, tx, p, r, project)
	if err != nil {
		return RequestView{}, err
	}
	now := tx.Now()
	view := RequestView{
		RequestSummary: s.summary(r, now), Context: r.Context, Groups: append([]OutputGroup{}, r.Groups...), Release: r.Release, Files: []FileView{},
		Vetoes: r.Vetoes, Clearances: r.Clearances, Discussion: discussion(sees, r), Warnings: warnings(sees, r, project, now),
		MayCheck: sees.checker && RequestOwners[r.State] == PartyChecker,
		MayClear: mayClear(sees, r, project),
		MaySpeak: (sees.checker || sees.custodian || isMember(project, p.User)) && r.Round > 0 && RequestOwners[r.State] != PartyNobody,
	}
	if sees.checker || sees.custodian || sees.all {
		view.Claims = standing(r.Claims, now)
		if r.State == RequestDisputed && sees.checker {
			view.Clock.Names = undecided(r)
		}
	}
	elsewhere := map[string][]string{}
	if sees.checker {
		var hashes []string
		for _, f := range r.current() {
			hashes = append(hashes, f.SHA256)
		}
		if elsewhere, err = tx.Rejections(ctx, hashes, r.ID); err != nil {
			return view, err
		}
	}
	for _, f := range r.Files {
		shown := FileView{
			Name: f.Name, Kind: f.Kind, Group: f.Group, Proof: f.Proof,
			Type: f.Report.Type, SHA256: f.SHA256, Bytes: f.Bytes, Origin: f.Origin, Decision: f.Decision, Referral: f.Referral, Added: f.Added,
			Rows: f.Report.Rows, Columns: f.Report.Columns, Findings: f.Report.Findings,
			Outcome: OutcomePending, Votes: []VoteView{}, Elsewhere: elsewhere[f.SHA256],
		}
		blind, _ := deciding(f, r.Votes)
		shown.Cast = len(blind)
		if sees.round(r, f.Round) {
			shown.Outcome = consolidate(f, r.Votes)
		}
		for _, v := range r.Votes {
			if v.File == f.ID && (v.Checker == sees.user || sees.round(r, v.Round)) {
				shown.Votes = append(shown.Votes, VoteView{v.Checker, v.Round, v.Stage, v.Verdict, v.Comment, v.Cast})
			}
		}
		if sees.inside {
			shown = shown.forInsider()
		}
		if f.Removed.IsZero() {
			view.Files = append(view.Files, shown)
		} else if len(shown.Votes) > 0 {
			shown.Removed = &f.Removed
			view.Removed = append(view.Removed, shown)
		}
	}
	return view, nil
}

func (s *Requests) summary(r Request, now time.Time) RequestSummary {
	out := RequestSummary{
		ID: r.ID, Project: r.Project, Title: r.Title, State: r.State, Turn: RequestOwners[r.State],
		Author: r.Author, Round: r.Round, Created: r.Created, Clock: s.clock(r, now),
	}
	if !r.Submitted.IsZero() {
		out.Submitted = &r.Submitted
	}
	if !r.Concluded.IsZero() {
		out.Concluded = &r.Concluded
	}
	return out
}

// warnings are what a reader should know of a request as a whole.
func warnings(sees sight, r Request, project workspaces.Project, now time.Time) []string {
	var out []string
	if RequestOwners[r.State] == PartyNobody {
		return nil
	}
	if err := live(project, "", now); err != nil {
		out = append(out, gatehouse.Public(err).Message+" Nothing is released until that changes.")
	}
	named := map[string]string{}
	serious := 0
	for _, f := range r.current() {
		if other, twice := named[f.SHA256]; twice && !r.holdsReferral() {
			out = append(out, f.Name+" and "+other+" have the same bytes.")
		}
		named[f.SHA256] = f.Name
		if seriously(f) && f.Kind != KindSupporting && (!sees.inside || f.Origin != OriginQuery) {
			serious++
		}
	}
	if serious > 0 {
		out = append(out, "Inspection found something serious in "+counted(serious, "file")+" that is to leave.")
	}
	return out
}

// seriously reports whether inspection found something serious in a file.
func seriously(f RequestFile) bool {
	return slices.ContainsFunc(f.Report.Findings, func(found inspect.Finding) bool { return found.Severity == inspect.Serious })
}

// counted is "1 file" or "2 files".
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// RequestFilter selects from the requests that somebody may see.
type RequestFilter struct {
	Project string       // "" for all
	State   RequestState // "" for all
	After   string       // id: only requests older than this one
	Limit   int          // 0 means 100; at most 500
}

// Requests lists the requests that p may see, newest first.
func (s *Requests) Requests(ctx context.Context, p gatehouse.Principal, f RequestFilter) ([]RequestSummary, error) {
	if p.Anonymous() {
		return nil, gatehouse.Errorf(gatehouse.CodeUnauthenticated, "Nobody is signed in.")
	}
	if f.Limit <= 0 {
		f.Limit = 100
	}
	list := []RequestSummary{}
	err := s.Store.View(ctx, func(tx RequestReader) error {
		projects, err := tx.RequestProjects(ctx)
		if err != nil {
			return err
		}
		q := RequestQuery{Member: p.User, State: f.State, After: f.After, Limit: min(f.Limit, 500)}
		for _, project := range projects {
			if (f.Project == "" || f.Project == project) && s.Authorizer.Authorize(ctx, p, gatehouse.ActionRequestRead, project) == nil {
				q.Projects = append(q.Projects, project)
			}
		}
		found, err := tx.Requests(ctx, q)
		for _, r := range found {
			list = append(list, s.summary(r, tx.Now()))
		}
		return err
	})
	return list, err
}

package site

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/egress/inspect"
)

func (s *server) routeReview(mux *http.ServeMux) {
	mux.HandleFunc("GET /queue", s.signedIn(s.queue))
	mux.HandleFunc("GET /requests/{request}/review", s.signedIn(s.room))
	mux.HandleFunc("POST /requests/{request}/votes", s.signedIn(s.vote))
	mux.HandleFunc("GET /requests/{request}/files/{name}/view", s.signedIn(s.viewFile))
	mux.HandleFunc("GET /requests/{request}/files/{name}/rendered", s.signedIn(s.renderedFile))
	mux.HandleFunc("GET /requests/{request}/files/{name}/evidence", s.signedIn(s.viewEvidence))
	mux.HandleFunc("GET /requests/{request}/files/{name}/bytes", s.signedIn(s.fileBytes))
}

// queuePage is what waits for checkers.
type queuePage struct{ Checking, Releasing []egress.RequestSummary }

func (s *server) queue(v *visit) error {
	if err := v.Authorizer.Authorize(v.r.Context(), v.who, gatehouse.ActionRequestReview, ""); err != nil {
		return err
	}
	all, err := v.Requests.Requests(v.r.Context(), v.who, egress.RequestFilter{Limit: 500})
	if err != nil {
		return err
	}
	var q queuePage
	for _, r := range all {
		switch r.Turn {
		case egress.PartyChecker:
			q.Checking = append(q.Checking, r)
		case egress.PartyReleaser:
			q.Releasing = append(q.Releasing, r)
		}
	}
	slices.Reverse(q.Checking) // those that have waited longest first
	slices.Reverse(q.Releasing)
	v.render(http.StatusOK, "queue", "What waits for checkers", q)
	return nil
}

// roomPage is the review room: one file of a request at a time.
type roomPage struct {
	requestPage
	File           egress.FileView
	Number         int // of the file, from 1
	Previous, Next string
	Places         []place // findings of the file
	View           string  // address of the viewer
	Viewable       bool
	Voted          bool // by the reader, at this stage
	Earlier        []egress.RequestSummary
	Verdict        egress.Verdict // as it was chosen in a form that was refused
	Comment        string
}

// place is a finding, with the address of where it is in the viewer.
type place struct {
	inspect.Finding
	Where string
	Href  string
}

func (v *visit) roomPage(fileName string) (roomPage, error) {
	r, err := v.Requests.Request(v.r.Context(), v.who, v.r.PathValue("request"))
	if err != nil {
		return roomPage{}, err
	}
	base, err := v.requestPage(r)
	if err != nil {
		return roomPage{}, err
	}
	p := roomPage{requestPage: base}
	if !p.MayLook {
		return p, gatehouse.Errorf(gatehouse.CodeSeparation, "Only checkers from outside the project look into a request's files.")
	}
	if len(r.Files) == 0 {
		return p, gatehouse.Errorf(gatehouse.CodeNotFound, "The request has no files.")
	}
	at := max(0, slices.IndexFunc(r.Files, func(f egress.FileView) bool { return f.Name == fileName }))
	p.File, p.Number = r.Files[at], at+1
	if at > 0 {
		p.Previous = r.Files[at-1].Name
	}
	if at+1 < len(r.Files) {
		p.Next = r.Files[at+1].Name
	}
	file := "/requests/" + r.ID + "/files/" + url.PathEscape(p.File.Name)
	p.View, p.Viewable = file+"/view", viewable(p.File.Type)
	for _, f := range p.File.Findings {
		where := place{Finding: f, Href: p.View}
		if f.Line > 0 {
			where.Where = "line " + strconv.Itoa(f.Line)
			where.Href += "?line=" + strconv.Itoa(f.Line) + "#L" + strconv.Itoa(f.Line)
			if f.Column > 0 {
				where.Where += ", " + columnWord(p.File.Type) + " " + strconv.Itoa(f.Column)
				if isTable(p.File.Type) {
					where.Href += "C" + strconv.Itoa(f.Column)
				}
			}
		}
		p.Places = append(p.Places, where)
	}
	stage := egress.StageBlind
	if r.State == egress.RequestDisputed {
		stage = egress.StageDispute
	}
	p.Voted = slices.ContainsFunc(p.File.Votes, func(b egress.VoteView) bool {
		return b.Checker == v.who.User && b.Round == r.Round && b.Stage == stage
	})
	for _, state := range []egress.RequestState{egress.RequestReleased, egress.RequestRecalled} {
		found, err := v.Requests.Requests(v.r.Context(), v.who, egress.RequestFilter{Project: r.Project, State: state, Limit: 20})
		if err != nil {
			return p, err
		}
		p.Earlier = append(p.Earlier, found...)
	}
	slices.SortFunc(p.Earlier, func(a, b egress.RequestSummary) int { return cmp.Compare(b.Created.UnixNano(), a.Created.UnixNano()) })
	return p, nil
}

func columnWord(t inspect.Type) string {
	if isTable(t) {
		return "column"
	}
	return "character"
}

func (s *server) room(v *visit) error {
	p, err := v.roomPage(v.r.URL.Query().Get("file"))
	if err != nil {
		return err
	}
	v.render(http.StatusOK, "review", "Review: "+p.Title, p)
	return nil
}

// vote casts the reader's verdict on one file, and goes on to the next file that
// waits for it.
func (s *server) vote(v *visit) error {
	name := v.r.PostFormValue("file")
	b := egress.Ballot{File: name, Verdict: egress.Verdict(v.r.PostFormValue("verdict")), Comment: v.r.PostFormValue("comment")}
	r, err := v.Requests.ReviewRequest(v.r.Context(), v.who, v.r.PathValue("request"), []egress.Ballot{b})
	if err != nil {
		p, more := v.roomPage(name)
		if more != nil {
			return err
		}
		p.Verdict, p.Comment = b.Verdict, b.Comment
		return v.again("review", "Review: "+p.Title, p, err)
	}
	if !r.MayCheck {
		return v.see("/requests/"+r.ID, "voted")
	}
	next := name
	for _, f := range r.Files {
		if !slices.ContainsFunc(f.Votes, func(b egress.VoteView) bool { return b.Checker == v.who.User && b.Round == r.Round }) {
			next = f.Name
			break
		}
	}
	v.sent = true
	http.Redirect(v.w, v.r, "/requests/"+r.ID+"/review?"+url.Values{"file": {next}, "done": {"voted"}}.Encode(), http.StatusSeeOther)
	return nil
}

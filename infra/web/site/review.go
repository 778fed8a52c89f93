package site

import (
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
	mux.HandleFunc("POST /requests/{request}/claim", s.signedIn(s.claim))
	mux.HandleFunc("POST /requests/{request}/clear", s.signedIn(s.clear))
	mux.HandleFunc("GET /requests/{request}/files/{name}/earlier", s.signedIn(s.compareFile))
	mux.HandleFunc("GET /requests/{request}/files/{name}/view", s.signedIn(s.viewFile))
	mux.HandleFunc("GET /requests/{request}/files/{name}/rendered", s.signedIn(s.renderedFile))
	mux.HandleFunc("GET /requests/{request}/files/{name}/evidence", s.signedIn(s.viewEvidence))
	mux.HandleFunc("GET /requests/{request}/files/{name}/bytes", s.signedIn(s.fileBytes))
}

func (s *server) queue(v *visit) error {
	if err := v.Authorizer.Authorize(v.r.Context(), v.who, gatehouse.ActionRequestReview, ""); err != nil {
		return err
	}
	items, err := v.Requests.Queue(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	v.render(http.StatusOK, "queue", "What waits for checkers", items)
	return nil
}

// claim says that the reader is looking at a request, or is not any more.
func (s *server) claim(v *visit) error {
	step, done := v.Requests.ClaimRequest, "claimed"
	if v.r.PostFormValue("undo") != "" {
		step, done = v.Requests.UnclaimRequest, "unclaimed"
	}
	r, err := step(v.r.Context(), v.who, v.r.PathValue("request"))
	if err != nil {
		return v.refusedStep(err, nil)
	}
	return v.see("/requests/"+r.ID, done)
}

// clear gives the word of the data's custodian.
func (s *server) clear(v *visit) error {
	n := egress.NewClearance{Verdict: egress.ClearanceVerdict(v.r.PostFormValue("verdict")), Reason: v.r.PostFormValue("reason")}
	r, err := v.Requests.ClearRequest(v.r.Context(), v.who, v.r.PathValue("request"), n)
	if err != nil {
		return v.refusedStep(err, nil)
	}
	return v.see("/requests/"+r.ID, "cleared")
}

// roomPage is the review room: one file of a request at a time.
type roomPage struct {
	requestPage
	File           egress.FileView
	Number         int // of the file, from 1
	Previous, Next string
	Places         []place               // findings of the file
	View           string                // address of the viewer
	Wide           bool                  // more columns than a frame shows
	Voted          bool                  // by the reader, at this stage
	Context        egress.RequestContext // of the file's group
	Claimed        bool                  // by the reader
	Earlier        []egress.EarlierRelease
	Comparable     bool           // something of its name or bytes left before
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
		return p, gatehouse.Errorf(gatehouse.CodeSeparation, "Only checkers and custodians from outside the project look into a request's files.")
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
	p.View, p.Wide = file+"/view", isTable(p.File.Type) && p.File.Columns > columnsPerFrame
	for _, f := range p.File.Findings {
		where := place{Finding: f, Href: p.View}
		if f.Line > 0 && p.File.Type == inspect.JSON {
			where.Where = "item " + strconv.Itoa(f.Line)
		} else if f.Line > 0 {
			where.Where = "line " + strconv.Itoa(f.Line)
			where.Href += "?line=" + strconv.Itoa(f.Line)
			if p.Wide && f.Column > 0 {
				where.Href += "&column=" + strconv.Itoa(f.Column)
			}
			where.Href += "#L" + strconv.Itoa(f.Line)
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
	p.Context = r.Context
	for _, g := range r.Groups {
		if g.Name == p.File.Group && g.Name != "" {
			p.Context = g.Context
		}
	}
	p.Claimed = slices.ContainsFunc(r.Claims, func(c egress.Claim) bool { return c.Checker == v.who.User })
	if p.Earlier, err = v.Requests.EarlierReleases(v.r.Context(), v.who, r.ID); err != nil {
		return p, err
	}
	for _, e := range p.Earlier {
		p.Comparable = p.Comparable || slices.ContainsFunc(e.Files, func(f egress.EarlierFile) bool { return f.Namesake == p.File.Name || f.Same == p.File.Name })
	}
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
		if f.Kind != egress.KindSupporting && !slices.ContainsFunc(f.Votes, func(b egress.VoteView) bool { return b.Checker == v.who.User && b.Round == r.Round }) {
			next = f.Name
			break
		}
	}
	v.sent = true
	http.Redirect(v.w, v.r, "/requests/"+r.ID+"/review?"+url.Values{"file": {next}, "done": {"voted"}}.Encode(), http.StatusSeeOther)
	return nil
}

package egress

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Side is for whom somebody speaks in a discussion.
type Side string

// The sides.
const (
	SideAuthor    Side = "author" // the author and the members of the project
	SideChecker   Side = "checker"
	SideCustodian Side = "custodian"
)

// Message is a question, an answer or a remark about a request. It is never
// changed or removed.
type Message struct {
	ID      string
	Thread  string // id of the message that began it
	File    string // id of the file that it is about; "" for the whole request
	Author  string
	Side    Side
	Private bool // among checkers and custodians; the author's side never sees it
	Round   int
	Body    string
	At      time.Time
}

// maxMessages bounds the discussion of one request.
const maxMessages = 500

// ThreadView is a thread of a discussion as one reader may see it.
type ThreadView struct {
	ID       string        `json:"id"`
	File     string        `json:"file,omitempty" doc:"Name of the file that it is about"`
	Private  bool          `json:"private" doc:"Among checkers and custodians; the author never sees it"`
	Messages []MessageView `json:"messages"`
}

// MessageView is a message as it is shown.
type MessageView struct {
	ID   string    `json:"id"`
	By   string    `json:"by"`
	Side Side      `json:"side" enum:"author,checker,custodian"`
	Body string    `json:"body"`
	At   time.Time `json:"at"`
}

// NewMessage is something to say.
type NewMessage struct {
	Thread  string // id of a thread, to answer in it; "" to begin one
	File    string // name of the file that a new thread is about; "" for the whole request
	Private bool   // a new thread among checkers and custodians
	Body    string
}

// side says for whom p speaks: for the project if they are or were of it, whatever
// else they may do.
func (s *Requests) side(ctx context.Context, p gatehouse.Principal, sees sight, r Request, project workspaces.Project) (Side, error) {
	switch {
	case sees.checker:
		return SideChecker, nil
	case sees.custodian:
		return SideCustodian, nil
	case sees.inside:
		if !isMember(project, p.User) {
			return "", gatehouse.Errorf(gatehouse.CodeSeparation, "You have left the project, and cannot speak about its requests.")
		}
		return SideAuthor, s.may(ctx, p, gatehouse.ActionRequestCreate, r.Project, "request")
	}
	return "", gatehouse.Errorf(gatehouse.CodeDenied, "Only the project, its checkers and custodians speak about a request.")
}

// SayMessage adds to the discussion of a request that was submitted and is not at
// its end. Answers go where the thread goes: nobody makes a private one public.
func (s *Requests) SayMessage(ctx context.Context, p gatehouse.Principal, id string, n NewMessage) (RequestView, error) {
	n.Body = strings.TrimSpace(n.Body)
	if n.Body == "" {
		return RequestView{}, gatehouse.Errorf(gatehouse.CodeRequestInvalid, "The message is empty.")
	}
	if err := checkText("message", n.Body, maxComment, true); err != nil {
		return RequestView{}, err
	}
	refused := gatehouse.Event{Actor: p.User, Action: "request.message", Subject: id}
	err := s.Store.Update(ctx, func(tx RequestTx) error {
		r, project, err := s.read(ctx, tx, p, gatehouse.ActionRequestRead, id)
		if err != nil {
			return err
		}
		refused.Project = r.Project
		m := Message{ID: gatehouse.NewID("msg"), Author: p.User, Private: n.Private, Round: r.Round, Body: n.Body, At: tx.Now()}
		if r.Round == 0 || RequestOwners[r.State] == PartyNobody {
			return gatehouse.Errorf(gatehouse.CodeRequestState, "The request is %s, and is not discussed.", r.State.words()).WithAdvice("%s", r.State.advice())
		}
		if len(r.Messages) >= maxMessages {
			return gatehouse.Errorf(gatehouse.CodeRequestState, "The request has as many messages as one request may have.").WithAdvice("Settle the rest in person.")
		}
		sees, err := s.sight(ctx, tx, p, r, project)
		if err != nil {
			return err
		}
		if m.Side, err = s.side(ctx, p, sees, r, project); err != nil {
			return err
		}
		if err := inThread(sees, r, n, &m); err != nil {
			return err
		}
		if m.Side == SideAuthor && m.Private {
			return gatehouse.Errorf(gatehouse.CodeSeparation, "Only checkers and custodians speak among themselves.")
		}
		if err := tx.AddMessage(ctx, r.ID, m); err != nil {
			return err
		}
		r.Messages = append(r.Messages, m)
		audience := "all"
		if m.Private {
			audience = "checkers"
		}
		tx.Record(gatehouse.Event{Time: tx.Now(), Actor: p.User, Action: "request.message", Project: r.Project, Subject: r.ID,
			Detail: map[string]string{"message": m.ID, "thread": m.Thread, "for": audience, "side": string(m.Side)}})
		notifyMessage(tx, r, m)
		return nil
	})
	if err != nil {
		return RequestView{}, s.journalRefusal(ctx, refused, err)
	}
	return s.Request(ctx, p, id)
}

// inThread puts a message into its thread, or begins one.
func inThread(sees sight, r Request, n NewMessage, m *Message) error {
	if n.Thread == "" {
		m.Thread = m.ID
		if n.File == "" {
			return nil
		}
		f, err := r.file(n.File)
		m.File = f.ID
		return err
	}
	for _, t := range discussion(sees, r) {
		if t.ID == n.Thread {
			first := r.Messages[slices.IndexFunc(r.Messages, func(other Message) bool { return other.ID == t.ID })]
			m.Thread, m.File, m.Private = first.ID, first.File, first.Private
			return nil
		}
	}
	return notFound("thread") // or one that p does not see
}

// notifyMessage tells those who are asked, or answered, and see the message: the
// author of a question that is not private, and whoever the author answers.
func notifyMessage(tx RequestTx, r Request, m Message) {
	kind, to := noticeAnswer, ""
	first := r.Messages[slices.IndexFunc(r.Messages, func(other Message) bool { return other.ID == m.Thread })]
	switch {
	case m.Private:
		return
	case m.Side != SideAuthor:
		kind, to = noticeQuestion, r.Author
	case first.Author != m.Author:
		to = first.Author
	}
	if to != "" {
		tx.Notify(gatehouse.Notice{Kind: kind, To: to, Project: r.Project, Subject: r.ID})
	}
}

// discussion gives the threads that a reader sees.
//
// The author's side never sees a private one. Checkers who have not both voted do
// not see each other's questions, private or not, nor anything that came after
// them in a thread: an answer tells what was asked.
func discussion(sees sight, r Request) []ThreadView {
	threads := []ThreadView{}
	at := map[string]int{}       // thread → place in threads
	broken := map[string]bool{}  // threads that go on with what the reader does not see
	names := map[string]string{} // file → name
	for _, f := range r.Files {
		names[f.ID] = f.Name
	}
	for _, m := range r.Messages {
		if !sees.message(r, m) || broken[m.Thread] && m.Author != sees.user {
			broken[m.Thread] = true
			continue
		}
		i, begun := at[m.Thread]
		if !begun {
			i = len(threads)
			at[m.Thread] = i
			threads = append(threads, ThreadView{ID: m.Thread, File: names[m.File], Private: m.Private})
		}
		threads[i].Messages = append(threads[i].Messages, MessageView{ID: m.ID, By: m.Author, Side: m.Side, Body: m.Body, At: m.At})
	}
	return threads
}

// message reports whether a reader sees a message, what stands before it in its
// thread left aside.
func (v sight) message(r Request, m Message) bool {
	switch {
	case v.all || m.Author == v.user && !(m.Private && v.inside):
		return true
	case v.inside:
		return !m.Private
	case v.checker:
		return m.Side != SideChecker || v.round(r, m.Round)
	case v.custodian:
		return !m.Private && m.Side == SideAuthor || v.round(r, m.Round)
	}
	return false
}

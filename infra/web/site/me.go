package site

import (
	"net/http"
	"slices"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func (s *server) routeMe(mux *http.ServeMux) {
	mux.HandleFunc("GET /me", s.signedIn(s.showMe))
	mux.HandleFunc("POST /me/mail", s.signedIn(s.chooseMail))
	mux.HandleFunc("POST /me/sessions/{session}/end", s.signedIn(s.endOwnSession))
	mux.HandleFunc("POST /me/tokens/{token}/revoke", s.signedIn(s.revokeOwnToken))
	mux.HandleFunc("POST /me/revoke", s.signedIn(s.endEverythingOfMine))
}

// mePage is what concerns the reader alone: notices, sessions, tokens.
type mePage struct {
	Notices   []noticeLine
	Options   workspaces.NoticeOptions
	Mails     []mailChoice
	MayChoose bool
	Sessions  []workspaces.SignIn
	Current   string
	Tokens    []workspaces.Token // that work now
}

// noticeLine is a notice in words, with where it leads.
type noticeLine struct {
	workspaces.KeptNotice
	Text, Path string
}

// mailChoice is a way to hear of notices by e-mail.
type mailChoice struct {
	Mail workspaces.Mail
	Text string
}

var mailChoices = []mailChoice{
	{workspaces.MailEach, "On: a message for each notice, at once"},
	{workspaces.MailDaily, "A digest: one message a day, and what cannot wait at once"},
	{workspaces.MailUrgent, "Off: only what cannot wait, such as a recall"},
}

func (v *visit) mePage() (mePage, error) {
	ctx := v.r.Context()
	p := mePage{Mails: mailChoices, Current: v.who.Session, MayChoose: v.may(gatehouse.ActionNoticeChoose, "")}
	var err error
	if p.Options, err = v.Notices.Options(ctx, v.who); err != nil {
		return p, err
	}
	kept, err := v.Notices.Mine(ctx, v.who, 0)
	if err != nil {
		return p, err
	}
	for _, n := range kept {
		text, path := v.Describe(n)
		p.Notices = append(p.Notices, noticeLine{n, text, path})
	}
	if p.Sessions, err = v.Projects.Sessions(ctx, v.who, v.who.User); err != nil {
		return p, err
	}
	p.Tokens, err = v.Projects.Tokens(ctx, v.who, v.who.User)
	p.Tokens = slices.DeleteFunc(p.Tokens, func(t workspaces.Token) bool { return !t.Revoked.IsZero() || !v.Now().Before(t.Expires) })
	return p, err
}

const meTitle = "Your notices, sessions and tokens"

func (s *server) showMe(v *visit) error {
	p, err := v.mePage()
	if err != nil {
		return err
	}
	v.render(http.StatusOK, "me", meTitle, p)
	return nil
}

func (s *server) chooseMail(v *visit) error {
	if _, err := v.Notices.SetMail(v.r.Context(), v.who, workspaces.Mail(v.r.PostFormValue("mail"))); err != nil {
		p, more := v.mePage()
		if more != nil {
			return err
		}
		return v.again("me", meTitle, p, err)
	}
	return v.see("/me", "mail-chosen")
}

// endOwnSession ends one of the reader's sessions: to end somebody else's is done
// on their page.
func (s *server) endOwnSession(v *visit) error {
	ctx, id := v.r.Context(), v.r.PathValue("session")
	own, err := v.Projects.Sessions(ctx, v.who, v.who.User)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(own, func(l workspaces.SignIn) bool { return l.ID == id }) {
		return gatehouse.Errorf(gatehouse.CodeNotFound, "There is no such session.").WithAdvice("It may have ended: look at the list again.")
	}
	if err := v.Projects.EndSession(ctx, v.who, id); err != nil {
		return err
	}
	if id == v.who.Session {
		return v.see("/", "")
	}
	return v.see("/me", "session-ended")
}

func (s *server) revokeOwnToken(v *visit) error {
	if err := v.Projects.RevokeToken(v.r.Context(), v.who, v.r.PathValue("token")); err != nil {
		return err
	}
	return v.see("/me", "token-revoked")
}

// endEverythingOfMine ends the session of this page as well.
func (s *server) endEverythingOfMine(v *visit) error {
	if err := v.Projects.RevokeUser(v.r.Context(), v.who, v.who.User); err != nil {
		return err
	}
	return v.see("/", "")
}

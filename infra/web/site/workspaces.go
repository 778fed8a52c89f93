package site

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Questions gives what was asked in a project: to its members, and to auditors.
type Questions interface {
	Asked(ctx context.Context, p gatehouse.Principal, project, after string, limit int) ([]egress.Decision, error)
	Question(ctx context.Context, p gatehouse.Principal, project, id string) (egress.Decision, error)
}

func (s *server) routeWorkspaces(mux *http.ServeMux) {
	mux.HandleFunc("GET /workspaces/{workspace}", s.signedIn(s.showWorkspace))
	mux.HandleFunc("POST /workspaces/{workspace}/tokens", s.signedIn(s.makeToken))
	mux.HandleFunc("POST /workspaces/{workspace}/tokens/{token}/revoke", s.signedIn(s.revokeToken))
	mux.HandleFunc("GET /workspaces/{workspace}/questions", s.signedIn(s.listQuestions))
	mux.HandleFunc("GET /workspaces/{workspace}/questions/{question}/refer", s.signedIn(s.newReferral))
	mux.HandleFunc("POST /workspaces/{workspace}/questions/{question}/refer", s.signedIn(s.refer))
}

// workspacePage is a workspace as its page shows it.
type workspacePage struct {
	workspaces.Workspace
	Project workspaces.Project
	Flight  string
	HasCA   bool
	Secret  string // of a token that was made just now
	Expires time.Time
	Lives   []tokenLife
	Tokens  []workspaces.Token // the reader's, of this workspace, that work now
	MayMake bool
	MayAsk  bool
}

// tokenLife is how long a token made on the page may last.
type tokenLife struct {
	Hours int
	Text  string
}

var tokenLives = []tokenLife{{1, "1 hour"}, {4, "4 hours"}, {8, "8 hours: a working day"}, {12, "12 hours"}}

func (v *visit) workspace() (workspacePage, error) {
	ctx, id := v.r.Context(), v.r.PathValue("workspace")
	all, err := v.Projects.Workspaces(ctx, v.who)
	if err != nil {
		return workspacePage{}, err
	}
	for _, w := range all {
		if w.ID != id {
			continue
		}
		project, err := v.Projects.Project(ctx, v.who, w.Project)
		if err != nil {
			return workspacePage{}, err
		}
		tokens, err := v.Projects.Tokens(ctx, v.who, v.who.User)
		tokens = slices.DeleteFunc(tokens, func(t workspaces.Token) bool {
			return t.Workspace != id || !t.Revoked.IsZero() || !v.Now().Before(t.Expires)
		})
		return workspacePage{Tokens: tokens,
			Workspace: w, Project: project, Flight: v.Flight, HasCA: v.CA != "", Lives: tokenLives,
			MayMake: isMember(project, v.who.User), MayAsk: v.may(gatehouse.ActionWorkspaceQuery, project.ID) || v.may(gatehouse.ActionJournalRead, ""),
		}, err
	}
	return workspacePage{}, gatehouse.Errorf(gatehouse.CodeNotFound, "There is no such workspace.")
}

func (s *server) showWorkspace(v *visit) error {
	w, err := v.workspace()
	if err != nil {
		return err
	}
	v.render(http.StatusOK, "workspace", "Workspace "+w.ID, w)
	return nil
}

// makeToken makes a token for the reader, and shows its secret this once.
func (s *server) makeToken(v *visit) error {
	w, err := v.workspace()
	if err != nil {
		return err
	}
	hours, err := strconv.Atoi(v.r.PostFormValue("hours"))
	if err != nil {
		return gatehouse.Errorf(gatehouse.CodeRequestInvalid, "How long the token lasts was not chosen.")
	}
	secret, token, err := v.Projects.IssueOwnToken(v.r.Context(), v.who, w.ID, time.Duration(hours)*time.Hour)
	if err != nil {
		return v.again("workspace", "Workspace "+w.ID, w, err)
	}
	w.Secret, w.Expires = secret, token.Expires
	v.render(http.StatusOK, "workspace", "Workspace "+w.ID, w)
	return nil
}

func (s *server) revokeToken(v *visit) error {
	if err := v.Projects.RevokeToken(v.r.Context(), v.who, v.r.PathValue("token")); err != nil {
		return err
	}
	return v.see("/workspaces/"+v.r.PathValue("workspace"), "token-revoked")
}

// snippet is what to paste into a notebook.
func (w workspacePage) Snippet() string {
	var b strings.Builder
	b.WriteString("import os\nfrom adbc_driver_flightsql import DatabaseOptions, dbapi\n\nworkspace = dbapi.connect(\n    " + strconv.Quote(w.Flight) + ",\n    db_kwargs={\n")
	if w.HasCA {
		b.WriteString("        DatabaseOptions.TLS_ROOT_CERTS.value: open(\"gatehouse-ca.pem\").read(),\n")
	}
	b.WriteString("        DatabaseOptions.AUTHORIZATION_HEADER.value: \"Bearer \" + os.environ[\"GATEHOUSE_TOKEN\"],\n    },\n    autocommit=True,\n)\n")
	b.WriteString("cursor = workspace.cursor()\ncursor.execute(\"SELECT count(*) AS people FROM " + w.firstTable() + "\")\nprint(cursor.fetch_df())")
	return b.String()
}

func (w workspacePage) firstTable() string {
	for _, d := range w.Project.Datasets {
		for _, t := range d.Tables {
			if t.Table == "patients" || t.Table == "person" {
				return t.Table
			}
		}
	}
	for _, d := range w.Project.Datasets {
		for _, t := range d.Tables {
			return t.Table
		}
	}
	return "patients"
}

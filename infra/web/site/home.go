package site

import (
	"net/http"
	"slices"

	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// homePage is what waits for the reader.
type homePage struct {
	Turns    []egress.RequestSummary // requests on which it may be the reader's turn
	Queue    []egress.QueueItem      // requests that the reader can do something for
	Tasks    []workspaces.Task
	Projects []workspaces.Project
	Confirm  []appointment // roles that wait for the reader's word
}

func (s *server) home(v *visit) error {
	if v.who.Anonymous() {
		v.render(http.StatusOK, "welcome", "Sign in", nil)
		return nil
	}
	ctx := v.r.Context()
	var h homePage
	requests, err := v.Requests.Requests(ctx, v.who, egress.RequestFilter{})
	if err != nil {
		return err
	}
	for _, r := range requests {
		if r.Author == v.who.User && r.Turn == egress.PartyAuthor {
			h.Turns = append(h.Turns, r)
		}
	}
	if h.Projects, err = v.Projects.Projects(ctx, v.who); err != nil {
		return err
	}
	if h.Tasks, err = v.Projects.Tasks(ctx, v.who); err != nil {
		return err
	}
	if h.Queue, err = v.Requests.Queue(ctx, v.who); err != nil {
		return err
	}
	if h.Confirm, err = v.toConfirm(); err != nil {
		return err
	}
	h.Queue = slices.DeleteFunc(h.Queue, func(i egress.QueueItem) bool { return i.Task == egress.TaskNone })
	h.Projects = slices.DeleteFunc(h.Projects, func(p workspaces.Project) bool {
		return !slices.ContainsFunc(p.Members, func(m workspaces.Member) bool { return m.User == v.who.User }) && p.CreatedBy != v.who.User
	})
	v.render(http.StatusOK, "home", "Home", h)
	return nil
}

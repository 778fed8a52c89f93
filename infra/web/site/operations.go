package site

import (
	"context"
	"net/http"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Operations tells how the machinery is; refused to those who may not operate it.
type Operations interface {
	Status(ctx context.Context, p gatehouse.Principal) (Status, error)
}

// Status is how the machinery is: no data, and nothing about anybody's questions.
type Status struct {
	Version    string
	Since      time.Time
	Load       [3]float64 // of 1, 5 and 15 minutes
	Processors int
	Memory     Volume // of the machine
	Workspaces []WorkspaceStatus
	Storage    []Volume
	Lists      []ListStatus
	Faults     []string // parts that do not work, in a sentence each
	Journal    JournalHead
	Saved      time.Time // when the checkpoint file was last written
}

// WorkspaceStatus is a workspace and its engine.
type WorkspaceStatus struct {
	ID, Project string
	Running     bool
	Memory      int64 // bytes that its engine has; 0 if it is not running, or not known
	Scratch     int64 // bytes of its files
}

// Volume is how much of something is taken.
type Volume struct {
	Name string
	Used int64 // bytes
	Of   int64 // bytes; 0 where there is no bound
}

// Percent is how much is taken, of a hundred.
func (v Volume) Percent() int64 {
	if v.Of == 0 {
		return 0
	}
	return v.Used * 100 / v.Of
}

// ListStatus is an opt-out list that a version in use was made with.
type ListStatus struct {
	Version, List string
	Dated         time.Time
	Until         time.Time // when it is too old for projects to which it matters
	Stale         bool      // too old for a project that uses it: its questions are refused
}

func (s *server) routeOperations(mux *http.ServeMux) {
	mux.HandleFunc("GET /operations", s.signedIn(s.showOperations))
	mux.HandleFunc("POST /operations/messages/{parcel}/retry", s.signedIn(s.retryMessage))
}

func (s *server) showOperations(v *visit) error {
	status, err := v.Operations.Status(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	p := operationsPage{Status: status, MayRetry: v.may(gatehouse.ActionNoticeRetry, "")}
	if p.Dead, err = v.Notices.Deliveries(v.r.Context(), v.who, workspaces.DeliveryFilter{State: workspaces.DeliveryDead}); err != nil {
		return err
	}
	v.render(http.StatusOK, "operations", "Operations", p)
	return nil
}

// operationsPage is the machinery, and the messages that could not be delivered.
type operationsPage struct {
	Status
	Dead     []workspaces.Delivery
	MayRetry bool
}

func (s *server) retryMessage(v *visit) error {
	if err := v.Notices.Retry(v.r.Context(), v.who, v.r.PathValue("parcel")); err != nil {
		return err
	}
	return v.see("/operations", "retried")
}

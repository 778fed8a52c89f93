package egress

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// A dataset may ask that its custodian agrees before anything of a project that
// uses it leaves. The custodian speaks after the checkers, and sees what they saw
// and said; a veto is the last word.

// ClearanceVerdict is what a custodian says.
type ClearanceVerdict string

// What custodians say.
const (
	ClearanceClear ClearanceVerdict = "clear"
	ClearanceVeto  ClearanceVerdict = "veto"
)

// Clearance is a custodian's word on a request, for one dataset. It is never
// changed or removed.
type Clearance struct {
	Round     int              `json:"round"`
	Dataset   string           `json:"dataset"`
	Custodian string           `json:"custodian"`
	Verdict   ClearanceVerdict `json:"verdict" enum:"clear,veto"`
	Reason    string           `json:"reason,omitempty"`
	At        time.Time        `json:"at"`
}

// DatasetVeto says that a dataset asks for its custodian's agreement.
type DatasetVeto struct {
	Dataset string    `json:"dataset"`
	By      string    `json:"set_by"`
	Since   time.Time `json:"since"`
}

// uncleared are the datasets whose custodian has not agreed in this round.
func uncleared(r *Request) []string {
	return slices.DeleteFunc(slices.Clone(r.Vetoes), func(dataset string) bool {
		return slices.ContainsFunc(r.Clearances, func(c Clearance) bool {
			return c.Round == r.Round && c.Dataset == dataset && c.Verdict == ClearanceClear && !r.insider(c.Custodian)
		})
	})
}

// vetoed reports whether a custodian said no in this round.
func vetoed(r *Request) bool {
	return slices.ContainsFunc(r.Clearances, func(c Clearance) bool { return c.Round == r.Round && c.Verdict == ClearanceVeto })
}

// votedOn reports whether somebody has ever voted on a request's files.
func votedOn(r Request, user string) bool {
	return slices.ContainsFunc(r.Votes, func(v Vote) bool { return v.Checker == user })
}

// mayVet refuses those who may never speak for the data in this request: whoever
// may not check it, and its checkers.
func mayVet(r Request, project workspaces.Project, user string) error {
	if mayCheck(r, project, user) != nil {
		return gatehouse.Errorf(gatehouse.CodeSeparation, "The author and the members of a project cannot decide for the data's custodian.").
			WithAdvice("A custodian from outside the project must do this.")
	}
	if votedOn(r, user) {
		return gatehouse.Errorf(gatehouse.CodeSeparation, "A checker of the request cannot decide for the data's custodian as well.").
			WithAdvice("Another custodian must do this.")
	}
	return nil
}

// custody gives those of some datasets of which a user is custodian.
func custody(ctx context.Context, tx RequestReader, user string, datasets []string) ([]string, error) {
	var mine []string
	for _, dataset := range datasets {
		named, err := tx.Custodians(ctx, dataset)
		if err != nil {
			return nil, err
		}
		if slices.Contains(named, user) {
			mine = append(mine, dataset)
		}
	}
	return mine, nil
}

// NewClearance is a custodian's word.
type NewClearance struct {
	Verdict  ClearanceVerdict
	Datasets []string // none: every dataset of the custodian's that still waits
	Reason   string   // required to veto
}

// ClearRequest gives a custodian's word on what the checkers approved. When the
// last dataset is cleared the request is approved; a veto rejects all of it.
func (s *Requests) ClearRequest(ctx context.Context, p gatehouse.Principal, id string, n NewClearance) (RequestView, error) {
	n.Reason = strings.TrimSpace(n.Reason)
	step := map[ClearanceVerdict]RequestStep{ClearanceClear: StepClear, ClearanceVeto: StepVeto}[n.Verdict]
	switch {
	case step == "":
		return RequestView{}, gatehouse.Errorf(gatehouse.CodeRequestInvalid, "A custodian's verdict is one of clear and veto.")
	case step == StepVeto && n.Reason == "":
		return RequestView{}, gatehouse.Errorf(gatehouse.CodeRequestInvalid, "A release is vetoed with a reason.").WithAdvice("Say why, for the author and the checkers.")
	}
	if err := checkText("reason", n.Reason, maxComment, true); err != nil {
		return RequestView{}, err
	}
	err := s.change(ctx, p, gatehouse.ActionRequestVet, id, step,
		func(tx RequestTx, r *Request, project workspaces.Project, _ *gatehouse.Event) error {
			if err := mayVet(*r, project, p.User); err != nil {
				return err
			}
			mine, err := custody(ctx, tx, p.User, r.Vetoes)
			if err != nil {
				return err
			}
			if len(mine) == 0 {
				return gatehouse.Errorf(gatehouse.CodeNotCustodian, "You are not custodian of a dataset that the request waits for.")
			}
			waiting := slices.DeleteFunc(uncleared(r), func(dataset string) bool { return !slices.Contains(mine, dataset) })
			for _, dataset := range n.Datasets {
				switch {
				case !slices.Contains(r.Vetoes, dataset):
					return gatehouse.Errorf(gatehouse.CodeRequestState, "The request does not wait for the custodian of that dataset.")
				case !slices.Contains(mine, dataset):
					return gatehouse.Errorf(gatehouse.CodeNotCustodian, "You are not custodian of the dataset %q.", dataset)
				case !slices.Contains(waiting, dataset):
					return gatehouse.Errorf(gatehouse.CodeRequestState, "The custodian of the dataset %q has agreed already.", dataset)
				}
			}
			if len(n.Datasets) > 0 {
				waiting = slices.Clone(n.Datasets)
			}
			if len(waiting) == 0 {
				return gatehouse.Errorf(gatehouse.CodeRequestState, "The custodians of your datasets have agreed already.")
			}
			slices.Sort(waiting)
			for _, dataset := range slices.Compact(waiting) {
				c := Clearance{Round: r.Round, Dataset: dataset, Custodian: p.User, Verdict: n.Verdict, Reason: n.Reason, At: tx.Now()}
				if err := tx.AddClearance(ctx, r.ID, c); err != nil {
					return err
				}
				r.Clearances = append(r.Clearances, c)
				action := "request.cleared"
				if n.Verdict == ClearanceVeto {
					action = "request.vetoed"
				}
				tx.Record(gatehouse.Event{Time: tx.Now(), Actor: p.User, Action: action, Project: r.Project, Subject: r.ID,
					Detail: map[string]string{"dataset": dataset, "round": strconv.Itoa(r.Round)}})
			}
			return nil
		})
	if err != nil {
		return RequestView{}, err
	}
	return s.Request(ctx, p, id)
}

// AskVeto says whether a dataset asks for its custodian's agreement from now on:
// requests that the checkers approve later wait for it, and so do those that they
// approved and nobody has released yet. Its custodian may, but
// not take it back who is a member of a project that uses the dataset.
func (s *Requests) AskVeto(ctx context.Context, p gatehouse.Principal, dataset string, ask bool) ([]DatasetVeto, error) {
	var vetoes []DatasetVeto
	err := s.Store.Update(ctx, func(tx RequestTx) error {
		if p.Anonymous() {
			return gatehouse.Errorf(gatehouse.CodeUnauthenticated, "Nobody is signed in.")
		}
		if err := s.Authorizer.Authorize(ctx, p, gatehouse.ActionDatasetPublish, ""); err != nil {
			return err
		}
		mine, err := custody(ctx, tx, p.User, []string{dataset})
		if err != nil {
			return err
		}
		if len(mine) == 0 {
			return gatehouse.Errorf(gatehouse.CodeNotCustodian, "You are not custodian of that dataset.")
		}
		if !ask {
			uses, err := tx.Uses(ctx, p.User, dataset)
			if err != nil {
				return err
			}
			if uses {
				return gatehouse.Errorf(gatehouse.CodeSeparation, "You are a member of a project that uses the dataset.").
					WithAdvice("Another custodian must take the veto back.")
			}
		}
		changed, err := tx.SetVeto(ctx, dataset, p.User, ask)
		if err != nil {
			return err
		}
		if changed {
			action := "dataset.veto.asked"
			if !ask {
				action = "dataset.veto.lifted"
			}
			tx.Record(gatehouse.Event{Time: tx.Now(), Actor: p.User, Action: action, Subject: dataset})
		}
		if changed && ask {
			if err := s.vetApproved(ctx, tx, dataset); err != nil {
				return err
			}
		}
		vetoes, err = tx.Vetoes(ctx)
		return err
	})
	return vetoes, s.journalRefusal(ctx, gatehouse.Event{Actor: p.User, Action: "dataset.veto", Subject: "dataset"}, err)
}

// vetApproved lets the requests that were approved and not released, and those that
// wait for another custodian, wait for the custodian of a dataset that they use.
func (s *Requests) vetApproved(ctx context.Context, tx RequestTx, dataset string) error {
	waiting, err := tx.Waiting(ctx)
	if err != nil {
		return err
	}
	for _, r := range waiting {
		if r.State != RequestApproved && r.State != RequestVetting || slices.Contains(r.Vetoes, dataset) {
			continue
		}
		project, err := tx.Project(ctx, r.Project)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(project.Datasets, func(d workspaces.DatasetGrant) bool { return d.Dataset == dataset }) {
			continue
		}
		r.Vetoes = append(r.Vetoes, dataset)
		if r.State == RequestApproved {
			if r.State, err = r.State.next(StepVet); err != nil {
				return err
			}
		}
		tx.Record(gatehouse.Event{Time: tx.Now(), Actor: "system", Action: "request.concluded", Project: r.Project, Subject: r.ID,
			Detail: map[string]string{"state": string(r.State), "round": strconv.Itoa(r.Round), "veto": dataset}})
		if err := s.save(ctx, tx, &r, project); err != nil {
			return err
		}
	}
	return nil
}

// Vetoes lists the datasets that ask for their custodian's agreement, for anybody
// who may read the catalogue.
func (s *Requests) Vetoes(ctx context.Context, p gatehouse.Principal) ([]DatasetVeto, error) {
	if p.Anonymous() {
		return nil, gatehouse.Errorf(gatehouse.CodeUnauthenticated, "Nobody is signed in.")
	}
	if err := s.Authorizer.Authorize(ctx, p, gatehouse.ActionDatasetRead, ""); err != nil {
		return nil, err
	}
	vetoes := []DatasetVeto{}
	err := s.Store.View(ctx, func(tx RequestReader) error {
		found, err := tx.Vetoes(ctx)
		vetoes = append(vetoes, found...)
		return err
	})
	return vetoes, err
}

// asking gives the datasets of a project whose custodian must agree.
func asking(ctx context.Context, tx RequestReader, project workspaces.Project) ([]string, error) {
	vetoes, err := tx.Vetoes(ctx)
	var datasets []string
	for _, v := range vetoes {
		if slices.ContainsFunc(project.Datasets, func(d workspaces.DatasetGrant) bool { return d.Dataset == v.Dataset }) {
			datasets = append(datasets, v.Dataset)
		}
	}
	return datasets, err
}

package egress

import (
	"context"
	"slices"
	"time"

	"github.com/gatehouse-tre/gatehouse"
)

// DefaultTarget is how many working days a request may take from its first
// submission to its release or rejection, the author's own time left out.
const DefaultTarget = 5

// Turn is a request coming to another state.
type Turn struct {
	State RequestState
	At    time.Time
}

// Clock says whom a request waits for, since when, and when it should be done.
// It runs in working time: it stands at night, at weekends, on the bank holidays
// of England, and while the author has the request.
type Clock struct {
	Names   []string   `json:"names,omitempty" doc:"Who it waits for, as far as you may know"`
	Since   time.Time  `json:"since" doc:"Since when it waits for them"`
	Waited  float64    `json:"waited_days" doc:"How long it has waited for them, in working days"`
	Taken   float64    `json:"taken_days" doc:"How long it has waited for others than its author since it was first submitted, in working days"`
	Target  int        `json:"target_days" doc:"How long it may, in working days"`
	Due     *time.Time `json:"due,omitempty" doc:"When the target is reached; absent while the clock stands"`
	Paused  bool       `json:"paused" doc:"It waits for its author: the clock stands"`
	Overdue bool       `json:"overdue"`
}

// clock reads a request's turns.
func (s *Requests) clock(r Request, now time.Time) Clock {
	c := Clock{Since: r.Created, Target: s.Target}
	owner := RequestOwners[r.State]
	for i, turn := range r.Turns {
		if i == 0 || RequestOwners[turn.State] != RequestOwners[r.Turns[i-1].State] {
			c.Since = turn.At
		}
	}
	switch owner {
	case PartyNobody, PartyMember:
		return c
	case PartyAuthor:
		c.Names = []string{r.Author}
		c.Paused = r.Round > 0
	}
	w := working()
	c.Waited = inDays(w.between(c.Since, now))
	if r.Round == 0 {
		return c
	}
	var taken time.Duration
	for i, turn := range r.Turns {
		if RequestOwners[turn.State] == PartyAuthor {
			continue
		}
		end := now
		if i+1 < len(r.Turns) {
			end = r.Turns[i+1].At
		}
		taken += w.between(turn.At, end)
	}
	c.Taken = inDays(taken)
	target := time.Duration(s.Target) * workingDay
	c.Overdue = !c.Paused && taken > target
	if !c.Paused && len(r.Turns) > 0 {
		due := s.due(r, target)
		c.Due = &due
	}
	return c
}

// due is when a request whose clock runs has taken the target.
func (s *Requests) due(r Request, target time.Duration) time.Time {
	w := working()
	left := target
	for i, turn := range r.Turns {
		if RequestOwners[turn.State] == PartyAuthor {
			continue
		}
		if i+1 < len(r.Turns) {
			spent := w.between(turn.At, r.Turns[i+1].At)
			if spent < left {
				left -= spent
				continue
			}
		}
		return w.after(turn.At, left)
	}
	return w.after(r.Turns[len(r.Turns)-1].At, left)
}

// NoticeOverdue tells whoever a request waits for that its target is reached: once
// for each state in which it is late. It gives how many requests are newly late.
func (s *Requests) NoticeOverdue(ctx context.Context) (int, error) {
	var waiting []Request
	err := s.Store.View(ctx, func(tx RequestReader) (err error) {
		waiting, err = tx.Waiting(ctx)
		waiting = slices.DeleteFunc(waiting, func(r Request) bool { return !s.clock(r, tx.Now()).Overdue })
		return err
	})
	if err != nil {
		return 0, err
	}
	late := 0
	for _, r := range waiting {
		told := false
		err := s.Store.Update(ctx, func(tx RequestTx) error {
			r, err := tx.Request(ctx, r.ID)
			if err != nil {
				return err
			}
			c := s.clock(r, tx.Now())
			if !c.Overdue {
				return nil
			}
			if told, err = tx.MarkOverdue(ctx, r.ID, r.Round, r.State); err != nil || !told {
				return err
			}
			tx.Record(gatehouse.Event{Time: tx.Now(), Actor: "system", Action: "request.overdue", Project: r.Project, Subject: r.ID,
				Detail: map[string]string{"state": string(r.State), "waits_for": string(RequestOwners[r.State])}})
			project, err := tx.Project(ctx, r.Project)
			if err != nil {
				return err
			}
			return notifyOwners(ctx, tx, r, project, "request.overdue", *c.Due)
		})
		if err != nil {
			return late, err
		}
		if told {
			late++
		}
	}
	return late, nil
}

// waitsFor reports whether a request waits for somebody other than its author.
func waitsFor(state RequestState) bool {
	return slices.Contains([]Party{PartyChecker, PartyCustodian, PartyReleaser}, RequestOwners[state])
}

// WaitingStates are those in which a request's clock runs.
func WaitingStates() []RequestState {
	return slices.DeleteFunc(slices.Clone(RequestStates), func(s RequestState) bool { return !waitsFor(s) })
}

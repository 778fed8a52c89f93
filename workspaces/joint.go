package workspaces

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-tre/gatehouse"
)

// JointKind is what it takes two custodians to do.
type JointKind string

// The kinds of joint acts.
const (
	JointReidentify JointKind = "reidentify"  // find out whom pseudonyms name
	JointDestroyKey JointKind = "destroy-key" // make sure that nobody ever can
)

// JointState is where a joint act stands.
type JointState string

// The states of a joint act. Approved is between the decision and its execution,
// which a crash can only delay.
const (
	JointAsked     JointState = "asked"
	JointApproved  JointState = "approved"
	JointDone      JointState = "done"
	JointDeclined  JointState = "declined"
	JointWithdrawn JointState = "withdrawn"
)

// JointAct is something that one custodian asks for and another one, who is not
// the same person, decides.
type JointAct struct {
	ID      string     `json:"id"`
	Kind    JointKind  `json:"kind"`
	Project string     `json:"project"`
	Dataset string     `json:"dataset,omitempty"` // whose people are to be found
	Purpose string     `json:"purpose"`           // one of Purposes
	Reason  string     `json:"reason"`
	Names   []string   `json:"names,omitempty"` // pseudonyms
	State   JointState `json:"state"`

	AskedBy   string    `json:"asked_by"`
	Asked     time.Time `json:"asked"`
	DecidedBy string    `json:"decided_by,omitempty"`
	Decided   time.Time `json:"decided,omitzero"`
	Done      time.Time `json:"done,omitzero"`
}

// Purposes are what a joint act may be for, by its kind.
var Purposes = map[JointKind][]string{
	JointReidentify: {"safety", "data-error", "consent", "legal"},
	JointDestroyKey: {"archived", "legal"},
}

// Limits of joint acts.
const (
	maxReidentified = 1_000 // pseudonyms at once
	minReason       = 15    // bytes
	// JointLife is how long a joint act waits for the second custodian.
	JointLife = 7 * 24 * time.Hour
)

var jointActions = map[JointKind]gatehouse.Action{
	JointReidentify: gatehouse.ActionPersonReidentify,
	JointDestroyKey: gatehouse.ActionKeyDestroy,
}

// JointTx is what a transaction keeps of epochs and joint acts.
type JointTx interface {
	// ProjectEpoch gives the epoch in which a project opens workspaces, 1 at first.
	ProjectEpoch(ctx context.Context, project string) (int, error)
	SetProjectEpoch(ctx context.Context, project string, epoch int) error

	AddJointAct(ctx context.Context, a JointAct) error
	JointAct(ctx context.Context, id string) (JointAct, error)
	// JointActs gives those of a project ("" for all), oldest first.
	JointActs(ctx context.Context, project string) ([]JointAct, error)
	// MoveJointAct keeps a's state and who decided. It is CodeConflict unless the
	// state was from.
	MoveJointAct(ctx context.Context, a JointAct, from JointState) error
}

// AskReidentification asks that pseudonyms of a project be traced back to the
// people of one of its datasets. A custodian of that dataset, who has no part in
// the project, may. Nothing is traced before another such custodian approves it.
func (s *Service) AskReidentification(ctx context.Context, actor gatehouse.Principal, project, dataset, purpose, reason string, names []string) (JointAct, error) {
	a := JointAct{Kind: JointReidentify, Project: project, Dataset: dataset, Purpose: purpose, Reason: reason, Names: slices.Clone(names)}
	if len(names) == 0 || len(names) > maxReidentified {
		return a, jointInvalid("A request to trace pseudonyms names 1 to %d of them.", maxReidentified)
	}
	for _, name := range names {
		if len(name) != PseudonymLength || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz234567") != "" {
			return a, jointInvalid("A pseudonym is %d characters of a-z and 2-7.", PseudonymLength)
		}
	}
	slices.Sort(a.Names)
	a.Names = slices.Compact(a.Names)
	return s.askJointly(ctx, actor, a)
}

// AskKeyDestruction asks that the keys of an archived project be destroyed: from
// then on nobody can tell whom its pseudonyms name, nor make them again.
func (s *Service) AskKeyDestruction(ctx context.Context, actor gatehouse.Principal, project, purpose, reason string) (JointAct, error) {
	return s.askJointly(ctx, actor, JointAct{Kind: JointDestroyKey, Project: project, Purpose: purpose, Reason: reason})
}

func jointInvalid(format string, args ...any) error {
	return gatehouse.Errorf(gatehouse.CodeJointInvalid, format, args...)
}

func (s *Service) askJointly(ctx context.Context, actor gatehouse.Principal, a JointAct) (JointAct, error) {
	a.ID, a.State, a.AskedBy, a.Reason = gatehouse.NewID("joint"), JointAsked, actor.User, strings.TrimSpace(a.Reason)
	if !slices.Contains(Purposes[a.Kind], a.Purpose) {
		return a, jointInvalid("The purpose is one of %s.", strings.Join(Purposes[a.Kind], ", "))
	}
	if len(a.Reason) < minReason || len(a.Reason) > maxSaid || !showable(a.Reason, true) {
		return a, jointInvalid("The reason is a text of %d to %d bytes.", minReason, maxSaid)
	}
	e := gatehouse.Event{Action: string(a.Kind) + ".asked", Project: a.Project, Subject: a.ID, Detail: a.told()}
	err := s.act(ctx, actor, jointActions[a.Kind], e, func(tx Tx) error {
		p, err := s.mayJointly(ctx, tx, actor.User, a)
		if err != nil {
			return err
		}
		a.Asked = tx.Now()
		for _, d := range a.datasets(p) {
			named, err := tx.Custodians(ctx, d)
			if err != nil {
				return err
			}
			for _, user := range named {
				if user != actor.User {
					tx.Notify(gatehouse.Notice{Kind: "joint.asked", To: user, Project: a.Project, Subject: a.ID})
				}
			}
		}
		return tx.AddJointAct(ctx, a)
	})
	return a, err
}

// told is what the journal says of a joint act: of the reason only a digest, since
// people write names into reasons.
func (a JointAct) told() map[string]string {
	reason := sha256.Sum256([]byte(a.Reason))
	told := map[string]string{"purpose": a.Purpose, "reason_sha256": hex.EncodeToString(reason[:])}
	if a.Kind == JointReidentify {
		told["dataset"], told["pseudonyms"] = a.Dataset, strconv.Itoa(len(a.Names))
	}
	return told
}

// datasets are those whose custodians a joint act concerns.
func (a JointAct) datasets(p Project) []string {
	if a.Dataset != "" {
		return []string{a.Dataset}
	}
	return names(p)
}

// mayJointly checks, in the transaction that acts, that a user may have part in a
// joint act now: named custodian of a dataset that it concerns, without a part in
// the project, whose state allows it.
func (s *Service) mayJointly(ctx context.Context, tx Tx, user string, a JointAct) (Project, error) {
	p, err := tx.Project(ctx, a.Project)
	if err != nil {
		return p, err
	}
	who := gatehouse.Principal{User: user}
	if a.Dataset != "" {
		err = s.requireCustodian(ctx, tx, who, p, a.Dataset)
	} else {
		_, err = s.custody(ctx, tx, who, p)
	}
	if err != nil {
		return p, err
	}
	if err := disinterested(who, p); err != nil {
		return p, err
	}
	if a.Kind == JointDestroyKey && p.State != ProjectArchived {
		return p, gatehouse.Errorf(gatehouse.CodeJointState, "The project %q is %s; keys are destroyed after it is archived.", p.ID, p.State)
	}
	acts, err := tx.JointActs(ctx, a.Project)
	if err != nil {
		return p, err
	}
	for _, other := range acts {
		if other.Kind == JointDestroyKey && (other.State == JointApproved || other.State == JointDone) {
			return p, gatehouse.Errorf(gatehouse.CodeJointState, "The keys of the project %q were destroyed.", p.ID)
		}
	}
	return p, nil
}

// ApproveJointAct is the second custodian's agreement, and has it done. Whoever
// asked cannot give it. That it is approved, by whom, and the event, commit
// together, before anything is done; if the machine dies in between, FinishJointActs
// does it.
func (s *Service) ApproveJointAct(ctx context.Context, actor gatehouse.Principal, id string) (JointAct, error) {
	a, err := s.decideJointly(ctx, actor, id, JointApproved)
	if err != nil {
		return a, err
	}
	return s.finish(context.WithoutCancel(ctx), a)
}

// DeclineJointAct is the second custodian's refusal; whoever asked withdraws by it.
func (s *Service) DeclineJointAct(ctx context.Context, actor gatehouse.Principal, id string) (JointAct, error) {
	return s.decideJointly(ctx, actor, id, JointDeclined)
}

func (s *Service) decideJointly(ctx context.Context, actor gatehouse.Principal, id string, to JointState) (JointAct, error) {
	var a JointAct
	err := s.Store.View(ctx, func(tx Tx) (err error) {
		a, err = tx.JointAct(ctx, id)
		return err
	})
	if err != nil {
		return a, err
	}
	e := gatehouse.Event{Action: string(a.Kind) + "." + string(to), Project: a.Project, Subject: a.ID, Detail: a.told()}
	err = s.act(ctx, actor, jointActions[a.Kind], e, func(tx Tx) error {
		if a, err = tx.JointAct(ctx, id); err != nil {
			return err
		}
		if _, err := s.mayJointly(ctx, tx, actor.User, a); err != nil {
			return err
		}
		if a.State != JointAsked {
			return gatehouse.Errorf(gatehouse.CodeJointState, "%s is %s already.", a.ID, a.State)
		}
		a.State, a.DecidedBy, a.Decided = to, actor.User, tx.Now()
		if a.AskedBy == actor.User {
			if to == JointApproved {
				return separation("Whoever asks for this does not approve it.")
			}
			a.State = JointWithdrawn
		}
		if to == JointApproved {
			if tx.Now().Sub(a.Asked) > JointLife {
				return gatehouse.Errorf(gatehouse.CodeJointState, "%s was asked for more than %d days ago.", a.ID, int(JointLife.Hours()/24)).
					WithAdvice("Ask for it again.")
			}
			// Whoever asked must still be one who may.
			if _, err := s.mayJointly(ctx, tx, a.AskedBy, a); err != nil {
				return separation("Whoever asked for this may not any more; ask for it again.")
			}
			roles, err := tx.HouseRoles(ctx, a.AskedBy)
			if err != nil {
				return err
			}
			if !slices.Contains(roles, gatehouse.RoleCustodian) {
				return separation("Whoever asked for this may not any more; ask for it again.")
			}
		}
		tx.Notify(gatehouse.Notice{Kind: "joint." + string(to), To: a.AskedBy, Project: a.Project, Subject: a.ID})
		return tx.MoveJointAct(ctx, a, JointAsked)
	})
	return a, err
}

// FinishJointActs does what two custodians have decided and a crash has left
// undone. A server calls it when it starts.
func (s *Service) FinishJointActs(ctx context.Context) error {
	var left []JointAct
	err := s.Store.View(ctx, func(tx Tx) error {
		all, err := tx.JointActs(ctx, "")
		for _, a := range all {
			if a.State == JointApproved {
				left = append(left, a)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	var failed []error // one that cannot be done keeps nobody from the others
	for _, a := range left {
		if _, err := s.finish(ctx, a); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// finish does what was approved, then records that it is done. Doing it again
// changes nothing.
func (s *Service) finish(ctx context.Context, a JointAct) (JointAct, error) {
	var err error
	switch a.Kind {
	case JointReidentify:
		err = s.trace(ctx, a)
	case JointDestroyKey:
		err = s.destroyKeys(ctx, a.Project)
	}
	if err != nil {
		return a, err
	}
	err = s.Store.Update(ctx, func(tx Tx) error {
		done := a
		done.State, done.Done = JointDone, tx.Now()
		if err := tx.MoveJointAct(ctx, done, JointApproved); err != nil {
			return err
		}
		a = done
		tx.Record(gatehouse.Event{Actor: System.User, Action: string(a.Kind) + ".done", Project: a.Project, Subject: a.ID,
			Detail: map[string]string{"asked_by": a.AskedBy, "approved_by": a.DecidedBy}})
		return nil
	})
	return a, err
}

// JointActs gives the joint acts of a project, to whoever may have part in them,
// and to auditors.
func (s *Service) JointActs(ctx context.Context, actor gatehouse.Principal, project string) ([]JointAct, error) {
	if err := s.Authorizer.Authorize(ctx, actor, gatehouse.ActionJointRead, project); err != nil {
		return nil, err
	}
	var all []JointAct
	err := s.Store.View(ctx, func(tx Tx) (err error) {
		if _, err = tx.Project(ctx, project); err != nil {
			return err
		}
		all, err = tx.JointActs(ctx, project)
		return err
	})
	return all, err
}

// StartEpoch gives a project new pseudonyms for the workspaces that it opens from
// now on, and returns the epoch's number. Its workspaces of before keep theirs, and
// what they have stored under them. A custodian of one of its datasets may.
func (s *Service) StartEpoch(ctx context.Context, actor gatehouse.Principal, project string) (epoch int, err error) {
	e := gatehouse.Event{Action: "project.epoch_started", Project: project, Subject: project, Detail: map[string]string{}}
	err = s.act(ctx, actor, gatehouse.ActionKeyRotate, e, func(tx Tx) error {
		p, err := tx.Project(ctx, project)
		if err != nil {
			return err
		}
		if _, err := s.custody(ctx, tx, actor, p); err != nil {
			return err
		}
		if err := disinterested(actor, p); err != nil {
			return err
		}
		switch p.State {
		case ProjectRejected, ProjectClosed, ProjectArchived:
			return gatehouse.Errorf(gatehouse.CodeJointState, "The project %q is %s, and opens no more workspaces.", p.ID, p.State)
		}
		if epoch, err = tx.ProjectEpoch(ctx, project); err != nil {
			return err
		}
		epoch++
		e.Detail["epoch"] = strconv.Itoa(epoch)
		return tx.SetProjectEpoch(ctx, project, epoch)
	})
	return epoch, err
}

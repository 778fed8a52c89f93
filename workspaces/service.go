package workspaces

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces/strangers"
)

// System is whoever commands the installation's own machine and folder. It adds
// users, grants house roles and issues tokens, and is nobody else: no token is
// ever issued to it, and no user can have its name.
var System = gatehouse.Principal{User: "system"}

// Config is what a Service is made of. Everything must be
// set, except Index, Engine and what concerns signing in.
type Config struct {
	Store         Store
	Authorizer    Authorizer
	Catalogue     Catalogue
	Pseudonymiser Pseudonymiser
	Policies      Policies
	// Codelists gives the public tables of codes. Nil: there are none.
	Codelists Codelists
	// Index is asked what two custodians have decided to know. Nil: nobody is traced.
	Index PersonIndex

	// Dir is the installation's folder.
	Dir string
	// MaxListAge is how old an opt-out list may be that a mounted version was
	// made with. No default is safe.
	MaxListAge time.Duration
	// Engine gives the user and group id under which a workspace's engine runs,
	// which must be able to read its population. Nil: this process's own.
	Engine func(workspace string) (uid, gid int)

	// Factors is what every sign-in must show. The zero value lets nobody in.
	Factors Factors
	// SignInLife and SignInIdle are how long a session lasts, and how long it may
	// go unused; zero means the defaults.
	SignInLife, SignInIdle time.Duration

	// Strangers bounds the refusals of those whom nobody knows. Entrances that are
	// not of this Service share it. Nil: one of its own.
	Strangers *strangers.Door
}

// Service is the way to projects and workspaces. Every method that acts for
// somebody checks who that is, the state and the separation of duties in the
// transaction that acts, and journals what it did or refused.
type Service struct {
	Config
	building singleflight.Group // populations under construction, by workspace and dataset
}

// New makes a Service, or is CodeConfig.
func New(c Config) (*Service, error) {
	switch {
	case c.Store == nil, c.Authorizer == nil, c.Catalogue == nil, c.Pseudonymiser == nil, c.Policies == nil, c.Dir == "":
		return nil, gatehouse.Errorf(gatehouse.CodeConfig, "The workspaces service is not fully configured.")
	case c.MaxListAge <= 0:
		return nil, gatehouse.Errorf(gatehouse.CodeConfig, "The greatest age of opt-out lists is not set.").
			WithAdvice("Decide how old an opt-out list may be and set it; no default is safe.")
	}
	// Engines under other user ids pass through here to their own workspace.
	if err := os.MkdirAll(filepath.Join(c.Dir, "workspaces"), 0o711); err != nil {
		return nil, gatehouse.Errorf(gatehouse.CodeStorage, "The folder of workspaces cannot be made.").Because(err)
	}
	if c.Strangers == nil {
		c.Strangers = strangers.New(time.Now)
	}
	return &Service{Config: c}, nil
}

// act runs change in a transaction if actor may do action in project, and
// journals a refusal as e.Action + ".refused". On success e is recorded.
func (s *Service) act(ctx context.Context, actor gatehouse.Principal, action gatehouse.Action, e gatehouse.Event, change func(Tx) error) error {
	e.Actor = actor.User
	err := s.Store.Update(ctx, func(tx Tx) error {
		if err := s.Authorizer.Authorize(ctx, actor, action, e.Project); err != nil {
			return err
		}
		tx.Record(e) // before the events of what follows from it; what change adds to its Detail is kept
		return change(tx)
	})
	return s.journalRefusal(ctx, e, err)
}

// actAsSystem is act for what only System may do.
func (s *Service) actAsSystem(ctx context.Context, actor gatehouse.Principal, e gatehouse.Event, change func(Tx) error) error {
	e.Actor = actor.User
	err := s.Store.Update(ctx, func(tx Tx) error {
		if actor != System {
			return gatehouse.Errorf(gatehouse.CodeDenied, "Only the owner of the installation does this, on its own machine.")
		}
		tx.Record(e) // before the events of what follows from it; what change adds to its Detail is kept
		return change(tx)
	})
	return s.journalRefusal(ctx, e, err)
}

// journalRefusal records err if it is a refusal, and returns it. If that cannot
// be recorded, the caller hears of that instead: refused either way.
func (s *Service) journalRefusal(ctx context.Context, e gatehouse.Event, err error) error {
	var refused *gatehouse.Error
	if !errors.As(err, &refused) {
		return err
	}
	switch refused.Kind() {
	case gatehouse.KindDenied, gatehouse.KindNotFound, gatehouse.KindUnauthenticated, gatehouse.KindUnavailable:
	default:
		return err
	}
	if refused.Code == gatehouse.CodeJournal || refused.Code == gatehouse.CodeBusy {
		return err
	}
	e.Action += ".refused"
	e.Detail = map[string]string{"code": string(refused.Code)}
	// What was asked for may be anything; what is no name is not written down.
	if !gatehouse.ValidName(e.Project) {
		e.Project = ""
	}
	if !gatehouse.ValidName(e.Subject) {
		e.Subject = "not a name"
	}
	// The caller may have gone away; the refusal is journaled all the same.
	recording := s.Store.Update(context.WithoutCancel(ctx), func(tx Tx) error {
		tx.Record(e)
		return nil
	})
	if recording != nil {
		return recording
	}
	return err
}

// turnAway is journalRefusal for a secret that is worth nothing, for as long as
// such refusals are few; known is its id, if it once was worth something. Refused
// it is however that goes.
func (s *Service) turnAway(ctx context.Context, e gatehouse.Event, known string, err error) error {
	if gatehouse.Public(err).Kind() != gatehouse.KindUnauthenticated {
		return s.journalRefusal(ctx, e, err)
	}
	journal, err := s.Strangers.Refuse(ctx, strangers.Attempt{Action: e.Action, Known: known}, err)
	if !journal {
		return err
	}
	return s.journalRefusal(ctx, e, err)
}

// JournalStrangers journals, as one event, how many refusals of strangers were not
// journaled one by one since it was last called. What cannot be journaled is told
// the next time. Whoever serves calls it every StrangersEvery, and at the end.
func (s *Service) JournalStrangers(ctx context.Context) error {
	return s.Strangers.Counted(func(c strangers.Count) error {
		sources := strconv.Itoa(c.Sources)
		if c.More {
			sources = "more than " + sources
		}
		detail := map[string]string{"refusals": strconv.Itoa(c.Refusals), "sources": sources, "since": c.Since.UTC().Format(time.RFC3339), "until": c.Until.UTC().Format(time.RFC3339)}
		for action, n := range c.Actions {
			detail[action] = strconv.Itoa(n)
		}
		return s.Store.Update(ctx, func(tx Tx) error {
			tx.Record(gatehouse.Event{Action: "strangers.refused", Subject: unknownToken, Detail: detail})
			return nil
		})
	})
}

// StrangersEvery is how often JournalStrangers is called by whoever serves.
const StrangersEvery = time.Minute

// unknownToken is the subject of a refusal of somebody nobody knows.
const unknownToken = "unknown"

// refuse names the code and sentence of a refusal.
func refuse(code gatehouse.Code, format string, args ...any) error {
	return gatehouse.Errorf(code, format, args...)
}

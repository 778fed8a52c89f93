package workspaces

import (
	"context"
	"time"

	"github.com/gatehouse-tre/gatehouse"
)

// Person is a user as those see them who look after the house: no project, and
// nothing of what they asked.
type Person struct {
	User       string
	Roles      []gatehouse.Role // of the house
	Custodian  []string         // datasets that the person decides for
	Locked     bool
	Sessions   int       // live now
	LastSeen   time.Time // in one of them, to the minute; zero if none is live
	LiveTokens int
}

// DirectoryTx is what a directory is read from.
type DirectoryTx interface {
	// Users gives the names of all users, in order.
	Users(ctx context.Context) ([]string, error)
	// Custodies gives the datasets that each user is custodian of.
	Custodies(ctx context.Context) (map[string][]string, error)
}

// Directory lists the users of the house with their roles of the house, and how
// many of their sessions and tokens work now, to those who may see sessions:
// operators, auditors, System.
func (s *Service) Directory(ctx context.Context, actor gatehouse.Principal) ([]Person, error) {
	if actor != System {
		if err := s.Authorizer.Authorize(ctx, actor, gatehouse.ActionSessionRead, ""); err != nil {
			return nil, err
		}
	}
	var people []Person
	err := s.Store.View(ctx, func(tx Tx) error {
		users, err := tx.Users(ctx)
		if err != nil {
			return err
		}
		custodies, err := tx.Custodies(ctx)
		if err != nil {
			return err
		}
		live, err := tx.LiveSignIns(ctx, "", tx.Now().Add(-s.signInIdle()))
		if err != nil {
			return err
		}
		for _, user := range users {
			p := Person{User: user, Custodian: custodies[user]}
			if p.Roles, err = tx.HouseRoles(ctx, user); err != nil {
				return err
			}
			if p.Locked, err = tx.Locked(ctx, user); err != nil {
				return err
			}
			for _, l := range live {
				if l.User == user {
					p.Sessions++
					if l.Seen.After(p.LastSeen) {
						p.LastSeen = l.Seen
					}
				}
			}
			tokens, err := tx.Tokens(ctx, user)
			if err != nil {
				return err
			}
			for _, t := range tokens {
				if t.usable(tx.Now()) == nil {
					p.LiveTokens++
				}
			}
			people = append(people, p)
		}
		return nil
	})
	return people, err
}

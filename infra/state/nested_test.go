package state_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Permission is asked for within views and changes, by many at once: none waits
// for a connection that only it could give back.
func TestRolesAreLookedUpWithinAnyNumberOfViews(t *testing.T) {
	db, _ := open(t)
	store := state.Workspaces(db)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := store.Update(ctx, func(tx workspaces.Tx) error { return tx.AddUser(ctx, "ada") }); err != nil {
		t.Fatal(err)
	}
	var all, inside sync.WaitGroup
	const views = 40
	inside.Add(8) // as many as there can be at once
	var entered sync.Mutex
	left := 8
	for i := range views {
		all.Go(func() {
			err := db.View(ctx, func(*state.Tx) error {
				entered.Lock()
				if left > 0 {
					left--
					inside.Done()
				}
				entered.Unlock()
				inside.Wait() // every connection is held before anybody asks
				held, err := store.Assignments(ctx, "ada")
				if err == nil && len(held) == 0 {
					err = errors.New("ada holds no role")
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
		if i%10 == 0 {
			all.Go(func() {
				if err := db.Update(ctx, func(*state.Tx) error { return second(store.Assignments(ctx, "ada")) }); err != nil {
					t.Error(err)
				}
			})
		}
	}
	all.Wait()
}

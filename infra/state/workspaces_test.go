package state_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// store is what the suite asks of a store: the domain's interface, and who holds
// which role.
type store interface {
	workspaces.Store
	Assignments(ctx context.Context, user string) ([]workspaces.Assignment, error)
	ProjectOf(ctx context.Context, workspace string) (string, error)
}

func TestWorkspaceStoreOnSQLite(t *testing.T) {
	testWorkspaceStore(t, func(t *testing.T) store {
		db, _ := open(t)
		return state.Workspaces(db)
	})
}

// testWorkspaceStore is what every database that keeps projects must pass.
func testWorkspaceStore(t *testing.T, open func(*testing.T) store) {
	type test func(t *testing.T, s store, ctx context.Context)
	update := func(t *testing.T, s store, change func(workspaces.Tx) error) {
		t.Helper()
		if err := s.Update(t.Context(), change); err != nil {
			t.Fatal(err)
		}
	}
	code := func(t *testing.T, err error, want gatehouse.Code) {
		t.Helper()
		if err == nil || gatehouse.CodeOf(err) != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	users := func(t *testing.T, s store, names ...string) {
		update(t, s, func(tx workspaces.Tx) error {
			for _, name := range names {
				if err := tx.AddUser(t.Context(), name); err != nil {
					return err
				}
			}
			return nil
		})
	}
	project := func(id string) workspaces.Project {
		return workspaces.Project{
			ID: id, Title: "Ünïcode 'quoted\" title", Purpose: "why\nnot", State: workspaces.ProjectDraft, Policy: "sdap",
			OptOutBasis: workspaces.BasisConsent, OptOutRef: "REC 1", Expires: noon.AddDate(1, 0, 0), CreatedBy: "ada", Version: 1,
			Members: []workspaces.Member{
				{User: "ada", Role: gatehouse.RoleLead, TrainingUntil: noon.Add(time.Microsecond)},
				{User: "ben", Role: gatehouse.RoleResearcher, TrainingUntil: noon.AddDate(0, 1, 0)},
			},
			Datasets: []workspaces.DatasetGrant{{Dataset: "shared_care", Version: 3, Tables: []workspaces.TableGrant{
				{Table: "patients", Columns: []string{"sex", "birth_year"}}, {Table: "codes"},
			}}},
		}
	}

	for name, run := range map[string]test{
		"users and roles": func(t *testing.T, s store, ctx context.Context) {
			users(t, s, "ada", "cora")
			code(t, s.Update(ctx, func(tx workspaces.Tx) error { return tx.AddUser(ctx, "ada") }), gatehouse.CodeConflict)
			update(t, s, func(tx workspaces.Tx) error {
				for _, role := range []gatehouse.Role{gatehouse.RoleCustodian, gatehouse.RoleChecker, gatehouse.RoleCustodian} {
					if err := tx.GrantRole(ctx, "cora", role); err != nil {
						return err
					}
				}
				return errors.Join(tx.RevokeRole(ctx, "cora", gatehouse.RoleChecker), tx.RevokeRole(ctx, "cora", gatehouse.RoleChecker))
			})
			if err := s.Update(ctx, func(tx workspaces.Tx) error { return tx.GrantRole(ctx, "zoe", gatehouse.RoleChecker) }); err == nil {
				t.Error("a stranger was given a role")
			}
			for user, want := range map[string]string{"ada": "[{applicant /}]", "cora": "[{custodian *}]", "zoe": "[]"} {
				if held, err := s.Assignments(ctx, user); err != nil || fmt.Sprint(held) != want {
					t.Errorf("%s holds %v, %v; want %s", user, held, err, want)
				}
			}
		},
		"a project comes back as it was kept": func(t *testing.T, s store, ctx context.Context) {
			users(t, s, "ada", "ben", "cora")
			want := project("asthma")
			update(t, s, func(tx workspaces.Tx) error { return tx.AddProject(ctx, want) })
			code(t, s.Update(ctx, func(tx workspaces.Tx) error { return tx.AddProject(ctx, want) }), gatehouse.CodeConflict)
			var got workspaces.Project
			read := func(tx workspaces.Tx) (err error) { got, err = tx.Project(ctx, "asthma"); return err }
			if err := s.View(ctx, read); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("kept %+v\ngot  %+v", want, got)
			}
			want.State, want.ApprovedBy, want.Members = workspaces.ProjectActive, "cora", want.Members[:1]
			update(t, s, func(tx workspaces.Tx) error { return tx.ChangeProject(ctx, want) })
			if err := s.View(ctx, read); err != nil {
				t.Fatal(err)
			}
			stale := want
			want.Version = 2
			if !reflect.DeepEqual(got, want) {
				t.Errorf("kept %+v\ngot  %+v", want, got)
			}
			code(t, s.Update(ctx, func(tx workspaces.Tx) error { return tx.ChangeProject(ctx, stale) }), gatehouse.CodeConflict)
			code(t, s.View(ctx, func(tx workspaces.Tx) error { _, err := tx.Project(ctx, "stroke"); return err }), gatehouse.CodeNotFound)
			for user, want := range map[string]string{"ada": "[{applicant /} {creator asthma} {lead asthma}]", "ben": "[{applicant /}]"} {
				held, err := s.Assignments(ctx, user)
				slices.SortFunc(held, func(a, b workspaces.Assignment) int { return strings.Compare(string(a.Role), string(b.Role)) })
				if err != nil || fmt.Sprint(held) != want {
					t.Errorf("%s holds %v, %v; want %s", user, held, err, want)
				}
			}
		},
		"projects in order": func(t *testing.T, s store, ctx context.Context) {
			users(t, s, "ada", "ben")
			update(t, s, func(tx workspaces.Tx) error {
				return errors.Join(tx.AddProject(ctx, project("stroke")), tx.AddProject(ctx, project("asthma")))
			})
			if err := s.View(ctx, func(tx workspaces.Tx) error {
				all, err := tx.Projects(ctx)
				if len(all) != 2 || all[0].ID != "asthma" || len(all[1].Members) != 2 {
					t.Errorf("the projects are %+v", all)
				}
				return err
			}); err != nil {
				t.Error(err)
			}
		},
		"workspaces and tokens": func(t *testing.T, s store, ctx context.Context) {
			users(t, s, "ada", "ben")
			bound := workspaces.Token{ID: "tok_1", User: "ada", Workspace: "room", IssuedBy: "system", Issued: noon, Expires: noon.Add(time.Hour)}
			free := workspaces.Token{ID: "tok_2", User: "ada", IssuedBy: "system", Issued: noon.Add(time.Second), Expires: noon.Add(time.Hour)}
			update(t, s, func(tx workspaces.Tx) error {
				if err := tx.AddProject(ctx, project("asthma")); err != nil {
					return err
				}
				if err := tx.AddWorkspace(ctx, workspaces.Workspace{ID: "room", Epoch: 1, Project: "asthma"}); err != nil {
					return err
				}
				code(t, tx.AddWorkspace(ctx, workspaces.Workspace{ID: "room", Epoch: 1, Project: "asthma"}), gatehouse.CodeConflict)
				return errors.Join(tx.AddToken(ctx, bound, "hash1"), tx.AddToken(ctx, free, "hash2"))
			})
			if err := s.Update(ctx, func(tx workspaces.Tx) error {
				return tx.AddToken(ctx, workspaces.Token{ID: "tok_3", User: "ada"}, "hash1")
			}); err == nil {
				t.Error("two tokens have one hash")
			}
			update(t, s, func(tx workspaces.Tx) error {
				return errors.Join(tx.RevokeToken(ctx, "tok_2"), tx.RevokeToken(ctx, "tok_2"))
			})
			free.Revoked = noon
			err := s.View(ctx, func(tx workspaces.Tx) error {
				if got, err := tx.TokenByHash(ctx, "hash1"); err != nil || got != bound {
					t.Errorf("got %+v, %v", got, err)
				}
				if got, err := tx.Token(ctx, "tok_2"); err != nil || got != free {
					t.Errorf("got %+v, %v", got, err)
				}
				if got, err := tx.Tokens(ctx, "ada"); err != nil || !slices.Equal(got, []workspaces.Token{bound, free}) {
					t.Errorf("got %+v, %v", got, err)
				}
				_, err := tx.TokenByHash(ctx, "hash3")
				code(t, err, gatehouse.CodeNotFound)
				_, err = tx.Token(ctx, "tok_9")
				code(t, err, gatehouse.CodeNotFound)
				_, err = tx.Workspace(ctx, "elsewhere")
				code(t, err, gatehouse.CodeNotFound)
				if w, err := tx.Workspaces(ctx); err != nil || len(w) != 1 || w[0].Project != "asthma" {
					t.Errorf("got %+v, %v", w, err)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
			for workspace, want := range map[string]string{"room": "asthma", "elsewhere": ""} {
				if p, err := s.ProjectOf(ctx, workspace); err != nil || p != want {
					t.Errorf("%s is of %q, %v", workspace, p, err)
				}
			}
		},
		"withdrawals": func(t *testing.T, s store, ctx context.Context) {
			mark := func(project string) (m int64, units string) {
				if err := s.View(ctx, func(tx workspaces.Tx) error {
					b, err := tx.Withdrawn(ctx, "shared_care", project)
					if err != nil {
						return err
					}
					units = b.String()
					m, err = tx.WithdrawalMark(ctx, "shared_care", project)
					return err
				}); err != nil {
					t.Fatal(err)
				}
				return m, units
			}
			before, none := mark("asthma")
			if none != "{}" {
				t.Errorf("withdrawn: %s", none)
			}
			update(t, s, func(tx workspaces.Tx) error {
				return errors.Join(
					tx.Withdraw(ctx, "shared_care", "", []uint32{5, 0, 1<<32 - 1, 5}), tx.Withdraw(ctx, "shared_care", "asthma", []uint32{7, 5}),
					tx.Withdraw(ctx, "shared_care", "stroke", []uint32{9}), tx.Withdraw(ctx, "gp", "", []uint32{11}))
			})
			after, units := mark("asthma")
			if units != "{0,5,7,4294967295}" || after <= before {
				t.Errorf("withdrawn: %s, mark %d after %d", units, after, before)
			}
			if _, units := mark("other"); units != "{0,5,4294967295}" {
				t.Errorf("withdrawn of another project: %s", units)
			}
		},
		"populations": func(t *testing.T, s store, ctx context.Context) {
			users(t, s, "ada", "ben")
			want := workspaces.Population{Workspace: "room", Dataset: "shared_care", Version: 3, SHA256: "ab", People: 9, Mark: 1, Complete: true, Built: noon}
			update(t, s, func(tx workspaces.Tx) error {
				if err := errors.Join(tx.AddProject(ctx, project("asthma")), tx.AddWorkspace(ctx, workspaces.Workspace{ID: "room", Epoch: 1, Project: "asthma"})); err != nil {
					return err
				}
				_, err := tx.Population(ctx, "room", "shared_care")
				code(t, err, gatehouse.CodeNotFound)
				old := want
				old.Version, old.Complete = 2, false
				return errors.Join(tx.SetPopulation(ctx, old), tx.SetPopulation(ctx, want))
			})
			if err := s.View(ctx, func(tx workspaces.Tx) error {
				got, err := tx.Population(ctx, "room", "shared_care")
				if got != want {
					t.Errorf("got %+v, want %+v", got, want)
				}
				return err
			}); err != nil {
				t.Error(err)
			}
		},
		"nothing of a change that fails is kept": func(t *testing.T, s store, ctx context.Context) {
			users(t, s, "ada", "ben")
			boom := errors.New("boom")
			err := s.Update(ctx, func(tx workspaces.Tx) error {
				tx.Record(gatehouse.Event{Action: "project.created"})
				if err := tx.AddProject(ctx, project("asthma")); err != nil {
					return err
				}
				return boom
			})
			if !errors.Is(err, boom) {
				t.Errorf("got %v", err)
			}
			code(t, s.View(ctx, func(tx workspaces.Tx) error { _, err := tx.Project(ctx, "asthma"); return err }), gatehouse.CodeNotFound)
		},
	} {
		t.Run(name, func(t *testing.T) { run(t, open(t), t.Context()) })
	}
}

// Any times and texts come back as they were kept, to the microsecond.
func TestProjectsRoundTrip(t *testing.T) {
	db, _ := open(t)
	s := state.Workspaces(db)
	if err := s.Update(t.Context(), func(tx workspaces.Tx) error { return tx.AddUser(t.Context(), "ada") }); err != nil {
		t.Fatal(err)
	}
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		instant := func(name string) time.Time {
			return time.UnixMicro(rapid.Int64Range(0, 4e15).Draw(rt, name)).In(time.FixedZone("", rapid.IntRange(-12, 14).Draw(rt, "zone")*3600))
		}
		want := workspaces.Project{
			ID: fmt.Sprintf("p%d", n), Title: rapid.String().Draw(rt, "title"), Purpose: rapid.String().Draw(rt, "purpose"),
			State: workspaces.ProjectDraft, Policy: "sdap", OptOutBasis: workspaces.BasisApplies, Expires: instant("expires"), CreatedBy: "ada", Version: 1,
			Members: []workspaces.Member{{User: "ada", Role: gatehouse.RoleLead, TrainingUntil: instant("training")}},
			Datasets: []workspaces.DatasetGrant{{Dataset: "gp", Version: 1, Tables: []workspaces.TableGrant{
				{Table: rapid.String().Draw(rt, "table"), Columns: rapid.SliceOfN(rapid.String(), 1, 3).Draw(rt, "columns")}}}},
		}
		var got workspaces.Project
		if err := s.Update(t.Context(), func(tx workspaces.Tx) (err error) {
			if err := tx.AddProject(t.Context(), want); err != nil {
				return err
			}
			got, err = tx.Project(t.Context(), want.ID)
			return err
		}); err != nil {
			rt.Fatal(err)
		}
		want.Expires, want.Members[0].TrainingUntil = want.Expires.UTC(), want.Members[0].TrainingUntil.UTC()
		a, _ := json.Marshal(want)
		b, _ := json.Marshal(got)
		if string(a) != string(b) {
			rt.Fatalf("kept %s\ngot  %s", a, b)
		}
	})
}

package codelist_test

import (
	"crypto/ed25519"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog/codelist"
	"github.com/gatehouse-tre/gatehouse/infra/journal"
	"github.com/gatehouse-tre/gatehouse/infra/policy"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func open(t *testing.T) (*codelist.Service, *state.DB) {
	t.Helper()
	ctx, dir := t.Context(), t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, key, err := ed25519.GenerateKey(nil)
	must(err)
	note, err := journal.NewSigner(key)
	must(err)
	db, err := state.Open(ctx, filepath.Join(dir, "gatehouse.db"), state.Options{Journal: journal.New(note, filepath.Join(dir, "checkpoint"))})
	must(err)
	t.Cleanup(func() { db.Close() })
	store := state.Workspaces(db)
	rules, err := policy.New(store)
	must(err)
	must(store.Update(ctx, func(tx workspaces.Tx) error {
		for user, role := range map[string]gatehouse.Role{"cora": gatehouse.RoleCustodian, "aude": gatehouse.RoleAuditor, "olga": gatehouse.RoleOperator} {
			if err := tx.AddUser(ctx, user); err != nil {
				return err
			}
			if err := tx.GrantRole(ctx, user, role); err != nil {
				return err
			}
		}
		return nil
	}))
	return &codelist.Service{Dir: dir, Store: state.Codelists{DB: db}, Authorizer: rules}, db
}

var cora, aude, olga = gatehouse.Principal{User: "cora"}, gatehouse.Principal{User: "aude"}, gatehouse.Principal{User: "olga"}

func file(name, version, content string) codelist.New {
	return codelist.New{Name: name, Version: version, System: codelist.SNOMED, Content: strings.NewReader(content)}
}

const diabetes = "code,term\n44054006,Type 2 diabetes mellitus\n46635009,Type 1 diabetes mellitus\n"

func added(t *testing.T, db *state.DB) int {
	t.Helper()
	found, err := journal.List(t.Context(), db.Reader(), journal.Filter{Action: "codelist.added", Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}

// A version is added once and never changes, and its journal says what it is.
func TestAVersionNeverChanges(t *testing.T) {
	s, db := open(t)
	ctx := t.Context()
	first, err := s.Add(ctx, cora, file("diabetes", "2024-01-31", diabetes))
	if err != nil {
		t.Fatal(err)
	}
	if first.Table != "codelists.diabetes_v2024_01_31" || first.Codes != 2 || first.AddedBy != "cora" || first.Added.IsZero() {
		t.Fatalf("%+v", first)
	}
	again, err := s.Add(ctx, cora, file("diabetes", "2024-01-31", diabetes))
	if err != nil || !same(again, first) || added(t, db) != 1 {
		t.Fatalf("%+v %v, %d events", again, err, added(t, db))
	}
	for _, other := range []codelist.New{
		file("diabetes", "2024-01-31", "code,term\n44054006,Type 2 diabetes mellitus\n"),
		file("diabetes", "2024-01-31", diabetes+"\n"), // other bytes of the same codes
		file("diabetes", "2024.01.31", diabetes),      // a table of the same name
	} {
		if _, err := s.Add(ctx, cora, other); gatehouse.CodeOf(err) != gatehouse.CodeConflict {
			t.Errorf("%s: %v", other.Version, err)
		}
	}
	for _, name := range [][2]string{{"Diabetes", "1"}, {"", "1"}, {"a;b", "1"}, {"diabetes", ""}, {"diabetes", "../1"}, {"diabetes", "A"}, {"diabetes", "-"}, {"diabetes", strings.Repeat("1", 41)}} {
		if _, err := s.Add(ctx, cora, file(name[0], name[1], diabetes)); gatehouse.CodeOf(err) != gatehouse.CodeCodelist {
			t.Errorf("%v: %v", name, err)
		}
	}
	if added(t, db) != 1 {
		t.Error("what was refused is journaled as added")
	}
	c, terms, err := s.Codelist(ctx, aude, "diabetes", "2024-01-31")
	if err != nil || !same(c, first) || len(terms) != 2 || terms[1].Term != "Type 1 diabetes mellitus" {
		t.Fatalf("%+v %v %v", c, terms, err)
	}
}

func same(a, b codelist.Codelist) bool {
	at := a.Added.Equal(b.Added)
	a.Added = b.Added
	return at && a == b
}

// Custodians add, readers of the catalogue read, and others do neither.
func TestWhoMay(t *testing.T) {
	s, db := open(t)
	ctx := t.Context()
	for _, who := range []gatehouse.Principal{aude, olga, {User: "stranger"}, {}} {
		if _, err := s.Add(ctx, who, file("diabetes", "1", diabetes)); err == nil {
			t.Errorf("%q adds", who.User)
		}
	}
	if all, _ := s.Mounted(ctx); len(all) > 0 || added(t, db) > 0 {
		t.Fatal("something was added")
	}
	if _, err := s.Add(ctx, cora, file("diabetes", "1", diabetes)); err != nil {
		t.Fatal(err)
	}
	for _, who := range []gatehouse.Principal{olga, {User: "stranger"}} {
		_, list := s.List(ctx, who)
		_, _, show := s.Codelist(ctx, who, "diabetes", "1")
		_, _, search := s.Search(ctx, who, "type")
		if list == nil || show == nil || search == nil {
			t.Errorf("%q reads: %v %v %v", who.User, list, show, search)
		}
	}
	if all, err := s.List(ctx, aude); err != nil || len(all) != 1 {
		t.Errorf("%v %v", all, err)
	}
}

// A search finds every word, in whatever case, in the newest version of each list.
func TestTermsAreSearched(t *testing.T) {
	s, _ := open(t)
	ctx := t.Context()
	for _, n := range []codelist.New{
		file("diabetes", "1", "code,term,category\n44054006,Type 2 diabetes mellitus,old\n"),
		file("diabetes", "2", "code,term,category\n46635009,Type 1 diabetes mellitus,100% sure\n44054006,Type 2 diabetes mellitus,\n"),
		file("pressure", "1", "code,term\n38341003,Hypertension type\n"),
	} {
		if _, err := s.Add(ctx, cora, n); err != nil {
			t.Fatal(err)
		}
	}
	for text, want := range map[string]string{"TYPE mellitus": "46635009 44054006", "type": "46635009 44054006 38341003", "4405": "44054006", "old": "", "100%": "46635009", "_": "", "": "", "' OR 1=1 --": ""} {
		found, more, err := s.Search(ctx, aude, text)
		var codes []string
		for _, f := range found {
			codes = append(codes, f.Code)
		}
		if got := strings.Join(codes, " "); err != nil || more || got != want {
			t.Errorf("%q: %q, not %q: %v", text, got, want, err)
		}
	}
}

// A file that is not the one that was added is no table of any workspace.
func TestADamagedFileIsNoTable(t *testing.T) {
	s, _ := open(t)
	ctx := t.Context()
	for _, n := range []codelist.New{file("diabetes", "1", diabetes), file("other", "1", "code\n38341003\n")} {
		if _, err := s.Add(ctx, cora, n); err != nil {
			t.Fatal(err)
		}
	}
	all, err := s.Mounted(ctx)
	if err != nil || len(all) != 2 || all[0].Name != "diabetes_v1" {
		t.Fatalf("%v %v", all, err)
	}
	if err := os.WriteFile(all[0].File, []byte("PAR1 something else"), 0o644); err != nil {
		t.Fatal(err)
	}
	if left, err := s.Mounted(ctx); err != nil || len(left) != 1 || left[0].Name != "other_v1" {
		t.Fatalf("%v %v", left, err)
	}
	if _, err := s.Add(ctx, cora, file("diabetes", "1", diabetes)); err != nil { // brings it back
		t.Fatal(err)
	}
	if all, err := s.Mounted(ctx); err != nil || len(all) != 2 {
		t.Fatalf("%v %v", all, err)
	}
}

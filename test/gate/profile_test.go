package gate

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/policy"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// catalogueSession stands for workspaces.Service, whose part has tests of its own.
type catalogueSession struct {
	*workspaces.Session
	opened  *int                  // times that a version was opened
	entered func(times int) error // called before each question, and once before them
	times   *int
}

func (s catalogueSession) OpenCatalogue(context.Context, gatehouse.Principal, string, int, string) error {
	*s.opened++
	return nil
}

func (s catalogueSession) EnterCatalogue(context.Context, gatehouse.Principal, string, int) (*workspaces.Session, error) {
	if *s.times++; s.entered != nil {
		if err := s.entered(*s.times); err != nil {
			return nil, err
		}
	}
	return s.Session, nil
}

var cora = gatehouse.Principal{User: "cora"}

// catalogued makes the project of the world's catalogue, and cora a custodian.
func (w *world) catalogued() (*egress.Profiles, *catalogueSession) {
	w.Helper()
	ctx := w.Context()
	c := w.related(workspaces.CatalogueProject("world"), "cora")
	must(w, w.state.Update(ctx, func(tx *state.Tx) error {
		for _, q := range []string{
			`DELETE FROM members WHERE user_name = 'cora'`,
			`INSERT INTO house_roles (user_name, role, granted) VALUES ('cora', 'custodian', '2026-01-01T00:00:00.000000Z')`,
			`INSERT INTO grants (project, dataset, version, tables) SELECT id, 'world', 1, '[]' FROM projects`,
		} {
			if _, err := tx.SQL().ExecContext(ctx, q); err != nil {
				return err
			}
		}
		return nil
	}))
	rules, err := policy.New(state.Workspaces(w.state))
	must(w, err)
	s := &catalogueSession{Session: c.session, opened: new(int), times: new(int)}
	return &egress.Profiles{Gate: w.gate, Sessions: s, Store: state.Profiles{DB: w.state}, Authorizer: rules, Policy: "sdap", Now: time.Now}, s
}

// profile has the world's profile made, and gives it.
func (w *world) profile() catalog.Profile {
	w.Helper()
	ctx := w.Context()
	p, _ := w.catalogued()
	must(w, p.Begin(ctx, cora, "world", 1, ""))
	p.Wait()
	progress, err := p.Progress(ctx, cora, "world")
	must(w, err)
	if progress.Failed != "" {
		w.Fatal(progress.Failed)
	}
	made, err := p.Profile(ctx, cora, "world", 1)
	must(w, err)
	return made
}

func (w *world) count(sql string) int64 {
	w.Helper()
	n, err := strconv.ParseInt(w.truth(sql)[0][0], 10, 64)
	must(w, err)
	return n
}

// withheld reports whether the gate keeps the only number of an answer back.
func (w *world) withheld(sql string) bool {
	w.Helper()
	r, err := w.ask(sql)
	return err != nil || len(r.rows) != 1 || r.rows[0][0] == "NULL"
}

func TestAProfileIsWhatTheGateAnswers(t *testing.T) {
	w := newWorld(t)
	w.remembers = true
	made := w.profile()
	patients := made.Table("patients")
	if patients == nil || patients.Rows == nil || *patients.Rows != people || patients.People == nil || *patients.People != people {
		t.Fatalf("patients: %+v", patients)
	}
	sex := patients.Column("sex")
	for _, v := range sex.Values {
		if n := w.count("SELECT count(*) FROM patients WHERE sex = '" + v.Value + "'"); n != v.Rows {
			t.Errorf("%s: the profile says %d, there are %d", v.Value, v.Rows, n)
		}
	}
	if len(sex.Values) != 1 || !sex.More { // four are indeterminate, and one more group goes, since all people are known
		t.Errorf("sex: %+v", sex)
	}
	value := made.Table("events").Column("value")
	if value.Missing == nil || *value.Missing != w.count("SELECT count(*) FROM events WHERE value IS NULL") || value.Mean == nil || len(value.Quantiles) != len(catalog.ProfileQuantiles) {
		t.Errorf("value: %+v", value)
	}
	if !slices.IsSortedFunc(value.Quantiles, func(a, b catalog.Quantile) int { return int((a.Value - b.Value) * 1000) }) {
		t.Errorf("quantiles: %v", value.Quantiles)
	}
	date := made.Table("events").Column("date")
	if date.First != "2010" || date.Last != "2023" {
		t.Errorf("date: %+v", date)
	}
	if codes := made.Table("codes"); codes == nil || !codes.Public || *codes.Rows != 4 {
		t.Errorf("codes: %+v", codes)
	}
	if lsoa := patients.Column("lsoa"); len(lsoa.Values) > 0 {
		t.Errorf("a quasi-identifier has values: %+v", lsoa)
	}
}

// What the catalogue shows, everybody knows: a question of any project that would
// tell of one person beside it is withheld, and the catalogue does not show what would
// tell of one person beside what a project was told.
func TestTheCatalogueAndProjectsAreJudgedBesideEachOther(t *testing.T) {
	w := newWorld(t)
	w.remembers = true
	but := fmt.Sprintf("SELECT count(*) FROM patients WHERE sex = 'F' AND NOT %s", w.onePerson())
	whole := w.related("elsewhere", "eve")
	if whole.withheld(but) {
		t.Fatal("by itself the question is answered")
	}
	made := w.profile()
	for _, v := range made.Table("patients").Column("sex").Values {
		if v.Value == "F" {
			t.Errorf("the catalogue shows the women beside all of them but one")
		}
	}

	w = newWorld(t)
	w.remembers = true
	but = fmt.Sprintf("SELECT count(*) FROM patients WHERE sex = 'F' AND NOT %s", w.onePerson())
	other := w.related("elsewhere", "eve")
	made = w.profile()
	if !slices.ContainsFunc(made.Table("patients").Column("sex").Values, func(v catalog.ValueCount) bool { return v.Value == "F" }) {
		t.Fatalf("the catalogue does not show the women: %+v", made.Table("patients").Column("sex"))
	}
	if !other.withheld(but) {
		t.Error("a project is told all women but one, beside what the catalogue shows")
	}
}

// A profile is made once at a time, by whoever may have it made for as long as they may, and
// not when the house is being closed.
func TestAProfileIsMadeByWhoMay(t *testing.T) {
	w := newWorld(t)
	w.remembers = true
	p, sessions := w.catalogued()
	defer p.Close()
	ctx := t.Context()
	if err := p.Begin(ctx, gatehouse.Principal{User: "eve"}, "world", 1, ""); gatehouse.CodeOf(err) != gatehouse.CodeDenied {
		t.Errorf("who is no custodian: %v", err)
	}

	reached, goOn := make(chan struct{}), make(chan struct{})
	denied := gatehouse.Errorf(gatehouse.CodeNotCustodian, "You are not custodian of the dataset any more.")
	sessions.entered = func(times int) error {
		switch times {
		case 4: // before the third question
			close(reached)
			<-goOn
		case 6:
			return denied
		}
		return nil
	}
	*sessions.opened = 0
	must(t, p.Begin(ctx, cora, "world", 1, ""))
	<-reached
	if err := p.Begin(ctx, cora, "world", 1, ""); gatehouse.CodeOf(err) != gatehouse.CodeConflict || *sessions.opened != 1 {
		t.Errorf("while one is made: %v, opened %d times", err, *sessions.opened)
	}
	close(goOn)
	p.Wait()
	progress, err := p.Progress(ctx, cora, "world")
	must(t, err)
	if progress.Running || progress.Failed == "" || progress.Asked != 5 {
		t.Errorf("who made it is no custodian any more: %+v", progress)
	}
	if _, err := p.Profile(ctx, cora, "world", 1); gatehouse.CodeOf(err) != gatehouse.CodeNotFound {
		t.Errorf("a profile was kept: %v", err)
	}

	// What cannot begin leaves what was said of the one before, and the place free.
	sessions.entered = func(int) error { return denied }
	if err := p.Begin(ctx, cora, "world", 1, ""); gatehouse.CodeOf(err) != gatehouse.CodeNotCustodian {
		t.Errorf("who is no custodian any more: %v", err)
	}
	if now, err := p.Progress(ctx, cora, "world"); err != nil || now != progress {
		t.Errorf("%+v, %v", now, err)
	}
	begun := make(chan struct{})
	sessions.entered = func(times int) error {
		if times == *sessions.times && progress.Asked > 0 {
			progress.Asked = 0
			return nil // to begin
		}
		select {
		case <-begun:
		default:
			close(begun)
		}
		return nil
	}
	must(t, p.Begin(ctx, cora, "world", 1, ""))
	<-begun
	p.Close()
	if now, err := p.Progress(ctx, cora, "world"); err != nil || now.Running || now.Failed == "" {
		t.Errorf("after the house was closed: %+v, %v", now, err)
	}
	if err := p.Begin(ctx, cora, "world", 1, ""); gatehouse.CodeOf(err) != gatehouse.CodeShutdown {
		t.Errorf("in a house that is closed: %v", err)
	}
}

// A project on another version than the catalogue's asks of its own tables as before.
func TestAProfileOfAnotherVersionLetsWorkspaceTablesBeAsked(t *testing.T) {
	w := newWorld(t)
	w.remembers = true
	next := w.publishNext(map[string]string{"patients": "SELECT * REPLACE (CASE WHEN _unit = 77 THEN 99 ELSE imd_decile END AS imd_decile) FROM before"})
	other := w.related("elsewhere", "eve")
	made := w.profile()
	if imd := made.Table("patients").Column("imd_decile"); len(imd.Values) < 9 {
		t.Fatalf("%+v", imd)
	}
	other.use(next)
	_, err := other.ask("CREATE TABLE mine AS SELECT person_id, birth_year, imd_decile FROM patients")
	must(t, err)
	if other.withheld("SELECT avg(birth_year) FROM mine") {
		t.Error("what has not changed is withheld")
	}
	if !other.withheld("SELECT count(*) FROM mine WHERE imd_decile < 11") {
		t.Error("who left a group is told beside the catalogue")
	}
}

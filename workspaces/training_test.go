package workspaces_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/journal"
	"github.com/gatehouse-tre/gatehouse/infra/keys"
	"github.com/gatehouse-tre/gatehouse/infra/policy"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// restart closes the database and opens it again, as another process would.
func (h *house) restart() {
	h.t.Helper()
	h.must(h.db.Close())
	signer, err := h.keys.Signer(keys.Journal)
	h.must(err)
	note, err := journal.NewSigner(signer)
	h.must(err)
	h.db, err = state.Open(h.t.Context(), filepath.Join(h.dir, "state", "gatehouse.db"), state.Options{Journal: journal.New(note, h.checkpoint()), Now: h.clock})
	h.must(err)
	h.t.Cleanup(func() { h.db.Close() })
	c := h.Config
	c.Store = state.Workspaces(h.db)
	if c.Authorizer, err = policy.New(state.Workspaces(h.db)); err != nil {
		h.t.Fatal(err)
	}
	h.Service, err = workspaces.New(c)
	h.must(err)
}

// What lapses, lapses at its instant: the last microsecond before it still counts.
func TestAccessEndsAtTheExactInstant(t *testing.T) {
	later := start.AddDate(0, 0, 20)
	for name, c := range map[string]struct {
		set  func(*workspaces.Project)
		want gatehouse.Code
	}{
		"training":  {func(p *workspaces.Project) { p.Members[1].TrainingUntil = later }, gatehouse.CodeTrainingLapsed},
		"agreement": {func(p *workspaces.Project) { p.Members[1].AgreementUntil = later }, gatehouse.CodeUnsigned},
		"project":   {func(p *workspaces.Project) { p.Expires = later }, gatehouse.CodeProjectExpired},
		"never signed at all": {func(p *workspaces.Project) {
			p.Members[1].Agreement, p.Members[1].AgreementUntil = 0, later.AddDate(1, 0, 0)
		}, gatehouse.CodeUnsigned},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.activate()
			ben, ada := h.signIn("ben"), h.signIn("ada")
			h.force(c.set)
			h.at(later.Add(-time.Microsecond))
			_, err := h.Enter(t.Context(), ben)
			if name == "never signed at all" {
				h.want(err, c.want)
				return
			}
			h.must(err)
			h.at(later)
			_, err = h.Enter(t.Context(), ben)
			h.want(err, c.want)
			if e := h.last(); e.Action != "session.refused" || e.Detail["code"] != string(c.want) {
				t.Errorf("the refusal is journaled as %+v", e)
			}
			// It is the person's alone, unless the project is over.
			_, err = h.Enter(t.Context(), ada)
			if c.want == gatehouse.CodeProjectExpired {
				h.want(err, c.want)
			} else {
				h.must(err)
			}
		})
	}
}

// Whoever renews is let in again, and is warned anew of the new date.
func TestRenewingASignature(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.activate()
	h.force(func(p *workspaces.Project) {
		p.Expires, p.Members[1].TrainingUntil = start.AddDate(9, 0, 0), start.AddDate(9, 0, 0)
	})
	h.catalogue.versions[0].Receipts = nil
	h.force(func(p *workspaces.Project) { p.OptOutBasis = workspaces.BasisLegal })
	h.at(start.AddDate(0, 0, 365))
	a, err := h.SetAgreement(ctx, workspaces.System, "Another text.\n", 100)
	h.must(err)
	if a.Version != 2 {
		t.Errorf("the second agreement is version %d", a.Version)
	}
	_, err = h.SignAgreement(ctx, who("ben"), "diabetes-outcomes", 1)
	h.want(err, gatehouse.CodeEdited)
	_, err = h.SetAgreement(ctx, custodian, "Mine.", 100)
	h.want(err, gatehouse.CodeDenied)
	p, err := h.SignAgreement(ctx, who("ben"), "diabetes-outcomes", 2)
	h.must(err)
	if m := p.Members[1]; m.Agreement != 2 || !m.AgreementUntil.Equal(start.AddDate(0, 0, 465)) || p.State != workspaces.ProjectActive {
		t.Errorf("ben's membership is %+v in a project that is %s", m, p.State)
	}
	if m := p.Members[0]; m.Agreement != 1 {
		t.Errorf("ada's membership is %+v", m)
	}
	if e := h.last(); e.Action != "agreement.signed" || e.Detail["version"] != "2" || e.Detail["sha256"] != a.SHA256 {
		t.Errorf("journaled %+v", e)
	}
}

// Each warning is given exactly once: whenever the sweep runs, however often, and
// whoever is killed in between.
func TestWarningsAreGivenExactlyOnce(t *testing.T) {
	h := newHouse(t)
	h.activate() // ben's training lapses on 2026-07-01
	due := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	given := func() string {
		var lapses []string
		for _, kind := range h.notices("ben") {
			if strings.HasPrefix(kind, "training.") {
				lapses = append(lapses, strings.TrimPrefix(kind, "training."))
			}
		}
		return strings.Join(lapses, " ")
	}
	for _, c := range []struct {
		at   time.Time
		want string
	}{
		{start, ""},
		{due.AddDate(0, 0, -30).Add(-time.Microsecond), ""},
		{due.AddDate(0, 0, -30), "lapses"},
		{due.AddDate(0, 0, -20), "lapses"},
		{due.AddDate(0, 0, -14).Add(-time.Microsecond), "lapses"},
		{due.AddDate(0, 0, -14), "lapses lapses"},
		{due.AddDate(0, 0, -3), "lapses lapses lapses"},
		{due.Add(-time.Microsecond), "lapses lapses lapses"},
		{due, "lapses lapses lapses lapsed"},
		{due.AddDate(0, 1, 0), "lapses lapses lapses lapsed"},
	} {
		h.at(c.at)
		for range 3 {
			_, err := h.Sweep(t.Context())
			h.must(err)
			h.restart()
		}
		if got := given(); got != c.want {
			t.Errorf("at %s: %q, want %q", c.at, got, c.want)
		}
	}
	lapsed := 0
	for _, e := range h.events() {
		if e.Action == "training.lapsed" && e.Subject == "ben" {
			lapsed++
		}
	}
	if lapsed != 1 {
		t.Errorf("the lapse is journaled %d times", lapsed)
	}
	// Renewed, the new date has warnings of its own.
	h.force(func(p *workspaces.Project) { p.Members[1].TrainingUntil = due.AddDate(0, 1, 10) })
	_, err := h.Sweep(t.Context())
	h.must(err)
	if got := given(); got != "lapses lapses lapses lapsed lapses" {
		t.Errorf("after the renewal: %q", got)
	}
}

// Whoever was not looked after for weeks is told once, of what is nearest.
func TestOfSeveralWarningsTheNearestIsGiven(t *testing.T) {
	h := newHouse(t)
	h.activate()
	due := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	h.at(due.AddDate(0, 0, -2))
	for range 2 {
		done, err := h.Sweep(t.Context())
		h.must(err)
		h.at(due.AddDate(0, 0, -1))
		if done.Lapsed != 0 {
			t.Errorf("%+v", done)
		}
	}
	n := 0
	for _, kind := range h.notices("ben") {
		if kind == "training.lapses" {
			n++
		}
	}
	if n != 1 {
		t.Errorf("ben was warned %d times", n)
	}
}

// Sweeps at the same time, as of two processes, do not warn twice.
func TestSweepsAtOnce(t *testing.T) {
	h := newHouse(t)
	h.activate()
	h.at(time.Date(2026, 6, 20, 0, 0, 0, 0, time.UTC))
	warned := make(chan int, 8)
	for range cap(warned) {
		go func() {
			done, err := h.Sweep(t.Context())
			if err != nil {
				t.Error(err)
			}
			warned <- done.Warned
		}()
	}
	sum := 0
	for range cap(warned) {
		sum += <-warned
	}
	if sum != 1 { // ben's training; ada's lasts until autumn
		t.Errorf("%d warnings were given", sum)
	}
}

// Leads hear of their project's end, and members of its expiry.
func TestTheEndOfAProjectIsTold(t *testing.T) {
	h := newHouse(t)
	h.activate()
	h.force(func(p *workspaces.Project) { p.Expires = start.AddDate(0, 0, 40) })
	for _, days := range []int{10, 26, 37, 40, 41} {
		h.at(start.AddDate(0, 0, days))
		_, err := h.Sweep(t.Context())
		h.must(err)
	}
	got := strings.Join(h.notices("ada"), " ")
	if want := "project.lapses project.lapses project.lapses project.expired"; !strings.HasSuffix(got, want) {
		t.Errorf("the lead was told %s", got)
	}
	if got := h.notices("ben"); got[len(got)-1] != "project.expired" || strings.Contains(strings.Join(got, " "), "project.lapses") {
		t.Errorf("ben was told %v", got)
	}
}

func TestFiveSafesSayWhatHoldsNow(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.activate()
	h.force(func(p *workspaces.Project) { p.Members[1].TrainingUntil = start })
	v, err := h.FiveSafes(ctx, who("aude"), "diabetes-outcomes")
	h.must(err)
	if len(v.People) != 2 || !v.People[0].Access || v.People[1].Access || !strings.Contains(v.People[1].Why, "training") {
		t.Errorf("people: %+v", v.People)
	}
	if len(v.Data) != 1 || !v.Data[0].Fresh || v.Data[0].Tables[0].Why != "Outcomes differ by sex and age." || len(v.Data[0].Tables[0].Columns) != 3 || v.Data[0].Lists[0].List != "national" {
		t.Errorf("data: %+v", v.Data)
	}
	if v.Projects.Decisions[0].Custodian != "cora" || v.Outputs.Policy != "sdap@1" || v.Settings.OptOutDays != 30 || v.Settings.Workspaces[0].Dataset != "shared_care" {
		t.Errorf("projects: %+v, outputs: %+v, settings: %+v", v.Projects, v.Outputs, v.Settings)
	}
	h.at(start.AddDate(0, 0, 29))
	v, err = h.FiveSafes(ctx, who("aude"), "diabetes-outcomes")
	h.must(err)
	if v.Data[0].Fresh || v.Data[0].Why == "" {
		t.Errorf("with old lists: %+v", v.Data[0])
	}
	_, err = h.FiveSafes(ctx, who("eve"), "diabetes-outcomes")
	h.want(err, gatehouse.CodeNotFound)
}

// The register holds what was approved, and no person but who asked for it.
func TestTheRegisterIsPublic(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	_, err := h.CreateProject(ctx, lead, parse(t, strings.Replace(projectText, "funding:", "public_names: [Dr A. Lovelace]\nfunding:", 1)))
	h.must(err)
	empty := func() {
		t.Helper()
		found, err := h.Register(ctx)
		h.must(err)
		if len(found) != 0 {
			t.Errorf("the register holds %+v", found)
		}
	}
	empty()
	h.must(h.SubmitProject(ctx, lead, "diabetes-outcomes"))
	empty()
	h.must(h.ApproveProject(ctx, custodian, "diabetes-outcomes"))
	found, err := h.Register(ctx)
	h.must(err)
	if len(found) != 1 || found[0].Organisation != "University of Northtown" || found[0].People[0] != "Dr A. Lovelace" || !found[0].Approved.Equal(start) {
		t.Fatalf("the register holds %+v", found)
	}
	h.must(h.CloseProject(ctx, custodian, "diabetes-outcomes", "a reason"))
	found, err = h.Register(ctx)
	h.must(err)
	if len(found) != 1 || found[0].State != workspaces.ProjectClosed {
		t.Errorf("after its end the register holds %+v", found)
	}
}

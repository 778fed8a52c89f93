package workspaces_test

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// consenting has a project on the basis of consent, approved, without a workspace.
func consenting(t *testing.T) *house {
	h := newHouse(t)
	ctx := t.Context()
	_, err := h.CreateProject(ctx, lead, parse(t, projectText+"opt_out_basis: consent\nopt_out_ref: consent form 4\n"))
	h.must(err)
	h.must(h.SubmitProject(ctx, lead, study))
	h.must(h.ApproveProject(ctx, custodian, study))
	h.sign(study, "ada", "ben")
	return h
}

func consents(dated time.Time, units ...uint32) workspaces.Consents {
	return workspaces.Consents{Dataset: "shared_care", Project: study, Units: roaring.BitmapOf(units...), Dated: dated}
}

func (h *house) seen() []uint32 {
	h.t.Helper()
	return slices.Sorted(maps.Keys(readPopulation(h.t, filepath.Join(h.dir, "workspaces", study, "population.parquet"))))
}

// A project on the basis of consent sees whoever consents, of the version, and has not
// withdrawn, and nobody before it is said who consents.
func TestAProjectOfConsentSeesWhoConsents(t *testing.T) {
	h := consenting(t)
	ctx := t.Context()
	_, err := h.OpenWorkspace(ctx, lead, study, study)
	h.want(err, gatehouse.CodeConsent)
	_, err = h.Enter(ctx, h.signIn("ada"))
	h.want(err, gatehouse.CodeConsent)

	h.must(h.RecordConsents(ctx, custodian, consents(start, 3, 6, 9, 10))) // nobody has the unit 10
	_, err = h.OpenWorkspace(ctx, lead, study, study)
	h.must(err)
	before, err := h.Enter(ctx, h.signIn("ada"))
	h.must(err)
	if got := h.seen(); !slices.Equal(got, []uint32{3, 6, 9}) || before.Mounts[0].Complete {
		t.Errorf("it sees %v", got)
	}
	// A new list takes the place of the old: consent that was given ends with it.
	h.must(h.RecordConsents(ctx, custodian, consents(start, 3, 12)))
	after, err := h.Enter(ctx, h.signIn("ada"))
	h.must(err)
	if got := h.seen(); !slices.Equal(got, []uint32{3, 12}) || after.Mounts[0].Digest == before.Mounts[0].Digest {
		t.Errorf("it sees %v", got)
	}
	h.want(h.RecordConsents(ctx, custodian, consents(start.Add(-time.Hour), 3, 6)), gatehouse.CodeConsent) // an older one does not
	h.must(h.Withdraw(ctx, custodian, "shared_care", study, []uint32{3}))
	_, err = h.Enter(ctx, h.signIn("ada"))
	h.must(err)
	if got := h.seen(); !slices.Equal(got, []uint32{12}) {
		t.Errorf("it sees %v", got)
	}
	for _, e := range h.events() {
		if e.Action == "consent.recorded" && (e.Subject != "shared_care" || e.Project != study || len(e.Detail) != 1) {
			t.Errorf("%+v", e)
		}
	}
	// The list has an age like any other.
	h.publish(2, 1000)
	v := &h.catalogue.versions[len(h.catalogue.versions)-1]
	for i := range v.Receipts {
		v.Receipts[i].Dated = start.AddDate(0, 0, 31)
	}
	h.must(h.UseVersion(ctx, custodian, study, "shared_care", 2))
	who := h.signIn("ada")
	h.at(start.AddDate(0, 0, 29))
	_, err = h.Enter(ctx, who)
	h.must(err)
	h.at(start.AddDate(0, 0, 31))
	if _, err = h.Enter(ctx, h.signIn("ada")); gatehouse.CodeOf(err) != gatehouse.CodeListsStale || !strings.Contains(err.Error(), "consents") {
		t.Errorf("with an old list: %v", err)
	}
}

// When the basis of a project becomes consent, or is it no more, its population follows.
func TestAPopulationFollowsTheBasis(t *testing.T) {
	h := newHouse(t)
	h.activate()
	ctx := t.Context()
	basis := func(b workspaces.OptOutBasis) {
		h.must(h.Store.Update(ctx, func(tx workspaces.Tx) error {
			p, err := tx.Project(ctx, study)
			p.OptOutBasis = b
			if err != nil {
				return err
			}
			return tx.ChangeProject(ctx, p)
		}))
	}
	mark := func() workspaces.Mark {
		marks, err := h.Marks(ctx)
		h.must(err)
		return marks[study]
	}
	before := mark()
	basis(workspaces.BasisConsent)
	if mark() == before {
		t.Error("engines are not told")
	}
	_, err := h.Enter(ctx, h.signIn("ada"))
	h.want(err, gatehouse.CodeConsent)
	// Who withdraws meanwhile leaves the own tables all the same.
	h.must(h.Withdraw(ctx, custodian, "shared_care", "", []uint32{3}))
	_, err = h.Remount(ctx, study)
	h.must(err)
	if got := h.seen(); len(got) != 999 || slices.Contains(got, 3) {
		t.Errorf("%d people", len(got))
	}
	h.must(h.RecordConsents(ctx, custodian, consents(start, 3, 6)))
	_, err = h.Enter(ctx, h.signIn("ada"))
	h.must(err)
	if got := h.seen(); !slices.Equal(got, []uint32{6}) {
		t.Errorf("it sees %v", got)
	}
	basis(workspaces.BasisApplies)
	_, err = h.Enter(ctx, h.signIn("ada"))
	h.must(err)
	if got := h.seen(); len(got) != 999 {
		t.Errorf("%d people", len(got))
	}
}

// Units are of the person index of the version that the project sees: a list of another's
// is not taken, and a version of another is not moved to.
func TestAListOfConsentIsOfTheProjectsOwnIndex(t *testing.T) {
	h := consenting(t)
	ctx := t.Context()
	h.publish(2, 1000)
	h.catalogue.versions[len(h.catalogue.versions)-1].Family = "elsewhere" // from before a dataset kept its index
	list := consents(start, 3, 6)
	h.must(h.RecordConsents(ctx, custodian, list))
	// Whoever ends a consent is gone: no version goes on showing them.
	h.want(h.SetLeaving(ctx, custodian, workspaces.Leaving{Dataset: "shared_care", Project: study, Policy: workspaces.LeavingStopFlow, Document: "minutes"}), gatehouse.CodeConsent)
	list.Family = "elsewhere" // as the newest version has them
	h.want(h.RecordConsents(ctx, custodian, list), gatehouse.CodeConsent)
	h.want(h.UseVersion(ctx, custodian, study, "shared_care", 2), gatehouse.CodeConsent)
	_, err := h.OpenWorkspace(ctx, lead, study, study)
	h.must(err)
	_, err = h.Enter(ctx, h.signIn("ada"))
	h.must(err)
	if got := h.seen(); !slices.Equal(got, []uint32{3, 6}) {
		t.Errorf("it sees %v", got)
	}
}

func TestWhoMayNotSayWhoConsents(t *testing.T) {
	h := consenting(t)
	ctx := t.Context()
	for name, c := range map[string]struct {
		who  gatehouse.Principal
		list workspaces.Consents
		code gatehouse.Code
	}{
		"the lead":            {lead, consents(start, 3), gatehouse.CodeDenied},
		"a checker":           {gatehouse.Principal{User: "chad"}, consents(start, 3), gatehouse.CodeDenied},
		"an operator":         {gatehouse.Principal{User: "oona"}, consents(start, 3), gatehouse.CodeNotFound},
		"of the future":       {custodian, consents(start.AddDate(0, 0, 2), 3), gatehouse.CodeConsent},
		"too old":             {custodian, consents(start.AddDate(0, 0, -31), 3), gatehouse.CodeConsent},
		"of another dataset":  {custodian, workspaces.Consents{Dataset: "other", Project: study, Units: roaring.New(), Dated: start}, gatehouse.CodeNotFound},
		"to no such project":  {custodian, workspaces.Consents{Dataset: "shared_care", Project: "nothing", Units: roaring.New(), Dated: start}, gatehouse.CodeNotFound},
		"another's custodian": {gatehouse.Principal{User: "carl"}, consents(start, 3), gatehouse.CodeNotCustodian},
	} {
		if name == "another's custodian" {
			h.must(h.RemoveCustodian(ctx, workspaces.System, "shared_care", "carl"))
		}
		if err := h.RecordConsents(ctx, c.who, c.list); gatehouse.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	h.must(h.Store.View(ctx, func(tx workspaces.Tx) error {
		if _, err := tx.Consents(ctx, "shared_care", study); gatehouse.CodeOf(err) != gatehouse.CodeNotFound {
			t.Errorf("a list was recorded: %v", err)
		}
		return nil
	}))

	other := newHouse(t) // where the opt-out applies
	other.activate()
	other.want(other.RecordConsents(ctx, custodian, consents(start, 3)), gatehouse.CodeConsent)
}

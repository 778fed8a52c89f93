package workspaces_test

import (
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func TestOnlyACustodianOfTheDatasetHasTheCatalogueAsk(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	carl := gatehouse.Principal{User: "carl"}
	h.must(h.RemoveCustodian(ctx, workspaces.System, "shared_care", carl.User))
	h.want(h.OpenCatalogue(ctx, carl, "shared_care", 1, "nhs"), gatehouse.CodeNotCustodian)
	h.want(h.OpenCatalogue(ctx, custodian, "shared_care", 9, "nhs"), gatehouse.CodeNotFound)
	if err := h.OpenCatalogue(ctx, custodian, "shared_care", 1, "none-such"); err == nil {
		t.Error("a policy that there is none of is taken")
	}
	h.must(h.OpenCatalogue(ctx, custodian, "shared_care", 1, "nhs"))
	for _, who := range []string{"ada", "chad", "oona", "aude", "carl", ""} {
		open := h.OpenCatalogue(ctx, gatehouse.Principal{User: who}, "shared_care", 1, "nhs")
		_, enter := h.EnterCatalogue(ctx, gatehouse.Principal{User: who}, "shared_care", 1)
		if open == nil || enter == nil {
			t.Errorf("%q has the catalogue ask", who)
		}
	}

	s, err := h.EnterCatalogue(ctx, custodian, "shared_care", 1)
	h.must(err)
	if len(s.Mounts) != 1 || len(s.Mounts[0].Tables) != len(h.catalogue.versions[0].Tables) || s.Project.Policy != "nhs@1" {
		t.Errorf("the session: %+v", s)
	}
}

// Whoever has the catalogue ask must still be one who may at each question.
func TestTheCatalogueIsEnteredAnew(t *testing.T) {
	for name, x := range map[string]struct {
		after func(h *house) error
		code  gatehouse.Code
	}{
		"not custodian of the dataset any more": {func(h *house) error {
			return h.RemoveCustodian(t.Context(), workspaces.System, "shared_care", custodian.User)
		}, gatehouse.CodeNotCustodian},
		"not custodian any more": {func(h *house) error {
			return h.RevokeRole(t.Context(), workspaces.System, custodian.User, gatehouse.RoleCustodian)
		}, gatehouse.CodeDenied},
		"locked":            {func(h *house) error { return h.LockUser(t.Context(), workspaces.System, custodian.User) }, gatehouse.CodeUserLocked},
		"the lists are old": {func(h *house) error { h.at(start.AddDate(1, 0, 0)); return nil }, gatehouse.CodeListsStale},
	} {
		h := newHouse(t)
		ctx := t.Context()
		h.must(h.OpenCatalogue(ctx, custodian, "shared_care", 1, "nhs"))
		_, err := h.EnterCatalogue(ctx, custodian, "shared_care", 1)
		h.must(err)
		h.must(x.after(h))
		if _, err = h.EnterCatalogue(ctx, custodian, "shared_care", 1); gatehouse.CodeOf(err) != x.code {
			t.Errorf("%s: %v", name, err)
		}
		refused := h.events()
		if last := refused[len(refused)-1]; last.Action != "profile.refused" || last.Detail["code"] != string(x.code) {
			t.Errorf("%s: journaled: %+v", name, last)
		}
	}
}

func TestTheCataloguesProjectIsNobodys(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.must(h.OpenCatalogue(ctx, custodian, "shared_care", 1, "nhs"))
	id := workspaces.CatalogueProject("shared_care")

	for _, who := range []gatehouse.Principal{lead, custodian, {User: "aude"}} {
		all, err := h.Projects(ctx, who)
		h.must(err)
		if slices.ContainsFunc(all, func(p workspaces.Project) bool { return p.ID == id }) {
			t.Errorf("%s finds it among the projects", who.User)
		}
	}
	public, err := h.Register(ctx)
	h.must(err)
	if len(public) != 0 {
		t.Errorf("the register has it: %+v", public)
	}
	if _, err := h.IssueToken(ctx, workspaces.System, "cora", id, time.Hour); err == nil {
		t.Error("a token for its workspace is issued")
	}
	p := parse(t, projectText)
	p.ID = id
	_, err = h.CreateProject(ctx, lead, p)
	h.want(err, gatehouse.CodeInvalidProject)
	other := custodian // who did not open it
	other.User = "carl"
	h.want(h.SetLeaving(ctx, other, workspaces.Leaving{Dataset: "shared_care", Project: id, Policy: workspaces.LeavingStopFlow, Document: "minutes"}), gatehouse.CodeNotFound)
}

// A list that is too old stops the catalogue as it stops a project.
func TestTheCatalogueNeedsFreshLists(t *testing.T) {
	h := newHouse(t)
	h.at(start.AddDate(1, 0, 0))
	h.must(h.OpenCatalogue(t.Context(), custodian, "shared_care", 1, "nhs"))
	_, err := h.EnterCatalogue(t.Context(), custodian, "shared_care", 1)
	h.want(err, gatehouse.CodeListsStale)
}

// What is told of two versions would have to be compared with every answer.
func TestADatasetHasAProfileOfOneVersion(t *testing.T) {
	h := newHouse(t)
	h.publish(2, 1000)
	h.must(h.OpenCatalogue(t.Context(), custodian, "shared_care", 1, "nhs"))
	h.want(h.OpenCatalogue(t.Context(), custodian, "shared_care", 2, "nhs"), gatehouse.CodeConflict)
	_, err := h.EnterCatalogue(t.Context(), custodian, "shared_care", 2)
	h.want(err, gatehouse.CodeConflict)
	h.must(h.OpenCatalogue(t.Context(), custodian, "shared_care", 1, "nhs"))
}

// A custodian moves the catalogue to another version, and the earlier one is asked about no more.
func TestTheCatalogueMovesToAnotherVersion(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	carl := gatehouse.Principal{User: "carl"}
	h.must(h.RemoveCustodian(ctx, workspaces.System, "shared_care", carl.User))
	h.publish(2, 1000)
	h.must(h.OpenCatalogue(ctx, custodian, "shared_care", 1, "nhs"))
	h.want(h.MoveCatalogue(ctx, carl, "shared_care", 2), gatehouse.CodeNotCustodian)
	h.want(h.MoveCatalogue(ctx, gatehouse.Principal{User: lead.User}, "shared_care", 2), gatehouse.CodeDenied)
	h.want(h.MoveCatalogue(ctx, custodian, "shared_care", 9), gatehouse.CodeNotFound)
	h.want(h.OpenCatalogue(ctx, custodian, "shared_care", 2, "nhs"), gatehouse.CodeConflict)
	h.must(h.MoveCatalogue(ctx, custodian, "shared_care", 2))
	h.must(h.OpenCatalogue(ctx, custodian, "shared_care", 2, "nhs"))
	s, err := h.EnterCatalogue(ctx, custodian, "shared_care", 2)
	h.must(err)
	if len(s.Mounts) != 1 || s.Mounts[0].Version.Number != 2 || s.Project.State != workspaces.ProjectArchived {
		t.Fatalf("%+v", s)
	}
	_, err = h.EnterCatalogue(ctx, custodian, "shared_care", 1)
	h.want(err, gatehouse.CodeConflict)
}

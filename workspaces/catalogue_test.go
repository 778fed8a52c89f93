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
	for _, who := range []string{"ada", "chad", "oona", "aude", ""} {
		_, err := h.EnterCatalogue(ctx, gatehouse.Principal{User: who}, "shared_care", 1, "nhs")
		if err == nil {
			t.Errorf("%q has the catalogue ask", who)
		}
	}
	h.must(h.RemoveCustodian(ctx, workspaces.System, "shared_care", "carl"))
	_, err := h.EnterCatalogue(ctx, gatehouse.Principal{User: "carl"}, "shared_care", 1, "nhs")
	h.want(err, gatehouse.CodeNotCustodian)
	_, err = h.EnterCatalogue(ctx, custodian, "shared_care", 9, "nhs")
	h.want(err, gatehouse.CodeNotFound)
	_, err = h.EnterCatalogue(ctx, custodian, "shared_care", 1, "none-such")
	if err == nil {
		t.Error("a policy that there is none of is taken")
	}

	s, err := h.EnterCatalogue(ctx, custodian, "shared_care", 1, "nhs")
	h.must(err)
	if len(s.Mounts) != 1 || len(s.Mounts[0].Tables) != len(h.catalogue.versions[0].Tables) || s.Project.Policy != "nhs@1" {
		t.Errorf("the session: %+v", s)
	}
}

func TestTheCataloguesProjectIsNobodys(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	_, err := h.EnterCatalogue(ctx, custodian, "shared_care", 1, "nhs")
	h.must(err)
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
}

// A list that is too old stops the catalogue as it stops a project.
func TestTheCatalogueNeedsFreshLists(t *testing.T) {
	h := newHouse(t)
	h.at(start.AddDate(1, 0, 0))
	_, err := h.EnterCatalogue(t.Context(), custodian, "shared_care", 1, "nhs")
	h.want(err, gatehouse.CodeListsStale)
}

// What is told of two versions would have to be compared with every answer.
func TestADatasetHasAProfileOfOneVersion(t *testing.T) {
	h := newHouse(t)
	h.publish(2, 1000)
	_, err := h.EnterCatalogue(t.Context(), custodian, "shared_care", 1, "nhs")
	h.must(err)
	_, err = h.EnterCatalogue(t.Context(), custodian, "shared_care", 2, "nhs")
	h.want(err, gatehouse.CodeConflict)
	_, err = h.EnterCatalogue(t.Context(), custodian, "shared_care", 1, "nhs")
	h.must(err)
}

package egress_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/journal"
)

// Nobody writes what they like into the journal by asking for it.
func TestRefusalsDoNotRepeatWhatWasMadeUp(t *testing.T) {
	h := newHouse(t)
	long := strings.Repeat("made up ", 10_000)
	_, err := h.CreateRequest(t.Context(), as("ada"), egress.NewRequest{Project: long, Title: "T"})
	want(t, "a project that is none", err, gatehouse.CodeNotFound)
	_, _, err = h.OpenFile(t.Context(), as("chris"), long, "a.csv")
	want(t, "a request that is none", err, gatehouse.CodeNotFound)
	_, err = h.MakeLink(t.Context(), as("ada"), long)
	want(t, "a release that is none", err, gatehouse.CodeNotFound)

	if got := h.events("not a name"); !slices.Equal(got, []string{"chris request.file.view.refused", "ada release.link.refused"}) {
		t.Errorf("journaled as %q", got)
	}
	entries, err := journal.List(t.Context(), h.db.Reader(), journal.Filter{Subject: "new request"})
	if err != nil || len(entries) != 1 || entries[0].Event.Project != "" {
		t.Errorf("journaled as %+v, %v", entries, err)
	}
}

package site_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/journal"
	"github.com/gatehouse-tre/gatehouse/infra/state"
)

// TestAnEventIsProvedToOthers checks the proof that is downloaded as somebody would
// who has it and the public key alone.
func TestAnEventIsProvedToOthers(t *testing.T) {
	h := newHouse(t)
	id := h.submitted()
	aud := h.as("aud")
	list := aud.get("/journal?action=request.submitted").wants(t, http.StatusOK, id)
	at := regexp.MustCompile(`/journal/events/\d+`).FindString(list.body)
	aud.get(at).wants(t, http.StatusOK, "request.submitted", id, "verify_journal.py inclusion", "Download the proof")
	got := aud.get(at+"/proof").wants(t, http.StatusOK)
	if d := got.header.Get("Content-Disposition"); !strings.HasPrefix(d, "attachment") || !strings.Contains(d, "-proof.json") {
		t.Errorf("the proof comes as %q", d)
	}
	var proof journal.Inclusion
	if err := json.Unmarshal([]byte(got.body), &proof); err != nil {
		t.Fatal(err)
	}
	event, err := proof.Check(h.audit.Verifier)
	if err != nil || event.Action != "request.submitted" || event.Subject != id {
		t.Errorf("the proof proves %+v: %v", event, err)
	}
	proof.Event = strings.Replace(proof.Event, "ada", "bob", 1)
	if _, err := proof.Check(h.audit.Verifier); err == nil {
		t.Error("another event is proved as well")
	}
	aud.get("/journal/verify_journal.py").wants(t, http.StatusOK, "Verifies a Gatehouse journal")
	aud.get("/journal/key").wants(t, http.StatusOK, "PUBLIC KEY")
	for _, path := range []string{at, at + "/proof", "/journal/key"} {
		for _, user := range []string{"ada", "chris", "cora", "olga"} {
			h.as(user).get(path).wants(t, http.StatusForbidden).lacks(t, id)
		}
	}
	aud.get("/journal/events/999999").wants(t, http.StatusNotFound)
	aud.get("/journal/events/-1").wants(t, http.StatusNotFound)
}

func TestWhatWasVerifiedIsNotWhatAnAddressSays(t *testing.T) {
	h := newHouse(t)
	h.submitted()
	size := h.size()
	aud := h.as("aud")
	p := aud.post("/journal/verify").wants(t, http.StatusOK, fmt.Sprintf("All %d events", size))
	id := regexp.MustCompile(`wrk_[0-9a-f]+`).FindString(p.query)
	if id == "" {
		t.Fatalf("the page is at %q", p.query)
	}
	h.as("ada").post("/requests/new", "project", "a", "title", "More") // the journal grows
	aud.get("/journal/verified?work="+id+"&size=123456").wants(t, http.StatusOK, fmt.Sprintf("All %d events", size)).lacks(t, "123")
	aud.get("/journal/verified?work=wrk_0&size=5").wants(t, http.StatusNotFound)
	h.as("ada").get("/journal/verified?work="+id).wants(t, http.StatusForbidden)
}

// size is how many events there are.
func (h *house) size() int64 {
	h.t.Helper()
	head, err := h.audit.Head(h.t.Context(), gatehouse.Principal{User: "aud"})
	if err != nil {
		h.t.Fatal(err)
	}
	return head.Size
}

// TestARareEventIsLookedForInStretches: no page reads a journal of any length to
// its beginning.
func TestARareEventIsLookedForInStretches(t *testing.T) {
	h := newHouse(t)
	first := h.size()
	const more = 250_000 // one stretch
	rare, common := []byte(`{"action":"rare","actor":"x","subject":"s","time":"2026-01-01T00:00:00Z"}`), []byte(`{"action":"common","actor":"x","subject":"s","time":"2026-01-01T00:00:00Z"}`)
	// Rows alone, without their tree: the pages that list events read nothing else.
	err := h.db.Update(t.Context(), func(tx *state.Tx) error {
		insert, err := tx.SQL().PrepareContext(t.Context(), `INSERT INTO journal_events (idx, event) VALUES ($1, $2)`)
		if err != nil {
			return err
		}
		defer insert.Close()
		for i := first; i < first+more+10; i++ {
			event := common
			if i == first {
				event = rare
			}
			if _, err := insert.ExecContext(t.Context(), i, event); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	aud := h.as("aud")
	p := aud.get("/journal?action=rare").wants(t, http.StatusOK, "No event matches among those that were looked at", "Continue with older events")
	older := between(t, p.body, `class="nhsuk-button nhsuk-button--secondary" href="`, `"`)
	aud.get("/journal"+strings.ReplaceAll(older, "&amp;", "&")).wants(t, http.StatusOK, fmt.Sprintf("/journal/events/%d\"", first)).lacks(t, "Continue with")
	aud.get("/journal?action=never&since=2026-02-30").wants(t, http.StatusUnprocessableEntity, "not a day")
	aud.get("/journal?action=rare&since=2026-01-02&before="+fmt.Sprint(first+5)).wants(t, http.StatusOK, "No event matches.")
}

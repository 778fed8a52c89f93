package site_test

import (
	"net/http"
	"strconv"
	"testing"
)

func TestLongWorkShowsProgressAndGoesOnWithoutItsReader(t *testing.T) {
	h := newHouse(t)
	h.submitted()
	h.slow.until = make(chan struct{})
	aud := h.as("aud")
	p := aud.post("/journal/verify").wants(t, http.StatusOK, "Verifying the journal", "<progress", "0 of "+strconv.FormatInt(h.size(), 10)+" events")
	if p.header.Get("Refresh") == "" {
		t.Error("the page of a work under way does not load itself again")
	}
	h.as("ada").get(p.path).wants(t, http.StatusNotFound)
	aud.post("/journal/verify").wants(t, http.StatusOK, "<progress")
	aud.post("/journal/verify").wants(t, http.StatusServiceUnavailable, "worked on already") // one person has two at most
	close(h.slow.until)
	for done := false; !done; {
		done = contains(aud.get(p.path).wants(t, http.StatusOK).body, "The journal verifies")
	}
}

package roles

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
)

// own are operations about one's own sign-in, which everybody has.
var own = []string{"begin-sign-in", "poll-sign-in", "sign-out"}

// call makes a request of the API, with the path's parameters filled in.
func (w *world) call(actor string, o operation, in map[string]string, body string) (int, string) {
	w.t.Helper()
	path := o.path
	for name, value := range in {
		path = strings.ReplaceAll(path, "{"+name+"}", value)
	}
	if strings.Contains(path, "{") {
		w.t.Fatalf("nobody knows what to put into %s", path)
	}
	req, err := http.NewRequestWithContext(w.t.Context(), o.method, w.api.URL+path, strings.NewReader(body))
	w.must(err)
	req.Header.Set("Authorization", "Bearer "+w.tokens[actor])
	if strings.HasPrefix(body, "{") {
		req.Header.Set("Content-Type", "application/json")
	} else if body != "" {
		req.Header.Set("Content-Type", "application/octet-stream")
	}
	resp, err := w.api.Client().Do(req)
	w.must(err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	w.must(err)
	return resp.StatusCode, string(answer)
}

// places are parameters that name what is there: a request in a state, its
// release, and what surrounds them.
func (w *world) places(f fixture) map[string]string {
	return map[string]string{"request": f.id, "release": f.release, "name": fileName, "project": "asthma", "workspace": "asthma-ws", "dataset": "care", "number": "1", "parcel": "msg_00000000000000000000",
		"amendment": "amd_00000000000000000000", "session": "ses_00000000000000000000", "token": "tok_00000000000000000000", "user": "ada", "role": "checker", "appointment": "app_00000000000000000000", "secret": "none", "index": "0", "earlier": "1", "codelist": "asthma", "version": "1", "document": "doc_00000000000000000000"}
}

// Auditors see everything but the bytes of files, which they have no need of,
// and change nothing: whatever they send, everything but the journal stays as it
// is, to the byte.
func TestAuditorsReadAndChangeNothing(t *testing.T) {
	w := newWorld(t)
	all := slices.DeleteFunc(operations(t), func(o operation) bool { return slices.Contains(own, o.id) })
	fixtures := map[egress.RequestState]fixture{}
	for _, s := range []egress.RequestState{egress.RequestSubmitted, egress.RequestInReview, egress.RequestVetting, egress.RequestApproved, egress.RequestReturned, egress.RequestReleased} {
		fixtures[s] = w.made(s)
	}
	states := []egress.RequestState{egress.RequestSubmitted, egress.RequestInReview, egress.RequestVetting, egress.RequestApproved, egress.RequestReturned, egress.RequestReleased}
	// What files hold is for those who check them, and links are for those who were given them.
	withheld := []string{"get-file", "get-evidence", "download-release", "compare-file", "list-earlier-releases", "follow-link", "get-document"}
	before := w.kept()
	check := func(o operation, s egress.RequestState) {
		status, answer := w.call("aude", o, w.places(fixtures[s]), o.body)
		switch read := o.method == http.MethodGet; {
		case strings.Contains(answer, string(gatehouse.CodeUnsupported)) || strings.HasPrefix(o.path, "/v1/journal/"): // needs engines, or what cmd adds
		case status >= 500:
			t.Errorf("%s of a request that is %s: %d %s", o.id, s, status, answer)
		case read && slices.Contains(withheld, o.id):
			if status/100 == 2 {
				t.Errorf("%s gives an auditor files", o.id)
			}
		case read && status/100 != 2 && !(status == 404 && strings.Contains(o.path, "{release}") && s != egress.RequestReleased):
			t.Errorf("%s of a request that is %s: an auditor does not see it: %d %s", o.id, s, status, answer)
		case !read && status != 403 && status != 404:
			t.Errorf("%s of a request that is %s: an auditor gets %d %s", o.id, s, status, answer)
		}
	}
	for _, o := range all {
		for _, s := range states {
			check(o, s)
		}
	}
	if after := w.kept(); after != before {
		t.Fatalf("an auditor changed something: %s", firstDifference(before, after))
	}
	if t.Failed() {
		return
	}
	writes := slices.DeleteFunc(slices.Clone(all), func(o operation) bool { return o.method == http.MethodGet })
	rapid.Check(t, func(r *rapid.T) {
		o := rapid.SampledFrom(writes).Draw(r, "operation")
		s := rapid.SampledFrom(states).Draw(r, "state")
		body := rapid.OneOf(rapid.Just(o.body), rapid.SampledFrom([]string{"", "{}", "[]", `{"checker": "chris"}`, `{"votes": [], "approvals_required": 1}`, `{"as": "chris"}`}), rapid.String()).Draw(r, "body")
		status, answer := w.call("aude", o, w.places(fixtures[s]), body)
		if status < 400 || status >= 500 {
			r.Fatalf("%s of a request that is %s: %d %s", o.id, s, status, answer)
		}
	})
	if after := w.kept(); after != before {
		t.Fatalf("an auditor changed something: %s", firstDifference(before, after))
	}
}

// Operators see how the machinery is, and nothing of projects, requests or data.
func TestOperatorsSeeNoDataAndApproveNothing(t *testing.T) {
	w := newWorld(t)
	f := w.made(egress.RequestReleased)
	// What is public, what is their own, and the machinery.
	shows := []string{"health", "register", "register-feed", "get-agreement", "me", "list-tokens", "list-my-notices", "get-my-notice-options", "list-deliveries", "list-sessions", "list-users", "list-appointments"}
	operates := []string{"set-my-notice-options", "lock-user", "revoke-user", "end-session", "revoke-token", "retry-delivery", "add-user", "link-account", "revoke-role", "ask-role"} // what they are there for
	before := w.kept()
	for _, o := range operations(t) {
		if slices.Contains(operates, o.id) || slices.Contains(own, o.id) || strings.HasPrefix(o.path, "/v1/journal/") { // the journal: what cmd adds
			continue
		}
		status, answer := w.call("olga", o, w.places(f), o.body)
		if slices.Contains(shows, o.id) || status == 403 || status == 404 || strings.Contains(answer, string(gatehouse.CodeUnsupported)) {
			continue
		}
		if o.method != http.MethodGet || strings.TrimSpace(answer) != `{"items":[]}` {
			t.Errorf("%s: an operator gets %d %s", o.id, status, answer)
		}
	}
	if after := w.kept(); after != before {
		t.Errorf("an operator changed something: %s", firstDifference(before, after))
	}
	for _, action := range []gatehouse.Action{gatehouse.ActionDatasetRead, gatehouse.ActionProjectRead, gatehouse.ActionProjectApprove, gatehouse.ActionWorkspaceQuery, gatehouse.ActionWorkspaceOpen,
		gatehouse.ActionRequestRead, gatehouse.ActionRequestReview, gatehouse.ActionRequestVet, gatehouse.ActionRequestRelease, gatehouse.ActionRequestDownload, gatehouse.ActionJournalRead, gatehouse.ActionRoleGrant, gatehouse.ActionCustodianName} {
		if w.rules.Authorize(t.Context(), gatehouse.Principal{User: "olga"}, action, "asthma") == nil {
			t.Errorf("an operator may %s", action)
		}
	}
}

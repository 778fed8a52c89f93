package egress_test

import (
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/egress/inspect"
	"github.com/gatehouse-tre/gatehouse/infra/objects"
	"github.com/gatehouse-tre/gatehouse/infra/state"
)

// referred is a draft of ada's with a referred result in it, as a referral
// leaves it. How the result is computed is tested with the engines (test/e2e).
func (h *house) referred() (id, name string) {
	h.t.Helper()
	folder, err := objects.NewFolder(filepath.Join(h.dir, "objects"))
	if err != nil {
		h.t.Fatal(err)
	}
	put := func(text string) egress.Object {
		o, err := folder.Put(h.t.Context(), strings.NewReader(text))
		if err != nil {
			h.t.Fatal(err)
		}
		return o
	}
	answer, evidence := put("region,n\nLondon,3\n"), put("region,people\nLondon,3\n")
	id = h.draft()
	err = state.Requests{DB: h.db}.Update(h.t.Context(), func(tx egress.RequestTx) error {
		return tx.AddFile(h.t.Context(), egress.RequestFile{
			ID: gatehouse.NewID("fil"), Request: id, Name: "qry_1.csv", Kind: egress.KindOutput, SHA256: answer.SHA256, Bytes: answer.Bytes, Origin: egress.OriginQuery, Decision: "qry_1",
			AddedBy: "ada", Added: h.clock(), Round: 1,
			Report: inspect.Report{Type: inspect.CSV, Rows: 1, Columns: 2, Findings: []inspect.Finding{{Rule: inspect.RuleSmallCount, Line: 2}}},
			Referral: &egress.Referral{Decision: "qry_1", Statement: "SELECT 1", Outcome: egress.OutcomeSuppressed,
				Findings: &egress.ReferralFindings{Groups: 1, Evidence: evidence.SHA256, Bytes: evidence.Bytes}},
		})
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return id, "qry_1.csv"
}

func TestAReferredResultTellsItsProjectNothing(t *testing.T) {
	h := newHouse(t)
	id, name := h.referred()
	hidden := func(user string) {
		t.Helper()
		f := h.see(user, id).Files[0]
		if f.SHA256 != "" || f.Bytes != 0 || f.Rows != 0 || f.Columns != 0 || len(f.Findings) > 0 || f.Referral == nil || f.Referral.Findings != nil {
			t.Errorf("%s is shown what a referred result holds: %+v", user, f)
		}
	}
	denied := func(user string) {
		t.Helper()
		_, _, err := h.OpenFile(t.Context(), as(user), id, name)
		_, _, err2 := h.OpenEvidence(t.Context(), as(user), id, name)
		for what, err := range map[string]error{"file": err, "evidence": err2} {
			if kind := gatehouse.Public(err).Kind(); err == nil || kind != gatehouse.KindDenied && kind != gatehouse.KindNotFound {
				t.Errorf("%s opens the %s: %v", user, what, err)
			}
		}
	}
	for _, user := range []string{"ada", "ann"} {
		hidden(user)
		denied(user)
	}
	denied("chris") // a draft is nobody's to look at
	_, err := h.AddFile(t.Context(), as("ada"), id, "guess.csv", strings.NewReader("region,n\nLondon,3\n"))
	want(t, "a file beside a referred result", err, gatehouse.CodeFileRefused)

	h.submit(id)
	for _, user := range []string{"ada", "ann", "bob", "cora", "aud"} {
		denied(user)
	}
	if f := h.see("chris", id).Files[0]; f.SHA256 == "" || len(f.Findings) != 1 || f.Referral.Findings == nil {
		t.Errorf("a checker is not shown what was found: %+v", f)
	}
	_, evidence, err := h.OpenEvidence(t.Context(), as("chris"), id, name)
	if err != nil {
		t.Fatal(err)
	}
	defer evidence.Close()
	if text, err := io.ReadAll(evidence); err != nil || !strings.HasPrefix(string(text), "region,people") {
		t.Errorf("the evidence reads %q, %v", text, err)
	}
	if all := strings.Join(h.events(id), "; "); !strings.Contains(all, "chris request.evidence.viewed") {
		t.Errorf("the look at the evidence is not journaled: %s", all)
	}
	h.vote(id, "chris", name, egress.VerdictReject)
	h.vote(id, "chloe", name, egress.VerdictReject)
	for _, user := range []string{"ada", "ann"} {
		hidden(user)
		denied(user)
	}
}

package workspaces_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

var certificate = append([]byte("%PDF-1.7\n"), bytes.Repeat([]byte("a certificate\n"), 40)...)

// A certificate is read by who decides, by whom it is about and by who added it.
func TestACertificateIsSeenByWhoDecidesAndByNobodyElse(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	as := func(user string) gatehouse.Principal { return gatehouse.Principal{User: user} }
	const id = "diabetes-outcomes"
	add := func(actor gatehouse.Principal, kind workspaces.DocumentKind, about, name string, content []byte) (workspaces.Document, error) {
		return h.AddDocument(ctx, actor, id, workspaces.Document{Kind: kind, User: about, Name: name}, bytes.NewReader(content))
	}
	_, err := h.CreateProject(ctx, lead, parse(t, projectText))
	h.must(err)
	d, err := add(as("ben"), workspaces.DocumentTraining, "ben", "Ben's certificate.pdf", certificate)
	h.must(err)
	if e := h.last(); e.Action != "document.added" || e.Actor != "ben" || e.Subject != d.ID || e.Detail["sha256"] != d.SHA256 || strings.Contains(e.Detail["user"]+e.Detail["kind"], ".pdf") {
		t.Errorf("journaled as %+v", e)
	}
	opens := func(user string, want bool) {
		t.Helper()
		got, content, err := h.OpenDocument(ctx, as(user), id, d.ID)
		if want && (err != nil || !bytes.Equal(content, certificate) || got.SHA256 != d.SHA256) {
			t.Errorf("%s does not read it: %v", user, err)
		}
		if !want && (err == nil || content != nil) {
			t.Errorf("%s reads it", user)
		}
	}
	lists := func(user string, want bool) {
		t.Helper()
		all, _ := h.Documents(ctx, as(user), id)
		if got := slices.ContainsFunc(all, func(l workspaces.Document) bool { return l.ID == d.ID }); got != want {
			t.Errorf("%s knows of it: %v", user, got)
		}
	}
	opens("cora", false) // nothing was put before her
	h.must(h.SubmitProject(ctx, lead, id))
	for user, may := range map[string][2]bool{"ben": {true, true}, "cora": {true, true}, "ada": {false, true}, "aude": {false, true}, "carl": {true, true}, "chad": {}, "oona": {}, "eve": {}} {
		opens(user, may[0])
		lists(user, may[1])
	}
	opens("cora", true)
	if e := h.last(); e.Action != "document.read" || e.Actor != "cora" || e.Subject != d.ID {
		t.Errorf("a look is journaled as %+v", e)
	}
	_, _, err = h.OpenDocument(ctx, gatehouse.Principal{User: "ben", Workspace: "elsewhere"}, id, d.ID)
	if err == nil {
		t.Error("a notebook's token reads it")
	}

	// While it is decided about, it stays as it was looked at.
	_, err = add(lead, workspaces.DocumentTraining, "ben", "another.pdf", append(slices.Clone(certificate), 'x'))
	h.want(err, gatehouse.CodeConflict)
	h.must(h.ApproveProject(ctx, custodian, id))

	// A renewal: the member adds it, and the custodians are told.
	renewed := append(slices.Clone(certificate), "until 2028"...)
	_, err = add(as("ben"), workspaces.DocumentTraining, "ben", "new.pdf", renewed)
	h.must(err)
	_, err = add(as("ben"), workspaces.DocumentTraining, "ben", "again.pdf", renewed)
	h.want(err, gatehouse.CodeConflict)
	h.told("document.added", "carl", "cora")

	for name, c := range map[string]struct {
		actor   gatehouse.Principal
		kind    workspaces.DocumentKind
		about   string
		file    string
		content []byte
		want    gatehouse.Code
	}{
		"for a colleague":      {as("ben"), workspaces.DocumentTraining, "ada", "a.pdf", certificate, gatehouse.CodeDenied},
		"the basis, by member": {as("ben"), workspaces.DocumentOptOut, "", "a.pdf", certificate, gatehouse.CodeDenied},
		"by a custodian":       {custodian, workspaces.DocumentTraining, "ben", "a.pdf", certificate, gatehouse.CodeDenied},
		"by an auditor":        {as("aude"), workspaces.DocumentTraining, "aude", "a.pdf", certificate, gatehouse.CodeDenied},
		"of no member":         {lead, workspaces.DocumentTraining, "eve", "a.pdf", certificate, gatehouse.CodeDocument},
		"of nobody":            {lead, workspaces.DocumentTraining, "", "a.pdf", certificate, gatehouse.CodeDocument},
		"a table":              {lead, workspaces.DocumentOptOut, "", "a.pdf", []byte("id,name\n1,x\n"), gatehouse.CodeDocument},
		"a page":               {lead, workspaces.DocumentOptOut, "", "a.pdf", []byte("<html><script>1</script>"), gatehouse.CodeDocument},
		"a path":               {lead, workspaces.DocumentOptOut, "", "../a.pdf", certificate, gatehouse.CodeDocument},
		"too large":            {lead, workspaces.DocumentOptOut, "", "a.pdf", append(slices.Clone(certificate), make([]byte, workspaces.MaxDocument)...), gatehouse.CodeDocument},
		"nothing":              {lead, workspaces.DocumentOptOut, "", "a.pdf", nil, gatehouse.CodeDocument},
	} {
		if _, err := add(c.actor, c.kind, c.about, c.file, c.content); gatehouse.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	_, err = add(lead, workspaces.DocumentOptOut, "", "Section 251.pdf", certificate)
	h.must(err)

	// The database keeps them as they are.
	for _, change := range []string{`UPDATE project_documents SET sha256 = 'x'`, `DELETE FROM project_documents`} {
		if err := h.db.Update(ctx, func(tx *state.Tx) error { _, err := tx.SQL().ExecContext(ctx, change); return err }); err == nil {
			t.Errorf("%s was done", change)
		}
	}
	// Who decides about a project no more reads nothing of it.
	h.must(h.RemoveCustodian(ctx, workspaces.System, "shared_care", "carl"))
	opens("carl", false)
}

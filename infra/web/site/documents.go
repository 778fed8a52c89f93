package site

import (
	"errors"
	"io"
	"mime"
	"net/http"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Documents that support a project's application: certificates of training, and what
// its opt-out basis rests on.

func (s *server) routeDocuments(mux *http.ServeMux) {
	mux.HandleFunc("POST /projects/{project}/documents/files", s.signedIn(s.addDocument))
	mux.HandleFunc("POST /projects/{project}/documents/{document}/open", s.signedIn(s.openDocument))
}

// documentForm is what the reader may add.
type documentForm struct {
	People []string // whose training
	OptOut bool
}

// withDocuments adds the documents that the reader may know of.
func (v *visit) withDocuments(p *projectPage) error {
	id := p.Project.ID
	var err error
	if p.Documents, err = v.Projects.Documents(v.r.Context(), v.who, id); err != nil {
		return err
	}
	if !v.may(gatehouse.ActionDocumentAdd, id) || !p.Project.TakesDocuments() {
		return nil
	}
	applies := p.Project.CreatedBy == v.who.User || p.Me.Role == gatehouse.RoleLead
	for _, m := range p.Project.Members {
		if applies || m.User == v.who.User {
			p.Add.People = append(p.Add.People, m.User)
		}
	}
	p.Add.OptOut = applies && p.Project.OptOutBasis != workspaces.BasisApplies
	return nil
}

// addDocument takes a form whose fields come before the file: "about" is the name of
// whose training it certifies, "" for the opt-out basis.
func (s *server) addDocument(v *visit) error {
	id := v.r.PathValue("project")
	parts, err := v.r.MultipartReader()
	if err != nil {
		return v.refusedProject(gatehouse.Errorf(gatehouse.CodeDocument, "No file was sent.").Because(err), judgementForm{})
	}
	d := workspaces.Document{Kind: workspaces.DocumentOptOut}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return v.refusedProject(gatehouse.Errorf(gatehouse.CodeDocument, "No file was chosen."), judgementForm{})
		}
		if err != nil {
			return gatehouse.Errorf(gatehouse.CodeDocument, "The document did not arrive whole.").WithAdvice("Send it again.").Because(err)
		}
		switch {
		case part.FormName() == "about":
			text, err := io.ReadAll(io.LimitReader(part, 100))
			if err != nil {
				return gatehouse.Errorf(gatehouse.CodeDocument, "The document did not arrive whole.").WithAdvice("Send it again.").Because(err)
			}
			if d.User = string(text); d.User != "" {
				d.Kind = workspaces.DocumentTraining
			}
		case part.FormName() == "file" && part.FileName() != "":
			d.Name = part.FileName()
			if _, err := v.Projects.AddDocument(v.r.Context(), v.who, id, d, part); err != nil {
				return v.refusedProject(err, judgementForm{})
			}
			return v.see("/projects/"+id, "document-added")
		}
	}
}

// openDocument hands a document out, never to be shown here. It is a form, so that
// nothing that follows links has somebody's look into it journaled.
func (s *server) openDocument(v *visit) error {
	d, content, err := v.Projects.OpenDocument(v.r.Context(), v.who, v.r.PathValue("project"), v.r.PathValue("document"))
	if err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Security-Policy", framePolicy)
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": d.Name}))
	v.sent = true
	_, _ = v.w.Write(content) // the client may have gone
	return nil
}

package site_test

import (
	"bytes"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"regexp"
	"testing"
)

// sendDocument sends the form of a project's page with a document.
func (b *reader) sendDocument(project, about, name, content string) page {
	b.h.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	err := w.WriteField("about", about)
	part, more := w.CreateFormFile("file", name)
	if err = errors.Join(err, more); err == nil {
		_, err = io.WriteString(part, content)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		b.h.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(b.h.t.Context(), http.MethodPost, b.h.url+"/projects/"+project+"/documents/files", &body)
	if err != nil {
		b.h.t.Fatal(err)
	}
	r.Header.Set("Content-Type", w.FormDataContentType())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.do(r)
}

func TestACertificateIsAddedAndReadOnTheProjectsPage(t *testing.T) {
	h := newHouse(t)
	const pdf = "%PDF-1.7\nstatistical disclosure, passed\n"
	ada, ann := h.as("ada"), h.as("ann")
	ann.get("/projects/a").wants(t, http.StatusOK, "Training of ann").lacks(t, "Training of ada")
	ada.get("/projects/a").wants(t, http.StatusOK, "Training of ann", "Training of ada").lacks(t, "What the opt-out basis rests on")
	h.as("cora").get("/projects/a").wants(t, http.StatusOK).lacks(t, "Add the document", "Documents")

	ann.sendDocument("a", "ann", "table.csv", "id,name\n").wants(t, http.StatusUnprocessableEntity, "no PDF, PNG or JPEG", "Training of ann")
	ann.sendDocument("a", "ada", "certificate.pdf", pdf).wants(t, http.StatusForbidden)
	ann.post("/projects/a/documents/files", "about", "ann").wants(t, http.StatusUnprocessableEntity, "No file was sent")
	added := ann.sendDocument("a", "ann", "certificate.pdf", pdf).wants(t, http.StatusOK, "The document was added", "certificate.pdf")
	id := regexp.MustCompile(`doc_[0-9a-f]+`).FindString(added.body)

	ada.get("/projects/a").wants(t, http.StatusOK, "certificate.pdf", "for who decides").lacks(t, "/documents/"+id)
	ada.post("/projects/a/documents/"+id+"/open").wants(t, http.StatusNotFound).lacks(t, "disclosure")
	h.as("chris").get("/projects/a").wants(t, http.StatusOK).lacks(t, "certificate.pdf")
	h.as("chris").post("/projects/a/documents/"+id+"/open").wants(t, http.StatusForbidden).lacks(t, "disclosure")
	h.as("aud").get("/projects/a").wants(t, http.StatusOK, "certificate.pdf", "for who decides")
	h.as("aud").post("/projects/a/documents/"+id+"/open").wants(t, http.StatusForbidden).lacks(t, "disclosure")
	h.as("bob").post("/projects/a/documents/"+id+"/open").wants(t, http.StatusNotFound).lacks(t, "disclosure")
	h.as("bob").post("/projects/b/documents/"+id+"/open").wants(t, http.StatusNotFound).lacks(t, "disclosure")

	got := ann.post("/projects/a/documents/"+id+"/open").wants(t, http.StatusOK)
	if got.body != pdf || got.header.Get("Content-Type") != "application/octet-stream" || got.header.Get("Content-Disposition") != "attachment; filename=certificate.pdf" {
		t.Errorf("it came as %v", got.header)
	}
	h.as("cora").get("/me").wants(t, http.StatusOK, "A document was added", `href="/projects/a"`).lacks(t, "certificate.pdf")
	if got := h.as("cora").post("/projects/a/documents/"+id+"/open").wants(t, http.StatusOK); got.body != pdf {
		t.Error("the custodian reads something else")
	}
	h.as("aud").get("/journal?action=document.read").wants(t, http.StatusOK, "ann", id)
}

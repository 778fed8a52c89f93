package site

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress/inspect"
)

// Documents draws pages of documents which a browser would run. It is given what
// somebody asks to take out, so that it must expect anything.
type Documents interface {
	// Draw draws a page of a PDF, counted from 1. Its error says, as a
	// gatehouse.Error, why there is no picture.
	Draw(ctx context.Context, content []byte, page int) (DocumentPage, error)
}

// DocumentPage is one page of a document, with what is known of the whole.
type DocumentPage struct {
	Pages   int
	Number  int
	PNG     []byte
	Text    string // everything that could be copied from the page, shown or not
	Cut     bool   // there is more text
	Notes   int    // annotations of the page
	Scripts int
	Files   []string // names of files inside, some of them
	Inside  int      // how many there are
	Form    bool
	Meta    map[string]string
}

// documentFrame is a page of a document in a viewer.
type documentFrame struct {
	DocumentPage
	Told []string // what its picture does not show
	Meta []string
}

// document shows a page as a picture, and beneath it its text with what inspection
// finds there: text can be hidden in white on white, and its findings are those of
// the picture.
func (f *frame) document(v *visit, data []byte) {
	if v.Documents == nil {
		f.Note = "The picture is not shown here. Download the document, and open it on a machine that is trusted with what it may hold."
		return
	}
	page, err := v.Documents.Draw(v.r.Context(), data, v.asked("page"))
	if err != nil {
		f.Note = gatehouse.Public(err).Error() + " The picture is not shown."
		return
	}
	d := &documentFrame{DocumentPage: page}
	f.Image = dataURL("image/png", page.PNG)
	count := func(n int, one, many string) {
		switch {
		case n == 1:
			d.Told = append(d.Told, one)
		case n > 1:
			d.Told = append(d.Told, strconv.Itoa(n)+" "+many)
		}
	}
	count(page.Scripts, "1 script", "scripts")
	named := ""
	if len(page.Files) > 0 {
		named = ": " + strings.Join(page.Files, ", ")
	}
	count(max(page.Inside, len(page.Files)), "1 file inside"+named, "files inside"+named)
	count(page.Notes, "1 note, link or field on this page", "notes, links or fields on this page")
	if page.Form {
		d.Told = append(d.Told, "it is a form")
	}
	for name, value := range page.Meta {
		d.Meta = append(d.Meta, name+": "+value)
	}
	slices.Sort(d.Meta)
	f.Document = d
	if strings.TrimSpace(page.Text) == "" {
		return
	}
	report, err := inspect.File("page.txt", strings.NewReader(page.Text), inspect.Options{Supporting: true})
	if err != nil {
		report.Findings = nil // it is shown whatever it is
	}
	f.source([]byte(page.Text), report.Findings, 1)
}

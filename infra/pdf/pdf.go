// Package pdf draws pages of PDF documents for people who check them, and tells
// what a picture does not show: text, scripts, files inside, notes. PDFium does it,
// compiled to WebAssembly and run by an interpreter with a bound of memory and no
// files, in a process of its own behind the sandbox's walls: a document is made by
// somebody who may want to break what reads it.
package pdf

import (
	"bytes"
	"context"
	"errors"
	"image/png"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// Page is one page of a document, with what is known of the whole.
type Page struct {
	Pages  int    // of the document
	Number int    // of this page, from 1
	PNG    []byte // the page as a picture
	Text   string // everything that a reader could copy from the page, shown or not
	Cut    bool   // the text is longer
	Notes  int    // annotations of the page: notes, links, fields

	Scripts int               // that run when the document is opened or used
	Files   []string          // names of files inside the document, some of them
	Inside  int               // how many files there are
	Form    bool              // it is a form
	Meta    map[string]string // title, author, program …
}

// Bounds of what one page may take.
const (
	mostWidth  = 1100 // pixels
	mostHeight = 1600
	mostText   = 100_000 // characters
	mostFiles  = 20
	mostMeta   = 500 // characters of a value
	memoryMB   = 256 // of the machine that runs PDFium
	patience   = 30 * time.Second
)

// The ways in which a document cannot be drawn.
var (
	ErrDocument = errors.New("pdf: the document is damaged, encrypted or no PDF")
	ErrPage     = errors.New("pdf: the document has no such page")
	ErrTooMuch  = errors.New("pdf: drawing the page takes too much time or memory")
)

// Draw draws a page, counted from 1. It runs PDFium inside this process: see
// Viewer for one of its own.
func Draw(ctx context.Context, content []byte, number int) (page Page, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	defer func() {
		if recover() != nil || ctx.Err() != nil { // the machine stops with a panic where its memory or time ends
			page, err = Page{}, ErrTooMuch
		}
	}()
	config := wazero.NewRuntimeConfigInterpreter(). // makes no code at run time, and is ready ten times sooner than the compiler
							WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesExceptionHandling).WithMemoryLimitPages(memoryMB * 16).WithCloseOnContextDone(true)
	pool, err := webassembly.Init(webassembly.Config{
		Context: ctx, MaxIdle: 1, MaxTotal: 1, RuntimeConfig: config,
		FSConfig: wazero.NewFSConfig(), // no files
		Stdout:   io.Discard, Stderr: io.Discard,
	})
	if err != nil {
		return Page{}, err
	}
	defer pool.Close()
	library, err := pool.GetInstance(patience)
	if err != nil {
		return Page{}, err
	}
	defer library.Close()
	document, err := library.OpenDocument(&requests.OpenDocument{File: &content})
	if err != nil {
		return Page{}, ErrDocument
	}
	return draw(library, document.Document, number)
}

func draw(library pdfium.Pdfium, document references.FPDF_DOCUMENT, number int) (Page, error) {
	count, err := library.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: document})
	if err != nil {
		return Page{}, ErrDocument
	}
	p := Page{Pages: count.PageCount, Number: number}
	if number < 1 || number > p.Pages {
		return p, ErrPage
	}
	at := requests.Page{ByIndex: &requests.PageByIndex{Document: document, Index: number - 1}}
	drawn, err := library.RenderPageInPixels(&requests.RenderPageInPixels{Page: at, Width: mostWidth, Height: mostHeight, RenderForm: true, Document: &document})
	if err != nil {
		return p, ErrDocument
	}
	defer drawn.Cleanup()
	var picture bytes.Buffer
	if err := png.Encode(&picture, drawn.Result.RenderedImage); err != nil {
		return p, ErrDocument
	}
	p.PNG = picture.Bytes()
	text, err := library.GetPageText(&requests.GetPageText{Page: at})
	if err != nil {
		return p, ErrDocument
	}
	p.Text, p.Cut = cut(strings.ReplaceAll(text.Text, "\r\n", "\n"), mostText)
	notes, err := library.FPDFPage_GetAnnotCount(&requests.FPDFPage_GetAnnotCount{Page: at})
	if err != nil {
		return p, ErrDocument
	}
	p.Notes = notes.Count
	return p, p.whole(library, document)
}

// whole adds what is known of the document.
func (p *Page) whole(library pdfium.Pdfium, document references.FPDF_DOCUMENT) error {
	scripts, err := library.FPDFDoc_GetJavaScriptActionCount(&requests.FPDFDoc_GetJavaScriptActionCount{Document: document})
	if err != nil {
		return ErrDocument
	}
	p.Scripts = scripts.JavaScriptActionCount
	files, err := library.FPDFDoc_GetAttachmentCount(&requests.FPDFDoc_GetAttachmentCount{Document: document})
	if err != nil {
		return ErrDocument
	}
	p.Inside = files.AttachmentCount
	for i := range min(files.AttachmentCount, mostFiles) {
		name := "a file without a name"
		if f, err := library.FPDFDoc_GetAttachment(&requests.FPDFDoc_GetAttachment{Document: document, Index: i}); err == nil {
			if n, err := library.FPDFAttachment_GetName(&requests.FPDFAttachment_GetName{Attachment: f.Attachment}); err == nil && n.Name != "" {
				name, _ = cut(n.Name, mostMeta)
			}
		}
		p.Files = append(p.Files, name)
	}
	if form, err := library.FPDF_GetFormType(&requests.FPDF_GetFormType{Document: document}); err == nil {
		p.Form = form.FormType != 0
	}
	meta, err := library.GetMetaData(&requests.GetMetaData{Document: document})
	if err != nil {
		return nil // a document needs none
	}
	p.Meta = map[string]string{}
	for _, tag := range meta.Tags {
		if slices.Contains(metaNames, tag.Tag) && tag.Value != "" {
			p.Meta[tag.Tag], _ = cut(tag.Value, mostMeta)
		}
	}
	return nil
}

// metaNames are what a document says of itself.
var metaNames = []string{"Title", "Author", "Subject", "Keywords", "Creator", "Producer", "CreationDate", "ModDate"}

// cut gives at most so many characters, all of them valid.
func cut(text string, most int) (string, bool) {
	text = strings.ToValidUTF8(text, "\ufffd")
	n := 0
	for i := range text {
		if n++; n > most {
			return text[:i], true
		}
	}
	return text, false
}

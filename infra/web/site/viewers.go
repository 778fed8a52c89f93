package site

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/csv"
	"errors"
	"html/template"
	"io"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/egress/inspect"
)

// The viewers show a file of a request inside a frame that runs nothing, knows
// no origin and can load nothing: each answer is a page of its own under a
// policy of its own. Every look is journaled by the service.

// What one frame shows of a file: so many lines and columns, characters of a cell
// or line, and bytes of text in all, so that no file takes more memory than it has
// bytes itself. What leads to the rest stands outside of the frame: its own links
// would carry no session.
const (
	linesPerFrame   = 500
	columnsPerFrame = 50
	cellLength      = 2_000
	lineLength      = 20_000
	frameBytes      = 2 << 20
	pictureBytes    = 8 << 20 // larger pictures are downloaded
)

func isTable(t inspect.Type) bool { return t == inspect.CSV || t == inspect.TSV }

func isText(t inspect.Type) bool {
	return t == inspect.Text || t == inspect.Markdown || t == inspect.JSON || t == inspect.HTML || t == inspect.SVG
}

// frame is what a viewer shows.
type frame struct {
	Name    string
	Head    []cell
	Rows    []row
	Image   template.URL // a picture, inside the page
	Note    string
	Legend  []string // of a heat-map
	Earlier int      // where the lines before and after these begin; 0 for none
	Later   int
	Source  bool // lines of text, not rows of a table

	From, To, Of int // the columns that are shown, from 1; 0 for all
	Document     *documentFrame
}

type row struct {
	Line   int
	Cells  []cell
	Marked bool
	Class  string
	Why    []string // findings of the whole line
}

type cell struct {
	Text  string
	Class string
	Place string // its id in the page
	Why   []string
}

// read hands all bytes of something that one of the services opens to show. A few
// readers at a time hold a file in memory, until its page was written.
func (v *visit) read(open func(ctx context.Context) (egress.RequestFile, io.ReadCloser, error), show func(egress.RequestFile, []byte) error) error {
	select {
	case v.reading <- struct{}{}:
		defer func() { <-v.reading }()
	case <-v.r.Context().Done():
		return gatehouse.Errorf(gatehouse.CodeCancelled, "The page was closed.")
	}
	f, content, err := open(v.r.Context())
	if err != nil {
		return err
	}
	defer content.Close()
	data, err := io.ReadAll(content)
	if err != nil {
		return err
	}
	return show(f, data)
}

func (v *visit) readFile(show func(egress.RequestFile, []byte) error) error {
	return v.read(func(ctx context.Context) (egress.RequestFile, io.ReadCloser, error) {
		return v.Requests.OpenFile(ctx, v.who, v.r.PathValue("request"), v.r.PathValue("name"))
	}, show)
}

// refusedFrame says inside the frame why there is nothing to be seen.
func (v *visit) refusedFrame(err error) error {
	if err == nil || v.sent {
		return err
	}
	return v.framed("frame", frame{Note: gatehouse.Public(err).Error()}, v.problem(err).Status)
}

func (s *server) viewFile(v *visit) error {
	return v.refusedFrame(v.readFile(func(f egress.RequestFile, data []byte) error {
		shown := frame{Name: f.Name}
		switch t := f.Report.Type; {
		case v.r.URL.Query().Get("as") == "picture" && t == inspect.SVG:
			shown.picture("image/svg+xml", data)
		case t == inspect.PNG:
			shown.picture("image/png", data)
		case t == inspect.PDF:
			shown.document(v, data)
		case isTable(t):
			shown.table(t, data, f.Report.Findings, v.asked("line"), v.asked("column"))
		case t == inspect.JSON: // its findings name items, not lines
			shown.source(data, nil, v.asked("line"))
		case isText(t):
			shown.source(data, f.Report.Findings, v.asked("line"))
		default:
			shown.Note = "A file of this type is not shown here. Download it, and open it on a machine that is trusted with what it may hold."
		}
		return v.framed("frame", shown, http.StatusOK)
	}))
}

// asked is a line, column or page that was asked for, from 1.
func (v *visit) asked(name string) int {
	n, err := strconv.Atoi(v.r.URL.Query().Get(name))
	if err != nil || n < 1 {
		return 1
	}
	return n
}

// first is where the stretch of so many begins that holds at.
func first(at, stretch int) int { return (at-1)/stretch*stretch + 1 }

// picture shows a picture, unless it is too large to stand inside a page.
func (f *frame) picture(kind string, data []byte) {
	if len(data) > pictureBytes {
		f.Note = "The picture is too large to be shown here. Download it, and look at it on a machine that is trusted with what it may hold."
		return
	}
	f.Image = dataURL(kind, data)
}

// dataURL is a picture that stands inside the page: a frame without an origin
// could not ask for it, since its requests carry no session.
func dataURL(kind string, data []byte) template.URL {
	return template.URL("data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(data)) // base64 cannot leave the attribute
}

// framed answers with a viewer's page under the policy of frames.
func (v *visit) framed(page string, f any, status int) error {
	var b bytes.Buffer
	if err := v.pages[page].ExecuteTemplate(&b, "frame", f); err != nil {
		return gatehouse.Errorf(gatehouse.CodeInternal, "Something went wrong inside Gatehouse.").Because(err)
	}
	h := v.w.Header()
	h.Set("Content-Security-Policy", framePolicy)
	h.Set("X-Frame-Options", "SAMEORIGIN")
	h.Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(status)
	v.sent = true
	_, _ = b.WriteTo(v.w) // the client may have gone
	return nil
}

// findingsAt sorts findings by line, then column; those of the file as a whole
// have line 0.
func findingsAt(findings []inspect.Finding) map[int]map[int][]inspect.Finding {
	at := map[int]map[int][]inspect.Finding{}
	for _, f := range findings {
		if at[f.Line] == nil {
			at[f.Line] = map[int][]inspect.Finding{}
		}
		at[f.Line][f.Column] = append(at[f.Line][f.Column], f)
	}
	return at
}

// marks gives the class of the worst finding, and what they say.
func marks(findings []inspect.Finding) (class string, why []string) {
	for _, f := range findings {
		why = append(why, f.What)
		if class == "" || f.Severity == inspect.Serious {
			class = "gh-mark gh-mark-" + string(f.Severity)
		}
	}
	return class, why
}

// room is what is left of the text that a frame shows.
type room int

// takes reports whether so many bytes still fit, and takes their place.
func (r *room) takes(bytes int) bool {
	*r -= room(bytes)
	return *r >= 0
}

// begins reports whether a line is shown: line stands in the stretch of lines from
// start, of which asked is one. Where the lines before asked would leave no room for
// it, the frame begins anew with line.
func (f *frame) begins(line, start, asked, bytes int, left *room) (shown, over bool) {
	switch {
	case line < start:
		f.Earlier = max(1, start-linesPerFrame)
		return false, false
	case line >= start+linesPerFrame:
		f.Later = start + linesPerFrame
		return false, true
	case left.takes(bytes):
		return true, false
	case line > asked:
		f.Later = line
		return false, true
	}
	f.Rows, f.Earlier, *left = nil, start, frameBytes
	return true, false
}

// shortened cuts a text to so many characters, and says so.
func shortened(text string, most int) string {
	n := 0
	for i := range text {
		if n++; n > most {
			return text[:i] + " … (cut: there are " + strconv.Itoa(len([]rune(text))-most) + " characters more)"
		}
	}
	return text
}

// table shows rows of a delimited file as they were inspected, findings in the
// cells that they concern: the stretches of lines and columns that hold those that
// were asked for.
func (f *frame) table(t inspect.Type, data []byte, findings []inspect.Finding, line, column int) {
	at, asked, start, left := findingsAt(findings), line, first(line, linesPerFrame), room(frameBytes)
	from := first(column, columnsPerFrame)
	to := from + columnsPerFrame // exclusive
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))))
	r.FieldsPerRecord, r.LazyQuotes, r.ReuseRecord = -1, true, true
	if t == inspect.TSV {
		r.Comma = '\t'
	}
	header := true
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		line, _ := r.FieldPos(0)
		if err != nil {
			f.Note = "From line " + strconv.Itoa(line) + " on the file cannot be read as a table. Download it to see the rest."
			return
		}
		if header {
			header = false
			if from > len(record) {
				from, to = 1, 1+columnsPerFrame
			}
			if len(record) > columnsPerFrame {
				f.From, f.To, f.Of = from, min(to-1, len(record)), len(record)
			}
			for i := from; i < to && i <= len(record); i++ {
				f.Head = append(f.Head, cellOf(record[i-1], line, i, at[line][i]))
			}
			continue
		}
		if line < start {
			f.Earlier = max(1, start-linesPerFrame)
			continue
		}
		shown := row{Line: line}
		size := 0
		shown.Class, shown.Why = marks(at[line][0])
		for i := from; i < to && i <= len(record); i++ {
			c := cellOf(record[i-1], line, i, at[line][i])
			shown.Cells = append(shown.Cells, c)
			size += len(c.Text) + 10 // and what stands around it
		}
		show, over := f.begins(line, start, asked, size, &left)
		if over {
			return
		}
		if show {
			f.Rows = append(f.Rows, shown)
		}
	}
}

func cellOf(text string, line, column int, findings []inspect.Finding) cell {
	c := cell{Text: shortened(strings.Clone(text), cellLength)} // a clone, since the reader's text holds its whole row
	if len(findings) > 0 {
		c.Class, c.Why = marks(findings)
		c.Place = "L" + strconv.Itoa(line) + "C" + strconv.Itoa(column)
	}
	return c
}

// source shows lines of text, what was found beneath the line that it concerns.
func (f *frame) source(data []byte, findings []inspect.Finding, asked int) {
	f.Source = true
	at, start, left := findingsAt(findings), first(asked, linesPerFrame), room(frameBytes)
	n := 0
	for raw := range bytes.SplitSeq(bytes.TrimSuffix(data, []byte("\n")), []byte("\n")) {
		n++
		show, over := f.begins(n, start, asked, min(len(raw), 4*lineLength)+10, &left)
		if over {
			return
		}
		if !show {
			continue
		}
		line := shortened(strings.ToValidUTF8(string(raw), "\ufffd"), lineLength)
		var here []inspect.Finding
		for _, found := range at[n] {
			here = append(here, found...)
		}
		slices.SortFunc(here, func(a, b inspect.Finding) int { return a.Column - b.Column })
		shown := row{Line: n, Cells: []cell{{Text: strings.TrimSuffix(line, "\r")}}}
		shown.Class, shown.Why = marks(here)
		f.Rows = append(f.Rows, shown)
	}
}

// renderedFile shows a web page as it would look, with nothing that runs.
func (s *server) renderedFile(v *visit) error {
	return v.refusedFrame(v.readFile(func(f egress.RequestFile, data []byte) error {
		if f.Report.Type != inspect.HTML {
			return v.framed("frame", frame{Note: "Only web pages can be shown as they would look."}, http.StatusNotFound)
		}
		h := v.w.Header()
		h.Set("Content-Security-Policy", renderedPolicy)
		h.Set("X-Frame-Options", "SAMEORIGIN")
		h.Set("Content-Type", "text/html; charset=utf-8")
		v.sent = true
		_, _ = v.w.Write(linkElement.ReplaceAllLiteral(data, []byte("<wbr"))) // the client may have gone
		return nil
	}))
}

// linkElement begins an element whose host browsers look up, or connect to, before
// anything else and whatever the policy of content says: the name of a host is
// enough to take data out. In its place stands one that does nothing.
var linkElement = regexp.MustCompile(`(?i)<link`)

// fileBytes gives a checker the file as it would leave.
func (s *server) fileBytes(v *visit) error {
	return v.readFile(func(f egress.RequestFile, data []byte) error {
		h := v.w.Header()
		h.Set("Content-Security-Policy", framePolicy)
		h.Set("Content-Type", "application/octet-stream")
		h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": f.Name}))
		v.sent = true
		_, _ = v.w.Write(data) // the client may have gone
		return nil
	})
}

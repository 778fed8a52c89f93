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

// linesPerFrame is how many lines of a file one frame shows. What leads to the
// others stands outside of the frame: its own links would carry no session.
const linesPerFrame = 500

func isTable(t inspect.Type) bool { return t == inspect.CSV || t == inspect.TSV }

func isText(t inspect.Type) bool {
	return t == inspect.Text || t == inspect.Markdown || t == inspect.JSON || t == inspect.HTML || t == inspect.SVG
}

// viewable reports whether a file can be looked at here; others are downloaded.
func viewable(t inspect.Type) bool {
	return isTable(t) || isText(t) || t == inspect.PNG
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

// read gives all bytes of something that one of the services opens.
func (v *visit) read(open func(ctx context.Context) (egress.RequestFile, io.ReadCloser, error)) (egress.RequestFile, []byte, error) {
	select {
	case v.reading <- struct{}{}:
		defer func() { <-v.reading }()
	case <-v.r.Context().Done():
		return egress.RequestFile{}, nil, gatehouse.Errorf(gatehouse.CodeCancelled, "The page was closed.")
	}
	f, content, err := open(v.r.Context())
	if err != nil {
		return f, nil, err
	}
	defer content.Close()
	data, err := io.ReadAll(content)
	return f, data, err
}

func (v *visit) readFile() (egress.RequestFile, []byte, error) {
	return v.read(func(ctx context.Context) (egress.RequestFile, io.ReadCloser, error) {
		return v.Requests.OpenFile(ctx, v.who, v.r.PathValue("request"), v.r.PathValue("name"))
	})
}

func (s *server) viewFile(v *visit) error {
	f, data, err := v.readFile()
	if err != nil {
		return v.framed("frame", frame{Note: gatehouse.Public(err).Error()}, v.problem(err).Status)
	}
	shown := frame{Name: f.Name}
	switch t := f.Report.Type; {
	case v.r.URL.Query().Get("as") == "picture" && t == inspect.SVG:
		shown.Image = dataURL("image/svg+xml", data)
	case t == inspect.PNG:
		shown.Image = dataURL("image/png", data)
	case isTable(t):
		shown.table(t, data, f.Report.Findings, v.firstLine())
	case t == inspect.JSON: // its findings name items, not lines
		shown.source(data, nil, v.firstLine())
	case isText(t):
		shown.source(data, f.Report.Findings, v.firstLine())
	default:
		shown.Note = "A file of this type is not shown here. Download it, and open it on a machine that is trusted with what it may hold."
	}
	return v.framed("frame", shown, http.StatusOK)
}

// firstLine is where the frame begins: at the page of lines that holds the one
// that was asked for.
func (v *visit) firstLine() int {
	line, err := strconv.Atoi(v.r.URL.Query().Get("line"))
	if err != nil || line < 1 {
		line = 1
	}
	return (line-1)/linesPerFrame*linesPerFrame + 1
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

// table shows rows of a delimited file as they were inspected, findings in the
// cells that they concern.
func (f *frame) table(t inspect.Type, data []byte, findings []inspect.Finding, first int) {
	at := findingsAt(findings)
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))))
	r.FieldsPerRecord, r.LazyQuotes = -1, true
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
			for i, text := range record {
				f.Head = append(f.Head, cellOf(text, line, i+1, at[line][i+1]))
			}
			continue
		}
		if line < first {
			f.Earlier = max(1, first-linesPerFrame)
			continue
		}
		if line >= first+linesPerFrame {
			f.Later = first + linesPerFrame
			return
		}
		shown := row{Line: line}
		shown.Class, shown.Why = marks(at[line][0])
		for i, text := range record {
			shown.Cells = append(shown.Cells, cellOf(text, line, i+1, at[line][i+1]))
		}
		f.Rows = append(f.Rows, shown)
	}
}

func cellOf(text string, line, column int, findings []inspect.Finding) cell {
	c := cell{Text: text}
	if len(findings) > 0 {
		c.Class, c.Why = marks(findings)
		c.Place = "L" + strconv.Itoa(line) + "C" + strconv.Itoa(column)
	}
	return c
}

// source shows lines of text, what was found beneath the line that it concerns.
func (f *frame) source(data []byte, findings []inspect.Finding, first int) {
	f.Source = true
	at := findingsAt(findings)
	text := strings.TrimSuffix(strings.ToValidUTF8(string(data), "\ufffd"), "\n")
	lines := strings.Count(text, "\n") + 1
	last := min(lines, first+linesPerFrame-1)
	if first > 1 {
		f.Earlier = max(1, first-linesPerFrame)
	}
	if last < lines {
		f.Later = last + 1
	}
	n := 0
	for line := range strings.SplitSeq(text, "\n") {
		if n++; n < first {
			continue
		}
		if n > last {
			break
		}
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
	f, data, err := v.readFile()
	if err != nil {
		return v.framed("frame", frame{Note: gatehouse.Public(err).Error()}, v.problem(err).Status)
	}
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
}

// linkElement begins an element whose host browsers look up, or connect to, before
// anything else and whatever the policy of content says: the name of a host is
// enough to take data out. In its place stands one that does nothing.
var linkElement = regexp.MustCompile(`(?i)<link`)

// fileBytes gives a checker the file as it would leave.
func (s *server) fileBytes(v *visit) error {
	f, data, err := v.readFile()
	if err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Security-Policy", framePolicy)
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": f.Name}))
	v.sent = true
	_, _ = v.w.Write(data) // the client may have gone
	return nil
}

// heat are the steps of the heat-map of contributors: fewer people than Below.
var heat = []struct {
	Below int64
	Words string
}{{1, "nobody"}, {5, "1–4 people"}, {10, "5–9"}, {20, "10–19"}, {50, "20–49"}, {100, "50–99"}, {1 << 62, "100 or more"}}

func heatOf(people int64) string {
	for i, h := range heat {
		if people < h.Below {
			return "gh-heat-" + strconv.Itoa(i)
		}
	}
	return ""
}

// viewEvidence shows what the gate measured of a referred result: each number
// with the people behind it, shaded by how few they are, and the rule that
// withholds it.
func (s *server) viewEvidence(v *visit) error {
	f, data, err := v.read(func(ctx context.Context) (egress.RequestFile, io.ReadCloser, error) {
		return v.Requests.OpenEvidence(ctx, v.who, v.r.PathValue("request"), v.r.PathValue("name"))
	})
	if err != nil {
		return v.framed("frame", frame{Note: gatehouse.Public(err).Error()}, v.problem(err).Status)
	}
	shown := frame{Name: "People behind each number of " + f.Name}
	shown.heatMap(data, v.firstLine())
	return v.framed("frame", shown, http.StatusOK)
}

// heatMap reads the evidence table: keys, people, whether the group is left out,
// then three columns for each number.
func (f *frame) heatMap(data []byte, first int) {
	r := csv.NewReader(bytes.NewReader(data))
	r.FieldsPerRecord = -1
	header, err := r.Read()
	if err != nil {
		f.Note = "The evidence cannot be read."
		return
	}
	at := slices.Index(header, "group left out")
	if at < 1 || (len(header)-at-1)%3 != 0 {
		f.Note = "There is no table of evidence: it would be larger than one file may be."
		return
	}
	for _, name := range header[:at] {
		f.Head = append(f.Head, cell{Text: strings.ReplaceAll(name, `"`, "")})
	}
	for i := at + 1; i < len(header); i += 3 {
		f.Head = append(f.Head, cell{Text: strings.ReplaceAll(header[i], `"`, "")})
	}
	for _, h := range heat {
		f.Legend = append(f.Legend, h.Words)
	}
	for line := 2; ; line++ {
		record, err := r.Read()
		if err != nil || len(record) != len(header) {
			return
		}
		if line < first {
			f.Earlier = max(1, first-linesPerFrame)
			continue
		}
		if line >= first+linesPerFrame {
			f.Later = first + linesPerFrame
			return
		}
		shown := row{Line: line}
		for _, key := range record[:at-1] {
			shown.Cells = append(shown.Cells, cell{Text: key})
		}
		people, _ := strconv.ParseInt(record[at-1], 10, 64)
		shown.Cells = append(shown.Cells, cell{Text: record[at-1], Class: heatOf(people)})
		if record[at] == "yes" {
			shown.Why = []string{"The gate leaves the whole group out."}
		}
		for i := at + 1; i < len(record); i += 3 {
			behind, _ := strconv.ParseInt(record[i+1], 10, 64)
			c := cell{Text: record[i], Class: heatOf(behind), Why: []string{thousands(behind) + " people"}}
			if record[i+2] != "" {
				c.Why = append(c.Why, "withheld: "+record[i+2])
			}
			shown.Cells = append(shown.Cells, c)
		}
		f.Rows = append(f.Rows, shown)
	}
}

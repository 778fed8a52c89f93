//go:build linux

package pdf_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse/infra/pdf"
)

// TestMain is the worker where a test starts one.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "lie" {
		answer, err := os.ReadFile(os.Getenv("PDF_TEST_ANSWER"))
		if err != nil {
			os.Exit(1)
		}
		os.Stdout.Write(answer)
		os.Exit(0)
	}
	if len(os.Args) > 2 && os.Args[1] == "draw" {
		number := len(os.Args[2])
		if err := pdf.Serve(context.Background(), os.Stdin, os.Stdout, number); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// TestAPageIsDrawnAndWhatItsPictureDoesNotShowIsTold: the document runs a script,
// carries a file, has a note, and text in white on white.
func TestAPageIsDrawnAndWhatItsPictureDoesNotShowIsTold(t *testing.T) {
	p, err := pdf.Draw(t.Context(), read(t, "two-pages.pdf"), 1)
	if err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(p.PNG))
	if err != nil {
		t.Fatal(err)
	}
	dark := 0
	for x := range picture.Bounds().Dx() {
		for y := range picture.Bounds().Dy() {
			if r, _, _, _ := picture.At(x, y).RGBA(); r < 0x4000 {
				dark++
			}
		}
	}
	if picture.Bounds().Dx() < 500 || dark < 500 || picture.At(1, 1) == (color.RGBA{}) {
		t.Errorf("the picture is %v with %d dark points", picture.Bounds(), dark)
	}
	if !strings.Contains(p.Text, "Admissions by region") || !strings.Contains(p.Text, "patient 943 476 5919") {
		t.Errorf("the text is %q", p.Text)
	}
	if p.Pages != 2 || p.Number != 1 || p.Scripts != 1 || p.Inside != 1 || len(p.Files) != 1 || p.Files[0] != "rows.csv" || p.Notes != 1 || p.Meta["Author"] != "ada" {
		p.PNG = nil
		t.Errorf("the document is %+v", p)
	}
	second, err := pdf.Draw(t.Context(), read(t, "two-pages.pdf"), 2)
	if err != nil || second.Number != 2 || strings.TrimSpace(second.Text) != "" {
		t.Errorf("the second page: %q, %v", second.Text, err)
	}
}

func TestWhatIsNoDocumentIsNotDrawn(t *testing.T) {
	whole := read(t, "two-pages.pdf")
	for name, content := range map[string][]byte{"nothing": nil, "a beginning": whole[:len(whole)/4]} {
		if _, err := pdf.Draw(t.Context(), content, 1); !errors.Is(err, pdf.ErrDocument) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, number := range []int{0, 3} {
		if _, err := pdf.Draw(t.Context(), whole, number); !errors.Is(err, pdf.ErrPage) {
			t.Errorf("page %d: %v", number, err)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := pdf.Draw(gone, whole, 1); !errors.Is(err, pdf.ErrTooMuch) {
		t.Errorf("without time: %v", err)
	}
}

// noWalls starts a worker as it is; those of the sandbox are tested there.
type noWalls struct{ starved bool }

func (w noWalls) Start(cmd *exec.Cmd, _, _ []string, _ int) (func() bool, error) {
	return func() bool { return w.starved }, cmd.Start()
}

func TestAWorkerDrawsAndItsEndIsNobodyElses(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	content := read(t, "two-pages.pdf")
	// The worker of this test takes its page from the length of an argument, since
	// the number follows it.
	v := pdf.NewViewer(noWalls{}, self, "draw", "1")
	p, err := v.Draw(t.Context(), content, 1)
	if err != nil || p.Pages != 2 || !strings.Contains(p.Text, "Admissions") || len(p.PNG) == 0 {
		t.Errorf("%d pages, %q, %v", p.Pages, p.Text, err)
	}
	if _, err := pdf.NewViewer(noWalls{}, self, "draw", "333").Draw(t.Context(), content, 3); !errors.Is(err, pdf.ErrPage) {
		t.Errorf("a page that there is not: %v", err)
	}
	if _, err := v.Draw(t.Context(), []byte("hello"), 1); !errors.Is(err, pdf.ErrDocument) {
		t.Errorf("no document: %v", err)
	}
	if _, err := pdf.NewViewer(noWalls{starved: true}, self, "draw", "1").Draw(t.Context(), content, 1); !errors.Is(err, pdf.ErrTooMuch) {
		t.Errorf("a worker without memory: %v", err)
	}
	if _, err := pdf.NewViewer(noWalls{}, "/bin/true").Draw(t.Context(), content, 1); !errors.Is(err, pdf.ErrDocument) {
		t.Errorf("a worker that says nothing: %v", err)
	}
	if _, err := pdf.NewViewer(noWalls{}, "/bin/false").Draw(t.Context(), content, 1); !errors.Is(err, pdf.ErrTooMuch) {
		t.Errorf("a worker that dies: %v", err)
	}
}

// What a document may have done to the worker that reads it is not known: whatever it
// sends, nobody is shown more than a page that was drawn could hold.
func TestAWorkerThatLiesIsBounded(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	picture := func(wide, high int) []byte {
		var b bytes.Buffer
		if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, wide, high))); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	draw := func(p pdf.Page) (pdf.Page, error) {
		answer, err := json.Marshal(map[string]any{"Page": p})
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "answer")
		if err := os.WriteFile(file, answer, 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PDF_TEST_ANSWER", file)
		return pdf.NewViewer(noWalls{}, self, "lie", "1").Draw(t.Context(), []byte("%PDF-1.7"), 1)
	}
	small := picture(10, 10)
	p, err := draw(pdf.Page{Pages: 1, Number: 1, PNG: small, Text: strings.Repeat("£", 120_000)})
	if err != nil || len(p.Text) != 2*100_000 || !p.Cut {
		t.Errorf("%d bytes of text, cut: %v, %v", len(p.Text), p.Cut, err)
	}
	files := slices.Repeat([]string{strings.Repeat("n", 2000)}, 50)
	p, err = draw(pdf.Page{Pages: 1, Number: 1, PNG: small, Files: files, Inside: -3, Notes: -1, Scripts: -1, Meta: map[string]string{"Author": strings.Repeat("a", 2000), "Anything": "x"}})
	if err != nil || len(p.Files) != 20 || len(p.Files[0]) != 500 || p.Inside != 50 || p.Notes != 0 || p.Scripts != 0 || len(p.Meta) != 1 || len(p.Meta["Author"]) != 500 {
		t.Errorf("%d files of %d, %d notes, %d scripts, %d words, %v", len(p.Files), p.Inside, p.Notes, p.Scripts, len(p.Meta), err)
	}
	for name, p := range map[string]pdf.Page{
		"no picture":      {Pages: 1, Number: 1, PNG: []byte("\x89PNG\r\n\x1a\n<svg>")},
		"a huge picture":  {Pages: 1, Number: 1, PNG: picture(5000, 1)},
		"a high picture":  {Pages: 1, Number: 1, PNG: picture(1, 5000)},
		"another page":    {Pages: 2, Number: 2, PNG: small},
		"a page too many": {Pages: 0, Number: 1, PNG: small},
	} {
		if _, err := draw(p); !errors.Is(err, pdf.ErrDocument) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

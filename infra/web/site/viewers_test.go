package site_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
)

// handedIn is a request of ada's with these files, before its checkers.
func (h *house) handedIn(files ...string) string {
	h.t.Helper()
	ada := h.as("ada")
	p := ada.post("/requests/new", "project", "a", "title", "Files", "what", "counts", "population", "adults", "dates", "2024", "people", "many", "controls", "k = 10").wants(h.t, http.StatusOK)
	for i := 0; i+1 < len(files); i += 2 {
		ada.uploadAs(p.path, files[i], files[i+1], "output", "").wants(h.t, http.StatusOK, files[i])
	}
	ada.post(p.path+"/submit").wants(h.t, http.StatusOK)
	return p.path
}

// TestAPageOfADocumentIsShownWithWhatItHides: a script, a file inside, and an NHS
// number in white on white.
func TestAPageOfADocumentIsShownWithWhatItHides(t *testing.T) {
	h := newHouse(t)
	document, err := os.ReadFile("../../pdf/testdata/two-pages.pdf")
	if err != nil {
		t.Fatal(err)
	}
	path := h.handedIn("figure.pdf", string(document))
	chris := h.as("chris")
	chris.get(path+"/review").wants(t, http.StatusOK, "Go to page", "First page")
	frame := chris.get(path+"/files/figure.pdf/view").wants(t, http.StatusOK, "data:image/png;base64,", "Page 1 of 2", "1 script", "1 file inside: rows.csv", "1 note", "Author: ada",
		"Admissions by region", "943 476 5919", "NHS number")
	if policy := frame.header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "sandbox; default-src 'none'") {
		t.Errorf("a page of a document has the policy %q", policy)
	}
	for _, p := range []string{frame.body, chris.get(path+"/files/figure.pdf/view?page=9").wants(t, http.StatusOK, "cannot be drawn", "not shown").body} {
		if strings.Contains(p, "%PDF") || strings.Contains(p, "application/pdf") || strings.Contains(p, "<script") {
			t.Error("the document itself stands in the page")
		}
	}
	got := chris.get(path+"/files/figure.pdf/bytes").wants(t, http.StatusOK)
	if got.header.Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(got.header.Get("Content-Disposition"), "attachment") || got.body != string(document) {
		t.Error("the document is not downloaded as it is")
	}
	h.as("ada").get(path+"/files/figure.pdf/view").wants(t, http.StatusForbidden).lacks(t, "Admissions")
}

// What draws a document may say anything of it: names of files without their number
// are counted, and the viewer stands.
func TestAPageWithoutANumberOfFilesIsShown(t *testing.T) {
	h := newHouse(t)
	path := h.handedIn("figure.pdf", takenOver+"\n1 0 obj\n<<>>\nendobj\ntrailer<<>>\n%%EOF\n")
	h.as("chris").get(path+"/files/figure.pdf/view").wants(t, http.StatusOK, "2 files inside: one.csv, two.csv").lacks(t, "script")
}

func TestWideTablesAreShownInStretchesOfColumns(t *testing.T) {
	h := newHouse(t)
	var table strings.Builder
	for line := range 3 {
		for column := range 120 {
			if column > 0 {
				table.WriteByte(',')
			}
			if line == 0 {
				fmt.Fprintf(&table, "c%d", column+1)
			} else {
				fmt.Fprintf(&table, "v%dx%d", line, column+1)
			}
		}
		table.WriteByte('\n')
	}
	path := h.handedIn("wide.csv", table.String(), "long.csv", "a,b\n"+strings.Repeat("x", 50_000)+",2\n", "long.txt", "first\n"+strings.Repeat("y", 90_000)+"\nlast\n")
	chris := h.as("chris")
	chris.get(path+"/review?file=wide.csv").wants(t, http.StatusOK, "Columns from")
	view := path + "/files/wide.csv/view"
	chris.get(view).wants(t, http.StatusOK, ">c1<", ">v1x50<", "Columns 1 to 50 of 120").lacks(t, "c51<", "v1x51")
	chris.get(view+"?column=77&line=2").wants(t, http.StatusOK, ">c51<", ">v2x100<", "Columns 51 to 100 of 120").lacks(t, ">c50<", "v1x101")
	chris.get(view+"?column=9999").wants(t, http.StatusOK, ">c1<")
	chris.get(path+"/files/long.csv/view").wants(t, http.StatusOK, "48000 characters more", ">2<").lacks(t, strings.Repeat("x", 3000))
	chris.get(path+"/files/long.txt/view").wants(t, http.StatusOK, "70000 characters more", ">last<")
}

// TestWhatALargeTableTakesToBeShownIsBounded: 500 columns of 16,000 rows would be
// eight million cells of a page.
func TestWhatALargeTableTakesToBeShownIsBounded(t *testing.T) {
	h := newHouse(t)
	row := strings.Repeat("1,", 89) + "1\n"
	const rows = 16_000
	large := bytes.Repeat([]byte(row), rows)
	path := h.handedIn("large.csv", strings.ReplaceAll(row, "1", "n")+string(large))
	chris := h.as("chris")
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	p := chris.get(path+"/files/large.csv/view?line=15900").wants(t, http.StatusOK, fmt.Sprintf(`id="L%d"`, rows))
	runtime.ReadMemStats(&after)
	if len(p.body) > 4<<20 {
		t.Errorf("the page has %d bytes", len(p.body))
	}
	// The reader, the answer and the file itself, over and over grown: far from what
	// all cells would take (72 bytes each, 100 MB, before a page is made of them).
	if took := after.TotalAlloc - before.TotalAlloc; took > 100<<20 {
		t.Errorf("a page of it took %d MiB", took>>20)
	}
}

// TestNoRowIsOutOfReach: where rows are so long that few fit into one frame, every
// row can still be asked for.
func TestNoRowIsOutOfReach(t *testing.T) {
	h := newHouse(t)
	long := strings.Repeat(strings.Repeat("z", 1500)+",", 49) + "end\n" // 73 kB a row: 28 fill a frame
	path := h.handedIn("long.csv", strings.Repeat("h,", 49)+"h\n"+strings.Repeat(long, 35))
	chris := h.as("chris")
	view := path + "/files/long.csv/view"
	chris.get(view).wants(t, http.StatusOK, `id="L2"`, "There are lines after these").lacks(t, `id="L36"`)
	for line := 2; line <= 36; line += 2 {
		chris.get(fmt.Sprintf("%s?line=%d", view, line)).wants(t, http.StatusOK, fmt.Sprintf(`id="L%d"`, line))
	}
}

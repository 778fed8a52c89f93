package catalog_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

// Each fault of a whole file stops the publication with its code, names the
// file, tells no value, and leaves nothing behind.
func TestFaultyFilesStopPublication(t *testing.T) {
	for name, c := range map[string]struct {
		file  string
		edit  func(content string) string // nil: the file is removed
		code  gatehouse.Code
		names []string
	}{
		"missing":               {"events.csv", nil, gatehouse.CodeExtractMissing, nil},
		"empty":                 {"events.csv", func(string) string { return "" }, gatehouse.CodeExtractEmpty, nil},
		"header only":           {"events.csv", func(string) string { return eventsHeader }, gatehouse.CodeExtractEmpty, nil},
		"column missing":        {"events.csv", replace("date,code", "code"), gatehouse.CodeExtractHeader, []string{"lacks column date"}},
		"column extra":          {"events.csv", replace("code,value", "code,value,unit"), gatehouse.CodeExtractHeader, []string{"unexpected column unit"}},
		"columns reordered":     {"events.csv", replace("date,code", "code,date"), gatehouse.CodeExtractHeader, []string{"another order", "column 2 should be date and is code"}},
		"column twice":          {"events.csv", replace("code,value", "code,code"), gatehouse.CodeExtractHeader, []string{"lacks column value", "repeats column code"}},
		"column renamed":        {"patients.csv", replace("postcode", "post_code"), gatehouse.CodeExtractHeader, []string{"postcode", "post_code"}},
		"no header":             {"patients.csv", replace(patientsHeader, ""), gatehouse.CodeExtractHeader, []string{"first line is not the header"}},
		"another delimiter":     {"events.csv", replace(",", ";"), gatehouse.CodeExtractHeader, []string{"delimiter"}},
		"UTF-16":                {"events.csv", toUTF16, gatehouse.CodeExtractEncoded, []string{"UTF-16"}},
		"UTF-16 without a mark": {"events.csv", func(s string) string { return toUTF16(s)[2:] }, gatehouse.CodeExtractEncoded, nil},
		"mostly Latin-1":        {"patients.csv", replace("1AA", "\xe9", "1BB", "\xe8", "1CC", "\xe7"), gatehouse.CodeExtractEncoded, nil},
		"last row cut":          {"events.csv", func(s string) string { return s[:len(s)-4] }, gatehouse.CodeExtractBroken, []string{"line 5", "too few fields"}},
		"last value cut":        {"events.csv", func(s string) string { return s[:len(s)-1] }, gatehouse.CodeExtractBroken, []string{"line 5", "no line end"}},
		"last row short":        {"events.csv", func(s string) string { return s + nhsA + ",2001-01-01\n" }, gatehouse.CodeExtractBroken, []string{"line 6"}},
		"quote never closed":    {"events.csv", func(s string) string { return s + nhsA + ",2001-01-01,\"c1,1\n" + nhsB + ",2001-01-01,c1,1\n" }, gatehouse.CodeExtractBroken, []string{"line 6", "quotation mark"}},
		"quote closed by chance": {"events.csv", func(s string) string {
			return s + nhsA + ",2001-01-01,\"c1,1\n" + nhsB + ",2001-01-01,\"c1\",1\n"
		}, gatehouse.CodeExtractBroken, []string{"line 6", "quotation mark"}},
		"endless line": {"events.csv", func(s string) string { return s + strings.Repeat("x", 3<<20) }, gatehouse.CodeExtractBroken, []string{"line 6"}},
		"a folder":     {"events.csv", func(string) string { return "FOLDER" }, gatehouse.CodeExtractMissing, []string{"not a regular file"}},

		"list missing":                {"national.dat", nil, gatehouse.CodeExtractMissing, nil},
		"list empty":                  {"national.dat", func(string) string { return "" }, gatehouse.CodeListInvalid, []string{"nobody"}},
		"list is an error":            {"national.dat", func(string) string { return "The file contains one or more invalid NHS Numbers.\n" }, gatehouse.CodeListInvalid, []string{"error message"}},
		"list is an error, cut":       {"national.dat", func(string) string { return "The file contains one or more invalid NHS Numbers." }, gatehouse.CodeListInvalid, []string{"error message"}},
		"list is a status":            {"national.dat", func(string) string { return "Subject=SUCCESS\n" }, gatehouse.CodeListInvalid, []string{"status message"}},
		"list with CRLF":              {"national.dat", replace("\n", "\r\n"), gatehouse.CodeListInvalid, []string{"line 1"}},
		"list without commas":         {"national.dat", replace(",", ""), gatehouse.CodeListInvalid, []string{"line 1"}},
		"list cut":                    {"national.dat", func(s string) string { return s[:len(s)-5] }, gatehouse.CodeListInvalid, []string{"line 3"}},
		"list with check digit":       {"national.dat", replace(nhsB, "9990000027"), gatehouse.CodeListInvalid, []string{"line 2", "check digit"}},
		"deny-list is an error":       {"type1.csv", func(string) string { return "The file contains one or more invalid NHS Numbers.\n" }, gatehouse.CodeListInvalid, []string{"error message"}},
		"deny-list with check digit":  {"type1.csv", func(s string) string { return s + "9990000027,9Nu0\n" }, gatehouse.CodeListInvalid, []string{"line 2", "check digit"}},
		"deny-list without header":    {"type1.csv", func(string) string { return nhsB + ",9Nu0\n" }, gatehouse.CodeListInvalid, []string{"first line"}},
		"deny-list, another header":   {"type1.csv", replace("code", "cause"), gatehouse.CodeListInvalid, []string{"lacks column code"}},
		"deny-list names nobody":      {"type1.csv", func(s string) string { return s + ",9Nu0\n" }, gatehouse.CodeListInvalid, []string{"line 2", "nobody"}},
		"deny-list, too many fields":  {"type1.csv", func(s string) string { return s + nhsB + ",9Nu0,\n" }, gatehouse.CodeListInvalid, []string{"line 2"}},
		"deny-list without last line": {"type1.csv", func(s string) string { return s + nhsB + ",9Nu0" }, gatehouse.CodeListInvalid, []string{"cut off"}},
		"deny-list is empty":          {"type1.csv", func(string) string { return "" }, gatehouse.CodeListInvalid, []string{"empty"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := smallHouse(t)
			path := filepath.Join(h.extracts, c.file)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			switch content := edited(c.edit, string(b)); {
			case c.edit == nil:
			case content == "FOLDER":
				if err := os.Mkdir(path, 0o700); err != nil {
					t.Fatal(err)
				}
			default:
				h.write(c.file, content)
			}
			_, err = h.publish(small(t))
			wantCode(t, err, c.code, append(c.names, c.file)...)
			for _, value := range []string{nhsA, nhsB, nhsC, "Abel", "Bell", "1950-03-14", "AA1"} {
				if err != nil && strings.Contains(err.Error(), value) {
					t.Errorf("%q tells a value", err)
				}
			}
			h.mustNotHavePublished()
		})
	}
}

func edited(edit func(string) string, s string) string {
	if edit == nil {
		return ""
	}
	return edit(s)
}

func replace(pairs ...string) func(string) string {
	return func(s string) string { return strings.NewReplacer(pairs...).Replace(s) }
}

func toUTF16(s string) string {
	var b bytes.Buffer
	b.Write([]byte{0xff, 0xfe})
	for _, u := range utf16.Encode([]rune(s)) {
		b.WriteByte(byte(u))
		b.WriteByte(byte(u >> 8))
	}
	return b.String()
}

func TestOldListsStopPublication(t *testing.T) {
	month, day := 30*24*time.Hour, 24*time.Hour
	for name, c := range map[string]struct {
		modified time.Duration // before now
		sidecar  string
		operator time.Duration
		code     gatehouse.Code
	}{
		"fresh":                              {modified: day},
		"modified long ago":                  {modified: month + day, code: gatehouse.CodeListOld},
		"the operator is stricter":           {modified: 2 * day, operator: day, code: gatehouse.CodeListOld},
		"the operator cannot be looser":      {modified: month + day, operator: 2 * month, code: gatehouse.CodeListOld},
		"copied lately, but old":             {sidecar: "2020-01-31", code: gatehouse.CodeListOld},
		"an old sidecar, to the second":      {sidecar: "2020-01-31T12:00:00Z\n", code: gatehouse.CodeListOld},
		"a fresh sidecar cannot make it new": {modified: month + day, sidecar: time.Now().Format(time.DateOnly), code: gatehouse.CodeListOld},
		"a sidecar of the future":            {sidecar: "2098-01-31", code: gatehouse.CodeListInvalid},
		"a sidecar that is no date":          {sidecar: "yesterday", code: gatehouse.CodeListInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := smallHouse(t)
			when := h.now.Add(-c.modified)
			if err := os.Chtimes(filepath.Join(h.extracts, "national.dat"), when, when); err != nil {
				t.Fatal(err)
			}
			if c.sidecar != "" {
				h.write("national.dat"+catalog.DatedSuffix, c.sidecar)
			}
			o := h.options(small(t))
			o.MaxListAge = c.operator
			v, err := catalog.Publish(t.Context(), o)
			if c.code == "" {
				if err != nil {
					t.Fatal(err)
				}
				if age := h.now.Sub(v.Receipts[0].Dated); age < c.modified-time.Minute || age > c.modified+time.Minute {
					t.Errorf("the receipt says %v", v.Receipts[0].Dated)
				}
				return
			}
			wantCode(t, err, c.code, "national.dat")
			h.mustNotHavePublished()
		})
	}
}

func TestAListWithoutAnyAgeLimitIsRefused(t *testing.T) {
	h := smallHouse(t)
	d := smallWith(t, ", max_age: 720h", "")
	_, err := h.publish(d)
	wantCode(t, err, gatehouse.CodeDefinition, "max_age")
	o := h.options(d)
	o.MaxListAge = time.Hour
	if _, err := catalog.Publish(t.Context(), o); err != nil {
		t.Error(err)
	}
}

func TestAnOptionalListMayBeAbsent(t *testing.T) {
	h := smallHouse(t)
	if err := os.Remove(filepath.Join(h.extracts, "type1.csv")); err != nil {
		t.Fatal(err)
	}
	v := h.mustPublish(smallWith(t, "column: nhs_number, max_age", "column: nhs_number, optional: true, max_age"))
	if len(v.Receipts) != 1 {
		t.Errorf("receipts: %+v", v.Receipts)
	}
}

func TestTooManyRejectedRowsStopPublicationAndAreReported(t *testing.T) {
	h := smallHouse(t)
	h.write("events.csv", eventsHeader+nhsA+",2001-02-03,c1,1.5\n"+nhsB+",2002-03-04,c9,\n"+nhsC+",x,c1,\n")
	d := smallWith(t, "reject_limit: 1\n", "reject_limit: 0.5\n")
	_, err := h.publish(d)
	wantCode(t, err, gatehouse.CodeTooManyRejects, "events.csv", "small@1-refused")
	h.mustNotHavePublished()
	if got := h.rejects("small@1-refused"); len(got) != 2 || got[0][3] != "code_unknown" || got[1][3] != "date_impossible" {
		t.Errorf("rejected: %v", got)
	}
	// A floor tolerates them, and nothing of the attempt stands in the way.
	v := h.mustPublish(smallWith(t, "reject_limit: 1\n", "reject_limit: 0.5\nreject_floor: 2\n"))
	if v.Number != 1 {
		t.Errorf("published %s", v.Name())
	}
}

func TestTwoPublicationsAtOnceAreNotPossible(t *testing.T) {
	h := smallHouse(t)
	o := h.options(small(t))
	tried := false
	o.Progress = func(catalog.Progress) {
		if tried {
			return
		}
		tried = true
		_, err := h.publish(small(t))
		wantCode(t, err, gatehouse.CodeBusy)
	}
	if _, err := catalog.Publish(t.Context(), o); err != nil || !tried {
		t.Errorf("%v, tried: %v", err, tried)
	}
}

func TestACancelledPublicationLeavesNothing(t *testing.T) {
	h := newHouse(t)
	h.synthesize(2000)
	for _, stage := range []catalog.Stage{catalog.StageSurvey, catalog.StageRead, catalog.StageWrite, catalog.StageSeal} {
		ctx, cancel := context.WithCancel(t.Context())
		o := h.options(sharedCare(t))
		o.Progress = func(p catalog.Progress) {
			if p.Stage == stage && (p.Table == "" || p.Table == "events") {
				cancel()
			}
		}
		_, err := catalog.Publish(ctx, o)
		wantCode(t, err, gatehouse.CodeCancelled)
		h.mustNotHavePublished()
		cancel()
	}
	if v := h.mustPublish(sharedCare(t)); v.Number != 1 {
		t.Errorf("published %s", v.Name())
	}
}

// A volume that fills up at any moment gives CodeStorage, and a publication
// with more room succeeds later.
func TestAFullDiskLeavesNothingBehind(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting a small volume takes root")
	}
	h := newHouse(t)
	h.synthesize(5000)
	t.Cleanup(func() { _ = syscall.Unmount(h.dir, syscall.MNT_DETACH) }) // if the test ends on the way
	small := 0
	for _, size := range []string{"64k", "256k", "512k", "700k", "64m"} {
		if err := syscall.Mount("tmpfs", h.dir, "tmpfs", 0, "size="+size); err != nil {
			t.Skipf("no volume can be mounted here: %v", err)
		}
		v, err := h.publish(sharedCare(t))
		if err != nil {
			small++
			wantCode(t, err, gatehouse.CodeStorage)
			h.mustNotHavePublished()
		} else {
			mustBalance(t, v)
			if _, err := mustOpen(t, h).Version(t.Context(), "shared_care", 0); err != nil {
				t.Errorf("%s: %v", size, err)
			}
			h.store.versions = nil
		}
		if err := syscall.Unmount(h.dir, 0); err != nil {
			t.Fatal(err)
		}
	}
	if small < 2 || small == 5 {
		t.Errorf("%d of 5 volumes were too small: the test does not try what it should", small)
	}
}

func mustOpen(t testing.TB, h *house) *catalog.Catalogue {
	t.Helper()
	c, err := catalog.Open(h.dir, h.signer.public())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestADeadEngineLeavesNothing(t *testing.T) {
	h := smallHouse(t)
	o := h.options(small(t))
	start := o.Start
	var engine catalog.Engine
	o.Start = func(ctx context.Context, read []string, write, temp string) (catalog.Engine, error) {
		e, err := start(ctx, read, write, temp)
		engine = e
		return e, err
	}
	o.Progress = func(p catalog.Progress) {
		if p.Table == "events" && p.Stage == catalog.StageWrite {
			engine.(publishEngine).Kill()
		}
	}
	_, err := catalog.Publish(t.Context(), o)
	wantCode(t, err, gatehouse.CodeEngineLost)
	h.mustNotHavePublished()
}

package egress

import (
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/gatehouse-tre/gatehouse"
	"pgregory.net/rapid"
)

func TestFileNames(t *testing.T) {
	for _, name := range []string{"table 1.csv", "Größe.csv", "a-b_c (2).png", "plot.final.v2.svg", "表.txt"} {
		if got, err := cleanFileName(name); err != nil || got != name {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
	for _, name := range []string{
		"", " ", ".", "..", "../x.csv", "a/b.csv", `a\b.csv`, "/etc/passwd", ".hidden.csv", "-rf.csv", "~x.csv", "x.csv.", "x.csv ", " x.csv",
		"a\x00b.csv", "a\nb.csv", "a\tb.csv", "a\x7f.csv", "safe\u202evsc.exe", "zero\u200bwidth.csv", "no\u00a0break.csv", "\ufeffx.csv",
		"CON", "con.csv", "NUL.txt", "Lpt1.csv", "a:b.csv", "a*b.csv", "a?.csv", `a"b.csv`, "a<b.csv", "a|b.csv", "\xff.csv",
		strings.Repeat("x", 201),
	} {
		if got, err := cleanFileName(name); gatehouse.CodeOf(err) != gatehouse.CodeFileRefused {
			t.Errorf("%q was accepted as %q: %v", name, got, err)
		} else if strings.ContainsFunc(err.Error(), unicode.IsControl) {
			t.Errorf("%q: the error prints it", name)
		}
	}
	if got, err := cleanFileName("e\u0301.csv"); err != nil || got != "é.csv" {
		t.Errorf("not composed: %q, %v", got, err)
	}
	for _, pair := range [][2]string{{"A.csv", "a.CSV"}, {"é.csv", "E\u0301.csv"}, {"straße.csv", "STRASSE.csv"}} {
		if foldName(pair[0]) != foldName(pair[1]) {
			t.Errorf("%q and %q would be two files", pair[0], pair[1])
		}
	}
}

func TestAcceptedNamesAreSafe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name, err := cleanFileName(rapid.String().Draw(t, "name"))
		if err != nil {
			return
		}
		if filepath.Join("/base", name) != "/base/"+name || !filepath.IsLocal(name) || !utf8.ValidString(name) {
			t.Fatalf("%q leaves its folder", name)
		}
		if again, err := cleanFileName(name); err != nil || again != name {
			t.Fatalf("%q is not stable: %q, %v", name, again, err)
		}
	})
}

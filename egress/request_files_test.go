package egress_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
)

func TestFilesAreLimitedAndLookedInto(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	id := h.draft()
	for name, content := range map[string]string{
		"empty.csv": "", "x.exe": "MZ", "../../up.csv": "n\n12\n", "a\x00.csv": "n", "big.csv": strings.Repeat("x", 10_001), "sheet.csv": "PK\x03\x04",
	} {
		_, err := h.AddFile(ctx, as("ada"), id, name, strings.NewReader(content))
		want(t, name, err, gatehouse.CodeFileRefused)
	}
	h.add(id, "exact.txt", strings.Repeat("x\n", 5_000))
	h.add(id, "a.csv", "region,patients\nLondon,3\nWales,943 476 5919\n")
	_, err := h.AddFile(ctx, as("ada"), id, "A.CSV", strings.NewReader("n\n12\n"))
	want(t, "the same name in another case", err, gatehouse.CodeFileRefused)
	_, err = h.AddFile(ctx, as("ada"), id, "b.txt", strings.NewReader(strings.Repeat("y\n", 5_000)))
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.AddFile(ctx, as("ada"), id, "c.txt", strings.NewReader(strings.Repeat("z\n", 5_000)))
	want(t, "too much together", err, gatehouse.CodeFileRefused)
	h.add(id, "d.csv", "n\n12\n")
	h.add(id, "e.csv", "n\n13\n")
	_, err = h.AddFile(ctx, as("ada"), id, "f.csv", strings.NewReader("n\n14\n"))
	want(t, "too many", err, gatehouse.CodeFileRefused)
	for range 9 {
		if _, err = h.RemoveFile(ctx, as("ada"), id, "e.csv"); err == nil {
			_, err = h.AddFile(ctx, as("ada"), id, "e.csv", strings.NewReader("n\n13\n"))
		}
		if err != nil {
			break
		}
	}
	want(t, "adding and removing without end", err, gatehouse.CodeFileRefused)

	rules := map[string]bool{}
	for _, f := range h.see("ada", id).Files {
		for _, finding := range f.Findings {
			rules[f.Name+" "+string(finding.Rule)] = true
		}
	}
	if !rules["a.csv small-count"] || !rules["a.csv nhs-number"] {
		t.Errorf("findings %v", rules)
	}
	broken := errors.New("the line went dead")
	_, err = h.AddFile(ctx, as("ada"), id, "g.csv", io.MultiReader(strings.NewReader("n"), errorReader{broken}))
	if err == nil {
		t.Error("half a file was accepted")
	}
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }

func TestWhatWasReviewedIsWhatLeaves(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	id := h.approved("a.csv")
	sha := h.see("chris", id).Files[0].SHA256
	h.damage(sha, []byte("region,n\nLondon,999\na.csv,45\n"))
	_, err := h.ReleaseRequest(ctx, as("chris"), id)
	want(t, "release of other bytes", err, gatehouse.CodeBundle)
	if got := h.see("chris", id); got.State != egress.RequestApproved || got.Release != "" {
		t.Errorf("a failed release left %s, %q", got.State, got.Release)
	}
	h.damage(sha, []byte("region,n\nLondon,120\na.csv,45\n"))
	release, err := h.ReleaseRequest(ctx, as("chris"), id)
	if err != nil {
		t.Fatal(err)
	}
	bundle := h.download("ada", release.ID)
	h.damage(release.SHA256, append(bytes.Clone(bundle), 'x'))
	_, _, err = h.DownloadRelease(ctx, as("ada"), release.ID)
	want(t, "download of a damaged bundle", err, gatehouse.CodeBundle)
	if got, err := h.Release(ctx, as("ada"), release.ID); err != nil || len(got.Downloads) != 1 {
		t.Errorf("downloads %+v, %v", got.Downloads, err)
	}
}

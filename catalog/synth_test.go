package catalog_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/catalog/synth"
)

func sharedCare(t testing.TB) *catalog.Definition {
	t.Helper()
	d, ok := catalog.ShippedDefinition("shared_care")
	if !ok {
		t.Fatal("shared_care is not shipped")
	}
	return d
}

func (h *house) synthesize(people int) {
	h.t.Helper()
	if _, err := synth.Write(context.Background(), synth.Options{People: people, Seed: 7, Dir: h.extracts}); err != nil {
		h.t.Fatal(err)
	}
}

// The deliberate faults of synthetic extracts are each found on their line, for
// their reason, and nothing else is rejected but what follows from them.
func TestSyntheticFaultsAreFoundOnTheirLines(t *testing.T) {
	h := newHouse(t)
	h.synthesize(3000)
	v := h.mustPublish(sharedCare(t))
	mustBalance(t, v)

	var manifest struct {
		Files map[string]struct {
			Rows   int64
			Faults map[string]struct {
				Treatment string
				Lines     []int64
			}
		}
	}
	b, err := os.ReadFile(filepath.Join(h.extracts, "faults.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &manifest); err != nil {
		t.Fatal(err)
	}
	type place struct {
		file string
		line int64
	}
	reasons := make(map[place]string)
	for _, r := range h.rejects("shared_care@1") {
		line, err := strconv.ParseInt(r[1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		reasons[place{r[0], line}] = r[3]
	}
	same := map[string]string{"nhs_number_missing_unlinkable": "unlinked"}
	for file, f := range manifest.Files {
		var read int64 = -1
		for _, a := range v.Accounts {
			if a.Extract == file {
				read = a.Read
			}
		}
		if read >= 0 && read != f.Rows {
			t.Errorf("%s: read %d rows of %d", file, read, f.Rows)
		}
		for kind, fault := range f.Faults {
			for _, line := range fault.Lines {
				at := place{file, line}
				got := reasons[at]
				want := kind
				if same[kind] != "" {
					want = same[kind]
				}
				if fault.Treatment != "reject" {
					want = ""
				}
				// A row may belong to somebody whose own registration was rejected.
				if got != want && !(want == "" && got == "unknown_person") {
					t.Errorf("%s line %d: %s gives reason %q", file, line, kind, got)
				}
				delete(reasons, at)
			}
		}
	}
	for at, why := range reasons {
		if why != "unknown_person" && why != "duplicate_nhs_number" {
			t.Errorf("%s line %d was rejected without a fault: %s", at.file, at.line, why)
		}
	}
}

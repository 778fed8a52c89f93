package egress

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse/egress/inspect"
)

// sampleRelease is a release that has everything a release can have.
func sampleRelease(t *testing.T) (Manifest, []byte) {
	t.Helper()
	at := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	content := map[string]string{"admissions by region.csv": "region,n\nLondon,120\n", "Größe 50%.svg": "<svg xmlns=\"http://www.w3.org/2000/svg\"/>\n", "qry_1.csv": "sex,n\nF,40\n"}
	m := Manifest{
		Format: ManifestFormat, Release: "rel_0123456789abcdef0123", Request: "req_1", Project: "diabetes-outcomes", Title: "Admissions by region", Author: "ada", Key: KeyID(testPublic()),
		About:   ProjectRecord{Title: "Outcomes of people with diabetes", Purpose: "How control of blood glucose relates to admissions.", ApprovedBy: "cora", OptOutBasis: "applies"},
		Context: RequestContext{What: "Counts of admissions", Population: "Adults", Dates: "2024", Controls: "k = 10"}, Submitted: at.Add(-time.Hour), Released: at, ReleasedBy: "chris", Expires: at.AddDate(0, 0, 14),
		Disclosure: DisclosureRecord{Policy: "sdap@1", Threshold: 10, Checkers: 2, Datasets: []DatasetRecord{
			{Name: "shared_care@3", Title: "Shared care record", Custodian: "North West Trust", Published: at.AddDate(0, -1, 0),
				OptOuts: []OptOutReceipt{{List: "national", Dated: at.AddDate(0, -2, 0), SHA256: strings.Repeat("0a", 32)}, {List: "type1", Dated: at.AddDate(0, -2, 0), SHA256: strings.Repeat("0b", 32)}}}}},
		Clearances: []ManifestClearance{{"shared_care", "cora", at.Add(-30 * time.Second)}},
		Journal:    json.RawMessage(`{"index":3,"event":"{}","proof":[],"checkpoint":"…"}`),
	}
	blobs := map[string]string{}
	for name, text := range content {
		sum := sha256.Sum256([]byte(text))
		sha := hex.EncodeToString(sum[:])
		blobs[sha] = text
		f := ManifestFile{Name: name, Type: inspect.CSV, SHA256: sha, Bytes: int64(len(text)), Origin: OriginUpload, Findings: []inspect.Finding{}, Votes: []ManifestVote{
			{"chris", 1, StageBlind, VerdictReject, at.Add(-3 * time.Minute)}, {"chloe", 1, StageBlind, VerdictApprove, at.Add(-2 * time.Minute)}, {"chris", 1, StageDispute, VerdictApprove, at.Add(-time.Minute)}}}
		if name == "qry_1.csv" {
			f.Origin, f.Decision, f.Question = OriginQuery, "qry_1", "SELECT sex, count(*) AS n FROM patients GROUP BY sex"
		}
		m.Files = append(m.Files, f)
	}
	var b bytes.Buffer
	err := WriteBundle(context.Background(), &b, m, testKey, func(sha string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(blobs[sha])), nil })
	if err != nil {
		t.Fatal(err)
	}
	return m, b.Bytes()
}

// crateOf gives the entities of a crate's metadata by id.
func crateOf(t *testing.T, text []byte) map[string]map[string]any {
	t.Helper()
	var c struct {
		Graph []map[string]any `json:"@graph"`
	}
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	entities := map[string]map[string]any{}
	for _, e := range c.Graph {
		id, _ := e["@id"].(string)
		if id == "" || entities[id] != nil {
			t.Errorf("an entity without an id of its own: %v", e)
		}
		entities[id] = e
	}
	return entities
}

// references calls found with every id that a value refers to.
func references(v any, found func(string)) {
	switch v := v.(type) {
	case map[string]any:
		if id, ok := v["@id"].(string); ok && len(v) == 1 {
			found(id)
			return
		}
		for _, m := range v {
			references(m, found)
		}
	case []any:
		for _, e := range v {
			references(e, found)
		}
	}
}

// What the Five Safes profile and RO-Crate demand, as far as it can be said of
// JSON; test/api runs the RO-Crate community's own validator.
func TestAReleaseIsAFiveSafesCrate(t *testing.T) {
	m, bundle := sampleRelease(t)
	if _, err := VerifyBundle(bytes.NewReader(bundle), int64(len(bundle)), testPublic()); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(bundle), int64(len(bundle)))
	if err != nil {
		t.Fatal(err)
	}
	content := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		name, inside := strings.CutPrefix(f.Name, m.Release+"/data/")
		if text, _ := io.ReadAll(r); inside {
			content[name] = text
		}
	}
	// For test/api, which runs the validator on it.
	if folder := os.Getenv("GATEHOUSE_SAMPLE_CRATE"); folder != "" {
		if err := os.WriteFile(filepath.Join(folder, "sample.zip"), bundle, 0o600); err != nil {
			t.Fatal(err)
		}
	}

	crate := crateOf(t, content["ro-crate-metadata.json"])
	for id, e := range crate {
		references(e, func(to string) {
			if crate[to] == nil && to != "https://w3id.org/ro/crate/1.2" && to != workflowProfile && !strings.HasPrefix(to, safeHaven) {
				t.Errorf("%s refers to %s, which is not described", id, to)
			}
		})
		if e["@type"] == "AssessAction" && (e["name"] == "" || e["agent"] == nil || e["actionStatus"] == nil) {
			t.Errorf("an assessment without a name, an agent or a status: %v", e)
		}
	}
	root := crate["./"]
	for _, required := range []string{"name", "description", "datePublished", "license", "conformsTo", "mainEntity", "sourceOrganization", "publisher", "mentions", "hasPart"} {
		if root[required] == nil {
			t.Errorf("the root has no %s", required)
		}
	}
	parts := map[string]bool{}
	references(root["hasPart"], func(id string) { parts[id] = true })
	for _, f := range m.Files {
		if id := "outputs/" + crateID(f.Name); !parts[id] || crate[id]["sha256"] != f.SHA256 || content["outputs/"+f.Name] == nil {
			t.Errorf("%s is not described as a part", f.Name)
		}
	}
	mentioned := map[string]bool{}
	references(root["mentions"], func(id string) { mentioned[id] = true })
	decisions := map[any]int{}
	for id, e := range crate {
		if strings.HasSuffix(e["@type"].(string), "Action") && !mentioned[id] {
			t.Errorf("the root does not mention %s", id)
		}
		if strings.HasPrefix(id, "#disclosure-") {
			decisions[e["actionStatus"]]++
		}
	}
	if decisions[completed] != 6 || decisions[failed] != 3 {
		t.Errorf("the decisions of the checkers: %v", decisions)
	}
	if c := crate["#clearance-1"]; c == nil || !strings.Contains(c["name"].(string), "shared_care") {
		t.Errorf("the custodian's agreement: %v", c)
	}
	if main := crate[root["mainEntity"].(map[string]any)["@id"].(string)]; main["@type"] != "Dataset" || main["conformsTo"].(map[string]any)["@id"] != workflowProfile {
		t.Errorf("the main entity is not a Workflow RO-Crate: %v", main)
	}
	if string(content["workflow/question.sql"]) != "SELECT sex, count(*) AS n FROM patients GROUP BY sex\n" || !json.Valid(content["workflow/ro-crate-metadata.json"]) {
		t.Errorf("how it was made: %q", content["workflow/question.sql"])
	}
	if text := string(content["ro-crate-metadata.json"]); !strings.Contains(text, `list \"national\" of 2026-01-02`) || !strings.Contains(text, strings.Repeat("0a", 32)) {
		t.Error("the crate says nothing of the opt-outs")
	}
	if !json.Valid(content["journal-proof.json"]) {
		t.Error("there is no proof from the journal")
	}
}

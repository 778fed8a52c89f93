package workspaces_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func TestProjectFile(t *testing.T) {
	p := parse(t, projectText)
	if p.ID != "diabetes-outcomes" || p.OptOutBasis != workspaces.BasisApplies || len(p.Members) != 2 || len(p.Datasets[0].Tables) != 2 {
		t.Errorf("read %+v", p)
	}
	// A day lasts until its end.
	if want := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC); !p.Expires.Equal(want) {
		t.Errorf("expires %v, want %v", p.Expires, want)
	}
	instant := parse(t, strings.Replace(projectText, "expires: 2026-12-31", "expires: 2026-12-31T09:00:00+01:00", 1))
	if want := time.Date(2026, 12, 31, 8, 0, 0, 0, time.UTC); !instant.Expires.Equal(want) {
		t.Errorf("expires %v, want %v", instant.Expires, want)
	}
}

func TestProjectFilesThatAreRefused(t *testing.T) {
	change := func(from, to string) string {
		if !strings.Contains(projectText, from) {
			t.Fatalf("the project text has no %q", from)
		}
		return strings.Replace(projectText, from, to, 1)
	}
	for name, c := range map[string]struct{ text, says string }{
		"empty":                      {"", "empty"},
		"not YAML":                   {"{[", "cannot be read"},
		"a list":                     {"- id: x\n", "cannot be read"},
		"unknown key":                {projectText + "disclosure: none\n", `unknown field "disclosure"`},
		"unknown key of a member":    {change("role: lead,", "role: lead, admin: true,"), `unknown field "admin"`},
		"misspelt columns":           {change("columns:", "colums:"), `unknown field "colums"`},
		"a key twice":                {projectText + "policy: nhs\n", "policy"},
		"two documents":              {projectText + "---\nid: second\n", "more than one document"},
		"no id":                      {change("id: diabetes-outcomes", "id: ''"), "id"},
		"an id that is a path":       {change("id: diabetes-outcomes", "id: ../x"), "id"},
		"no title":                   {change("title: Outcomes of type 2 diabetes", "title: ' '"), "title"},
		"no purpose":                 {change("purpose: To find out who does well.", ""), "purpose"},
		"a policy that is no name":   {change("policy: sdap", "policy: No Such"), "policy"},
		"a policy's version":         {change("policy: sdap", "policy: sdap@0"), "policy"},
		"no policy":                  {change("policy: sdap", ""), "policy"},
		"unknown basis":              {projectText + "opt_out_basis: research\n", "basis"},
		"a basis without a document": {projectText + "opt_out_basis: s251-exempt\n", "opt_out_ref"},
		"no expiry":                  {change("expires: 2026-12-31", ""), "expiry"},
		"a date that is none":        {change("expires: 2026-12-31", "expires: 31/12/2026"), "date"},
		"a day that is none":         {change("expires: 2026-12-31", "expires: 2026-02-30"), "date"},
		"no lead":                    {change("role: lead", "role: researcher"), "lead"},
		"a role of the house":        {change("role: lead", "role: custodian"), "role"},
		"a member twice":             {change("user: ben", "user: ada"), "twice"},
		"no training":                {change(", training_until: 2026-06-30", ""), "training_until"},
		"a dataset twice":            {projectText + "  - {dataset: shared_care, tables: [{table: patients}]}\n", "twice"},
		"a reason without a column":  {change("columns: [sex, birth_year]", "columns: [sex]\n        columns_why: {birth_year: age}"), "not asked for"},
		"what cannot be shown":       {change("lay_summary: Some", "lay_summary: \"\\u202e\" #"), "cannot be shown"},
		"no tables":                  {change("    tables:\n      - table: patients\n        why: Outcomes differ by sex and age.\n        columns: [sex, birth_year]\n      - table: codes\n        why: Codes are read by their terms.\n", "    tables: []\n"), "table"},
		"a table twice":              {change("table: codes", "table: patients"), "twice"},
		"a column twice":             {change("[sex, birth_year]", "[sex, sex]"), "twice"},
		"a negative version":         {change("  - dataset: shared_care\n", "  - dataset: shared_care\n    version: -1\n"), "version"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := workspaces.ParseProject(strings.NewReader(c.text))
			if gatehouse.CodeOf(err) != gatehouse.CodeInvalidProject || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %s that says %q", err, gatehouse.CodeInvalidProject, c.says)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("the message has several lines: %q", err)
			}
		})
	}
}

func TestAProjectFileIsToldAllThatItLacks(t *testing.T) {
	_, err := workspaces.ParseProject(strings.NewReader("id: x\nmembers: [{user: ada, role: lead}]\n"))
	if gatehouse.CodeOf(err) != gatehouse.CodeInvalidProject {
		t.Fatalf("got %v", err)
	}
	for _, lacks := range []string{"no title", "no purpose", "policy", "no expiry", "training_until", "no dataset"} {
		if !strings.Contains(err.Error(), lacks) {
			t.Errorf("%q does not say %q", err, lacks)
		}
	}
	if strings.Contains(err.Error(), "lead") || strings.Contains(err.Error(), "opt-out") {
		t.Errorf("%q names what is right", err)
	}
}

func FuzzParseProject(f *testing.F) {
	f.Add(projectText)
	f.Add("id: x\nmembers: [{}]")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := workspaces.ParseProject(strings.NewReader(text))
		if err != nil {
			if gatehouse.CodeOf(err) != gatehouse.CodeInvalidProject {
				t.Errorf("got %v", err)
			}
			return
		}
		if p.State != workspaces.ProjectDraft || p.ApprovedBy != "" || p.Validate() != nil {
			t.Errorf("accepted %+v", p)
		}
	})
}

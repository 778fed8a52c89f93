package workspaces

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Change is one field that differs between two forms of a project. An empty From
// is an addition, an empty To a removal.
type Change struct {
	Field string `json:"field"` // such as "expires", "members/ben", "datasets/gp/tables/patients/columns/sex"
	From  string `json:"from,omitempty"`
	To    string `json:"to,omitempty"`
	// Datasets whose custodians the change concerns.
	Datasets []string `json:"datasets"`
}

// Diff gives, field by field, what changes from one form of a project to another,
// and whom it concerns. What the whole project says concerns the custodians of
// every dataset that it has or would have; what it asks of one dataset those of
// that dataset. A dataset that is added concerns all: it is seen beside the others.
func Diff(from, to Project) []Change {
	old, changed := fields(from), fields(to)
	everyone := slices.Compact(slices.Sorted(slices.Values(append(names(from), names(to)...))))
	paths := slices.Compact(slices.Sorted(slices.Values(slices.AppendSeq(slices.Collect(maps.Keys(old)), maps.Keys(changed)))))
	var changes []Change
	for _, path := range paths {
		if old[path] == changed[path] {
			continue
		}
		c := Change{Field: path, From: old[path].text, To: changed[path].text, Datasets: everyone}
		if dataset := cmp.Or(old[path].dataset, changed[path].dataset); dataset != "" {
			if _, had := from.grant(dataset); had {
				c.Datasets = []string{dataset}
			}
		}
		changes = append(changes, c)
	}
	return changes
}

// field is the value of one field as people read it, and the one dataset that it
// concerns, if it is one.
type field struct{ text, dataset string }

// fields are all that an application says, by the path of each.
func fields(p Project) map[string]field {
	m := map[string]field{
		"title": {text: p.Title}, "purpose": {text: p.Purpose}, "lay_summary": {text: p.LaySummary}, "public_benefit": {text: p.PublicBenefit},
		"organisation": {text: p.Organisation}, "public_names": {text: strings.Join(p.PublicNames, "; ")}, "funding": {text: p.Funding},
		"policy": {text: p.Policy}, "opt_out_basis": {text: string(p.OptOutBasis)}, "opt_out_ref": {text: p.OptOutRef},
		"starts": {text: day(p.Starts)}, "expires": {text: day(p.Expires)},
	}
	for _, o := range p.Outputs {
		m["outputs/"+o] = field{text: o}
	}
	for _, u := range p.Members {
		m["members/"+u.User] = field{text: fmt.Sprintf("%s, trained until %s", u.Role, day(u.TrainingUntil))}
	}
	for _, d := range p.Datasets {
		path := "datasets/" + d.Dataset
		m[path] = field{fmt.Sprintf("version %d", d.Version), d.Dataset}
		for _, t := range d.Tables {
			m[path+"/tables/"+t.Table] = field{"asked for", d.Dataset}
			m[path+"/tables/"+t.Table+"/why"] = field{t.Why, d.Dataset}
			if len(t.Columns) == 0 {
				m[path+"/tables/"+t.Table+"/columns"] = field{"all", d.Dataset}
			}
			for _, c := range t.Columns {
				m[path+"/tables/"+t.Table+"/columns/"+c] = field{strings.TrimSuffix("asked for: "+t.ColumnsWhy[c], ": "), d.Dataset}
			}
			for c, why := range t.ColumnsWhy {
				if len(t.Columns) == 0 {
					m[path+"/tables/"+t.Table+"/columns/"+c+"/why"] = field{why, d.Dataset}
				}
			}
		}
	}
	return m
}

// day is an instant as people read it.
func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

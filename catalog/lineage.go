package catalog

import (
	"slices"
	"time"
)

// Lineage says what a version was made of, and what was made of it.
type Lineage struct {
	Version    string         `json:"version"`
	Published  time.Time      `json:"published"`
	Definition string         `json:"definition_sha256"`
	Index      string         `json:"index" doc:"The person index that gave the units"`
	Before     *LineageBefore `json:"before,omitempty" doc:"The version that it followed, with its manifest's hash"`
	Changes    bool           `json:"changes,omitempty" doc:"Made of an extract of changes and of the version before"`
	// Lists are the opt-out lists that were applied.
	Lists     []LineageList `json:"lists"`
	NoOptOuts string        `json:"no_opt_outs,omitempty" doc:"Why no list was applied"`
	// Sources are the extracts; only custodians of the dataset are given them.
	Sources []LineageSource `json:"sources,omitempty"`
	Tables  []LineageTable  `json:"tables"`
	// Derived are tables that workspaces made of the version.
	Derived []DerivedTable `json:"derived"`
}

// LineageBefore is the version that another followed.
type LineageBefore struct {
	Number   int    `json:"number"`
	Manifest string `json:"manifest"` // SHA-256 of its manifest
}

// LineageList is an opt-out list. Digests and roots are keyed (see Receipt), and given
// to custodians of the dataset alone.
type LineageList struct {
	List   string    `json:"list"`
	Kind   ListKind  `json:"kind,omitempty"`
	Dated  time.Time `json:"dated"`
	Digest string    `json:"digest,omitempty"`
	Root   string    `json:"root,omitempty"`
}

// LineageSource is an extract, and the table that was made of it.
type LineageSource struct {
	Table   string `json:"table"`
	Extract string `json:"extract"` // file name
	SHA256  string `json:"sha256"`
}

// LineageTable is a published table and its files.
type LineageTable struct {
	Name   string   `json:"name"`
	SHA256 []string `json:"sha256" doc:"Of its files, in their order"`
}

// DerivedTable is a table or view that a workspace made.
type DerivedTable struct {
	Project   string    `json:"project"`
	Workspace string    `json:"workspace"`
	Name      string    `json:"name"`
	View      bool      `json:"view,omitempty"`
	Made      time.Time `json:"made"`
}

// LineageOf gives the lineage of a version without what workspaces made; extracts,
// digests of lists and hashes of files are there if custodial.
func LineageOf(v Version, custodial bool) Lineage {
	l := Lineage{Version: v.Name(), Published: v.Published, Definition: v.DefinitionSHA256, Index: v.Family, Changes: v.Changes, NoOptOuts: v.NoOptOuts,
		Lists: []LineageList{}, Tables: []LineageTable{}, Derived: []DerivedTable{}}
	if v.Before != nil {
		l.Before = &LineageBefore{v.Before.Number, v.Before.Manifest}
	}
	for _, r := range v.Receipts {
		list := LineageList{List: r.List, Kind: r.Kind, Dated: r.Dated}
		if custodial {
			list.Digest, list.Root = r.Digest, r.Root
		}
		l.Lists = append(l.Lists, list)
	}
	for _, t := range v.Tables {
		shown := LineageTable{Name: t.Name, SHA256: []string{}}
		// How many files there are, and which are an earlier version's, tells of changes.
		if custodial || t.Public {
			for _, f := range t.Files {
				shown.SHA256 = append(shown.SHA256, f.SHA256)
			}
		}
		l.Tables = append(l.Tables, shown)
	}
	if !custodial {
		return l
	}
	for _, a := range v.Accounts {
		s := LineageSource{a.Table, a.Extract, a.SHA256}
		if !slices.Contains(l.Sources, s) {
			l.Sources = append(l.Sources, s)
		}
	}
	return l
}

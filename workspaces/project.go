// Package workspaces holds projects, their members and approvals, and the
// workspaces in which approved researchers ask their questions. Whoever asks
// for anything about people passes through Service.Enter first.
package workspaces

import (
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/catalog/codelist"
)

// OptOutBasis is why a project may or may not use data of people who opted out.
type OptOutBasis string

// The bases. BasisApplies is the default.
const (
	BasisApplies OptOutBasis = "applies"
	BasisConsent OptOutBasis = "consent"
	BasisS251    OptOutBasis = "s251-exempt"
	BasisLegal   OptOutBasis = "legal"
)

// Member is a person's role in a project.
type Member struct {
	User          string         `json:"user" yaml:"user"`
	Role          gatehouse.Role `json:"role" yaml:"role"` // lead or researcher
	TrainingUntil time.Time      `json:"training_until" yaml:"training_until"`
	// Agreement is the version that the member signed last, and until when that
	// holds. Both are zero before the first signature.
	Agreement      int       `json:"agreement,omitempty"`
	AgreementUntil time.Time `json:"agreement_until,omitzero"`
}

// TableGrant is a table that a project may use, and the columns of it; no
// columns means all of them.
type TableGrant struct {
	Table   string   `json:"table" yaml:"table"`
	Columns []string `json:"columns,omitempty" yaml:"columns"`
	// Why the project needs the table, and those of its columns that the sentence
	// about the table does not speak for.
	Why        string            `json:"why,omitempty" yaml:"why"`
	ColumnsWhy map[string]string `json:"columns_why,omitempty" yaml:"columns_why"`
}

// DatasetGrant is a dataset version that a project may use, in part.
type DatasetGrant struct {
	Dataset string       `json:"dataset" yaml:"dataset"`
	Version int          `json:"version" yaml:"version"`
	Tables  []TableGrant `json:"tables" yaml:"tables"`
}

// Project is research that is applied for or approved: purpose, people, data,
// policy, expiry.
type Project struct {
	ID      string       `json:"id"` // a ValidName, e.g. "diabetes-outcomes"
	Title   string       `json:"title"`
	Purpose string       `json:"purpose"` // what is to be found out, and how
	State   ProjectState `json:"state"`

	LaySummary    string   `json:"lay_summary,omitempty"`    // for anybody to read, in the public register
	PublicBenefit string   `json:"public_benefit,omitempty"` // who is better off for it; public
	Organisation  string   `json:"organisation,omitempty"`   // the lead's; public
	PublicNames   []string `json:"public_names,omitempty"`   // people whom the register names, as they wish to be named
	Funding       string   `json:"funding,omitempty"`        // who pays; public
	Outputs       []string `json:"outputs,omitempty"`        // what is to leave: papers, tables, models

	Members     []Member       `json:"members"`
	Datasets    []DatasetGrant `json:"datasets"`
	Policy      string         `json:"policy"` // disclosure policy: name@version
	OptOutBasis OptOutBasis    `json:"opt_out_basis"`
	OptOutRef   string         `json:"opt_out_ref,omitempty"` // document that supports a basis other than "applies"
	Starts      time.Time      `json:"starts,omitzero"`
	Expires     time.Time      `json:"expires"`
	CreatedBy   string         `json:"created_by"`
	Round       int            `json:"round,omitempty"` // submissions so far; decisions belong to one

	ApprovedBy   string    `json:"approved_by,omitempty"`   // whose decision was the last that it needed
	Approved     time.Time `json:"approved,omitzero"`       // when that was
	SuspendedFor []string  `json:"suspended_for,omitempty"` // datasets whose custodian stopped it
	StoppedWhy   string    `json:"stopped_why,omitempty"`   // why it was suspended or closed, in that custodian's words
	Version      int       `json:"version"`                 // grows with each change; for optimistic concurrency
}

// Workspace is the isolated place of one project, over one of its datasets.
type Workspace struct {
	ID      string `json:"id"` // a ValidName
	Project string `json:"project"`
	Dataset string `json:"dataset"`
	Epoch   int    `json:"epoch"` // of the project's pseudonyms, from 1 on, for as long as the workspace lives
	Folder  string `json:"-"`     // scratch and population of this workspace
}

// Mount is a dataset version as a project sees it.
type Mount struct {
	Version    catalog.Version
	Tables     []catalog.Table // approved tables with their approved columns only
	Population string          // Parquet file of _unit and person_id: who is visible, under which pseudonym
	Digest     string          // SHA-256 of the population file: when it changes, an engine must read it again
	Complete   bool            // the population holds every unit of the version, so scans need no filter
}

// Session is a principal who has passed every check to ask in a workspace, and
// all that the gate needs to know of the project at that moment. It is made by
// Service.Enter for one question, and not kept.
type Session struct {
	Principal gatehouse.Principal
	Project   Project
	Workspace Workspace
	Mounts    []Mount
	// Codelists are public tables that every workspace has beside its dataset's.
	Codelists []codelist.Mounted
	// Beside names a view beside the workspace's own, without its tables; "" for
	// the workspace's own.
	Beside string
}

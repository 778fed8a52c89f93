package egress

import (
	"context"
	"strconv"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// Decision is what the gate decided of one question: kept for good, before any
// byte of an answer leaves.
type Decision struct {
	ID        string // "qry_…"
	Time      time.Time
	Project   string
	Workspace string
	User      string
	Session   string // id of the token that asked
	SQL       string // as the researcher wrote it; may name people by pseudonym
	Outcome   Outcome
	Code      gatehouse.Code // refusals: why
	Policy    string
	Datasets  []string // name@version
	Entries   []Entry  // what was released

	// What a referral needs to ask the same again, and to say what has changed.
	Sentence    string      // refusals: what was said
	Parameters  []byte      // values of prepared parameters, an Arrow stream of one row; nil for none
	Populations []string    // digests of the populations, in the order of Datasets
	Disclosure  *Disclosure // what the answer said of its protection; nil where nothing left
}

// Entry is one released table in the ledger.
type Entry struct {
	Source string // the SQL that the vault ran, printed by the gate
	Digest string // SHA-256 of the released table's Arrow stream, hex
	Groups int    // groups released
	Cells  int    // numbers released
	// Cohorts are the rows and people that the numbers are made of, sealed; nil
	// where nothing is new beside what was released before.
	Cohorts []byte
	// Totals are public totals that the ledger does not have yet, sealed like Cohorts.
	Totals [][]byte
	// Answer is the table, to be given again when the same is asked; nil where it
	// is an earlier one itself, or too large to be kept.
	Answer *KeptAnswer
}

// ScratchTable is a table or view of people that a workspace made for itself. What the
// gate knew of its columns when it was made holds for every question of it.
type ScratchTable struct {
	Table catalog.Table `json:"table"`
	Known []plan.Column `json:"known"` // of each column of Table
	Once  bool          `json:"once"`  // no person has two rows
	// Repeats: a row may occur several times, because the table was made of a union.
	Repeats bool   `json:"repeats,omitempty"`
	Degree  int    `json:"degree,omitempty"` // plan.Degree
	SQL     string `json:"sql"`              // as the researcher wrote it
	// View is the SELECT that a view stands for, as the researcher wrote it; "" for a
	// table. A view has no rows of its own: who is withdrawn is gone from it at once.
	View string    `json:"view,omitempty"`
	Made time.Time `json:"made"`
}

// stored are the names of the columns in the vault: positions, since a
// researcher's names could be mistaken for the gate's own.
func (t ScratchTable) stored() []string {
	out := make([]string, len(t.Table.Columns))
	for i := range out {
		out[i] = "c" + strconv.Itoa(i)
	}
	return out
}

// Ledger remembers every decision and everything that was released.
type Ledger interface {
	// Commit keeps a decision, its entries, and the change of scratch tables in
	// one transaction with the journal's events. When it returns nil, all of it
	// survives a crash; otherwise nothing is kept and nothing may leave.
	Commit(ctx context.Context, d Decision, change ScratchChange, events ...gatehouse.Event) error
	// Record journals what happened after a decision (that its answer was sent).
	Record(ctx context.Context, events ...gatehouse.Event) error
	// Finish journals that an answer was sent, and keeps the digest of its table,
	// "" for none, so that a file that holds it is known again.
	Finish(ctx context.Context, d Decision, table string, e gatehouse.Event) error
	// Related lists the projects that share a member with one, itself included: those
	// that were approved, with whoever was a member since.
	Related(ctx context.Context, project string) ([]string, error)
	// OnDatasets lists the projects that may use any of some datasets, or were told
	// something of one.
	OnDatasets(ctx context.Context, datasets []string) ([]string, error)
	// Granted lists the datasets that any of some projects may use.
	Granted(ctx context.Context, projects []string) ([]string, error)
	// Cohorts gives what was released to projects after a place, in order, and what
	// releases of requests, and the catalogue, let out of their datasets.
	Cohorts(ctx context.Context, projects []string, after int64, each func(KeptCohorts) error) error
	// Earlier gives the newest answer that is kept of a question and a population,
	// or of any population, if it is ""; nil for none.
	Earlier(ctx context.Context, question, population string) (*KeptAnswer, error)
	// Scratch lists a workspace's own tables, by name.
	Scratch(ctx context.Context, workspace string) ([]ScratchTable, error)
}

// ScratchChange is a workspace table that a decision made or dropped.
type ScratchChange struct {
	Put  *ScratchTable
	Drop string
}

package egress

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// RequestStore keeps requests and releases. Changes happen one after the
// other: what a function passed to Update reads cannot change before it
// commits.
type RequestStore interface {
	// Update commits everything that change did and recorded, durably, or
	// nothing. An error of change is returned as it is.
	Update(ctx context.Context, change func(RequestTx) error) error
	// View reads the last committed state.
	View(ctx context.Context, read func(RequestReader) error) error
}

// RequestReader reads within one transaction. What is not there is GH-103.
type RequestReader interface {
	Now() time.Time
	Project(ctx context.Context, id string) (workspaces.Project, error)
	// Request comes whole: with files, votes, messages, and all the rest.
	Request(ctx context.Context, id string) (Request, error)
	// RequestProjects names the projects that have requests.
	RequestProjects(ctx context.Context) ([]string, error)
	// Requests come newest first, with their turns and nothing else beside.
	Requests(ctx context.Context, q RequestQuery) ([]Request, error)
	// Waiting gives the requests in one of WaitingStates, whole, the oldest first.
	Waiting(ctx context.Context) ([]Request, error)
	// Holders names who holds a role of the house.
	Holders(ctx context.Context, role gatehouse.Role) ([]string, error)
	// Custodians names the custodians of a dataset.
	Custodians(ctx context.Context, dataset string) ([]string, error)
	// Vetoes lists the datasets that ask for their custodian's agreement, by name.
	Vetoes(ctx context.Context) ([]DatasetVeto, error)
	// Uses reports whether a user is a member of a project that may use a dataset.
	Uses(ctx context.Context, user, dataset string) (bool, error)
	// Releases gives a project's releases, newest first.
	Releases(ctx context.Context, project string) ([]Release, error)
	// Release comes with its downloads.
	Release(ctx context.Context, id string) (Release, error)
	LinkReader
	// Rejections gives, by hash, the ids of settled or withdrawn requests other
	// than except in which a checker rejected these bytes.
	Rejections(ctx context.Context, sha256 []string, except string) (map[string][]string, error)
}

// RequestQuery selects requests. Those that were never submitted are found only
// for members of their project.
type RequestQuery struct {
	Projects []string // none: nothing is found
	Member   string   // whose membership shows drafts
	State    RequestState
	After    string // id: only requests older than this one
	Limit    int
}

// RequestTx changes within one transaction. Rows of votes, downloads, messages,
// turns and clearances are only ever added.
type RequestTx interface {
	RequestReader
	// AddRequest and SaveRequest write the request's own fields; SaveRequest
	// fails with GH-401 unless the stored version is one less.
	AddRequest(ctx context.Context, r Request) error
	SaveRequest(ctx context.Context, r Request) error
	AddFile(ctx context.Context, f RequestFile) error
	// SaveFile writes Group, Removed, Round and Basis.
	SaveFile(ctx context.Context, f RequestFile) error
	AddVote(ctx context.Context, request string, v Vote) error
	AddTurn(ctx context.Context, request string, t Turn) error
	AddMessage(ctx context.Context, request string, m Message) error
	AddClearance(ctx context.Context, request string, c Clearance) error
	// SetClaim adds a checker's claim or makes it longer; DropClaim is idempotent.
	SetClaim(ctx context.Context, request string, c Claim) error
	DropClaim(ctx context.Context, request, checker string) error
	// SetVeto reports whether anything changed.
	SetVeto(ctx context.Context, dataset, by string, ask bool) (bool, error)
	// MarkOverdue reports whether it was the first time for that round and state.
	MarkOverdue(ctx context.Context, request string, round int, state RequestState) (bool, error)
	AddRelease(ctx context.Context, r Release) error
	// CountRelease adds what a release lets out to the history of every project on
	// the datasets.
	CountRelease(ctx context.Context, c ReleasedCohorts) error
	// SaveRelease writes who recalled it, when and why.
	SaveRelease(ctx context.Context, r Release) error
	AddDownload(ctx context.Context, release string, d Download) error
	LinkTx
	Record(e gatehouse.Event)
	// Notify adds a notice, sent after the transaction has committed.
	Notify(n gatehouse.Notice)
}

// Object is what a store of objects keeps.
type Object struct {
	SHA256 string // lower-case hex; its name
	Bytes  int64
}

// ErrObjectMissing and ErrObjectDamaged are what an Objects says of bytes that
// are not there, or are not what they were.
var (
	ErrObjectMissing = errors.New("the object is not there")
	ErrObjectDamaged = errors.New("the object is not what was stored")
)

// Objects keeps immutable bytes under their SHA-256.
type Objects interface {
	// Put stores what r gives until io.EOF. When it returns without an error, the
	// object is durable and whole; otherwise there is no new object, and an error
	// of r is found in the error's chain. Storing the same bytes again is no error.
	Put(ctx context.Context, r io.Reader) (Object, error)
	// Open reads an object. Its last bytes are given only after all of them were
	// found to have the hash: before, the reader fails with ErrObjectDamaged. An
	// object that does not exist is ErrObjectMissing.
	Open(ctx context.Context, sha256 string) (io.ReadCloser, error)
}

// Authorizer says who may do what; infra/policy holds the rules.
type Authorizer interface {
	// Authorize returns nil if p may take action on project ("" for the house),
	// else GH-102, or GH-103 where p may not know that the project exists.
	Authorize(ctx context.Context, p gatehouse.Principal, action gatehouse.Action, project string) error
}

// JournalProver proves that an event is in the journal.
type JournalProver interface {
	// ProveEvent gives, as JSON, a proof that the newest event with this action
	// and subject is in the journal.
	ProveEvent(ctx context.Context, action, subject string) (json.RawMessage, error)
}

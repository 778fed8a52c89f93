package optout

import (
	"context"
	"time"

	"github.com/gatehouse-tre/gatehouse"
)

// State is how far a check is.
type State string

// The states of a check.
const (
	StatePrepared  State = "prepared"  // the request is written, nothing was sent
	StateSending   State = "sending"   // its first chunk was, or was about to be, sent: whether it arrived is not known
	StateUploading State = "uploading" // the service has given it an id; chunks are missing
	StateAwaiting  State = "awaiting"  // it is with the service
	StateAnswered  State = "answered"  // its answer is the list
	StateRefused   State = "refused"   // it did not give a list, and will not
)

// Open reports whether the check may still give a list.
func (s State) Open() bool { return s != StateAnswered && s != StateRefused }

// Check is one question to the check service: who of these people remains?
type Check struct {
	ID        string    `json:"id"` // its local id at the service, and its folder's name
	Dataset   string    `json:"dataset"`
	List      string    `json:"list"` // of the dataset's definition
	File      string    `json:"file"` // the list's file in the extracts folder
	Extracts  string    `json:"-"`    // that folder
	State     State     `json:"state"`
	MessageID string    `json:"message_id,omitempty"`
	To        string    `json:"to,omitempty"` // the mailbox that was asked, which alone answers; "" in checks from before it was kept
	Asked     int64     `json:"asked"`        // people
	Returned  int64     `json:"returned"`     // of them, in the answer
	By        string    `json:"by"`
	Prepared  time.Time `json:"prepared"`
	Sent      time.Time `json:"sent,omitzero"`    // when sending began
	Settled   time.Time `json:"settled,omitzero"` // when it was answered or refused
	Reason    string    `json:"reason,omitempty"` // why it was refused
}

// Store keeps checks.
type Store interface {
	// Update runs change in a transaction that no other can overlap: all of it is
	// durable when Update returns nil, and nothing of it is kept if it fails.
	Update(ctx context.Context, change func(Tx) error) error
}

// Tx is a transaction of a Store.
type Tx interface {
	Now() time.Time
	Record(e gatehouse.Event)
	// Checks gives those of a dataset, or of all for "", the newest first.
	Checks(ctx context.Context, dataset string) ([]Check, error)
	AddCheck(ctx context.Context, c Check) error
	// ChangeCheck is CodeConflict if the stored state is not from.
	ChangeCheck(ctx context.Context, c Check, from State) error
}

// Authorizer says who may do what.
type Authorizer interface {
	// Authorize returns nil, or CodeDenied if policy does not allow the action.
	Authorize(ctx context.Context, p gatehouse.Principal, a gatehouse.Action, project string) error
}

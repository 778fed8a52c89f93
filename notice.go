package gatehouse

import "time"

// Notice is something that a person should hear of: whose turn it is, or what is
// about to end. It is kept in the transaction of the change that it tells of, and
// sent afterwards or not at all: nothing ever waits for it or depends on it. Like
// an event it holds names, codes and times, never a data value of a person.
type Notice struct {
	Kind    string    `json:"kind"`              // what happened or is due, e.g. "training.lapses"
	To      string    `json:"to"`                // user name of whoever should hear of it
	Project string    `json:"project,omitempty"` // project it belongs to, if any
	Subject string    `json:"subject"`           // id of what it is about
	Due     time.Time `json:"due,omitzero"`      // when it is due, or lapses; zero if it has no date
}

package gatehouse

import "time"

// Event is one thing that happened, as the journal keeps it. An event is
// committed in the same transaction as the change it tells of, or neither is.
// Detail holds names, counts of bytes, hashes and codes: never a data value of
// a person.
type Event struct {
	Time    time.Time         `json:"time"`
	Actor   string            `json:"actor"`             // user name, or "system"
	Action  string            `json:"action"`            // what happened, e.g. "query.decided"
	Project string            `json:"project,omitempty"` // project it belongs to, if any
	Subject string            `json:"subject"`           // id of what it happened to
	Detail  map[string]string `json:"detail,omitempty"`
}

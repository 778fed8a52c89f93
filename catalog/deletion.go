package catalog

import "time"

// Deletion is the proof that a version was deleted.
type Deletion struct {
	Dataset  string    `json:"dataset"`
	Number   int       `json:"number"`
	Manifest string    `json:"manifest"` // SHA-256 of the manifest that was deleted
	Before   *Link     `json:"before,omitempty"`
	Deleted  time.Time `json:"deleted"`
}

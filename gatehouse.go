// Package gatehouse holds the words that every part of Gatehouse shares:
// identifiers, roles and actions, the principal who acts, the error with its
// code, and the event that the journal keeps. It imports the standard library
// only; the domains (catalog, workspaces, egress) and the adapters under infra
// import it, never the other way round.
package gatehouse

import (
	"crypto/rand"
	"encoding/hex"
	"regexp"
)

// NewID returns a random identifier with a readable prefix, such as
// "qry_5f0c…" (80 random bits). Identifiers are not secrets.
func NewID(prefix string) string {
	var b [10]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic("gatehouse: no randomness") // crypto/rand never fails on supported systems
	}
	return prefix + "_" + hex.EncodeToString(b[:])
}

var namePattern = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)

// ValidName reports whether s can name a project, workspace, dataset or table:
// a lower-case letter, then at most 62 lower-case letters, digits, '_' or '-'.
// Such names are safe in paths, URLs and quoted SQL identifiers.
func ValidName(s string) bool { return namePattern.MatchString(s) }

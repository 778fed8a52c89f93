// Package docs holds what the documentation ships and the program hands out.
package docs

import _ "embed"

// VerifyJournal is verify_journal.py, with which anybody checks a proof or a whole
// journal without Gatehouse.
//
//go:embed verify_journal.py
var VerifyJournal []byte

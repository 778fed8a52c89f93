package state

import (
	"context"
	"errors"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/gatehouse-tre/gatehouse"
)

// fault is an error of the database or the journal itself. What cannot be
// recorded must not happen, so all but waiting and cancelling are CodeJournal.
func fault(err error) error {
	var known *gatehouse.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return err
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return gatehouse.Errorf(gatehouse.CodeCancelled, "The request was cancelled before it was recorded.").Because(err)
	case primaryCode(err) == sqlite3.SQLITE_BUSY:
		return gatehouse.Errorf(gatehouse.CodeBusy, "The state database is busy.").Because(err)
	}
	return gatehouse.Errorf(gatehouse.CodeJournal, "The state database or its journal cannot be used.").Because(err)
}

// classify leaves an error of a transaction's function as it is, unless it
// comes from the database: a disk may be full at any statement. A constraint
// that does not hold is a fault of ours, and says nothing of the disk.
func classify(err error) error {
	var known *gatehouse.Error
	if errors.As(err, &known) {
		return err
	}
	switch primaryCode(err) {
	case -1, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_RANGE:
		return err
	}
	return fault(err)
}

// primaryCode is SQLite's primary result code, or -1 for other errors.
func primaryCode(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return -1
}

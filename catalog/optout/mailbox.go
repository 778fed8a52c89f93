// Package optout asks the national check service, over a mailbox, which people of
// an extract have not opted out, and keeps what it answered as the list that a
// publication reads. The service gives back the numbers that it was sent, with
// those of people who opted out removed: an allow-list. Whatever is not plainly
// that list is never taken for it.
package optout

import (
	"context"
	"errors"
	"io"
)

// Workflow is MESH's name of the check for national data opt-outs, both of what
// is asked and of what comes back.
const Workflow = "SPINE_NTT_UPHOLDING"

// Mailbox sends and receives messages. Reading, sending chunks after the first,
// and acknowledging may be done again, and an implementation does so where it
// fails in passing; Begin is never done again by itself, since the other side
// may have taken what was not confirmed.
type Mailbox interface {
	// Handshake makes sure that the mailbox answers to these credentials.
	Handshake(ctx context.Context) error
	// Begin sends a message with its first of so many chunks, and gives the
	// message's id. ErrRefused: the message was not taken. Any other error: it
	// is not known whether it was.
	Begin(ctx context.Context, h Header, chunks int, first []byte) (id string, err error)
	// Continue sends chunk n of a message, counted from 1.
	Continue(ctx context.Context, id string, n, chunks int, chunk []byte) error
	// Track finds the message that was sent under a local id. ErrUntracked: there
	// is none. ErrAmbiguous: there are several.
	Track(ctx context.Context, localID string) (Tracking, error)
	// Inbox lists the messages that were not acknowledged.
	Inbox(ctx context.Context) (ids []string, err error)
	// Look gives what stands on a message, without its content.
	Look(ctx context.Context, id string) (Header, error)
	// Download writes a message's content to w, decompressed, all of its chunks in
	// their order, and gives what stood on it. Content beyond limit bytes, a chunk
	// that is cut short, missing, or another than was asked for is an error, and w
	// then holds what is of no use.
	Download(ctx context.Context, id string, w io.Writer, limit int64) (Header, error)
	// Acknowledge removes a message from the inbox.
	Acknowledge(ctx context.Context, id string) error
}

// What a Mailbox tells by its errors.
var (
	ErrRefused   = errors.New("the message was refused")
	ErrUntracked = errors.New("no message was sent under this local id")
	ErrAmbiguous = errors.New("several messages were sent under this local id")
)

// Header is what stands on a message.
type Header struct {
	From, To string // mailboxes
	Workflow string
	LocalID  string // the sender's name of it, which the answer bears too
	Subject  string
	FileName string
	Report   bool   // it tells of a message that could not be delivered, and has no content
	LinkedID string // of a report: the id of that message
	Failed   bool   // it bears the mark of an error
	Code     string // of the error
}

// Tracking is what is known of a message that was sent.
type Tracking struct {
	ID        string
	Uploading bool // chunks are still expected
	Failed    bool // it will not be delivered
}

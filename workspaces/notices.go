package workspaces

import (
	"context"
	"net/mail"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-tre/gatehouse"
)

// Mail is how a person's notices leave by e-mail.
type Mail string

// The ways. What cannot wait is sent at once in both.
const (
	MailEach   Mail = "each"   // one message for each notice, at once
	MailDaily  Mail = "daily"  // one message a day
	MailUrgent Mail = "urgent" // only what cannot wait
)

// NoticeOptions are how a person hears of notices.
type NoticeOptions struct {
	Address string `json:"address,omitempty" doc:"Where e-mail goes, set by the installation's owner; none: no e-mail"`
	Mail    Mail   `json:"mail" enum:"each,daily,urgent" doc:"One message for each notice at once, one a day, or only what cannot wait"`
}

// KeptNotice is a notice as the outbox keeps it.
type KeptNotice struct {
	ID string    `json:"id"`
	At time.Time `json:"at" doc:"When it came about"`
	gatehouse.Notice
}

// DeliveryState is how far a delivery is.
type DeliveryState string

// The states of a delivery.
const (
	DeliveryWaiting DeliveryState = "waiting" // for its time, or for its next attempt
	DeliverySent    DeliveryState = "sent"
	DeliveryDead    DeliveryState = "dead" // given up; an operator may have it tried again
)

// Delivery is a notice on its way over one channel.
type Delivery struct {
	Parcel   string        `json:"parcel" doc:"Id of the message that carries it; what retry takes. Empty before the first attempt"`
	Channel  string        `json:"channel" doc:"email, or webhook: and its name"`
	State    DeliveryState `json:"state" enum:"waiting,sent,dead"`
	Attempts int           `json:"attempts"`
	Next     time.Time     `json:"next" doc:"Not before"`
	Sent     time.Time     `json:"sent,omitzero"`
	Error    string        `json:"error,omitempty" doc:"Why the last attempt failed"`
	Notice   KeptNotice    `json:"notice"`
}

// DeliveryFilter selects deliveries.
type DeliveryFilter struct {
	State DeliveryState // "" for all
	Limit int           // 0 means 100
}

// Dispatch is a delivery that a notice is to have.
type Dispatch struct {
	Channel string
	Digest  bool // leaves in one message with others of the same person
	Next    time.Time
}

// Parcel is what leaves as one message, with an id that stays the same however
// often it is sent.
type Parcel struct {
	ID       string
	Channel  string
	To       string // user name
	Address  string // of e-mail
	Digest   bool
	Attempts int // this one counted
	Notices  []KeptNotice
}

// NoticeStore keeps notices, their deliveries and people's options.
type NoticeStore interface {
	// Update commits everything that change did and recorded, or nothing.
	Update(ctx context.Context, change func(NoticeTx) error) error
	// View reads the last committed state.
	View(ctx context.Context, read func(NoticeTx) error) error
}

// NoticeTx is a transaction of a NoticeStore.
type NoticeTx interface {
	Now() time.Time
	Record(e gatehouse.Event)
	HasUser(ctx context.Context, name string) (bool, error)
	// NoticeOptions of somebody who never set any are MailEach, without an address.
	NoticeOptions(ctx context.Context, user string) (NoticeOptions, error)
	SetNoticeOptions(ctx context.Context, user string, o NoticeOptions) error
	// Notices gives those of a user, newest first.
	Notices(ctx context.Context, user string, limit int) ([]KeptNotice, error)
	// Deliveries come newest first.
	Deliveries(ctx context.Context, f DeliveryFilter) ([]Delivery, error)
	// RetryParcel has a dead parcel sent again, from the first attempt on; false if
	// there is no dead parcel of that id.
	RetryParcel(ctx context.Context, parcel string) (bool, error)
	// PruneNotices removes notices of before an instant, with their deliveries, the
	// oldest first and at most so many, and gives how many. What is still on its way stays.
	PruneNotices(ctx context.Context, before time.Time, most int) (int, error)
}

// Notices lets people see their notices and say how they want to hear of them,
// and operators look after what could not be delivered.
type Notices struct {
	Store      NoticeStore
	Authorizer Authorizer
}

// NoticeLife is how long notices are kept, with what became of their deliveries.
// Those that are still on their way are kept until they have arrived or were given up.
const NoticeLife = 90 * 24 * time.Hour

// mostPruned bounds the notices that one transaction removes.
const mostPruned = 500

// Prune removes the notices that are older than NoticeLife, and gives how many. What
// they told of is in the journal.
func (n *Notices) Prune(ctx context.Context) (removed int, err error) {
	for {
		some := 0
		err := n.Store.Update(ctx, func(tx NoticeTx) (err error) {
			some, err = tx.PruneNotices(ctx, tx.Now().Add(-NoticeLife), mostPruned)
			if err == nil && some > 0 {
				tx.Record(gatehouse.Event{Actor: System.User, Action: "notices.pruned", Subject: "notices", Detail: map[string]string{"removed": strconv.Itoa(some)}})
			}
			return err
		})
		if err != nil {
			return removed, err
		}
		if removed += some; some < mostPruned {
			return removed, nil
		}
	}
}

// mostNotices bounds a list.
const mostNotices = 500

// Mine gives the notices of whoever asks, newest first; 0 means 100 of them.
func (n *Notices) Mine(ctx context.Context, p gatehouse.Principal, limit int) ([]KeptNotice, error) {
	if err := personal(p); err != nil {
		return nil, err
	}
	var found []KeptNotice
	err := n.Store.View(ctx, func(tx NoticeTx) (err error) {
		found, err = tx.Notices(ctx, p.User, bounded(limit))
		return err
	})
	return found, err
}

// Options are those of whoever asks.
func (n *Notices) Options(ctx context.Context, p gatehouse.Principal) (NoticeOptions, error) {
	if err := personal(p); err != nil {
		return NoticeOptions{}, err
	}
	var o NoticeOptions
	err := n.Store.View(ctx, func(tx NoticeTx) (err error) {
		o, err = tx.NoticeOptions(ctx, p.User)
		return err
	})
	return o, err
}

// SetMail chooses how one's own notices leave by e-mail. The address is the
// owner's to set: whoever gets hold of a token does not lead notices elsewhere.
func (n *Notices) SetMail(ctx context.Context, p gatehouse.Principal, m Mail) (NoticeOptions, error) {
	if err := personal(p); err != nil {
		return NoticeOptions{}, err
	}
	var o NoticeOptions
	err := n.Store.Update(ctx, func(tx NoticeTx) error {
		if err := n.Authorizer.Authorize(ctx, p, gatehouse.ActionNoticeChoose, ""); err != nil {
			return err
		}
		var err error
		if o, err = tx.NoticeOptions(ctx, p.User); err != nil {
			return err
		}
		o.Mail = m
		return setOptions(ctx, tx, p.User, p.User, o)
	})
	return o, err
}

// SetOptions sets anybody's address and way of e-mail. Only System may.
func (n *Notices) SetOptions(ctx context.Context, actor gatehouse.Principal, user string, o NoticeOptions) error {
	return n.Store.Update(ctx, func(tx NoticeTx) error {
		if actor != System {
			return gatehouse.Errorf(gatehouse.CodeDenied, "Only the owner of the installation does this, on its own machine.")
		}
		return setOptions(ctx, tx, actor.User, user, o)
	})
}

// GetOptions gives anybody's options. Only System may.
func (n *Notices) GetOptions(ctx context.Context, actor gatehouse.Principal, user string) (NoticeOptions, error) {
	if actor != System {
		return NoticeOptions{}, gatehouse.Errorf(gatehouse.CodeDenied, "Only the owner of the installation does this, on its own machine.")
	}
	var o NoticeOptions
	err := n.Store.View(ctx, func(tx NoticeTx) (err error) {
		o, err = tx.NoticeOptions(ctx, user)
		return err
	})
	return o, err
}

// setOptions writes options that are in order. The journal does not hold the
// address.
func setOptions(ctx context.Context, tx NoticeTx, actor, user string, o NoticeOptions) error {
	if o.Mail != MailEach && o.Mail != MailDaily && o.Mail != MailUrgent {
		return gatehouse.Errorf(gatehouse.CodeNoticeOptions, "E-mail is sent for each notice, daily, or for urgent ones alone, not %q.", o.Mail)
	}
	if o.Address != "" {
		a, err := mail.ParseAddress(o.Address)
		if err != nil || a.Address != o.Address || strings.ContainsAny(o.Address, "\r\n\"") || len(o.Address) > 254 {
			return gatehouse.Errorf(gatehouse.CodeNoticeOptions, "That is not a plain e-mail address.")
		}
	}
	known, err := tx.HasUser(ctx, user)
	if err != nil {
		return err
	}
	if !known {
		return gatehouse.Errorf(gatehouse.CodeNotFound, "There is no user %q.", user)
	}
	has := "no"
	if o.Address != "" {
		has = "yes"
	}
	tx.Record(gatehouse.Event{Actor: actor, Action: "notice.options_set", Subject: user, Detail: map[string]string{"mail": string(o.Mail), "address": has}})
	return tx.SetNoticeOptions(ctx, user, o)
}

// Deliveries lists deliveries, newest first, for whoever operates the machines.
func (n *Notices) Deliveries(ctx context.Context, actor gatehouse.Principal, f DeliveryFilter) ([]Delivery, error) {
	if actor != System {
		if err := n.Authorizer.Authorize(ctx, actor, gatehouse.ActionSystemOperate, ""); err != nil {
			return nil, err
		}
	}
	f.Limit = bounded(f.Limit)
	var found []Delivery
	err := n.Store.View(ctx, func(tx NoticeTx) (err error) {
		found, err = tx.Deliveries(ctx, f)
		return err
	})
	return found, err
}

// Retry has a parcel that was given up sent again, with the id that it had.
func (n *Notices) Retry(ctx context.Context, actor gatehouse.Principal, parcel string) error {
	return n.Store.Update(ctx, func(tx NoticeTx) error {
		if actor != System {
			if err := n.Authorizer.Authorize(ctx, actor, gatehouse.ActionNoticeRetry, ""); err != nil {
				return err
			}
		}
		dead, err := tx.RetryParcel(ctx, parcel)
		if err != nil {
			return err
		}
		if !dead {
			return gatehouse.Errorf(gatehouse.CodeNotFound, "There is no undeliverable message of that id.")
		}
		tx.Record(gatehouse.Event{Actor: actor.User, Action: "notice.retried", Subject: parcel})
		return nil
	})
}

// personal refuses whoever is nobody, and the tokens of notebooks: notices are a
// person's.
func personal(p gatehouse.Principal) error {
	switch {
	case p.Anonymous():
		return gatehouse.Errorf(gatehouse.CodeUnauthenticated, "Nobody is signed in.")
	case p.Workspace != "":
		return gatehouse.Errorf(gatehouse.CodeDenied, "A workspace's token does not reach its holder's notices.")
	}
	return nil
}

func bounded(limit int) int {
	if limit <= 0 {
		return 100
	}
	return min(limit, mostNotices)
}

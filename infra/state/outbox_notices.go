package state

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Notices keeps notices, their deliveries and people's options; it is a
// workspaces.NoticeStore.
type Notices struct{ DB *DB }

var _ workspaces.NoticeStore = Notices{}

// Update implements workspaces.NoticeStore.
func (s Notices) Update(ctx context.Context, change func(workspaces.NoticeTx) error) error {
	return s.DB.Update(ctx, func(tx *Tx) error { return change(noticeTx{tx}) })
}

// View implements workspaces.NoticeStore.
func (s Notices) View(ctx context.Context, read func(workspaces.NoticeTx) error) error {
	return s.DB.View(ctx, func(tx *Tx) error { return read(noticeTx{tx}) })
}

// noticeTx implements workspaces.NoticeTx.
type noticeTx struct{ *Tx }

func (tx noticeTx) HasUser(ctx context.Context, name string) (bool, error) {
	return workspacesTx(tx).HasUser(ctx, name)
}

func (tx noticeTx) NoticeOptions(ctx context.Context, user string) (workspaces.NoticeOptions, error) {
	o := workspaces.NoticeOptions{Mail: workspaces.MailEach}
	err := tx.sql.QueryRowContext(ctx, `SELECT address, mail FROM notice_options WHERE user_name = $1`, user).Scan(&o.Address, &o.Mail)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return o, err
}

func (tx noticeTx) SetNoticeOptions(ctx context.Context, user string, o workspaces.NoticeOptions) error {
	_, err := tx.sql.ExecContext(ctx, `INSERT INTO notice_options (user_name, address, mail, changed) VALUES ($1, $2, $3, $4)
		ON CONFLICT (user_name) DO UPDATE SET address = excluded.address, mail = excluded.mail, changed = excluded.changed`,
		user, o.Address, string(o.Mail), timeText(tx.now))
	return err
}

const noticeColumns = `n.id, n.kind, n.user_name, n.project, n.subject, n.due, n.created`

// scanNotice reads noticeColumns, and what stands after them into rest.
func scanNotice(scan func(...any) error, rest ...any) (workspaces.KeptNotice, error) {
	var n workspaces.KeptNotice
	var due, created sql.NullString
	if err := scan(append([]any{&n.ID, &n.Kind, &n.To, &n.Project, &n.Subject, &due, &created}, rest...)...); err != nil {
		return n, err
	}
	return n, scanTimes(map[*time.Time]sql.NullString{&n.Due: due, &n.At: created})
}

func (tx noticeTx) Notices(ctx context.Context, user string, limit int) ([]workspaces.KeptNotice, error) {
	var all []workspaces.KeptNotice
	err := tx.each(ctx, func(scan func(...any) error) error {
		n, err := scanNotice(scan)
		all = append(all, n)
		return err
	}, `SELECT `+noticeColumns+` FROM notices n WHERE n.user_name = $1 ORDER BY n.seq DESC LIMIT $2`, user, limit)
	return all, err
}

func (tx noticeTx) Deliveries(ctx context.Context, f workspaces.DeliveryFilter) ([]workspaces.Delivery, error) {
	var all []workspaces.Delivery
	err := tx.each(ctx, func(scan func(...any) error) (err error) {
		var d workspaces.Delivery
		var parcel, next, sent sql.NullString
		if d.Notice, err = scanNotice(scan, &d.Channel, &d.State, &parcel, &d.Attempts, &next, &sent, &d.Error); err != nil {
			return err
		}
		d.Parcel = parcel.String
		err = scanTimes(map[*time.Time]sql.NullString{&d.Next: next, &d.Sent: sent})
		all = append(all, d)
		return err
	}, `SELECT `+noticeColumns+`, d.channel, d.state, d.parcel, d.attempts, d.next, d.sent, d.error
		FROM notice_deliveries d JOIN notices n ON n.id = d.notice WHERE $1 = '' OR d.state = $1 ORDER BY n.seq DESC, d.channel LIMIT $2`, string(f.State), f.Limit)
	return all, err
}

func (tx noticeTx) RetryParcel(ctx context.Context, parcel string) (bool, error) {
	return tx.affects(ctx, `UPDATE notice_deliveries SET state = 'waiting', attempts = 0, next = $1, lease = NULL WHERE parcel = $2 AND state = 'dead'`, timeText(tx.now), parcel)
}

func (tx noticeTx) PruneNotices(ctx context.Context, before time.Time, most int) (int, error) {
	var old []string
	err := tx.each(ctx, func(scan func(...any) error) error {
		var id string
		err := scan(&id)
		old = append(old, id)
		return err
	}, `SELECT n.id FROM notices n WHERE n.created < $1 AND n.spread IS NOT NULL
		AND NOT EXISTS (SELECT 1 FROM notice_deliveries d WHERE d.notice = n.id AND d.state = 'waiting') ORDER BY n.created, n.seq LIMIT $2`, timeText(before), most)
	for _, id := range old {
		for _, remove := range []string{`DELETE FROM notice_deliveries WHERE notice = $1`, `DELETE FROM notices WHERE id = $1`} {
			if err == nil {
				_, err = tx.sql.ExecContext(ctx, remove, id)
			}
		}
	}
	return len(old), err
}

// Outbox hands notices to whoever sends them. Any number of senders may share it.
type Outbox struct{ DB *DB }

// mostSpread bounds the notices of one transaction.
const mostSpread = 200

// Spread makes the deliveries of notices that have none yet, as route says, and
// tells whether there may be more. A notice that route sends nowhere stays for
// its reader to look at.
func (s Outbox) Spread(ctx context.Context, route func(workspaces.KeptNotice, workspaces.NoticeOptions) []workspaces.Dispatch) (more bool, err error) {
	waiting := 0
	err = s.DB.View(ctx, func(tx *Tx) error {
		return tx.sql.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 FROM notices WHERE spread IS NULL LIMIT 1)`).Scan(&waiting)
	})
	if err != nil || waiting == 0 {
		return false, err
	}
	err = s.DB.Update(ctx, func(tx *Tx) error {
		var fresh []workspaces.KeptNotice
		err := tx.each(ctx, func(scan func(...any) error) error {
			n, err := scanNotice(scan)
			fresh = append(fresh, n)
			return err
		}, `SELECT `+noticeColumns+` FROM notices n WHERE n.spread IS NULL ORDER BY n.seq LIMIT $1`, mostSpread)
		if err != nil {
			return err
		}
		for _, n := range fresh {
			if err := tx.spread(ctx, n, route); err != nil {
				return err
			}
		}
		more = len(fresh) == mostSpread
		return nil
	})
	return more, err
}

func (tx *Tx) spread(ctx context.Context, n workspaces.KeptNotice, route func(workspaces.KeptNotice, workspaces.NoticeOptions) []workspaces.Dispatch) error {
	o, err := noticeTx{tx}.NoticeOptions(ctx, n.To)
	if err != nil {
		return err
	}
	for _, d := range route(n, o) {
		_, err := tx.sql.ExecContext(ctx, `INSERT INTO notice_deliveries (notice, channel, state, digest, attempts, next, error) VALUES ($1, $2, 'waiting', $3, 0, $4, '')`,
			n.ID, d.Channel, d.Digest, timeText(d.Next))
		if err != nil {
			return err
		}
	}
	_, err = tx.sql.ExecContext(ctx, `UPDATE notices SET spread = $1 WHERE id = $2`, timeText(tx.now), n.ID)
	return err
}

// due selects what may be sent now.
const due = ` channel = $1 AND state = 'waiting' AND next <= $2 AND (lease IS NULL OR lease <= $2)`

// Claim gives one parcel of a channel that is due, and nobody else the same one
// until the lease has passed or its outcome is known; false if nothing is due.
// The attempt is counted and the parcel's id committed before it is given, so
// that whoever sends it after a crash sends it under the same id.
func (s Outbox) Claim(ctx context.Context, channel string, lease time.Duration) (p workspaces.Parcel, found bool, err error) {
	waiting := 0
	err = s.DB.View(ctx, func(tx *Tx) error {
		return tx.sql.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 FROM notice_deliveries WHERE`+due+` LIMIT 1)`, channel, timeText(tx.now)).Scan(&waiting)
	})
	if err != nil || waiting == 0 {
		return p, false, err
	}
	err = s.DB.Update(ctx, func(tx *Tx) error {
		p, found, err = tx.claim(ctx, channel, lease)
		return err
	})
	return p, found, err
}

func (tx *Tx) claim(ctx context.Context, channel string, lease time.Duration) (p workspaces.Parcel, found bool, err error) {
	now := timeText(tx.now)
	var notice string
	var parcel sql.NullString
	err = tx.sql.QueryRowContext(ctx, `SELECT d.notice, n.user_name, d.digest, d.parcel FROM notice_deliveries d JOIN notices n ON n.id = d.notice
		WHERE`+due+` ORDER BY d.next, n.seq LIMIT 1`, channel, now).Scan(&notice, &p.To, &p.Digest, &parcel)
	if errors.Is(err, sql.ErrNoRows) {
		return p, false, nil
	} else if err != nil {
		return p, false, err
	}
	p.Channel, p.ID = channel, parcel.String
	if p.ID == "" {
		p.ID = gatehouse.NewID("msg")
		if err := tx.pack(ctx, p, notice, now); err != nil {
			return p, false, err
		}
	}
	if _, err := tx.sql.ExecContext(ctx, `UPDATE notice_deliveries SET attempts = attempts + 1, lease = $1 WHERE parcel = $2`, timeText(tx.now.Add(lease)), p.ID); err != nil {
		return p, false, err
	}
	err = tx.each(ctx, func(scan func(...any) error) error {
		n, err := scanNotice(scan, &p.Attempts)
		p.Notices = append(p.Notices, n)
		return err
	}, `SELECT `+noticeColumns+`, d.attempts FROM notice_deliveries d JOIN notices n ON n.id = d.notice WHERE d.parcel = $1 ORDER BY n.seq`, p.ID)
	if err != nil {
		return p, false, err
	}
	o, err := noticeTx{tx}.NoticeOptions(ctx, p.To)
	p.Address = o.Address
	return p, true, err
}

// pack puts a delivery into a parcel of its own, or with all others that are due
// for the same person's digest.
func (tx *Tx) pack(ctx context.Context, p workspaces.Parcel, notice, now string) error {
	if !p.Digest {
		_, err := tx.sql.ExecContext(ctx, `UPDATE notice_deliveries SET parcel = $1 WHERE notice = $2 AND channel = $3`, p.ID, notice, p.Channel)
		return err
	}
	_, err := tx.sql.ExecContext(ctx, `UPDATE notice_deliveries SET parcel = $3 WHERE`+due+` AND parcel IS NULL AND digest
		AND notice IN (SELECT id FROM notices WHERE user_name = $4)`, p.Channel, now, p.ID, p.To)
	return err
}

// Delivered notes that a parcel has arrived.
func (s Outbox) Delivered(ctx context.Context, parcel string) error {
	return s.DB.Update(ctx, func(tx *Tx) error {
		_, err := tx.sql.ExecContext(ctx, `UPDATE notice_deliveries SET state = 'sent', sent = $1, lease = NULL, error = '' WHERE parcel = $2 AND state <> 'sent'`, timeText(tx.now), parcel)
		return err
	})
}

// Failed notes why an attempt failed, and that the next one is due after wait.
func (s Outbox) Failed(ctx context.Context, parcel, reason string, wait time.Duration) error {
	return s.DB.Update(ctx, func(tx *Tx) error {
		_, err := tx.sql.ExecContext(ctx, `UPDATE notice_deliveries SET error = $1, next = $2, lease = NULL WHERE parcel = $3 AND state = 'waiting'`, reason, timeText(tx.now.Add(wait)), parcel)
		return err
	})
}

// GiveUp notes that a parcel is not tried again, unless an operator wants it to
// be, and journals it.
func (s Outbox) GiveUp(ctx context.Context, parcel, reason string) error {
	return s.DB.Update(ctx, func(tx *Tx) error {
		given, err := tx.affects(ctx, `UPDATE notice_deliveries SET error = $1, state = 'dead', lease = NULL WHERE parcel = $2 AND state = 'waiting'`, reason, parcel)
		if err == nil && given {
			tx.Record(gatehouse.Event{Actor: "system", Action: "notice.undeliverable", Subject: parcel, Detail: map[string]string{"reason": reason}})
		}
		return err
	})
}

// Package notices sends what the outbox holds: as e-mail, and as signed webhooks
// to addresses that the installation's owner configured. Every notice is sent at
// least once over each of its channels, under an id that stays the same however
// often it is sent, so that whoever receives it can tell repetitions. Nothing
// leaves but ids, names, times and links.
package notices

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Outbox holds notices until they were sent.
type Outbox interface {
	// Spread makes the deliveries of notices that have none yet, as route says, and
	// tells whether there may be more.
	Spread(ctx context.Context, route func(workspaces.KeptNotice, workspaces.NoticeOptions) []workspaces.Dispatch) (more bool, err error)
	// Claim gives one parcel of a channel that is due, and nobody else the same one
	// until the lease has passed or its outcome is known; false if nothing is due.
	// The attempt is counted and the parcel's id kept before it is given.
	Claim(ctx context.Context, channel string, lease time.Duration) (p workspaces.Parcel, found bool, err error)
	// Delivered, Failed and GiveUp note the outcome of an attempt.
	Delivered(ctx context.Context, parcel string) error
	Failed(ctx context.Context, parcel, reason string, wait time.Duration) error
	GiveUp(ctx context.Context, parcel, reason string) error
}

// channel is a way out of the house.
type channel interface {
	name() string
	// send returns nil once the other side has taken the parcel. Else the error is
	// a *failure, or the context's.
	send(ctx context.Context, p workspaces.Parcel) error
}

// failure is why an attempt failed. The reason is a code or a class and never
// what the other side said: that may hold anything.
type failure struct {
	reason string
	final  bool          // it would fail again
	after  time.Duration // the other side asks not to be tried before
}

func (f *failure) Error() string { return f.reason }

// Times of an attempt and between attempts.
const (
	attemptTime    = 20 * time.Second // of each phase: e-mail has three, to connect, to send and to end
	longestAttempt = 30 * time.Second
	leaseTime      = 2 * time.Minute // longer than any attempt
	pollTime       = 2 * time.Second

	firstWait   = 10 * time.Second
	longestWait = 12 * time.Hour
	waitFactor  = 4
	// mostAttempts are made before a parcel is given up, some three days after the first.
	mostAttempts = 12
)

// Deliverer sends what the outbox holds.
type Deliverer struct {
	Outbox Outbox
	Log    *slog.Logger
	Now    func() time.Time

	mail     *mailer // nil: there is no e-mail
	webhooks []*webhook
	digest   time.Duration // after midnight, by the machine's clock
	patience time.Duration // with an attempt
}

// New makes a Deliverer as the settings say, or is CodeConfig.
func New(s Settings, outbox Outbox, log *slog.Logger, now func() time.Time) (*Deliverer, error) {
	d := &Deliverer{Outbox: outbox, Log: log, Now: now}
	var err error
	if d.digest, err = s.digestTime(); err != nil {
		return nil, err
	}
	if d.patience = cmp.Or(s.Timeout, attemptTime); d.patience < 0 || d.patience > longestAttempt {
		return nil, configured("An attempt may take at most %s.", longestAttempt)
	}
	if s.PublicURL != "" {
		if _, err := httpsURL("The public address", s.PublicURL); err != nil {
			return nil, err
		}
	}
	if s.Mail != nil {
		if d.mail, err = newMailer(*s.Mail, s.PublicURL, d.patience); err != nil {
			return nil, err
		}
	}
	for name, w := range s.Webhooks {
		hook, err := newWebhook(name, w, s.PublicURL, now)
		if err != nil {
			return nil, err
		}
		d.webhooks = append(d.webhooks, hook)
	}
	return d, nil
}

func (d *Deliverer) channels() []channel {
	var all []channel
	if d.mail != nil {
		all = append(all, d.mail)
	}
	for _, w := range d.webhooks {
		all = append(all, w)
	}
	return all
}

// Run sends until ctx ends. A channel that is slow or down holds up no other.
func (d *Deliverer) Run(ctx context.Context) {
	var running sync.WaitGroup
	loop := func(do func(context.Context) error) {
		running.Go(func() {
			pause := time.NewTicker(pollTime)
			defer pause.Stop()
			for {
				if err := do(ctx); err != nil && ctx.Err() == nil {
					d.Log.ErrorContext(ctx, "notices cannot be sent now", "cause", err)
				}
				select {
				case <-ctx.Done():
					return
				case <-pause.C:
				}
			}
		})
	}
	loop(d.spread)
	for _, c := range d.channels() {
		loop(func(ctx context.Context) error { return d.drain(ctx, c) })
	}
	running.Wait()
}

// Once sends everything that is due now, and returns when each attempt has an
// outcome.
func (d *Deliverer) Once(ctx context.Context) error {
	err := d.spread(ctx)
	for _, c := range d.channels() {
		err = errors.Join(err, d.drain(ctx, c))
	}
	return err
}

func (d *Deliverer) spread(ctx context.Context) error {
	for more := true; more; {
		var err error
		if more, err = d.Outbox.Spread(ctx, d.route); err != nil {
			return err
		}
	}
	return nil
}

// route says where a notice goes, and when.
func (d *Deliverer) route(n workspaces.KeptNotice, o workspaces.NoticeOptions) []workspaces.Dispatch {
	var out []workspaces.Dispatch
	now := d.Now()
	urgent := wordsOf(n.Kind).urgent
	if d.mail != nil && o.Address != "" && (urgent || o.Mail != workspaces.MailUrgent) {
		mail := workspaces.Dispatch{Channel: d.mail.name(), Next: now}
		if o.Mail == workspaces.MailDaily && !urgent {
			mail.Digest, mail.Next = true, d.nextDigest(now)
		}
		out = append(out, mail)
	}
	for _, w := range d.webhooks {
		if w.wants(n.Kind) {
			out = append(out, workspaces.Dispatch{Channel: w.name(), Next: now})
		}
	}
	return out
}

// nextDigest is the next time of day at which digests leave.
func (d *Deliverer) nextDigest(now time.Time) time.Time {
	local := now.Local()
	for day := 0; ; day++ {
		at := time.Date(local.Year(), local.Month(), local.Day()+day, 0, 0, 0, 0, time.Local).Add(d.digest)
		if at.After(now) {
			return at
		}
	}
}

// drain sends what is due over one channel.
func (d *Deliverer) drain(ctx context.Context, c channel) error {
	for ctx.Err() == nil {
		p, found, err := d.Outbox.Claim(ctx, c.name(), leaseTime)
		if err != nil || !found {
			return err
		}
		if err := d.attempt(ctx, c, p); err != nil {
			return err
		}
	}
	return nil
}

// attempt sends a parcel once and notes the outcome. If the process ends before
// that is noted, the parcel is claimed again when its lease has passed.
func (d *Deliverer) attempt(ctx context.Context, c channel, p workspaces.Parcel) error {
	if p.Attempts > mostAttempts { // every attempt ended without an outcome
		return d.giveUp(ctx, p, "no attempt ended")
	}
	limited, cancel := context.WithTimeout(ctx, d.patience)
	defer cancel()
	err := c.send(limited, p)
	if ctx.Err() != nil {
		return ctx.Err() // stopped midway: the outcome is unknown
	}
	var failed *failure
	switch {
	case err == nil:
		return d.Outbox.Delivered(ctx, p.ID)
	case !errors.As(err, &failed):
		failed = &failure{reason: "timeout"}
	}
	if failed.final || p.Attempts >= mostAttempts {
		return d.giveUp(ctx, p, failed.reason)
	}
	return d.Outbox.Failed(ctx, p.ID, failed.reason, max(backoff(p.Attempts, rand.Float64()), min(failed.after, longestWait)))
}

func (d *Deliverer) giveUp(ctx context.Context, p workspaces.Parcel, reason string) error {
	d.Log.WarnContext(ctx, "a notice cannot be delivered", "channel", p.Channel, "parcel", p.ID, "attempts", p.Attempts, "reason", reason)
	return d.Outbox.GiveUp(ctx, p.ID, reason)
}

// backoff is how long to wait after so many attempts: exponential, spread over
// half to one and a half by luck in [0, 1), so that what failed together is not
// tried again together.
func backoff(attempts int, luck float64) time.Duration {
	wait := float64(firstWait)
	for range attempts - 1 {
		wait = min(wait*waitFactor, float64(longestWait))
	}
	return time.Duration(wait * (0.5 + luck))
}

// configured is an error of the settings.
func configured(format string, args ...any) *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.CodeNotices, format, args...)
}

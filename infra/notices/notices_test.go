package notices_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"pgregory.net/rapid"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/notices"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func TestANoticeLeavesByEMailAndWebhook(t *testing.T) {
	w := newWorld(t)
	w.address("ada", workspaces.MailEach)
	w.notify(gatehouse.Notice{Kind: "request.submitted", To: "ada", Project: "asthma", Subject: "req_0123456789abcdef0123", Due: morning.AddDate(0, 0, 3)})
	d := w.deliverer(w.settings())
	once(t, t.Context(), d)
	once(t, t.Context(), d) // nothing is sent twice

	letters := w.smtp.arrived()
	if len(letters) != 1 {
		t.Fatalf("%d letters", len(letters))
	}
	l := letters[0]
	if !l.secure || l.from != "gatehouse@tre.example.org" || l.to != "ada@example.org" || !strings.HasPrefix(l.id, "<msg_") || !strings.HasSuffix(l.id, "@tre.example.org>") {
		t.Errorf("%+v", l)
	}
	for _, want := range []string{"req_0123456789abcdef0123", "asthma", "https://tre.example.org/requests/req_0123456789abcdef0123", "5 March 2026"} {
		if !strings.Contains(l.body, want) {
			t.Errorf("%q is not in the letter:\n%s", want, l.raw)
		}
	}
	if !strings.Contains(l.raw, "Auto-Submitted: auto-generated") {
		t.Errorf("it may be answered by absent people:\n%s", l.raw)
	}

	calls := w.hook.arrived()
	if len(calls) != 1 || calls[0].path != "/in" || calls[0].timestamp != strconv.FormatInt(morning.Unix(), 10) {
		t.Fatalf("%+v", calls)
	}
	var body struct {
		Type      string
		Timestamp time.Time
		Data      map[string]string
	}
	if err := json.Unmarshal([]byte(calls[0].body), &body); err != nil || body.Type != "request.submitted" || !body.Timestamp.Equal(morning) ||
		body.Data["subject"] != "req_0123456789abcdef0123" || body.Data["project"] != "asthma" || body.Data["to"] != "ada" || body.Data["link"] == "" {
		t.Errorf("%s: %v", calls[0].body, err)
	}
	if sent := w.deliveries(workspaces.DeliverySent); len(sent) != 2 || len(w.deliveries("")) != 2 {
		t.Errorf("%+v", sent)
	}
}

func TestWhoHasNoAddressGetsNoEMail(t *testing.T) {
	w := newWorld(t)
	w.notify(submitted("bob", 2)...)
	once(t, t.Context(), w.deliverer(w.settings()))
	if n := len(w.smtp.arrived()); n != 0 {
		t.Errorf("%d letters to nobody", n)
	}
	mine, err := w.people.Mine(t.Context(), gatehouse.Principal{User: "bob"}, 0)
	if err != nil || len(mine) != 2 {
		t.Errorf("bob cannot look: %v, %v", mine, err)
	}
	if other, err := w.people.Mine(t.Context(), gatehouse.Principal{User: "ada"}, 0); err != nil || len(other) != 0 {
		t.Errorf("ada sees bob's: %v, %v", other, err)
	}
}

func TestADigestIsOneMessageADay(t *testing.T) {
	w := newWorld(t)
	w.address("ada", workspaces.MailDaily)
	w.address("bob", workspaces.MailDaily)
	s := w.settings()
	s.Digest, s.Webhooks = "10:00", nil
	d := w.deliverer(s)
	w.notify(append(submitted("ada", 3), submitted("bob", 1)...)...)
	w.notify(gatehouse.Notice{Kind: "release.recalled", To: "ada", Project: "asthma", Subject: "rel_0123456789abcdef0123"}) // cannot wait
	once(t, t.Context(), d)
	if got := w.smtp.arrived(); len(got) != 1 || !strings.Contains(got[0].body, "rel_0123456789abcdef0123") {
		t.Fatalf("before the time of digests: %+v", got)
	}
	w.pass(31 * time.Minute)
	w.notify(submitted("ada", 1)...) // for tomorrow
	once(t, t.Context(), d)
	got := w.smtp.arrived()[1:]
	if len(got) != 2 {
		t.Fatalf("%d digests", len(got))
	}
	for _, l := range got {
		if want := map[string]int{"ada@example.org": 3, "bob@example.org": 1}[l.to]; strings.Count(l.body, "What: req_") != want {
			t.Errorf("%s: not %d notices\n%s", l.to, want, l.body)
		}
	}
	w.pass(24 * time.Hour)
	once(t, t.Context(), d)
	if got := w.smtp.arrived(); len(got) != 4 || got[3].to != "ada@example.org" {
		t.Errorf("%+v", got)
	}
}

func TestWhoWantsNoEMailIsToldWhatCannotWaitAlone(t *testing.T) {
	w := newWorld(t)
	w.address("ada", workspaces.MailUrgent)
	s := w.settings()
	s.Digest, s.Webhooks = "10:00", nil
	d := w.deliverer(s)
	w.notify(append(submitted("ada", 3), gatehouse.Notice{Kind: "release.recalled", To: "ada", Project: "asthma", Subject: "rel_0123456789abcdef0123"})...)
	once(t, t.Context(), d)
	w.pass(48 * time.Hour)
	once(t, t.Context(), d)
	if got := w.smtp.arrived(); len(got) != 1 || !strings.Contains(got[0].body, "rel_0123456789abcdef0123") {
		t.Errorf("%+v", got)
	}
	if mine, err := w.people.Mine(t.Context(), gatehouse.Principal{User: "ada"}, 0); err != nil || len(mine) != 4 {
		t.Errorf("ada cannot look at her notices: %v, %v", mine, err)
	}
}

// A digest that is sent again is the same digest: what came later is not in it.
func TestADigestThatFailsStaysAsItWas(t *testing.T) {
	w := newWorld(t)
	w.address("ada", workspaces.MailDaily)
	s := w.settings()
	s.Digest, s.Webhooks = "10:00", nil
	d := w.deliverer(s)
	w.notify(submitted("ada", 2)...)
	once(t, t.Context(), d)
	w.smtp.answers(func(letter) error { return &smtp.SMTPError{Code: 451, Message: "later"} })
	w.pass(time.Hour)
	once(t, t.Context(), d)
	w.smtp.answers(nil)
	w.notify(submitted("ada", 3)...)
	once(t, t.Context(), d)
	w.pass(24 * time.Hour)
	once(t, t.Context(), d)
	got := w.smtp.arrived()
	if len(got) != 3 || got[0].id != got[1].id || got[0].body != got[1].body || got[2].id == got[1].id {
		t.Errorf("%d letters: %+v", len(got), got)
	}
}

func TestWhatFailsIsTriedAgainUnderTheSameId(t *testing.T) {
	for name, fault := range map[string]func(*world){
		"the server answers 451": func(w *world) {
			w.smtp.answers(func(letter) error { return &smtp.SMTPError{Code: 451, Message: "later"} })
			w.hook.answers(status(500))
		},
		"the line goes dead after it was taken": func(w *world) {
			w.smtp.answers(func(letter) error { _ = w.smtp.server.Close(); return nil })
			w.hook.answers(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		},
		"no answer in time": func(w *world) {
			w.smtp.answers(func(letter) error { <-t.Context().Done(); return nil })
			w.hook.answers(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		},
		"another address is named": func(w *world) {
			w.smtp.answers(func(letter) error { return &smtp.SMTPError{Code: 251, Message: "elsewhere"} })
			w.hook.answers(func(out http.ResponseWriter, r *http.Request) {
				http.Redirect(out, r, "/elsewhere", http.StatusTemporaryRedirect)
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.address("ada", workspaces.MailEach)
			w.notify(submitted("ada", 1)...)
			hasty := w.settings()
			if name == "no answer in time" {
				hasty.Timeout = 500 * time.Millisecond
			}
			d := w.deliverer(hasty)
			fault(w)
			once(t, t.Context(), d)
			if waiting := w.deliveries(workspaces.DeliveryWaiting); len(waiting) != 2 || waiting[0].Error == "" || waiting[1].Error == "" {
				t.Fatalf("%+v", waiting)
			}
			once(t, t.Context(), d) // not at once
			if calls := w.hook.arrived(); len(calls) != 1 {
				t.Errorf("%d calls without a pause", len(calls))
			}
			w.smtp.answers(nil)
			w.hook.answers(nil)
			s := w.settings()
			again := newPostOffice(t, w.hook.server.TLS.Certificates[0])
			s.Mail.Server = again.addr
			w.pass(time.Minute)
			once(t, t.Context(), w.deliverer(s))
			if sent := w.deliveries(workspaces.DeliverySent); len(sent) != 2 || sent[0].Attempts != 2 {
				t.Fatalf("%+v", sent)
			}
			calls, letters := w.hook.arrived(), append(w.smtp.arrived(), again.arrived()...)
			if len(calls) != 2 || calls[0].id != calls[1].id || calls[0].body != calls[1].body || calls[0].timestamp == calls[1].timestamp || calls[1].path != "/in" {
				t.Errorf("%+v", calls)
			}
			if len(letters) != 2 || letters[0].id != letters[1].id {
				t.Errorf("%+v", letters)
			}
		})
	}
}

func TestWhatCannotBeDeliveredIsGivenUpShownAndRetried(t *testing.T) {
	w := newWorld(t)
	w.address("ada", workspaces.MailEach)
	w.notify(submitted("ada", 1)...)
	w.hook.answers(status(503))
	w.smtp.rcpt = func(string) error { return &smtp.SMTPError{Code: 550, Message: "no ada here, said the server"} }
	d := w.deliverer(w.settings())
	var waits []time.Duration
	for range 40 {
		once(t, t.Context(), d)
		if waiting := w.deliveries(workspaces.DeliveryWaiting); len(waiting) > 0 {
			waits = append(waits, waiting[0].Next.Sub(w.clock()))
		}
		w.pass(18 * time.Hour)
	}
	if n := len(w.hook.arrived()); n != 12 {
		t.Errorf("%d attempts, want 12", n)
	}
	for i, base := range []time.Duration{10 * time.Second, 40 * time.Second, 160 * time.Second, 640 * time.Second} {
		if waits[i] < base/2 || waits[i] > base*3/2 {
			t.Errorf("wait %d is %s, want about %s", i+1, waits[i], base)
		}
	}
	dead := w.deliveries(workspaces.DeliveryDead)
	if len(dead) != 2 || dead[0].Error != "smtp 550" || dead[0].Attempts != 1 || dead[1].Error != "http 503" || dead[1].Attempts != 12 {
		t.Fatalf("%+v", dead)
	}
	for _, d := range dead {
		if strings.Contains(d.Error, "said") {
			t.Errorf("what the other side said is kept: %q", d.Error)
		}
	}

	ctx := t.Context()
	omar, aude, ada := gatehouse.Principal{User: "omar"}, gatehouse.Principal{User: "aude"}, gatehouse.Principal{User: "ada"}
	for _, who := range []gatehouse.Principal{omar, aude} {
		if seen, err := w.people.Deliveries(ctx, who, workspaces.DeliveryFilter{}); err != nil || len(seen) != 2 {
			t.Errorf("%s sees %d, %v", who.User, len(seen), err)
		}
	}
	if _, err := w.people.Deliveries(ctx, ada, workspaces.DeliveryFilter{}); gatehouse.CodeOf(err) != gatehouse.CodeDenied {
		t.Errorf("ada sees deliveries: %v", err)
	}
	for _, who := range []gatehouse.Principal{aude, ada, {}} {
		if err := w.people.Retry(ctx, who, dead[0].Parcel); err == nil {
			t.Errorf("%q retries", who.User)
		}
	}
	w.hook.answers(nil)
	w.smtp.rcpt = nil
	for _, d := range dead {
		w.must(w.people.Retry(ctx, omar, d.Parcel))
	}
	if err := w.people.Retry(ctx, omar, dead[0].Parcel); gatehouse.CodeOf(err) != gatehouse.CodeNotFound {
		t.Errorf("what is not dead is retried: %v", err)
	}
	once(t, ctx, d)
	if len(w.deliveries(workspaces.DeliverySent)) != 2 {
		t.Errorf("%+v", w.deliveries(""))
	}
	calls := w.hook.arrived()
	if calls[0].id != calls[12].id {
		t.Error("a retry has another id")
	}
}

func TestTheOtherSideCanAskForTimeOrForNoMore(t *testing.T) {
	w := newWorld(t)
	w.notify(submitted("ada", 1)...)
	w.hook.answers(func(out http.ResponseWriter, _ *http.Request) {
		out.Header().Set("Retry-After", "3600")
		out.WriteHeader(http.StatusTooManyRequests)
	})
	d := w.deliverer(w.settings())
	once(t, t.Context(), d)
	if next := w.deliveries("")[0].Next; next.Before(morning.Add(time.Hour)) {
		t.Errorf("tried again at %s", next)
	}
	w.pass(2 * time.Hour)
	w.hook.answers(status(http.StatusGone))
	once(t, t.Context(), d)
	if dead := w.deliveries(workspaces.DeliveryDead); len(dead) != 1 || dead[0].Error != "http 410" {
		t.Errorf("%+v", dead)
	}
}

func TestNothingIsSentWithoutTLS(t *testing.T) {
	w := newWorld(t)
	w.address("ada", workspaces.MailEach)
	w.notify(submitted("ada", 1)...)
	w.smtp.server.TLSConfig = nil // no STARTTLS any more
	s := w.settings()
	s.Webhooks = nil
	once(t, t.Context(), w.deliverer(s))
	w.pass(time.Minute)
	stranger := w.settings()
	stranger.Webhooks, stranger.Mail.CA = nil, "" // nobody vouches for the server
	stranger.Mail.Server = newPostOffice(t, w.hook.server.TLS.Certificates[0]).addr
	once(t, t.Context(), w.deliverer(stranger))
	if n, waiting := len(w.smtp.arrived()), w.deliveries(workspaces.DeliveryWaiting); n != 0 || len(waiting) != 1 || waiting[0].Error != "smtp connect" || waiting[0].Attempts != 2 {
		t.Errorf("%d letters, %+v", n, waiting)
	}
}

// Whatever fails and however often: every notice arrives over every channel, the
// same id always carries the same notices, and nothing stays behind.
func TestNoNoticeIsLost(t *testing.T) {
	w := newWorld(t)
	rapid.Check(t, func(r *rapid.T) {
		letters, calls := len(w.smtp.arrived()), len(w.hook.arrived())
		w.address("ada", rapid.SampledFrom([]workspaces.Mail{workspaces.MailEach, workspaces.MailDaily}).Draw(r, "ada"))
		w.address("bob", workspaces.MailEach)
		faults := rapid.SliceOfN(rapid.IntRange(0, 3), 64, 64).Draw(r, "faults")
		next := 0
		fault := func() int { next++; return faults[next%len(faults)] }
		w.smtp.answers(func(letter) error {
			return []error{nil, &smtp.SMTPError{Code: 451, Message: "later"}, errors.New("a fault"), nil}[fault()]
		})
		w.hook.answers(func(out http.ResponseWriter, _ *http.Request) {
			if f := fault(); f == 2 {
				panic(http.ErrAbortHandler)
			} else {
				out.WriteHeader([]int{204, 500, 0, 200}[f])
			}
		})
		d := w.deliverer(w.settings())
		written := map[string]bool{}
		for range rapid.IntRange(1, 3).Draw(r, "rounds") {
			batch := submitted(rapid.SampledFrom([]string{"ada", "bob"}).Draw(r, "to"), rapid.IntRange(1, 2).Draw(r, "n"))
			for i := range batch {
				batch[i].Subject = gatehouse.NewID("req")
				written[batch[i].Subject] = true
			}
			w.notify(batch...)
			once(t, t.Context(), d)
			w.pass(time.Duration(rapid.IntRange(0, 100).Draw(r, "minutes")) * time.Minute)
		}
		w.smtp.answers(nil)
		w.hook.answers(nil)
		for range 3 {
			w.pass(24 * time.Hour)
			once(t, t.Context(), d)
		}
		if left := append(w.deliveries(workspaces.DeliveryWaiting), w.deliveries(workspaces.DeliveryDead)...); len(left) > 0 {
			r.Fatalf("left behind: %+v", left)
		}
		byMail, byHook, bodies := map[string]bool{}, map[string]bool{}, map[string]string{}
		for _, l := range w.smtp.arrived()[letters:] {
			if was, known := bodies[l.id]; known && was != l.body {
				r.Fatalf("%s carries different notices", l.id)
			}
			bodies[l.id] = l.body
			for id := range written {
				byMail[id] = byMail[id] || strings.Contains(l.body, "What: "+id)
			}
		}
		for _, c := range w.hook.arrived()[calls:] {
			if was, known := bodies[c.id]; known && was != c.body {
				r.Fatalf("%s carries different notices", c.id)
			}
			bodies[c.id] = c.body
			for id := range written {
				byHook[id] = byHook[id] || strings.Contains(c.body, id)
			}
		}
		for id := range written {
			if !byMail[id] || !byHook[id] {
				r.Fatalf("%s is lost: mail %v, webhook %v", id, byMail[id], byHook[id])
			}
		}
	})
}

// What has arrived or was given up is kept for NoticeLife, what is on its way for longer.
func TestNoticesOfLongAgoAreRemoved(t *testing.T) {
	w := newWorld(t)
	w.address("ada", workspaces.MailEach)
	w.address("bob", workspaces.MailEach)
	s := w.settings()
	s.Webhooks = nil
	d := w.deliverer(s)
	prune := func(want int) {
		t.Helper()
		if n, err := w.people.Prune(t.Context()); err != nil || n != want {
			t.Errorf("%d notices were removed, want %d: %v", n, want, err)
		}
	}
	w.smtp.answers(func(l letter) error {
		if l.to == "bob@example.org" {
			return &smtp.SMTPError{Code: 451, Message: "later"}
		}
		return nil
	})
	w.notify(append(submitted("ada", 2), submitted("bob", 1)...)...)
	w.notify(submitted("carl", 501)...) // who has no address: nothing was ever sent
	once(t, t.Context(), d)
	w.pass(workspaces.NoticeLife)
	prune(0)
	w.notify(submitted("ada", 1)...) // not on its way yet
	w.pass(time.Second)
	prune(503)
	left := w.deliveries("")
	if len(left) != 1 || left[0].Notice.To != "bob" {
		t.Errorf("left: %+v", left)
	}
	w.smtp.mu.Lock()
	w.smtp.rcpt = func(string) error { return &smtp.SMTPError{Code: 550, Message: "no"} }
	w.smtp.mu.Unlock()
	once(t, t.Context(), d)
	if dead := w.deliveries(workspaces.DeliveryDead); len(dead) != 2 {
		t.Errorf("given up: %+v", dead)
	}
	prune(1) // bob's
	if mine, err := w.people.Mine(t.Context(), gatehouse.Principal{User: "ada"}, 0); err != nil || len(mine) != 1 {
		t.Errorf("ada's newest is gone: %v, %v", mine, err)
	}
}

func TestTwoSendersDoNotSendTheSame(t *testing.T) {
	w := newWorld(t)
	w.address("ada", workspaces.MailEach)
	w.notify(submitted("ada", 20)...)
	done := make(chan error, 4)
	for range cap(done) {
		d := w.deliverer(w.settings())
		go func() { done <- d.Once(t.Context()) }()
	}
	for range cap(done) {
		w.must(<-done)
	}
	var ids []string
	for _, l := range w.smtp.arrived() {
		ids = append(ids, l.id)
	}
	slices.Sort(ids)
	if len(ids) != 20 || len(slices.Compact(ids)) != 20 {
		t.Errorf("%d letters", len(ids))
	}
}

func TestASecretIsChangedWithoutALoss(t *testing.T) {
	w := newWorld(t)
	s := w.settings()
	hook := s.Webhooks["desk"]
	hook.SecretFile = w.file("both", "whsec_bmV3IHNlY3JldCBvZiB0aGUgZGVzaywgYXQgbGVhc3Q=\n"+w.hook.secret+"\n")
	s.Webhooks["desk"] = hook
	w.notify(submitted("ada", 1)...)
	once(t, t.Context(), w.deliverer(s)) // the receiver, which has the old one, verifies it
	if c := w.hook.arrived(); len(c) != 1 || len(strings.Fields(c[0].signature)) != 2 {
		t.Errorf("%+v", c)
	}
}

func TestSettingsThatAreNotSafeAreRefused(t *testing.T) {
	w := newWorld(t)
	for name, change := range map[string]func(*notices.Settings){
		"http":                      func(s *notices.Settings) { s.Webhooks["desk"] = notices.Webhook{URL: "http://example.org/"} },
		"a password in the address": func(s *notices.Settings) { s.Webhooks["desk"] = notices.Webhook{URL: "https://a:b@example.org/"} },
		"no secret":                 func(s *notices.Settings) { s.Webhooks["desk"] = notices.Webhook{URL: "https://example.org/"} },
		"a short secret": func(s *notices.Settings) {
			s.Webhooks["desk"] = notices.Webhook{URL: "https://example.org/", SecretFile: w.file("short", "whsec_c2hvcnQ=")}
		},
		"a bad name":                  func(s *notices.Settings) { s.Webhooks["Desk 1"] = s.Webhooks["desk"] },
		"no TLS to another machine":   func(s *notices.Settings) { s.Mail.Server, s.Mail.TLS = "mail.example.org:25", "none" },
		"a password without TLS":      func(s *notices.Settings) { s.Mail.TLS, s.Mail.User = "none", "gatehouse" },
		"TLS if it is there":          func(s *notices.Settings) { s.Mail.TLS = "opportunistic" },
		"a sender of two lines":       func(s *notices.Settings) { s.Mail.From = "a@example.org\r\nBcc: b@example.org" },
		"links over http":             func(s *notices.Settings) { s.PublicURL = "http://tre.example.org" },
		"a time that is none":         func(s *notices.Settings) { s.Digest = "25:00" },
		"an authority that is none":   func(s *notices.Settings) { s.Mail.CA = w.file("none.pem", "none") },
		"a password without its file": func(s *notices.Settings) { s.Mail.User = "gatehouse" },
		"endless patience":            func(s *notices.Settings) { s.Timeout = time.Hour },
	} {
		s := w.settings()
		change(&s)
		if _, err := notices.New(s, state.Outbox{DB: w.db}, nil, w.clock); gatehouse.CodeOf(err) != gatehouse.CodeNotices {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPeopleChooseHowAndOwnersChooseWhere(t *testing.T) {
	w := newWorld(t)
	ctx, ada := t.Context(), gatehouse.Principal{User: "ada"}
	w.address("ada", workspaces.MailEach)
	o, err := w.people.SetMail(ctx, ada, workspaces.MailDaily)
	if err != nil || o.Mail != workspaces.MailDaily || o.Address != "ada@example.org" {
		t.Errorf("%+v, %v", o, err)
	}
	if err := w.people.SetOptions(ctx, ada, "ada", workspaces.NoticeOptions{Address: "eve@example.org", Mail: workspaces.MailEach}); gatehouse.CodeOf(err) != gatehouse.CodeDenied {
		t.Errorf("ada changed an address: %v", err)
	}
	for name, who := range map[string]gatehouse.Principal{"nobody": {}, "a notebook": {User: "ada", Workspace: "asthma"}, "an auditor": {User: "aude"}} {
		if _, err := w.people.SetMail(ctx, who, workspaces.MailEach); err == nil {
			t.Errorf("%s changed options", name)
		}
	}
	for _, address := range []string{"ada", "ada@example.org\r\nBcc: eve@example.org", "Ada <ada@example.org>", "ada@example.org, eve@example.org", strings.Repeat("a", 300) + "@example.org"} {
		if err := w.people.SetOptions(ctx, workspaces.System, "ada", workspaces.NoticeOptions{Address: address, Mail: workspaces.MailEach}); gatehouse.CodeOf(err) != gatehouse.CodeNoticeOptions {
			t.Errorf("%q: %v", address, err)
		}
	}
	if err := w.people.SetOptions(ctx, workspaces.System, "ghost", workspaces.NoticeOptions{Mail: workspaces.MailEach}); gatehouse.CodeOf(err) != gatehouse.CodeNotFound {
		t.Errorf("a ghost has options: %v", err)
	}
}

package roles

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/notices"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// outside is everything that left: e-mails and webhooks, as they arrived.
type outside struct {
	mu   sync.Mutex
	left []string
}

func (o *outside) keep(text string) { o.mu.Lock(); defer o.mu.Unlock(); o.left = append(o.left, text) }

type mailbox struct{ *outside }

func (mailbox) Reset()                               { /* nothing is kept of a message before its data */ }
func (mailbox) Logout() error                        { return nil }
func (mailbox) Mail(string, *smtp.MailOptions) error { return nil }
func (mailbox) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (m mailbox) Data(r io.Reader) error {
	message, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(message.Body)
	m.keep(message.Header.Get("Subject") + "\n" + strings.ReplaceAll(string(body), "=\r\n", ""))
	return err
}

// Whatever people write, and whatever files are called and hold, nothing of it
// is in what leaves: only ids, names of projects and users, dates, links and the
// house's own words.
func TestNoticesHoldNothingThatAnybodyWrote(t *testing.T) {
	w := newWorld(t)
	ctx, o := t.Context(), &outside{}
	w.receive(o)
	const secret = "Wanderlust" // in everything that can be written
	as := func(user string) gatehouse.Principal { return gatehouse.Principal{User: user} }
	r, err := w.requests.CreateRequest(ctx, as("ada"), egress.NewRequest{Project: "asthma", Title: secret, Context: egress.RequestContext{What: secret, Population: secret, Dates: secret, People: secret, Controls: secret}})
	w.must(err)
	_, err = w.requests.AddFile(ctx, as("ada"), r.ID, secret+".csv", strings.NewReader("region,n\n"+secret+",120\n"))
	w.must(err)
	submit := func() { _, err := w.requests.SubmitRequest(ctx, as("ada"), r.ID); w.must(err) }
	vote := func(user string, v egress.Verdict) {
		_, err := w.requests.ReviewRequest(ctx, as(user), r.ID, []egress.Ballot{{File: secret + ".csv", Verdict: v, Comment: secret}})
		w.must(err)
	}
	submit()
	_, err = w.requests.SayMessage(ctx, as("chris"), r.ID, egress.NewMessage{Body: secret})
	w.must(err)
	vote("chris", egress.VerdictReturn)
	vote("cleo", egress.VerdictReturn)
	submit()
	vote("chris", egress.VerdictApprove)
	vote("cleo", egress.VerdictReject)
	vote("chris", egress.VerdictApprove)
	vote("cleo", egress.VerdictApprove)
	release, err := w.requests.ReleaseRequest(ctx, as("chris"), r.ID)
	w.must(err)
	_, bundle, err := w.requests.DownloadRelease(ctx, as("ada"), release.ID)
	w.must(err)
	w.must(bundle.Close())
	_, err = w.requests.RecallRelease(ctx, as("cora"), release.ID, secret)
	w.must(err)
	id := w.madeProject(workspaces.ProjectSubmitted)
	_, err = w.services.DecideProject(ctx, as("cora"), id, "care", workspaces.Judgement{Verdict: workspaces.VerdictReturn, Comment: secret})
	w.must(err)

	d, err := notices.New(w.senders, state.Outbox{DB: w.db}, slog.New(slog.DiscardHandler), time.Now)
	w.must(err)
	w.must(d.Once(ctx))
	kinds := map[string]bool{}
	found, err := w.notices.Deliveries(ctx, workspaces.System, workspaces.DeliveryFilter{Limit: 500})
	w.must(err)
	for _, f := range found {
		kinds[f.Notice.Kind] = true
		if f.State != workspaces.DeliverySent {
			t.Errorf("%s to %s over %s: %s %s", f.Notice.Kind, f.Notice.To, f.Channel, f.State, f.Error)
		}
		if f.Notice.Subject == "" {
			t.Errorf("%s is about nothing", f.Notice.Kind)
		}
	}
	for _, kind := range []string{"request.submitted", "request.question", "request.returned", "request.disputed", "request.approved", "request.released", "release.recalled", "project.returned"} {
		if !kinds[kind] {
			t.Errorf("nobody was told of %s", kind)
		}
	}
	if len(o.left) < len(found) {
		t.Errorf("%d messages left of %d deliveries", len(o.left), len(found))
	}
	for _, text := range o.left {
		for _, told := range []string{secret, "There is news", "London"} {
			if strings.Contains(text, told) {
				t.Errorf("%q left in:\n%s", told, text)
			}
		}
		if count.MatchString(text) {
			t.Errorf("the file's number left in:\n%s", text)
		}
	}
}

// count is the number that stands in the file; ids may hold its digits by chance.
var count = regexp.MustCompile(`\b120\b`)

// receive makes a mail server and a receiver of webhooks, and settings to reach
// them; everybody has an address.
func (w *world) receive(o *outside) {
	w.t.Helper()
	hook := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		o.keep(string(body))
	}))
	w.t.Cleanup(hook.Close)
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return mailbox{o}, nil }))
	l := httptest.NewUnstartedServer(nil).Listener
	go func() { _ = server.Serve(l) }()
	w.t.Cleanup(func() { _ = server.Close() })
	w.must(writeFile(w.folder, "secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYq="))
	w.senders = notices.Settings{
		PublicURL: "https://tre.example.org", Mail: &notices.Mail{Server: l.Addr().String(), From: "gatehouse@example.org", TLS: "none"},
		Webhooks: map[string]notices.Webhook{"desk": {URL: hook.URL, SecretFile: w.folder + "/secret", CA: w.folder + "/ca.pem"}},
	}
	for user := range people {
		w.must(w.notices.SetOptions(w.t.Context(), workspaces.System, user, workspaces.NoticeOptions{Address: user + "@example.org", Mail: workspaces.MailEach}))
	}
}

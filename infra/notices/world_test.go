package notices_test

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/journal"
	"github.com/gatehouse-tre/gatehouse/infra/notices"
	"github.com/gatehouse-tre/gatehouse/infra/policy"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// A world has a real database, a real SMTP server with STARTTLS, and a real
// HTTPS server that takes webhooks; both can be told to fail.
type world struct {
	t      *testing.T
	dir    string
	db     *state.DB
	people *workspaces.Notices
	smtp   *postOffice
	hook   *receiver
	ca     string

	mu  sync.Mutex
	now time.Time
}

var morning = time.Date(2026, 3, 2, 9, 30, 0, 0, time.Local)

func (w *world) clock() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.now }

func (w *world) pass(d time.Duration) { w.mu.Lock(); defer w.mu.Unlock(); w.now = w.now.Add(d) }

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), now: morning}
	w.db = w.open(w.clock)
	rules, err := policy.New(state.Workspaces(w.db))
	w.must(err)
	w.people = &workspaces.Notices{Store: state.Notices{DB: w.db}, Authorizer: rules}
	for _, user := range []string{"ada", "bob", "carl", "olga", "omar", "aude"} {
		w.must(state.Workspaces(w.db).Update(t.Context(), func(tx workspaces.Tx) error { return tx.AddUser(t.Context(), user) }))
	}
	for user, role := range map[string]gatehouse.Role{"omar": gatehouse.RoleOperator, "aude": gatehouse.RoleAuditor} {
		w.must(state.Workspaces(w.db).Update(t.Context(), func(tx workspaces.Tx) error { return tx.GrantRole(t.Context(), user, role) }))
	}
	w.hook = newReceiver(t)
	w.smtp = newPostOffice(t, w.hook.server.TLS.Certificates[0])
	w.ca = w.file("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.hook.server.Certificate().Raw})))
	return w
}

func (w *world) open(now func() time.Time) *state.DB {
	_, key, err := ed25519.GenerateKey(nil)
	w.must(err)
	signer, err := journal.NewSigner(key)
	w.must(err)
	db, err := state.Open(w.t.Context(), filepath.Join(w.dir, "state", "gatehouse.db"), state.Options{Journal: journal.New(signer, filepath.Join(w.dir, "checkpoint")), Now: now})
	w.must(err)
	w.t.Cleanup(func() { db.Close() })
	return db
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) file(name, text string) string {
	path := filepath.Join(w.dir, name)
	w.must(os.WriteFile(path, []byte(text), 0o600))
	return path
}

// settings send e-mail to the post office and every notice to the receiver.
func (w *world) settings() notices.Settings {
	return notices.Settings{
		PublicURL: "https://tre.example.org",
		Mail:      &notices.Mail{Server: w.smtp.addr, From: "gatehouse@tre.example.org", CA: w.ca},
		Webhooks:  map[string]notices.Webhook{"desk": {URL: w.hook.server.URL + "/in", SecretFile: w.file("secret", w.hook.secret), CA: w.ca}},
	}
}

func (w *world) deliverer(s notices.Settings) *notices.Deliverer {
	w.t.Helper()
	d, err := notices.New(s, state.Outbox{DB: w.db}, slog.New(slog.DiscardHandler), w.clock)
	w.must(err)
	return d
}

func (w *world) notify(all ...gatehouse.Notice) {
	w.t.Helper()
	w.must(w.db.Update(w.t.Context(), func(tx *state.Tx) error {
		for _, n := range all {
			tx.Notify(n)
		}
		return nil
	}))
}

func (w *world) address(user string, way workspaces.Mail) {
	w.t.Helper()
	w.must(w.people.SetOptions(w.t.Context(), workspaces.System, user, workspaces.NoticeOptions{Address: user + "@example.org", Mail: way}))
}

func (w *world) deliveries(s workspaces.DeliveryState) []workspaces.Delivery {
	w.t.Helper()
	found, err := w.people.Deliveries(w.t.Context(), workspaces.System, workspaces.DeliveryFilter{State: s, Limit: 500})
	w.must(err)
	return found
}

// letter is an e-mail as it arrived.
type letter struct {
	from, to string
	secure   bool
	id       string
	subject  string
	raw      string
	body     string
}

// postOffice is an SMTP server. fail is asked after a message was taken: what it
// returns is the server's answer.
type postOffice struct {
	addr   string
	server *smtp.Server

	mu      sync.Mutex
	letters []letter
	rcpt    func(to string) error
	fail    func(letter) error
}

func newPostOffice(t *testing.T, cert tls.Certificate) *postOffice {
	t.Helper()
	p := &postOffice{}
	p.server = smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &mailSession{office: p, conn: c}, nil }))
	p.server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}}
	p.server.Domain, p.server.ReadTimeout, p.server.ErrorLog = "localhost", 10*time.Second, discard{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.addr = l.Addr().String()
	go func() { _ = p.server.Serve(l) }()
	t.Cleanup(func() { _ = p.server.Close() })
	return p
}

type discard struct{}

func (discard) Printf(string, ...any) {}
func (discard) Println(...any)        {}

func (p *postOffice) arrived() []letter {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]letter(nil), p.letters...)
}

func (p *postOffice) answers(fail func(letter) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail = fail
}

type mailSession struct {
	office   *postOffice
	conn     *smtp.Conn
	from, to string
}

func (s *mailSession) Reset()        { s.from, s.to = "", "" }
func (s *mailSession) Logout() error { return nil }

func (s *mailSession) Mail(from string, _ *smtp.MailOptions) error { s.from = from; return nil }

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	s.office.mu.Lock()
	defer s.office.mu.Unlock()
	if s.office.rcpt != nil {
		return s.office.rcpt(to)
	}
	return nil
}

func (s *mailSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m, err := mail.ReadMessage(strings.NewReader(string(raw)))
	if err != nil {
		return err
	}
	body, err := io.ReadAll(m.Body)
	if err != nil {
		return err
	}
	_, secure := s.conn.TLSConnectionState()
	l := letter{s.from, s.to, secure, m.Header.Get("Message-Id"), m.Header.Get("Subject"), string(raw), strings.ReplaceAll(string(body), "=\r\n", "")}
	s.office.mu.Lock()
	s.office.letters = append(s.office.letters, l)
	fail := s.office.fail
	s.office.mu.Unlock()
	if fail != nil {
		return fail(l)
	}
	return nil
}

// call is a webhook as it arrived.
type call struct {
	id, timestamp, signature string
	path, body               string
}

// receiver is an HTTPS server of webhooks. answer is asked after a message was
// taken.
type receiver struct {
	t      *testing.T
	server *httptest.Server
	secret string

	mu     sync.Mutex
	calls  []call
	answer func(http.ResponseWriter, *http.Request)
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{t: t, secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYq="}
	r.server = httptest.NewTLSServer(r)
	t.Cleanup(r.server.Close)
	return r
}

func (r *receiver) ServeHTTP(out http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	verifier, err := standardwebhooks.NewWebhook(r.secret)
	if err != nil {
		r.t.Error(err)
	}
	if err := verifier.VerifyIgnoringTimestamp(body, req.Header); err != nil {
		r.t.Error(err)
	}
	r.mu.Lock()
	r.calls = append(r.calls, call{req.Header.Get("webhook-id"), req.Header.Get("webhook-timestamp"), req.Header.Get("webhook-signature"), req.URL.Path, string(body)})
	answer := r.answer
	r.mu.Unlock()
	if answer != nil {
		answer(out, req)
	}
}

func (r *receiver) arrived() []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]call(nil), r.calls...)
}

func (r *receiver) answers(answer func(http.ResponseWriter, *http.Request)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

func status(code int) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// submitted are n notices of requests, one for each.
func submitted(to string, n int) []gatehouse.Notice {
	var all []gatehouse.Notice
	for i := range n {
		all = append(all, gatehouse.Notice{Kind: "request.submitted", To: to, Project: "asthma", Subject: fmt.Sprintf("req_%020d", i)})
	}
	return all
}

func once(t *testing.T, ctx context.Context, d *notices.Deliverer) {
	t.Helper()
	if err := d.Once(ctx); err != nil {
		t.Fatal(err)
	}
}

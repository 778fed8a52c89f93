package e2e

import (
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/rogpeppe/go-internal/testscript"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// outside is where notices go: a real SMTP server with STARTTLS, and a real HTTPS
// server that verifies each webhook.
type outside struct {
	smtp    *smtp.Server
	hooks   *httptest.Server
	mu      sync.Mutex
	how     string // what the mail server does: up, down or refusing
	arrived map[string][]string
	forged  int // webhooks whose signature does not verify
}

type outsideKey struct{}

// hookSecret is what the receiver verifies signatures with.
const hookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYq="

// outside [up|down|refusing]: start a mail server and a receiver of webhooks. Sets
// MAIL (host and port), HOOK (address), and writes outside.pem (authority of both) and
// hook.secret. Afterwards down has the mail server ask to come again later, refusing
// has it refuse every recipient for good, and up takes mail again.
func outsideCommand(ts *testscript.TestScript, neg bool, args []string) {
	o, running := ts.Value(outsideKey{}).(*outside)
	if neg || len(args) > 1 || !running {
		ts.Fatalf("usage: outside [up|down|refusing]")
	}
	if len(args) == 1 {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.how = args[0]
		return
	}
	o.hooks = httptest.NewTLSServer(o)
	o.smtp = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &letterbox{outside: o}, nil }))
	o.smtp.TLSConfig = &tls.Config{Certificates: o.hooks.TLS.Certificates}
	o.smtp.Domain, o.smtp.ErrorLog = "localhost", quiet{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	go func() { _ = o.smtp.Serve(l) }()
	ts.Setenv("MAIL", l.Addr().String())
	ts.Setenv("HOOK", o.hooks.URL)
	ts.Check(os.WriteFile(ts.MkAbs("outside.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: o.hooks.Certificate().Raw}), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("hook.secret"), []byte(hookSecret+"\n"), 0o600))
}

func (o *outside) end() {
	if o.smtp != nil {
		_ = o.smtp.Close()
		o.hooks.Close()
	}
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

func (o *outside) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	verifier, err := standardwebhooks.NewWebhook(hookSecret)
	if err == nil {
		err = verifier.Verify(body, r.Header)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if err != nil {
		o.forged++
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	o.arrived["webhook"] = append(o.arrived["webhook"], r.Header.Get("webhook-id")+" "+string(body))
}

type letterbox struct {
	*outside
	to string
}

func (l *letterbox) Reset()                               { l.to = "" }
func (l *letterbox) Logout() error                        { return nil }
func (l *letterbox) Mail(string, *smtp.MailOptions) error { return nil }
func (l *letterbox) Rcpt(to string, _ *smtp.RcptOptions) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.to = to; l.how == "refusing" {
		return &smtp.SMTPError{Code: 550, Message: "nobody of that name"}
	}
	return nil
}

func (l *letterbox) Data(r io.Reader) error {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(m.Body)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.how == "down" {
		return &smtp.SMTPError{Code: 451, Message: "later"}
	}
	text := fmt.Sprintf("%s to %s: %s\n%s", m.Header.Get("Message-Id"), l.to, m.Header.Get("Subject"), strings.ReplaceAll(string(body), "=\r\n", ""))
	l.arrived["mail"] = append(l.arrived["mail"], text)
	return nil
}

// arrivedWithin is how long a notice may take: what failed once is tried again within
// 15 seconds, and machines may be slow.
const arrivedWithin = 3 * time.Minute

// arrived mail|webhook N PATTERN: wait until N messages have arrived that match, and
// show them. More than N is a failure, as is a webhook that does not verify. `! arrived
// mail|webhook PATTERN`: none of those that have arrived matches.
func arrivedCommand(ts *testscript.TestScript, neg bool, args []string) {
	o, running := ts.Value(outsideKey{}).(*outside)
	if !running || neg && len(args) != 2 || !neg && len(args) != 3 {
		ts.Fatalf("usage: arrived mail|webhook N PATTERN")
	}
	pattern := regexp.MustCompile("(?s)" + args[len(args)-1])
	found := func() (matching []string) {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.forged > 0 {
			ts.Fatalf("%d webhooks do not verify", o.forged)
		}
		for _, text := range o.arrived[args[0]] {
			if pattern.MatchString(text) {
				matching = append(matching, text)
			}
		}
		return matching
	}
	if neg {
		if matching := found(); len(matching) > 0 {
			ts.Fatalf("arrived, and should not have:\n%s", strings.Join(matching, "\n"))
		}
		return
	}
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	late := time.After(arrivedWithin)
	for look := time.NewTicker(50 * time.Millisecond); ; {
		matching := found()
		if len(matching) > want {
			ts.Fatalf("%d have arrived, want %d:\n%s", len(matching), want, strings.Join(matching, "\n"))
		}
		if len(matching) == want {
			fmt.Fprintln(ts.Stdout(), strings.Join(matching, "\n"))
			return
		}
		select {
		case <-look.C:
		case <-late:
			o.mu.Lock()
			defer o.mu.Unlock()
			ts.Fatalf("%d have arrived, want %d; all that have:\n%s", len(matching), want, strings.Join(o.arrived[args[0]], "\n"))
		}
	}
}

// eventually PATTERN COMMAND…: run it again and again until what it shows matches.
func eventuallyCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: eventually PATTERN COMMAND…")
	}
	pattern, late := regexp.MustCompile(args[0]), time.After(arrivedWithin)
	for look := time.NewTicker(500 * time.Millisecond); ; {
		ts.Check(ts.Exec(args[1], args[2:]...))
		if pattern.MatchString(ts.ReadFile("stdout")) {
			return
		}
		select {
		case <-look.C:
		case <-late:
			ts.Fatalf("%q never shows %q", strings.Join(args[1:], " "), args[0])
		}
	}
}

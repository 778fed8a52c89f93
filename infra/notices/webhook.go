package notices

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// webhook posts each notice to one address, signed as the Standard Webhooks
// specification says (https://www.standardwebhooks.com).
type webhook struct {
	label   string
	url     string
	kinds   []string
	signers []*standardwebhooks.Webhook
	http    *http.Client
	public  string
	now     func() time.Time
}

// Secrets have as many bytes as the specification asks for.
const (
	leastSecret = 24
	mostSecret  = 64
)

var webhookName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)

func newWebhook(name string, s Webhook, public string, now func() time.Time) (*webhook, error) {
	if !webhookName.MatchString(name) {
		return nil, configured("%q cannot be the name of a webhook.", name)
	}
	what := "The address of the webhook " + name
	target, err := httpsURL(what, s.URL)
	if err != nil {
		return nil, err
	}
	secure, err := secure(s.CA, target.Hostname())
	if err != nil {
		return nil, err
	}
	w := &webhook{label: name, url: target.String(), kinds: s.Kinds, public: public, now: now, http: &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: secure, ForceAttemptHTTP2: true,
			MaxResponseHeaderBytes: 64 << 10, IdleConnTimeout: time.Minute,
		},
		// Where a notice goes is the owner's decision, not that of the other side.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	lines, err := secrets("the secret of the webhook "+name, s.SecretFile)
	if err != nil {
		return nil, err
	}
	for _, line := range lines {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(line, "whsec_"))
		if err != nil || len(key) < leastSecret || len(key) > mostSecret {
			return nil, configured("The secret of the webhook %s is not %d to %d bytes in base64.", name, leastSecret, mostSecret).WithAdvice("Make one with: echo whsec_$(openssl rand -base64 32)")
		}
		signer, err := standardwebhooks.NewWebhookRaw(key)
		if err != nil {
			return nil, configured("The secret of the webhook %s cannot be used.", name)
		}
		w.signers = append(w.signers, signer)
	}
	return w, nil
}

func (w *webhook) name() string { return "webhook:" + w.label }

// wants reports whether notices of the kind go here.
func (w *webhook) wants(kind string) bool { return len(w.kinds) == 0 || slices.Contains(w.kinds, kind) }

// message is what is posted: ids, names, times and a link.
type message struct {
	Type      string      `json:"type"`
	Timestamp time.Time   `json:"timestamp"` // of the notice, not of the attempt
	Data      messageData `json:"data"`
}

type messageData struct {
	ID      string    `json:"id"` // of the notice
	To      string    `json:"to"` // user name
	Project string    `json:"project,omitempty"`
	Subject string    `json:"subject,omitempty"`
	Due     time.Time `json:"due,omitzero"`
	Link    string    `json:"link,omitempty"`
}

func (w *webhook) send(ctx context.Context, p workspaces.Parcel) error {
	n := p.Notices[0] // webhooks have no digests
	body, err := json.Marshal(message{n.Kind, n.At, messageData{n.ID, n.To, n.Project, n.Subject, n.Due, link(n, w.public)}})
	if err != nil {
		return err
	}
	now := w.now()
	var signatures []string
	for _, s := range w.signers {
		signature, err := s.Sign(p.ID, now, body)
		if err != nil {
			return err
		}
		signatures = append(signatures, signature)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Gatehouse")
	req.Header[http.CanonicalHeaderKey(standardwebhooks.HeaderWebhookID)] = []string{p.ID}
	req.Header[http.CanonicalHeaderKey(standardwebhooks.HeaderWebhookTimestamp)] = []string{strconv.FormatInt(now.Unix(), 10)}
	req.Header[http.CanonicalHeaderKey(standardwebhooks.HeaderWebhookSignature)] = []string{strings.Join(signatures, " ")}
	resp, err := w.http.Do(req)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return &failure{reason: "timeout"}
	case err != nil:
		return &failure{reason: "connect"}
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection can be used again
	if resp.StatusCode/100 == 2 {
		return nil
	}
	f := &failure{reason: "http " + strconv.Itoa(resp.StatusCode), final: resp.StatusCode == http.StatusGone}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 && seconds < int(longestWait/time.Second) {
		f.after = time.Duration(seconds) * time.Second
	}
	return f
}

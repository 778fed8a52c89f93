// Package meshtest is a MESH of one's own, for tests: an HTTPS server that wants a
// client certificate, checks the signature of each request by itself, keeps
// mailboxes, and plays the check service for national data opt-outs behind one of
// them, with every fault that the real ones may have.
package meshtest

import (
	"bytes"
	"compress/gzip"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The sandbox's one client, and the check service's mailbox.
const (
	Mailbox   = "GATEHOUSE01"
	Password  = "the mailbox's password"
	SharedKey = "the environment's shared key"
	Service   = "CHECKSVC01"
	workflow  = "SPINE_NTT_UPHOLDING"
)

// Faults are what goes wrong, each as often as its number says.
type Faults struct {
	RefuseSend    int // the first POST of a message: 417, nothing is taken
	FailSend      int // the first POST: 500, nothing is taken
	LoseSendReply int // the first POST: the message is taken, and the connection dies
	FailChunk     int // a later chunk: 503
	FailGet       int // any GET or HEAD: 503
	CutDownload   int // a chunk's connection dies in the middle of it

	NoReply       bool // the service never answers
	StatusOnly    bool // it says SUCCESS, and no more
	StatusInBody  bool // its status is the content of a message
	InvalidNumber bool // its answer is the error line
	ReportError   bool // a report tells that the request was not delivered
	WrongLocalID  bool // its answer bears another name
	Impostor      bool // somebody else answers in its place, with everybody opted out but a few, then with an error
	Twice         bool // its answer comes twice
	Contradict    bool // two answers come, and differ
	Reorder       bool // the status comes after the answer, others' messages between them
	CutRow        bool // the answer ends within a row
	CutAtRow      bool // the second half of the answer is missing
	Stranger      bool // it names somebody who was not asked about
	RepeatChunk   bool // a chunk's content stands in the answer twice
	CRLF          bool // its rows end with CR LF
	WrongRange    bool // chunks bear another's number
}

// Message is a message of the sandbox.
type Message struct {
	ID, From, To, Workflow, LocalID, Subject, FileName string
	Report                                             bool
	LinkedID, Code                                     string // of a report of an error
	Chunks                                             [][]byte
	Encoding                                           string
	uploading                                          int // chunks expected
	acknowledged                                       bool
}

// Sandbox is the server with its state.
type Sandbox struct {
	URL         string
	OptedOut    map[string]bool // NHS numbers
	ReplyChunk  int             // bytes of a chunk of an answer; 0: one chunk
	PageSize    int             // of the inbox; 0: all
	Now         func() time.Time
	Credentials Credentials

	mu       sync.Mutex
	faults   Faults
	messages []*Message
	sent     []*Message // by the client, in order
	count    int
	nonces   map[string]bool
	refusals []string // why requests were not authorized
	server   *httptest.Server
}

// New starts a sandbox.
func New(now func() time.Time) (*Sandbox, error) {
	s := &Sandbox{OptedOut: map[string]bool{}, Now: now, nonces: map[string]bool{}}
	s.server = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	var err error
	if s.Credentials, s.server.TLS, err = newCredentials(); err != nil {
		return nil, err
	}
	s.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.server.StartTLS()
	s.URL = s.server.URL
	return s, nil
}

// Close ends it.
func (s *Sandbox) Close() { s.server.Close() }

// Fault sets what goes wrong from now on.
func (s *Sandbox) Fault(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
}

// Sent are the messages that the client sent and the sandbox took, in order.
func (s *Sandbox) Sent() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Message
	for _, m := range s.sent {
		all = append(all, *m)
	}
	return all
}

// Waiting are the messages in the client's inbox.
func (s *Sandbox) Waiting() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Message
	for _, m := range s.inbox() {
		all = append(all, *m)
	}
	return all
}

// Refusals are why requests were not authorized.
func (s *Sandbox) Refusals() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.refusals...)
}

// Deliver puts a message into the client's inbox.
func (s *Sandbox) Deliver(m Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deliver(&m)
}

func (s *Sandbox) deliver(m *Message) {
	s.count++
	m.ID, m.To = fmt.Sprintf("2026112319%012d_%06X", s.count, s.count), Mailbox
	if m.From == "" {
		m.From = Service
	}
	s.messages = append(s.messages, m)
}

func (s *Sandbox) inbox() (all []*Message) {
	for _, m := range s.messages {
		if m.To == Mailbox && !m.acknowledged && m.uploading == 0 {
			all = append(all, m)
		}
	}
	return all
}

// authorized checks the signature of a request, apart from how the client makes it.
func (s *Sandbox) authorized(r *http.Request) error {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return errors.New("there is no client certificate")
	}
	parts := strings.Split(strings.TrimPrefix(r.Header.Get("Authorization"), "NHSMESH "), ":")
	if !strings.HasPrefix(r.Header.Get("Authorization"), "NHSMESH ") || len(parts) != 5 {
		return errors.New("the header is not of the form NHSMESH mailbox:nonce:count:time:hash")
	}
	at, err := time.Parse("200601021504", parts[3])
	if err != nil || s.Now().Sub(at).Abs() > 2*time.Hour {
		return errors.New("the time is not now")
	}
	mac := hmac.New(sha256.New, []byte(SharedKey))
	fmt.Fprintf(mac, "%s:%s:%s:%s:%s", parts[0], parts[1], parts[2], Password, parts[3])
	want := hex.EncodeToString(mac.Sum(nil))
	once := parts[1] + ":" + parts[2]
	switch {
	case parts[0] != Mailbox:
		return errors.New("the mailbox is another")
	case len(parts[1]) != 36:
		return errors.New("the nonce is no UUID")
	case parts[4] != want:
		return errors.New("the hash is wrong")
	case s.nonces[once]:
		return errors.New("the nonce and count were used before")
	}
	s.nonces[once] = true
	return nil
}

// take uses a fault up.
func take(n *int) bool {
	if *n > 0 {
		*n--
		return true
	}
	return false
}

func (s *Sandbox) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, "", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.authorized(r); err != nil {
		s.refusals = append(s.refusals, err.Error())
		w.WriteHeader(http.StatusForbidden)
		return
	}
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(path) < 2 || path[0] != "messageexchange" || path[1] != Mailbox {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	path = path[2:]
	if (r.Method == http.MethodGet || r.Method == http.MethodHead) && take(&s.faults.FailGet) {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	switch {
	case len(path) == 0 && r.Method == http.MethodPost:
		if r.Header.Get("Mex-ClientVersion") == "" || r.Header.Get("Mex-OSName") == "" || r.Header.Get("Mex-OSVersion") == "" {
			w.WriteHeader(http.StatusBadRequest)
		}
	case len(path) == 1 && path[0] == "outbox" && r.Method == http.MethodPost:
		s.begin(w, r, body)
	case len(path) == 3 && path[0] == "outbox" && path[1] == "tracking" && r.Method == http.MethodGet:
		s.track(w, path[2])
	case len(path) == 3 && path[0] == "outbox" && r.Method == http.MethodPost:
		s.addChunk(w, r, path[1], path[2], body)
	case len(path) == 1 && path[0] == "inbox" && r.Method == http.MethodGet:
		s.list(w, r)
	case len(path) == 2 && path[0] == "inbox" && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		s.download(w, r, path[1], 1)
	case len(path) == 3 && path[0] == "inbox" && r.Method == http.MethodGet:
		n, _ := strconv.Atoi(path[2])
		s.download(w, r, path[1], n)
	case len(path) == 4 && path[0] == "inbox" && path[2] == "status" && path[3] == "acknowledged" && r.Method == http.MethodPut:
		if m := s.find(path[1]); m != nil {
			m.acknowledged = true
			return
		}
		w.WriteHeader(http.StatusNotFound)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (s *Sandbox) find(id string) *Message {
	for _, m := range s.messages {
		if m.ID == id {
			return m
		}
	}
	return nil
}

// chunk reads a chunk's number and content.
func chunk(r *http.Request, body []byte) (n, of int, content []byte, err error) {
	if _, err := fmt.Sscanf(r.Header.Get("Mex-Chunk-Range"), "%d:%d", &n, &of); err != nil || n < 1 || n > of {
		return 0, 0, nil, errors.New("the chunk range is none")
	}
	switch r.Header.Get("Content-Encoding") {
	case "":
		return n, of, body, nil
	case "gzip":
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return 0, 0, nil, err
		}
		content, err = io.ReadAll(z)
		return n, of, content, err
	}
	return 0, 0, nil, errors.New("the encoding is unknown")
}

func (s *Sandbox) begin(w http.ResponseWriter, r *http.Request, body []byte) {
	n, of, content, err := chunk(r, body)
	h := r.Header
	m := &Message{From: Mailbox, To: h.Get("Mex-To"), Workflow: h.Get("Mex-WorkflowID"), LocalID: h.Get("Mex-LocalID"), Subject: h.Get("Mex-Subject"),
		FileName: h.Get("Mex-FileName"), Encoding: h.Get("Content-Encoding"), Chunks: make([][]byte, of)}
	switch {
	case err != nil || n != 1 || m.To != Service || len(body) == 0:
		w.WriteHeader(http.StatusExpectationFailed)
		return
	case take(&s.faults.RefuseSend):
		w.WriteHeader(http.StatusExpectationFailed)
		return
	case take(&s.faults.FailSend):
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	s.count++
	m.ID = fmt.Sprintf("2026112319%012d_%06X", s.count, s.count)
	m.Chunks[0] = content
	m.uploading = of - 1
	s.messages, s.sent = append(s.messages, m), append(s.sent, m)
	if m.uploading == 0 {
		s.answer(m)
	}
	if take(&s.faults.LoseSendReply) {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(http.StatusAccepted)
	_ = json.NewEncoder(w).Encode(map[string]string{"message_id": m.ID})
}

func (s *Sandbox) addChunk(w http.ResponseWriter, r *http.Request, id, number string, body []byte) {
	n, of, content, err := chunk(r, body)
	m := s.find(id)
	switch {
	case m == nil:
		w.WriteHeader(http.StatusNotFound)
		return
	case m.uploading == 0:
		w.WriteHeader(http.StatusLocked)
		return
	case err != nil || strconv.Itoa(n) != number || of != len(m.Chunks) || m.Encoding != r.Header.Get("Content-Encoding"):
		w.WriteHeader(http.StatusExpectationFailed)
		return
	case take(&s.faults.FailChunk):
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	m.Chunks[n-1] = content
	if n == of { // the last chunk ends the message
		m.uploading = 0
		s.answer(m)
	}
	w.WriteHeader(http.StatusAccepted)
}

func (s *Sandbox) track(w http.ResponseWriter, localID string) {
	var found []*Message
	for _, m := range s.sent {
		if m.LocalID == localID {
			found = append(found, m)
		}
	}
	switch len(found) {
	case 0:
		w.WriteHeader(http.StatusNotFound)
		return
	case 1:
	default:
		w.WriteHeader(http.StatusMultipleChoices)
		return
	}
	status := "Accepted"
	if found[0].uploading > 0 {
		status = "Uploading"
	}
	_ = json.NewEncoder(w).Encode(map[string]string{"messageId": found[0].ID, "localId": localID, "status": status, "statusSuccess": "SUCCESS"})
}

func (s *Sandbox) list(w http.ResponseWriter, r *http.Request) {
	from, _ := strconv.Atoi(r.URL.Query().Get("continue_from"))
	ids := []string{}
	for _, m := range s.inbox() {
		ids = append(ids, m.ID)
	}
	ids = ids[min(from, len(ids)):]
	links := map[string]string{"self": "/messageexchange/" + Mailbox + "/inbox"}
	if s.PageSize > 0 && len(ids) > s.PageSize {
		ids = ids[:s.PageSize]
		links["next"] = fmt.Sprintf("/messageexchange/%s/inbox?continue_from=%d", Mailbox, from+s.PageSize)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"messages": ids, "links": links})
}

func (s *Sandbox) download(w http.ResponseWriter, r *http.Request, id string, n int) {
	m := s.find(id)
	switch {
	case m == nil || m.To != Mailbox:
		w.WriteHeader(http.StatusNotFound)
		return
	case m.acknowledged:
		w.WriteHeader(http.StatusGone)
		return
	case !m.Report && (n < 1 || n > len(m.Chunks)):
		w.WriteHeader(http.StatusNotFound)
		return
	}
	h := w.Header()
	for name, value := range map[string]string{"Mex-From": m.From, "Mex-To": m.To, "Mex-WorkflowID": m.Workflow, "Mex-LocalID": m.LocalID, "Mex-Subject": m.Subject,
		"Mex-FileName": m.FileName, "Mex-MessageID": m.ID, "Mex-LinkedMsgID": m.LinkedID, "Mex-StatusCode": m.Code} {
		if value != "" {
			h.Set(name, value)
		}
	}
	h.Set("Mex-MessageType", "DATA")
	h.Set("Mex-StatusSuccess", "SUCCESS")
	if m.Report {
		h.Set("Mex-MessageType", "REPORT")
		h.Set("Mex-StatusSuccess", "ERROR")
		return
	}
	at := n
	if s.faults.WrongRange {
		at = n%len(m.Chunks) + 1
	}
	h.Set("Mex-Chunk-Range", fmt.Sprintf("%d:%d", at, len(m.Chunks)))
	content := m.Chunks[n-1]
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(content)
		_ = z.Close()
		content = b.Bytes()
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Length", strconv.Itoa(len(content)))
	if n < len(m.Chunks) {
		w.WriteHeader(http.StatusPartialContent)
	}
	if r.Method == http.MethodHead {
		return
	}
	if take(&s.faults.CutDownload) {
		_, _ = w.Write(content[:len(content)/2])
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(content)
}

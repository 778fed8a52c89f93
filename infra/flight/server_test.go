package flight

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	arrowflight "github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
)

// house is a running server with its parts.
type house struct {
	*Server
	gate  *scriptedGate
	desk  *desk
	log   *logText
	addr  string
	roots *x509.CertPool
	ca    []byte // PEM

	mu  sync.Mutex
	now time.Time
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

type logText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// open starts a server. Every test ends by showing that no answer is left.
func open(t testing.TB, limits Limits) *house {
	t.Helper()
	certificate, ca := selfSigned(t)
	h := &house{gate: newScriptedGate(), desk: newDesk(), log: &logText{}, ca: ca, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	h.roots = x509.NewCertPool()
	h.roots.AppendCertsFromPEM(ca)
	server, err := New(Config{
		TLS:      &tls.Config{Certificates: []tls.Certificate{certificate}},
		Sessions: h.desk,
		Gate:     h.gate,
		Log:      slog.New(slog.NewTextHandler(h.log, nil)),
		Now:      h.clock,
		Limits:   limits,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.Server = server
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.addr = listener.Addr().String()
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // at once: tests that drain do so themselves
		_ = server.Shutdown(ctx)
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if t, ok := t.(*testing.T); ok {
			h.gate.waitReleased(t)
		}
	})
	return h
}

func selfSigned(t testing.TB) (tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "gatehouse test"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		DNSNames:              []string{"localhost"},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

type bearer string

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	if b == "" {
		return nil, nil
	}
	if strings.Contains(string(b), " ") {
		return map[string]string{"authorization": string(b)}, nil
	}
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}
func (bearer) RequireTransportSecurity() bool { return true }

// client connects with a token.
func (h *house) client(t testing.TB, token string) *flightsql.Client {
	t.Helper()
	client, err := flightsql.NewClient(h.addr, nil, nil,
		grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(h.roots, "")),
		grpc.WithPerRPCCredentials(bearer(token)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// fetched is the answer that a FlightInfo leads to.
func fetched(ctx context.Context, client *flightsql.Client, info *arrowflight.FlightInfo) (*arrow.Schema, []arrow.RecordBatch, error) {
	reader, err := client.DoGet(ctx, info.Endpoint[0].Ticket)
	if err != nil {
		return nil, nil, err
	}
	defer reader.Release()
	var batches []arrow.RecordBatch
	for reader.Next() {
		batch := reader.RecordBatch()
		batch.Retain()
		batches = append(batches, batch)
	}
	if err := reader.Err(); err != nil {
		return nil, nil, err
	}
	return reader.Schema(), batches, nil
}

// asked runs a question to its end.
func asked(t *testing.T, client *flightsql.Client, sql string) (*arrow.Schema, []arrow.RecordBatch) {
	t.Helper()
	info, err := client.Execute(t.Context(), sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	schema, batches, err := fetched(t.Context(), client, info)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return schema, batches
}

// refused fails unless err has the gRPC code and a text that starts as given
// and holds no secret.
func refused(t *testing.T, err error, code codes.Code, text string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %v %q", code, text)
	}
	if status.Code(err) != code || !strings.HasPrefix(status.Convert(err).Message(), text) {
		t.Errorf("%v %q, want %v %q", status.Code(err), status.Convert(err).Message(), code, text)
	}
	if strings.Contains(err.Error(), "943") {
		t.Errorf("the error shows a data value: %v", err)
	}
}

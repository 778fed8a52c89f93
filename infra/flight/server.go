// Package flight answers researchers' questions over Arrow Flight SQL: TLS,
// bearer tokens, the standard drivers. It turns a token into a principal and a
// message into a question; the workspace decides who may ask and the gate what
// may leave. Nothing here looks into an answer.
//
// A question is decided when it is executed (GetFlightInfo). What may leave is
// held for the principal who asked, and fetched once (DoGet) with a ticket that
// nobody can guess and nobody else can use.
package flight

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	arrowflight "github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Sessions tells who asks and whether they may. workspaces.Service is one.
type Sessions interface {
	// Authenticate gives the principal of a bearer token, or an error of kind
	// KindUnauthenticated.
	Authenticate(ctx context.Context, bearer string) (gatehouse.Principal, error)
	// Enter runs every check that stands before a question. It is called anew for
	// each one, so that a right that was withdrawn ends at once.
	Enter(ctx context.Context, p gatehouse.Principal) (*workspaces.Session, error)
}

// Gate decides what leaves. egress.Gate is one.
type Gate interface {
	// Describe says what a statement would give, without touching data.
	Describe(ctx context.Context, s *workspaces.Session, sql string) (*egress.Shape, error)
	// Ask decides a question; when it returns, the decision is committed. params
	// is nil or one row, in the order of the statement's parameters. Cancelling
	// ctx stops the work and ends the answer's reader.
	Ask(ctx context.Context, s *workspaces.Session, sql string, params arrow.RecordBatch) (*egress.Answer, error)
	// ScratchTables lists the tables that the workspace made for itself.
	ScratchTables(ctx context.Context, s *workspaces.Session) ([]catalog.Table, error)
}

// Limits bound what one client can take of the server. A field that is zero
// takes its default.
type Limits struct {
	Questions     int           // questions of one user that run at once; default 4
	Waiting       int           // questions of one user that wait for their turn; default 16
	SQLBytes      int           // length of a statement; default 256 KiB
	MessageBytes  int           // size of a message from a client; default 4 MiB
	HeldBytes     int64         // answers held in memory for one principal; default 64 MiB
	HeldAnswers   int           // answers of one principal that wait to be fetched; default 32
	AnswerLife    time.Duration // how long an answer waits to be fetched; default 5 minutes
	FetchTime     time.Duration // how long fetching one answer may take; default 30 minutes
	Statements    int           // prepared statements of one principal; default 256
	StatementLife time.Duration // how long an unused prepared statement is kept; default 12 hours
}

func (l Limits) withDefaults() Limits {
	d := Limits{
		Questions: 4, Waiting: 16,
		SQLBytes: 256 << 10, MessageBytes: 4 << 20,
		HeldBytes: 64 << 20, HeldAnswers: 32,
		AnswerLife: 5 * time.Minute, FetchTime: 30 * time.Minute,
		Statements: 256, StatementLife: 12 * time.Hour,
	}
	pick(&l.Questions, d.Questions)
	pick(&l.Waiting, d.Waiting)
	pick(&l.SQLBytes, d.SQLBytes)
	pick(&l.MessageBytes, d.MessageBytes)
	pick(&l.HeldBytes, d.HeldBytes)
	pick(&l.HeldAnswers, d.HeldAnswers)
	pick(&l.AnswerLife, d.AnswerLife)
	pick(&l.FetchTime, d.FetchTime)
	pick(&l.Statements, d.Statements)
	pick(&l.StatementLife, d.StatementLife)
	return l
}

func pick[T comparable](field *T, otherwise T) {
	var zero T
	if *field == zero {
		*field = otherwise
	}
}

// Config is what a server needs.
type Config struct {
	TLS      *tls.Config // with a certificate; at least TLS 1.2 is spoken whatever it says
	Sessions Sessions
	Gate     Gate
	Log      *slog.Logger     // for operators; it may name causes. None: nothing is logged
	Now      func() time.Time // the clock of expiry; default time.Now
	Limits   Limits
}

// Server speaks Flight SQL.
type Server struct {
	grpc     *grpc.Server
	sessions Sessions
	gate     Gate
	log      *slog.Logger
	limits   Limits
	turns    *turns
	holdings *holdings
	closing  atomic.Bool // no new questions
	swept    chan struct{}
	stop     context.CancelFunc // ends the sweeping
}

// New makes a server. It listens to nobody before Serve.
func New(c Config) (*Server, error) {
	if c.Sessions == nil || c.Gate == nil {
		return nil, errors.New("flight: Sessions and Gate are needed")
	}
	if c.TLS == nil || (len(c.TLS.Certificates) == 0 && c.TLS.GetCertificate == nil && c.TLS.GetConfigForClient == nil) {
		return nil, errors.New("flight: TLS with a certificate is needed: tokens never travel in the clear")
	}
	transport := c.TLS.Clone()
	transport.MinVersion = max(transport.MinVersion, tls.VersionTLS12)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	limits := c.Limits.withDefaults()
	sweep, stop := context.WithCancel(context.Background())
	s := &Server{
		sessions: c.Sessions,
		gate:     c.Gate,
		log:      c.Log,
		limits:   limits,
		turns:    newTurns(limits.Questions, limits.Waiting),
		holdings: newHoldings(limits, c.Now),
		swept:    make(chan struct{}),
		stop:     stop,
	}
	s.grpc = grpc.NewServer(
		grpc.Creds(credentials.NewTLS(transport)),
		grpc.ChainUnaryInterceptor(s.unary),
		grpc.ChainStreamInterceptor(s.stream),
		grpc.StatsHandler(connections{}),
		grpc.MaxRecvMsgSize(limits.MessageBytes),
		grpc.MaxConcurrentStreams(64),
		grpc.MaxHeaderListSize(32<<10),
		grpc.ConnectionTimeout(20*time.Second),
		grpc.WriteBufferSize(256<<10),
		grpc.WaitForHandlers(true), // whoever shuts down closes next what they use
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionIdle: 2 * time.Hour,
			Time:              time.Minute,
			Timeout:           20 * time.Second,
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{
			MinTime:             10 * time.Second,
			PermitWithoutStream: true,
		}),
	)
	questions, err := newQuestions(s)
	if err != nil {
		stop()
		return nil, err
	}
	arrowflight.RegisterFlightServiceServer(s.grpc, &front{FlightServer: flightsql.NewFlightServer(questions)})
	go s.sweep(sweep)
	return s, nil
}

// Serve answers on the listener until Shutdown, and closes it. It gives nil
// after Shutdown.
func (s *Server) Serve(l net.Listener) error {
	err := s.grpc.Serve(l)
	if errors.Is(err, grpc.ErrServerStopped) {
		return nil
	}
	return err
}

// Shutdown refuses new questions, lets running ones end and decided answers be
// fetched, and then closes. When ctx ends first, what still runs is cut off and
// ctx's error is given.
func (s *Server) Shutdown(ctx context.Context) error {
	s.closing.Store(true)
	// An answer that was decided a moment ago is about to be fetched over a
	// connection that a graceful stop would close under it.
	fetched, cancel := context.WithTimeout(ctx, 2*time.Second)
	s.holdings.waitFetched(fetched)
	cancel()

	done := make(chan struct{})
	go func() {
		s.grpc.GracefulStop()
		close(done)
	}()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = ctx.Err()
		s.grpc.Stop()
		<-done
	}
	s.stop()
	<-s.swept
	s.holdings.dropAll()
	return err
}

// sweep lets go of what nobody came back for, so that an abandoned answer does
// not keep an engine.
func (s *Server) sweep(ctx context.Context) {
	defer close(s.swept)
	tick := time.NewTicker(15 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.holdings.expire()
		}
	}
}

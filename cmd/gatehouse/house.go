package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/engine"
	"github.com/gatehouse-tre/gatehouse/infra/flight"
	"github.com/gatehouse-tre/gatehouse/infra/identity"
	"github.com/gatehouse-tre/gatehouse/infra/journal"
	"github.com/gatehouse-tre/gatehouse/infra/keys"
	"github.com/gatehouse-tre/gatehouse/infra/notices"
	"github.com/gatehouse-tre/gatehouse/infra/objects"
	"github.com/gatehouse-tre/gatehouse/infra/state"
)

// profilePolicy is what profiles of the catalogue are made under, if nobody names
// another: everybody reads them, and rounded counts are harder to subtract.
const profilePolicy = "nhs"

// drainTime is how long questions under way may take to end at shutdown.
const drainTime = 20 * time.Second

// house is a running installation: engines, services, listeners.
type house struct {
	*installation
	log       *slog.Logger
	engines   *engines
	binders   *engine.Pool
	lobbies   *engine.Pool
	vaults    *engine.Vaults
	gate      *egress.Gate
	requests  *egress.Requests
	profiles  *egress.Profiles
	deliverer *notices.Deliverer
	ca        string // file of the authority that signed the certificate

	flight         *flight.Server
	flightListener net.Listener
	browser        *identity.Browser
	devices        *identity.Devices
	http           *http.Server
	httpListener   net.Listener
}

// newHouse opens what an installation needs to serve, and listens. The journal
// must verify: a house whose past is broken does not open.
func newHouse(ctx context.Context, in *installation, httpAddr, flightAddr string) (*house, error) {
	h := &house{installation: in}
	if err := in.settings.limitMemory(); err != nil {
		return nil, err
	}
	out, err := os.OpenFile(filepath.Join(in.dir, "state", "gatehouse.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, gatehouse.Errorf(gatehouse.CodeStorage, "The log cannot be written.").Because(err)
	}
	h.log = slog.New(slog.NewJSONHandler(out, nil))
	if err := h.checkPast(ctx); err != nil {
		return nil, err
	}
	if h.engines, err = newEngines(in); err != nil {
		return nil, err
	}
	if err := h.compose(httpAddr, flightAddr); err != nil {
		return nil, errors.Join(err, h.stop(ctx))
	}
	if err := errors.Join(h.binders.Ready(ctx), h.lobbies.Ready(ctx)); err != nil {
		return nil, errors.Join(err, h.stop(ctx))
	}
	return h, nil
}

// checkPast verifies the journal's newest checkpoint against the database, and
// records versions whose publication died at its last step. What two custodians had
// approved is done.
func (h *house) checkPast(ctx context.Context) error {
	key, err := h.keys.Verifier(keys.Journal)
	if err != nil {
		return err
	}
	verifier, err := journal.NewVerifier(key)
	if err != nil {
		return err
	}
	if err := h.journal.Check(ctx, h.state.Reader(), verifier); err != nil {
		return err
	}
	public, err := h.keys.Verifier(keys.Manifest)
	if err != nil {
		return err
	}
	if err := catalog.Recover(ctx, h.dir, public, state.Catalogue{DB: h.state}); err != nil {
		return err
	}
	retention := catalog.Retention{Dir: h.dir, Public: public, Store: state.Catalogue{DB: h.state}}
	if err := retention.FinishAll(ctx); err != nil {
		return err
	}
	if err := h.workspaces.SweepPopulations(); err != nil {
		return err
	}
	if err := h.workspaces.FinishJointActs(ctx); err != nil {
		h.log.Error("what two custodians decided could not be done; it is tried again at the next start", "cause", err.Error())
	}
	return nil
}

func (h *house) compose(httpAddr, flightAddr string) error {
	h.binders = h.engines.pool(engine.RoleBinder, 1)
	h.lobbies = h.engines.pool(engine.RoleLobby, 1)
	h.vaults = h.engines.vaults()
	sealer, err := h.keys.Sealer()
	if err != nil {
		return err
	}
	histories := &egress.Histories{Ledger: state.Ledger{DB: h.state}, Sealer: sealer}
	h.gate = &egress.Gate{Histories: histories, Binder: engine.Binders{Pool: h.binders}, Lobby: engine.Lobbies{Pool: h.lobbies}, Vaults: h.vaults,
		Ledger: state.Ledger{DB: h.state}, Policies: h.policies, Versions: h.catalogue, Now: time.Now, Log: h.log}
	h.profiles = &egress.Profiles{Gate: h.gate, Sessions: h.workspaces, Store: state.Profiles{DB: h.state}, Authorizer: h.policy, Policy: profilePolicy, Now: time.Now, Log: h.log}
	store, err := objects.NewFolder(filepath.Join(h.dir, "objects"))
	if err != nil {
		return err
	}
	signer, err := h.keys.Signer(keys.Release)
	if err != nil {
		return err
	}
	if h.requests, err = egress.NewRequests(egress.RequestParts{Store: state.Requests{DB: h.state}, Objects: store, Authorizer: h.policy, Signer: signer, Journal: eventProver{h.state},
		Decisions: state.Ledger{DB: h.state}, Gate: h.gate, Sessions: h.workspaces, Policies: h.policies, Versions: h.catalogue,
		Pseudonyms: h.keys, Proofs: state.Ledger{DB: h.state}, Strangers: h.workspaces.Strangers}); err != nil {
		return err
	}
	cert, ca, err := ownCertificate(h.dir, time.Now())
	if err != nil {
		return err
	}
	h.ca = ca
	secure := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	if h.flight, err = flight.New(flight.Config{TLS: secure, Sessions: h.workspaces, Gate: h.gate, Log: h.log}); err != nil {
		return err
	}
	if h.flightListener, err = listen(flightAddr); err != nil {
		return err
	}
	if err := h.composeNotices(); err != nil {
		return err
	}
	return h.composeWeb(httpAddr, secure)
}

func listen(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, gatehouse.Errorf(gatehouse.CodeConfig, "The address %s cannot be listened on.", addr).Because(err).WithAdvice("Choose a free address, or port 0 for any.")
	}
	return l, nil
}

// eventProver proves that events are in the journal.
type eventProver struct{ db *state.DB }

func (p eventProver) ProveEvent(ctx context.Context, action, subject string) (json.RawMessage, error) {
	proof, err := journal.Proof(ctx, p.db.Reader(), action, subject)
	if err != nil {
		return nil, err
	}
	return json.Marshal(proof)
}

// serve serves until ctx ends, then lets questions under way finish.
func (h *house) serve(ctx context.Context) error {
	group, running := errgroup.WithContext(ctx)
	group.Go(func() error { return h.flight.Serve(h.flightListener) })
	group.Go(func() error {
		if err := h.http.ServeTLS(h.httpListener, "", ""); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		h.deliverer.Run(running)
		return nil
	})
	group.Go(func() error {
		h.sweep(running)
		return nil
	})
	group.Go(func() error {
		h.noticeOverdue(running)
		return nil
	})
	group.Go(func() error {
		h.followWithdrawals(running)
		return nil
	})
	group.Go(func() error {
		h.journalStrangers(running)
		return nil
	})
	group.Go(func() error {
		<-running.Done()
		return h.stop(context.WithoutCancel(ctx))
	})
	return group.Wait()
}

// stop drains the listeners and ends the engines.
func (h *house) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	var errs []error
	if h.http != nil {
		errs = append(errs, h.http.Shutdown(ctx))
	}
	if h.flight != nil {
		errs = append(errs, h.flight.Shutdown(ctx))
	}
	if h.workspaces != nil {
		errs = append(errs, h.workspaces.JournalStrangers(ctx))
	}
	if h.profiles != nil {
		h.profiles.Close()
	}
	if h.gate != nil {
		h.gate.Close()
	}
	if h.vaults != nil {
		errs = append(errs, h.vaults.Close())
	}
	for _, p := range []*engine.Pool{h.binders, h.lobbies} {
		if p != nil {
			errs = append(errs, p.Close())
		}
	}
	if h.engines != nil {
		errs = append(errs, h.engines.close())
	}
	return errors.Join(errs...)
}

func (h *house) httpURL() string   { return "https://" + h.httpListener.Addr().String() }
func (h *house) flightURL() string { return "grpc+tls://" + h.flightListener.Addr().String() }

package main

import (
	"context"
	"crypto/tls"

	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/identity"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/infra/web"
)

func (h *house) lineages() egress.Lineages {
	return egress.Lineages{Catalogue: h.catalogue, Projects: h.workspaces, Store: state.Ledger{DB: h.state}, Authorizer: h.policy}
}

// composeWeb makes the HTTP server.
func (h *house) composeWeb(addr string, secure *tls.Config) error {
	var err error
	if h.httpListener, err = listen(addr); err != nil {
		return err
	}
	config := web.Config{
		Projects: h.workspaces, Requests: h.requests, Catalogue: h.catalogue, Profiles: h.profiles, Codelists: h.codelists, Lineages: h.lineages(), Authorizer: h.policy, Sessions: h.workspaces, Notices: h.notices(), House: h.workspaces, Log: h.log,
		Ready: func(ctx context.Context) error { return h.state.View(ctx, func(*state.Tx) error { return nil }) },
	}
	if h.gate != nil {
		config.Gate = h.gate
	}
	audit, err := h.audit()
	if err != nil {
		return err
	}
	config.Journal = journalAPI{audit}
	provider, err := h.settings.Identity.provider(h.dir, h.httpURL())
	if err != nil {
		return err
	}
	if h.browser, err = identity.NewBrowser(provider, h.workspaces, h.log); err != nil {
		return err
	}
	if h.devices, err = identity.NewDevices(provider, h.workspaces, h.log); err != nil {
		return err
	}
	pages, err := h.site()
	if err != nil {
		return err
	}
	config.People, config.Devices = h.workspaces, h.devices
	h.http = web.NewServer(config, secure)
	h.http.Handler = frontDoor(h.http.Handler, h.browser.Handler(), pages)
	return nil
}

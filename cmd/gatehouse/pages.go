package main

import (
	"net/http"
	"os"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/docs"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/notices"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/infra/web/site"
)

// site is the handler of the pages. It learns who is signed in from
// h.browser.Principal, by the cookie of a session and by nothing else.
func (h *house) site() (http.Handler, error) {
	ca, err := os.ReadFile(h.ca)
	if err != nil {
		return nil, gatehouse.Errorf(gatehouse.CodeConfig, "The certificate authority's file cannot be read.").Because(err)
	}
	audit, err := h.audit()
	if err != nil {
		return nil, err
	}
	drawn, err := h.engines.documents()
	if err != nil {
		return nil, err
	}
	pages, err := site.New(site.Config{
		SignIn: h.browser, Projects: h.workspaces, Requests: h.requests, Catalogue: h.catalogue, Profiles: h.profiles, Codelists: h.codelists, Lineages: h.lineages(), Authorizer: h.policy,
		Questions: egress.Questions{Store: state.Ledger{DB: h.state}, Authorizer: h.policy},
		Journal:   auditing{h.installation, audit}, VerifyJournal: docs.VerifyJournal, Operations: operating{h},
		Documents: drawn, Notices: h.notices(), Describe: notices.Describe,
		Flight: h.flightURL(), CA: string(ca), Log: h.log,
	})
	if err != nil {
		return nil, err
	}
	h.browser.Refused = pages.Refused
	return pages, nil
}

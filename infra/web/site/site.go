// Package site is the pages of Gatehouse for people: rendered on the server,
// usable without JavaScript, and loading nothing from elsewhere. Pages show what
// the domain services tell this reader and hand them what the reader asks for;
// they decide nothing. Which buttons stand on a page is a courtesy: the services
// refuse what may not be done, whatever was on the page.
package site

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// SignIn tells who is signed in.
type SignIn interface {
	// Principal gives who sent the request, by their session; an error that is
	// CodeUnauthenticated for nobody.
	Principal(r *http.Request) (gatehouse.Principal, error)
}

// Catalogue gives every published version whose manifest verifies, and an error
// for those that do not.
type Catalogue interface {
	List(ctx context.Context) ([]catalog.Version, error)
}

// Config is what the site is made of.
type Config struct {
	SignIn     SignIn
	Projects   *workspaces.Service
	Requests   *egress.Requests
	Catalogue  Catalogue
	Codelists  Codelists         // nil: there are none
	Lineages   Lineages          // nil: pages show no lineage
	Profiles   Profiles          // nil: pages show no profiles
	Authorizer egress.Authorizer // for the catalogue, and for which links to show
	Questions  Questions
	Journal    Journal
	// VerifyJournal is the program that checks the journal's proofs without
	// Gatehouse, in Python; nil: it is not handed out.
	VerifyJournal []byte
	Operations    Operations
	Notices       *workspaces.Notices
	Documents     Documents // draws pages of PDF; nil: they are downloaded
	// Describe says what a notice tells, and the path of the page that it leads to.
	Describe func(workspaces.KeptNotice) (text, path string)
	Flight   string // where notebooks connect, such as grpc+tls://gatehouse.example:9413
	CA       string // the certificate that notebooks trust, PEM; "" where it is one that machines know
	Log      *slog.Logger
	Now      func() time.Time // nil: time.Now
}

type server struct {
	Config
	pages   map[string]*page
	assets  assets
	reading chan struct{} // bounds the files held in memory for a viewer
	works   works
}

// Site is the handler of every page.
type Site struct {
	http.Handler
	pages *server
}

// Refused answers for a sign-in that failed, as a page like the others.
func (s *Site) Refused(w http.ResponseWriter, r *http.Request, status int, err *gatehouse.Error) {
	s.pages.headers(w.Header())
	s.pages.open(func(v *visit) error {
		p := &problem{Error: err, Status: status, Request: v.id}
		v.render(status, "error", "You are not signed in", p)
		return nil
	})(w, r)
}

// New makes the site.
func New(c Config) (*Site, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	s := &server{Config: c, reading: make(chan struct{}, 4)}
	var err error
	if s.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	if s.pages, err = s.loadPages(); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /assets/{hash}/{path...}", s.serveAsset)
	mux.HandleFunc("GET /{$}", s.open(s.home))
	s.routeProjects(mux)
	s.routeWorkspaces(mux)
	s.routeDatasets(mux)
	s.routeRequests(mux)
	s.routeReview(mux)
	s.routeReleases(mux)
	s.routeRegister(mux)
	s.routeJournal(mux)
	s.routeOperations(mux)
	s.routeMe(mux)
	s.routePeople(mux)
	s.routeAppointments(mux)
	s.routeWork(mux)
	mux.HandleFunc("/", s.open(func(v *visit) error {
		return gatehouse.Errorf(gatehouse.CodeNotFound, "There is no such page.")
	}))
	return &Site{Handler: s.protect(mux), pages: s}, nil
}

// Package web is the HTTP API of Gatehouse, and a client of it. Its description,
// OpenAPI 3.1, is generated from the handlers and served at /openapi.json and
// /openapi.yaml. Nothing about who acts, how many approvals there are, or which
// limits hold is ever taken from a request.
package web

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/workspaces"
	"github.com/gatehouse-tre/gatehouse/workspaces/strangers"
)

// Projects is what the API shows of projects and workspaces, and who is who.
type Projects interface {
	// Authenticate gives the principal of a bearer token, or GH-101.
	Authenticate(ctx context.Context, token string) (gatehouse.Principal, error)
	Projects(ctx context.Context, p gatehouse.Principal) ([]workspaces.Project, error)
	Project(ctx context.Context, p gatehouse.Principal, id string) (workspaces.Project, error)
	Workspaces(ctx context.Context, p gatehouse.Principal) ([]workspaces.Workspace, error)
	// Recalls gives the recalled versions of a dataset.
	Recalls(ctx context.Context, p gatehouse.Principal, dataset string) ([]catalog.Recall, error)
	// MoveCatalogue has the catalogue ask about another version of a dataset.
	MoveCatalogue(ctx context.Context, p gatehouse.Principal, dataset string, number int) error
	Applications
	Adjustments
	ProjectDocuments
}

// Catalogue gives every published version whose manifest verifies, and an error
// for those that do not.
type Catalogue interface {
	List(ctx context.Context) ([]catalog.Version, error)
}

// Config is what the API is made of.
type Config struct {
	Projects   Projects
	Requests   *egress.Requests
	Catalogue  Catalogue
	Codelists  Codelists
	Lineages   Lineages
	Profiles   Profiles          // what the catalogue shows of variables
	Authorizer egress.Authorizer // for the catalogue; the services have their own
	Sessions   egress.Sessions   // lets people into their workspace, to have a question explained
	Gate       Gate              // explains questions
	Notices    *workspaces.Notices
	People     People  // who is signed in
	House      House   // who may sign in, and as what
	Devices    Devices // signs in on the command line
	Journal    Journal // nil: it is not shown
	Ready      func(context.Context) error
	Log        *slog.Logger
}

// Times that a connection may take. Uploads and downloads have longer ones.
const (
	headerTime   = 10 * time.Second
	bodyTime     = 15 * time.Second
	answerTime   = time.Minute
	transferTime = 30 * time.Minute
	idleTime     = 2 * time.Minute
)

// NewServer makes a server of New's handler. It speaks TLS alone.
func NewServer(c Config, secure *tls.Config) *http.Server {
	secure = secure.Clone()
	secure.NextProtos = []string{"h2", "http/1.1"}
	return &http.Server{
		Handler: New(c), TLSConfig: secure,
		ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: 64 << 10,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context { return strangers.From(ctx, c.RemoteAddr()) },
		ErrorLog:    slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug),
	}
}

// New makes the handler of the whole API.
func New(c Config) http.Handler {
	mux := http.NewServeMux()
	s := &server{Config: c, explaining: make(chan struct{}, mostExplained)}
	api := s.describe(mux)
	serveDescription(mux, api)
	return s.protect(mux)
}

// Description is the API's OpenAPI document, as it is served.
func Description() ([]byte, error) {
	return (&server{}).describe(http.NewServeMux()).OpenAPI().MarshalJSON()
}

type server struct {
	Config
	explaining chan struct{}
}

// describe registers every operation.
func (s *server) describe(mux *http.ServeMux) huma.API {
	config := huma.DefaultConfig("Gatehouse", "1")
	config.Info.Description = "Requests to take files out of a trusted research environment, their review and release, the projects and datasets behind them, and how the gate would judge a question."
	config.Info.License = &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"}
	// The description is served by serveDescription; pages that fetch scripts from
	// elsewhere, and links to schemas in every answer, are left out.
	config.OpenAPIPath, config.DocsPath, config.SchemasPath, config.CreateHooks = "", "", "", nil
	config.RejectUnknownQueryParameters = true
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer": {Type: "http", Scheme: "bearer", Description: "A token of Gatehouse, made for a person or for a workspace."},
	}
	api := humago.New(mux, config)
	api.UseMiddleware(s.authenticate)
	s.describeHealth(api)
	s.describeProjects(api)
	s.describeSignIn(api)
	s.describeHouse(api)
	s.describeExplain(api)
	s.describeRequests(api)
	s.describeFiles(api)
	s.describeReviews(api)
	s.describeReleases(api)
	s.describeJournal(api)
	s.describeNotices(api)
	s.describeProfiles(api)
	s.describeMetadata(api)
	s.describeCodelists(api)
	s.describeLineage(api)
	return api
}

// serveDescription writes the description once, for all.
func serveDescription(mux *http.ServeMux, api huma.API) {
	inJSON, err := api.OpenAPI().MarshalJSON()
	if err != nil {
		panic("web: the description cannot be written") // found by the test that compares it with docs/api
	}
	inYAML, err := api.OpenAPI().YAML()
	if err != nil {
		panic("web: the description cannot be written")
	}
	for path, content := range map[string][]byte{"/openapi.json": inJSON, "/openapi.yaml": inYAML} {
		kind := "application/openapi+json"
		if path == "/openapi.yaml" {
			kind = "application/openapi+yaml"
		}
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			_, _ = w.Write(content) // the client may have gone
		})
	}
}

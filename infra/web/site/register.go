package site

import (
	"net/http"

	"github.com/gatehouse-tre/gatehouse/infra/web"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func (s *server) routeRegister(mux *http.ServeMux) {
	mux.HandleFunc("GET /register", s.open(s.showRegister))
	mux.HandleFunc("GET /ca.pem", s.certificate)
}

// showRegister is for the public.
func (s *server) showRegister(v *visit) error {
	projects, err := v.Projects.Register(v.r.Context())
	if err != nil {
		return err
	}
	versions, err := v.Catalogue.List(v.r.Context())
	if err != nil {
		v.Log.ErrorContext(v.r.Context(), "some versions do not verify and are not in the register", "cause", err, "request", v.id)
	}
	v.render(http.StatusOK, "register", "Register of projects, datasets and releases", map[string]any{
		"Projects": projects, "Datasets": web.PublicDatasets(versions), "Applies": workspaces.BasisApplies,
	})
	return nil
}

// certificate gives the authority that signed the server's certificate; it is
// public, and notebooks need it.
func (s *server) certificate(w http.ResponseWriter, r *http.Request) {
	if s.CA == "" {
		s.open(notThere)(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/x-pem-file")
	w.Header().Set("Content-Disposition", `attachment; filename="gatehouse-ca.pem"`)
	_, _ = w.Write([]byte(s.CA)) // the client may have gone
}

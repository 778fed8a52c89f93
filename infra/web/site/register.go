package site

import "net/http"

func (s *server) routeRegister(mux *http.ServeMux) {
	mux.HandleFunc("GET /ca.pem", s.certificate)
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

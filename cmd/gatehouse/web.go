package main

import (
	"crypto/tls"
	"net/http"
	"time"
)

// composeWeb makes the HTTP server.
func (h *house) composeWeb(addr string, secure *tls.Config) error {
	var err error
	if h.httpListener, err = listen(addr); err != nil {
		return err
	}
	h.http = &http.Server{Handler: http.NotFoundHandler(), TLSConfig: secure.Clone(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	return nil
}

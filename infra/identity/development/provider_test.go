package development

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
)

// elsewhere listens where others can reach it, or says so.
type elsewhere struct {
	net.Listener
	at net.Addr
}

func (e elsewhere) Addr() net.Addr { return e.at }

// Whoever reaches this provider can be anybody, so only its own machine does.
func TestNobodyElseReachesTheProvider(t *testing.T) {
	for _, ip := range []string{"0.0.0.0", "::", "192.0.2.1", "10.0.0.1", "::ffff:192.0.2.1", "2001:db8::1"} {
		l := elsewhere{at: &net.TCPAddr{IP: net.ParseIP(ip), Port: 443}}
		if _, err := Start(Options{Listener: l, TLS: &tls.Config{}, RedirectURL: "https://127.0.0.1/sign-in/callback"}); gatehouse.CodeOf(err) != gatehouse.CodeConfig {
			t.Errorf("it listens on %s: %v", ip, err)
		}
	}
	handler, err := newHandler("https://127.0.0.1:8444", Options{ClientID: "x", ClientSecret: "y", RedirectURL: "https://127.0.0.1:8443/sign-in/callback"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		from, host string
		status     int
	}{
		{"127.0.0.1:1234", "127.0.0.1:8444", http.StatusOK},
		{"[::1]:1234", "localhost:8444", http.StatusOK},
		{"[::ffff:127.0.0.1]:1234", "[::1]:8444", http.StatusOK},
		{"192.0.2.1:1234", "127.0.0.1:8444", http.StatusForbidden},
		{"[2001:db8::1]:1234", "localhost:8444", http.StatusForbidden},
		{"", "127.0.0.1:8444", http.StatusForbidden},
		{"127.0.0.1:1234", "rebound.example:8444", http.StatusForbidden},
		{"127.0.0.1:1234", "localhost.example:8444", http.StatusForbidden},
		{"127.0.0.1:1234", "192.0.2.1:8444", http.StatusForbidden},
		{"127.0.0.1:1234", "localhost", http.StatusForbidden},
	} {
		for _, path := range []string{"/.well-known/openid-configuration", accountsPath, devicePath} {
			r := httptest.NewRequest("GET", path, nil)
			r.RemoteAddr, r.Host = c.from, c.host
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Code != c.status {
				t.Errorf("%s of %s from %q: %d, want %d", path, c.host, c.from, w.Code, c.status)
			}
		}
	}
}

package web_test

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse/workspaces/strangers"
)

// Whoever tries tokens and download links that are none is soon told to wait, and
// nobody else is; the journal is told of them in a few events and one.
func TestStrangersAreToldToWait(t *testing.T) {
	s := newSite(t)
	try := func(path, token string) (int, http.Header) {
		req, err := http.NewRequest(http.MethodGet, s.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		req.Header.Set("X-Forwarded-For", "203.0.113."+strconv.Itoa(len(token)%250)) // says nothing to anybody
		resp, err := s.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode, resp.Header
	}
	for _, entrance := range []struct {
		name, path string
		token      func(int) string
		first      int
	}{
		{"tokens", "/v1/projects", func(i int) string { return "gatehouse_" + strings.Repeat("x", i%40) }, http.StatusUnauthorized},
		{"download links", "/v1/downloads/", nil, http.StatusNotFound},
	} {
		t.Run(entrance.name, func(t *testing.T) {
			statuses := map[int]int{}
			for i := range 100 {
				path, token := entrance.path, ""
				if entrance.token != nil {
					token = entrance.token(i)
				} else {
					path += fmt.Sprintf("%043d", i)
				}
				status, header := try(path, token)
				statuses[status]++
				if wait, err := strconv.Atoi(header.Get("Retry-After")); (status == http.StatusTooManyRequests) != (err == nil && wait >= 1) {
					t.Fatalf("%d with Retry-After %q", status, header.Get("Retry-After"))
				}
				if entrance.token != nil && status == http.StatusUnauthorized && header.Get("WWW-Authenticate") == "" {
					t.Error("401 does not say how to sign in")
				}
			}
			if statuses[entrance.first] != strangers.EachBurst || statuses[http.StatusTooManyRequests] != 100-strangers.EachBurst {
				t.Errorf("answers %v", statuses)
			}
			if status, _, body := s.send("ada", http.MethodGet, "/v1/projects", ""); status != http.StatusOK {
				t.Errorf("somebody with a token is answered %d %s", status, body)
			}
		})
	}
}

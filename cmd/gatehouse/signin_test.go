package main

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// The API takes tokens and no cookies; the pages take cookies and no tokens.
func TestTheDoorsTakeTheirOwnCredentialsOnly(t *testing.T) {
	d := newDesk(t)
	in, err := openInstallation(t.Context(), d.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer in.close()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	in.workspaces.Factors = workspaces.Factors{Any: true}
	who := workspaces.Authenticated{Identity: workspaces.Identity{Issuer: "https://login.example.org", Subject: "1"}}
	must(in.workspaces.LinkIdentity(t.Context(), workspaces.System, "ada", who.Identity))
	cookie, _, err := in.workspaces.SignIn(t.Context(), who, workspaces.SignInBrowser, "")
	must(err)
	session, _, err := in.workspaces.SignIn(t.Context(), who, workspaces.SignInDevice, "")
	must(err)
	text, err := os.ReadFile(d.tokens["ada"])
	must(err)
	token := strings.TrimSpace(string(text))

	ca, err := os.ReadFile(d.ca)
	must(err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	send := func(method, path string, header ...string) (int, string) {
		t.Helper()
		req, err := http.NewRequest(method, d.url+path, nil)
		must(err)
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		resp, err := client.Do(req)
		must(err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		must(err)
		return resp.StatusCode, string(body)
	}
	const name = "__Host-gatehouse-session="
	for _, c := range []struct {
		what           string
		header         []string
		api, signedOut bool
	}{
		{"a token", []string{"Authorization", "Bearer " + token}, true, true},
		{"a command line's session", []string{"Authorization", "Bearer " + session}, true, true},
		{"a browser's session", []string{"Cookie", name + cookie}, false, false},
		{"nothing", nil, false, true},
		{"the cookie as a token", []string{"Authorization", "Bearer " + cookie}, false, true},
		{"a token as the cookie", []string{"Cookie", name + token}, false, true},
		{"a command line's session as the cookie", []string{"Cookie", name + session}, false, true},
	} {
		if status, body := send("GET", "/v1/me", c.header...); (status == http.StatusOK) != c.api || !c.api && status != http.StatusUnauthorized {
			t.Errorf("%s at the API: %d %s", c.what, status, body)
		}
		if status, body := send("GET", "/projects", c.header...); (status == http.StatusOK && !strings.Contains(body, "/sign-in")) == c.signedOut {
			t.Errorf("%s at a page: %d %.300s", c.what, status, body)
		}
	}
	for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://elsewhere.example"}} {
		for _, path := range []string{"/sign-out", "/projects"} {
			if status, _ := send("POST", path, append(header, "Cookie", name+cookie)...); status != http.StatusForbidden {
				t.Errorf("%v to %s: %d", header, path, status)
			}
		}
	}
	if status, body := send("GET", "/sign-in"); status != http.StatusServiceUnavailable || !strings.Contains(body, "GH-120") {
		t.Errorf("signing in where it is not configured: %d %s", status, body)
	}
	if status, body := send("POST", "/v1/sign-in"); status != http.StatusServiceUnavailable || !strings.Contains(body, "GH-120") {
		t.Errorf("and on the command line: %d %s", status, body)
	}
	if status, _ := send("DELETE", "/v1/session", "Authorization", "Bearer "+session); status != http.StatusNoContent {
		t.Errorf("signing out: %d", status)
	}
	if status, body := send("GET", "/v1/me", "Authorization", "Bearer "+session); status != http.StatusUnauthorized || !strings.Contains(body, "GH-126") {
		t.Errorf("after it: %d %s", status, body)
	}
}

func TestSettingsThatWouldLetAnybodyOrNobodyInAreRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "house")
	if err := initialise(dir, settings{MaxListAge: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(settingsFile(dir)); err != nil || strings.Contains(string(text), "identity") {
		t.Errorf("settings without identity are written as %s, %v", text, err)
	}
	const whole = "issuer: https://login.example.org, client_id: gatehouse, public_url: https://tre.example.org"
	for text, want := range map[string]gatehouse.Code{
		"": "",
		whole + ", require_amr: [mfa], client_secret_file: secret":                                 "",
		whole + ", require_acr: [gold, silver]":                                                    "",
		whole + ", any_factor: true":                                                               "",
		whole:                                                                                      gatehouse.CodeConfig,
		whole + ", require_amr: []":                                                                gatehouse.CodeConfig,
		whole + ", require_amr: [mfa], any_factor: true":                                           gatehouse.CodeConfig,
		whole + ", any_factor: true, session_life: 48h":                                            gatehouse.CodeConfig,
		whole + ", any_factor: true, session_idle: 1s":                                             gatehouse.CodeConfig,
		whole + ", any_factor: true, client_secret_file: missing":                                  gatehouse.CodeConfig,
		whole + ", any_factor: true, client_secret_file: empty":                                    gatehouse.CodeConfig,
		whole + ", any_factor: true, ca_file: secret":                                              gatehouse.CodeConfig,
		whole + ", any_factor: true, client_secret: in the open":                                   gatehouse.CodeConfig,
		"issuer: https://login.example.org, any_factor: true, public_url: https://tre.example.org": gatehouse.CodeConfig,
		"issuer: http://login.example.org, client_id: x, any_factor: true, public_url: https://tre.example.org":       gatehouse.CodeConfig,
		"issuer: https://login.example.org, client_id: x, any_factor: true, public_url: http://tre.example.org":       gatehouse.CodeConfig,
		"issuer: https://login.example.org, client_id: x, any_factor: true, public_url: https://tre.example.org/path": gatehouse.CodeConfig,
	} {
		for name, content := range map[string]string{"gatehouse.yaml": "max_list_age: 1h\nidentity: {" + text + "}\n", "secret": "s", "empty": " \n"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s, err := readSettings(dir)
		if err == nil {
			err = s.Identity.check()
		}
		if err == nil {
			_, err = s.Identity.provider(dir, "https://127.0.0.1:8443")
		}
		if (want == "") != (err == nil) || err != nil && gatehouse.CodeOf(err) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestASessionThatOthersCanReadIsNotUsed(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("GATEHOUSE_TOKEN", "")
	kept := keptLogin{Server: "https://tre.example.org:8443", Token: "gatehouse-session_x", User: "ada"}
	if err := kept.save(); err != nil {
		t.Fatal(err)
	}
	for _, server := range []string{"", kept.Server} {
		if found, err := findLogin(server); err != nil || found != kept {
			t.Errorf("%q: %+v, %v", server, found, err)
		}
	}
	for _, other := range []string{"https://tre.example.org", "https://tre.example.org:8444", "https://evil.example"} {
		if _, err := findLogin(other); gatehouse.CodeOf(err) != gatehouse.CodeUnauthenticated {
			t.Errorf("at %s: %v", other, err)
		}
	}
	path, err := loginFile(kept.Server)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v, %v", info.Mode(), err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := findLogin(kept.Server); gatehouse.CodeOf(err) != gatehouse.CodeConfig || !strings.Contains(err.Error(), "Others can read") {
		t.Errorf("readable by others: %v", err)
	}
	second := kept
	second.Server = "https://other.example.org"
	if err := second.save(); err != nil {
		t.Fatal(err)
	}
	if _, err := findLogin(""); gatehouse.CodeOf(err) != gatehouse.CodeConfig || !strings.Contains(err.Error(), "several") {
		t.Errorf("two servers, and none named: %v", err)
	}
	if err := second.forget(); err != nil {
		t.Fatal(err)
	}
	if _, err := findLogin(second.Server); gatehouse.CodeOf(err) != gatehouse.CodeUnauthenticated {
		t.Errorf("forgotten: %v", err)
	}
}

func TestTheDemonstrationsProviderFollowsItsAddress(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "house")
	if err := initialise(dir, settings{MaxListAge: time.Hour}); err != nil {
		t.Fatal(err)
	}
	in, err := openInstallation(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer in.close()
	if err := (&demo{}).enrol(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	for _, issuer := range []string{"https://127.0.0.1:1", "https://127.0.0.1:1", "https://127.0.0.1:2"} {
		if err := linkDemo(t.Context(), in, issuer); err != nil {
			t.Fatal(err)
		}
		for user, want := range map[string]int{"researcher": 2, "lead": 1, "operator": 1} {
			held, err := in.workspaces.Identities(t.Context(), workspaces.System, user)
			if err != nil || len(held) != want || held[0].Issuer != issuer {
				t.Errorf("at %s %s has %v, %v", issuer, user, held, err)
			}
		}
	}
	if accounts := demoAccounts(); len(accounts) != len(demoRoles)+len(demoMembers)+2 {
		t.Errorf("there are %d accounts", len(accounts))
	}
}

package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var toConfirm = regexp.MustCompile(`(?s)Open +(https://\S+)\nCompare +(\S+)\n`)

// confirm ACCOUNT FILE: what a person does in a browser for the `gatehouse login`
// whose output goes to FILE: open the page and choose an account of the
// demonstration's provider ("nobody" says that they did not begin it).
func confirmCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: confirm ACCOUNT FILE")
	}
	in := installed(ts)
	account, known := in.ready.Accounts[args[0]]
	if !known && args[0] != "nobody" {
		ts.Fatalf("the demonstration has no account %s", args[0])
	}
	var said []string
	late := time.After(readyWithin)
	for look := time.NewTicker(20 * time.Millisecond); said == nil; {
		select {
		case <-late:
			ts.Fatalf("gatehouse login shows no code")
		case <-look.C:
			text, _ := os.ReadFile(ts.MkAbs(args[1]))
			said = toConfirm.FindStringSubmatch(string(text))
		}
	}
	ts.Check(in.post(said[1], url.Values{"code": {said[2]}, "account": {account}}))
}

// post sends a form as a browser that trusts the installation.
func (in *installation) post(address string, form url.Values) error {
	ca, err := os.ReadFile(in.ready.CA)
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport, Timeout: time.Minute}).PostForm(address, form)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s\n%s", address, resp.Status, body)
	}
	return err
}

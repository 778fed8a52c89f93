package main

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/keys"
	"github.com/gatehouse-tre/gatehouse/infra/objects"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// desk is an installation that serves requests, with a terminal for each person.
type desk struct {
	t          *testing.T
	dir, work  string
	url, ca    string
	tokens     map[string]string // files, by user
	releasePub string
	journalPub string
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	d := &desk{t: t, dir: t.TempDir(), work: t.TempDir(), tokens: map[string]string{}}
	must(initialise(d.dir, settings{MaxListAge: time.Hour}))
	in, err := openInstallation(t.Context(), d.dir)
	must(err)
	t.Cleanup(func() { in.close() })
	ctx := t.Context()
	roles := map[string]gatehouse.Role{"chris": gatehouse.RoleChecker, "chloe": gatehouse.RoleChecker, "cora": gatehouse.RoleCustodian, "ada": "", "bob": ""}
	must(state.Workspaces(in.state).Update(ctx, func(tx workspaces.Tx) error {
		var errs []error
		for user, role := range roles {
			errs = append(errs, tx.AddUser(ctx, user))
			if role != "" {
				errs = append(errs, tx.GrantRole(ctx, user, role))
			}
		}
		for id, member := range map[string]string{"diabetes": "ada", "asthma": "bob"} {
			errs = append(errs, tx.AddProject(ctx, workspaces.Project{
				ID: id, Title: "T", Purpose: "P", State: workspaces.ProjectActive, Policy: "sdap", OptOutBasis: workspaces.BasisApplies,
				Expires: time.Now().AddDate(1, 0, 0), CreatedBy: member, ApprovedBy: "cora", Version: 1,
				Members: []workspaces.Member{{User: member, Role: gatehouse.RoleResearcher, TrainingUntil: time.Now().AddDate(1, 0, 0), Agreement: 1, AgreementUntil: time.Now().AddDate(1, 0, 0)}},
			}))
		}
		return errors.Join(errs...)
	}))
	for user := range roles {
		token, err := in.workspaces.IssueHouseToken(ctx, workspaces.System, user, time.Hour)
		must(err)
		d.tokens[user] = filepath.Join(d.work, user+".token")
		must(os.WriteFile(d.tokens[user], []byte(token+"\n"), 0o600))
	}
	h := &house{installation: in, log: slog.New(slog.DiscardHandler), engines: &engines{log: io.Discard}}
	store, err := objects.NewFolder(filepath.Join(d.dir, "objects"))
	must(err)
	signer, err := in.keys.Signer(keys.Release)
	must(err)
	h.requests, err = egress.NewRequests(egress.RequestParts{Store: state.Requests{DB: in.state}, Objects: store, Authorizer: in.policy, Signer: signer, Journal: eventProver{in.state}})
	must(err)
	cert, ca, err := ownCertificate(d.dir, time.Now())
	must(err)
	h.ca = ca
	h.flightListener, err = listen("127.0.0.1:0") // pages name its address
	must(err)
	t.Cleanup(func() { h.flightListener.Close() })
	must(h.composeWeb("127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}))
	served := make(chan error, 1)
	go func() { served <- h.http.ServeTLS(h.httpListener, "", "") }()
	t.Cleanup(func() {
		h.http.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	d.url, d.ca = h.httpURL(), ca
	d.releasePub, d.journalPub = filepath.Join(d.dir, "keys", "release.pub.pem"), filepath.Join(d.dir, "keys", "journal.pub.pem")
	return d
}

// run runs a command and gives what it printed and its error.
func (d *desk) run(args ...string) (stdout, stderr string, err error) {
	var out, progress bytes.Buffer
	root := newRootCommand()
	root.SetOut(&out)
	root.SetErr(&progress)
	root.SetArgs(args)
	err = root.ExecuteContext(d.t.Context())
	return out.String(), progress.String(), err
}

// as runs a request command as a user, and fails the test if it fails.
func (d *desk) as(user string, args ...string) string {
	d.t.Helper()
	out, progress, err := d.try(user, args...)
	if err != nil {
		d.t.Fatalf("request %v: %v\n%s", args, err, progress)
	}
	return strings.TrimSpace(out)
}

func (d *desk) try(user string, args ...string) (stdout, stderr string, err error) {
	return d.run(append([]string{"request", "--server", d.url, "--ca", d.ca, "--token-file", d.tokens[user]}, args...)...)
}

// refused fails the test unless a user's command fails with the code.
func (d *desk) refused(code gatehouse.Code, user string, args ...string) {
	d.t.Helper()
	out, _, err := d.try(user, args...)
	if err == nil || gatehouse.CodeOf(err) != code {
		d.t.Errorf("request %v as %s: %v, want %s; it printed %s", args, user, err, code, out)
	}
}

func (d *desk) file(name, content string) string {
	d.t.Helper()
	path := filepath.Join(d.work, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		d.t.Fatal(err)
	}
	return path
}

var explained = []string{"--what", "counts", "--population", "adults", "--dates", "2024", "--people", "see the counts", "--controls", "k = 10"}

func TestARequestOnTheCommandLine(t *testing.T) {
	d := newDesk(t)
	good, small := d.file("table 1.csv", "region,patients\nLondon,120\n"), d.file("table2.csv", "region,patients\nWales,3\n")
	id := d.as("ada", "create", "--project", "diabetes", "--title", "Admissions", good, small)
	if !strings.HasPrefix(id, "req_") || strings.Contains(id, "\n") {
		t.Fatalf("create printed %q", id)
	}
	d.refused(gatehouse.CodeRequestInvalid, "ada", "submit", id)
	d.refused(gatehouse.CodeNotFound, "chris", "show", id)
	d.as("ada", append([]string{"submit", id}, explained...)...)

	// The wrong people.
	d.refused(gatehouse.CodeDenied, "ada", "review", id, "--approve-all")
	d.refused(gatehouse.CodeDenied, "cora", "review", id, "--approve-all")
	d.refused(gatehouse.CodeNotFound, "bob", "review", id, "--approve", "table 1.csv")
	d.refused(gatehouse.CodeNotFound, "bob", "show", id)

	if list := d.as("chris", "list", "--state", "submitted"); !strings.Contains(list, id) {
		t.Errorf("the queue does not have it:\n%s", list)
	}
	shown := d.as("chris", "show", id)
	for _, line := range []string{"population  adults", "submitted, the checkers' turn", "line 2 column 2: A count is below the threshold", "0 of 2 votes"} {
		if !strings.Contains(shown, line) {
			t.Errorf("show does not say %q:\n%s", line, shown)
		}
	}
	look := filepath.Join(d.work, "look.csv")
	d.as("chris", "file", id, "table 1.csv", "--output", look)
	if content, err := os.ReadFile(look); err != nil || string(content) != "region,patients\nLondon,120\n" {
		t.Errorf("%q, %v", content, err)
	}
	d.refused(gatehouse.CodeConflict, "chris", "file", id, "table 1.csv", "--output", look)

	d.refused(gatehouse.CodeRequestInvalid, "chris", "review", id, "--reject", "table2.csv")
	d.as("chris", "review", id, "--approve", "table 1.csv", "--reject", "table2.csv", "--comment", "a count below 10")
	d.refused(gatehouse.CodeSeparation, "chris", "review", id, "--approve", "table 1.csv")
	if shown := d.as("chloe", "show", id); strings.Contains(shown, "chris") || strings.Contains(shown, "below 10") {
		t.Errorf("chloe sees what chris voted:\n%s", shown)
	}
	d.refused(gatehouse.CodeRequestState, "chloe", "release", id)
	d.as("chloe", "review", id, "--approve", "table 1.csv", "--reject", "table2.csv", "--comment", "three people")
	d.refused(gatehouse.CodeDenied, "ada", "release", id)
	release := d.as("chloe", "release", id)

	bundle := filepath.Join(d.work, "bundle.zip")
	d.refused(gatehouse.CodeDenied, "chris", "download", release, "--output", filepath.Join(d.work, "no.zip"))
	d.refused(gatehouse.CodeNotFound, "bob", "download", release, "--output", filepath.Join(d.work, "no.zip"))
	d.as("ada", "download", id, "--output", bundle)
	if _, err := os.Stat(filepath.Join(d.work, "no.zip")); err == nil {
		t.Error("a refused download left a file")
	}

	out, _, err := d.run("verify", bundle, "--key", d.releasePub, "--journal-key", d.journalPub)
	if err != nil || !strings.Contains(out, "The bundle verifies") || !strings.Contains(out, "is in the journal") || !strings.Contains(out, "1 file of the request") {
		t.Errorf("verify: %v\n%s", err, out)
	}
	if _, _, err := d.run("verify", bundle, "--key", d.journalPub); gatehouse.CodeOf(err) != gatehouse.CodeBundle {
		t.Errorf("verify with another key: %v", err)
	}
	content, err := os.ReadFile(bundle)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/2] ^= 1
	if _, _, err := d.run("verify", d.file("bent.zip", string(content)), "--key", d.releasePub); gatehouse.CodeOf(err) != gatehouse.CodeBundle || exitStatus(err) != 2 {
		t.Errorf("verify of a changed bundle: %v", err)
	}

	if recalled := d.as("cora", "recall", release, "--reason", "wrong population"); !strings.Contains(recalled, "ada, ") {
		t.Errorf("the recall does not name who downloaded:\n%s", recalled)
	}
	d.refused(gatehouse.CodeRequestState, "ada", "download", release, "--output", filepath.Join(d.work, "late.zip"))
	if shown := d.as("ada", "--json", "show", id); !strings.Contains(shown, `"state": "recalled"`) {
		t.Errorf("show --json:\n%s", shown)
	}
}

func TestRequestCommandsSayWhatIsWrong(t *testing.T) {
	d := newDesk(t)
	d.refused(gatehouse.CodeRequestInvalid, "ada", "create", "--project", "diabetes", "--title", "T", filepath.Join(d.work, "missing.csv"))
	if list := d.as("ada", "list"); list != "No requests." {
		t.Errorf("a request was begun without its file:\n%s", list)
	}
	d.refused(gatehouse.CodeNotFound, "bob", "create", "--project", "diabetes", "--title", "T")
	d.refused(gatehouse.CodeNotFound, "ada", "create", "--project", "no-such", "--title", "T")
	_, progress, err := d.try("ada", "create", "--project", "diabetes", "--title", "T", d.file("x.exe", "MZ"))
	if gatehouse.CodeOf(err) != gatehouse.CodeFileRefused || !strings.Contains(progress, "was begun") {
		t.Errorf("%v\n%s", err, progress)
	}
	t.Setenv("GATEHOUSE_TOKEN", "")
	for what, args := range map[string][]string{
		"no token":    {"request", "list", "--server", d.url, "--ca", d.ca},
		"no server":   {"request", "list", "--server", "", "--token-file", d.tokens["ada"]},
		"plain HTTP":  {"request", "list", "--server", strings.Replace(d.url, "https", "http", 1), "--token-file", d.tokens["ada"]},
		"nobody here": {"request", "list", "--server", "https://127.0.0.1:1", "--ca", d.ca, "--token-file", d.tokens["ada"]},
		"unvouched":   {"request", "list", "--server", d.url, "--token-file", d.tokens["ada"]},
		"no key":      {"verify", "x.zip", "--key", filepath.Join(d.work, "none.pem")},
	} {
		_, _, err := d.run(args...)
		var e *gatehouse.Error
		if !errors.As(err, &e) || e.Advice == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
	out, _, err := d.run("request", "--help")
	if err != nil || !strings.Contains(out, "As a checker") {
		t.Errorf("%v\n%s", err, out)
	}
}

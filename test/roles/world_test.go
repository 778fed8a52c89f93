// Package roles tries every step of every role in every state through the API,
// the command line and the site's forms, and compares what worked with reviewed
// tables (testdata/*.txt). The parts are real: database, journal, keys, rules,
// services, TLS, the built program; no engine is needed, for no question is asked.
package roles

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/catalog/codelist"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/identity"
	"github.com/gatehouse-tre/gatehouse/infra/journal"
	"github.com/gatehouse-tre/gatehouse/infra/keys"
	"github.com/gatehouse-tre/gatehouse/infra/notices"
	"github.com/gatehouse-tre/gatehouse/infra/objects"
	"github.com/gatehouse-tre/gatehouse/infra/policy"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/infra/web"
	"github.com/gatehouse-tre/gatehouse/infra/web/site"
	"github.com/gatehouse-tre/gatehouse/workspaces"
	"github.com/gatehouse-tre/gatehouse/workspaces/strangers"
)

// program is the built command line.
var program string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	folder, err := os.MkdirTemp("", "gatehouse-roles-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	if err := buildCommands(folder); err != nil {
		fmt.Fprintln(os.Stderr, "building the command line:", err)
		return 1
	}
	// `make test` has just built it; by hand it is built here.
	if built := os.Getenv("GATEHOUSE_BIN"); built != "" {
		program = filepath.Join(built, "gatehouse")
		return m.Run()
	}
	program = filepath.Join(folder, "gatehouse")
	build := exec.Command("go", "build", "-o", program, "../../cmd/gatehouse")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "building the program:", err)
		return 1
	}
	return m.Run()
}

// world is an installation that is served, with a person in every role.
type world struct {
	t        *testing.T
	dir      string
	db       *state.DB
	keys     *keys.Keys
	rules    *policy.Policy
	services *workspaces.Service
	requests *egress.Requests
	notices  *workspaces.Notices
	ca       []byte
	api      *httptest.Server
	site     *httptest.Server
	tokens   map[string]string // by name of an actor
	cookies  map[string]string // secrets of sessions, by user
	folder   string            // for the files of the command line
	number   int               // of projects that were put in place
	senders  notices.Settings
	lines    chan line // processes that run commands

	mu      sync.Mutex
	clients map[string]*web.Client
	log     bytes.Buffer
}

func (w *world) Write(b []byte) (int, error) { w.mu.Lock(); defer w.mu.Unlock(); return w.log.Write(b) }

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// people and the roles of the house that they hold.
var people = map[string][]gatehouse.Role{
	"ada": nil, "mia": nil, "lea": nil, "bob": nil, "dan": nil,
	"ines":  {gatehouse.RoleChecker}, // who is a member of the project as well
	"chris": {gatehouse.RoleChecker}, "cleo": {gatehouse.RoleChecker},
	"vera": {gatehouse.RoleChecker, gatehouse.RoleCustodian}, // named for the datasets, too
	"cora": {gatehouse.RoleCustodian}, "cyril": {gatehouse.RoleCustodian},
	"olga": {gatehouse.RoleOperator}, "aude": {gatehouse.RoleAuditor},
}

func newWorld(t *testing.T) *world {
	t.Helper()
	ctx := t.Context()
	w := &world{t: t, dir: t.TempDir(), folder: t.TempDir(), tokens: map[string]string{"nobody": "not-a-token"}, cookies: map[string]string{}, clients: map[string]*web.Client{}}
	if out, err := exec.Command(program, "init", "--dir", w.dir, "--max-list-age", "87600h").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var err error
	w.keys, err = keys.Open(filepath.Join(w.dir, "keys"))
	w.must(err)
	journalKey, err := w.keys.Signer(keys.Journal)
	w.must(err)
	signer, err := journal.NewSigner(journalKey)
	w.must(err)
	w.db, err = state.Open(ctx, filepath.Join(w.dir, "state", "gatehouse.db"), state.Options{Journal: journal.New(signer, filepath.Join(w.dir, "journal", "checkpoint"))})
	w.must(err)
	t.Cleanup(func() { w.db.Close() })
	store := state.Workspaces(w.db)
	w.rules, err = policy.New(store)
	w.must(err)
	for _, dataset := range []string{"care", "registry"} {
		w.publish(dataset)
	}
	public, err := w.keys.Verifier(keys.Manifest)
	w.must(err)
	catalogue, err := catalog.Open(w.dir, public)
	w.must(err)
	policies := &egress.Policies{Store: state.Policies{DB: w.db}, Authorizer: w.rules}
	w.services, err = workspaces.New(workspaces.Config{Store: store, Authorizer: w.rules, Catalogue: catalogue, Pseudonymiser: w.keys, Policies: policies, Dir: w.dir, MaxListAge: 87600 * time.Hour, Factors: workspaces.Factors{Any: true}, Strangers: strangers.New(patient())})
	w.must(err)
	folder, err := objects.NewFolder(filepath.Join(w.dir, "objects"))
	w.must(err)
	releaseKey, err := w.keys.Signer(keys.Release)
	w.must(err)
	w.requests, err = egress.NewRequests(egress.RequestParts{Store: state.Requests{DB: w.db}, Objects: folder, Authorizer: w.rules, Signer: releaseKey, Journal: prover{w.db}, Policies: policies})
	w.must(err)
	w.notices = &workspaces.Notices{Store: state.Notices{DB: w.db}, Authorizer: w.rules}
	w.populate(ctx)
	w.serve(catalogue)
	w.watch()
	return w
}

type prover struct{ db *state.DB }

func (p prover) ProveEvent(ctx context.Context, action, subject string) (json.RawMessage, error) {
	proof, err := journal.Proof(ctx, p.db.Reader(), action, subject)
	if err != nil {
		return nil, err
	}
	return json.Marshal(proof)
}

// publish puts a signed version of a dataset into the catalogue. Its tables hold
// nothing: nobody asks them anything.
func (w *world) publish(dataset string) {
	w.t.Helper()
	dir := filepath.Join(w.dir, "versions", dataset, "1")
	w.must(os.MkdirAll(dir, 0o700))
	file := func(name string) catalog.File {
		content := []byte("PAR1 " + dataset + " " + name)
		w.must(os.WriteFile(filepath.Join(dir, name), content, 0o600))
		sum := sha256.Sum256(content)
		return catalog.File{Path: name, SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(content))}
	}
	v := catalog.Version{
		Dataset: dataset, Number: 1, Title: dataset, Custodian: "Northern Shared Care Record", Published: time.Now().UTC(), Units: 1000, UnitsFile: file("units.parquet"), Family: "north",
		Tables: []catalog.Table{{Name: "patients", Rows: 1000, People: 1000, Files: []catalog.File{file("patients.parquet")}, Columns: []catalog.Column{
			{Name: catalog.PersonColumn, Type: "VARCHAR", Class: catalog.ClassPerson}, {Name: "sex", Type: "VARCHAR", Class: catalog.ClassDimension},
		}}},
		Receipts: []catalog.Receipt{{List: workspaces.NationalList, Dated: time.Now().UTC()}},
		Listing:  &catalog.Listing{Abstract: "About " + dataset, Contact: "data@example.org", CustodianID: "X99", AccessRights: "By application."},
	}
	text, err := json.Marshal(v)
	w.must(err)
	key, err := w.keys.Signer(keys.Manifest)
	w.must(err)
	signature, err := key.Sign(nil, append([]byte("gatehouse version manifest v1\n"), text...), crypto.Hash(0))
	w.must(err)
	w.must(os.WriteFile(filepath.Join(dir, "manifest.json"), text, 0o600))
	w.must(os.WriteFile(filepath.Join(dir, "manifest.sig"), []byte(base64.StdEncoding.EncodeToString(signature)), 0o600))
}

// populate makes the people, who is custodian of what, and two projects that are
// under way: "asthma" on care, with ada, mia, lea and ines, and "other" with bob. The custodian of
// registry wants to agree to what leaves; "vetted" uses it.
func (w *world) populate(ctx context.Context) {
	w.t.Helper()
	for user, roles := range people {
		w.must(w.services.AddUser(ctx, workspaces.System, user))
		for _, role := range roles {
			w.must(w.services.GrantRole(ctx, workspaces.System, user, role))
		}
	}
	for _, dataset := range []string{"care", "registry"} {
		for _, user := range []string{"cora", "vera"} {
			w.must(w.services.AddCustodian(ctx, workspaces.System, dataset, user))
		}
	}
	for id, dataset := range map[string]string{"asthma": "care", "vetted": "registry", "other": "care"} {
		members := map[string]gatehouse.Role{"ada": gatehouse.RoleResearcher, "mia": gatehouse.RoleResearcher, "ines": gatehouse.RoleResearcher, "lea": gatehouse.RoleLead}
		if id == "other" {
			members = map[string]gatehouse.Role{"bob": gatehouse.RoleLead}
		}
		w.active(ctx, id, dataset, members)
	}
	_, err := w.requests.AskVeto(ctx, gatehouse.Principal{User: "cora"}, "registry", true)
	w.must(err)
	for user := range people {
		secret, err := w.services.IssueHouseToken(ctx, workspaces.System, user, time.Hour)
		w.must(err)
		w.tokens[user] = secret
		account := workspaces.Identity{Issuer: "https://provider.example", Subject: user}
		w.must(w.services.LinkIdentity(ctx, workspaces.System, user, account))
		w.cookies[user], _, err = w.services.SignIn(ctx, workspaces.Authenticated{Identity: account}, workspaces.SignInBrowser, "")
		w.must(err)
	}
}

// active puts a project in place that is under way, as decided by cora.
func (w *world) active(ctx context.Context, id, dataset string, members map[string]gatehouse.Role) {
	w.t.Helper()
	year := time.Now().AddDate(1, 0, 0).UTC().Truncate(time.Second)
	p := workspaces.Project{
		ID: id, Title: "Project " + id, Purpose: "P", State: workspaces.ProjectActive, Policy: "sdap@1", OptOutBasis: workspaces.BasisApplies, Expires: year, ApprovedBy: "cora", Version: 1,
		Datasets: []workspaces.DatasetGrant{{Dataset: dataset, Version: 1, Tables: []workspaces.TableGrant{{Table: "patients", Columns: []string{"person_id", "sex"}}}}},
	}
	for _, user := range []string{"lea", "ada", "mia", "ines", "bob"} {
		if role, is := members[user]; is {
			p.Members = append(p.Members, workspaces.Member{User: user, Role: role, TrainingUntil: year, Agreement: 1, AgreementUntil: year})
		}
	}
	p.CreatedBy = p.Members[0].User
	w.must(state.Workspaces(w.db).Update(ctx, func(tx workspaces.Tx) error { return tx.AddProject(ctx, p) }))
}

// patient is a clock by which whoever is refused has waited long enough each time:
// the tables are about who may do what, and not about how often strangers may try.
func patient() func() time.Time {
	var hours atomic.Int64
	return func() time.Time { return time.Unix(3600*hours.Add(1), 0) }
}

func (w *world) serve(catalogue *catalog.Catalogue) {
	codelists := &codelist.Service{Dir: w.dir, Store: state.Codelists{DB: w.db}, Authorizer: w.rules}
	_, err := codelists.Add(w.t.Context(), gatehouse.Principal{User: "cora"}, codelist.New{Name: "asthma", Version: "1", System: codelist.SNOMED, Content: strings.NewReader("code,term\n195967001,Asthma\n")})
	w.must(err)
	w.must(state.Profiles{DB: w.db}.KeepProfile(w.t.Context(), catalog.Profile{Dataset: "care", Number: 1, Tables: []catalog.TableProfile{}}, gatehouse.Event{Actor: "system", Action: "profile.made", Subject: "care@1"}))
	w.t.Helper()
	log := slog.New(slog.NewTextHandler(w, nil))
	w.api = httptest.NewUnstartedServer(nil)
	w.api.Config = web.NewServer(web.Config{
		Projects: w.services, Requests: w.requests, Catalogue: catalogue, Authorizer: w.rules, Sessions: w.services, Notices: w.notices, People: w.services, House: w.services, Log: log,
		Lineages:  egress.Lineages{Catalogue: catalogue, Projects: w.services, Store: state.Ledger{DB: w.db}, Authorizer: w.rules},
		Codelists: codelists, Profiles: &egress.Profiles{Sessions: w.services, Store: state.Profiles{DB: w.db}, Authorizer: w.rules, Policy: "sdap", Now: time.Now, Log: log},
	}, &tls.Config{MinVersion: tls.VersionTLS12})
	w.api.EnableHTTP2 = true
	w.api.StartTLS()
	w.t.Cleanup(w.api.Close)
	w.ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.api.Certificate().Raw})
	w.must(os.WriteFile(filepath.Join(w.folder, "ca.pem"), w.ca, 0o600))
	browser, err := identity.NewBrowser(nil, w.services, log)
	w.must(err)
	handler, err := site.New(site.Config{
		SignIn: browser, Projects: w.services, Requests: w.requests, Catalogue: catalogue, Authorizer: w.rules, Questions: egress.Questions{Store: state.Ledger{DB: w.db}, Authorizer: w.rules},
		Journal: noJournal{}, Operations: noOperations{}, Flight: "grpc+tls://127.0.0.1:1", Log: log,
	})
	w.must(err)
	w.site = httptest.NewTLSServer(handler)
	w.t.Cleanup(w.site.Close)
}

// noJournal and noOperations: their pages only show, and are tried elsewhere.
type noJournal struct{ site.Journal }
type noOperations struct{ site.Operations }

// client speaks to the API as an actor.
func (w *world) client(actor string) *web.Client {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.clients[actor]
	if c == nil {
		var err error
		c, err = web.NewClient(w.api.URL, w.ca, w.tokens[actor])
		w.must(err)
		w.clients[actor] = c
	}
	return c
}

// kept is everything that the database holds but the journal, and but when
// sessions were last used.
func (w *world) kept() string {
	w.t.Helper()
	var all strings.Builder
	w.must(w.db.View(w.t.Context(), func(tx *state.Tx) error {
		tables, err := watched(tx)
		if err != nil {
			return err
		}
		for _, t := range tables {
			fmt.Fprintf(&all, "== %s\n", t.name)
			rows, err := texts(tx, `SELECT quote("`+strings.Join(t.columns, `")||'|'||quote("`)+`") FROM `+t.name)
			if err != nil {
				return err
			}
			for _, row := range rows {
				all.WriteString(row)
				all.WriteByte('\n')
			}
		}
		return nil
	}))
	return all.String()
}

// table is one whose rows somebody could change.
type table struct {
	name    string
	columns []string
}

func watched(tx *state.Tx) ([]table, error) {
	names, err := texts(tx, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'journal_%' AND name NOT LIKE 'sqlite_%' AND name NOT IN ('sessions', 'changes_seen') ORDER BY name`)
	var tables []table
	for _, name := range names {
		t := table{name: name}
		if t.columns, err = texts(tx, `SELECT name FROM pragma_table_info('`+name+`') ORDER BY cid`); err != nil {
			return nil, err
		}
		tables = append(tables, t)
	}
	return tables, err
}

// texts gives the rows of a query with one column.
func texts(tx *state.Tx, query string) ([]string, error) {
	rows, err := tx.SQL().Query(query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, rows.Err()
}

// watch makes the database count what becomes different of what kept gives: to
// compare all of it for each thing that works takes longer than all the rest.
func (w *world) watch() {
	w.t.Helper()
	w.must(w.db.Update(w.t.Context(), func(tx *state.Tx) error {
		tables, err := watched(tx)
		if err != nil {
			return err
		}
		statements := []string{`CREATE TABLE changes_seen (place INTEGER PRIMARY KEY, of_table TEXT NOT NULL)`}
		for _, t := range tables {
			var differs []string
			for _, c := range t.columns {
				differs = append(differs, fmt.Sprintf(`OLD."%s" IS NOT NEW."%s"`, c, c))
			}
			for event, when := range map[string]string{"INSERT": "", "DELETE": "", "UPDATE": "WHEN " + strings.Join(differs, " OR ")} {
				statements = append(statements, fmt.Sprintf(`CREATE TRIGGER seen_%s_%s AFTER %s ON %s %s BEGIN INSERT INTO changes_seen (of_table) VALUES ('%s'); END`, t.name, event, event, t.name, when, t.name))
			}
		}
		for _, s := range statements {
			if _, err := tx.SQL().Exec(s); err != nil {
				return fmt.Errorf("%s: %w", s, err)
			}
		}
		return nil
	}))
}

// changes gives the tables whose rows became different after a place, and the place
// up to which that is.
func (w *world) changes(after int) (tables []string, upTo int) {
	w.t.Helper()
	w.must(w.db.View(w.t.Context(), func(tx *state.Tx) (err error) {
		if err := tx.SQL().QueryRow(`SELECT coalesce(max(place), 0) FROM changes_seen`).Scan(&upTo); err != nil {
			return err
		}
		tables, err = texts(tx, fmt.Sprintf(`SELECT DISTINCT of_table FROM changes_seen WHERE place > %d ORDER BY 1`, after))
		return err
	}))
	return tables, upTo
}

// firstDifference is the first line in which two states differ.
func firstDifference(before, after string) string {
	a, b := strings.Split(before, "\n"), strings.Split(after, "\n")
	for i := range a {
		if i >= len(b) || a[i] != b[i] {
			return fmt.Sprintf("%q became %q", a[i], strings.Join(b[i:min(i+1, len(b))], ""))
		}
	}
	return ""
}

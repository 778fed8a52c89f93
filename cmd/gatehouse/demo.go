package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/catalog/synth"
	"github.com/gatehouse-tre/gatehouse/infra/sandbox"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// The demonstration: one dataset, one project, one workspace, a person for each role.
const (
	demoDataset   = "shared_care"
	demoProject   = "diabetes-outcomes"
	demoWorkspace = "diabetes-outcomes"
	// demoListAge: the demonstration's opt-out lists are as old as it is.
	demoListAge = 100 * 365 * 24 * time.Hour
)

// demoRoles are the roles of the house; the project's members have their own.
var demoRoles = map[string]gatehouse.Role{"custodian": gatehouse.RoleCustodian, "checker1": gatehouse.RoleChecker, "checker2": gatehouse.RoleChecker,
	"operator": gatehouse.RoleOperator, "auditor": gatehouse.RoleAuditor}

var demoMembers = map[string]gatehouse.Role{"lead": gatehouse.RoleLead, "researcher": gatehouse.RoleResearcher, "researcher2": gatehouse.RoleResearcher}

// readiness is what --ready writes once the demonstration serves.
type readiness struct {
	HTTP       string            `json:"http"`
	Flight     string            `json:"flight"`
	CA         string            `json:"ca"`
	Workspace  string            `json:"workspace"`
	Tokens     map[string]string `json:"tokens"`
	Datasets   map[string]string `json:"datasets"`
	Population string            `json:"population"`
	Extracts   string            `json:"extracts"`
	Custodian  string            `json:"custodian"`
	SignIn     string            `json:"sign_in"`  // page where people sign in
	Issuer     string            `json:"issuer"`   // the provider where they do
	Accounts   map[string]string `json:"accounts"` // subjects of the accounts there, by user; none of another provider
}

func newDemoCommand() *cobra.Command {
	d := &demo{}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Make and serve a demonstration with synthetic people",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d.out = cmd.OutOrStdout()
			d.peopleGiven, d.seedGiven = cmd.Flags().Changed("people"), cmd.Flags().Changed("seed")
			return d.run(cmd.Context())
		},
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	f := cmd.Flags()
	f.StringVar(&d.dir, "dir", filepath.Join(cache, "gatehouse", "demo"), "folder of the installation")
	f.IntVar(&d.people, "people", 20_000, "number of synthetic people")
	f.Uint64Var(&d.seed, "seed", 1, "seed of the synthetic people")
	f.StringVar(&d.http, "http", "", "address of the HTTP API (default the last run's if it is free, else any port of 127.0.0.1)")
	f.StringVar(&d.flight, "flight", "", "address of Flight SQL (default as for --http)")
	f.StringVar(&d.ready, "ready", "", "file to write addresses and tokens to once it serves (default DIR/ready.json)")
	return cmd
}

type demo struct {
	dir, http, flight, ready string
	people                   int
	seed                     uint64
	peopleGiven, seedGiven   bool // on the command line
	out                      io.Writer
	began                    time.Time
}

func (d *demo) say(format string, args ...any) {
	fmt.Fprintf(d.out, "%6.1fs  %s\n", time.Since(d.began).Seconds(), fmt.Sprintf(format, args...))
}

func (d *demo) run(ctx context.Context) error {
	d.began = time.Now()
	var err error
	if d.dir, err = filepath.Abs(d.dir); err != nil {
		return err
	}
	if err := d.checkPeople(); err != nil {
		return err
	}
	if d.ready == "" {
		d.ready = filepath.Join(d.dir, "ready.json")
	}
	d.say("Installation in %s", d.dir)
	s := settings{MaxListAge: demoListAge}
	if os.Geteuid() != 0 {
		s.AllowMissing = []sandbox.Layer{sandbox.User, sandbox.Cgroup}
		d.say("Not root: engines run without host users and hard memory limits of their own (never do this with real data)")
	}
	if err := initialise(d.dir, s); err != nil {
		return err
	}
	release, err := holdServing(d.dir)
	if err != nil {
		return err
	}
	defer release()
	_ = os.Remove(d.ready) // what an earlier run wrote is no longer true
	in, err := openInstallation(ctx, d.dir)
	if err != nil {
		return err
	}
	defer in.close()
	version, err := d.prepare(ctx, in)
	if err != nil {
		return err
	}
	last := recallDemo(in.dir)
	identities, err := d.listenIdentity(in, last)
	if err != nil {
		return err
	}
	h, err := newHouse(ctx, in, d.address("HTTP API", d.http, last.HTTP), d.address("Flight SQL", d.flight, last.Flight))
	if err != nil {
		return err
	}
	if identities != nil {
		provider, err := d.startIdentity(ctx, h, identities)
		if err != nil {
			return errors.Join(err, identities.Close(), h.stop(context.WithoutCancel(ctx)))
		}
		defer provider.Stop(context.WithoutCancel(ctx))
	}
	r, err := d.open(ctx, h, version, last)
	if err != nil {
		return errors.Join(err, h.stop(context.WithoutCancel(ctx)))
	}
	if err := writePrivate(d.ready, r); err != nil {
		return errors.Join(err, h.stop(context.WithoutCancel(ctx)))
	}
	d.say("Serving")
	d.explain(r)
	err = h.serve(ctx)
	_ = os.Remove(d.ready)
	d.say("Stopped")
	return err
}

// extracts is where the synthetic extracts are.
func (d *demo) extracts() string { return filepath.Join(d.dir, "custodian", "extracts") }

// checkPeople refuses to show other people than those asked for.
func (d *demo) checkPeople() error {
	held, err := synth.Read(d.extracts())
	if err != nil {
		return nil // there are none yet
	}
	if d.peopleGiven && d.people != held.People || d.seedGiven && d.seed != held.Seed {
		return gatehouse.Errorf(gatehouse.CodeConflict, "%s holds a demonstration of %d people (seed %d).", d.dir, held.People, held.Seed).
			WithAdvice("Remove the folder, choose another with --dir, or leave out --people and --seed.")
	}
	return nil
}

// prepare makes extracts, people with roles, the dataset, and the approved
// project with its workspace, as far as they are not there yet.
func (d *demo) prepare(ctx context.Context, in *installation) (catalog.Version, error) {
	extracts := d.extracts()
	if held, err := synth.Read(extracts); err == nil {
		d.say("Synthetic extracts of %d people (seed %d) are there already", held.People, held.Seed)
	} else {
		d.say("Synthetic extracts of %d people (seed %d)", d.people, d.seed)
		if _, err := synth.Write(ctx, synth.Options{People: d.people, Seed: d.seed, Dir: extracts}); err != nil {
			return catalog.Version{}, err
		}
	}
	if err := d.enrol(ctx, in); err != nil {
		return catalog.Version{}, err
	}
	version, err := in.catalogue.Version(ctx, demoDataset, 0)
	if gatehouse.CodeOf(err) == gatehouse.CodeNotFound {
		if version, err = d.publish(ctx, in, extracts); err != nil {
			return version, err
		}
	}
	if err != nil {
		return version, err
	}
	d.say("Dataset %s: %d people, signed manifest verified", version.Name(), version.Units)
	return version, d.approve(ctx, in, version)
}

// enrol adds the people of the demonstration.
func (d *demo) enrol(ctx context.Context, in *installation) error {
	roles := map[string]gatehouse.Role{}
	for name, role := range demoRoles {
		roles[name] = role
	}
	for name := range demoMembers {
		roles[name] = ""
	}
	for name, role := range roles {
		if err := in.workspaces.AddUser(ctx, workspaces.System, name); err != nil && gatehouse.Public(err).Kind() != gatehouse.KindConflict {
			return err
		}
		if role == "" {
			continue
		}
		if err := in.workspaces.GrantRole(ctx, workspaces.System, name, role); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) publish(ctx context.Context, in *installation, extracts string) (catalog.Version, error) {
	d.say("Publishing %s: validating, applying opt-outs, giving units, dropping identifiers", demoDataset)
	definition, ok := catalog.ShippedDefinition(demoDataset)
	if !ok {
		return catalog.Version{}, gatehouse.Errorf(gatehouse.CodeDefinition, "The definition of %s is missing.", demoDataset)
	}
	version, err := in.publish(ctx, gatehouse.Principal{User: "custodian"}, definition, extracts, false, func(p catalog.Progress) {
		if p.Stage == catalog.StageWrite {
			d.say("  %s: %d rows pass", p.Table, p.Total)
		}
	})
	if err != nil {
		return version, err
	}
	for _, a := range version.Accounts {
		rejected := int64(0)
		for _, n := range a.Rejected {
			rejected += n
		}
		d.say("  %-18s %9d read = %9d published + %7d opted out + %6d rejected", a.Extract, a.Read, a.Published, a.OptedOut, rejected)
	}
	return version, nil
}

// approve takes the project from its lead's draft to the custodian's approval.
func (d *demo) approve(ctx context.Context, in *installation, version catalog.Version) error {
	lead, custodian := gatehouse.Principal{User: "lead"}, gatehouse.Principal{User: "custodian"}
	if _, err := in.workspaces.Project(ctx, custodian, demoProject); gatehouse.CodeOf(err) == gatehouse.CodeNotFound {
		now := time.Now()
		p := workspaces.Project{ID: demoProject, Title: "Outcomes of people with type 2 diabetes", Policy: "sdap", OptOutBasis: workspaces.BasisApplies,
			Purpose:       "How control of blood glucose relates to admissions, by age, sex, deprivation and region.",
			LaySummary:    "Some people with diabetes go to hospital more often than others. We look at how that goes with their blood sugar, and with where they live.",
			PublicBenefit: "Clinics learn which of their patients to help first.", Organisation: "University of Northtown", Funding: "Northtown Research Council",
			Outputs: []string{"A paper with tables and plots"}, Starts: now, Expires: now.AddDate(2, 0, 0)}
		for name, role := range demoMembers {
			p.Members = append(p.Members, workspaces.Member{User: name, Role: role, TrainingUntil: now.AddDate(1, 0, 0)})
		}
		grant := workspaces.DatasetGrant{Dataset: version.Dataset, Version: version.Number}
		for _, t := range version.Tables {
			grant.Tables = append(grant.Tables, workspaces.TableGrant{Table: t.Name, Why: demoWhy[t.Name]})
		}
		p.Datasets = []workspaces.DatasetGrant{grant}
		if _, err := in.workspaces.CreateProject(ctx, lead, p); err != nil {
			return err
		}
		d.say("Project %s drafted by its lead", demoProject)
	} else if err != nil {
		return err
	}
	p, err := in.workspaces.Project(ctx, custodian, demoProject)
	if err != nil {
		return err
	}
	if p.State == workspaces.ProjectDraft {
		if err := in.workspaces.SubmitProject(ctx, lead, demoProject); err != nil {
			return err
		}
		p.State = workspaces.ProjectSubmitted
	}
	if p.State == workspaces.ProjectSubmitted {
		if err := in.workspaces.ApproveProject(ctx, custodian, demoProject); err != nil {
			return err
		}
		d.say("Project %s approved by the custodian", demoProject)
	}
	if err := d.sign(ctx, in); err != nil {
		return err
	}
	_, err = in.workspaces.OpenWorkspace(ctx, custodian, demoProject, demoWorkspace)
	return err
}

// demoWhy is why the project asks for each table.
var demoWhy = map[string]string{
	"patients":    "Outcomes are compared by age, sex, ethnicity, deprivation and region.",
	"events":      "Blood glucose, diagnoses and prescriptions are events.",
	"admissions":  "Admissions are the outcome.",
	"social_care": "Care at home may keep people out of hospital.",
	"codes":       "Codes are read by their terms.",
}

// sign lets the members sign the agreement who have not, or not any more.
func (d *demo) sign(ctx context.Context, in *installation) error {
	p, err := in.workspaces.Project(ctx, gatehouse.Principal{User: "custodian"}, demoProject)
	if err != nil {
		return err
	}
	agreement, err := in.workspaces.Agreement(ctx)
	if err != nil {
		return err
	}
	for _, m := range p.Members {
		if time.Now().Before(m.AgreementUntil) {
			continue
		}
		if _, err := in.workspaces.SignAgreement(ctx, gatehouse.Principal{User: m.User}, demoProject, agreement.Version); err != nil {
			return err
		}
		d.say("Agreement signed by %s", m.User)
	}
	return nil
}

// open gives everybody a token for this run, and says where things are.
func (d *demo) open(ctx context.Context, h *house, version catalog.Version, last demoMemory) (readiness, error) {
	r := readiness{HTTP: h.httpURL(), Flight: h.flightURL(), CA: h.ca, Workspace: demoWorkspace, Datasets: map[string]string{},
		Population: filepath.Join(h.dir, "custodian", "populations", demoProject+".parquet"), Extracts: d.extracts(), Custodian: filepath.Join(h.dir, "custodian")}
	now := demoMemory{HTTP: h.httpListener.Addr().String(), Flight: h.flightListener.Addr().String()}
	r.SignIn, r.Issuer, r.Accounts = h.httpURL()+"/sign-in", h.settings.Identity.Issuer, map[string]string{}
	if h.settings.Identity.ClientSecretFile == demoSecretFile {
		now.Identity = strings.TrimPrefix(r.Issuer, "https://")
		for _, a := range demoAccounts() {
			r.Accounts[strings.TrimPrefix(a.Subject, demoSubject)] = a.Subject
		}
	}
	var err error
	if r.Tokens, now.Tokens, err = issueTokens(ctx, h.installation, last.Tokens); err != nil {
		return r, err
	}
	if err := writePrivate(demoMemoryFile(h.dir), now); err != nil {
		return r, err
	}
	versions, err := h.catalogue.List(ctx)
	if err != nil {
		return r, err
	}
	for _, v := range versions {
		r.Datasets[v.Name()] = v.Folder
	}
	r.Datasets[version.Name()] = version.Folder
	return r, nil
}

// explain prints what to paste into a notebook, and how to try a request.
func (d *demo) explain(r readiness) {
	fmt.Fprintf(d.out, `
  Sign in     %s
              as %s (no passwords: a page to choose from)
  HTTP API    %s
  Flight SQL  %s
  CA          %s
  tokens      %s (readable by you only)

In a notebook (pip install adbc-driver-flightsql pandas pyarrow):

  import json, adbc_driver_flightsql.dbapi as dbapi
  from adbc_driver_flightsql import DatabaseOptions
  ready = json.load(open(%q))
  connection = dbapi.connect(ready["flight"], db_kwargs={
      DatabaseOptions.TLS_ROOT_CERTS.value: open(ready["ca"]).read(),
      DatabaseOptions.AUTHORIZATION_HEADER.value: "Bearer " + ready["tokens"]["researcher"],
  }, autocommit=True)
  cursor = connection.cursor()
  cursor.execute("SELECT sex, region, count(*) AS people FROM patients GROUP BY ALL ORDER BY ALL")
  print(cursor.fetch_df())

To take files out, as the researcher, then two checkers:

  export GATEHOUSE_SERVER=%s GATEHOUSE_CA=%s
  token() { python3 -c 'import json,sys; print(json.load(open(%q))["tokens"][sys.argv[1]])' $1; }
  GATEHOUSE_TOKEN=$(token researcher) bin/gatehouse request create --project %s --title "Table 1" table1.csv
  bin/gatehouse request --help

Stop with Ctrl-C; the next start goes on where this one stopped.

`, r.SignIn, strings.Join(slices.Sorted(maps.Keys(r.Accounts)), ", "), r.HTTP, r.Flight, r.CA, d.ready, d.ready, r.HTTP, r.CA, d.ready, demoProject)
}

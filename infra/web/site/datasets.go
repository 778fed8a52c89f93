package site

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func (s *server) routeDatasets(mux *http.ServeMux) {
	mux.HandleFunc("GET /datasets", s.signedIn(s.listDatasets))
	mux.HandleFunc("GET /datasets/{dataset}/{number}", s.signedIn(s.showDataset))
	mux.HandleFunc("GET /datasets/{dataset}/{number}/since/{earlier}", s.signedIn(s.compareVersions))
	mux.HandleFunc("GET /codelists", s.signedIn(s.listCodelists))
	mux.HandleFunc("GET /codelists/{codelist}/{version}", s.signedIn(s.showCodelist))
	mux.HandleFunc("POST /datasets/{dataset}/{number}/profile", s.signedIn(s.makeProfile))
	mux.HandleFunc("POST /datasets/{dataset}/{number}/veto", s.signedIn(s.askVeto))
}

// versions is the catalogue, for those who may read it.
func (v *visit) versions() ([]catalog.Version, error) {
	if err := v.Authorizer.Authorize(v.r.Context(), v.who, gatehouse.ActionDatasetRead, ""); err != nil && !v.researches() {
		return nil, err
	}
	found, err := v.Catalogue.List(v.r.Context())
	if err != nil {
		if len(found) == 0 {
			return nil, err
		}
		v.Log.ErrorContext(v.r.Context(), "some versions do not verify and are not shown", "cause", err, "request", v.id)
	}
	return found, nil
}

// researches reports whether the reader may read the catalogue within a project.
func (v *visit) researches() bool {
	projects, err := v.Projects.Projects(v.r.Context(), v.who)
	return err == nil && slices.ContainsFunc(projects, func(p workspaces.Project) bool { return v.may(gatehouse.ActionDatasetRead, p.ID) })
}

func (s *server) listDatasets(v *visit) error {
	found, err := v.versions()
	if err != nil {
		return err
	}
	slices.Reverse(found) // newest of each dataset first
	v.render(http.StatusOK, "datasets", "Datasets", found)
	return nil
}

// Lineages tells what versions were made of, and what was made of them.
type Lineages interface {
	Lineage(ctx context.Context, reader gatehouse.Principal, dataset string, number int) (catalog.Lineage, error)
}

// datasetPage is a version as the catalogue shows it.
type datasetPage struct {
	catalog.Version
	Tables    []datasetTable
	Size      *plot
	Balance   *plot // custodians: what became of the rows
	Custodial bool
	Named     []string            // custodians, as far as the reader may know them
	Veto      *egress.DatasetVeto // nil: releases do not wait for a custodian
	MayVeto   bool                // the reader decides whether they do
	Others    []catalog.Version
	Earlier   []catalog.Version // of Others, those that it can be compared with
	Profile   profiled
	Recalled  *catalog.Recall
	Lineage   catalog.Lineage      // without a version: the reader is shown none
	Users     []workspaces.Project // projects on this version, of those that the reader may know
}

// datasetTable has the numbers that everybody may see: see catalog.About.
type datasetTable struct {
	catalog.Table
	Rows, People int64
	Variables    []variable // as the profile shows them
}

func (s *server) showDataset(v *visit) error {
	found, err := v.versions()
	if err != nil {
		return err
	}
	number, _ := strconv.Atoi(v.r.PathValue("number"))
	d := datasetPage{Custodial: v.may(gatehouse.ActionDatasetPublish, "")}
	for _, version := range found {
		switch {
		case version.Dataset != v.r.PathValue("dataset"):
		case version.Number == number:
			d.Version = version
		default:
			d.Others = append(d.Others, version)
			if version.Number < number {
				d.Earlier = append(d.Earlier, version)
			}
		}
	}
	if d.Version.Number == 0 {
		return gatehouse.Errorf(gatehouse.CodeNotFound, "There is no such version.")
	}
	if !d.Custodial {
		d.Version = withoutStudies(d.Version)
	}
	d.Size = &plot{Title: "Rows of each table, about", Category: "Table", Series: []string{"Rows"}}
	for _, t := range d.Version.Tables {
		shown := datasetTable{Table: t, Rows: t.Rows, People: t.People}
		if !t.Public {
			shown.Rows, shown.People = catalog.About(t.Rows), catalog.About(t.People)
		}
		d.Tables = append(d.Tables, shown)
		d.Size.Bars = append(d.Size.Bars, bar{t.Name, []int64{shown.Rows}})
	}
	if d.Custodial {
		d.Balance = &plot{Title: "What became of the rows of each extract", Category: "Extract", Series: []string{"Published", "Opted out", "Rejected"}}
		for _, a := range d.Version.Accounts {
			rejected := int64(0)
			for _, n := range a.Rejected {
				rejected += n
			}
			d.Balance.Bars = append(d.Balance.Bars, bar{a.Extract, []int64{a.Published, a.OptedOut, rejected}})
		}
	}
	if err := errors.Join(v.withCustody(&d), v.withUsers(&d)); err != nil {
		return err
	}
	if err := v.withProfile(&d); err != nil {
		return err
	}
	if v.Lineages != nil && v.may(gatehouse.ActionDatasetRead, "") {
		if d.Lineage, err = v.Lineages.Lineage(v.r.Context(), v.who, d.Dataset, d.Number); err != nil {
			return err
		}
	}
	v.render(http.StatusOK, "dataset", d.Version.Title+" "+d.Version.Name(), d)
	return nil
}

// withCustody adds who decides for the dataset, and whether releases wait for them,
// for those who may read the whole catalogue.
func (v *visit) withCustody(d *datasetPage) error {
	if !v.may(gatehouse.ActionDatasetRead, "") {
		return nil
	}
	var err error
	if d.Named, err = v.Projects.Custodians(v.r.Context(), v.who, d.Dataset); err != nil {
		return err
	}
	recalls, err := v.Projects.Recalls(v.r.Context(), v.who, d.Dataset)
	if err != nil {
		return err
	}
	d.Recalled = catalog.RecallOf(recalls, d.Number)
	d.MayVeto = d.Custodial && slices.Contains(d.Named, v.who.User)
	vetoes, err := v.Requests.Vetoes(v.r.Context(), v.who)
	for _, veto := range vetoes {
		if veto.Dataset == d.Dataset {
			d.Veto = &veto
		}
	}
	return err
}

// askVeto says whether releases wait for a custodian of the dataset from now on.
func (s *server) askVeto(v *visit) error {
	dataset, ask := v.r.PathValue("dataset"), v.r.PostFormValue("ask") == "yes"
	if !ask && v.r.PostFormValue("ask") != "no" {
		return gatehouse.Errorf(gatehouse.CodeRequestInvalid, "It was not said whether releases are to wait.")
	}
	if _, err := v.Requests.AskVeto(v.r.Context(), v.who, dataset, ask); err != nil {
		return err
	}
	number, err := strconv.Atoi(v.r.PathValue("number"))
	if err != nil {
		return notThere(v)
	}
	done := "veto-asked"
	if !ask {
		done = "veto-lifted"
	}
	return v.see(datasetPath(dataset, number), done)
}

func datasetPath(dataset string, number int) string {
	return "/datasets/" + url.PathEscape(dataset) + "/" + strconv.Itoa(number)
}

// withUsers adds the projects that were granted this version.
func (v *visit) withUsers(d *datasetPage) error {
	all, err := v.Projects.Projects(v.r.Context(), v.who)
	for _, p := range all {
		if slices.ContainsFunc(p.Datasets, func(g workspaces.DatasetGrant) bool { return g.Dataset == d.Dataset && g.Version == d.Number }) {
			d.Users = append(d.Users, p)
		}
	}
	return err
}

// shownDifference is the least number of people by which counts of two versions
// differ where anybody but a custodian sees them.
const shownDifference = 10

// withoutStudies is a version without the columns that only one project has.
func withoutStudies(v catalog.Version) catalog.Version {
	v.Tables = slices.Clone(v.Tables)
	for i, t := range v.Tables {
		v.Tables[i].Columns = t.ColumnsOf("")
	}
	return v
}

// versionsPage is a version beside an earlier one.
type versionsPage struct {
	catalog.Diff
	At    catalog.Version
	Exact bool // the reader is a custodian of the dataset
	// Variables compares the profiles; without a version where one was not made.
	Variables catalog.ProfileDiff
}

// compareVersions shows how a version differs from an earlier one: exactly to the
// dataset's custodians, and to others what Diff.Shown lets them see.
func (s *server) compareVersions(v *visit) error {
	found, err := v.versions()
	if err != nil {
		return err
	}
	var pair [2]catalog.Version
	for i, name := range []string{"earlier", "number"} {
		number, err := strconv.Atoi(v.r.PathValue(name))
		at := slices.IndexFunc(found, func(x catalog.Version) bool { return x.Dataset == v.r.PathValue("dataset") && x.Number == number })
		if err != nil || at < 0 {
			return gatehouse.Errorf(gatehouse.CodeNotFound, "There is no such version.")
		}
		pair[i] = found[at]
	}
	p := versionsPage{At: pair[1]}
	if v.may(gatehouse.ActionDatasetPublish, "") {
		named, err := v.Projects.Custodians(v.r.Context(), v.who, p.At.Dataset)
		if err != nil {
			return err
		}
		p.Exact = slices.Contains(named, v.who.User)
	}
	if p.Exact {
		p.Diff = catalog.Compare(pair[0], pair[1])
	} else {
		p.Diff = catalog.Compare(withoutStudies(pair[0]), withoutStudies(pair[1])).Shown(shownDifference)
	}
	if v.Profiles != nil && v.may(gatehouse.ActionDatasetRead, "") {
		p.Variables, err = v.Profiles.Compare(v.r.Context(), v.who, p.At.Dataset, pair[0].Number, pair[1].Number)
		if gatehouse.CodeOf(err) == gatehouse.CodeNotFound {
			p.Variables, err = catalog.ProfileDiff{}, nil
		}
		if err != nil {
			return err
		}
	}
	v.render(http.StatusOK, "versions", p.To+" since "+p.From, p)
	return nil
}

package egress

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// What the release of a referred result lets out is in no question's history, since
// nothing of it was withheld. It counts for every project on the dataset: whoever
// reads it can be anybody.

// ReleasedCohorts are the rows and people that a released file is made of.
type ReleasedCohorts struct {
	Release  string
	Decision string // whose result it is
	Project  string
	Datasets []string // names
	Sealed   []byte
}

// errTooManyNumbers is of a table that the history has no room for.
var errTooManyNumbers = errors.New("the numbers are too many to be counted as released")

// maxCounted bounds the sealed cohorts of one file, in bytes.
const maxCounted = 1 << 30

// counted seals the rows and people of every number of a table, whether the gate
// would withhold it or not.
func (q *question) counted(r *plan.Release, t *groupTable, atoms *atomTable, rows *cohorts, under *beneath) ([]byte, error) {
	if q.gate.Histories == nil {
		return nil, nil
	}
	all := make([]disclosure.Verdict, t.rows)
	for i := range all {
		all[i].Withheld = make([]disclosure.Rule, len(r.Cells))
	}
	open := openScope(q.policy.Threshold, rows.values != nil)
	made, err := open.admit(q.decision.ID, r, t, atoms, all, rows, under)
	if made == nil || err != nil {
		return nil, err
	}
	for _, withheld := range [][]bool{made.PeopleWithheld, made.RowsWithheld, made.BeneathWithheld, made.ProductsWithheld, made.ComputedWithheld, made.CountedWithheld} {
		if slices.Contains(withheld, true) {
			return nil, errTooManyNumbers
		}
	}
	return q.gate.Histories.seal(q.session.Project.ID, made)
}

// openScope is a history of nothing that protects nobody and lets everything out. Each
// kind of number has its own: what one knows already is not kept for another.
func openScope(threshold int, computed bool) *scope {
	s := newScope(1)
	s.products, s.weights = disclosure.NewHistory(1, false), nil
	s.threshold = threshold // tells what few people are, as where it will count
	if computed {
		s.computed = disclosure.NewHistory(1, false)
	}
	return s
}

// Hold waits until no question of the projects on some datasets is being judged,
// and lets none be until done is called.
func (g *Gate) Hold(ctx context.Context, datasets []string) (done func(), err error) {
	if g.Histories == nil {
		return func() {}, nil
	}
	projects, err := g.Ledger.OnDatasets(ctx, datasets)
	if err != nil {
		return nil, err
	}
	slices.Sort(projects)
	return g.Histories.lock(ctx, projects)
}

// countedFiles reads what the files of a release let out.
func (s *Requests) countedFiles(ctx context.Context, r Request, release string) ([]ReleasedCohorts, error) {
	var out []ReleasedCohorts
	for _, f := range releasable(r) {
		if f.Cohorts == "" || f.Referral == nil {
			continue
		}
		c := ReleasedCohorts{Release: release, Decision: f.Decision, Project: r.Project}
		for _, d := range f.Referral.Datasets {
			name, _, _ := strings.Cut(d, "@")
			c.Datasets = append(c.Datasets, name)
		}
		content, err := s.Objects.Open(ctx, f.Cohorts)
		if err == nil {
			c.Sealed, err = io.ReadAll(io.LimitReader(content, maxCounted))
			err = errors.Join(err, content.Close())
		}
		if err != nil {
			return nil, gatehouse.Errorf(gatehouse.CodeBundle, "What the history must know of %s is not there; nothing was released.", f.Name).
				WithAdvice("The operator must restore the object store from a backup.").Because(err)
		}
		out = append(out, c)
	}
	return out, nil
}

// hold lets no question be judged while what counts for it is released.
func (s *Requests) hold(ctx context.Context, counted []ReleasedCohorts) (done func(), err error) {
	var datasets []string
	for _, c := range counted {
		datasets = append(datasets, c.Datasets...)
	}
	if len(datasets) == 0 || s.Gate == nil {
		return func() {}, nil
	}
	slices.Sort(datasets)
	return s.Gate.Hold(ctx, slices.Compact(datasets))
}

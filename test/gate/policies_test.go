package gate

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/state"
)

// number reads a shown number; NaN for NULL.
func number(t *testing.T, s string) float64 {
	t.Helper()
	if s == "NULL" {
		return math.NaN()
	}
	x, err := strconv.ParseFloat(s, 64)
	must(t, err)
	return x
}

// Under policies that round, every count is a multiple of five within five of the
// truth, totals are the sum of what is shown beside them, and asking again gives
// the same.
func TestRoundedTotalsAddUp(t *testing.T) {
	w := newWorld(t)
	for _, policy := range []string{"nhs", "opensafely@1"} {
		w.session.Project.Policy = policy
		for _, sql := range []string{
			"SELECT region, ethnicity, grouping(region, ethnicity) AS g, count(*) AS n FROM patients GROUP BY ROLLUP (region, ethnicity) ORDER BY ALL",
			"SELECT region, imd_decile, grouping(region, imd_decile) AS g, count(*) AS n FROM patients GROUP BY CUBE (region, imd_decile) ORDER BY ALL",
		} {
			shown, err := w.ask(sql)
			must(t, err)
			again, err := w.ask(sql)
			must(t, err)
			for i := range shown.rows {
				if !slices.Equal(shown.rows[i], again.rows[i]) {
					t.Errorf("%s: %v, then %v", policy, shown.rows[i], again.rows[i])
				}
			}
			truth := map[string]float64{}
			for _, row := range w.truth(sql) {
				truth[row[0]+"|"+row[1]+"|"+row[2]] = number(t, row[3])
			}
			sums := map[string]float64{}
			whole := map[string]bool{}
			for _, row := range shown.rows {
				n, exact := number(t, row[3]), truth[row[0]+"|"+row[1]+"|"+row[2]]
				if math.IsNaN(n) {
					whole["r"+row[0]], whole["c"+row[1]], whole[""] = true, true, true // something is missing
					continue
				}
				if math.Mod(n, 5) != 0 || math.Abs(n-exact) >= 5 {
					t.Errorf("%s: %v is %v", policy, row, exact)
				}
				if row[2] == "0" {
					sums["r"+row[0]] += n
					sums["c"+row[1]] += n
					sums[""] += n
				}
			}
			totals := 0
			for _, row := range shown.rows {
				key := map[string]string{"1": "r" + row[0], "2": "c" + row[1], "3": ""}[row[2]]
				n := number(t, row[3])
				if row[2] == "0" || math.IsNaN(n) || whole[key] {
					continue
				}
				if totals++; sums[key] != n {
					t.Errorf("%s: the parts of %v are %v together", policy, row, sums[key])
				}
			}
			if totals < 5 {
				t.Errorf("%s: only %d totals of %d rows were compared: %s", policy, totals, len(shown.rows), sql)
			}
		}
	}
}

// Nothing gives back a count that the policy rounds: not a sum of ones, not a
// share, not a mean and a sum of a measure.
func TestRoundedCountsStayRounded(t *testing.T) {
	w := newWorld(t)
	w.session.Project.Policy = "nhs"
	for _, where := range []string{"imd_decile = 3 AND region = 'North'", "imd_decile = 7 AND region = 'East'", "region = 'South' AND sex = 'F'", "birth_year < 1940"} {
		ask := func(what string) float64 {
			t.Helper()
			r, err := w.ask("SELECT " + what + " FROM patients WHERE " + where)
			must(t, err)
			return number(t, r.rows[0][0])
		}
		n := ask("count(*)")
		for what, want := range map[string]float64{"sum(1)": n, "sum(CASE WHEN sex IS NOT NULL THEN 1 ELSE 0 END)": n, "sum(2)": 2 * n} {
			if got := ask(what); got != want && !math.IsNaN(got) {
				t.Errorf("%s: %s is %v beside a count of %v", where, what, got, n)
			}
		}
		women := ask("count(*) FILTER (WHERE sex = 'F')")
		if got := ask("avg((sex = 'F')::INT)"); math.Abs(got-women/n) > 1e-3 {
			t.Errorf("%s: the share of women is %v, but %v of %v", where, got, women, n)
		}
		mean, sum := ask("avg(imd_decile)"), ask("sum(imd_decile)")
		exact := w.truth("SELECT avg(imd_decile), count(*) FROM patients WHERE " + where)[0]
		if math.Abs(mean-number(t, exact[0])) > 0.5 {
			t.Errorf("%s: the mean is %v, not %v", where, mean, exact[0])
		}
		if got := sum / mean; math.Abs(got-n) > n/500 {
			t.Errorf("%s: sum and mean show a count of %v, not %v", where, got, n)
		}
	}
}

// The same question under each policy: what the table in docs/gate.md says.
func TestEachPolicyRulesItsProjects(t *testing.T) {
	w := newWorld(t)
	const sql = "SELECT sex, count(*) AS n, avg(birth_year) AS mean FROM patients GROUP BY sex ORDER BY sex"
	for policy, want := range map[string]struct {
		full      string
		threshold int
		exact     bool
	}{"sdap": {"sdap@1", 10, true}, "sdap@1": {"sdap@1", 10, true}, "nhs": {"nhs@1", 8, false}, "opensafely": {"opensafely@1", 8, false}} {
		w.session.Project.Policy = policy
		r, err := w.ask(sql)
		must(t, err)
		if r.disclosure.Policy != want.full || r.disclosure.Threshold != want.threshold || len(r.disclosure.PolicySHA256) != 64 {
			t.Errorf("%s: the answer says %+v", policy, r.disclosure)
		}
		if r.disclosure.Groups != "some" || len(r.rows) != 2 {
			t.Errorf("%s: %d groups, of %s withheld", policy, len(r.rows), r.disclosure.Groups)
		}
		truth := w.truth(sql)
		if r.rows[1][1] != "NULL" {
			t.Errorf("%s: men are counted: with the women and everybody, that counts the four others", policy)
		}
		exact := r.rows[0][1] == truth[0][1]
		if exact != want.exact {
			t.Errorf("%s: shows %v of %v", policy, r.rows, truth)
		}
	}
	w.session.Project.Policy = "sdap@2"
	if _, err := w.ask(sql); gatehouse.CodeOf(err) != gatehouse.CodeConfig {
		t.Errorf("an unknown version answers: %v", err)
	}
}

// An answer says which rules withheld something, where, and what to ask instead;
// not which number was withheld by which rule.
func TestWithheldNumbersAreExplained(t *testing.T) {
	w := newWorld(t)
	r, err := w.ask("SELECT region AS area, sex, count(*) AS n, count(*) FILTER (WHERE sex = 'I') AS few FROM patients GROUP BY ROLLUP (region, sex) ORDER BY ALL")
	must(t, err)
	e := r.disclosure.Explanation
	if e == nil || len(e.Rules) == 0 || len(e.Where) == 0 {
		t.Fatalf("nothing is explained: %+v", r.disclosure)
	}
	withheld := 0
	shown := map[string]bool{}
	for _, row := range r.rows {
		for i, column := range []string{"n", "few"} {
			if row[2+i] == "NULL" {
				withheld++
				shown[row[0]+"|"+row[1]+"|"+column] = true
			}
		}
	}
	for _, p := range e.Where {
		text := func(key string) string {
			if v := p.Keys[key]; v != nil {
				return *v
			}
			return "NULL"
		}
		if at := text("area") + "|" + text("sex") + "|" + p.Column; !shown[at] {
			t.Errorf("the explanation names %s, which is not among the withheld %v", at, shown)
		}
	}
	if len(e.Where) != min(withheld, 20) || e.More != (withheld > 20) {
		t.Errorf("%d places for %d withheld numbers", len(e.Where), withheld)
	}
	for _, rule := range e.Rules {
		if rule.Rule != "group" && r.disclosure.Suppressed[rule.Rule] == 0 || rule.Why == "" || rule.Rewrite == "" {
			t.Errorf("%+v", rule)
		}
	}
	r, err = w.ask("SELECT imd_decile, count(*) FROM patients GROUP BY 1")
	must(t, err)
	if r.disclosure.Explanation != nil {
		t.Errorf("an answer with everything in it explains %+v", r.disclosure.Explanation)
	}
}

// anybody may do anything.
type anybody struct{}

func (anybody) Authorize(context.Context, gatehouse.Principal, gatehouse.Action, string) error {
	return nil
}

// A custodian's own policy rules the projects that name it: its threshold, its
// dominance, its word on conditions that everybody meets.
func TestACustodiansPolicyRules(t *testing.T) {
	w := newWorld(t)
	w.gate.Policies = &egress.Policies{Store: state.Policies{DB: w.state}, Authorizer: anybody{}}
	const text = "name: own\nsource: a test\nthreshold: 300\nrounding: nearest\nround_counts: 100\ndigits: 2\ndominance: {n: 2, k: 0.9, p: 0.1}\n" +
		"degrees_of_freedom: 10\nvariance_extra: 1\nquantile_grains: 10\nallow_full: false\n"
	_, err := w.gate.Policies.Add(t.Context(), w.session.Principal, []byte(text))
	must(t, err)
	_, err = w.gate.Policies.Add(t.Context(), w.session.Principal, []byte(strings.NewReplacer("threshold: 300", "threshold: 50", "round_counts: 100", "round_counts: 50", "allow_full: false", "allow_full: true").Replace(text)))
	must(t, err)
	full := "SELECT count(*) AS n, count(*) FILTER (WHERE birth_year > 1000) AS all_of_them FROM patients"

	w.session.Project.Policy = "own@1"
	r, err := w.ask("SELECT imd_decile, count(*) FROM patients GROUP BY 1")
	must(t, err)
	if len(r.rows) != 0 || r.disclosure.Policy != "own@1" || r.disclosure.Threshold != 300 {
		t.Errorf("shown: %v, %+v", r.rows, r.disclosure)
	}
	r, err = w.ask("SELECT count(*), avg(birth_year), quantile_disc(birth_year, 0.5) FROM patients WHERE sex = 'F'")
	must(t, err)
	if n, mean := number(t, r.rows[0][0]), number(t, r.rows[0][1]); math.Mod(n, 100) != 0 || math.Mod(mean, 100) != 0 {
		t.Errorf("shown: %v", r.rows)
	}
	if r, err = w.ask(full); err != nil || r.rows[0][1] != "NULL" {
		t.Errorf("a condition that everybody meets: %v, %v", r, err)
	}
	w.session.Project.Policy = "own" // the newest
	if r, err = w.ask(full); err != nil || r.rows[0][1] != "2000" || r.disclosure.Policy != "own@2" {
		t.Errorf("a condition that everybody may be seen to meet: %v, %v", r, err)
	}
	if r, err = w.ask("SELECT count(*) AS n, count(*) FILTER (WHERE birth_year < 1000) AS none FROM patients"); err != nil || r.rows[0][1] != "NULL" {
		t.Errorf("a condition that nobody meets: %v, %v", r, err)
	}
	if r, err = w.ask("SELECT count(*) AS n, count(*) FILTER (WHERE sex <> 'I') AS most FROM patients"); err != nil || r.rows[0][1] != "NULL" {
		t.Errorf("a condition that all but a few meet: %v, %v", r, err)
	}
}

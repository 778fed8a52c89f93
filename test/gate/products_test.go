package gate

import (
	"fmt"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
)

// Covariances of a value with what is known of everybody are equations about each
// one's value: there are few of them, and all of many people.
func TestCovariancesDoNotAddUpToValues(t *testing.T) {
	w := newWorld(t)
	w.remembers = true
	// Groups of some 15 people: enough for a sum or a mean, too few for several equations.
	small, err := w.ask("SELECT avg(imd_decile) FROM patients WHERE region = 'North' AND ethnicity = 'asian' AND birth_year BETWEEN 1930 AND 1945")
	if err != nil || small.rows[0][0] == "NULL" {
		t.Fatalf("%v %v", small, err)
	}
	few, err := w.ask("SELECT covar_pop(imd_decile, birth_year) FROM patients WHERE region = 'North' AND ethnicity = 'asian' AND birth_year BETWEEN 1930 AND 1945")
	if err != nil || few.rows[0][0] != "NULL" {
		t.Errorf("a covariance of few: %v %v", few, err)
	}
	weights := []string{"birth_year", "year(registered_from)", "month(registered_from)", "quarter(registered_from)", "dayofweek(registered_from)", "date_diff('day', DATE '1990-01-01', registered_from)"}
	answered := 0
	for _, x := range weights {
		for _, sql := range []string{
			fmt.Sprintf("SELECT region, covar_pop(imd_decile, 3 * %s - 7) FROM patients GROUP BY 1", x),
			fmt.Sprintf("SELECT regr_slope(%s, imd_decile) FROM patients WHERE ethnicity = 'white'", x),
		} {
			r, err := w.ask(sql)
			switch {
			case err == nil && r.rows[0][len(r.rows[0])-1] != "NULL":
				answered++
			case err != nil && gatehouse.Public(err).Code != gatehouse.CodeMeasure:
				t.Errorf("%s: %v", sql, err)
			}
		}
		if answered > 6 {
			t.Fatalf("%d covariances and slopes are answered, of %s too", answered, x)
		}
	}
	if answered < 6 {
		t.Errorf("only %d covariances and slopes are answered", answered)
	}
	w.restart()
	if _, err := w.ask("SELECT corr(imd_decile, dayofyear(registered_from)) FROM patients"); gatehouse.Public(err).Code != gatehouse.CodeMeasure {
		t.Errorf("after a restart one more is answered: %v", err)
	}
}

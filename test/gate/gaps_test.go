package gate

import (
	"testing"
)

// What a question makes of several numbers is not wrong because one of them is
// withheld: it is NULL.
func TestTotalsOfPartsAreNotWrong(t *testing.T) {
	w := newWorld(t)
	const parts = "(SELECT region, ethnicity, count(*) AS n, count(death_month) AS d FROM patients GROUP BY ALL)"
	deaths, err := w.ask("SELECT region, ethnicity, d FROM " + parts)
	if err != nil {
		t.Fatal(err)
	}
	gap := map[string]bool{}
	for _, row := range deaths.rows {
		gap[row[0]] = gap[row[0]] || row[2] == "NULL"
	}
	if len(gap) != 4 || !gap["North"] {
		t.Fatalf("the test needs regions with gaps: %v", deaths.rows)
	}
	for _, sql := range []string{
		"SELECT region, sum(n), sum(d), count(d) < count(*) FROM " + parts + " GROUP BY region",
		"SELECT DISTINCT region, sum(n) OVER w, sum(d) OVER w, count(d) OVER w < count(*) OVER w FROM " + parts + " WINDOW w AS (PARTITION BY region)",
		"SELECT region, sum(n), avg(100.0 * d / n) FILTER (WHERE n > 0), count(d) < count(*) FROM " + parts + " GROUP BY region",
		"SELECT region, sum(n), max(y), count(y) < count(*) FROM (SELECT region, n, d + 1 AS y FROM " + parts + ") GROUP BY region",
	} {
		got, err := w.ask(sql)
		if err != nil {
			t.Fatalf("%s\n%v", sql, err)
		}
		for _, row := range got.rows {
			if (row[2] == "NULL") != gap[row[0]] || row[1] == "NULL" || (row[3] == "true") != gap[row[0]] {
				t.Errorf("%s\n%v, gaps %v", sql, row, gap)
			}
		}
	}
}

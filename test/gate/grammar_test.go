package gate

import (
	"fmt"
	"os"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse/egress/plan"
	"github.com/gatehouse-tre/gatehouse/infra/engine"
)

// grammar are statements that the tree accepts: several aggregations of people,
// numbers that are asked for apart and put together, released numbers that stand
// in a condition, subqueries that are correlated at two levels.
var grammar = []string{
	`SELECT (SELECT count(*) FROM patients WHERE sex='F') * 1.0 / (SELECT count(*) FROM patients)`,
	`SELECT region, count(*) AS n, count(*) * 1.0 / (SELECT count(*) FROM patients) AS share FROM patients GROUP BY region`,
	`WITH a AS (SELECT region, count(*) AS n FROM patients GROUP BY 1), b AS (SELECT region, count(*) AS n FROM patients JOIN events USING (person_id) GROUP BY 1) SELECT a.region, b.n / a.n AS per FROM a JOIN b USING (region) ORDER BY 1`,
	`SELECT 'women' AS who, count(*) FROM patients WHERE sex = 'F' UNION ALL SELECT 'men', count(*) FROM patients WHERE sex = 'M'`,
	`SELECT sex, count(*) FROM patients GROUP BY 1 UNION SELECT 'all', count(*) FROM patients`,
	`SELECT sex FROM patients GROUP BY 1 EXCEPT SELECT sex FROM patients WHERE birth_year < 1950 GROUP BY 1`,
	`SELECT count(*) FROM patients WHERE birth_year > (SELECT avg(birth_year) FROM patients)`,
	`SELECT count(*) FROM events WHERE value > (SELECT avg(value) FROM events)`,
	`WITH m AS (SELECT avg(birth_year) AS m FROM patients) SELECT sex, count(*) FROM patients, m WHERE birth_year > m GROUP BY 1`,
	`WITH m AS (SELECT region, avg(birth_year) AS m FROM patients GROUP BY 1) SELECT sex, count(*) FROM patients JOIN m USING (region) WHERE birth_year > m GROUP BY 1`,
	`SELECT count(*) FROM patients WHERE region IN (SELECT region FROM patients GROUP BY 1 HAVING count(*) > 100)`,
	`SELECT region, (SELECT avg(value) FROM events) AS overall, count(*) FROM patients GROUP BY 1`,
	`SELECT count(DISTINCT code) FROM events`,
	`SELECT sex, count(DISTINCT diagnosis) FROM patients JOIN admissions USING (person_id) GROUP BY 1`,
	`SELECT region, count(DISTINCT person_id) FILTER (WHERE code='44054006') FROM events JOIN patients USING (person_id) GROUP BY 1`,
	`SELECT region, count(DISTINCT person_id) FROM events JOIN patients USING (person_id) GROUP BY ROLLUP(region)`,
	`SELECT count_if(sex = 'F'), sum((sex='F')::INT) FROM patients`,
	`SELECT sum(discharged - admitted) , avg(discharged - admitted) FROM admissions`,
	`SELECT avg(date_diff('day', admitted, discharged)) FROM admissions`,
	`SELECT sum(value * imd_decile) / sum(imd_decile) FROM events JOIN patients USING (person_id) WHERE value IS NOT NULL`,
	`SELECT quantile(value, 0.5) FROM events`,
	`SELECT stddev_pop(value), var_samp(value) FROM events`,
	`SELECT geomean(value) FROM events`,
	`PIVOT patients ON sex IN ('F','M') USING count(*) GROUP BY region`,
	`SELECT * FROM (SELECT region, sex FROM patients) PIVOT (count(*) FOR sex IN ('F','M'))`,
	`PIVOT (SELECT region, sex, imd_decile FROM patients) ON sex IN ('F','M') USING avg(imd_decile) GROUP BY region`,
	`SELECT DISTINCT sex, region FROM patients`,
	`SELECT count(*) FROM patients p WHERE EXISTS (SELECT 1 FROM events e WHERE e.person_id = p.person_id AND EXISTS (SELECT 1 FROM admissions a WHERE a.person_id = p.person_id AND a.admitted > e.date))`,
	`SELECT count(*) FROM patients p WHERE EXISTS (SELECT 1 FROM events e WHERE e.person_id = p.person_id AND e.date = (SELECT max(date) FROM events f WHERE f.person_id = e.person_id))`,
	`SELECT count(*) FROM patients p WHERE EXISTS (SELECT 1 FROM events e WHERE e.person_id = p.person_id AND e.value > (SELECT avg(value) FROM events f WHERE f.person_id = p.person_id))`,
	`SELECT count(*) FROM (SELECT count(DISTINCT code) OVER (PARTITION BY person_id) AS n FROM events) WHERE n > 3`,
	`SELECT count(*) FROM patients p, LATERAL (SELECT count(*) AS n FROM events e WHERE e.person_id = p.person_id) x WHERE n > 10`,
	`SELECT max(n), min(n) FROM (SELECT region, count(*) AS n FROM patients GROUP BY 1)`,
	`SELECT region, n, rank() OVER (ORDER BY n DESC) FROM (SELECT region, count(*) AS n FROM patients GROUP BY 1)`,
	`SELECT e.code, c.term, count(*) FROM events e LEFT JOIN codes c USING (code) GROUP BY 1, 2`,
	`SELECT count(*) FROM events WHERE code IN (SELECT code FROM codes WHERE term LIKE '%diab%')`,
	`SELECT count(*) FROM patients, (VALUES (1),(2)) v(i)`,
	`SELECT i, count(*) FROM patients JOIN (VALUES (1),(2)) v(i) ON birth_year > 1900 + i GROUP BY 1`,
	`SELECT count(*) FROM patients a SEMI JOIN events b USING (person_id)`,
	`SELECT b.lo, count(*) FROM patients JOIN (VALUES (1900, 1950), (1950, 2030)) b(lo, hi) ON birth_year >= lo AND birth_year < hi GROUP BY 1`,
	`SELECT count(*) FROM patients p WHERE EXISTS (SELECT 1 FROM events e WHERE e.person_id = p.person_id AND EXISTS (SELECT 1 FROM admissions a WHERE a.person_id = p.person_id AND a.admitted > e.date))`,
	`SELECT count(*) FROM patients p WHERE EXISTS (SELECT 1 FROM events e WHERE e.person_id = p.person_id AND EXISTS (SELECT 1 FROM admissions a WHERE a.person_id = e.person_id AND a.admitted > e.date))`,
	`SELECT count(*) FROM patients p WHERE EXISTS (SELECT 1 FROM events e WHERE e.person_id = p.person_id AND e.date = (SELECT max(date) FROM events f WHERE f.person_id = e.person_id))`,
	`SELECT count(*) FROM patients p WHERE EXISTS (SELECT 1 FROM events e WHERE e.person_id = p.person_id AND e.value > (SELECT avg(value) FROM events f WHERE f.person_id = p.person_id))`,
	`SELECT count(*) FROM patients p WHERE (SELECT count(*) FROM events e WHERE e.person_id = p.person_id AND NOT EXISTS (SELECT 1 FROM admissions a WHERE a.person_id = e.person_id AND a.admitted = e.date)) > 3`,
	`SELECT count(*) FROM patients p WHERE EXISTS (SELECT 1 FROM events e WHERE e.person_id = p.person_id AND EXISTS (SELECT 1 FROM admissions a WHERE a.person_id = p.person_id AND a.admitted > p.registered_from AND EXISTS (SELECT 1 FROM events g WHERE g.person_id = a.person_id AND g.date > e.date)))`,
	`SELECT sex, avg((SELECT count(*) FROM events e WHERE e.person_id = p.person_id AND e.date > (SELECT min(admitted) FROM admissions a WHERE a.person_id = p.person_id))) FROM patients p GROUP BY 1`,
	`SELECT count(*) FROM patients p, LATERAL (SELECT max(date) AS d FROM events e WHERE e.person_id = p.person_id) x, LATERAL (SELECT count(*) AS n FROM events e WHERE e.person_id = p.person_id AND e.date = x.d) y WHERE n > 1`,
	`SELECT region, count(*), avg(birth_year), avg(imd_decile) FROM patients GROUP BY 1`,
	`SELECT sum(value * imd_decile) / sum(imd_decile) FROM events JOIN patients USING (person_id) WHERE value IS NOT NULL`,
	`SELECT count(DISTINCT code) FROM events`,
	`SELECT sex, count(*), count(DISTINCT diagnosis), avg(length_of_stay) FROM patients JOIN admissions USING (person_id) GROUP BY 1`,
	`SELECT sex, region, count(*), count(DISTINCT diagnosis), grouping(sex) FROM patients JOIN admissions USING (person_id) GROUP BY ROLLUP(sex, region)`,
	`SELECT sex, count(DISTINCT diagnosis) FILTER (WHERE length_of_stay > 3), count(DISTINCT diagnosis) FROM patients LEFT JOIN admissions USING (person_id) GROUP BY 1`,
	`SELECT count(DISTINCT date_trunc('month', date)) FROM events`,
	`SELECT region, count(DISTINCT person_id) FILTER (WHERE code='44054006'), count(DISTINCT person_id), count(*), avg(value) FROM events JOIN patients USING (person_id) GROUP BY 1`,
	`SELECT region, sex, count(DISTINCT person_id) AS n, count(*) FROM events JOIN patients USING (person_id) GROUP BY ROLLUP(region, sex) ORDER BY ALL`,
	`SELECT region, sex, count(DISTINCT person_id) AS n, count(DISTINCT person_id) FILTER (WHERE code='44054006'), grouping(region, sex) FROM events JOIN patients USING (person_id) GROUP BY CUBE(region, sex) ORDER BY ALL`,
	`SELECT count(DISTINCT CASE WHEN code = '44054006' THEN person_id END) FROM events`,
	`SELECT count(DISTINCT a.person_id) FROM patients p LEFT JOIN admissions a USING (person_id)`,
	`SELECT count(DISTINCT sex) , count(DISTINCT region) FROM patients HAVING count(*) > 3`,
	`SELECT 100.0 * count(DISTINCT person_id) FILTER (WHERE code='44054006') / count(DISTINCT person_id) FROM events`,
	`SELECT region, count(DISTINCT practice_id) AS practices FROM patients GROUP BY region HAVING count(DISTINCT practice_id) > 2 ORDER BY 2`,
	`SELECT count(*) FROM patients p WHERE EXISTS (SELECT 1 FROM events e WHERE e.person_id = p.person_id AND e.value > (SELECT avg(value) FROM events f WHERE f.person_id = p.person_id AND f.date < e.date))`,
}

// What the gate prints of a statement, for the vault and for the lobby, means
// what DuckDB says that the statement means.
func TestWhatIsPrintedMeansTheStatement(t *testing.T) {
	w := newWorld(t)
	process, err := engine.Start(t.Context(), engine.Config{Binary: engineBinary, Role: engine.RoleBinder, Sockets: shortDir(t), Log: os.Stderr})
	must(t, err)
	defer process.Close()
	var ddl []string
	var tables []*plan.Table
	for _, table := range worldTables {
		var columns []string
		for _, c := range table.Columns {
			columns = append(columns, c.Name+" "+c.Type)
		}
		ddl = append(ddl, "CREATE TABLE "+table.Name+" ("+strings.Join(columns, ", ")+")")
		tables = append(tables, &plan.Table{Name: table.Name, Public: table.Public, Columns: table.Columns, Source: plan.Ident(table.Name), Once: table.Name == "patients"})
	}
	for _, sql := range slices.Concat(grammar, unions) {
		bound, err := engine.Binder{Process: process}.Bind(t.Context(), ddl, sql)
		must(t, err)
		s, err := plan.Read(bound.Plan, tables, nil)
		if err == nil {
			err = plan.Check(s)
		}
		if err != nil {
			t.Errorf("%s\n%v", sql, err)
			continue
		}
		names := make([]string, len(bound.Columns))
		for i := range names {
			names[i] = fmt.Sprint("n", i)
		}
		rows, _, err := w.unjudged(s, names)
		if err != nil {
			t.Errorf("%s\n%v", sql, err)
			continue
		}
		if got, want := unordered(rows), unordered(w.truth(sql)); got != want {
			t.Errorf("%s\n%s\nnot\n%s", sql, got, want)
		}
	}
}

// unordered is rows as one text, whatever their order, with six digits.
func unordered(rows [][]string) string {
	var out []string
	for _, row := range rows {
		for i, v := range row {
			if x, err := strconv.ParseFloat(v, 64); err == nil && strings.ContainsAny(v, ".e") {
				row[i] = fmt.Sprintf("%.6g", x)
			}
		}
		out = append(out, strings.Join(row, ","))
	}
	sort.Strings(out)
	return strings.Join(out, "|")
}

// count(DISTINCT x) counts the values that enough people have: whether one
// person's value is among others does not show.
func TestDistinctValuesOfFewPeopleDoNotShow(t *testing.T) {
	w := newWorld(t)
	one := w.onePerson()
	for _, sql := range []string{
		"SELECT count(DISTINCT region) FROM patients WHERE region = 'North' OR {1}",
		"SELECT count(DISTINCT region) FROM patients WHERE region = 'South' OR {1}",
		"SELECT count(DISTINCT region) FROM patients WHERE region = 'East' OR {1}",
		"SELECT count(DISTINCT region) FROM patients WHERE region = 'West' OR {1}",
		"SELECT count(DISTINCT ((CASE WHEN {1} THEN 1 ELSE 0 END) = (CASE WHEN birth_year < 1950 THEN NULL ELSE 1 END))) FROM patients",
	} {
		r, err := w.ask(strings.ReplaceAll(sql, "{1}", one))
		if err != nil {
			t.Errorf("%s\n%v", sql, err)
			continue
		}
		if r.rows[0][0] != "1" {
			t.Errorf("%s\nanswered %v", sql, r.rows)
		}
	}
	r, err := w.ask("SELECT count(DISTINCT code) FROM events")
	must(t, err)
	want := w.truth("SELECT count(*) FROM (SELECT code FROM events GROUP BY code HAVING count(DISTINCT person_id) >= 10)")
	if r.rows[0][0] != want[0][0] {
		t.Errorf("%v values, not %v", r.rows, want)
	}
}

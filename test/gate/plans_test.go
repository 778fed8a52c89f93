package gate

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/gatehouse-tre/gatehouse/infra/engine"
)

var update = flag.Bool("update", false, "write the plans that egress/plan reads in its own tests")

// planDDL is the schema of egress/plan's tests.
var planDDL = []string{
	"CREATE TABLE patients (person_id VARCHAR, sex VARCHAR, birth_year INTEGER, region VARCHAR, lsoa VARCHAR, imd_decile INTEGER, registered_from DATE)",
	"CREATE TABLE events (person_id VARCHAR, date DATE, code VARCHAR, value DOUBLE)",
	"CREATE TABLE codes (code VARCHAR, term VARCHAR)",
}

var planSeeds = []string{
	"SELECT sex, region, count(*) FROM patients GROUP BY ALL ORDER BY ALL",
	"SELECT region, avg(value), stddev(value) FROM events JOIN patients USING (person_id) WHERE code = '1' GROUP BY 1 HAVING count(*) > 3 ORDER BY 2 DESC LIMIT 3",
	"WITH d AS (SELECT DISTINCT person_id FROM events WHERE code LIKE '4%') SELECT sex, count(*), count(d.person_id) FROM patients LEFT JOIN d USING (person_id) GROUP BY 1",
	"SELECT count(*) FILTER (WHERE birth_year > 1950 AND sex IN ('F','M')), sum(CASE WHEN sex = 'F' THEN imd_decile ELSE 0 END) FROM patients",
	"WITH w AS (SELECT person_id, value, row_number() OVER (PARTITION BY person_id ORDER BY date DESC) r FROM events) SELECT avg(value) FROM w WHERE r = 1",
	"SELECT region, sex, count(*), grouping(sex) FROM patients GROUP BY ROLLUP (region, sex)",
	"SELECT c.term, count(DISTINCT e.person_id) FROM events e JOIN codes c USING (code) GROUP BY 1",
	"WITH r AS (SELECT region, avg(imd_decile) a FROM patients GROUP BY 1) SELECT * FROM r WHERE a > (SELECT avg(a) FROM r)",
	"SELECT quantile_cont(value, [0.25, 0.5]), median(value), regr_slope(value, 3 * value) FROM events",
	"SELECT date_trunc('month', date), sum(value) FROM events WHERE date >= DATE '2020-01-01' AND person_id IN (SELECT person_id FROM patients WHERE imd_decile = 1) GROUP BY 1",
	"CREATE TABLE c AS SELECT person_id, min(date) AS first FROM events GROUP BY person_id",
}

// The plans that egress/plan is tested and fuzzed with are what DuckDB says today.
func TestPlansAreCurrent(t *testing.T) {
	process, err := engine.Start(t.Context(), engine.Config{Binary: engineBinary, Role: engine.RoleBinder, Sockets: shortDir(t), Log: os.Stderr})
	must(t, err)
	defer process.Close()
	for i, sql := range planSeeds {
		bound, err := engine.Binder{Process: process}.Bind(context.Background(), planDDL, sql)
		must(t, err)
		file := filepath.Join("..", "..", "egress", "plan", "testdata", "plans", fmt.Sprintf("%02d.json", i))
		if *update {
			must(t, os.MkdirAll(filepath.Dir(file), 0o755))
			must(t, os.WriteFile(file, bound.Plan, 0o644))
		}
		kept, err := os.ReadFile(file)
		must(t, err)
		if string(kept) != string(bound.Plan) {
			t.Errorf("%s is not what DuckDB says of %q; run this test with -update", file, sql)
		}
	}
}

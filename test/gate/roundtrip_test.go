package gate

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
	"github.com/gatehouse-tre/gatehouse/infra/engine"
)

// shapes put a generated question Q of groups (columns g0, g1 and n) into what a
// researcher does with one; each gives the same rows in whatever order.
var shapes = []string{
	"SELECT * FROM (Q)",
	"SELECT * FROM (Q) WHERE n > 20 OR n IS NULL",
	"SELECT g0, n, n / sum(n) OVER () AS share, rank() OVER (ORDER BY n DESC, g0, g1) AS r FROM (Q)",
	"WITH q AS (Q) SELECT a.g0, a.n - b.n AS d FROM q a JOIN q b ON a.g0 = b.g0 AND a.g1 = b.g1 WHERE a.n >= (SELECT avg(n) FROM q)",
	"SELECT g0, count(*), sum(n), max(n) FROM (Q) GROUP BY ROLLUP (g0)",
	"SELECT g0, sum(n), grouping(g0) FROM (Q) GROUP BY CUBE (g0, g1)",
	"SELECT DISTINCT g0 FROM (Q)",
	"SELECT * FROM (Q) UNION ALL SELECT g1, g0, n + 1 FROM (Q)",
	"SELECT g0 FROM (Q) EXCEPT SELECT g1 FROM (Q)",
	"PIVOT (SELECT 'x' || (n > 100) AS big, g0, n FROM (Q)) ON big IN ('xtrue', 'xfalse') USING sum(n) GROUP BY g0",
	"SELECT g0, g1, n FROM (Q) q WHERE EXISTS (SELECT 1 FROM (Q) o WHERE o.g0 = q.g0 AND o.n > q.n)",
	"SELECT g0, (SELECT max(o.n) FROM (Q) o WHERE o.g0 = q.g0) AS most FROM (Q) q",
	"SELECT g0, g1, n FROM (Q) ORDER BY n DESC NULLS LAST, g0, g1 LIMIT 3",
	"SELECT CASE WHEN n > 50 THEN 'many' WHEN n IS NULL THEN 'none' ELSE 'few' END AS size, count(*) FILTER (WHERE g0 <> '') FROM (Q) GROUP BY 1 HAVING count(*) > 1",
}

// A tree that is printed, bound by DuckDB and read again prints the same: once
// Every print of a tree gives the rows of the question that was read, with nothing
// withheld; and so does the print of what DuckDB binds of the print. (The guard
// that is printed around a scalar subquery raises an error, which no statement
// that is read may do: such a print is not read again.)
func TestPrintedTreesRoundTrip(t *testing.T) {
	checks(t, 60)
	w := newWorld(t)
	process, err := engine.Start(t.Context(), engine.Config{Binary: engineBinary, Role: engine.RoleBinder, Sockets: shortDir(t), Log: os.Stderr})
	must(t, err)
	t.Cleanup(func() { process.Close() })
	var ddl []string
	var tables []*plan.Table
	for _, table := range worldTables {
		columns := make([]string, len(table.Columns))
		public := table
		public.Columns = slices.Clone(table.Columns)
		for i, c := range table.Columns {
			columns[i] = plan.Ident(c.Name) + " " + c.Type
			public.Columns[i].Class = catalog.ClassReference
		}
		ddl = append(ddl, "CREATE TABLE "+plan.Ident(table.Name)+" ("+strings.Join(columns, ", ")+")")
		tables = append(tables, &plan.Table{Name: table.Name, Public: true, Columns: public.Columns, Source: plan.Ident(table.Name)})
	}
	again := func(r *rapid.T, sql string) string {
		bound, err := engine.Binder{Process: process}.Bind(t.Context(), ddl, sql)
		if err != nil {
			r.Fatalf("%s\n%v", sql, err)
		}
		s, err := plan.Read(bound.Plan, tables, nil)
		if gatehouse.CodeOf(err) == gatehouse.CodeOperator {
			r.Skip("not read yet") // a subquery that is correlated at two levels
		}
		if err != nil {
			r.Fatalf("%s\n%v", sql, err)
		}
		names := make([]string, len(bound.Columns))
		for i := range names {
			names[i] = fmt.Sprint("c", i)
		}
		printed, err := (&plan.Printer{}).Statement(s.Root, names)
		if err != nil {
			r.Fatalf("%s\n%v", sql, err)
		}
		return printed
	}
	rapid.Check(t, func(r *rapid.T) {
		q := drawMeasured(r)
		keys := append(slices.Clone(q.keys), "'-'", "'-'")[:2]
		inner := q.with + "SELECT (" + keys[0] + ")::VARCHAR AS g0, (" + keys[1] + ")::VARCHAR AS g1, round(" + q.number.sql + ", 4) AS n FROM " + q.from + " WHERE " + q.where + q.grouped()
		sql := strings.ReplaceAll(rapid.SampledFrom(shapes).Draw(r, "shape"), "(Q)", "("+inner+")")
		want := w.truth(sql)
		prints := []string{again(r, sql)}
		if !strings.Contains(prints[0], "error(") {
			prints = append(prints, again(r, prints[0]))
		}
		for _, printed := range prints {
			if got := w.truth(printed); !sameRows(got, want) {
				r.Fatalf("%s\nwas printed as\n%s\nand gives\n%v\nnot\n%v", sql, printed, got, want)
			}
		}
	})
}

// sameRows compares rows in any order. Sums of real numbers depend on the order in
// which they are added, in their last digits.
func sameRows(a, b [][]string) bool {
	byText := func(x, y []string) int { return strings.Compare(strings.Join(x, "|"), strings.Join(y, "|")) }
	slices.SortFunc(a, byText)
	slices.SortFunc(b, byText)
	return slices.EqualFunc(a, b, func(x, y []string) bool {
		return slices.EqualFunc(x, y, func(v, w string) bool {
			f, errF := strconv.ParseFloat(v, 64)
			g, errG := strconv.ParseFloat(w, 64)
			return v == w || errF == nil && errG == nil && math.Abs(f-g) <= 1e-6*math.Abs(g)+2e-4
		})
	})
}

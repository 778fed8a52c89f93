package quality

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
)

// Tables are the published tables, before they are published.
type Tables interface {
	// Relation gives what stands for a table in SQL.
	Relation(table string) string
	// Query streams an answer; its reader is released by the caller.
	Query(ctx context.Context, sql string) (array.RecordReader, error)
}

// Result is what became of a check.
type Result struct {
	Check
	Passed  bool  `json:"passed"`
	Total   int64 `json:"total"`   // rows (of months: months) that were looked at
	Failing int64 `json:"failing"` // of them, those that do not pass
	// Months has the rows of each month, for checks by month.
	Months []Month `json:"months,omitempty"`
}

// Month is how many rows a month has.
type Month struct {
	Month string `json:"month"` // 2025-03
	Rows  int64  `json:"rows"`
}

// Report is what became of all checks of a version.
type Report struct {
	Version string    `json:"version"` // name@number
	Made    time.Time `json:"made"`
	Results []Result  `json:"results"`
}

// Refused gives the names of the checks for which nothing is published.
func (r Report) Refused() []string {
	var out []string
	for _, x := range r.Results {
		if !x.Passed && x.Severity == Refuse {
			out = append(out, x.Name)
		}
	}
	return out
}

// Run makes every check.
func Run(ctx context.Context, tables Tables, checks []Check) ([]Result, error) {
	out := []Result{}
	for _, c := range checks {
		r, err := c.run(ctx, tables)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

func (c Check) run(ctx context.Context, tables Tables) (Result, error) {
	r := Result{Check: c}
	if c.Monthly != "" {
		return r, r.byMonth(ctx, tables)
	}
	from := " FROM " + tables.Relation(c.Table)
	var sql string
	switch {
	case c.Complete != "":
		sql = "SELECT count(*), count(*) - count(" + name(c.Complete) + ")" + from
	case c.Range != nil:
		var outside []string
		if c.Range.Min != nil {
			outside = append(outside, name(c.Range.Column)+" < "+literal(*c.Range.Min))
		}
		if c.Range.Max != nil {
			outside = append(outside, name(c.Range.Column)+" > "+literal(*c.Range.Max))
		}
		sql = "SELECT count(*), count(*) FILTER (WHERE " + strings.Join(outside, " OR ") + ")" + from
	case len(c.Unique) > 0:
		keys := make([]string, len(c.Unique))
		for i, k := range c.Unique {
			keys[i] = name(k)
		}
		sql = "SELECT coalesce(sum(n), 0)::BIGINT, coalesce(sum(n - 1), 0)::BIGINT FROM (SELECT count(*) AS n" + from + " GROUP BY " + strings.Join(keys, ", ") + ")"
	case c.Refers != nil:
		table, column, _ := strings.Cut(c.Refers.To, ".")
		sql = "SELECT count(*), count(*) FILTER (WHERE " + name(c.Refers.Column) + " IS NOT NULL AND NOT EXISTS (SELECT 1 FROM " + tables.Relation(table) +
			" AS there WHERE there." + name(column) + " = here." + name(c.Refers.Column) + "))" + from + " AS here"
	case len(c.Order) == 2:
		sql = "SELECT count(*), count(*) FILTER (WHERE " + name(c.Order[1]) + " < " + name(c.Order[0]) + ")" + from
	case c.Rows != nil:
		sql = "SELECT count(*), 0::BIGINT" + from
	}
	rows, err := numbers(ctx, tables, sql)
	if err != nil {
		return r, err
	}
	r.Total, r.Failing = rows[0][0], rows[0][1]
	r.Passed = float64(r.Total-r.Failing) >= *c.AtLeast*float64(r.Total)
	if c.Rows != nil {
		r.Passed = r.Total >= c.Rows.Min && (c.Rows.Max == 0 || r.Total <= c.Rows.Max)
	}
	return r, nil
}

// byMonth counts the rows of each month between the first and the last. Those two are
// not judged: data rarely begins and ends with a month.
func (r *Result) byMonth(ctx context.Context, tables Tables) error {
	month := "(date_part('year', " + name(r.Monthly) + ") * 12 + date_part('month', " + name(r.Monthly) + ") - 1)::BIGINT"
	rows, err := numbers(ctx, tables, "SELECT "+month+" AS m, count(*) FROM "+tables.Relation(r.Table)+" WHERE "+name(r.Monthly)+" IS NOT NULL GROUP BY m ORDER BY m")
	if err != nil {
		return err
	}
	for i, row := range rows {
		if i > 0 { // months without any row
			for m := rows[i-1][0] + 1; m < row[0]; m++ {
				r.Months = append(r.Months, Month{monthName(m), 0})
			}
		}
		r.Months = append(r.Months, Month{monthName(row[0]), row[1]})
	}
	r.Total = int64(len(r.Months))
	if len(r.Months) > 2 {
		inner := r.Months[1 : len(r.Months)-1]
		counts := make([]int64, len(inner))
		for i, m := range inner {
			counts[i] = m.Rows
		}
		slices.Sort(counts)
		least := *r.AtLeast * float64(counts[len(counts)/2])
		for _, m := range inner {
			if m.Rows == 0 || float64(m.Rows) < least {
				r.Failing++
			}
		}
	}
	r.Passed = r.Failing == 0
	return nil
}

func monthName(m int64) string { return fmt.Sprintf("%04d-%02d", m/12, m%12+1) }

// numbers reads rows of whole numbers.
func numbers(ctx context.Context, tables Tables, sql string) ([][]int64, error) {
	reader, err := tables.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	defer reader.Release()
	var out [][]int64
	for reader.Next() {
		batch := reader.RecordBatch()
		for i := range int(batch.NumRows()) {
			row := make([]int64, batch.NumCols())
			for c, column := range batch.Columns() {
				n, ok := column.(*array.Int64)
				if !ok || n.IsNull(i) {
					return nil, errors.New("quality: a check did not give numbers")
				}
				row[c] = n.Value(i)
			}
			out = append(out, row)
		}
	}
	if err := reader.Err(); err != nil {
		return nil, err
	}
	return out, nil
}

func name(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

func literal(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

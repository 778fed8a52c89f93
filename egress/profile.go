package egress

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// profiling makes the profile of one version: it asks the gate the questions that
// everybody would ask first, and keeps what it answers.
type profiling struct {
	gate  *Gate
	enter func(ctx context.Context) (*workspaces.Session, error) // the session of one question
	tell  func(asked, of int)

	first     *workspaces.Session // says what is asked
	asked, of int
}

// begin looks at what is to be asked.
func (p *profiling) begin(ctx context.Context) (err error) {
	if p.first, err = p.enter(ctx); err != nil {
		return err
	}
	p.of = questionsOf(p.first.Mounts[0].Tables)
	p.tell(0, p.of)
	return nil
}

// questionsOf counts what is asked about a version.
func questionsOf(tables []catalog.Table) int {
	n := 0
	for _, t := range tables {
		n++
		if t.Public {
			continue
		}
		for _, c := range t.Columns {
			switch c.Class {
			case catalog.ClassDimension, catalog.ClassDate, catalog.ClassQuasi:
				n++
			case catalog.ClassMeasure:
				n += 2
			}
		}
	}
	return n
}

func (p *profiling) profile(ctx context.Context) (catalog.Profile, error) {
	m := p.first.Mounts[0]
	out := catalog.Profile{Dataset: m.Version.Dataset, Number: m.Version.Number, Policy: p.first.Project.Policy}
	for _, t := range m.Tables {
		made, err := p.table(ctx, t)
		if err != nil {
			return out, err
		}
		out.Tables = append(out.Tables, made)
	}
	return out, nil
}

func (p *profiling) table(ctx context.Context, t catalog.Table) (catalog.TableProfile, error) {
	out := catalog.TableProfile{Name: t.Name, Public: t.Public, Columns: []catalog.ColumnProfile{}}
	from := " FROM " + plan.Ident(t.Name)
	size := "SELECT count(*)" + from
	if !t.Public && t.Rows != t.People {
		size = "SELECT count(*), count(DISTINCT " + catalog.PersonColumn + ")" + from
	}
	rows, _, err := p.ask(ctx, size)
	if err != nil {
		return out, err
	}
	if len(rows) == 1 {
		out.Rows = shownCount(rows[0][0])
		if !t.Public {
			out.People = shownCount(rows[0][len(rows[0])-1])
		}
	}
	if t.Public {
		return out, nil
	}
	for _, c := range t.Columns {
		made := catalog.ColumnProfile{Name: c.Name, Type: c.Type, Class: c.Class}
		switch c.Class {
		case catalog.ClassDimension:
			err = p.values(ctx, &made, "SELECT "+plan.Ident(c.Name)+" AS value, count(*) AS n"+from+
				" GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT "+strconv.Itoa(catalog.MaxProfileValues+2))
		case catalog.ClassDate:
			err = p.values(ctx, &made, "SELECT year("+plan.Ident(c.Name)+") AS value, count(*) AS n"+from+" GROUP BY 1 ORDER BY 1")
			if n := len(made.Values); n > 0 {
				made.First, made.Last = made.Values[0].Value, made.Values[n-1].Value
			}
		case catalog.ClassMeasure:
			if err = p.missing(ctx, &made, from, out.Rows); err == nil {
				err = p.spread(ctx, &made, from)
			}
		case catalog.ClassQuasi:
			err = p.missing(ctx, &made, from, out.Rows)
		default:
			continue
		}
		if err != nil {
			return out, err
		}
		out.Columns = append(out.Columns, made)
	}
	return out, nil
}

// values reads rows of a value and how many rows have it.
func (p *profiling) values(ctx context.Context, c *catalog.ColumnProfile, sql string) error {
	rows, refused, err := p.ask(ctx, sql)
	if c.Refused = refused; err != nil {
		return err
	}
	c.More = refused == "" // groups of few people are left out, and nobody says whether there are any
	for _, r := range rows {
		n := shownCount(r[1])
		switch {
		case n == nil:
		case r[0] == nil:
			c.Missing = n
		case c.Class == catalog.ClassDate || len(c.Values) < catalog.MaxProfileValues:
			c.Values = append(c.Values, catalog.ValueCount{Value: *r[0], Rows: *n})
		}
	}
	return nil
}

// missing asks how many rows have no value.
func (p *profiling) missing(ctx context.Context, c *catalog.ColumnProfile, from string, all *int64) error {
	rows, refused, err := p.ask(ctx, "SELECT count("+plan.Ident(c.Name)+")"+from)
	if c.Refused = refused; err != nil || len(rows) != 1 {
		return err
	}
	if there := shownCount(rows[0][0]); there != nil && all != nil && *there < *all {
		n := *all - *there
		c.Missing = &n
	}
	return nil
}

// spread asks for the mean and the quantiles of a measure.
func (p *profiling) spread(ctx context.Context, c *catalog.ColumnProfile, from string) error {
	name := plan.Ident(c.Name)
	sql := "SELECT avg(" + name + ")"
	for _, q := range catalog.ProfileQuantiles {
		sql += fmt.Sprintf(", quantile_cont(%s, %g)", name, q)
	}
	rows, refused, err := p.ask(ctx, sql+from)
	if err != nil || refused != "" || len(rows) != 1 {
		if c.Missing == nil {
			c.Refused = refused
		}
		return err
	}
	c.Refused = ""
	c.Mean = shownNumber(rows[0][0])
	for i, q := range catalog.ProfileQuantiles {
		if v := shownNumber(rows[0][i+1]); v != nil {
			c.Quantiles = append(c.Quantiles, catalog.Quantile{P: q, Value: *v})
		}
	}
	return nil
}

// ask asks the gate, and gives the answer's rows as text, nil for NULL. A refusal of
// the question is no failure: refused is its code. Where the gate itself does not
// work, or the question may not be asked any more, no profile is made.
func (p *profiling) ask(ctx context.Context, sql string) (rows [][]*string, refused string, err error) {
	p.asked++
	p.tell(p.asked, p.of)
	session, err := p.enter(ctx)
	if err != nil { // whoever had it asked may not any more, or the version may not be asked about
		return nil, "", err
	}
	answer, err := p.gate.Ask(ctx, session, sql, nil)
	if err != nil {
		shown := gatehouse.Public(err)
		switch kind := shown.Kind(); {
		case ctx.Err() != nil, shown.Code == gatehouse.CodeTimeLimit: // nobody else is answered meanwhile
		case kind == gatehouse.KindInvalid, kind == gatehouse.KindDenied, kind == gatehouse.KindExhausted:
			return nil, string(shown.Code), nil
		}
		return nil, "", err
	}
	defer answer.Reader.Release()
	for answer.Reader.Next() {
		rows = appendRows(rows, answer.Reader.RecordBatch())
	}
	return rows, "", answer.Reader.Err()
}

func appendRows(rows [][]*string, batch arrow.RecordBatch) [][]*string {
	for i := range int(batch.NumRows()) {
		row := make([]*string, batch.NumCols())
		for c, column := range batch.Columns() {
			if !column.IsNull(i) {
				row[c] = new(shownText(column, i))
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// shownText writes a value as SQL's VARCHAR would show it: a date without its time of day.
func shownText(column arrow.Array, i int) string {
	if at, ok := column.(*array.Timestamp); ok {
		return strings.TrimSuffix(at.Value(i).ToTime(at.DataType().(*arrow.TimestampType).Unit).Format("2006-01-02 15:04:05"), " 00:00:00")
	}
	return column.ValueStr(i)
}

func shownCount(s *string) *int64 {
	if s == nil {
		return nil
	}
	n, err := strconv.ParseInt(*s, 10, 64)
	if err != nil {
		return nil
	}
	return &n
}

func shownNumber(s *string) *float64 {
	if s == nil {
		return nil
	}
	x, err := strconv.ParseFloat(*s, 64)
	if err != nil {
		return nil
	}
	return &x
}

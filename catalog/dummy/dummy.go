// Package dummy makes data that looks like a dataset and is about nobody: so that
// code can be written before a project is approved. It knows of the dataset what its
// profile shows, which passed the gate, and nothing else: columns are drawn one by
// one, so that no relation between them is kept, and none can be disclosed.
package dummy

import (
	"encoding/base32"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

// Bounds of what is made.
const (
	MaxPeople    = 1_000_000
	maxPerPerson = 1000 // rows of one person in one table
)

// maker draws rows.
type maker struct {
	profile *catalog.Profile
	tables  []catalog.Table
	people  int
	random  *rand.Rand
}

// Write makes dummy data of people in a folder that is empty or not there: one CSV file
// for each table, and load.sql, which makes DuckDB tables of them. tables are the
// version's with all columns; the same seed gives the same bytes.
func Write(dir string, tables []catalog.Table, p *catalog.Profile, people int, seed uint64) error {
	if people < 1 || people > MaxPeople {
		return gatehouse.Errorf(gatehouse.CodeUsage, "Dummy data is of 1 to %d people.", MaxPeople)
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return gatehouse.Errorf(gatehouse.CodeUsage, "The folder %s is not empty.", dir).WithAdvice("Name a folder that is not there yet.")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return unwritable(err)
	}
	m := &maker{profile: p, tables: tables, people: people, random: rand.New(rand.NewPCG(seed, 0))}
	var load strings.Builder
	fmt.Fprintf(&load, "-- Dummy data of %s@%d: about nobody. Run in this folder: duckdb dummy.duckdb < load.sql\n", p.Dataset, p.Number)
	for _, t := range tables {
		if !gatehouse.ValidName(t.Name) {
			return errors.New("dummy: a table without a name")
		}
		if err := m.write(filepath.Join(dir, t.Name+".csv"), t); err != nil {
			return unwritable(err)
		}
		load.WriteString(statement(t))
	}
	if err := os.WriteFile(filepath.Join(dir, "load.sql"), []byte(load.String()), 0o644); err != nil {
		return unwritable(err)
	}
	return nil
}

func unwritable(err error) error {
	return gatehouse.Errorf(gatehouse.CodeStorage, "The dummy data cannot be written.").WithAdvice("Free space on the volume, or name another folder.").Because(err)
}

// statement loads a table's file with its types.
func statement(t catalog.Table) string {
	columns := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		columns[i] = quote(c.Name, "'") + ": " + quote(c.Type, "'")
	}
	return fmt.Sprintf("CREATE TABLE %s AS FROM read_csv('%s.csv', header = true, columns = {%s});\n", quote(t.Name, `"`), t.Name, strings.Join(columns, ", "))
}

func quote(s, mark string) string { return mark + strings.ReplaceAll(s, mark, mark+mark) + mark }

func (m *maker) write(path string, t catalog.Table) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(m.rows(f, t), f.Close())
}

func (m *maker) rows(out io.Writer, t catalog.Table) error {
	w := csv.NewWriter(out)
	header := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		header[i] = c.Name
	}
	if err := w.Write(header); err != nil {
		return err
	}
	if t.Public {
		if err := m.reference(w, t); err != nil {
			return err
		}
		w.Flush()
		return w.Error()
	}
	shown := m.profile.Table(t.Name)
	each := m.perPerson(shown)
	row := make([]string, len(t.Columns))
	for person := range m.people {
		for range m.times(each, shown) {
			for i, c := range t.Columns {
				switch {
				case c.Class == catalog.ClassPerson:
					row[i] = pseudonym(person)
				default:
					row[i] = m.value(c, shown)
				}
			}
			if err := w.Write(row); err != nil {
				return err
			}
		}
	}
	w.Flush()
	return w.Error()
}

// pseudonym looks like a project's, and is a dummy's number.
func pseudonym(person int) string {
	var b [20]byte
	copy(b[:], "dummy person")
	binary.BigEndian.PutUint64(b[12:], uint64(person)+1)
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}

// perPerson is how many rows a person of the dataset has in a table, on average.
func (m *maker) perPerson(shown *catalog.TableProfile) float64 {
	all := int64(0)
	for _, t := range m.profile.Tables {
		if t.People != nil {
			all = max(all, *t.People)
		}
	}
	if shown == nil || shown.Rows == nil || all == 0 {
		return 1
	}
	return float64(*shown.Rows) / float64(all)
}

// times draws how many rows one person has: exactly one where everybody has one.
func (m *maker) times(each float64, shown *catalog.TableProfile) int {
	if shown != nil && shown.Rows != nil && shown.People != nil && *shown.Rows == *shown.People && each > 0.95 {
		return 1
	}
	return min(poisson(m.random, each), maxPerPerson)
}

// poisson draws by Knuth's method in steps, since exp(-mean) of a large mean is 0.
func poisson(r *rand.Rand, mean float64) int {
	n := 0
	for mean > 0 {
		step := min(mean, 30)
		mean -= step
		for p := r.Float64(); p > math.Exp(-step); p *= r.Float64() {
			n++
		}
	}
	return n
}

// value draws a value of a column; "" is none.
func (m *maker) value(c catalog.Column, shown *catalog.TableProfile) string {
	var known *catalog.ColumnProfile
	if shown != nil {
		known = shown.Column(c.Name)
	}
	if known == nil {
		return m.any(c)
	}
	if known.Missing != nil && shown.Rows != nil && *shown.Rows > 0 && m.random.Float64() < float64(*known.Missing)/float64(*shown.Rows) {
		return ""
	}
	switch {
	case len(known.Values) > 0 && c.Class == catalog.ClassDate:
		year, err := strconv.Atoi(m.one(known.Values))
		if err != nil {
			return ""
		}
		return m.day(c, year)
	case len(known.Values) > 0:
		return m.one(known.Values)
	case len(known.Quantiles) > 0:
		return number(c, m.between(known.Quantiles))
	}
	return m.any(c)
}

// one draws a value as often as it is.
func (m *maker) one(values []catalog.ValueCount) string {
	total := int64(0)
	for _, v := range values {
		total += v.Rows
	}
	if total <= 0 {
		return values[0].Value
	}
	at := m.random.Int64N(total)
	for _, v := range values {
		if at -= v.Rows; at < 0 {
			return v.Value
		}
	}
	return values[0].Value
}

// between draws a number along the line through the quantiles.
func (m *maker) between(q []catalog.Quantile) float64 {
	p := m.random.Float64()
	if p <= q[0].P {
		return q[0].Value
	}
	for i := 1; i < len(q); i++ {
		if p <= q[i].P {
			return q[i-1].Value + (q[i].Value-q[i-1].Value)*(p-q[i-1].P)/(q[i].P-q[i-1].P)
		}
	}
	return q[len(q)-1].Value
}

func (m *maker) day(c catalog.Column, year int) string {
	t := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, m.random.IntN(365))
	if c.Type == "TIMESTAMP" {
		return t.Format(time.DateTime)
	}
	return t.Format(time.DateOnly)
}

// number writes a number as its column's type takes it.
func number(c catalog.Column, x float64) string {
	switch {
	case c.Type == "INTEGER" || c.Type == "BIGINT":
		return strconv.FormatInt(int64(math.Round(x)), 10)
	case strings.HasPrefix(c.Type, "DECIMAL"):
		return strconv.FormatFloat(x, 'f', 2, 64)
	}
	return strconv.FormatFloat(x, 'g', 6, 64)
}

// any is a value of a column of which nothing is shown.
func (m *maker) any(c catalog.Column) string {
	switch {
	case c.Type == "DATE" || c.Type == "TIMESTAMP":
		return m.day(c, 2000+m.random.IntN(20))
	case c.Type == "BOOLEAN":
		return strconv.FormatBool(m.random.IntN(2) == 0)
	case c.Type == "VARCHAR":
		return fmt.Sprintf("%s%02d", c.Name, m.random.IntN(100))
	}
	return number(c, float64(m.random.IntN(100)))
}

// reference writes a public table's rows as far as they can be known: the values that
// other tables have of a column of the same name. Its true content is in the catalogue.
func (m *maker) reference(w *csv.Writer, t catalog.Table) error {
	row := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		seen := map[string]bool{}
		for _, other := range m.profile.Tables {
			known := other.Column(c.Name)
			if known == nil {
				continue
			}
			for _, v := range known.Values {
				if seen[v.Value] {
					continue
				}
				seen[v.Value] = true
				clear(row)
				row[i] = v.Value
				if err := w.Write(row); err != nil {
					return err
				}
			}
		}
		if len(seen) > 0 {
			return nil
		}
	}
	return nil
}

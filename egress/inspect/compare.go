package inspect

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Comparison says how a table differs from an earlier one, cell by cell: who has
// both can subtract them. It holds values of both files.
type Comparison struct {
	Same       bool   `json:"same" doc:"The bytes are the same"`
	Comparable bool   `json:"comparable" doc:"Both are tables with columns in common"`
	Why        string `json:"why,omitempty" doc:"Why they cannot be compared"`

	Keys           []string         `json:"keys,omitempty" doc:"Columns by which rows were matched; none: by their order"`
	ColumnsAdded   []string         `json:"columns_added,omitempty"`
	ColumnsRemoved []string         `json:"columns_removed,omitempty"`
	RowsMatched    int              `json:"rows_matched"`
	RowsAdded      []string         `json:"rows_added,omitempty" doc:"Keys of rows that the earlier table does not have"`
	RowsRemoved    []string         `json:"rows_removed,omitempty" doc:"Keys of rows that only the earlier table has"`
	Cells          []CellDifference `json:"cells,omitempty" doc:"Cells that differ"`
	Small          int              `json:"small_differences" doc:"Counts that differ by fewer people than the threshold"`
	More           bool             `json:"more" doc:"There are more differences than are listed"`
}

// CellDifference is a number or text that was another one before.
type CellDifference struct {
	Row        string   `json:"row" doc:"Values of the row's keys, or its number"`
	Line       int      `json:"line" doc:"Line of the newer table"`
	Column     string   `json:"column"`
	Before     string   `json:"before"`
	After      string   `json:"after"`
	Difference *float64 `json:"difference,omitempty" doc:"Of two numbers"`
	Small      bool     `json:"small,omitempty" doc:"A count that differs by fewer people than the threshold"`
}

// Bounds of a comparison.
const (
	maxCompared    = 200_000 // rows of a table
	maxDifferences = 1_000   // of each kind that are listed
)

// Compare says how the table after differs from before. Both must be of type t;
// threshold is that of Options.
func Compare(t Type, before, after []byte, threshold int) Comparison {
	if bytes.Equal(before, after) {
		return Comparison{Same: true, Comparable: true}
	}
	if t != CSV && t != TSV {
		return Comparison{Why: "Only tables are compared cell by cell."}
	}
	old, err := readGrid(t, before)
	if err != nil {
		return Comparison{Why: "The earlier file cannot be read as a table."}
	}
	grid, err := readGrid(t, after)
	if err != nil {
		return Comparison{Why: "The file cannot be read as a table."}
	}
	c := Comparison{}
	var common []string
	for _, name := range grid.header {
		if _, there := old.columns[name]; there {
			common = append(common, name)
		} else {
			c.ColumnsAdded = append(c.ColumnsAdded, name)
		}
	}
	for _, name := range old.header {
		if _, there := grid.columns[name]; !there {
			c.ColumnsRemoved = append(c.ColumnsRemoved, name)
		}
	}
	if len(common) == 0 {
		c.Why = "The tables have no column in common."
		return c
	}
	c.Comparable = true
	c.Keys = keysOf(common, old, grid)
	c.compare(common, old, grid, Options{Threshold: threshold}.withDefaults().Threshold)
	return c
}

// grid is a table in memory.
type grid struct {
	header  []string
	columns map[string]int
	rows    [][]string
	lines   []int
}

var errNoTable = errors.New("not a table that can be compared")

func readGrid(t Type, data []byte) (grid, error) {
	r := csv.NewReader(bytes.NewReader(trimBOM(data)))
	r.LazyQuotes = true
	if t == TSV {
		r.Comma = '\t'
	}
	g := grid{columns: map[string]int{}}
	for {
		record, err := r.Read() // with as many fields as the header, or an error
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return g, err
		}
		for i := range record {
			record[i] = strings.TrimSpace(record[i])
		}
		if g.header == nil {
			g.header = record
			continue
		}
		line, _ := r.FieldPos(0)
		g.rows, g.lines = append(g.rows, record), append(g.lines, line)
		if len(g.rows) > maxCompared {
			return g, errNoTable
		}
	}
	for i, name := range g.header {
		if _, twice := g.columns[name]; twice {
			return g, errNoTable
		}
		g.columns[name] = i
	}
	if len(g.header) == 0 {
		return g, errNoTable
	}
	return g, nil
}

// number reads a cell as a number, also with thousands separators.
func number(cell string) (float64, bool) {
	n, err := strconv.ParseFloat(strings.ReplaceAll(cell, ",", ""), 64)
	return n, err == nil && !math.IsNaN(n) && !math.IsInf(n, 0)
}

// numeric reports whether every value of a column is a number, or none.
func (g grid) numeric(name string) bool {
	at := g.columns[name]
	return !slices.ContainsFunc(g.rows, func(row []string) bool {
		_, ok := number(row[at])
		return !ok && row[at] != ""
	})
}

// keysOf gives the columns whose values name a row in both tables: those of words
// first, then whole numbers that are no counts (years, bands), one after the other.
// None means that rows are matched by their order.
func keysOf(common []string, tables ...grid) []string {
	var keys, numbers []string
	for _, name := range common {
		switch {
		case slices.ContainsFunc(tables, func(g grid) bool { return !g.numeric(name) }):
			keys = append(keys, name)
		case !countName.MatchString(name) && !slices.ContainsFunc(tables, func(g grid) bool { return !g.whole(name) }):
			numbers = append(numbers, name)
		}
	}
	unique := func() bool {
		return len(keys) > 0 && !slices.ContainsFunc(tables, func(g grid) bool { return !g.unique(keys) })
	}
	for !unique() {
		if len(numbers) == 0 {
			return nil
		}
		keys, numbers = append(keys, numbers[0]), numbers[1:]
	}
	return keys
}

func (g grid) unique(keys []string) bool {
	seen := make(map[string]bool, len(g.rows))
	for i := range g.rows {
		key := g.key(keys, i)
		if seen[key] {
			return false
		}
		seen[key] = true
	}
	return true
}

// key names row i.
func (g grid) key(keys []string, i int) string {
	if len(keys) == 0 {
		return "row " + strconv.Itoa(i+1)
	}
	values := make([]string, len(keys))
	for k, name := range keys {
		values[k] = g.rows[i][g.columns[name]]
	}
	return strings.Join(values, " · ")
}

func (c *Comparison) compare(common []string, old, new grid, threshold int) {
	earlier := make(map[string]int, len(old.rows))
	for i := range old.rows {
		earlier[old.key(c.Keys, i)] = i
	}
	whole := map[string]bool{} // columns of whole numbers in both: counts, whatever they are called
	for _, name := range common {
		whole[name] = old.whole(name) && new.whole(name)
	}
	for i, row := range new.rows {
		key := new.key(c.Keys, i)
		was, there := earlier[key]
		if !there {
			c.RowsAdded = c.listed(c.RowsAdded, key)
			continue
		}
		delete(earlier, key)
		c.RowsMatched++
		for _, name := range common {
			before, after := old.rows[was][old.columns[name]], row[new.columns[name]]
			if before == after {
				continue
			}
			d := CellDifference{Row: key, Line: new.lines[i], Column: name, Before: before, After: after}
			m, first := number(before)
			n, second := number(after)
			if first && second {
				by := n - m
				if by == 0 { // 12 and 12.0
					continue
				}
				d.Difference = &by
				d.Small = whole[name] && math.Abs(by) < float64(threshold)
			}
			if d.Small {
				c.Small++
			}
			if len(c.Cells) >= maxDifferences {
				c.More = true
				continue
			}
			c.Cells = append(c.Cells, d)
		}
	}
	for i := range old.rows {
		if key := old.key(c.Keys, i); earlier[key] == i {
			if _, left := earlier[key]; left {
				c.RowsRemoved = c.listed(c.RowsRemoved, key)
			}
		}
	}
}

func (c *Comparison) listed(list []string, key string) []string {
	if len(list) >= maxDifferences {
		c.More = true
		return list
	}
	return append(list, key)
}

func (g grid) whole(name string) bool {
	at := g.columns[name]
	return !slices.ContainsFunc(g.rows, func(row []string) bool {
		n, ok := number(row[at])
		return row[at] != "" && (!ok || n != math.Trunc(n))
	})
}

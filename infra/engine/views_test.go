package engine

import (
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse/catalog"
)

// Of a file that is shared with an earlier version, rows of people who have later
// ones do not count; and every row of a table has a number of its own.
func TestAViewLeavesOutSupersededRows(t *testing.T) {
	v := catalog.Version{Dataset: "d", Number: 2, Folder: "/versions/d/2", Superseded: &catalog.File{Path: "superseded.parquet"}}
	table := catalog.Table{Name: "events", Columns: []catalog.Column{{Name: "person_id", Class: catalog.ClassPerson}, {Name: "code"}},
		Files: []catalog.File{{Path: "events.parquet", Masked: true}, {Path: "events.changes.parquet"}}}
	sql := viewStatement(v, table, "_unit IN (SELECT _unit FROM read_parquet('/p'))")
	first, second, found := strings.Cut(sql, " UNION ALL ")
	if !found || strings.Contains(second, "UNION") {
		t.Fatal(sql)
	}
	if !strings.Contains(first, "'/versions/d/2/events.parquet'") || !strings.Contains(first, "ANTI JOIN read_parquet('/versions/d/2/superseded.parquet')") {
		t.Error(first)
	}
	if !strings.Contains(second, "'/versions/d/2/events.changes.parquet'") || strings.Contains(second, "superseded") {
		t.Error(second)
	}
	for _, part := range []string{first, second} {
		if strings.Count(part, "WHERE _unit IN") != 1 {
			t.Errorf("the population is left out: %s", part)
		}
	}
	number := func(part string) string {
		_, rest, _ := strings.Cut(part, "CAST(")
		digits, _, _ := strings.Cut(rest, " + file_row_number")
		return digits
	}
	base := v.RowBase("events")
	if number(first) != strconv.FormatUint(base, 10) || number(second) != strconv.FormatUint(base+1<<32, 10) {
		t.Errorf("rows begin at %s and %s, of a table that begins at %d", number(first), number(second), base)
	}
	table.Files, v.Superseded = []catalog.File{{Path: "events.parquet"}}, nil
	if sql := viewStatement(v, table, ""); strings.Contains(sql, "JOIN") || strings.Contains(sql, "WHERE") || strings.Contains(sql, "UNION") {
		t.Error(sql)
	}
}

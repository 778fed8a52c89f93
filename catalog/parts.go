package catalog

import (
	"fmt"
	"path/filepath"
	"strings"
)

// Part is some of a table's files, to be read together.
type Part struct {
	Files  []string // full paths
	First  int      // number of the first of them in the table
	Masked bool     // rows of people in the version's Superseded do not count
}

// Parts gives a table's files by how they are read: those whose rows all count,
// and those of which people's later rows stand in other files.
func (v Version) Parts(t Table) []Part {
	var parts []Part
	for i, f := range t.Files {
		if n := len(parts); n == 0 || parts[n-1].Masked != f.Masked {
			parts = append(parts, Part{First: i, Masked: f.Masked})
		}
		last := &parts[len(parts)-1]
		last.Files = append(last.Files, filepath.Join(v.Folder, f.Path))
	}
	return parts
}

// SupersededPath is the file of the units whose rows in masked files do not count,
// "" where every row of every file counts.
func (v Version) SupersededPath() string {
	if v.Superseded == nil {
		return ""
	}
	return filepath.Join(v.Folder, v.Superseded.Path)
}

// RowsSQL is a SELECT of a table's rows, all of them and no others: of the
// columns given, as SQL. Where the version lies in parts, a person's rows all
// stand in one of them.
func (v Version) RowsSQL(t Table, columns ...string) string {
	return v.PartsSQL(t, func(Part) string { return strings.Join(columns, ", ") }, "")
}

// PartsSQL is RowsSQL with other columns for each part, and a condition on rows,
// "" for none.
func (v Version) PartsSQL(t Table, columns func(Part) string, condition string) string {
	var selects []string
	for _, p := range v.Parts(t) {
		files := make([]string, len(p.Files))
		for i, f := range p.Files {
			files[i] = quoteText(f)
		}
		sql := fmt.Sprintf("SELECT %s FROM read_parquet([%s])", columns(p), strings.Join(files, ", "))
		if p.Masked {
			sql += fmt.Sprintf(" AS own ANTI JOIN read_parquet(%s) AS superseded USING (%s)", quoteText(v.SupersededPath()), UnitColumn)
		}
		if condition != "" {
			sql += " WHERE " + condition
		}
		selects = append(selects, sql)
	}
	return strings.Join(selects, " UNION ALL ")
}

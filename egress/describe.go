package egress

import (
	"slices"
	"strings"

	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// DESCRIBE and SHOW of what a workspace has are answered from the catalogue, as a
// SELECT of literals: nothing of them touches data.

// listing is the SELECT that stands for DESCRIBE table, SHOW table or SHOW TABLES,
// or the statement itself.
func (q *question) listing(sql string) string {
	what, ok := listed(sql)
	if !ok {
		return sql
	}
	named := map[string][]catalog.Column{}
	kinds := map[string]string{}
	for _, t := range q.tables {
		named[t.Name], kinds[t.Name] = t.Columns, "dataset"
	}
	for _, t := range q.scratch {
		named[t.Table.Name], kinds[t.Table.Name] = t.Table.Columns, "workspace"
	}
	if what == "" && len(kinds) > 0 {
		var rows [][]string
		for name, kind := range kinds {
			rows = append(rows, []string{name, kind})
		}
		slices.SortFunc(rows, slices.Compare)
		return literals([]string{"name", "kind"}, rows)
	}
	for name, columns := range named {
		if !strings.EqualFold(name, what) {
			continue
		}
		var rows [][]string
		for _, c := range columns {
			rows = append(rows, []string{c.Name, c.Type, string(c.Class), c.Grain, c.Description})
		}
		return literals([]string{"column_name", "column_type", "class", "grain", "description"}, rows)
	}
	return sql
}

// listed reads {DESCRIBE | DESC | SHOW} name and SHOW TABLES, for which what is "".
func listed(sql string) (what string, ok bool) {
	fields := strings.Fields(strings.TrimSuffix(strings.TrimSpace(sql), ";"))
	if len(fields) != 2 {
		return "", false
	}
	switch strings.ToUpper(fields[0]) {
	case "DESCRIBE", "DESC":
	case "SHOW":
		if strings.EqualFold(fields[1], "TABLES") {
			return "", true
		}
	default:
		return "", false
	}
	what = fields[1]
	if len(what) > 2 && what[0] == '"' && what[len(what)-1] == '"' && !strings.Contains(what[1:len(what)-1], `"`) {
		what = what[1 : len(what)-1]
	}
	return what, what != ""
}

// literals is a SELECT of rows of text, in their order.
func literals(names []string, rows [][]string) string {
	var b strings.Builder
	b.WriteString("SELECT * FROM (VALUES ")
	for i, row := range rows {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("(")
		for j, text := range row {
			if j > 0 {
				b.WriteString(", ")
			}
			b.WriteString("'" + strings.ReplaceAll(text, "'", "''") + "'")
		}
		b.WriteString(")")
	}
	b.WriteString(") AS listed(")
	for i, name := range names {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(plan.Ident(name))
	}
	b.WriteString(")")
	return b.String()
}

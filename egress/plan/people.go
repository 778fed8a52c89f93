package plan

import (
	"strconv"
	"strings"
)

// People asks for the true number of people of every channel, in every group:
// columns gid, k0…, n0…. It counts each person once whatever that costs; what
// people look at, and no machine waits for.
func (r *Release) People() string {
	out := r.keyColumns()
	for i, cond := range r.channels {
		out = append(out, "count(DISTINCT u)"+filterSQL(cond)+" AS n"+strconv.Itoa(i))
	}
	return r.with + "SELECT " + strings.Join(out, ", ") + " FROM (" + r.inner + ") AS s" + r.groupBy()
}

// Titles names keys and cells for people: in SQL, over the names of columns.
func (r *Release) Titles() (keys, cells []string) {
	columns := r.Node.Input.Columns()
	named := func(i int) string {
		if columns[i].Name != "" {
			return Ident(columns[i].Name)
		}
		return "(column " + strconv.Itoa(i+1) + ")"
	}
	p := &Printer{Vault: true, listed: map[int]bool{}}
	for _, g := range r.Node.Groups {
		keys = append(keys, p.expr(g, named))
	}
	for _, c := range r.Cells {
		cells = append(cells, p.call(c.Call, named))
	}
	return keys, cells
}

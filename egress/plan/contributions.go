package plan

import (
	"strconv"
	"strings"
)

// Contributions asks for the rows that the groups are made of, as Rows does, and
// for what each adds to each number: columns u, r, g, sig (UBIGINT) and v0… (of each
// cell, a hash of the row's arguments; 0 where a FILTER leaves the row out). Summed
// over a person's rows of a group, equal sums mean equal contributions, also in
// another version of the tables. A person's rows follow each other.
func (r *Release) Contributions() (string, error) {
	b, err := r.build(&Printer{Vault: true, Rows: true, listed: map[int]bool{}}, false)
	if err != nil {
		return "", err
	}
	out := []string{"u", "CAST(r AS UBIGINT) AS r", r.groupHash() + " AS g", "CAST(0 AS UBIGINT) AS sig"}
	if len(r.rowSets) > 0 {
		out[3] = "CAST(" + r.signature() + " AS UBIGINT) AS sig"
	}
	for i, c := range r.Cells {
		values := []string{"1"}
		for _, x := range c.Call.Args {
			values = append(values, b.value(x))
		}
		v := "hash(" + strings.Join(values, ", ") + ")"
		if c.Call.Filter != nil {
			v = "CASE WHEN " + b.condition([]Expr{c.Call.Filter}) + " THEN " + v + " ELSE CAST(0 AS UBIGINT) END"
		}
		out = append(out, v+" AS v"+strconv.Itoa(i))
	}
	inner := b.inner([]string{"u", "r"})
	sql := b.p.with() + "SELECT " + strings.Join(out, ", ") + " FROM (" + inner + ") AS s ORDER BY u"
	return sql, b.p.err
}

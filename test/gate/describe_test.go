package gate

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"testing"
)

// What a workspace has is told by DESCRIBE and SHOW TABLES, its own tables and views too.
func TestTablesAreDescribed(t *testing.T) {
	w := newWorld(t)
	for _, sql := range []string{
		"CREATE OR REPLACE TABLE cohort AS SELECT person_id, sex, min(date) AS first FROM patients JOIN events USING (person_id) GROUP BY ALL",
		"CREATE OR REPLACE VIEW women AS SELECT person_id, birth_year FROM patients WHERE sex = 'F'",
	} {
		if _, err := w.ask(sql); err != nil {
			t.Fatal(err)
		}
	}
	r, err := w.ask("show tables;")
	must(t, err)
	var names []string
	for _, row := range r.rows {
		names = append(names, row[0]+" of the "+row[1])
	}
	for _, want := range []string{"admissions of the dataset", "codes of the dataset", "cohort of the workspace", "women of the workspace"} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is not among %q", want, names)
		}
	}
	for sql, want := range map[string][]string{
		`DESCRIBE patients`:   {"person_id", "VARCHAR", "person"},
		"desc\n\"Events\" ; ": {"value", "DOUBLE", "measure", "0.1"},
		`SHOW cohort`:         {"first", "DATE", "date"},
		`DESCRIBE women`:      {"birth_year", "INTEGER", "dimension"},
	} {
		r, err := w.ask(sql)
		must(t, err)
		if !slices.Equal(r.columns, []string{"column_name", "column_type", "class", "grain", "description"}) {
			t.Errorf("%s has the columns %q", sql, r.columns)
		}
		if !slices.ContainsFunc(r.rows, func(row []string) bool { return slices.Equal(row[:len(want)], want) }) {
			t.Errorf("%s: %q is not among %q", sql, want, r.rows)
		}
		asked := sha256.Sum256([]byte(sql))
		if w.rowsOf("journal_events WHERE CAST(event AS TEXT) LIKE ?", "%"+hex.EncodeToString(asked[:])+"%") == 0 {
			t.Errorf("the journal does not say that %s was asked", sql)
		}
		for _, row := range r.rows {
			if row[0] == "_unit" {
				t.Errorf("%s tells of the unit", sql)
			}
		}
	}
}

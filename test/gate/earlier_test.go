package gate

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/state"
)

// withdraw takes people out of the population, beside those who left before.
func (w *world) withdraw(units ...int) {
	w.Helper()
	w.left = append(w.left, units...)
	name := fmt.Sprintf("left%d", len(w.left))
	session := *w.session
	session.Mounts = append(session.Mounts[:0:0], session.Mounts...)
	m := &session.Mounts[0]
	m.Complete, m.Digest = false, name
	m.Population = filepath.Join(m.Version.Folder, name+".parquet")
	must(w, w.plain.Exec(w.Context(), fmt.Sprintf("COPY (SELECT i::UINTEGER AS _unit FROM range(1, %d) t(i) WHERE i NOT IN (%s) ORDER BY i) TO '%s' (FORMAT parquet)",
		people+1, strings.ReplaceAll(strings.Trim(fmt.Sprint(w.left), "[]"), " ", ", "), m.Population)))
	w.session = &session
}

// raw asks a question and gives the bytes of the answer's batches.
func (w *world) raw(sql string) ([]byte, egress.Disclosure) {
	w.Helper()
	a, err := w.gate.Ask(w.Context(), w.session, sql, nil)
	must(w, err)
	defer a.Reader.Release()
	var out bytes.Buffer
	for a.Reader.Next() {
		b := a.Reader.RecordBatch()
		for _, c := range b.Columns() { // the schema has the decision's record in it
			fmt.Fprintln(&out, c.DataType(), c)
		}
	}
	must(w, a.Reader.Err())
	return out.Bytes(), a.Disclosure
}

// rowsOf counts rows of the state.
func (w *world) rowsOf(from string, args ...any) int {
	w.Helper()
	var n int
	must(w, w.state.View(w.Context(), func(tx *state.Tx) error {
		return tx.SQL().QueryRowContext(w.Context(), "SELECT count(*) FROM "+from, args...).Scan(&n)
	}))
	return n
}

// What was released is given again as it was, over restarts, with the date of
// its decision; it is journaled like any other, and adds nothing to the history.
func TestAnAnswerIsGivenAgain(t *testing.T) {
	w := newWorld(t)
	w.remembers = true
	for _, sql := range []string{
		"SELECT region, sex, count(*), avg(imd_decile) FROM patients GROUP BY ALL ORDER BY ALL",
		"SELECT count(*) FROM patients",
		"SELECT code, stddev(value), median(value) FROM events GROUP BY 1 ORDER BY 1",
		"SELECT method, count(*) FILTER (WHERE length_of_stay > 4), sum(length_of_stay) FROM admissions GROUP BY ROLLUP (method) ORDER BY ALL",
		"SELECT avg(imd_decile), avg(birth_year) FROM patients",
		"SELECT count(*) FROM patients WHERE sex = 'nobody'",
	} {
		first, d := w.raw(sql)
		if d.Reused || len(d.Earlier) > 0 {
			t.Errorf("%s: the first answer is an earlier one", sql)
		}
		journaled := w.rowsOf("decisions")
		w.restart()
		kept := w.rowsOf("cohorts")
		again, e := w.raw(sql)
		if !bytes.Equal(first, again) {
			t.Errorf("%s: another answer\n%s\n%s", sql, first, again)
		}
		if !e.Reused || !e.Decided.Equal(d.Decided.Truncate(time.Microsecond)) || len(e.Earlier) == 0 || e.Earlier[0].Decision != d.Decision || e.Decision == d.Decision {
			t.Errorf("%s: the record is %+v after %+v", sql, e, d)
		}
		if !reflect.DeepEqual(e.Suppressed, d.Suppressed) {
			t.Errorf("%s: %+v is told, after %+v", sql, e, d)
		}
		if n := w.rowsOf("decisions"); n != journaled+1 {
			t.Errorf("%s: %d decisions after %d", sql, n, journaled)
		}
		if n := w.rowsOf("cohorts"); n != kept {
			t.Errorf("%s: the history has grown", sql)
		}
	}
	// What the lobby does with it is made of the same numbers.
	_, d := w.raw("SELECT imd_decile, count(*) FROM patients GROUP BY 1")
	r, err := w.ask("SELECT sum(n) AS everybody FROM (SELECT imd_decile, count(*) AS n FROM patients GROUP BY 1)")
	must(t, err)
	if !r.disclosure.Reused || !r.disclosure.Decided.Equal(d.Decided.Truncate(time.Microsecond)) || r.rows[0][0] != fmt.Sprint(people) {
		t.Errorf("%v, %+v", r.rows, r.disclosure)
	}
	// Another policy is another question.
	w.session.Project.Policy = "nhs"
	if _, d := w.raw("SELECT count(*) FROM patients"); d.Reused {
		t.Error("an answer of another policy is given again")
	}
}

// Without a journal entry nothing is given again either.
func TestAnAnswerIsNotGivenAgainWithoutJournal(t *testing.T) {
	w := newWorld(t)
	w.remembers = true
	const sql = "SELECT region, count(*) FROM patients GROUP BY 1"
	w.raw(sql)
	must(t, w.state.Update(t.Context(), func(tx *state.Tx) error {
		_, err := tx.SQL().ExecContext(t.Context(), `CREATE TRIGGER full_disk BEFORE INSERT ON decisions BEGIN SELECT RAISE(ABORT, 'full'); END`)
		return err
	}))
	if _, err := w.gate.Ask(t.Context(), w.session, sql, nil); err == nil {
		t.Error("an answer was given again that is not in the journal")
	}
}

// number by the answer's first column.
func column1(r *result, column int) map[string]string {
	out := map[string]string{}
	for _, row := range r.rows {
		out[row[0]] = row[column]
	}
	return out
}

// After one person, or up to nine, left, the same question has the same answer,
// marked with its date. When ten of a cell left, it has the new number.
func TestAWithdrawalIsNotSeen(t *testing.T) {
	w := newWorld(t)
	w.remembers = true
	questions := []string{
		"SELECT region, count(*), avg(imd_decile), sum(birth_year) FROM patients GROUP BY 1 ORDER BY 1",
		"SELECT count(*) FROM patients",
		"SELECT code, count(*), count(DISTINCT person_id), avg(value) FROM events GROUP BY 1 ORDER BY 1",
		"SELECT sex, region, count(*) FROM patients GROUP BY ROLLUP (sex, region) ORDER BY ALL",
		"SELECT practice_id, birth_year // 10, count(*) FROM patients GROUP BY ALL ORDER BY ALL",
		"SELECT sum(n) FROM (SELECT person_id, count(*) AS n FROM events GROUP BY person_id)",
		"SELECT practice_id, variance(imd_decile), median(birth_year), count(*) FILTER (WHERE sex = 'F') FROM patients GROUP BY 1 ORDER BY 1",
	}
	first := map[string]*result{}
	for _, q := range questions {
		r, err := w.ask(q)
		must(t, err)
		first[q] = r
	}
	for _, one := range [][]int{{7}, {802}, {11, 12, 13}} { // five in all
		w.withdraw(one...)
		w.restart()
		for _, q := range questions {
			r, err := w.ask(q)
			must(t, err)
			if !reflect.DeepEqual(r.rows, first[q].rows) {
				t.Errorf("%s: without %v\n%v\nafter\n%v", q, w.left, r.rows, first[q].rows)
			}
			if !r.disclosure.Reused || !r.disclosure.Decided.Equal(first[q].disclosure.Decided.Truncate(time.Microsecond)) {
				t.Errorf("%s: %+v", q, r.disclosure)
			}
		}
	}
}

// When many leave a cell, its numbers are new; the others' are not.
func TestAWithdrawalOfManyIsSeen(t *testing.T) {
	w := newWorld(t)
	w.remembers = true
	const question = "SELECT region, count(*), avg(imd_decile), sum(birth_year) FROM patients GROUP BY 1 ORDER BY 1"
	first, err := w.ask(question)
	must(t, err)
	var north []int
	for _, row := range w.truth("SELECT person_id[2:]::INT FROM patients WHERE region = 'North' ORDER BY 1 LIMIT 30") {
		north = append(north, count(row[0]))
	}
	w.withdraw(north...)
	r, err := w.ask(question)
	must(t, err)
	old, now := column1(first, 1), column1(r, 1)
	for region := range old {
		truth := w.truth(fmt.Sprintf("SELECT count(*) FROM patients WHERE region = '%s' AND person_id NOT IN (%s)", region, w.names()))[0][0]
		switch {
		case region == "North" && now[region] != truth:
			t.Errorf("%s: %s shown, %s there are", region, now[region], truth)
		case region != "North" && now[region] != old[region]:
			t.Errorf("%s: %s became %s", region, old[region], now[region])
		}
	}
	if d := r.disclosure; !d.Reused || len(d.Earlier) != 1 || d.Earlier[0].Numbers != 9 || d.Earlier[0].Decision != first.disclosure.Decision {
		t.Errorf("the record: %+v", d)
	}
	// It is an answer now, and is given again.
	again, err := w.ask(question)
	must(t, err)
	if !reflect.DeepEqual(again.rows, r.rows) || len(again.disclosure.Earlier) != 2 {
		t.Errorf("%v became %v: %+v", r.rows, again.rows, again.disclosure)
	}
}

// names lists those who left, as SQL.
func (w *world) names() string {
	names := []string{"''"}
	for _, u := range w.left {
		names = append(names, fmt.Sprintf("'p%d'", u))
	}
	return strings.Join(names, ", ")
}

// Whatever is asked before and after some people left, a number of everybody
// before and the number of the same after never both are shown, if fewer than ten
// left: not of other measures, not of other tables, not by parts, not after a restart.
func TestBeforeAndAfterAWithdrawalTellOfNobody(t *testing.T) {
	w := newWorld(t)
	w.remembers = true
	for name, questions := range map[string][2]string{
		"the same":              {"SELECT count(*) FROM patients WHERE imd_decile < 6", "SELECT count(*) FROM patients WHERE NOT imd_decile >= 6"},
		"everybody":             {"SELECT sum(imd_decile) FROM patients", "SELECT sum(2 * imd_decile + 1) FROM patients"},
		"another measure":       {"SELECT sum(imd_decile) FROM patients WHERE birth_year < 1980", "SELECT sum(birth_year) FROM patients WHERE birth_year < 1980"},
		"by parts":              {"SELECT count(*) FROM patients WHERE region = 'North'", "SELECT sum(n) FROM (SELECT sex, sum(imd_decile) AS n FROM patients WHERE region = 'North' AND sex <> 'I' GROUP BY 1 HAVING count(*) > 0)"},
		"parts before":          {"SELECT region, avg(birth_year) FROM patients GROUP BY 1", "SELECT avg(birth_year) FROM patients"},
		"rows of a table":       {"SELECT count(*) FROM events", "SELECT count(*) FROM events JOIN patients USING (person_id)"},
		"people of a table":     {"SELECT count(DISTINCT person_id) FROM events WHERE code = '60621009'", "SELECT count(DISTINCT person_id) FROM events WHERE code LIKE '60621009'"},
		"counted by the person": {"SELECT sum(n) FROM (SELECT person_id, count(*) AS n FROM events GROUP BY 1)", "SELECT avg(n) FROM (SELECT person_id, count(*) AS n FROM events GROUP BY 1)"},
	} {
		for _, restart := range []bool{false, true} {
			w.forget()
			w.session.Mounts[0].Complete, w.session.Mounts[0].Digest, w.left = true, "", nil
			before, err := w.ask(questions[0])
			must(t, err)
			// One person who is in all of these numbers.
			one := w.truth("SELECT p.person_id[2:]::INT FROM patients p JOIN events e USING (person_id) WHERE imd_decile < 6 AND birth_year < 1980 AND region = 'North' AND sex <> 'I' AND code = '60621009' AND value IS NOT NULL ORDER BY 1 LIMIT 1")
			w.withdraw(count(one[0][0]))
			if restart {
				w.restart()
			}
			after, err := w.ask(questions[1])
			if err != nil {
				continue
			}
			if shown(before) && shown(after) && !after.disclosure.Reused {
				t.Errorf("%s (restarted: %v): %v before and %v after", name, restart, before.rows, after.rows)
			}
		}
	}
}

func shown(r *result) bool {
	return len(r.rows) > 0 && r.disclosure.Outcome == egress.OutcomeReleased
}

// People leave one after the other while the same tables are asked again and
// again: no cell ever changes between two answers by fewer than ten people.
func TestCellsChangeByManyOrNotAtAll(t *testing.T) {
	w := newWorld(t)
	w.remembers = true
	chance := rand.New(rand.NewPCG(1, 2))
	const table = "SELECT region || coalesce(sex, '-'), count(*) FROM patients GROUP BY region, ROLLUP (sex)"
	last := map[string]string{}
	changes := 0
	for range 12 {
		r, err := w.ask("SELECT * FROM (" + table + ")")
		must(t, err)
		for key, n := range column1(r, 1) {
			if old, ok := last[key]; ok && old != n && old != "NULL" && n != "NULL" {
				changes++
				if d := count(old) - count(n); d < 10 {
					t.Errorf("%s: %s became %s", key, old, n)
				}
			}
			last[key] = n
		}
		gone := map[int]bool{}
		for _, u := range w.left {
			gone[u] = true
		}
		var units []int
		for len(units) < 1+chance.IntN(40) {
			if u := 1 + chance.IntN(people); !gone[u] {
				gone[u] = true
				units = append(units, u)
			}
		}
		w.withdraw(units...)
		if chance.IntN(3) == 0 {
			w.restart()
		}
	}
	if changes == 0 {
		t.Error("nothing ever changed")
	}
	t.Logf("%d changes, %d left", changes, len(w.left))
}

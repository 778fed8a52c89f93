package gate

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// joined finds rows that the vault puts down while it answers.
const joined = "SELECT region, count(*) AS n, count(DISTINCT person_id) AS people, avg(value) AS mean FROM events JOIN patients USING (person_id) WHERE code = '60621009' GROUP BY region ORDER BY region"

// Rows that the vault puts down for a question are gone when it is answered, refused
// or cancelled, and people are counted as count(DISTINCT) would.
func TestRowsThatArePutDownAreTakenAway(t *testing.T) {
	w := newWorld(t)
	vault, done, err := w.vaults.Vault(t.Context(), w.session)
	must(t, err)
	defer done()
	left := func() string {
		t.Helper()
		reader, err := vault.Query(t.Context(), "SELECT count(*) FROM duckdb_tables() WHERE database_name <> 'scratch'")
		must(t, err)
		defer reader.Release()
		if !reader.Next() {
			t.Fatal("no count of tables")
		}
		return texts(reader.RecordBatch())[0][0]
	}
	r, err := w.ask(joined)
	must(t, err)
	truth := w.truth(joined)
	if len(r.rows) != len(truth) {
		t.Fatalf("%d groups, not %d", len(r.rows), len(truth))
	}
	for i := range truth {
		if r.rows[i][0] != truth[i][0] || r.rows[i][1] != truth[i][1] || r.rows[i][2] != truth[i][2] {
			t.Errorf("%v, not %v", r.rows[i], truth[i])
		}
	}
	if n := left(); n != "0" {
		t.Errorf("%s tables are left of an answer", n)
	}
	w.forget()
	for wait := time.Millisecond; wait < 300*time.Millisecond; wait *= 2 {
		ctx, stop := context.WithTimeout(t.Context(), wait)
		if a, err := w.gate.Ask(ctx, w.session, joined, nil); err == nil {
			a.Reader.Release()
		}
		stop()
		if n := left(); n != "0" {
			t.Errorf("%s tables are left of a question that was cancelled after %s", n, wait)
		}
	}
}

// A vault without room to put rows down answers all the same.
func TestRowsThatCannotBePutDownAreFoundTwice(t *testing.T) {
	w := newWorld(t)
	inner := w.gate.Vaults
	full := &fullVaults{Vaults: inner}
	w.gate.Vaults = full
	r, err := w.ask(joined)
	must(t, err)
	if truth := w.truth(joined); len(r.rows) != len(truth) || r.rows[0][1] != truth[0][1] || r.rows[0][2] != truth[0][2] {
		t.Errorf("%v, not %v", r.rows, truth)
	}
	if full.tried == 0 {
		t.Error("the rows were not to be put down")
	}
}

// fullVaults are real vaults whose memory has no room for another table.
type fullVaults struct {
	egress.Vaults
	tried int
}

func (f *fullVaults) Vault(ctx context.Context, s *workspaces.Session) (egress.Vault, func(), error) {
	v, done, err := f.Vaults.Vault(ctx, s)
	return fullVault{v, f}, done, err
}

type fullVault struct {
	egress.Vault
	of *fullVaults
}

func (v fullVault) Exec(ctx context.Context, statements ...string) error {
	if strings.HasPrefix(statements[0], "CREATE TABLE") {
		v.of.tried++
		return &egress.EngineFailure{Kind: egress.FailureMemory, Cause: "full"}
	}
	return v.Vault.Exec(ctx, statements...)
}

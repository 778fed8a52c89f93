//go:build duckdb_arrow

package duck_test

import (
	"testing"

	"github.com/gatehouse-tre/gatehouse/infra/duck"
)

// Every type of DuckDB either comes across as Arrow or fails; none ends the process.
func TestTypesComeAcross(t *testing.T) {
	db := duck.NewDatabase(limits, nil, nil)
	if err := db.Open(t.Context(), nil); err != nil {
		t.Fatal(describe(err))
	}
	defer db.Close()
	for _, sql := range []string{
		"SELECT 1::TINYINT, 1::SMALLINT, 1::INTEGER, 1::BIGINT, 1::HUGEINT, 1::UTINYINT, 1::UBIGINT, 1::UHUGEINT",
		"SELECT 1.5::FLOAT, 1.5::DOUBLE, 1.5::DECIMAL(4,1), 1.5::DECIMAL(38,10), true, NULL",
		"SELECT DATE '2020-01-01', TIME '12:00', TIMESTAMP '2020-01-01', TIMESTAMPTZ '2020-01-01', '2020-01-01'::TIMESTAMP_NS, INTERVAL 1 MONTH",
		"SELECT '12:00:00+01'::TIMETZ",
		"SELECT 'a', 'a'::BLOB, uuid(), '101'::BIT, '{}'::JSON, 'a'::ENUM('a','b'), 12345678901234567890::BIGNUM",
		"SELECT [1, NULL], [1, 2]::INTEGER[2], {'a': 1, 'b': [{'c': 'd'}]}, MAP {'k': [1]}, union_value(n := 1)",
		"SELECT NULL::INTEGER[], []::VARCHAR[], NULL::STRUCT(a INTEGER)",
		"SELECT repeat('x', 100000) FROM range(3000)",
	} {
		rows, err := db.Query(t.Context(), sql)
		if err != nil {
			t.Errorf("%s: %s", sql, describe(err))
			continue
		}
		for rows.Next() {
			for _, c := range rows.RecordBatch().Columns() {
				_ = c.ValueStr(0)
			}
		}
		if err := rows.Err(); err != nil {
			t.Errorf("%s: %s", sql, describe(err))
		}
		rows.Release()
	}
}

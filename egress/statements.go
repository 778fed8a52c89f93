package egress

import (
	"strings"

	"github.com/gatehouse-tre/gatehouse"
)

// insteadOf is what to do instead of a statement that is not answered, by DuckDB's
// name of its kind.
var insteadOf = map[string]string{
	"EXPLAIN":     "Write EXPLAIN GATE before the SELECT: it says how the gate would judge it.",
	"DESCRIBE":    "Write DESCRIBE and the name of a table or view, as SHOW TABLES lists them.",
	"SHOW":        "Ask SHOW TABLES for the names of the tables, and DESCRIBE one of them.",
	"SUMMARIZE":   "Ask for what you need of a column: count(x), avg(x), stddev(x), quantile_cont(x, [0.25, 0.5, 0.75]).",
	"CREATE_VIEW": "Put the SELECT into a WITH, or keep people with CREATE TABLE name AS SELECT person_id, ….",
	"CREATE":      "Keep people with CREATE TABLE name AS SELECT person_id, …, or list values in the question with VALUES.",
	"DROP_OTHER":  "DROP TABLE a table that this workspace made with CREATE TABLE … AS SELECT.",
	"INSERT":      "Make the table anew with CREATE OR REPLACE TABLE name AS SELECT person_id, ….",
	"UPDATE":      "Make the table anew with CREATE OR REPLACE TABLE name AS SELECT person_id, ….",
	"DELETE":      "Leave rows out with a WHERE in the SELECT, or in CREATE OR REPLACE TABLE name AS SELECT person_id, ….",
	"MERGE":       "Make the table anew with CREATE OR REPLACE TABLE name AS SELECT person_id, ….",
	"ALTER":       "Make the table anew with CREATE OR REPLACE TABLE name AS SELECT person_id, ….",
	"COPY":        "Ask the SELECT by itself: its answer comes to your notebook, and files leave with `gatehouse request create`.",
	"EXPORT":      "Ask the SELECT by itself: its answer comes to your notebook, and files leave with `gatehouse request create`.",
	"PIVOT":       "Write the values of its columns out: PIVOT … ON x IN ('a', 'b') USING count(*).",
	"PREPARE":     "Use the driver's own parameters: WHERE x = ?.",
	"EXECUTE":     "Use the driver's own parameters: WHERE x = ?.",
	"DEALLOCATE":  "Use the driver's own parameters: WHERE x = ?.",
	"TRANSACTION": "Leave it out: each statement takes effect at once.",
	"SET":         "Leave it out: how the engine works is not for questions to set.",
	"PRAGMA":      "Leave it out: how the engine works is not for questions to set.",
	"MULTIPLE":    "Send the statements one by one; write the values of a PIVOT's columns out: PIVOT … ON x IN ('a', 'b') USING count(*).",
}

// notAnswered refuses a kind of statement.
func notAnswered(kind string) *gatehouse.Error {
	e := gatehouse.Errorf(gatehouse.CodeStatement, "The statement %s is not answered.", strings.ReplaceAll(strings.TrimSuffix(kind, "_OTHER"), "_", " "))
	switch kind {
	case "MULTIPLE":
		e = gatehouse.Errorf(gatehouse.CodeStatement, "Exactly one statement is answered at a time.")
	case "EXPLAIN":
		e = gatehouse.Errorf(gatehouse.CodeStatement, "The statement EXPLAIN is not answered: how the database runs a question hangs on the data.")
	case "TABLE_FUNCTION":
		return gatehouse.Errorf(gatehouse.CodeTableFunction, "A table function is not answered.").
			WithAdvice("Query the tables of the workspace; write short lists with VALUES ('a'), ('b'), and series with range(1, 10).")
	}
	if advice := insteadOf[kind]; advice != "" {
		return e.WithAdvice("%s", advice)
	}
	return e
}

package plan

import "strings"

// What to write instead of what the gate does not read or does not allow. Advice
// names a rewrite that passes as far as can be told without the rest of the statement.

// unread are operators, options and the like by the names that DuckDB gives them:
// what people call them, and what to write instead.
var unread = map[string]struct{ words, advice string }{
	"LOGICAL_SAMPLE":          {"TABLESAMPLE and USING SAMPLE", "Ask of everybody, or of those whom a WHERE selects."},
	"sample":                  {"TABLESAMPLE", "Ask of everybody, or of those whom a WHERE selects."},
	"LOGICAL_ASOF_JOIN":       {"ASOF JOIN", "Join on person_id, and take the nearest row with row_number() OVER (PARTITION BY person_id ORDER BY …)."},
	"LOGICAL_POSITIONAL_JOIN": {"POSITIONAL JOIN", "Join on person_id, or with a reference table on its columns."},
	"LOGICAL_ANY_JOIN":        {"a join whose condition is more than comparisons put together with AND", "Join on person_id = person_id AND …, and put OR and the rest into WHERE."},
	"join condition":          {"this comparison in a join", "Join on person_id = person_id, and put other conditions into WHERE."},
	"join without condition":  {"a join without a condition", "Join on person_id = person_id, or with CROSS JOIN."},
	"recursive CTE":           {"WITH RECURSIVE", "Write the steps out one by one, or list them with VALUES."},
	"LOGICAL_RECURSIVE_CTE":   {"WITH RECURSIVE", "Write the steps out one by one, or list them with VALUES."},
	"LOGICAL_PIVOT":           {"this PIVOT", "Write its columns out: count(*) FILTER (WHERE x = 'a') AS a, …"},
	"LOGICAL_DEPENDENT_JOIN":  {"this correlated subquery", "Write it as a join on person_id with WITH … AS (SELECT person_id, … GROUP BY person_id)."},
	"rowid":                   {"the column rowid", "Number rows with row_number() OVER (PARTITION BY person_id ORDER BY …), or leave it out."},
	"that is generated":       {"a generated column", "Compute it in the SELECT of CREATE TABLE … AS SELECT."},
}

// adviceByKind is what to write instead of anything else of a kind.
var adviceByKind = map[string]string{
	"type":            "CAST it to text, a number, a date or a boolean, or leave it out.",
	"constant":        "Write it as an ordinary number, text or date.",
	"window function": "Use row_number, rank, lag, lead, first_value, last_value, or an aggregate OVER (PARTITION BY person_id …).",
	"window frame":    "Use ROWS or RANGE BETWEEN literal numbers of rows, UNBOUNDED or CURRENT ROW.",
	"quantile":        "Write the fractions as literals, such as quantile_cont(x, [0.25, 0.5, 0.75]).",
	"aggregate":       "Use count, sum, avg, stddev, median, a quantile, corr or regr_*.",
	"order":           "Use ORDER BY with ASC or DESC, NULLS FIRST or NULLS LAST.",
	"table function":  "Use range or generate_series with literal integers, or VALUES.",
	"argument of":     "Use literal integers.",
	"call of":         "Use the function with all of its arguments.",
	"comparison":      "Use =, <>, <, <=, >, >=, IN, BETWEEN or IS NULL.",
	"expression":      "Use comparisons, CASE WHEN, casts, and the functions listed in docs/gate.md.",
	"correlated join": "Use EXISTS or IN, or join on person_id with WITH … AS (SELECT person_id, … GROUP BY person_id).",
	"join":            "Use JOIN, LEFT JOIN, EXISTS or IN on person_id.",
}

// simpler is for what nothing better is known of.
const simpler = "Write it as a WITH of plain SELECTs: JOIN on person_id, WHERE, GROUP BY, HAVING and ORDER BY."

// onUnread words what is not read, and gives what to write instead.
func onUnread(kind, name string) (words, advice string) {
	if known, ok := unread[name]; ok {
		return known.words, known.advice
	}
	switch {
	case strings.HasPrefix(name, "function data."):
		return "a function that takes a lambda, or arguments that DuckDB keeps to itself", "Use CASE WHEN, IN (…) or list_contains(['a', 'b'], x) with literals."
	case kind == "option" && strings.HasSuffix(name, "projection_map"):
		return "this form of subquery", "Write it as a WITH, and take one row of each person with row_number() OVER (PARTITION BY person_id ORDER BY …)."
	}
	if advice = adviceByKind[kind]; advice == "" {
		advice = simpler
	}
	return "the " + kind + " " + strings.ReplaceAll(strings.TrimPrefix(name, "LOGICAL_"), "_", " "), advice
}

// adviceOnFunctions is what to write instead of functions that are refused, by the
// reason.
var adviceOnFunctions = map[string]string{
	"it can show a value in its message":     "Leave it out: rows that do not fit are found with WHERE and counted.",
	"it is not deterministic":                "Write the date or number as a literal, such as DATE '2020-01-31'.",
	"it can single out one person by weight": "Use sum, avg or stddev of the measure itself, a product of two (x * x), or count people within bands (CASE WHEN … END).",
	"it packs values into bits":              "Use AND, OR and CASE WHEN, and GROUP BY each column by itself.",
	"it turns people into numbers":           "Compare the column itself, or GROUP BY it if it is a dimension.",
	"it turns text into numbers":             "Compare the text itself, with =, IN or LIKE, or use CASE WHEN.",
	"it makes text longer":                   "GROUP BY the columns one by one, and put them together above the aggregate or in your notebook.",
	"it fails on some values":                "Use date_trunc, date_part, or a literal DATE '2020-01-31'.",
	"its time tells":                         "Leave it out.",
	"it reads outside of the question":       "Write the value as a literal, or as a parameter (?).",
}

// inParts is for statements that are too long.
const inParts = "Ask in parts, or keep people on the way with CREATE TABLE name AS SELECT person_id, …."

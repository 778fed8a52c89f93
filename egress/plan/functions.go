package plan

import "github.com/gatehouse-tre/gatehouse"

// rowFunctions may run on rows of people. Each is deterministic, looks at its
// arguments only, and its cost does not grow with a value. The number is true
// for functions that can fail on some values: they are printed inside TRY, so
// that a failure is NULL and tells nothing.
var rowFunctions = map[string]bool{
	// arithmetic; integers can overflow
	"+": true, "-": true, "*": true, "/": false, "//": true, "%": true, "abs": true, "sign": false, "round": true, "floor": false, "ceil": false, "ceiling": false,
	"trunc": false, "ln": true, "log": true, "log2": true, "log10": true, "sqrt": true, "greatest": false, "least": false,
	// text
	"lower": false, "upper": false, "trim": false, "ltrim": false, "rtrim": false, "length": false, "strlen": false, "substring": true, "substr": true, "left": true, "right": true,
	"array_extract": false, "contains": false, "prefix": false, "suffix": false, "starts_with": false, "ends_with": false, "strpos": false, "instr": false, "||": false, "concat": false, "replace": false,
	"~~": true, "!~~": true, "~~*": true, "!~~*": true, "like_escape": true, "regexp_matches": true, "regexp_full_match": true, "regexp_extract": true, "nullif": false, "ifnull": false,
	// dates
	"year": false, "month": false, "quarter": false, "day": false, "week": false, "dayofweek": false, "isodow": false, "weekday": false, "dayofyear": false, "decade": false, "century": false,
	"date_trunc": true, "datetrunc": true, "date_part": true, "datepart": true, "date_diff": true, "datediff": true, "date_sub": true, "datesub": true, "date_add": true, "age": true, "last_day": true,
	"make_date": true, "strftime": true, "to_years": true, "to_months": true, "to_days": true, "to_weeks": true, "monthname": false, "dayname": false,
	// lists of literals
	"list_value": false, "list_contains": false, "list_has": false, "array_contains": false, "array_has": false,
}

// refusedFunctions are those that people ask for, with the reason.
var refusedFunctions = map[string]string{
	"error": "it can show a value in its message", "random": "it is not deterministic", "uuid": "it is not deterministic", "now": "it is not deterministic",
	"exp": "it can single out one person by weight", "pow": "it can single out one person by weight", "power": "it can single out one person by weight", "**": "it can single out one person by weight", "^": "it can single out one person by weight",
	"<<": "it packs values into bits", ">>": "it packs values into bits", "xor": "it packs values into bits", "&": "it packs values into bits", "|": "it packs values into bits",
	"hash": "it turns people into numbers", "md5": "it turns people into numbers", "sha256": "it turns people into numbers", "ascii": "it turns text into numbers", "unicode": "it turns text into numbers", "ord": "it turns text into numbers",
	"sleep": "its time tells", "getvariable": "it reads outside of the question", "current_setting": "it reads outside of the question",
}

func checkFunction(name string) error {
	if _, ok := rowFunctions[name]; ok {
		return nil
	}
	if why := refusedFunctions[name]; why != "" {
		return gatehouse.Errorf(gatehouse.CodeFunction, "The function %s is not allowed over people: %s.", name, why)
	}
	return gatehouse.Errorf(gatehouse.CodeFunction, "The function %s is not on the list of functions allowed over people.", name)
}

// personAggregates may run inside one person's rows, where the person is a key.
var personAggregates = map[string]bool{
	"count_star": true, "count": true, "count_if": true, "countif": true, "sum": true, "sum_no_overflow": true, "avg": true, "mean": true, "min": true, "max": true,
	"first": true, "last": true, "any_value": true, "arg_min": true, "arg_max": true, "min_by": true, "max_by": true, "mode": true,
	"bool_or": true, "bool_and": true, "median": true, "quantile_cont": true, "quantile_disc": true,
	"stddev": true, "stddev_samp": true, "stddev_pop": true, "variance": true, "var_samp": true, "var_pop": true,
}

// Measure is the family of a frontier aggregate, which decides what evidence it needs.
type Measure int

// The families.
const (
	MeasureCount      Measure = iota // count(*), count(x), count_if: contributors are rows
	MeasureDistinct                  // count(DISTINCT x)
	MeasureSum                       // sums
	MeasureMean                      // avg
	MeasureSpread                    // variance, standard deviation
	MeasureQuantile                  // median, quantiles
	MeasureRegression                // corr, covar, regr_*
)

var frontierAggregates = map[string]Measure{
	"count_star": MeasureCount, "count": MeasureCount, "count_if": MeasureCount, "countif": MeasureCount,
	"sum": MeasureSum, "sum_no_overflow": MeasureSum, "fsum": MeasureSum, "kahan_sum": MeasureSum, "avg": MeasureMean, "mean": MeasureMean, "favg": MeasureMean,
	"stddev": MeasureSpread, "stddev_samp": MeasureSpread, "stddev_pop": MeasureSpread, "variance": MeasureSpread, "var_samp": MeasureSpread, "var_pop": MeasureSpread,
	"median": MeasureQuantile, "quantile_cont": MeasureQuantile, "quantile_disc": MeasureQuantile, "quantile": MeasureQuantile,
	"corr": MeasureRegression, "covar_samp": MeasureRegression, "covar_pop": MeasureRegression, "regr_slope": MeasureRegression, "regr_intercept": MeasureRegression, "regr_r2": MeasureRegression,
	"regr_count": MeasureRegression, "regr_avgx": MeasureRegression, "regr_avgy": MeasureRegression,
}

// MeasureOf gives the family of a frontier aggregate.
func MeasureOf(a *AggregateCall) (Measure, error) {
	m, ok := frontierAggregates[a.Name]
	if ok && a.Distinct {
		if a.Name == "count" {
			return MeasureDistinct, nil
		}
		return 0, gatehouse.Errorf(gatehouse.CodeAggregate, "DISTINCT is answered inside count only.")
	}
	if ok && len(a.Orders) == 0 {
		return m, nil
	}
	e := gatehouse.Errorf(gatehouse.CodeAggregate, "The aggregate %s over people is not released.", a.Name)
	switch a.Name {
	case "min", "max":
		return 0, e.WithAdvice("It shows one person's value; ask for quantile_cont(x, 0.01) or quantile_cont(x, 0.99) instead.")
	case "approx_count_distinct":
		return 0, e.WithAdvice("Use count(DISTINCT …), which is exact.")
	case "approx_quantile":
		return 0, e.WithAdvice("Use quantile_cont, which is exact.")
	}
	return 0, e.WithAdvice("Use count, sum, avg, stddev, median, a quantile, corr or regr_*; per person (GROUP BY person_id) others are fine too.")
}

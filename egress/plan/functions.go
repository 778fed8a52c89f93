package plan

import (
	"math/big"
	"regexp"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
)

// rowFunctions may run on rows of people. Each is deterministic, looks at its
// arguments only, makes nothing longer than what it is given, and never fails on
// a value as the printer writes it: a failure would tell of the row, and TRY does
// not hold it back, since the optimizer may compute what is inside elsewhere.
// The number is from which argument on only literals are taken (patterns,
// formats, positions), −1 for none.
var rowFunctions = map[string]int{
	"+": -1, "-": -1, "*": -1, "/": -1, "//": -1, "%": -1, "abs": -1, "sign": -1, "round": 1, "floor": -1, "ceil": -1, "ceiling": -1,
	"trunc": -1, "ln": -1, "log2": -1, "log10": -1, "sqrt": -1, "greatest": -1, "least": -1,
	"lower": -1, "upper": -1, "trim": -1, "ltrim": -1, "rtrim": -1, "length": -1, "strlen": -1, "substring": 1, "substr": 1, "left": 1, "right": 1,
	"array_extract": 1, "contains": -1, "prefix": -1, "suffix": -1, "starts_with": -1, "ends_with": -1, "strpos": -1, "instr": -1,
	"~~": -1, "!~~": -1, "~~*": -1, "!~~*": -1, "regexp_matches": 1, "regexp_full_match": 1, "regexp_extract": 1, "nullif": -1, "ifnull": -1,
	"year": -1, "month": -1, "quarter": -1, "day": -1, "week": -1, "dayofweek": -1, "isodow": -1, "weekday": -1, "dayofyear": -1, "decade": -1, "century": -1,
	"date_trunc": -1, "datetrunc": -1, "date_part": -1, "datepart": -1, "date_diff": -1, "datediff": -1, "date_sub": -1, "datesub": -1, "last_day": -1,
	"strftime": 1, "to_years": 0, "to_months": 0, "to_days": 0, "to_weeks": 0, "monthname": -1, "dayname": -1,
	"list_value": -1, "list_contains": -1, "list_has": -1, "array_contains": -1, "array_has": -1,
}

// firstLiteral are functions whose first argument names a part of a date.
var firstLiteral = map[string]bool{"date_trunc": true, "datetrunc": true, "date_part": true, "datepart": true, "date_diff": true, "datediff": true, "date_sub": true, "datesub": true}

// refusedFunctions are those that people ask for, with the reason.
var refusedFunctions = map[string]string{
	"error": "it can show a value in its message", "random": "it is not deterministic", "uuid": "it is not deterministic", "now": "it is not deterministic",
	"current_date": "it is not deterministic", "today": "it is not deterministic", "get_current_timestamp": "it is not deterministic", "current_timestamp": "it is not deterministic",
	"exp": "it can single out one person by weight", "pow": "it can single out one person by weight", "power": "it can single out one person by weight", "**": "it can single out one person by weight", "^": "it can single out one person by weight",
	"<<": "it packs values into bits", ">>": "it packs values into bits", "xor": "it packs values into bits", "&": "it packs values into bits", "|": "it packs values into bits",
	"hash": "it turns people into numbers", "md5": "it turns people into numbers", "sha256": "it turns people into numbers", "ascii": "it turns text into numbers", "unicode": "it turns text into numbers", "ord": "it turns text into numbers",
	"concat": "it makes text longer", "||": "it makes text longer", "replace": "it makes text longer", "repeat": "it makes text longer", "lpad": "it makes text longer", "rpad": "it makes text longer",
	"make_date": "it fails on some values", "sleep": "its time tells", "getvariable": "it reads outside of the question", "current_setting": "it reads outside of the question",
}

// checkFunction refuses a call that is not allowed over people.
func checkFunction(e *Call) error {
	from, ok := rowFunctions[e.Name]
	if !ok {
		if why := refusedFunctions[e.Name]; why != "" {
			return gatehouse.Errorf(gatehouse.CodeFunction, "The function %s is not allowed over people: %s.", e.Name, why).WithAdvice("%s", adviceOnFunctions[why])
		}
		return gatehouse.Errorf(gatehouse.CodeFunction, "The function %s is not on the list of functions allowed over people.", e.Name).
			WithAdvice("Use it above the aggregate, where any function goes; over people use CASE WHEN, or the functions listed in docs/gate.md.")
	}
	for i, arg := range e.Args {
		if must := (from >= 0 && i >= from) || (firstLiteral[e.Name] && i == 0); must {
			if _, ok := constant(arg); !ok {
				return gatehouse.Errorf(gatehouse.CodeFunction, "The function %s takes a literal there, not a value of a row.", e.Name).WithAdvice("Write the pattern, format or position as a literal, or compare the two columns with = or <.")
			}
			if !within(arg, literalBounds(e.Name)) {
				return gatehouse.Errorf(gatehouse.CodeFunction, "A literal of the function %s is too large.", e.Name).WithAdvice("Use a smaller number, such as INTERVAL 10 YEAR for a distance between dates.")
			}
			if firstLiteral[e.Name] && i == 0 && !knownPart(e.Name, arg) {
				return gatehouse.Errorf(gatehouse.CodeFunction, "The function %s over people takes the parts day, week, month, quarter, year and coarser, and days of the week.", e.Name).WithAdvice("Use one of them as a literal, such as date_trunc('month', x) or date_diff('day', x, y).")
			}
		}
	}
	if e.T.ID == "HUGEINT" || e.T.ID == "DECIMAL" && e.T.Width > 18 && !exactDecimal(e) {
		return gatehouse.Errorf(gatehouse.CodeFunction, "Arithmetic over people is done in numbers of up to 18 digits.").WithAdvice("Convert to DOUBLE first.")
	}
	// A date moves by literal distances only: past the calendar it would fail.
	if (e.Name == "+" || e.Name == "-") && len(e.Args) == 2 && e.T.Temporal() {
		if _, ok := constant(e.Args[1]); !ok {
			if _, ok := constant(e.Args[0]); !ok || e.Name == "-" {
				return gatehouse.Errorf(gatehouse.CodeFunction, "Dates of people are moved by a literal number of days or interval.").WithAdvice("Write the distance as a literal (x + INTERVAL 30 DAY), or compare date_diff('day', x, y) with a number.")
			}
		}
	}
	return nil
}

// exactDecimal reports whether arithmetic of decimals is exact in 38 digits, as the
// printer writes it.
func exactDecimal(e *Call) bool {
	if e.T.Width > widestDecimal || len(e.Args) != 2 || e.Name != "+" && e.Name != "-" && e.Name != "*" {
		return false
	}
	most := new(big.Rat).SetInt(limit(Type{ID: "DECIMAL", Width: 38, Scale: e.T.Scale}))
	for _, a := range e.Args {
		if a.Type().ID != "DECIMAL" {
			return false
		}
	}
	a, b := bound(e.Args[0]), bound(e.Args[1])
	if e.Name == "*" {
		return most.Cmp(a.Mul(a, b)) > 0
	}
	return most.Cmp(a.Add(a, b)) > 0
}

// widestDecimal is the width up to which decimals can be added up over people
// without failing.
const widestDecimal = 28

// literalBounds is how large the numbers of a function's literals may be: past
// the calendar, or past the end of a text, some functions fail.
func literalBounds(name string) int64 {
	switch name {
	case "to_years":
		return 1000
	case "to_months":
		return 12_000
	case "to_weeks", "to_days":
		return 400_000
	}
	return 1_000_000
}

func within(e Expr, bound int64) bool {
	fits := true
	Walk(e, func(e Expr) bool {
		if c, ok := e.(*Const); ok && c.Value != nil && new(big.Rat).Abs(c.Value).Cmp(big.NewRat(bound, 1)) > 0 {
			fits = false
		}
		return fits
	})
	return fits
}

// knownPart reports whether a literal names a part of a date that is no finer
// than a day.
func knownPart(function string, e Expr) bool {
	c, ok := literal(e)
	if !ok || c.T.ID != "VARCHAR" {
		return false
	}
	switch strings.TrimSuffix(strings.ToLower(c.Text), "s") {
	case "day", "week", "month", "quarter", "year", "decade", "century", "millennium":
		return true
	case "dow", "isodow", "doy", "dayofweek", "weekday", "dayofyear", "isoyear":
		return function == "date_part" || function == "datepart"
	}
	return false
}

// checkDateLiteral keeps dates that are written as text within the calendar.
var dateLiteral = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?)?$`)

func checkDateLiteral(e *Cast) error {
	c, ok := e.X.(*Const)
	if ok && e.T.Temporal() && e.T.ID != "TIME" && c.T.ID == "VARCHAR" && !c.Null && !dateLiteral.MatchString(strings.TrimSpace(c.Text)) {
		return gatehouse.Errorf(gatehouse.CodeFunction, "A date beside people is written as YYYY-MM-DD.").WithAdvice("Write it as DATE '2020-01-31'.")
	}
	return nil
}

// constant reports whether an expression is made of literals only.
func constant(e Expr) (Expr, bool) {
	fixed := true
	Walk(e, func(e Expr) bool {
		switch e.(type) {
		case *Ref, *AggregateCall, *WindowCall:
			fixed = false
		}
		return fixed
	})
	return e, fixed
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
		return 0, gatehouse.Errorf(gatehouse.CodeAggregate, "DISTINCT is answered in count(DISTINCT …) only.").WithAdvice("Sum or average over one row per person: GROUP BY person_id first.")
	}
	if ok && len(a.Orders) == 0 {
		return m, nil
	}
	e := gatehouse.Errorf(gatehouse.CodeAggregate, "The aggregate %s over people is not released.", a.Name)
	switch a.Name {
	case "min", "max":
		return 0, e.WithAdvice("It shows one person's value; ask for quantile_cont(x, 0.01) or quantile_cont(x, 0.99) instead.")
	case "approx_quantile":
		return 0, e.WithAdvice("Use quantile_cont, which is exact.")
	}
	return 0, e.WithAdvice("Use count, sum, avg, stddev, median, a quantile, corr or regr_*; per person (GROUP BY person_id) others are fine too.")
}

package disclosure

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
)

func TestDominance(t *testing.T) {
	two := Dominance{N: 2, K: 0.9, P: 0.1}
	for _, c := range []struct {
		shares Shares
		rule   Dominance
		want   bool
	}{
		{Shares{Total: 100, First: 50, Second: 39}, two, false},
		{Shares{Total: 100, First: 50, Second: 40}, two, true},    // two have 90 %
		{Shares{Total: 100, First: 89, Second: 1}, two, true},     // two have 90 %
		{Shares{Total: 100, First: 80, Second: 9}, two, false},    // the rest is 11, more than a tenth of 80
		{Shares{Total: 1000, First: 880, Second: 10}, two, false}, // 110 of 880
		{Shares{Total: 100, First: 10, Second: 10}, two, false},
		{Shares{}, two, false},
		{Shares{Total: math.NaN(), First: 1, Second: 1}, two, true},
		{Shares{Total: 100, First: 50, Second: 30}, Dominance{N: 2, K: 0.8, P: 0.1}, true},
		{Shares{Total: 100, First: 44, Second: 44}, Dominance{N: 1, K: 0.45, P: 0.1}, false},
		{Shares{Total: 100, First: 45, Second: 5}, Dominance{N: 1, K: 0.45, P: 0.1}, true},
		{Shares{Total: 100, First: 60, Second: 11}, Dominance{N: 2, K: 0.9, P: 0.5}, true}, // the rest is 29, less than half of 60
	} {
		if got := c.shares.Dominated(c.rule); got != c.want {
			t.Errorf("%+v by %+v: %v", c.shares, c.rule, got)
		}
	}
}

// What one may be (n=1) is never weaker than what two may be, at the ceilings.
func TestOneIsNowhereWeakerThanTwo(t *testing.T) {
	for first := 0; first <= 100; first++ {
		for second := 0; second <= min(first, 100-first); second++ {
			s := Shares{Total: 100, First: float64(first), Second: float64(second)}
			if s.Dominated(Dominance{N: 2, K: mostShareOfTwo, P: 0}) && !s.Dominated(Dominance{N: 1, K: mostShareOfOne, P: 0}) {
				t.Fatalf("%+v", s)
			}
		}
	}
}

func TestSidesIsTheSmallestPart(t *testing.T) {
	if got := Sides([]*big.Rat{big.NewRat(3, 4), big.NewRat(1, 4), big.NewRat(1, 2)}); got != 0.25 {
		t.Errorf("quartiles: %v", got)
	}
	if got := Sides([]*big.Rat{big.NewRat(1, 2), big.NewRat(501, 1000)}); got > 0.0011 {
		t.Errorf("two near fractions: %v", got)
	}
}

func TestRounding(t *testing.T) {
	sdap, _ := PolicyNamed("sdap")
	nhs, _ := PolicyNamed("nhs@1")
	for x, want := range map[float64]float64{123456.789: 123457, 0.0001234567: 0.000123457, -27.123456: -27.1235, 0: 0, 1e300: 1e300} {
		if got := sdap.RoundReal(x); got != want {
			t.Errorf("sdap: %v becomes %v, not %v", x, got, want)
		}
	}
	for n, want := range map[int64]int64{12: 10, 13: 15, 0: 0, 7: 5, 8: 10} {
		if got := nhs.RoundCount(n); got != want {
			t.Errorf("nhs: %d becomes %d, not %d", n, got, want)
		}
	}
}

func TestUnknownPoliciesRefuse(t *testing.T) {
	for _, name := range []string{"lenient", "sdap@2", "sdap@0", "sdap@", "sdap@1@1", "sdap@01", "sdap@+1", "", "@1", "Sdap", "../sdap@1"} {
		if p, err := PolicyNamed(name); gatehouse.CodeOf(err) != gatehouse.CodeConfig {
			t.Errorf("%q gives %+v, %v", name, p, err)
		}
	}
}

// The table of docs/gate.md.
func TestBuiltInPoliciesSayWhatTheTableSays(t *testing.T) {
	for name, want := range map[string]string{
		"sdap":       "10 none 0 6 {2 0.9 0.1} 10 1 1 false",
		"nhs":        "8 controlled 5 4 {2 0.9 0.1} 10 1 1 false",
		"opensafely": "8 controlled 5 4 {2 0.9 0.1} 10 1 1 false",
	} {
		p, err := PolicyNamed(name)
		got := fmt.Sprintln(p.Threshold, p.CountRounding, p.RoundCounts, p.Digits, p.Dominance, p.FreedomDegrees, p.VarianceExtra, p.QuantileGrains, p.AllowFull)
		if got = strings.TrimSpace(got); err != nil || got != want || p.FullName() != name+"@1" || len(p.Hash) != 64 {
			t.Errorf("%s is %s (%v), not %s", name, got, err, want)
		}
	}
}

const ownPolicy = `name: north
source: The North's data access committee, minute 12
threshold: 15
rounding: controlled
round_counts: 10
digits: 3
dominance: {n: 1, k: 0.4, p: 0.2}
degrees_of_freedom: 20
variance_extra: 2
quantile_grains: 5
allow_full: true
`

func TestAPolicyFileIsRead(t *testing.T) {
	p, err := ParsePolicy([]byte(ownPolicy))
	if err != nil {
		t.Fatal(err)
	}
	if p.Threshold != 15 || p.CountRounding != RoundControlled || p.RoundCounts != 10 || p.Digits != 3 || p.Dominance != (Dominance{1, 0.4, 0.2}) || p.FreedomDegrees != 20 ||
		p.VarianceExtra != 2 || p.QuantileGrains != 5 || !p.AllowFull {
		t.Errorf("read %+v", p)
	}
	if p.Needs(Spread) != 17 || p.Needs(Regression) != 22 || p.Needs(Quantile) != 30 || p.Needs(Sum) != 15 {
		t.Errorf("needs %d, %d, %d, %d", p.Needs(Spread), p.Needs(Regression), p.Needs(Quantile), p.Needs(Sum))
	}
	again, err := ParsePolicy([]byte(ownPolicy + "# a remark\n"))
	if err != nil || again.Hash == p.Hash {
		t.Errorf("a changed file has the same hash: %v", err)
	}
}

func TestWeakOrMisspeltPolicyFilesAreRefused(t *testing.T) {
	for what, c := range map[string]struct{ from, to, says string }{
		"a low threshold":           {"threshold: 15", "threshold: 4", "threshold is 4, not between 5 and 1000"},
		"no threshold":              {"threshold: 15\n", "", "threshold is 0"},
		"a fraction":                {"threshold: 15", "threshold: 15.5", "cannot be read"},
		"a threshold as text":       {"threshold: 15", "threshold: \"15\"", "cannot be read"},
		"an exponent":               {"threshold: 15", "threshold: 1e1", "cannot be read"},
		"half a person":             {"n: 1", "n: 1.9", "cannot be read"},
		"a word for a bool":         {"allow_full: true", "allow_full: 1", "cannot be read"},
		"a huge threshold":          {"threshold: 15", "threshold: 99999999999999999999", "cannot be read"},
		"an unknown key":            {"digits: 3", "digits: 3\ndigit: 6", "unknown field"},
		"a key twice":               {"digits: 3", "digits: 3\ndigits: 4", "already defined"},
		"an unknown key within":     {"p: 0.2", "p: 0.2, q: 1", "unknown field"},
		"a rounding it has not":     {"rounding: controlled", "rounding: random", `rounding is "random"`},
		"a step without rounding":   {"rounding: controlled", "rounding: none", "round_counts is 10, but rounding is none"},
		"no step":                   {"round_counts: 10", "round_counts: 0", "round_counts is 0"},
		"a step of one":             {"round_counts: 10", "round_counts: 1", "round_counts is 1"},
		"a step above threshold":    {"round_counts: 10", "round_counts: 20", "round_counts is 20, not between 2 and 15"},
		"too many digits":           {"digits: 3", "digits: 7", "digits is 7, not between 2 and 6"},
		"a weak k":                  {"k: 0.4", "k: 0.46", "dominance k is 0.46, not between 0.1 and 0.45"},
		"a weak k of two":           {"n: 1, k: 0.4", "n: 2, k: 0.91", "dominance k is 0.91, not between 0.1 and 0.9"},
		"k not a number":            {"k: 0.4", "k: .nan", "dominance k is NaN"},
		"three people":              {"n: 1", "n: 3", "dominance n is 3"},
		"a weak p":                  {"p: 0.2", "p: 0.05", "dominance p is 0.05"},
		"no dominance":              {"dominance: {n: 1, k: 0.4, p: 0.2}\n", "", "dominance n is 0"},
		"few degrees of freedom":    {"degrees_of_freedom: 20", "degrees_of_freedom: 9", "degrees_of_freedom is 9"},
		"no more for a variance":    {"variance_extra: 2", "variance_extra: 0", "variance_extra is 0"},
		"finer than the grain":      {"quantile_grains: 5", "quantile_grains: 0", "quantile_grains is 0"},
		"no source":                 {"source: The North's data access committee, minute 12\n", "", "source does not say"},
		"no name":                   {"name: north\n", "", "name"},
		"a path for a name":         {"name: north", "name: ../north", "is not a name"},
		"two documents":             {"allow_full: true\n", "allow_full: true\n---\nname: x\n", "more than one document"},
		"nothing":                   {ownPolicy, "", "it is empty"},
		"not YAML":                  {ownPolicy, "\x00{", "cannot be read"},
		"a list":                    {ownPolicy, "- 1\n", "cannot be read"},
		"all that is wrong at once": {"threshold: 15\nrounding: controlled", "threshold: 1\nrounding: x", "rounding is"},
	} {
		text := strings.Replace(ownPolicy, c.from, c.to, 1)
		p, err := ParsePolicy([]byte(text))
		if gatehouse.CodeOf(err) != gatehouse.CodeConfig || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, %v; want %q", what, p, err, c.says)
		}
	}
	if _, err := ParsePolicy([]byte(ownPolicy + "#" + strings.Repeat("x", MaxPolicyFile))); err == nil {
		t.Error("a file of any size is read")
	}
}

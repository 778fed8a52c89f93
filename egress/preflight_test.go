package egress

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestExplainGateIsKnownInAnyDress(t *testing.T) {
	for sql, want := range map[string]string{
		"EXPLAIN GATE SELECT 1":                                    "SELECT 1",
		"explain gate select 1;":                                   "select 1;",
		"  \t\r\nExPlAiN\n\nGaTe\nSELECT 1 ;\n ":                   "SELECT 1 ;",
		"-- how\nEXPLAIN -- is\r\nGATE /* it */ SELECT 1 -- typed": "SELECT 1 -- typed",
		"/**/EXPLAIN/* a */GATE/* b */SELECT 1":                    "SELECT 1",
		"EXPLAIN GATE(SELECT 1)":                                   "(SELECT 1)",
		"EXPLAIN GATE\u00a0SELECT '  EXPLAIN GATE '":               "SELECT '  EXPLAIN GATE '",
		"\ufeffEXPLAIN GATE WITH a AS (SELECT 1) SELECT * FROM a":  "WITH a AS (SELECT 1) SELECT * FROM a",
		"EXPLAIN GATE":                       "",
		"EXPLAIN GATE -- nothing":            "",
		"EXPLAIN GATE ; ":                    ";",
		"EXPLAIN GATE /* not ended":          "/* not ended",
		"EXPLAIN GATE EXPLAIN GATE SELECT 1": "EXPLAIN GATE SELECT 1",
		"EXPLAIN GATE\"t\"":                  "\"t\"",
	} {
		if rest, ok := explainGate(sql); !ok || rest != want {
			t.Errorf("%q: %q, %v", sql, rest, ok)
		}
	}
	for _, sql := range []string{
		"", "SELECT 1", "EXPLAIN SELECT 1", "EXPLAIN ANALYZE GATE SELECT 1", "EXPLAINGATE SELECT 1", "EXPLAIN GATEWAY SELECT 1", "EXPLAIN GATE_ SELECT 1", "EXPLAIN GATE1",
		"EXPLAIN GATE.x", "EXPLAIN GATÉ SELECT 1", "EXPLAIN GATEÉ", "EXPLAIN \"GATE\" SELECT 1", "\"EXPLAIN\" GATE SELECT 1", "EXPLAIN", "EXPLAIN /* not ended GATE SELECT 1",
		"/* /* */ */ EXPLAIN GATE SELECT 1", "-- EXPLAIN GATE SELECT 1", "/* EXPLAIN GATE */ SELECT 1", "'EXPLAIN GATE' SELECT 1", "; EXPLAIN GATE SELECT 1", "(EXPLAIN GATE SELECT 1)",
		"SELECT 1; EXPLAIN GATE SELECT 1",
	} {
		if rest, ok := explainGate(sql); ok || rest != sql {
			t.Errorf("%q was taken for EXPLAIN GATE: %q", sql, rest)
		}
	}
}

// FuzzExplainGate holds that what is explained is a piece of what was sent, cut
// outside of its words, and that nothing but EXPLAIN GATE stood before it.
func FuzzExplainGate(f *testing.F) {
	for _, sql := range []string{"EXPLAIN GATE SELECT 1", "explain/*x*/gate--y\nSELECT 'a' ;", "EXPLAIN GATE\u00a0(SELECT 1)", "EXPLAIN GATE /* /* */ */ SELECT 1", "EXPLAIN ANALYZE SELECT 1", "\xff EXPLAIN GATE \x00"} {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		rest, ok := explainGate(sql)
		if !ok {
			if rest != sql {
				t.Fatalf("%q became %q", sql, rest)
			}
			return
		}
		at := strings.LastIndex(sql, rest)
		if at < 0 {
			t.Fatalf("%q is not of %q", rest, sql)
		}
		head := strings.ToUpper(sql[:at])
		if explain := strings.Index(head, "EXPLAIN"); explain < 0 || !strings.Contains(head[explain:], "GATE") {
			t.Fatalf("%q stood before %q", head, rest)
		}
		if utf8.ValidString(sql) != utf8.ValidString(sql[:at]) && utf8.ValidString(rest) && utf8.ValidString(sql) {
			t.Fatalf("%q was cut inside of a character", sql)
		}
		if again, ok := explainGate("EXPLAIN GATE " + rest); !ok || again != rest {
			if begin, read := afterBlanks(rest); !read || begin == rest {
				t.Fatalf("%q explained again is %q", rest, again)
			}
		}
	})
}

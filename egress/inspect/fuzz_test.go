package inspect

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// Whatever a file holds, inspection ends with findings or a refusal that print no
// value, the same each time.
func FuzzFindings(f *testing.F) {
	for name, content := range map[string]string{
		"a.csv": "region,n\nLondon,3\n", "a.tsv": "a\tb\n1\t2\n", "a.json": `[{"n": 3, "nhs_number": "9434765919"}]`, "a.txt": "943 476 5919 and SW1A 1AA, dob 01/02/1960",
		"a.md": "![x](http://x)", "a.html": "<html><script>1</script>", "a.svg": "<svg xmlns='http://www.w3.org/2000/svg'><text>a</text></svg>",
		"a.png": "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "a.pdf": "%PDF-1.4 /JS %%EOF", "a.R": "x <- 1",
	} {
		f.Add(name, []byte(content), true)
	}
	const secret = "aaaabbbbccccddddeeeeffffgggghhhh"
	f.Add("a.txt", []byte(secret+secret), false)
	f.Fuzz(func(t *testing.T, name string, data []byte, supporting bool) {
		o := Options{Supporting: supporting, MaxBytes: 1 << 20, Pseudonym: func(b []byte) bool { return string(b) == secret }}
		first, err := File(name, bytes.NewReader(data), o)
		again, err2 := File(name, bytes.NewReader(data), o)
		if (err == nil) != (err2 == nil) || !slices.Equal(first.Findings, again.Findings) {
			t.Fatal("two looks at one file differ")
		}
		if err != nil {
			if _, ok := IsRefusal(err); !ok {
				t.Fatalf("neither findings nor a refusal: %v", err)
			}
			return
		}
		pseudonym := false
		for _, finding := range first.Findings {
			if finding.What == "" || finding.Do == "" || finding.Severity == "" || strings.Contains(finding.What+finding.Do, secret) {
				t.Fatalf("a finding without words, or with a value: %+v", finding)
			}
			pseudonym = pseudonym || finding.Rule == RulePseudonym
		}
		if plain := first.Type == Text || first.Type == Code || first.Type == CSV || first.Type == Markdown; plain && bytes.Contains(data, []byte(secret)) && !pseudonym {
			t.Fatal("a pseudonym was overlooked")
		}
	})
}

// Two tables, whatever they hold: a comparison ends, is bounded, and of a table with
// itself there is no difference.
func FuzzCompare(f *testing.F) {
	f.Add([]byte("a,n\nx,1\n"), []byte("a,n\nx,2\ny,3\n"))
	f.Add([]byte("n\n1\n"), []byte("n\n\"1\n"))
	f.Fuzz(func(t *testing.T, before, after []byte) {
		c := Compare(CSV, before, after, 10)
		if len(c.Cells) > maxDifferences || len(c.RowsAdded) > maxDifferences || len(c.RowsRemoved) > maxDifferences || c.Small < 0 {
			t.Fatalf("%+v", c)
		}
		if !c.Comparable && c.Why == "" {
			t.Fatal("not compared, and not said why")
		}
		if c := Compare(CSV, after, append(bytes.Clone(after), '\n'), 10); c.Comparable && len(c.Cells) > 0 {
			t.Fatalf("a table differs from itself: %+v", c.Cells)
		}
	})
}

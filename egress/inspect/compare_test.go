package inspect

import (
	"slices"
	"strings"
	"testing"
)

func TestTablesAreComparedByTheirRows(t *testing.T) {
	before := "sex,year,n,mean age\nF,2023,120,45.1\nM,2023,99,44\nF,2024,130,46\n"
	for what, c := range map[string]struct {
		after string
		check func(Comparison) bool
	}{
		"the same":         {before, func(c Comparison) bool { return c.Same && c.Comparable && len(c.Cells) == 0 }},
		"in another order": {"sex,year,n,mean age\nF,2024,130,46\nM,2023,99,44\nF,2023,120,45.1\n", func(c Comparison) bool { return !c.Same && len(c.Cells) == 0 && c.RowsMatched == 3 }},
		"columns in another order": {"n,mean age,year,sex\n120,45.1,2023,F\n99,44.0,2023,M\n130,46,2024,F\n", func(c Comparison) bool {
			return len(c.Cells) == 0 && c.RowsMatched == 3 && slices.Contains(c.Keys, "year")
		}},
		"a few people more": {strings.Replace(before, ",99,", ",101,", 1), func(c Comparison) bool {
			return len(c.Cells) == 1 && c.Small == 1 && c.Cells[0].Line == 3 && *c.Cells[0].Difference == 2 && c.Cells[0].Row == "M · 2023"
		}},
		"many more": {strings.Replace(before, ",99,", ",199,", 1), func(c Comparison) bool { return len(c.Cells) == 1 && c.Small == 0 }},
		"a mean":    {strings.Replace(before, "45.1", "45.2", 1), func(c Comparison) bool { return len(c.Cells) == 1 && c.Small == 0 }},
		"a row less, a row more": {strings.Replace(before, "M,2023", "M,2024", 1), func(c Comparison) bool {
			return slices.Equal(c.RowsAdded, []string{"M · 2024"}) && slices.Equal(c.RowsRemoved, []string{"M · 2023"})
		}},
		"a column more": {"sex,year,n,mean age,deaths\nF,2023,120,45.1,12\n", func(c Comparison) bool {
			return slices.Equal(c.ColumnsAdded, []string{"deaths"}) && len(c.RowsRemoved) == 2
		}},
		"nothing in common":  {"a,b\n1,2\n", func(c Comparison) bool { return !c.Comparable && c.Why != "" }},
		"two columns a name": {"n,n\n1,2\n", func(c Comparison) bool { return !c.Comparable }},
		"a ragged table":     {"sex,year,n\nF,2023\n", func(c Comparison) bool { return !c.Comparable }},
	} {
		if got := Compare(CSV, []byte(before), []byte(c.after), 10); !c.check(got) {
			t.Errorf("%s: %+v", what, got)
		}
	}
}

func TestRowsWithoutNamesAreComparedInOrder(t *testing.T) {
	c := Compare(CSV, []byte("n\n12\n30\n"), []byte("n\n12\n33\n"), 10)
	if !c.Comparable || len(c.Keys) != 0 || len(c.Cells) != 1 || c.Cells[0].Row != "row 2" || c.Small != 1 {
		t.Errorf("%+v", c)
	}
	if c := Compare(JSON, []byte("[1]"), []byte("[2]"), 10); c.Comparable || c.Why == "" {
		t.Errorf("%+v", c)
	}
}

func TestAComparisonIsBounded(t *testing.T) {
	table := func(last string) []byte {
		var b strings.Builder
		b.WriteString("who,n\n")
		for i := range 3_000 {
			b.WriteString(strings.Repeat("x", i%50) + string(rune('a'+i/50%26)) + strings.Repeat("y", i/1300) + "," + last + "\n")
		}
		return []byte(b.String())
	}
	c := Compare(CSV, table("100"), table("101"), 10)
	if !c.More || len(c.Cells) > maxDifferences || len(c.RowsAdded) > maxDifferences {
		t.Errorf("%d cells, %d rows, more %t", len(c.Cells), len(c.RowsAdded), c.More)
	}
}

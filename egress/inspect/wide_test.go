package inspect

import (
	"strings"
	"testing"
)

func TestTablesThatAreTooWideAreRefused(t *testing.T) {
	wide := strings.Repeat(",", 1<<20)
	for name, content := range map[string]string{
		"header": wide + "\n1,2\n",
		"row":    "a,b\n1,2\n" + wide + "\n",
		"quotes": "a" + strings.Repeat(strings.Repeat(",", 10_000)+"\"\n\"", 100) + "\n",
	} {
		if _, err := File("a.csv", strings.NewReader(content), Options{}); err == nil {
			t.Errorf("%s: it is inspected", name)
		} else if refusal, is := IsRefusal(err); !is || !strings.Contains(refusal.What, "columns") {
			t.Errorf("%s: %v", name, err)
		}
	}
	rows := strings.Repeat("1"+strings.Repeat(",1", 9_999)+"\n", 4)
	if r, err := File("a.csv", strings.NewReader(rows), Options{}); err != nil || r.Columns != 10_000 || r.Rows != 3 {
		t.Errorf("%d rows of %d columns: %v", r.Rows, r.Columns, err)
	}
	if _, err := File("a.tsv", strings.NewReader(strings.Repeat("\t", 1<<20)), Options{}); err == nil {
		t.Error("a wide table of tabs is inspected")
	}
}

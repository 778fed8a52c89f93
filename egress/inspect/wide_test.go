package inspect

import (
	"fmt"
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

// Items of a key each would be a table of their square.
func TestItemsOfManyKeysAreRefused(t *testing.T) {
	var sparse, even []string
	for i := range 4000 {
		sparse = append(sparse, fmt.Sprintf(`{"k%d":1}`, i))
		even = append(even, `{"region":"London","n":120}`)
	}
	for name, content := range map[string]string{
		"one list":   "[" + strings.Join(sparse, ",") + "]",
		"many lists": "[" + strings.TrimSuffix(strings.Repeat("["+strings.Join(sparse[:1000], ",")+"],", 9), ",") + "]",
	} {
		if _, err := File("a.json", strings.NewReader(content), Options{}); err == nil {
			t.Errorf("%s: it is inspected", name)
		} else if refusal, is := IsRefusal(err); !is || !strings.Contains(refusal.What, "keys") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if r, err := File("a.json", strings.NewReader("["+strings.Join(even, ",")+"]"), Options{}); err != nil || r.Rows != 4000 || r.Columns != 2 {
		t.Errorf("%d rows of %d columns: %v", r.Rows, r.Columns, err)
	}
}

package plan

import (
	"os"
	"strings"
	"testing"
)

// docs/gate.md, to which refusals point, lists exactly the functions that are allowed.
func TestDocumentedFunctionsAreTheAllowedOnes(t *testing.T) {
	text, err := os.ReadFile("../../docs/gate.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "<!-- functions:")
	list, _, end := strings.Cut(rest, "<!-- end of functions -->")
	if !ok || !end {
		t.Fatal("docs/gate.md has lost its list of functions")
	}
	_, list, _ = strings.Cut(list, "-->")
	listed := map[string]bool{}
	for _, word := range strings.Fields(list) {
		listed[strings.Trim(word, "`")] = true
	}
	for name := range rowFunctions {
		if !listed[name] {
			t.Errorf("docs/gate.md does not list %s", name)
		}
		delete(listed, name)
	}
	for name := range listed {
		t.Errorf("docs/gate.md lists %s, which is not allowed", name)
	}
}

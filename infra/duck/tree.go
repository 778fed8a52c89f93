//go:build duckdb_arrow

package duck

import (
	"encoding/json"
	"strings"
)

// parsed is the parse tree of a text made of SELECTs, as DuckDB prints it.
type parsed struct {
	raw        json.RawMessage
	statements []any
}

// harmless are the table functions that only make rows of their arguments.
var harmless = map[string]bool{"range": true, "generate_series": true, "unnest": true}

// refused gives the kind of statement that keeps the tree from being bound, or "".
func (p parsed) refused() string {
	if len(p.statements) != 1 {
		return kindMultiple
	}
	return refused(p.statements[0])
}

func refused(node any) string {
	switch n := node.(type) {
	case []any:
		for _, child := range n {
			if kind := refused(child); kind != "" {
				return kind
			}
		}
	case map[string]any:
		switch n["type"] {
		case "SHOW_REF":
			return shown(n)
		case "TABLE_FUNCTION":
			if !harmlessCall(n) {
				return kindTableFunction
			}
		}
		for _, child := range n {
			if kind := refused(child); kind != "" {
				return kind
			}
		}
	}
	return ""
}

func shown(ref map[string]any) string {
	switch kind, _ := ref["show_type"].(string); kind {
	case "SUMMARY":
		return "SUMMARIZE"
	case "DESCRIBE":
		return "DESCRIBE"
	}
	return "SHOW"
}

func harmlessCall(ref map[string]any) bool {
	call, _ := ref["function"].(map[string]any)
	name, _ := call["function_name"].(string)
	schema, _ := call["schema"].(string)
	catalog, _ := call["catalog"].(string)
	return harmless[strings.ToLower(name)] && schema == "" && catalog == ""
}

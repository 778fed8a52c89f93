// Package plan reads DuckDB's bound logical plan into a small typed tree,
// refuses everything that the gate does not know, and prints SQL from the tree.
// What runs on data is only ever what this package printed.
package plan

import (
	"encoding/json"
	"fmt"

	"github.com/gatehouse-tre/gatehouse"
)

// Type is a SQL type that the gate knows. Unknown types are refused by the reader.
type Type struct {
	ID           string // DuckDB's LogicalTypeId, e.g. "INTEGER"
	Width, Scale int    // DECIMAL only
	Elem         *Type  // LIST only
}

// Types that the gate itself makes.
var (
	Boolean  = Type{ID: "BOOLEAN"}
	BigInt   = Type{ID: "BIGINT"}
	HugeInt  = Type{ID: "HUGEINT"}
	Double   = Type{ID: "DOUBLE"}
	Varchar  = Type{ID: "VARCHAR"}
	UInteger = Type{ID: "UINTEGER"}
)

// sqlNames are the scalar types that may occur, by the name to print.
var sqlNames = map[string]string{
	"BOOLEAN": "BOOLEAN", "TINYINT": "TINYINT", "SMALLINT": "SMALLINT", "INTEGER": "INTEGER", "BIGINT": "BIGINT", "HUGEINT": "HUGEINT",
	"UTINYINT": "UTINYINT", "USMALLINT": "USMALLINT", "UINTEGER": "UINTEGER", "UBIGINT": "UBIGINT",
	"FLOAT": "FLOAT", "DOUBLE": "DOUBLE", "VARCHAR": "VARCHAR", "DATE": "DATE", "TIME": "TIME", "TIMESTAMP": "TIMESTAMP",
	"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ", "INTERVAL": "INTERVAL", "NULL": `"NULL"`,
}

// SQL is the type as DuckDB writes it.
func (t Type) SQL() string {
	switch t.ID {
	case "DECIMAL":
		return fmt.Sprintf("DECIMAL(%d,%d)", t.Width, t.Scale)
	case "LIST":
		return t.Elem.SQL() + "[]"
	default:
		return sqlNames[t.ID]
	}
}

// Numeric reports whether values of the type are numbers.
func (t Type) Numeric() bool { return t.Integer() || t.Real() || t.ID == "DECIMAL" }

// Integer reports whether values of the type are whole numbers.
func (t Type) Integer() bool {
	switch t.ID {
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT":
		return true
	}
	return false
}

// Real reports whether values of the type are floating-point numbers.
func (t Type) Real() bool { return t.ID == "FLOAT" || t.ID == "DOUBLE" }

// Temporal reports whether values of the type are dates or times.
func (t Type) Temporal() bool {
	switch t.ID {
	case "DATE", "TIMESTAMP", "TIME", "TIMESTAMP WITH TIME ZONE":
		return true
	}
	return false
}

type rawType struct {
	ID       string `json:"id"`
	TypeInfo *struct {
		Type      string   `json:"type"`
		Alias     string   `json:"alias"`
		Extension any      `json:"extension_info"`
		Width     int      `json:"width"`
		Scale     int      `json:"scale"`
		ChildType *rawType `json:"child_type"`
	} `json:"type_info"`
}

func (r rawType) read() (Type, error) {
	if r.TypeInfo != nil && r.TypeInfo.Extension != nil {
		return Type{}, unknown("type", r.ID)
	}
	switch r.ID {
	case "DECIMAL":
		if r.TypeInfo == nil || r.TypeInfo.Alias != "" || r.TypeInfo.Width < 1 || r.TypeInfo.Width > 38 || r.TypeInfo.Scale < 0 || r.TypeInfo.Scale > r.TypeInfo.Width {
			return Type{}, unknown("type", r.ID)
		}
		return Type{ID: r.ID, Width: r.TypeInfo.Width, Scale: r.TypeInfo.Scale}, nil
	case "LIST":
		if r.TypeInfo == nil || r.TypeInfo.ChildType == nil || r.TypeInfo.Alias != "" {
			return Type{}, unknown("type", r.ID)
		}
		elem, err := r.TypeInfo.ChildType.read()
		if err != nil {
			return Type{}, err
		}
		return Type{ID: r.ID, Elem: &elem}, nil
	}
	// A VARCHAR with type information has a collation: equality would not be equality.
	if _, ok := sqlNames[r.ID]; !ok || r.TypeInfo != nil {
		return Type{}, unknown("type", r.ID)
	}
	return Type{ID: r.ID}, nil
}

func readType(raw json.RawMessage) (Type, error) {
	var r rawType
	if err := strictly(raw, &r); err != nil {
		var named struct {
			ID string `json:"id"`
		}
		if json.Unmarshal(raw, &named) == nil && named.ID != "" { // a type with parts of its own
			return Type{}, unknown("type", named.ID)
		}
		return Type{}, malformed(err)
	}
	return r.read()
}

func unknown(kind, name string) error {
	words, advice := onUnread(kind, name)
	return gatehouse.Errorf(gatehouse.CodeOperator, "The gate does not read %s.", words).WithAdvice("%s", advice)
}

// malformed is a plan that is not of the shape that this DuckDB gives: the gate
// and the engine do not fit together, so nothing may pass.
func malformed(err error) error {
	return gatehouse.Errorf(gatehouse.CodeOperator, "The gate could not read the plan of this statement.").WithAdvice("%s", simpler).Because(err)
}

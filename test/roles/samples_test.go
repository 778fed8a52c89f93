package roles

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse/infra/web"
)

// operation is one of the API, as its description has it.
type operation struct {
	method, path, id string
	body             string // that the description accepts; "" for none
}

// schema is as much of JSON Schema as the description uses.
type schema struct {
	Ref        string `json:"$ref"`
	Type       any
	Format     string
	Enum       []any
	Minimum    *float64
	MinLength  int
	MinItems   int
	Items      *schema
	Properties map[string]*schema
	Required   []string
}

type description struct {
	Paths map[string]map[string]struct {
		OperationID string `json:"operationId"`
		RequestBody struct {
			Content map[string]struct{ Schema schema }
		}
	}
	Components struct{ Schemas map[string]*schema }
}

// operations are all that the API has, each with a body that passes validation,
// so that what refuses it is the service.
func operations(t *testing.T) []operation {
	t.Helper()
	text, err := web.Description()
	if err != nil {
		t.Fatal(err)
	}
	var d description
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	var all []operation
	for path, methods := range d.Paths {
		for method, o := range methods {
			body := ""
			if content, has := o.RequestBody.Content["application/json"]; has {
				text, err := json.Marshal(d.sample("", content.Schema))
				if err != nil {
					t.Fatal(err)
				}
				body = string(text)
			} else if len(o.RequestBody.Content) > 0 {
				body = "region,n\nWales,300\n"
			}
			all = append(all, operation{strings.ToUpper(method), path, o.OperationID, body})
		}
	}
	slices.SortFunc(all, func(a, b operation) int { return strings.Compare(a.id, b.id) })
	return all
}

// named are values of fields that say more than their type.
var named = map[string]any{"project": "asthma", "dataset": "care", "file": fileName, "id": "fresh", "user": "mia", "sql": "SELECT 1", "policy": "sdap@1", "issuer": "https://provider.example", "role": "checker"}

// sample gives a value of the schema: everything that is required, and little else.
func (d description) sample(name string, s schema) any {
	if s.Ref != "" {
		return d.sample(name, *d.Components.Schemas[s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]])
	}
	if len(s.Enum) > 0 {
		return s.Enum[0]
	}
	kind, _ := s.Type.(string)
	if kinds, many := s.Type.([]any); many {
		kind, _ = kinds[0].(string)
	}
	switch kind {
	case "object":
		out := map[string]any{}
		for field, of := range s.Properties {
			if slices.Contains(s.Required, field) {
				out[field] = d.sample(field, *of)
			}
		}
		return out
	case "array":
		out := []any{}
		for range s.MinItems {
			out = append(out, d.sample(name, *s.Items))
		}
		return out
	case "integer", "number":
		if s.Minimum != nil {
			return *s.Minimum
		}
		return 1
	case "boolean":
		return true
	}
	if v, known := named[name]; known {
		return v
	}
	if s.Format == "date-time" {
		return "2030-01-01T00:00:00Z"
	}
	return strings.Repeat("a", max(s.MinLength, 1))
}

package source

import (
	"encoding/json"
	"strings"
	"testing"
)

const patient = `{"resourceType":"Patient","id":"p1","active":true,"identifier":[{"system":"a","value":"1"},{"system":"b","value":"2"},{"system":"b","value":"3"}],
"name":[{"use":"old","given":["A","B"]},{"use":"official","given":["C"]}],"valueQuantity":{"value":1.50},"multipleBirthInteger":2,
"extension":[{"url":"u","valueString":"x"},{"url":"v","valueString":"y\u0041"}],"link":[[{"a":1}],[{"a":2}]],
"managingOrganization":{"reference":"https://h/fhir/Organization/o-1/_history/3"},"none":null,"odd":{"reference":"nobody"},"inside":{"reference":"#x"}}`

func TestPaths(t *testing.T) {
	for path, want := range map[string]string{
		"id":                                   "p1",
		"getResourceKey()":                     "p1",
		"active":                               "true",
		"missing":                              "-",
		"missing.more.first()":                 "-",
		"none":                                 "-",
		"identifier.where(system='a').value":   "1",
		"identifier.where(system = 'b').value": RowRepeated,
		"identifier.where(system = 'b').value.first()":           "2",
		"identifier.where(system = 'b' and value = '3').value":   "3",
		"identifier.where(system = 'a' or value = '9').value":    "1",
		"identifier.where(system != 'b').value":                  "1",
		"identifier[2].value":                                    "3",
		"identifier[9].value":                                    "-",
		"name.given[1]":                                          "B",
		"name.where(use = 'official').given":                     "C",
		"name":                                                   RowRepeated,
		"name[0]":                                                RowStructured,
		"value.ofType(Quantity).value":                           "1.50",
		"multipleBirth.ofType(integer)":                          "2",
		"extension('v').value.ofType(string)":                    "yA",
		"managingOrganization.getReferenceKey(Organization)":     "o-1",
		"managingOrganization.getReferenceKey()":                 "o-1",
		"managingOrganization.getReferenceKey(Patient)":          "-",
		"inside.getReferenceKey(Patient)":                        "-",
		"odd.getReferenceKey(Patient)":                           RowReference,
		"missing.exists()":                                       "false",
		"name.exists()":                                          "true",
		"name.empty()":                                           "false",
		"identifier.where(missing.exists()).value":               "-",
		"identifier.where(active.empty()).value.first()":         "1",
		"(missing | name.given).first()":                         "A",
		"(missing | multipleBirth.ofType(integer))":              "2",
		"link.a.first()":                                         "1",
		"name.where(given.where(missing = 'x').exists()).use":    "-",
		"identifier.where(system='a').where(value='1').exists()": "true",
	} {
		p, err := ParsePath(path)
		if err != nil {
			t.Error(err)
			continue
		}
		r := NewResources("Patient", []*Path{p})
		fields, fault := r.Read([]byte(patient))
		got := ""
		switch {
		case fault != nil:
			got = fault.Code
		case len(fields[0]) == 0:
			got = "-"
		default:
			got = string(fields[0])
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

func TestPathsThatAreNone(t *testing.T) {
	for _, path := range []string{"", "a.", ".a", "a b", "a.where()", "a.where(b = )", "a.where(b = 'x", "a.first(", "a[x]", "a[-1]", "a.children()", "ofType(X)", "(a | b",
		"a.where(b = 'x\\'')", strings.Repeat("(", 50) + "a" + strings.Repeat(")", 50), "1a", "a;b"} {
		if p, err := ParsePath(path); err == nil {
			t.Errorf("%q is read as %s", path, p)
		}
	}
}

func TestStrictJSON(t *testing.T) {
	for line, want := range map[string]string{
		`{"resourceType":"X","id":"1"}`:                "",
		`  {"resourceType":"X","id":"1"}  `:            "",
		`{"resourceType":"X","id":"1","id":"2"}`:       RowDuplicateKey,
		`{"resourceType":"X","\u0069d":"1","id":"2"}`:  RowDuplicateKey,
		`{"resourceType":"X","a":{"b":1,"c":2,"b":3}}`: RowDuplicateKey,
		`{"resourceType":"X"} {}`:                      RowTrailing,
		`{"resourceType":"X"}x`:                        RowTrailing,
		`{"resourceType":"X"},`:                        RowTrailing,
		`{"resourceType":"X"`:                          RowSyntax,
		`{"resourceType":"X",}`:                        RowSyntax,
		`{'resourceType':'X'}`:                         RowSyntax,
		`{"resourceType":"X","a":01}`:                  RowSyntax,
		`{"resourceType":"X","a":NaN}`:                 RowSyntax,
		`{"resourceType":"X","a":"\ud800"}`:            RowSyntax,
		"{\"resourceType\":\"X\",\"a\":\"\xff\"}":      RowSyntax,
		"{\"resourceType\":\"X\",\"a\":\"\x01\"}":      RowSyntax,
		`[{"resourceType":"X"}]`:                       RowSyntax,
		`null`:                                         RowSyntax,
		``:                                             RowSyntax,
		`{"resourceType":"Y"}`:                         RowResource,
		`{"resourceType":["X","X"]}`:                   RowResource,
		`{}`:                                           RowResource,
		`{"resourceType":"X","a":1e999}`:               RowNumber,
		`{"resourceType":"X","a":1` + strings.Repeat("0", 99) + `}`:                                          RowNumber,
		`{"resourceType":"X","a":` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + `}`:                 RowDepth,
		`{"resourceType":"X","a":` + strings.Repeat(`{"a":`, 99999) + "1" + strings.Repeat("}", 99999) + `}`: RowDepth,
		`{"resourceType":"X","id":"a\u0000"}`:                                                                RowControl,
		`{"resourceType":"X","id":{}}`:                                                                       RowStructured,
	} {
		id, _ := ParsePath("id")
		r := NewResources("X", []*Path{id})
		_, fault := r.Read([]byte(line))
		got := ""
		if fault != nil {
			got = fault.Code
		}
		if got != want {
			t.Errorf("%.60s: got %q, want %q", line, got, want)
		}
	}
}

// Whatever a line is, reading it ends without a panic; and a line that is read is
// JSON to the standard library too.
func FuzzResources(f *testing.F) {
	f.Add([]byte(patient))
	f.Add([]byte(`{"resourceType":"Patient","identifier":[{"system":"b","value":null}]}`))
	f.Add([]byte(`{"resourceType":"Patient"`))
	var paths []*Path
	for _, s := range []string{"id", "identifier.where(system = 'b').value.first()", "(name.given | link.a).first()", "managingOrganization.getReferenceKey(Organization)", "extension('u').exists()"} {
		p, err := ParsePath(s)
		if err != nil {
			f.Fatal(err)
		}
		paths = append(paths, p)
	}
	r := NewResources("Patient", paths)
	f.Fuzz(func(t *testing.T, line []byte) {
		fields, fault := r.Read(line)
		if fault == nil && (!json.Valid(line) || len(fields) != len(paths)) {
			t.Errorf("read %d fields of what is not JSON", len(fields))
		}
	})
}

package source

import "github.com/go-json-experiment/json/jsontext"

// MaxResource is the longest line of a bulk export that is read, in bytes.
const MaxResource = 8 << 20

// Resources flattens the FHIR R4 resources of a bulk export
// (https://hl7.org/fhir/uv/bulkdata/): one resource a line, one row a resource.
type Resources struct {
	kind   string
	paths  []*Path
	doc    document
	fields [][]byte
}

// NewResources reads resources of one type, with a path for each field.
func NewResources(kind string, paths []*Path) *Resources {
	return &Resources{kind: kind, paths: paths}
}

// Read gives the fields of a line, or what is wrong with it. The fields are
// valid until the next call; a value that is not there is empty.
func (r *Resources) Read(line []byte) ([][]byte, *RowFault) {
	if fault := r.doc.parse(line); fault != nil {
		return nil, fault
	}
	kind := r.doc.member(0, "resourceType", nil)
	if len(kind) != 1 || string(r.doc.nodes[kind[0]].text) != r.kind {
		return nil, &RowFault{Path: "/resourceType", Code: RowResource}
	}
	r.fields = r.fields[:0]
	for _, p := range r.paths {
		text, _, fault := r.doc.valueOf(p)
		if fault != nil {
			return nil, fault
		}
		for _, c := range text {
			if c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0x7f {
				return nil, &RowFault{Path: p.text, Code: RowControl}
			}
		}
		r.fields = append(r.fields, trimBlanks(text))
	}
	return r.fields, nil
}

func trimBlanks(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

func kindOf(c byte) jsontext.Kind { return jsontext.Kind(c) }

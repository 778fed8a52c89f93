package catalog

import (
	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog/source"
)

// resources are the rows of a FHIR bulk export: one resource a line.
type resources struct {
	lined
	why    pass
	flat   *source.Resources
	fields [][]byte
}

func newResources(stream *source.Stream, t TableRule, why pass) *resources {
	r := &resources{lined: newLined(stream, ','), why: why, flat: t.flat()}
	r.plain, r.max, r.tooLong = true, source.MaxResource, errResourceLong
	return r
}

// flat reads the table's resources as rows.
func (t TableRule) flat() *source.Resources {
	paths := make([]*source.Path, len(t.Columns))
	for i, c := range t.Columns {
		paths[i], _ = source.ParsePath(c.Path) // checked with the definition
	}
	return source.NewResources(t.Resource, paths)
}

func (r *resources) next() (record, error) {
	rec, err := r.records.next()
	if err != nil || r.why == surveying {
		return rec, err
	}
	var wrong *source.RowFault
	if r.fields, wrong = r.flat.Read(rec.raw); wrong != nil {
		rec.fault = &fault{path: wrong.Path, why: Reason(wrong.Code)}
	}
	return rec, nil
}

func (r *resources) split(record, int) [][]byte { return r.fields }

// cut: a last line that has no end is whole if its resource is.
func (r *resources) cut(file string, _ TableRule, last record) error {
	if r.whole {
		return nil
	}
	if _, wrong := r.flat.Read(last.raw); wrong != nil && wrong.Code == source.RowSyntax {
		return gatehouse.Errorf(gatehouse.CodeExtractBroken, "%s is cut off: its last line (line %d) is not a whole resource.", file, last.line)
	}
	return nil
}

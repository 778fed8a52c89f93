package flight

import (
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"

	"github.com/gatehouse-tre/gatehouse/catalog"
)

// Metadata keys of a listed column, beside those of Flight SQL.
const (
	classKey = "gatehouse.class" // how the gate treats the column: catalog.Class
	grainKey = "gatehouse.grain" // finest grain of dates, or rounding step of quantiles
)

// tableSchema is a table's columns as drivers list them.
func tableSchema(t catalog.Table) *arrow.Schema {
	fields := make([]arrow.Field, len(t.Columns))
	for i, c := range t.Columns {
		facts := map[string]string{
			flightsql.CatalogNameKey:  catalogName,
			flightsql.SchemaNameKey:   schemaName,
			flightsql.TableNameKey:    t.Name,
			flightsql.TypeNameKey:     c.Type,
			flightsql.IsReadOnlyKey:   "1",
			flightsql.IsSearchableKey: "1",
		}
		for key, value := range map[string]string{
			classKey:             string(c.Class),
			grainKey:             c.Grain,
			flightsql.RemarksKey: c.Description,
		} {
			if value != "" {
				facts[key] = value
			}
		}
		fields[i] = arrow.Field{Name: c.Name, Type: arrowType(c.Type), Nullable: true, Metadata: arrow.MetadataFrom(facts)}
	}
	var labels *arrow.Metadata
	if t.Description != "" {
		m := arrow.NewMetadata([]string{flightsql.RemarksKey}, []string{t.Description})
		labels = &m
	}
	return arrow.NewSchema(fields, labels)
}

// arrowType is the Arrow type in which DuckDB gives a type. Types that have no
// plain counterpart are listed as text; their DuckDB name stands beside.
func arrowType(duck string) arrow.DataType {
	duck = strings.ToUpper(strings.TrimSpace(duck))
	if element, ok := strings.CutSuffix(duck, "[]"); ok {
		return arrow.ListOf(arrowType(element))
	}
	if inside, ok := strings.CutPrefix(duck, "DECIMAL("); ok {
		precision, scale, _ := strings.Cut(strings.TrimSuffix(inside, ")"), ",")
		p, err1 := strconv.ParseInt(strings.TrimSpace(precision), 10, 32)
		s, err2 := strconv.ParseInt(strings.TrimSpace(scale), 10, 32)
		if err1 == nil && err2 == nil && p > 0 && p <= 38 {
			return &arrow.Decimal128Type{Precision: int32(p), Scale: int32(s)}
		}
	}
	if t, ok := plainTypes[duck]; ok {
		return t
	}
	return arrow.BinaryTypes.String
}

var plainTypes = map[string]arrow.DataType{
	"VARCHAR":                  arrow.BinaryTypes.String,
	"BLOB":                     arrow.BinaryTypes.Binary,
	"BOOLEAN":                  arrow.FixedWidthTypes.Boolean,
	"TINYINT":                  arrow.PrimitiveTypes.Int8,
	"SMALLINT":                 arrow.PrimitiveTypes.Int16,
	"INTEGER":                  arrow.PrimitiveTypes.Int32,
	"BIGINT":                   arrow.PrimitiveTypes.Int64,
	"HUGEINT":                  &arrow.Decimal128Type{Precision: 38},
	"UTINYINT":                 arrow.PrimitiveTypes.Uint8,
	"USMALLINT":                arrow.PrimitiveTypes.Uint16,
	"UINTEGER":                 arrow.PrimitiveTypes.Uint32,
	"UBIGINT":                  arrow.PrimitiveTypes.Uint64,
	"FLOAT":                    arrow.PrimitiveTypes.Float32,
	"DOUBLE":                   arrow.PrimitiveTypes.Float64,
	"DECIMAL":                  &arrow.Decimal128Type{Precision: 18, Scale: 3},
	"DATE":                     arrow.FixedWidthTypes.Date32,
	"TIME":                     arrow.FixedWidthTypes.Time64us,
	"TIMESTAMP":                &arrow.TimestampType{Unit: arrow.Microsecond},
	"TIMESTAMP WITH TIME ZONE": arrow.FixedWidthTypes.Timestamp_us,
	"TIMESTAMP_S":              &arrow.TimestampType{Unit: arrow.Second},
	"TIMESTAMP_MS":             &arrow.TimestampType{Unit: arrow.Millisecond},
	"TIMESTAMP_NS":             &arrow.TimestampType{Unit: arrow.Nanosecond},
	"INTERVAL":                 arrow.FixedWidthTypes.MonthDayNanoInterval,
}

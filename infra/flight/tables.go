package flight

import (
	"cmp"
	"context"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	arrowflight "github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql/schema_ref"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/catalog/codelist"
)

// The types of tables that GetTables tells apart.
const (
	datasetTable = "TABLE"         // of a dataset
	scratchTable = "SCRATCH TABLE" // made in the workspace
)

// announced says that a listing can be fetched, with the command itself as its
// ticket: a listing shows what the caller may see when it is fetched.
func announced(schema *arrow.Schema, about *arrowflight.FlightDescriptor) (*arrowflight.FlightInfo, error) {
	return &arrowflight.FlightInfo{
		Schema:           arrowflight.SerializeSchema(schema, memory.DefaultAllocator),
		FlightDescriptor: about,
		Endpoint:         []*arrowflight.FlightEndpoint{{Ticket: &arrowflight.Ticket{Ticket: about.GetCmd()}}},
		TotalRecords:     -1,
		TotalBytes:       -1,
	}, nil
}

// listing streams one batch, which it takes over.
func listing(batch arrow.RecordBatch) (*arrow.Schema, <-chan arrowflight.StreamChunk, error) {
	out := make(chan arrowflight.StreamChunk, 1)
	if batch.NumRows() > 0 {
		out <- arrowflight.StreamChunk{Data: batch}
	}
	close(out)
	return batch.Schema(), out, nil
}

// nothing streams a listing without rows.
func nothing(schema *arrow.Schema) (*arrow.Schema, <-chan arrowflight.StreamChunk, error) {
	out := make(chan arrowflight.StreamChunk)
	close(out)
	return schema, out, nil
}

// GetFlightInfoCatalogs announces the catalogs.
func (q *questions) GetFlightInfoCatalogs(_ context.Context, about *arrowflight.FlightDescriptor) (*arrowflight.FlightInfo, error) {
	return announced(schema_ref.Catalogs, about)
}

// DoGetCatalogs lists the catalogs.
func (q *questions) DoGetCatalogs(context.Context) (*arrow.Schema, <-chan arrowflight.StreamChunk, error) {
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema_ref.Catalogs)
	defer b.Release()
	b.Field(0).(*array.StringBuilder).Append(catalogName)
	return listing(b.NewRecordBatch())
}

// GetFlightInfoSchemas announces the schemas.
func (q *questions) GetFlightInfoSchemas(_ context.Context, _ flightsql.GetDBSchemas, about *arrowflight.FlightDescriptor) (*arrowflight.FlightInfo, error) {
	return announced(schema_ref.DBSchemas, about)
}

// DoGetDBSchemas lists the schemas that the caller's tables are in.
func (q *questions) DoGetDBSchemas(ctx context.Context, cmd flightsql.GetDBSchemas) (*arrow.Schema, <-chan arrowflight.StreamChunk, error) {
	tables, err := q.tables(ctx)
	if err != nil {
		return nil, nil, err
	}
	schemas := []string{schemaName}
	for _, t := range tables {
		schemas = append(schemas, t.schema)
	}
	slices.Sort(schemas)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema_ref.DBSchemas)
	defer b.Release()
	for _, schema := range slices.Compact(schemas) {
		if inScope(cmd.GetCatalog(), cmd.GetDBSchemaFilterPattern(), schema) {
			b.Field(0).(*array.StringBuilder).Append(catalogName)
			b.Field(1).(*array.StringBuilder).Append(schema)
		}
	}
	return listing(b.NewRecordBatch())
}

// GetFlightInfoTableTypes announces the types of tables.
func (q *questions) GetFlightInfoTableTypes(_ context.Context, about *arrowflight.FlightDescriptor) (*arrowflight.FlightInfo, error) {
	return announced(schema_ref.TableTypes, about)
}

// DoGetTableTypes lists the types of tables.
func (q *questions) DoGetTableTypes(context.Context) (*arrow.Schema, <-chan arrowflight.StreamChunk, error) {
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema_ref.TableTypes)
	defer b.Release()
	b.Field(0).(*array.StringBuilder).AppendValues([]string{datasetTable, scratchTable}, nil)
	return listing(b.NewRecordBatch())
}

// GetFlightInfoTables announces the tables.
func (q *questions) GetFlightInfoTables(_ context.Context, cmd flightsql.GetTables, about *arrowflight.FlightDescriptor) (*arrowflight.FlightInfo, error) {
	return announced(tablesSchema(cmd), about)
}

func tablesSchema(cmd flightsql.GetTables) *arrow.Schema {
	if cmd.GetIncludeSchema() {
		return schema_ref.TablesWithIncludedSchema
	}
	return schema_ref.Tables
}

// DoGetTables lists the tables that the caller may name in a question, by name.
func (q *questions) DoGetTables(ctx context.Context, cmd flightsql.GetTables) (*arrow.Schema, <-chan arrowflight.StreamChunk, error) {
	schema := tablesSchema(cmd)
	tables, err := q.tables(ctx)
	if err != nil {
		return nil, nil, err
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for _, t := range tables {
		if !inScope(cmd.GetCatalog(), cmd.GetDBSchemaFilterPattern(), t.schema) || !matches(cmd.GetTableNameFilterPattern(), t.Name) ||
			(len(cmd.GetTableTypes()) > 0 && !slices.Contains(cmd.GetTableTypes(), t.kind)) {
			continue
		}
		b.Field(0).(*array.StringBuilder).Append(catalogName)
		b.Field(1).(*array.StringBuilder).Append(t.schema)
		b.Field(2).(*array.StringBuilder).Append(t.Name)
		b.Field(3).(*array.StringBuilder).Append(t.kind)
		if cmd.GetIncludeSchema() {
			b.Field(4).(*array.BinaryBuilder).Append(arrowflight.SerializeSchema(tableSchema(t.Table), memory.DefaultAllocator))
		}
	}
	return listing(b.NewRecordBatch())
}

type listed struct {
	catalog.Table
	schema, kind string
}

func (q *questions) tables(ctx context.Context) ([]listed, error) {
	session, err := q.server.sessions.Enter(ctx, caller(ctx))
	if err != nil {
		return nil, err
	}
	scratch, err := q.server.gate.ScratchTables(ctx, session)
	if err != nil {
		return nil, err
	}
	var tables []listed
	for _, mount := range session.Mounts {
		for _, t := range mount.Tables {
			tables = append(tables, listed{t, schemaName, datasetTable})
		}
	}
	for _, t := range scratch {
		tables = append(tables, listed{t, schemaName, scratchTable})
	}
	for _, c := range session.Codelists {
		t := catalog.Table{Name: c.Name, Public: true}
		for _, name := range codelist.Columns {
			t.Columns = append(t.Columns, catalog.Column{Name: name, Type: "VARCHAR", Class: catalog.ClassReference})
		}
		tables = append(tables, listed{t, codelist.Schema, datasetTable})
	}
	slices.SortFunc(tables, func(a, b listed) int { return cmp.Or(cmp.Compare(a.schema, b.schema), cmp.Compare(a.Name, b.Name)) })
	return tables, nil
}

// inScope reports whether a listing asks for the one catalog and a schema.
func inScope(catalog, schemaPattern *string, schema string) bool {
	return (catalog == nil || *catalog == catalogName) && matches(schemaPattern, schema)
}

// matches reports whether a name fits a pattern of SQL's LIKE: % stands for any
// text and _ for one character. No pattern fits every name.
func matches(pattern *string, name string) bool {
	if pattern == nil {
		return true
	}
	p, n := []rune(*pattern), []rune(name)
	star, resume := -1, 0 // the last %, and where the name goes on after it
	i, j := 0, 0
	for j < len(n) {
		switch {
		case i < len(p) && p[i] == '%':
			star, resume = i, j
			i++
		case i < len(p) && (p[i] == '_' || p[i] == n[j]):
			i++
			j++
		case star >= 0:
			resume++
			i, j = star+1, resume
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '%' {
		i++
	}
	return i == len(p)
}

// Keys: a research dataset declares none.

// GetFlightInfoPrimaryKeys announces the primary keys.
func (q *questions) GetFlightInfoPrimaryKeys(_ context.Context, _ flightsql.TableRef, about *arrowflight.FlightDescriptor) (*arrowflight.FlightInfo, error) {
	return announced(schema_ref.PrimaryKeys, about)
}

// DoGetPrimaryKeys lists no primary keys.
func (q *questions) DoGetPrimaryKeys(context.Context, flightsql.TableRef) (*arrow.Schema, <-chan arrowflight.StreamChunk, error) {
	return nothing(schema_ref.PrimaryKeys)
}

// GetFlightInfoExportedKeys announces the keys that refer to a table.
func (q *questions) GetFlightInfoExportedKeys(_ context.Context, _ flightsql.TableRef, about *arrowflight.FlightDescriptor) (*arrowflight.FlightInfo, error) {
	return announced(schema_ref.ExportedKeys, about)
}

// DoGetExportedKeys lists no keys.
func (q *questions) DoGetExportedKeys(context.Context, flightsql.TableRef) (*arrow.Schema, <-chan arrowflight.StreamChunk, error) {
	return nothing(schema_ref.ExportedKeys)
}

// GetFlightInfoImportedKeys announces the keys by which a table refers to others.
func (q *questions) GetFlightInfoImportedKeys(_ context.Context, _ flightsql.TableRef, about *arrowflight.FlightDescriptor) (*arrowflight.FlightInfo, error) {
	return announced(schema_ref.ImportedKeys, about)
}

// DoGetImportedKeys lists no keys.
func (q *questions) DoGetImportedKeys(context.Context, flightsql.TableRef) (*arrow.Schema, <-chan arrowflight.StreamChunk, error) {
	return nothing(schema_ref.ImportedKeys)
}

// GetFlightInfoCrossReference announces the keys between two tables.
func (q *questions) GetFlightInfoCrossReference(_ context.Context, _ flightsql.CrossTableRef, about *arrowflight.FlightDescriptor) (*arrowflight.FlightInfo, error) {
	return announced(schema_ref.CrossReference, about)
}

// DoGetCrossReference lists no keys.
func (q *questions) DoGetCrossReference(context.Context, flightsql.CrossTableRef) (*arrow.Schema, <-chan arrowflight.StreamChunk, error) {
	return nothing(schema_ref.CrossReference)
}

package flight

import (
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	arrowflight "github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql/schema_ref"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"pgregory.net/rapid"
)

// listedRows fetches a listing and gives its rows, columns joined by a space.
func listedRows(t *testing.T, client *flightsql.Client, info *arrowflight.FlightInfo, err error) []string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	schema, batches, err := fetched(t.Context(), client, info)
	if err != nil {
		t.Fatal(err)
	}
	announced, err := arrowflight.DeserializeSchema(info.Schema, memory.DefaultAllocator)
	if err != nil || !announced.Equal(schema) {
		t.Errorf("announced %v, streamed %v (%v)", announced, schema, err)
	}
	rows := []string{}
	for _, batch := range batches {
		for i := range int(batch.NumRows()) {
			var row []string
			for j, column := range batch.Columns() {
				if schema.Field(j).Name != "table_schema" {
					row = append(row, column.ValueStr(i))
				}
			}
			rows = append(rows, strings.Join(row, " "))
		}
	}
	return rows
}

func TestWhatCanBeNamedCanBeListed(t *testing.T) {
	h := open(t, Limits{})
	client := h.client(t, "ada-1")
	ctx := t.Context()
	if _, err := client.ExecuteUpdate(ctx, "CREATE TABLE adults AS SELECT person_id FROM person"); err != nil {
		t.Fatal(err)
	}
	expect := func(what string, got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	info, err := client.GetCatalogs(ctx)
	expect("catalogs", listedRows(t, client, info, err), "gatehouse")

	text := func(s string) *string { return &s }
	for _, c := range []struct {
		catalog, pattern *string
		want             []string
	}{
		{nil, nil, []string{"gatehouse main"}},
		{text("gatehouse"), text("m%"), []string{"gatehouse main"}},
		{text(""), nil, nil},
		{text("other"), nil, nil},
		{nil, text("m"), nil},
	} {
		info, err := client.GetDBSchemas(ctx, &flightsql.GetDBSchemasOpts{Catalog: c.catalog, DbSchemaFilterPattern: c.pattern})
		expect("schemas", listedRows(t, client, info, err), c.want...)
	}

	info, err = client.GetTableTypes(ctx)
	expect("table types", listedRows(t, client, info, err), "TABLE", "SCRATCH TABLE")

	for _, c := range []struct {
		options *flightsql.GetTablesOpts
		want    []string
	}{
		{&flightsql.GetTablesOpts{}, []string{"gatehouse main adults SCRATCH TABLE", "gatehouse main icd10 TABLE", "gatehouse main person TABLE"}},
		{&flightsql.GetTablesOpts{IncludeSchema: true, TableNameFilterPattern: text("p_rson")}, []string{"gatehouse main person TABLE"}},
		{&flightsql.GetTablesOpts{TableTypes: []string{"SCRATCH TABLE"}}, []string{"gatehouse main adults SCRATCH TABLE"}},
		{&flightsql.GetTablesOpts{TableTypes: []string{"VIEW"}}, nil},
		{&flightsql.GetTablesOpts{Catalog: text("other")}, nil},
		{&flightsql.GetTablesOpts{DbSchemaFilterPattern: text("other")}, nil},
	} {
		info, err := client.GetTables(ctx, c.options)
		expect("tables", listedRows(t, client, info, err), c.want...)
	}

	ref := flightsql.TableRef{Table: "person"}
	info, err = client.GetPrimaryKeys(ctx, ref)
	expect("primary keys", listedRows(t, client, info, err))
	info, err = client.GetExportedKeys(ctx, ref)
	expect("exported keys", listedRows(t, client, info, err))
	info, err = client.GetImportedKeys(ctx, ref)
	expect("imported keys", listedRows(t, client, info, err))
	info, err = client.GetCrossReference(ctx, ref, ref)
	expect("cross reference", listedRows(t, client, info, err))

	bigint := int32(-5)
	info, err = client.GetXdbcTypeInfo(ctx, &bigint)
	if rows := listedRows(t, client, info, err); len(rows) != 1 || !strings.HasPrefix(rows[0], "BIGINT -5 19 ") {
		t.Errorf("types %q", rows)
	}
	info, err = client.GetXdbcTypeInfo(ctx, nil)
	if rows := listedRows(t, client, info, err); len(rows) != len(sqlTypes) {
		t.Errorf("%d types", len(rows))
	}

	// Facts that the server does not know do not cost those that it knows.
	info, err = client.GetSqlInfo(ctx, []flightsql.SqlInfo{flightsql.SqlInfoFlightSqlServerName, 99999})
	if rows := listedRows(t, client, info, err); len(rows) != 1 || !strings.Contains(rows[0], "Gatehouse") {
		t.Errorf("facts %q", rows)
	}
	info, err = client.GetSqlInfo(ctx, []flightsql.SqlInfo{99999})
	expect("unknown facts", listedRows(t, client, info, err))
	info, err = client.GetSqlInfo(ctx, nil)
	if rows := listedRows(t, client, info, err); len(rows) != len(serverFacts(h.limits)) {
		t.Errorf("%d facts", len(rows))
	}

	actions, err := client.Client.ListActions(ctx, &arrowflight.Empty{})
	if err != nil {
		t.Fatal(err)
	}
	if first, err := actions.Recv(); err != nil || first.GetType() != flightsql.CreatePreparedStatementActionType {
		t.Errorf("action %v, %v", first, err)
	}
}

func TestColumnsAreListedWithTypeAndClass(t *testing.T) {
	h := open(t, Limits{})
	client := h.client(t, "ada-1")
	info, err := client.GetTables(t.Context(), &flightsql.GetTablesOpts{IncludeSchema: true})
	if err != nil {
		t.Fatal(err)
	}
	_, batches, err := fetched(t.Context(), client, info)
	if err != nil {
		t.Fatal(err)
	}
	if !batches[0].Schema().Equal(schema_ref.TablesWithIncludedSchema) {
		t.Fatalf("schema %v", batches[0].Schema())
	}
	person, err := arrowflight.DeserializeSchema(batches[0].Column(4).(*array.Binary).Value(1), memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	registered := person.Field(2)
	if registered.Name != "registered" || !arrow.TypeEqual(registered.Type, arrow.FixedWidthTypes.Date32) {
		t.Errorf("column %v", registered)
	}
	for key, want := range map[string]string{classKey: "date", grainKey: "month", flightsql.TypeNameKey: "DATE", flightsql.TableNameKey: "person"} {
		if got, _ := registered.Metadata.GetValue(key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if got, _ := person.Metadata().GetValue(flightsql.RemarksKey); got != "Everyone registered" {
		t.Errorf("remarks %q", got)
	}
}

func TestDuckTypesHaveArrowTypes(t *testing.T) {
	for duck, want := range map[string]arrow.DataType{
		"bigint":                   arrow.PrimitiveTypes.Int64,
		"DECIMAL(9,2)":             &arrow.Decimal128Type{Precision: 9, Scale: 2},
		"DECIMAL(18, 3)[]":         arrow.ListOf(&arrow.Decimal128Type{Precision: 18, Scale: 3}),
		"DECIMAL(99,2)":            arrow.BinaryTypes.String,
		"TIMESTAMP WITH TIME ZONE": arrow.FixedWidthTypes.Timestamp_us,
		"STRUCT(a INTEGER)":        arrow.BinaryTypes.String,
		"INTEGER[][]":              arrow.ListOf(arrow.ListOf(arrow.PrimitiveTypes.Int32)),
	} {
		if got := arrowType(duck); !arrow.TypeEqual(got, want) {
			t.Errorf("%s is %v, want %v", duck, got, want)
		}
	}
}

func TestPatternsFollowLike(t *testing.T) {
	// The plain recursive definition of LIKE is the judge.
	var like func(p, s string) bool
	like = func(p, s string) bool {
		switch {
		case p == "":
			return s == ""
		case p[0] == '%':
			return like(p[1:], s) || (s != "" && like(p, s[1:]))
		}
		return s != "" && (p[0] == '_' || p[0] == s[0]) && like(p[1:], s[1:])
	}
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.StringMatching(`[ab_%]{0,8}`).Draw(t, "pattern")
		s := rapid.StringMatching(`[ab]{0,8}`).Draw(t, "name")
		if got := matches(&p, s); got != like(p, s) {
			t.Fatalf("%q LIKE %q is %v", s, p, got)
		}
	})
	if !matches(nil, "anything") {
		t.Error("no pattern fits nothing")
	}
}

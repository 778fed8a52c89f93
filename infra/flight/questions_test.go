package flight

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	arrowflight "github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc/codes"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
)

const countSQL = "SELECT count(*) FROM person"

func disclosureOf(t *testing.T, schema *arrow.Schema) egress.Disclosure {
	t.Helper()
	text, ok := schema.Metadata().GetValue(egress.DisclosureKey)
	if !ok {
		t.Fatalf("no disclosure record in %v", schema.Metadata())
	}
	var d egress.Disclosure
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestAQuestionIsDecidedWhenExecutedAndFetchedOnce(t *testing.T) {
	h := open(t, Limits{})
	client := h.client(t, "ada-1")
	info, err := client.Execute(t.Context(), countSQL)
	if err != nil {
		t.Fatal(err)
	}
	if got := h.gate.asked; len(got) != 1 || got[0] != "ada: "+countSQL {
		t.Errorf("the gate was asked %q before the answer was fetched", got)
	}
	if info.TotalRecords != -1 || info.TotalBytes != -1 {
		t.Errorf("the info tells %d rows and %d bytes", info.TotalRecords, info.TotalBytes)
	}
	announced, err := arrowflight.DeserializeSchema(info.Schema, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	if d := disclosureOf(t, announced); d.Decision != "qry_1" {
		t.Errorf("announced disclosure %+v", d)
	}
	schema, batches, err := fetched(t.Context(), client, info)
	if err != nil {
		t.Fatal(err)
	}
	if d := disclosureOf(t, schema); d.Outcome != egress.OutcomeReleased {
		t.Errorf("disclosure %+v", d)
	}
	if len(batches) != 1 || batches[0].Column(0).(*array.Int64).Value(0) != 42 {
		t.Errorf("answer %v", batches)
	}
	_, _, err = fetched(t.Context(), client, info)
	refused(t, err, codes.NotFound, "GH-103: This ticket is not known")
}

func TestAPreparedStatementLivesThroughManyExecutions(t *testing.T) {
	h := open(t, Limits{})
	client := h.client(t, "ada-1")
	prepared, err := client.Prepare(t.Context(), "SELECT echo(?, ?)")
	if err != nil {
		t.Fatal(err)
	}
	if n := prepared.ParameterSchema().NumFields(); n != 2 {
		t.Errorf("%d parameters", n)
	}
	_, err = prepared.Execute(t.Context())
	refused(t, err, codes.InvalidArgument, "GH-202: The statement has 2 parameters, and 0 were given.")

	for i := range int64(5) {
		prepared.SetParameters(twoParameters(i, "text"))
		for range 2 {
			info, err := prepared.Execute(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			_, batches, err := fetched(t.Context(), client, info)
			if err != nil {
				t.Fatal(err)
			}
			if got := batches[0].Column(0).(*array.Int64).Value(0); got != i {
				t.Errorf("parameter %d came as %d", i, got)
			}
			if got := batches[0].Column(1).(*array.String).Value(0); got != "text" {
				t.Errorf("parameter came as %q", got)
			}
		}
	}
	if err := prepared.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if h.holdings.own[h.desk.tokens["ada-1"]] != nil {
		t.Error("something is still held after closing")
	}
}

func twoParameters(number int64, text string) arrow.RecordBatch {
	schema := arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int64}, {Name: "b", Type: arrow.BinaryTypes.LargeString}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	b.Field(0).(*array.Int64Builder).Append(number)
	b.Field(1).(*array.LargeStringBuilder).Append(text)
	return b.NewRecordBatch()
}

func TestParametersThatDoNotFitAreRefused(t *testing.T) {
	h := open(t, Limits{})
	client := h.client(t, "ada-1")
	prepared, err := client.Prepare(t.Context(), "SELECT echo(?)")
	if err != nil {
		t.Fatal(err)
	}
	list := array.NewListBuilder(memory.DefaultAllocator, arrow.PrimitiveTypes.Int64)
	list.Append(true)
	column := func(a arrow.Array) arrow.RecordBatch {
		return array.NewRecordBatch(arrow.NewSchema([]arrow.Field{{Name: "a", Type: a.DataType(), Nullable: true}}, nil), []arrow.Array{a}, int64(a.Len()))
	}
	binary := array.NewBinaryBuilder(memory.DefaultAllocator, arrow.BinaryTypes.Binary)
	binary.Append([]byte{1})
	broken := array.NewStringBuilder(memory.DefaultAllocator)
	broken.Append("\xff")
	for name, c := range map[string]struct {
		params arrow.RecordBatch
		text   string
	}{
		"too many":   {twoParameters(1, ""), "GH-202: The statement has 1 parameter, and 2 were given."},
		"two rows":   {column(counted(1, 2).Column(0)), "GH-202: A question takes one row of parameters at a time."},
		"a list":     {column(list.NewArray()), "GH-601"},
		"bytes":      {column(binary.NewArray()), "GH-601"},
		"not a text": {column(broken.NewArray()), "GH-202: A text parameter is not UTF-8."},
	} {
		prepared.SetParameters(c.params)
		_, err := prepared.Execute(t.Context())
		t.Run(name, func(t *testing.T) { refused(t, err, codes.InvalidArgument, c.text) })
	}
	prepared.SetParameters(column(array.NewNull(1)))
	info, err := prepared.Execute(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := fetched(t.Context(), client, info); err != nil {
		t.Fatal(err)
	}
}

func TestTablesAreMadeByUpdateAndByQuery(t *testing.T) {
	h := open(t, Limits{})
	client := h.client(t, "ada-1")

	n, err := client.ExecuteUpdate(t.Context(), "CREATE TABLE a AS SELECT person_id FROM person")
	if err != nil || n != -1 {
		t.Fatalf("%d rows told, error %v", n, err)
	}
	schema, batches := asked(t, client, "CREATE TABLE b AS SELECT person_id FROM person")
	if len(batches) != 0 || disclosureOf(t, schema).Outcome != egress.OutcomeKept {
		t.Errorf("schema %v, %d batches", schema, len(batches))
	}
	for _, c := range []string{"c", "d"} {
		prepared, err := client.Prepare(t.Context(), "CREATE TABLE "+c+" AS SELECT person_id FROM person")
		if err != nil {
			t.Fatal(err)
		}
		if c == "c" {
			if n, err := prepared.ExecuteUpdate(t.Context()); err != nil || n != -1 {
				t.Fatalf("%d rows told, error %v", n, err)
			}
			continue
		}
		info, err := prepared.Execute(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := fetched(t.Context(), client, info); err != nil {
			t.Fatal(err)
		}
	}
	var made []string
	for _, table := range h.gate.scratch {
		made = append(made, table.Name)
	}
	if strings.Join(made, " ") != "a b c d" {
		t.Errorf("tables %v", made)
	}
	if _, err := client.ExecuteUpdate(t.Context(), "DROP TABLE a"); err != nil {
		t.Fatal(err)
	}
	_, err = client.ExecuteUpdate(t.Context(), countSQL)
	refused(t, err, codes.PermissionDenied, "GH-203: The statement is a question, not an update.")
	prepared, err := client.Prepare(t.Context(), countSQL)
	if err != nil {
		t.Fatal(err)
	}
	_, err = prepared.ExecuteUpdate(t.Context())
	refused(t, err, codes.PermissionDenied, "GH-203: The statement is a question, not an update.")
}

func TestErrorsHaveACodeAndNoCause(t *testing.T) {
	h := open(t, Limits{SQLBytes: 1000, HeldBytes: 1})
	client := h.client(t, "ada-1")
	for sql, want := range map[string]struct {
		code codes.Code
		text string
	}{
		"SELEC 1":                             {codes.InvalidArgument, `GH-201: syntax error at or near "SELEC". Correct the SQL and try again.`},
		"SELECT nonsense":                     {codes.InvalidArgument, "GH-202: There is no such table. List the tables"},
		"SELECT name FROM person":             {codes.PermissionDenied, "GH-204: The result would be rows of people. Aggregate over people"},
		"SELECT busy":                         {codes.Unavailable, "GH-504: Every engine is taken."},
		"SELECT stale":                        {codes.Unavailable, "GH-107: "},
		"SELECT conflict":                     {codes.FailedPrecondition, "GH-401: "},
		"SELECT huge":                         {codes.ResourceExhausted, "GH-215: "},
		"SELECT fault":                        {codes.Internal, "GH-000: Something went wrong inside Gatehouse."},
		"SELECT panic":                        {codes.Internal, "GH-000: Something went wrong inside Gatehouse."},
		"SELECT fault later":                  {codes.Internal, "GH-000: Something went wrong inside Gatehouse."},
		"SELECT panic later":                  {codes.Internal, "GH-000: Something went wrong inside Gatehouse."},
		"SELECT " + strings.Repeat("1", 1000): {codes.ResourceExhausted, "GH-215: The statement is longer than 1000 bytes."},
	} {
		t.Run(sql[:min(20, len(sql))], func(t *testing.T) {
			info, err := client.Execute(t.Context(), sql)
			if err == nil {
				_, _, err = fetched(t.Context(), client, info)
			}
			refused(t, err, want.code, want.text)
		})
	}
	if strings.Contains(h.log.String(), "cannot read") {
		t.Error("the text of a panic is in the log")
	}
	if !strings.Contains(h.log.String(), "conversion of") {
		t.Error("the operators' log lacks the cause of a fault")
	}
	// After all that the server still answers.
	asked(t, client, countSQL)
}

func TestOnlyBearerTokensAreLetIn(t *testing.T) {
	h := open(t, Limits{})
	for credential, text := range map[string]string{
		"":                   "GH-101: No token was presented.",
		"unknown":            "GH-101: The token is not known.",
		"Basic YWRhOnNlc2Ft": "GH-101: Only bearer tokens are accepted here",
	} {
		client := h.client(t, credential)
		_, err := client.Execute(t.Context(), countSQL)
		refused(t, err, codes.Unauthenticated, text)
		_, err = client.GetCatalogs(t.Context())
		refused(t, err, codes.Unauthenticated, text)
		stream, err := client.Client.ListActions(t.Context(), &arrowflight.Empty{})
		if err == nil {
			_, err = stream.Recv()
		}
		refused(t, err, codes.Unauthenticated, text)
	}
	h.desk.set(func(d *desk) { d.broken = true })
	_, err := h.client(t, "ada-1").Execute(t.Context(), countSQL)
	refused(t, err, codes.Internal, "GH-000")
	h.desk.set(func(d *desk) { d.broken = false })

	handshake, err := h.client(t, "ada-1").Client.Handshake(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_ = handshake.CloseSend()
	_, err = handshake.Recv()
	refused(t, err, codes.Unimplemented, "GH-602: Signing in by a handshake is not offered here.")
}

func TestARightThatEndsEndsAtOnce(t *testing.T) {
	h := open(t, Limits{})
	client := h.client(t, "ada-1")
	prepared, err := client.Prepare(t.Context(), countSQL)
	if err != nil {
		t.Fatal(err)
	}
	h.desk.set(func(d *desk) { d.expired = true })
	_, err = prepared.Execute(t.Context())
	refused(t, err, codes.PermissionDenied, "GH-105: The project ended on 1 May.")
	tables, err := client.GetTables(t.Context(), &flightsql.GetTablesOpts{})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = fetched(t.Context(), client, tables)
	refused(t, err, codes.PermissionDenied, "GH-105: The project ended on 1 May.")

	h.desk.set(func(d *desk) { d.expired = false; delete(d.tokens, "ada-1") })
	_, err = prepared.Execute(t.Context())
	refused(t, err, codes.Unauthenticated, "GH-101: The token is not known.")
}

func TestTransactionsAreNotOffered(t *testing.T) {
	h := open(t, Limits{})
	client := h.client(t, "ada-1")
	_, err := client.BeginTransaction(t.Context())
	refused(t, err, codes.Unimplemented, "GH-602: This part of Flight SQL is not offered here. Ask with single SQL statements")
	_, err = client.ExecuteSubstrait(t.Context(), flightsql.SubstraitPlan{Plan: []byte{1}})
	refused(t, err, codes.Unimplemented, "GH-602")
	_, err = client.RenewFlightEndpoint(t.Context(), &arrowflight.RenewFlightEndpointRequest{Endpoint: &arrowflight.FlightEndpoint{}})
	refused(t, err, codes.Unimplemented, "GH-602")
	_, err = client.Client.PollFlightInfo(t.Context(), &arrowflight.FlightDescriptor{Cmd: []byte("x")})
	refused(t, err, codes.Unimplemented, "GH-602")
	flights, err := client.Client.ListFlights(t.Context(), nil)
	if err == nil {
		_, err = flights.Recv()
	}
	refused(t, err, codes.Unimplemented, "GH-602")
	exchange, err := client.Client.DoExchange(t.Context())
	if err == nil {
		_, err = exchange.Recv()
	}
	refused(t, err, codes.Unimplemented, "GH-602")
	_, err = client.ExecuteIngest(t.Context(), onlyReader(counted(1)), &flightsql.ExecuteIngestOpts{
		Table: "t", TableDefinitionOptions: &flightsql.TableDefinitionOptions{
			IfNotExist: flightsql.TableDefinitionOptionsTableNotExistOptionCreate,
			IfExists:   flightsql.TableDefinitionOptionsTableExistsOptionFail,
		}})
	refused(t, err, codes.Unimplemented, "GH-602")
}

func onlyReader(batch arrow.RecordBatch) array.RecordReader {
	reader, err := array.NewRecordReader(batch.Schema(), []arrow.RecordBatch{batch})
	if err != nil {
		panic(err)
	}
	return reader
}

func TestSessionOptionsNameTheOneCatalogAndSchema(t *testing.T) {
	h := open(t, Limits{})
	client := h.client(t, "ada-1")
	got, err := client.GetSessionOptions(t.Context(), &arrowflight.GetSessionOptionsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if c, s := got.SessionOptions["catalog"].GetStringValue(), got.SessionOptions["schema"].GetStringValue(); c != "gatehouse" || s != "main" {
		t.Errorf("catalog %q, schema %q", c, s)
	}
	values, err := arrowflight.NewSessionOptionValues(map[string]any{"catalog": "gatehouse", "schema": "other", "colour": "blue"})
	if err != nil {
		t.Fatal(err)
	}
	set, err := client.SetSessionOptions(t.Context(), &arrowflight.SetSessionOptionsRequest{SessionOptions: values})
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Errors) != 2 || set.Errors["schema"].GetValue() != arrowflight.SetSessionOptionsResultErrorInvalidValue ||
		set.Errors["colour"].GetValue() != arrowflight.SetSessionOptionsResultErrorInvalidName {
		t.Errorf("errors %v", set.Errors)
	}
}

func TestKindsHaveTheirOwnStatus(t *testing.T) {
	for kind, want := range map[gatehouse.Code]codes.Code{
		gatehouse.CodeInternal:        codes.Internal,
		gatehouse.CodeUnauthenticated: codes.Unauthenticated,
		gatehouse.CodeNotFound:        codes.NotFound,
		gatehouse.CodeCancelled:       codes.Canceled,
		gatehouse.CodeUnsupported:     codes.Unimplemented,
		gatehouse.CodeTimeLimit:       codes.ResourceExhausted,
		gatehouse.CodeTooSmall:        codes.PermissionDenied,
		gatehouse.CodeProtocol:        codes.InvalidArgument,
		gatehouse.Code("GH-999"):      codes.Internal,
	} {
		if got := grpcCode(gatehouse.Errorf(kind, "x")); got != want {
			t.Errorf("%s is %v, want %v", kind, got, want)
		}
	}
	if got := clipped(strings.Repeat("é", maxMessage)); len(got) > maxMessage+4 || !strings.HasSuffix(got, "é…") {
		t.Errorf("a long message ends in %q", got[len(got)-6:])
	}
}

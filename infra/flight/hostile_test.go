package flight

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	arrowflight "github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	pb "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	flatbuffers "github.com/google/flatbuffers/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// put sends messages over DoPut and gives how it ended.
func put(ctx context.Context, client *flightsql.Client, messages ...*arrowflight.FlightData) error {
	stream, err := client.Client.DoPut(ctx)
	if err != nil {
		return err
	}
	for _, m := range messages {
		if err := stream.Send(m); err != nil {
			break // the server has answered already
		}
	}
	_ = stream.CloseSend()
	for {
		if _, err = stream.Recv(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func command(t testing.TB, m proto.Message) []byte {
	t.Helper()
	wrapped, err := anypb.New(m)
	if err != nil {
		t.Fatal(err)
	}
	b, err := proto.Marshal(wrapped)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// bindTo is the descriptor of a DoPut that binds parameters to a statement.
func bindTo(t testing.TB, handle []byte) *arrowflight.FlightDescriptor {
	return &arrowflight.FlightDescriptor{
		Type: arrowflight.DescriptorCMD,
		Cmd:  command(t, &pb.CommandPreparedStatementQuery{PreparedStatementHandle: handle}),
	}
}

type captured struct{ messages []*arrowflight.FlightData }

func (c *captured) Send(d *arrowflight.FlightData) error {
	c.messages = append(c.messages, proto.Clone(d).(*arrowflight.FlightData))
	return nil
}

// messagesOf are the messages of a stream that holds the batch.
func messagesOf(t testing.TB, batch arrow.RecordBatch, options ...ipc.Option) []*arrowflight.FlightData {
	t.Helper()
	var c captured
	w := arrowflight.NewRecordWriter(&c, append(options, ipc.WithSchema(batch.Schema()))...)
	if err := w.Write(batch); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return c.messages
}

// endlessSchema is a schema message whose only field is its own child: reading
// it never ends.
func endlessSchema(children uint32) []byte {
	b := flatbuffers.NewBuilder(0)
	b.StartVector(4, 1, 4)
	b.PrependUint32(0) // the child, patched below
	childVector := b.EndVector(1)
	b.StartObject(0)
	structType := b.EndObject()
	b.StartObject(7)
	b.PrependByteSlot(2, 13, 0) // a struct
	b.PrependUOffsetTSlot(3, structType, 0)
	b.PrependUOffsetTSlot(5, childVector, 0)
	field := b.EndObject()
	b.StartVector(4, 1, 4)
	b.PrependUOffsetT(field)
	fields := b.EndVector(1)
	b.StartObject(4)
	b.PrependUOffsetTSlot(1, fields, 0)
	schema := b.EndObject()
	b.StartObject(5)
	b.PrependInt16Slot(0, 4, 0)
	b.PrependByteSlot(1, headerSchema, 0)
	b.PrependUOffsetTSlot(2, schema, 0)
	b.Finish(b.EndObject())
	out := b.FinishedBytes()
	// The builder counts places from the end. The child's reference is the
	// distance, modulo 2^32, back to the field.
	vector := uint32(len(out)) - uint32(childVector)
	binary.LittleEndian.PutUint32(out[vector:], children)
	at := vector + 4
	binary.LittleEndian.PutUint32(out[at:], uint32(len(out))-uint32(field)-at)
	return out
}

func TestHostileMessagesDoNotEndTheServer(t *testing.T) {
	h := open(t, Limits{})
	client := h.client(t, "ada-1")
	prepared, err := client.Prepare(t.Context(), "SELECT echo(?)")
	if err != nil {
		t.Fatal(err)
	}
	about := bindTo(t, prepared.Handle())
	good := messagesOf(t, counted(7))
	if len(good) != 2 {
		t.Fatalf("%d messages", len(good))
	}
	with := func(header, body []byte) *arrowflight.FlightData {
		return &arrowflight.FlightData{FlightDescriptor: about, DataHeader: header, DataBody: body}
	}
	// A batch that says of a few compressed bytes that they are 2^46.
	compressed := messagesOf(t, counted(make([]int64, 5000)...), ipc.WithZstd())[1]
	bomb := proto.Clone(compressed).(*arrowflight.FlightData)
	binary.LittleEndian.PutUint64(bomb.DataBody, 1<<46)

	dictionary := arrow.NewSchema([]arrow.Field{{Name: "a", Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}}}, nil)
	db := array.NewRecordBuilder(memory.DefaultAllocator, dictionary)
	if err := db.Field(0).(*array.BinaryDictionaryBuilder).AppendString("x"); err != nil {
		t.Fatal(err)
	}

	for name, messages := range map[string][]*arrowflight.FlightData{
		"nothing":                       {},
		"an empty message":              {{}},
		"no descriptor":                 {{DataHeader: good[0].DataHeader}},
		"an empty descriptor":           {{FlightDescriptor: &arrowflight.FlightDescriptor{}}},
		"a command that is no protobuf": {{FlightDescriptor: &arrowflight.FlightDescriptor{Cmd: []byte("\xff\xff\xff")}}},
		"a command of no known kind":    {{FlightDescriptor: &arrowflight.FlightDescriptor{Cmd: command(t, &anypb.Any{TypeUrl: "type.googleapis.com/none"})}}},
		"another command than a put":    {{FlightDescriptor: &arrowflight.FlightDescriptor{Cmd: command(t, &pb.CommandGetCatalogs{})}}},
		"a header of garbage":           {with([]byte("garbage, and some more of it"), nil)},
		"a header that is cut":          {with(good[0].DataHeader[:20], nil)},
		"a header too long":             {with(bytes.Repeat([]byte{0}, maxHeader+1), nil)},
		"a batch before the schema":     {with(good[1].DataHeader, good[1].DataBody)},
		"a batch without its body":      {with(good[0].DataHeader, nil), {DataHeader: good[1].DataHeader}},
		"a batch with half its body":    {with(good[0].DataHeader, nil), {DataHeader: good[1].DataHeader, DataBody: good[1].DataBody[:4]}},
		"a schema that holds itself":    {with(endlessSchema(1), nil)},
		"a schema of 4e9 children":      {with(endlessSchema(1<<32-1), nil)},
		"a compressed batch":            {with(good[0].DataHeader, nil), compressed},
		"a compression bomb":            {with(good[0].DataHeader, nil), bomb},
		"a dictionary":                  append([]*arrowflight.FlightData{{FlightDescriptor: about}}, messagesOf(t, db.NewRecordBatch())...),
		"too many messages":             append([]*arrowflight.FlightData{with(good[0].DataHeader, nil)}, bytesRepeat(good[0], maxPutMessages)...),
	} {
		t.Run(name, func(t *testing.T) {
			err := put(t.Context(), client, messages...)
			refused(t, err, codes.InvalidArgument, "GH-601: The message is not valid Flight SQL.")
		})
	}
	prepared.SetParameters(counted(7))
	info, err := prepared.Execute(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := fetched(t.Context(), client, info); err != nil {
		t.Fatal(err)
	}
}

func bytesRepeat(m *arrowflight.FlightData, n int) []*arrowflight.FlightData {
	var all []*arrowflight.FlightData
	for range n {
		all = append(all, m)
	}
	return all
}

func TestMalformedCommandsAreRefused(t *testing.T) {
	h := open(t, Limits{MessageBytes: 1 << 20})
	client := h.client(t, "ada-1")
	for _, cmd := range [][]byte{nil, {}, {0xff}, []byte("SELECT 1"), command(t, &anypb.Any{}), command(t, &pb.TicketStatementQuery{})} {
		_, err := client.Client.GetFlightInfo(t.Context(), &arrowflight.FlightDescriptor{Cmd: cmd})
		refused(t, err, codes.InvalidArgument, "GH-601")
		_, err = client.Client.GetSchema(t.Context(), &arrowflight.FlightDescriptor{Cmd: cmd})
		refused(t, err, codes.InvalidArgument, "GH-601")
	}
	for _, ticket := range [][]byte{nil, {0xff}, []byte("1"), command(t, &anypb.Any{}), command(t, &pb.CommandStatementQuery{Query: countSQL})} {
		stream, err := client.Client.DoGet(t.Context(), &arrowflight.Ticket{Ticket: ticket})
		if err == nil {
			_, err = stream.Recv()
		}
		refused(t, err, codes.InvalidArgument, "GH-601")
	}
	for _, c := range []struct {
		kind string
		body []byte
		code codes.Code
		text string
	}{
		{"", nil, codes.InvalidArgument, "GH-601"},
		{"DropEverything", nil, codes.InvalidArgument, "GH-601"},
		{"CreatePreparedStatement", []byte{0xff}, codes.InvalidArgument, "GH-601"},
		{"CreatePreparedStatement", command(t, &pb.CommandGetCatalogs{}), codes.InvalidArgument, "GH-601"},
		{"ClosePreparedStatement", nil, codes.InvalidArgument, "GH-601"},
		{"CancelFlightInfo", nil, codes.NotFound, "GH-103"},
		{"CancelFlightInfo", mustMarshal(t, &pb.CancelFlightInfoRequest{Info: &pb.FlightInfo{Endpoint: []*pb.FlightEndpoint{{}}}}), codes.InvalidArgument, "GH-601"},
		{"CancelQuery", nil, codes.InvalidArgument, "GH-601"},
	} {
		stream, err := client.Client.DoAction(t.Context(), &arrowflight.Action{Type: c.kind, Body: c.body})
		if err == nil {
			_, err = stream.Recv()
		}
		refused(t, err, c.code, c.text)
	}
	_, err := client.Execute(t.Context(), string(bytes.Repeat([]byte("x"), 2<<20)))
	if err == nil {
		t.Error("a message over the limit was taken")
	}
	asked(t, client, countSQL)
}

func mustMarshal(t testing.TB, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The screen must let through what drivers send.
func TestTheScreenPassesWhatDriversSend(t *testing.T) {
	fields := []arrow.Field{}
	for i, dt := range []arrow.DataType{
		arrow.Null, arrow.FixedWidthTypes.Boolean, arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Uint64, arrow.PrimitiveTypes.Float32,
		arrow.BinaryTypes.String, arrow.BinaryTypes.LargeString, arrow.BinaryTypes.StringView, arrow.FixedWidthTypes.Date32,
		arrow.FixedWidthTypes.Time64us, arrow.FixedWidthTypes.Timestamp_us, &arrow.Decimal128Type{Precision: 9, Scale: 2},
	} {
		fields = append(fields, arrow.Field{Name: string(rune('a' + i)), Type: dt, Nullable: true, Metadata: arrow.NewMetadata([]string{"k"}, []string{"v"})})
	}
	labels := arrow.NewMetadata([]string{"pandas"}, []string{"{}"})
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, &labels))
	for _, f := range b.Fields() {
		f.AppendNull()
	}
	for _, m := range messagesOf(t, b.NewRecordBatch()) {
		if !wellFormed(m.DataHeader) {
			t.Error("a well-formed message was refused")
		}
	}
}

// FuzzMessages sends arbitrary bytes to every place where a client's bytes are
// read. Whatever they are, the server answers the next question.
func FuzzMessages(f *testing.F) {
	h := open(f, Limits{})
	client := h.client(f, "ada-1")
	prepared, err := client.Prepare(context.Background(), "SELECT echo(?)")
	if err != nil {
		f.Fatal(err)
	}
	about := bindTo(f, prepared.Handle())
	good := messagesOf(f, counted(7))
	f.Add(byte(0), command(f, &pb.CommandStatementQuery{Query: countSQL}), []byte{})
	f.Add(byte(0), command(f, &pb.CommandPreparedStatementQuery{PreparedStatementHandle: prepared.Handle()}), []byte{})
	f.Add(byte(1), command(f, &pb.TicketStatementQuery{StatementHandle: []byte("x")}), []byte{})
	f.Add(byte(1), command(f, &pb.CommandGetTables{IncludeSchema: true}), []byte{})
	f.Add(byte(2), good[0].DataHeader, []byte{})
	f.Add(byte(3), good[1].DataHeader, good[1].DataBody)
	f.Add(byte(2), endlessSchema(1), []byte{})
	f.Add(byte(4), []byte(flightsql.CreatePreparedStatementActionType), command(f, &pb.ActionCreatePreparedStatementRequest{Query: countSQL}))
	f.Add(byte(4), []byte(arrowflight.CancelFlightInfoActionType), []byte{10, 0})

	f.Fuzz(func(t *testing.T, place byte, a, b []byte) {
		ctx := t.Context()
		switch place % 5 {
		case 0:
			_, _ = client.Client.GetFlightInfo(ctx, &arrowflight.FlightDescriptor{Cmd: a})
			_, _ = client.Client.GetSchema(ctx, &arrowflight.FlightDescriptor{Cmd: a})
		case 1:
			if stream, err := client.Client.DoGet(ctx, &arrowflight.Ticket{Ticket: a}); err == nil {
				for err == nil {
					_, err = stream.Recv()
				}
			}
		case 2:
			_ = put(ctx, client, &arrowflight.FlightData{FlightDescriptor: about, DataHeader: a, DataBody: b})
		case 3:
			_ = put(ctx, client,
				&arrowflight.FlightData{FlightDescriptor: about, DataHeader: good[0].DataHeader},
				&arrowflight.FlightData{DataHeader: a, DataBody: b})
		case 4:
			if stream, err := client.Client.DoAction(ctx, &arrowflight.Action{Type: string(a), Body: b}); err == nil {
				_, _ = stream.Recv()
			}
		}
		info, err := client.Execute(ctx, countSQL)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := fetched(ctx, client, info); err != nil {
			t.Fatal(err)
		}
	})
}

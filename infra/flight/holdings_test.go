package flight

import (
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	arrowflight "github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"google.golang.org/grpc/codes"
)

func TestATicketServesOnlyTheSessionThatAsked(t *testing.T) {
	h := open(t, Limits{})
	info, err := h.client(t, "ada-1").Execute(t.Context(), countSQL)
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{"grace-1", "ada-2"} {
		other := h.client(t, token)
		_, _, err := fetched(t.Context(), other, info)
		refused(t, err, codes.NotFound, "GH-103: This ticket is not known")
		_, err = other.CancelFlightInfo(t.Context(), &arrowflight.CancelFlightInfoRequest{Info: info})
		refused(t, err, codes.NotFound, "GH-103: This ticket is not known")
		if _, err := other.CloseSession(t.Context(), &arrowflight.CloseSessionRequest{}); err != nil {
			t.Error(err)
		}
	}
	// Another connection of the same token may fetch it.
	if _, _, err := fetched(t.Context(), h.client(t, "ada-1"), info); err != nil {
		t.Error(err)
	}
}

func TestAnAnswerExpires(t *testing.T) {
	h := open(t, Limits{HeldBytes: 1, AnswerLife: time.Minute})
	client := h.client(t, "ada-1")
	info, err := client.Execute(t.Context(), "SELECT * FROM rows(500000)")
	if err != nil {
		t.Fatal(err)
	}
	h.pass(59 * time.Second)
	h.holdings.expire()
	if h.gate.open != 1 {
		t.Fatal("the answer was let go too early")
	}
	h.pass(2 * time.Second)
	_, _, err = fetched(t.Context(), client, info)
	refused(t, err, codes.NotFound, "GH-103: This ticket is not known")
	h.holdings.expire()
	h.gate.waitReleased(t)
}

func TestAnAnswerInMemoryFreesTheEngineBeforeItIsFetched(t *testing.T) {
	h := open(t, Limits{})
	client := h.client(t, "ada-1")
	info, err := client.Execute(t.Context(), "SELECT * FROM rows(100000)")
	if err != nil {
		t.Fatal(err)
	}
	h.gate.waitReleased(t)
	_, batches, err := fetched(t.Context(), client, info)
	if err != nil {
		t.Fatal(err)
	}
	expectRows(t, batches, 100000)
}

func TestHeldAnswersAreBoundedInBytesAndNumber(t *testing.T) {
	h := open(t, Limits{HeldBytes: 4 << 20, HeldAnswers: 3})
	client := h.client(t, "ada-1")
	var infos []*arrowflight.FlightInfo
	for range 5 {
		h.pass(time.Second)
		info, err := client.Execute(t.Context(), "SELECT * FROM rows(400000)") // about 12 MB
		if err != nil {
			t.Fatal(err)
		}
		infos = append(infos, info)
		o := h.holdings.own[h.desk.tokens["ada-1"]]
		if len(o.answers) > 3 || o.bytes > (4<<20)+targetBytes {
			t.Fatalf("%d answers with %d bytes are held", len(o.answers), o.bytes)
		}
	}
	for i, info := range infos {
		_, batches, err := fetched(t.Context(), client, info)
		if i < 2 { // the oldest went
			refused(t, err, codes.NotFound, "GH-103")
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		expectRows(t, batches, 400000)
	}
	if o := h.holdings.own[h.desk.tokens["ada-1"]]; o != nil {
		t.Errorf("%d bytes are still accounted for", o.bytes)
	}
}

// expectRows fails unless the batches are the numbered rows in order.
func expectRows(t *testing.T, batches []arrow.RecordBatch, n int64) {
	t.Helper()
	next := int64(0)
	for _, batch := range batches {
		for _, id := range batch.Column(0).(*array.Int64).Int64Values() {
			if id != next {
				t.Fatalf("row %d where %d was expected", id, next)
			}
			next++
		}
	}
	if next != n {
		t.Errorf("%d rows, want %d", next, n)
	}
}

func TestAHandleServesOnlyTheSessionThatPrepared(t *testing.T) {
	h := open(t, Limits{})
	mine, err := h.client(t, "ada-1").Prepare(t.Context(), countSQL)
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{"grace-1", "ada-2"} {
		stolen := flightsql.NewPreparedStatement(h.client(t, token), mine.Handle())
		_, err := stolen.Execute(t.Context())
		refused(t, err, codes.NotFound, "GH-103: This prepared statement is not known.")
		_, err = stolen.GetSchema(t.Context())
		refused(t, err, codes.NotFound, "GH-103: This prepared statement is not known.")
		_, err = stolen.ExecuteUpdate(t.Context())
		refused(t, err, codes.NotFound, "GH-103: This prepared statement is not known.")
		stolen.SetParameters(counted(1))
		_, err = stolen.Execute(t.Context())
		refused(t, err, codes.NotFound, "GH-103: This prepared statement is not known.")
		if err := stolen.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	info, err := mine.Execute(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := fetched(t.Context(), h.client(t, "ada-1"), info); err != nil {
		t.Fatal(err)
	}
}

func TestPreparedStatementsAreBoundedInNumberAndAge(t *testing.T) {
	h := open(t, Limits{Statements: 2, StatementLife: time.Hour})
	client := h.client(t, "ada-1")
	var all []*flightsql.PreparedStatement
	for range 3 {
		h.pass(time.Minute)
		prepared, err := client.Prepare(t.Context(), countSQL)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, prepared)
	}
	_, err := all[0].GetSchema(t.Context())
	refused(t, err, codes.NotFound, "GH-103")
	if _, err := all[2].GetSchema(t.Context()); err != nil {
		t.Error(err)
	}
	h.pass(2 * time.Hour)
	_, err = all[2].GetSchema(t.Context())
	refused(t, err, codes.NotFound, "GH-103")
	h.holdings.expire()
	if len(h.holdings.own) != 0 {
		t.Error("old statements are still held")
	}
}

func TestClosingASessionLeavesOtherConnectionsAlone(t *testing.T) {
	h := open(t, Limits{})
	one, two := h.client(t, "ada-1"), h.client(t, "ada-1")
	first, err := one.Prepare(t.Context(), countSQL)
	if err != nil {
		t.Fatal(err)
	}
	second, err := two.Prepare(t.Context(), countSQL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := one.CloseSession(t.Context(), &arrowflight.CloseSessionRequest{}); err != nil {
		t.Fatal(err)
	}
	_, err = first.GetSchema(t.Context())
	refused(t, err, codes.NotFound, "GH-103")
	if _, err := second.GetSchema(t.Context()); err != nil {
		t.Errorf("the other connection lost its statement: %v", err)
	}
}

package flight

import (
	"context"
	"errors"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	arrowflight "github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// questions is the Flight SQL side of a Server: it turns messages into
// questions and answers into streams.
type questions struct {
	flightsql.BaseServer
	server *Server
}

func newQuestions(s *Server) (*questions, error) {
	q := &questions{server: s}
	q.Alloc = memory.DefaultAllocator // set here, or concurrent calls race to set it
	for id, value := range serverFacts(s.limits) {
		if err := q.RegisterSqlInfo(id, value); err != nil {
			return nil, err
		}
	}
	return q, nil
}

// ask decides a question and holds its answer for the caller.
func (q *questions) ask(ctx context.Context, sql string, params arrow.RecordBatch) (*answer, error) {
	s := q.server
	p := caller(ctx)
	session, done, err := q.enter(ctx, sql)
	if err != nil {
		return nil, err
	}
	defer done()

	// The work outlives the call that starts it, for the answer is fetched by
	// another; but as long as this call lasts, cancelling it cancels the work.
	work, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	unbind := context.AfterFunc(ctx, func() { stop(ctx.Err()) })
	answered := false
	defer func() {
		if !answered {
			stop(errDropped) // also when the gate panics
		}
	}()
	decided, err := s.gate.Ask(work, session, sql, params)
	if err != nil {
		return nil, err
	}
	a, err := collect(work, stop, decided, s.holdings.room(p))
	if err != nil {
		return nil, err
	}
	if !unbind() {
		a.close()
		return nil, context.Cause(work)
	}
	answered = true
	a.connection = connectionOf(ctx)
	return a, nil
}

// enter runs the checks before a question or its description: the server takes
// new ones, the text is not too long, it is this user's turn, and the workspace
// lets them in. done ends the turn.
func (q *questions) enter(ctx context.Context, sql string) (session *workspaces.Session, done func(), err error) {
	s := q.server
	if s.closing.Load() {
		return nil, nil, gatehouse.Errorf(gatehouse.CodeShutdown, "The service is being stopped.")
	}
	if len(sql) > s.limits.SQLBytes {
		return nil, nil, gatehouse.Errorf(gatehouse.CodeTooLarge, "The statement is longer than %d bytes.", s.limits.SQLBytes)
	}
	p := caller(ctx)
	if done, err = s.turns.take(ctx, p.User); err != nil {
		return nil, nil, err
	}
	if session, err = s.sessions.Enter(ctx, p); err != nil {
		done()
		return nil, nil, err
	}
	return session, done, nil
}

// describe says what a statement would give.
func (q *questions) describe(ctx context.Context, sql string) (*egress.Shape, error) {
	session, done, err := q.enter(ctx, sql)
	if err != nil {
		return nil, err
	}
	defer done()
	shape, err := q.server.gate.Describe(ctx, session, sql)
	if err != nil {
		return nil, err
	}
	if shape.Schema == nil || shape.Parameters == nil {
		whole := *shape
		if whole.Schema == nil {
			whole.Schema = arrow.NewSchema(nil, nil)
		}
		if whole.Parameters == nil {
			whole.Parameters = arrow.NewSchema(nil, nil)
		}
		shape = &whole
	}
	return shape, nil
}

// decided asks a question and tells where its answer can be fetched. How many
// rows there are is for whoever fetches them to count.
func (q *questions) decided(ctx context.Context, sql string, params arrow.RecordBatch, about *arrowflight.FlightDescriptor) (*arrowflight.FlightInfo, error) {
	a, err := q.ask(ctx, sql, params)
	if err != nil {
		return nil, err
	}
	schema := a.schema
	ticket, err := flightsql.CreateStatementQueryTicket([]byte(q.server.holdings.keepAnswer(caller(ctx), a)))
	if err != nil {
		return nil, err
	}
	return &arrowflight.FlightInfo{
		Schema:           arrowflight.SerializeSchema(schema, memory.DefaultAllocator),
		FlightDescriptor: about,
		Endpoint:         []*arrowflight.FlightEndpoint{{Ticket: &arrowflight.Ticket{Ticket: ticket}}},
		TotalRecords:     -1,
		TotalBytes:       -1,
		Ordered:          true,
	}, nil
}

// GetFlightInfoStatement decides a question.
func (q *questions) GetFlightInfoStatement(ctx context.Context, cmd flightsql.StatementQuery, about *arrowflight.FlightDescriptor) (*arrowflight.FlightInfo, error) {
	if err := noTransaction(cmd.GetTransactionId()); err != nil {
		return nil, err
	}
	return q.decided(ctx, cmd.GetQuery(), nil, about)
}

// GetSchemaStatement says what columns a question would have.
func (q *questions) GetSchemaStatement(ctx context.Context, cmd flightsql.StatementQuery, _ *arrowflight.FlightDescriptor) (*arrowflight.SchemaResult, error) {
	if err := noTransaction(cmd.GetTransactionId()); err != nil {
		return nil, err
	}
	shape, err := q.describe(ctx, cmd.GetQuery())
	if err != nil {
		return nil, err
	}
	return &arrowflight.SchemaResult{Schema: arrowflight.SerializeSchema(shape.Schema, memory.DefaultAllocator)}, nil
}

// DoPutCommandStatementUpdate makes or drops a table of the workspace.
func (q *questions) DoPutCommandStatementUpdate(ctx context.Context, cmd flightsql.StatementUpdate) (int64, error) {
	if err := noTransaction(cmd.GetTransactionId()); err != nil {
		return 0, err
	}
	shape, err := q.describe(ctx, cmd.GetQuery())
	if err != nil {
		return 0, err
	}
	return q.update(ctx, cmd.GetQuery(), shape, nil)
}

// update asks a question that gives no rows. How many rows a table got is not
// told: nobody judged that number.
func (q *questions) update(ctx context.Context, sql string, shape *egress.Shape, params arrow.RecordBatch) (int64, error) {
	if !shape.Updates {
		return 0, gatehouse.Errorf(gatehouse.CodeStatement, "The statement is a question, not an update.").
			WithAdvice("Run it as a query and fetch its answer.")
	}
	if err := checkParameters(params, shape.Parameters); err != nil {
		return 0, err
	}
	a, err := q.ask(ctx, sql, params)
	if err != nil {
		return 0, err
	}
	a.close()
	return -1, nil
}

// CreatePreparedStatement describes a statement and keeps it for the caller.
func (q *questions) CreatePreparedStatement(ctx context.Context, cmd flightsql.ActionCreatePreparedStatementRequest) (result flightsql.ActionCreatePreparedStatementResult, err error) {
	if err = noTransaction(cmd.GetTransactionId()); err != nil {
		return result, err
	}
	shape, err := q.describe(ctx, cmd.GetQuery())
	if err != nil {
		return result, err
	}
	handle := q.server.holdings.keepStatement(caller(ctx), &statement{
		connection: connectionOf(ctx),
		sql:        cmd.GetQuery(),
		shape:      shape,
	})
	result.Handle = []byte(handle)
	result.DatasetSchema = shape.Schema
	result.ParameterSchema = shape.Parameters
	if !shape.Updates {
		result.IsUpdate = &shape.Updates // what makes or drops a table may be run either way
	}
	return result, nil
}

// ClosePreparedStatement forgets a prepared statement.
func (q *questions) ClosePreparedStatement(ctx context.Context, cmd flightsql.ActionClosePreparedStatementRequest) error {
	q.server.holdings.closeStatement(caller(ctx), cmd.GetPreparedStatementHandle())
	return nil
}

// GetFlightInfoPreparedStatement decides a prepared question with the
// parameters that were bound last.
func (q *questions) GetFlightInfoPreparedStatement(ctx context.Context, cmd flightsql.PreparedStatementQuery, about *arrowflight.FlightDescriptor) (*arrowflight.FlightInfo, error) {
	st, params, err := q.server.holdings.statement(caller(ctx), cmd.GetPreparedStatementHandle())
	if err != nil {
		return nil, err
	}
	if err := checkParameters(params, st.shape.Parameters); err != nil {
		return nil, err
	}
	return q.decided(ctx, st.sql, params, about)
}

// GetSchemaPreparedStatement gives the columns of a prepared question.
func (q *questions) GetSchemaPreparedStatement(ctx context.Context, cmd flightsql.PreparedStatementQuery, _ *arrowflight.FlightDescriptor) (*arrowflight.SchemaResult, error) {
	st, _, err := q.server.holdings.statement(caller(ctx), cmd.GetPreparedStatementHandle())
	if err != nil {
		return nil, err
	}
	return &arrowflight.SchemaResult{Schema: arrowflight.SerializeSchema(st.shape.Schema, memory.DefaultAllocator)}, nil
}

// DoPutPreparedStatementQuery binds one row of parameters.
func (q *questions) DoPutPreparedStatementQuery(ctx context.Context, cmd flightsql.PreparedStatementQuery, from arrowflight.MessageReader, _ arrowflight.MetadataWriter) ([]byte, error) {
	st, _, err := q.server.holdings.statement(caller(ctx), cmd.GetPreparedStatementHandle())
	if err != nil {
		return nil, err
	}
	params, err := readParameters(from, st.shape.Parameters)
	if err != nil {
		return nil, err
	}
	q.server.holdings.bind(st, params)
	return cmd.GetPreparedStatementHandle(), nil
}

// DoPutPreparedStatementUpdate runs a prepared statement that gives no rows.
func (q *questions) DoPutPreparedStatementUpdate(ctx context.Context, cmd flightsql.PreparedStatementUpdate, from arrowflight.MessageReader) (int64, error) {
	st, _, err := q.server.holdings.statement(caller(ctx), cmd.GetPreparedStatementHandle())
	if err != nil {
		return 0, err
	}
	params, err := readParameters(from, st.shape.Parameters)
	if err != nil {
		return 0, err
	}
	return q.update(ctx, st.sql, st.shape, params)
}

// DoGetStatement streams a decided answer to the principal who asked, once.
func (q *questions) DoGetStatement(ctx context.Context, ticket flightsql.StatementQueryTicket) (*arrow.Schema, <-chan arrowflight.StreamChunk, error) {
	p := caller(ctx)
	a, err := q.server.holdings.takeAnswer(p, ticket.GetStatementHandle())
	if err != nil {
		return nil, nil, err
	}
	out := make(chan arrowflight.StreamChunk)
	go q.send(ctx, a, out, func() { q.server.holdings.fetched(p, ticket.GetStatementHandle()) })
	return a.schema, out, nil
}

// send puts an answer's batches on the channel. It runs beside the call, so a
// panic in a reader must end here.
func (q *questions) send(ctx context.Context, a *answer, out chan<- arrowflight.StreamChunk, fetched func()) {
	defer close(out)
	defer fetched()
	give := func(chunk arrowflight.StreamChunk) bool {
		select {
		case out <- chunk:
			return true
		case <-ctx.Done():
			return false
		}
	}
	defer func() {
		if r := recover(); r != nil {
			give(arrowflight.StreamChunk{Err: panicked(r)})
		}
	}()
	limit, cancel := context.WithTimeout(ctx, q.server.limits.FetchTime)
	defer cancel()
	defer context.AfterFunc(limit, func() { a.stop(limit.Err()) })()

	for {
		batch, err := a.next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			give(arrowflight.StreamChunk{Err: err})
			return
		}
		if !give(arrowflight.StreamChunk{Data: batch}) {
			batch.Release()
			return
		}
	}
}

// noTransaction refuses what names a transaction: none was ever begun.
func noTransaction(id []byte) error {
	if len(id) > 0 {
		return unsupported("A transaction")
	}
	return nil
}

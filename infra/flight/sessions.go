package flight

import (
	"context"

	arrowflight "github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
)

// The one catalog and the one schema. Tables of datasets and tables that the
// workspace made stand side by side, and are named without either.
const (
	catalogName = "gatehouse"
	schemaName  = "main"
)

// front stands before the library's Flight SQL server, where that would trust
// a client, or speak of what is not offered here.
type front struct {
	arrowflight.FlightServer
}

// Handshake is how clients sign in by name and password, which is not offered.
func (f *front) Handshake(arrowflight.FlightService_HandshakeServer) error {
	return unsupported("Signing in by a handshake").
		WithAdvice("Present a token as 'authorization: Bearer …' with each call.")
}

// DoPut reads what a client sends through the screen.
func (f *front) DoPut(stream arrowflight.FlightService_DoPutServer) error {
	return f.FlightServer.DoPut(&screened{FlightService_DoPutServer: stream})
}

// ListActions names the actions that are offered.
func (f *front) ListActions(_ *arrowflight.Empty, stream arrowflight.FlightService_ListActionsServer) error {
	for _, a := range []*arrowflight.ActionType{
		{Type: flightsql.CreatePreparedStatementActionType, Description: "Prepare a statement."},
		{Type: flightsql.ClosePreparedStatementActionType, Description: "Let go of a prepared statement."},
		{Type: arrowflight.CancelFlightInfoActionType, Description: "Cancel a question."},
		{Type: flightsql.CancelQueryActionType, Description: "Cancel a question (older clients)."},
		{Type: arrowflight.SetSessionOptionsActionType, Description: "Choose catalog and schema."},
		{Type: arrowflight.GetSessionOptionsActionType, Description: "Tell catalog and schema."},
		{Type: arrowflight.CloseSessionActionType, Description: "Let go of what this connection made."},
	} {
		if err := stream.Send(a); err != nil {
			return err
		}
	}
	return nil
}

// CancelFlightInfo interrupts the answer that a FlightInfo leads to.
func (q *questions) CancelFlightInfo(ctx context.Context, request *arrowflight.CancelFlightInfoRequest) (arrowflight.CancelFlightInfoResult, error) {
	if err := q.cancel(ctx, request.GetInfo().GetEndpoint()); err != nil {
		return arrowflight.CancelFlightInfoResult{}, err
	}
	return arrowflight.CancelFlightInfoResult{Status: arrowflight.CancelStatusCancelled}, nil
}

func (q *questions) cancel(ctx context.Context, endpoints []*arrowflight.FlightEndpoint) error {
	if len(endpoints) == 0 {
		return unknownTicket()
	}
	for _, endpoint := range endpoints {
		if endpoint.GetTicket() == nil {
			return malformed()
		}
		ticket, err := flightsql.GetStatementQueryTicket(endpoint.GetTicket())
		if err != nil {
			return malformed().Because(err)
		}
		if err := q.server.holdings.cancelAnswer(caller(ctx), ticket.GetStatementHandle()); err != nil {
			return err
		}
	}
	return nil
}

// SetSessionOptions takes catalog and schema, of which there is one each.
func (q *questions) SetSessionOptions(_ context.Context, request *arrowflight.SetSessionOptionsRequest) (*arrowflight.SetSessionOptionsResult, error) {
	result := &arrowflight.SetSessionOptionsResult{Errors: map[string]*arrowflight.SetSessionOptionsResultError{}}
	for name, value := range request.GetSessionOptions() {
		fault := arrowflight.SetSessionOptionsResultErrorInvalidName
		if only, ok := sessionOptions[name]; ok {
			if value.GetOptionValue() == nil || value.GetStringValue() == only {
				continue
			}
			fault = arrowflight.SetSessionOptionsResultErrorInvalidValue
		}
		result.Errors[name] = &arrowflight.SetSessionOptionsResultError{Value: fault}
	}
	return result, nil
}

var sessionOptions = map[string]string{"catalog": catalogName, "schema": schemaName}

// GetSessionOptions tells catalog and schema.
func (q *questions) GetSessionOptions(context.Context, *arrowflight.GetSessionOptionsRequest) (*arrowflight.GetSessionOptionsResult, error) {
	options, err := arrowflight.NewSessionOptionValues(map[string]any{"catalog": catalogName, "schema": schemaName})
	if err != nil {
		return nil, err
	}
	return &arrowflight.GetSessionOptionsResult{SessionOptions: options}, nil
}

// CloseSession lets go of what the caller made over this connection. Drivers
// call it with every connection they close; other connections of the same
// token go on.
func (q *questions) CloseSession(ctx context.Context, _ *arrowflight.CloseSessionRequest) (*arrowflight.CloseSessionResult, error) {
	q.server.holdings.dropConnection(caller(ctx), connectionOf(ctx))
	return &arrowflight.CloseSessionResult{Status: arrowflight.CloseSessionResultClosed}, nil
}

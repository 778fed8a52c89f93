package web

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Gate explains questions. egress.Gate is one.
type Gate interface {
	// Explain says how a statement would be judged, without touching data.
	Explain(ctx context.Context, s *workspaces.Session, sql string, params arrow.RecordBatch) (*egress.Preflight, error)
}

// Question is a statement to be explained.
type Question struct {
	SQL        string `json:"sql" minLength:"1" maxLength:"262144" doc:"A SELECT, or what else the gate takes; EXPLAIN GATE may stand before it"`
	Parameters []any  `json:"parameters,omitempty" maxItems:"256" doc:"Values of the statement's parameters, in order: texts, numbers, true, false, null"`
}

// WorkspacePath names a workspace.
type WorkspacePath struct {
	Workspace string `path:"workspace" maxLength:"64" doc:"Id of the workspace; the token must be for it"`
}

// mostExplained is how many questions are explained at once.
const mostExplained = 4

func (s *server) describeExplain(api huma.API) {
	handle(s, api, huma.Operation{
		OperationID: "explain-question", Method: http.MethodPost, Path: "/v1/workspaces/{workspace}/explain", Summary: "How the gate would judge a question, without touching data",
		Tags: []string{"questions"}, Security: signedIn, Errors: []int{http.StatusForbidden, http.StatusNotFound},
		Description: "What EXPLAIN GATE says over Flight SQL: the typed tree, the rules that judge each number, and the refused part of a statement that would be refused. A statement that does not parse or bind is an error.",
	}, func(ctx context.Context, in *struct {
		WorkspacePath
		Body Question
	}) (*one[egress.Preflight], error) {
		p, err := s.explain(ctx, in.Workspace, in.Body)
		if err != nil {
			return nil, err
		}
		return &one[egress.Preflight]{*p}, nil
	})
}

func (s *server) explain(ctx context.Context, workspace string, asked Question) (*egress.Preflight, error) {
	if s.Gate == nil || s.Sessions == nil {
		return nil, gatehouse.Errorf(gatehouse.CodeUnsupported, "Questions are not explained here.")
	}
	who := principal(ctx)
	if who.Workspace != workspace {
		return nil, gatehouse.Errorf(gatehouse.CodeWrongWorkspace, "The token is not for this workspace.")
	}
	params, err := parameterRow(asked.Parameters)
	if err != nil {
		return nil, err
	}
	if params != nil {
		defer params.Release()
	}
	select {
	case s.explaining <- struct{}{}:
		defer func() { <-s.explaining }()
	case <-ctx.Done():
		return nil, gatehouse.Errorf(gatehouse.CodeCancelled, "The question was cancelled.").Because(ctx.Err())
	}
	session, err := s.Sessions.Enter(ctx, who)
	if err != nil {
		return nil, err
	}
	return s.Gate.Explain(ctx, session, asked.SQL, params)
}

// parameterRow is one row of values named "1", "2", …; nil for none.
func parameterRow(values []any) (arrow.RecordBatch, error) {
	if len(values) == 0 {
		return nil, nil
	}
	fields := make([]arrow.Field, len(values))
	columns := make([]arrow.Array, len(values))
	defer func() {
		for _, c := range columns {
			if c != nil {
				c.Release()
			}
		}
	}()
	for i, v := range values {
		column, err := parameter(v)
		if err != nil {
			return nil, err
		}
		columns[i] = column
		fields[i] = arrow.Field{Name: strconv.Itoa(i + 1), Type: column.DataType(), Nullable: true}
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, 1), nil
}

func parameter(v any) (arrow.Array, error) {
	switch v := v.(type) {
	case nil:
		return array.NewNull(1), nil
	case bool:
		b := array.NewBooleanBuilder(memory.DefaultAllocator)
		defer b.Release()
		b.Append(v)
		return b.NewArray(), nil
	case string:
		if strings.ContainsRune(v, 0) {
			break
		}
		b := array.NewStringBuilder(memory.DefaultAllocator)
		defer b.Release()
		b.Append(v)
		return b.NewArray(), nil
	case json.Number:
		n, err := v.Float64()
		return number(n), err
	case float64:
		return number(v), nil
	}
	return nil, gatehouse.Errorf(gatehouse.CodeBind, "A parameter is a text, a number, true, false or null.").Because(errors.New("another kind of JSON value"))
}

// number keeps whole numbers whole: JSON does not tell them apart.
func number(n float64) arrow.Array {
	if n == math.Trunc(n) && math.Abs(n) < 1<<53 {
		b := array.NewInt64Builder(memory.DefaultAllocator)
		defer b.Release()
		b.Append(int64(n))
		return b.NewArray()
	}
	b := array.NewFloat64Builder(memory.DefaultAllocator)
	defer b.Release()
	b.Append(n)
	return b.NewArray()
}

package flight

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// secret stands for a data value in a cause: no client may ever see it.
const secret = "NHS 943 476 5919"

// scriptedGate answers a handful of fixed statements. The protocol is what is
// tested here; the real gate is tested with the real server elsewhere.
type scriptedGate struct {
	started chan string // gets each statement that blocks, when it runs

	mu      sync.Mutex
	changed *sync.Cond
	open    int // readers that were given and not released
	scratch []catalog.Table
	asked   []string // users and statements, in order
}

func newScriptedGate() *scriptedGate {
	g := &scriptedGate{started: make(chan string, 100)}
	g.changed = sync.NewCond(&g.mu)
	return g
}

// waitReleased fails unless every reader is released soon.
func (g *scriptedGate) waitReleased(t *testing.T) {
	t.Helper()
	late := false
	timer := time.AfterFunc(10*time.Second, func() {
		g.mu.Lock()
		late = true
		g.mu.Unlock()
		g.changed.Broadcast()
	})
	defer timer.Stop()
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.open > 0 && !late {
		g.changed.Wait()
	}
	if g.open > 0 {
		t.Errorf("%d answers still hold an engine", g.open)
	}
}

var (
	rowsOf     = regexp.MustCompile(`^SELECT \* FROM rows\((\d+)\)$`)
	echoOf     = regexp.MustCompile(`^SELECT echo\((\?(?:, \?)*)\)$`)
	createOf   = regexp.MustCompile(`^CREATE TABLE (\w+) AS `)
	dropOf     = regexp.MustCompile(`^DROP TABLE (\w+)$`)
	rowsSchema = arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "value", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		{Name: "label", Type: arrow.BinaryTypes.String, Nullable: true},
	}, nil)
	countSchema = arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true}}, nil)
)

func (g *scriptedGate) Describe(_ context.Context, _ *workspaces.Session, sql string) (*egress.Shape, error) {
	switch {
	case strings.HasPrefix(sql, "SELEC "):
		return nil, gatehouse.Errorf(gatehouse.CodeSyntax, "syntax error at or near \"SELEC\".")
	case strings.HasPrefix(sql, "SELECT name"):
		return nil, gatehouse.Errorf(gatehouse.CodeRowLevel, "The result would be rows of people.")
	case createOf.MatchString(sql), dropOf.MatchString(sql):
		return &egress.Shape{Updates: true}, nil
	case rowsOf.MatchString(sql):
		return &egress.Shape{Schema: rowsSchema}, nil
	}
	if m := echoOf.FindStringSubmatch(sql); m != nil {
		var fields []arrow.Field
		for i := range strings.Count(m[1], "?") {
			fields = append(fields, arrow.Field{Name: strconv.Itoa(i + 1), Type: arrow.Null, Nullable: true})
		}
		return &egress.Shape{Schema: countSchema, Parameters: arrow.NewSchema(fields, nil)}, nil
	}
	return &egress.Shape{Schema: countSchema}, nil
}

func (g *scriptedGate) Ask(ctx context.Context, s *workspaces.Session, sql string, params arrow.RecordBatch) (*egress.Answer, error) {
	g.mu.Lock()
	g.asked = append(g.asked, s.Principal.User+": "+sql)
	g.mu.Unlock()
	if _, err := g.Describe(ctx, s, sql); err != nil {
		return nil, err
	}
	answer := &egress.Answer{Disclosure: egress.Disclosure{
		Decision: "qry_1", Outcome: egress.OutcomeReleased, Policy: "sdap", Threshold: 10, Groups: "none",
		Decided: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Datasets: []string{"shared_care@1"},
	}}
	var (
		schema  = countSchema
		batches func(i int) (arrow.RecordBatch, error) // nil batch at the end
	)
	if m := rowsOf.FindStringSubmatch(sql); m != nil {
		n, _ := strconv.Atoi(m[1])
		schema = rowsSchema
		batches = func(i int) (arrow.RecordBatch, error) { return numberedRows(i*2048, n), nil }
	} else if m := createOf.FindStringSubmatch(sql); m != nil {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.scratch = append(g.scratch, catalog.Table{Name: m[1], Columns: []catalog.Column{{Name: "person_id", Type: "VARCHAR"}}})
		answer.Disclosure.Outcome = egress.OutcomeKept
		return answer, nil
	} else if m := dropOf.FindStringSubmatch(sql); m != nil {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.scratch = slices.DeleteFunc(g.scratch, func(t catalog.Table) bool { return t.Name == m[1] })
		answer.Disclosure.Outcome = egress.OutcomeKept
		return answer, nil
	} else if echoOf.MatchString(sql) {
		if params == nil {
			return nil, errors.New("no parameters reached the gate")
		}
		schema = params.Schema()
		batches = once(params)
	} else {
		switch sql {
		case "SELECT count(*) FROM person":
			batches = once(counted(42))
		case "SELECT wait":
			g.started <- sql
			<-ctx.Done()
			return nil, fmt.Errorf("engine: %w: %s", ctx.Err(), secret)
		case "SELECT stall":
			batches = func(i int) (arrow.RecordBatch, error) {
				if i < 600 { // more than is held in memory in these tests
					return counted(make([]int64, 2048)...), nil
				}
				g.started <- sql
				<-ctx.Done()
				return nil, fmt.Errorf("engine: interrupted at %s", secret)
			}
		case "SELECT fault":
			return nil, errors.New("conversion of " + secret + " failed")
		case "SELECT panic":
			panic("cannot read " + secret)
		case "SELECT fault later", "SELECT panic later":
			batches = func(i int) (arrow.RecordBatch, error) {
				switch {
				case i < 600:
					return counted(make([]int64, 2048)...), nil
				case sql == "SELECT panic later":
					panic("cannot read " + secret)
				}
				return nil, errors.New("conversion of " + secret + " failed")
			}
		case "SELECT busy":
			return nil, gatehouse.Errorf(gatehouse.CodeBusy, "Every engine is taken.")
		case "SELECT stale":
			return nil, gatehouse.Errorf(gatehouse.CodeListsStale, "The opt-out list is too old.")
		case "SELECT conflict":
			return nil, gatehouse.Errorf(gatehouse.CodeRequestState, "It is being reviewed.")
		case "SELECT huge":
			return nil, gatehouse.Errorf(gatehouse.CodeTooLarge, "The result is too large.")
		default:
			return nil, gatehouse.Errorf(gatehouse.CodeBind, "There is no such table.")
		}
	}
	record, _ := json.Marshal(answer.Disclosure)
	labels := arrow.NewMetadata([]string{egress.DisclosureKey}, []string{string(record)})
	answer.Schema = arrow.NewSchema(schema.Fields(), &labels)
	g.mu.Lock()
	g.open++
	g.mu.Unlock()
	answer.Reader = &scriptedReader{gate: g, schema: schema, batches: batches}
	return answer, nil
}

func (g *scriptedGate) ScratchTables(context.Context, *workspaces.Session) ([]catalog.Table, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.scratch), nil
}

type scriptedReader struct {
	gate     *scriptedGate
	schema   *arrow.Schema
	batches  func(i int) (arrow.RecordBatch, error)
	i        int
	current  arrow.RecordBatch
	err      error
	released bool
}

func (r *scriptedReader) Retain() {}
func (r *scriptedReader) Release() {
	r.gate.mu.Lock()
	defer r.gate.mu.Unlock()
	if r.released {
		panic("a reader was released twice")
	}
	r.released = true
	r.gate.open--
	r.gate.changed.Broadcast()
}
func (r *scriptedReader) Schema() *arrow.Schema          { return r.schema }
func (r *scriptedReader) RecordBatch() arrow.RecordBatch { return r.current }
func (r *scriptedReader) Record() arrow.RecordBatch      { return r.current }
func (r *scriptedReader) Err() error                     { return r.err }
func (r *scriptedReader) Next() bool {
	r.current, r.err = r.batches(r.i)
	r.i++
	return r.current != nil && r.err == nil
}

func once(batch arrow.RecordBatch) func(int) (arrow.RecordBatch, error) {
	return func(i int) (arrow.RecordBatch, error) {
		if i > 0 {
			return nil, nil
		}
		return batch, nil
	}
}

func counted(n ...int64) arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, countSchema)
	defer b.Release()
	b.Field(0).(*array.Int64Builder).AppendValues(n, nil)
	return b.NewRecordBatch()
}

// numberedRows are at most 2,048 rows from number from on, nil past the end.
func numberedRows(from, end int) arrow.RecordBatch {
	if from >= end {
		return nil
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, rowsSchema)
	defer b.Release()
	for i := from; i < min(from+2048, end); i++ {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
		b.Field(1).(*array.Float64Builder).Append(float64(i) / 2)
		b.Field(2).(*array.StringBuilder).Append("row " + strconv.Itoa(i))
	}
	return b.NewRecordBatch()
}

// desk is Sessions over fixed tokens.
type desk struct {
	mu      sync.Mutex
	tokens  map[string]gatehouse.Principal
	expired bool // the project, for everybody
	broken  bool // authentication itself fails
}

func newDesk() *desk {
	return &desk{tokens: map[string]gatehouse.Principal{
		"ada-1":   {User: "ada", Session: "tok_1", Workspace: "diabetes"},
		"ada-2":   {User: "ada", Session: "tok_2", Workspace: "diabetes"},
		"grace-1": {User: "grace", Session: "tok_3", Workspace: "diabetes"},
	}}
}

func (d *desk) Authenticate(_ context.Context, bearer string) (gatehouse.Principal, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.broken {
		return gatehouse.Principal{}, errors.New("state database is locked: " + secret)
	}
	p, ok := d.tokens[bearer]
	if !ok {
		return gatehouse.Principal{}, gatehouse.Errorf(gatehouse.CodeUnauthenticated, "The token is not known.")
	}
	return p, nil
}

func (d *desk) Enter(_ context.Context, p gatehouse.Principal) (*workspaces.Session, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.expired {
		return nil, gatehouse.Errorf(gatehouse.CodeProjectExpired, "The project ended on 1 May.")
	}
	return &workspaces.Session{
		Principal: p,
		Workspace: workspaces.Workspace{ID: p.Workspace, Project: p.Workspace},
		Mounts: []workspaces.Mount{{Tables: []catalog.Table{
			{Name: "person", Description: "Everyone registered", Columns: []catalog.Column{
				{Name: "person_id", Type: "VARCHAR", Class: catalog.ClassPerson, Description: "Project pseudonym"},
				{Name: "birth_year", Type: "INTEGER", Class: catalog.ClassDimension},
				{Name: "registered", Type: "DATE", Class: catalog.ClassDate, Grain: "month"},
			}},
			{Name: "icd10", Public: true, Columns: []catalog.Column{
				{Name: "code", Type: "VARCHAR", Class: catalog.ClassReference},
				{Name: "weight", Type: "DECIMAL(9,2)", Class: catalog.ClassReference},
			}},
		}}},
	}, nil
}

func (d *desk) set(change func(*desk)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d)
}

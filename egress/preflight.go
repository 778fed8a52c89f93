package egress

import (
	"context"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// EXPLAIN GATE says how a question would be typed, by which rules its numbers
// would be judged, and at which part it is refused. It is made from the bound plan
// alone: no vault is asked, nothing is released, and the ledger of what left does
// not know of it. The journal does (query.explained).

// OutcomeExplained is the outcome of an EXPLAIN GATE: nothing was read, nothing left.
const OutcomeExplained Outcome = "explained"

// Preflight is what EXPLAIN GATE says of a statement.
type Preflight struct {
	ID           string   `json:"id" doc:"Under which the journal has it"`
	Policy       string   `json:"policy" doc:"By which the question would be judged, name@version"`
	Aggregations int      `json:"aggregations" doc:"Into how many aggregations of people the question is taken apart"`
	Refused      *Refusal `json:"refused,omitempty" doc:"Why it would not be answered, whatever the data are"`
	Steps        []Step   `json:"steps" nullable:"false" doc:"The typed tree, what is done first first; where the statement is refused, the refusal comes last"`
}

// Refusal is why a statement is not answered, and what to do instead.
type Refusal struct {
	Code     gatehouse.Code `json:"code"`
	Sentence string         `json:"sentence"`
	Advice   string         `json:"advice"`
	Part     string         `json:"part,omitempty" doc:"The part of the statement that is refused, in SQL over the names of columns"`
}

// Step is one node of the typed tree, one number of it, or how it ends.
type Step struct {
	Step   int    `json:"step" doc:"1, 2, …"`
	Depth  int    `json:"depth" doc:"How deep in the tree: 0 for the answer"`
	Engine string `json:"engine,omitempty" doc:"Where it is done: vault (among people's rows) or lobby (with protected numbers alone)"`
	Kind   string `json:"kind" doc:"people, public, protected aggregate; the class of a number; answer, workspace table or refused"`
	What   string `json:"what" doc:"In SQL over the names of columns, with the statement's own literals"`
	Rule   string `json:"rule,omitempty" doc:"Of the policy, that will judge it; of a refusal, its code"`
	Note   string `json:"note,omitempty"`
	Advice string `json:"advice,omitempty" doc:"What to do instead"`
}

// Explain says how a statement would be judged, without touching data: a SELECT,
// or what else the gate takes, with or without EXPLAIN GATE before it. params is
// nil or one row of values, in the order of the parameters. A statement that does not
// parse or bind is an error; one that the gate would refuse is explained.
func (g *Gate) Explain(ctx context.Context, s *workspaces.Session, sql string, params arrow.RecordBatch) (*Preflight, error) {
	q, err := g.open(ctx, s, sql)
	q.explains = true
	if err == nil {
		var p *Preflight
		if p, err = q.preflight(ctx, params); err == nil {
			return p, nil
		}
	}
	return nil, g.refuse(ctx, q, err)
}

// explainGate cuts EXPLAIN GATE off a statement.
func explainGate(sql string) (rest string, ok bool) {
	rest = sql
	for _, word := range []string{"EXPLAIN", "GATE"} {
		if rest, ok = afterBlanks(rest); !ok || len(rest) < len(word) || !strings.EqualFold(rest[:len(word)], word) {
			return sql, false
		}
		rest = rest[len(word):]
		if r, _ := utf8.DecodeRuneInString(rest); rest != "" && (r == '_' || r == '$' || r == '.' || unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return sql, false
		}
	}
	if begin, ok := afterBlanks(rest); ok {
		rest = begin
	}
	return strings.TrimFunc(rest, blank), true
}

// blank knows what DuckDB takes for a space.
func blank(r rune) bool { return unicode.IsSpace(r) || r == '\u200b' || r == '\ufeff' }

// afterBlanks is the text behind spaces and comments; false in a comment that
// does not end, or that holds another, which some read in one way and some in another.
func afterBlanks(sql string) (string, bool) {
	for {
		sql = strings.TrimLeftFunc(sql, blank)
		switch {
		case strings.HasPrefix(sql, "--"):
			end := strings.IndexAny(sql, "\r\n")
			if end < 0 {
				return "", true
			}
			sql = sql[end:]
		case strings.HasPrefix(sql, "/*"):
			end := strings.Index(sql[2:], "*/")
			if end < 0 || strings.Contains(sql[2:2+end], "/*") {
				return sql, false
			}
			sql = sql[2+end+2:]
		default:
			return sql, true
		}
	}
}

// preflight explains the question and journals that it was asked.
func (q *question) preflight(ctx context.Context, params arrow.RecordBatch) (*Preflight, error) {
	values, err := parameters(params)
	if err != nil {
		return nil, err
	}
	if _, err := keptParameters(params); err != nil { // too large to ask with
		return nil, err
	}
	p := &Preflight{ID: q.decision.ID, Policy: q.policy.FullName()}
	t := &telling{q: q, p: p, seen: map[plan.Node]bool{}}
	err = q.bind(ctx, values)
	if err == nil {
		err = t.accepted()
	}
	if err != nil {
		refusal := refusalOf(err)
		if refusal == nil {
			return nil, err
		}
		if cause := gatehouse.Public(err).Err; cause != nil && q.gate.Log != nil {
			q.gate.Log.Warn("explained refusal", "decision", q.decision.ID, "code", refusal.Code, "cause", cause.Error())
		}
		t.refused(err, refusal)
	}
	for i := range p.Steps {
		p.Steps[i].Step = i + 1
	}
	detail := map[string]string{"outcome": string(OutcomeExplained), "policy": p.Policy}
	if p.Refused != nil {
		detail["code"] = string(p.Refused.Code)
	}
	q.decision.Time = q.gate.Now().UTC()
	if err := q.gate.Ledger.Record(ctx, q.event("query.explained", detail)); err != nil {
		return nil, gatehouse.Errorf(gatehouse.CodeJournal, "The question could not be journaled, so it is not answered.").Because(err)
	}
	return p, nil
}

// refusalOf gives the refusal that an error is; nil for errors of another kind:
// SQL that does not parse or bind, and what broke on the way.
func refusalOf(err error) *Refusal {
	var broken *EngineFailure
	if errors.As(err, &broken) {
		return nil
	}
	e := gatehouse.Public(err)
	if e.Kind() != gatehouse.KindDenied && e.Code != gatehouse.CodeTooLarge {
		return nil
	}
	return &Refusal{Code: e.Code, Sentence: e.Message, Advice: e.Advice, Part: partOf(err)}
}

// partOf is the part of the statement that a refusal is about; "" where it is not
// known, or is all of it.
func partOf(err error) string {
	var r *plan.Refused
	if errors.As(err, &r) {
		return r.Part
	}
	return ""
}

// pointed puts the refused part of the statement into the sentence of a refusal.
func pointed(err error) error {
	part := partOf(err)
	if part == "" {
		return err
	}
	e := *gatehouse.Public(err)
	e.Message = strings.TrimSuffix(e.Message, ".") + ", in `" + part + "`."
	return &e
}

// preflightFields are the columns of an EXPLAIN GATE, in order.
var preflightFields = []arrow.Field{
	{Name: "step", Type: arrow.PrimitiveTypes.Int32}, {Name: "depth", Type: arrow.PrimitiveTypes.Int32},
	{Name: "engine", Type: arrow.BinaryTypes.String, Nullable: true}, {Name: "kind", Type: arrow.BinaryTypes.String}, {Name: "what", Type: arrow.BinaryTypes.String},
	{Name: "rule", Type: arrow.BinaryTypes.String, Nullable: true}, {Name: "note", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "advice", Type: arrow.BinaryTypes.String, Nullable: true},
}

// explained answers an EXPLAIN GATE with a table.
func (q *question) explained(ctx context.Context, params arrow.RecordBatch) (*Answer, error) {
	p, err := q.preflight(ctx, params)
	if err != nil {
		return nil, err
	}
	q.committed = true // what fails from here on is journaled as the failure of an answer
	table := p.table()
	defer table.Release()
	reader, err := array.NewRecordReader(table.Schema(), []arrow.RecordBatch{table})
	if err != nil {
		return nil, err
	}
	q.decision.Outcome = OutcomeExplained
	d := q.disclosure(OutcomeExplained)
	d.Refused = p.Refused
	return answerOf(d, reader)
}

// table is one row for each step; NULL for what a step does not have.
func (p *Preflight) table() arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(preflightFields, nil))
	defer b.Release()
	for _, s := range p.Steps {
		b.Field(0).(*array.Int32Builder).Append(int32(s.Step))
		b.Field(1).(*array.Int32Builder).Append(int32(s.Depth))
		for i, text := range []string{s.Engine, s.Kind, s.What, s.Rule, s.Note, s.Advice} {
			column := b.Field(2 + i).(*array.StringBuilder)
			if text == "" && preflightFields[2+i].Nullable {
				column.AppendNull()
			} else {
				column.Append(text)
			}
		}
	}
	return b.NewRecordBatch()
}

// explainedShape describes an EXPLAIN GATE: its own columns, and the statement's
// parameters, as far as they can be told of one that is refused.
func (q *question) explainedShape(ctx context.Context) (*Shape, error) {
	err := q.bind(ctx, nil)
	if err != nil && refusalOf(err) == nil {
		return nil, err
	}
	var asked []*plan.Param
	switch {
	case q.stmt != nil:
		asked = q.stmt.Params
	case q.bound != nil:
		asked = plan.Parameters(q.bound.Plan)
	}
	return &Shape{Schema: arrow.NewSchema(preflightFields, nil), Parameters: parameterSchema(asked)}, nil
}

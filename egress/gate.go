package egress

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/catalog/codelist"
	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Vaults starts, on demand, the vault of a workspace.
type Vaults interface {
	// Vault gives the running vault of the session's workspace, with exactly the
	// tables and the population of the session. done must be called when the
	// question is over.
	Vault(ctx context.Context, s *workspaces.Session) (v Vault, done func(), err error)
}

// Gate answers questions: docs/life-of-a-query.md walks through it.
type Gate struct {
	Binder Binder
	Lobby  Lobby
	Vaults Vaults
	Ledger Ledger
	// Histories are what a new answer is judged against; without them nothing is answered.
	Histories *Histories
	// Versions gives the versions that something was released of before a project
	// moved to another; nil: nothing is answered then.
	Versions Versions
	// Policies gives the rules of a project; nil: only built-in ones.
	Policies *Policies
	// Now is the clock.
	Now func() time.Time
	// TimeLimit bounds one question; 0 for 2 minutes.
	TimeLimit time.Duration
	// Log is the operator's; it may hold causes that no researcher sees.
	Log *slog.Logger

	ending     sync.WaitGroup // ends of answers that are being journaled
	unrepeated verified       // what checkPublicJoins found in order
}

// question is one statement on its way through the gate.
type question struct {
	gate     *Gate
	session  *workspaces.Session
	sql      string
	said     string // what was asked, where sql is a SELECT that stands for it (describe.go)
	policy   disclosure.Policy
	tables   []*plan.Table
	scratch  []ScratchTable
	bound    *Bound
	stmt     *plan.Statement
	decision Decision

	explains  bool   // EXPLAIN GATE: nothing is read, and the ledger does not know of it
	committed bool   // the decision is in the ledger
	left      func() // lets others be judged

	// scopes are what was released before, the project's own view first; nil until
	// something is judged.
	scopes []*scope
	totals bool // public totals that the ledger does not have go there with the decision
}

// maxStatement is the longest statement in bytes.
const maxStatement = 256 << 10

// Describe says what a statement would give, without touching data. A refusal is
// journaled, as of a question that is asked: most clients prepare first.
func (g *Gate) Describe(ctx context.Context, s *workspaces.Session, sql string) (*Shape, error) {
	q, err := g.open(ctx, s, sql)
	if err == nil {
		var shape *Shape
		if shape, err = q.described(ctx); err == nil {
			return shape, nil
		}
	}
	return nil, g.refuse(ctx, q, err)
}

func (q *question) described(ctx context.Context) (*Shape, error) {
	if q.explains {
		return q.explainedShape(ctx)
	}
	if err := q.bind(ctx, nil); err != nil {
		return nil, pointed(err)
	}
	return q.shape()
}

// ScratchTables lists the tables that the workspace made for itself.
func (g *Gate) ScratchTables(ctx context.Context, s *workspaces.Session) ([]catalog.Table, error) {
	kept, err := g.Ledger.Scratch(ctx, s.Workspace.ID)
	if err != nil {
		return nil, err
	}
	out := make([]catalog.Table, len(kept))
	for i, t := range kept {
		out[i] = t.Table
	}
	return out, nil
}

// Ask decides a question. When it returns an answer, the decision, the ledger
// entry and the journal's event are committed; a refusal is journaled too.
// params is nil or one row of values, in the order of the parameters.
func (g *Gate) Ask(ctx context.Context, s *workspaces.Session, sql string, params arrow.RecordBatch) (*Answer, error) {
	limit := g.TimeLimit
	if limit == 0 {
		limit = 2 * time.Minute
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errTimeLimit)
	q, err := g.open(ctx, s, sql)
	if err == nil {
		var answer *Answer
		if answer, err = q.answer(ctx, params); err == nil {
			answer.Reader = &finishing{RecordReader: answer.Reader, schema: answer.Schema, gate: g, decision: q.decision, ctx: context.WithoutCancel(ctx), cancel: cancel}
			return answer, nil
		}
	}
	defer cancel()
	return nil, g.refuse(ctx, q, err)
}

var errTimeLimit = errors.New("time limit")

// refuse journals a refusal and gives the error to show. A refusal that cannot
// be journaled is a failure of the journal.
func (g *Gate) refuse(ctx context.Context, q *question, cause error) error {
	shown := gatehouse.Public(cause)
	if errors.Is(context.Cause(ctx), errTimeLimit) {
		shown = gatehouse.Errorf(gatehouse.CodeTimeLimit, "The question took longer than is allowed.").Because(cause)
	}
	shown = named(shown, q.decision.ID)
	if shown.Err != nil && g.Log != nil {
		g.Log.Warn("question refused", "decision", q.decision.ID, "code", shown.Code, "cause", shown.Err.Error())
	}
	if q.committed || q.explains { // what was released stays in the ledger, although the answer was not completed
		action := "query.failed"
		if !q.committed {
			action = "query.refused"
		}
		event := q.event(action, map[string]string{"code": string(shown.Code)})
		if err := g.Ledger.Record(context.WithoutCancel(ctx), event); err != nil {
			return gatehouse.Errorf(gatehouse.CodeJournal, "The failure of the question could not be journaled.").Because(err)
		}
		return shown
	}
	q.decision.Time = g.Now().UTC()
	d := q.decision
	d.Outcome, d.Code, d.Sentence, d.Disclosure, d.Entries = OutcomeRefused, shown.Code, shown.Message, nil, nil
	if err := g.Ledger.Commit(context.WithoutCancel(ctx), d, ScratchChange{}, q.event("query.refused", map[string]string{"code": string(shown.Code)})); err != nil {
		return gatehouse.Errorf(gatehouse.CodeJournal, "The question could not be journaled, so it is not answered.").Because(err)
	}
	return shown
}

// named adds the decision's id to what is shown, for whoever is asked about it.
func named(e *gatehouse.Error, id string) *gatehouse.Error {
	out := *e
	out.Advice = strings.TrimSpace(e.Advice + " [" + id + "]")
	return &out
}

// open prepares a question. The question is never nil, so that even its refusal
// can be journaled.
func (g *Gate) open(ctx context.Context, s *workspaces.Session, sql string) (*question, error) {
	q := &question{gate: g, session: s, sql: sql, said: sql}
	q.decision = Decision{ID: gatehouse.NewID("qry"), Time: g.Now().UTC(), Project: s.Project.ID, Workspace: s.Workspace.ID, User: s.Principal.User,
		Session: s.Principal.Session, SQL: sql, Policy: s.Project.Policy}
	for _, m := range s.Mounts {
		q.decision.Datasets = append(q.decision.Datasets, m.Version.Name())
		q.decision.Populations = append(q.decision.Populations, m.Digest)
	}
	if len(sql) > maxStatement {
		q.decision.SQL = ""
		return q, gatehouse.Errorf(gatehouse.CodeTooLarge, "The statement is longer than 256 KiB.").WithAdvice("Ask in parts, with shorter lists.")
	}
	q.sql, q.explains = explainGate(sql)
	q.said = q.sql
	var err error
	if q.policy, err = g.Policies.Named(ctx, s.Project.Policy); err != nil {
		return q, err
	}
	q.decision.Policy = q.policy.FullName()
	if q.scratch, err = g.Ledger.Scratch(ctx, s.Workspace.ID); err != nil {
		return q, err
	}
	q.tables = tablesOf(s, q.scratch)
	q.sql = q.listing(q.sql)
	return q, nil
}

// tablesOf lists what a statement may name: the approved tables and the
// workspace's own.
func tablesOf(s *workspaces.Session, scratch []ScratchTable) []*plan.Table {
	var out []*plan.Table
	for _, m := range s.Mounts {
		for _, t := range m.Tables {
			out = append(out, &plan.Table{Name: t.Name, Public: t.Public, Columns: t.Columns, Source: plan.Ident(t.Name), Once: t.People > 0 && t.Rows == t.People})
		}
	}
	for _, c := range s.Codelists {
		t := &plan.Table{Name: codelist.Schema + "." + c.Name, Schema: codelist.Schema, Public: true, Columns: codelistColumns}
		t.Source = t.Quoted()
		out = append(out, t)
	}
	for _, t := range scratch {
		if t.View != "" {
			continue // the binder puts in what it stands for
		}
		out = append(out, &plan.Table{Name: t.Table.Name, Columns: t.Table.Columns, Source: "scratch.main." + plan.Ident(t.Table.Name), Stored: t.stored(), Known: t.Known, Once: t.Once, Repeats: t.Repeats, Degree: t.Degree, Made: " " + t.Made.Format(time.RFC3339Nano)})
	}
	return out
}

// codelistColumns are the columns of every codelist.
var codelistColumns = func() (out []catalog.Column) {
	for _, name := range codelist.Columns {
		out = append(out, catalog.Column{Name: name, Type: "VARCHAR", Class: catalog.ClassReference})
	}
	return out
}()

// engineError hides an engine's words behind a fixed code.
func engineError(err error, sentence string) error {
	if e := (*gatehouse.Error)(nil); errors.As(err, &e) {
		return e
	}
	var f *EngineFailure
	code := gatehouse.CodeInternal
	if errors.As(err, &f) {
		switch f.Kind {
		case FailureArithmetic:
			code, sentence = gatehouse.CodeArithmetic, "The arithmetic of the question failed."
		case FailureMemory:
			code, sentence = gatehouse.CodeTooLarge, "The question needs more memory than a workspace has."
		case FailureTime:
			code, sentence = gatehouse.CodeTimeLimit, "The question took longer than is allowed."
		case FailureCancelled:
			code, sentence = gatehouse.CodeCancelled, "The question was cancelled."
		case FailureLost:
			code, sentence = gatehouse.CodeEngineLost, "The workspace engine stopped before the answer was complete."
		case FailureMissing:
			code, sentence = gatehouse.CodeEngineMissing, "The workspace engine could not be started."
		}
		return gatehouse.Errorf(code, "%s", sentence).Because(fmt.Errorf("%w: %s", err, f.Cause))
	}
	if errors.Is(err, context.Canceled) {
		code, sentence = gatehouse.CodeCancelled, "The question was cancelled."
	}
	return gatehouse.Errorf(code, "%s", sentence).Because(err)
}

func vaultError(err error) error { return engineError(err, "The question could not be answered.") }

// answer takes the statement through the gate.
func (q *question) answer(ctx context.Context, params arrow.RecordBatch) (*Answer, error) {
	if q.explains {
		return q.explained(ctx, params)
	}
	values, err := parameters(params)
	if err != nil {
		return nil, err
	}
	if q.decision.Parameters, err = keptParameters(params); err != nil {
		return nil, err
	}
	if err := q.bind(ctx, values); err != nil {
		return nil, pointed(err)
	}
	switch {
	case q.stmt.Drop != "":
		return q.drop(ctx)
	case q.stmt.Create != "":
		return q.create(ctx)
	}
	return q.selectAnswer(ctx)
}

// selectAnswer judges every protected aggregate, commits the decision, and lets
// the lobby finish the query.
func (q *question) selectAnswer(ctx context.Context) (*Answer, error) {
	tables := map[string]arrow.RecordBatch{}
	defer func() {
		for _, t := range tables {
			t.Release()
		}
	}()
	defer q.leave(false)
	lobby := &plan.Printer{Protected: map[*plan.Aggregate]string{}}
	disclosed, err := q.protectAll(ctx, lobby, tables)
	if err != nil {
		return nil, err
	}
	lobby.Gaps = len(disclosed.Suppressed) > 0
	names := make([]string, len(q.bound.Columns))
	for i, c := range q.bound.Columns {
		names[i] = c.Name
	}
	sql, err := lobby.Statement(q.stmt.Root, names)
	if err != nil {
		return nil, err
	}
	q.decision.Outcome, q.decision.Time = disclosed.Outcome, q.gate.Now().UTC()
	if !disclosed.Reused {
		disclosed.Decided = q.decision.Time
	}
	q.decision.Disclosure = &disclosed
	// The lobby works while the decision is committed; nothing of what it makes
	// is given to anybody before the commit is done.
	finished := make(chan lobbyAnswer, 1)
	go func() { finished <- q.finishInLobby(ctx, tables, sql) }()
	failed := q.commit(ctx, ScratchChange{}, "query.decided")
	q.leave(failed == nil)
	made := <-finished
	switch {
	case failed != nil:
		if made.err == nil {
			made.reader.Release()
		}
		return nil, failed
	case made.err != nil:
		return nil, made.err
	}
	return answerOf(disclosed, made.reader)
}

type lobbyAnswer struct {
	reader array.RecordReader
	err    error
}

// lobbyLimit bounds what is done with protected numbers, which are few: lobbies
// are shared.
const lobbyLimit = 20 * time.Second

func (q *question) finishInLobby(ctx context.Context, tables map[string]arrow.RecordBatch, sql string) lobbyAnswer {
	running, stop := context.WithCancelCause(ctx) // ends with ctx, which lives as long as the answer
	timer := time.AfterFunc(lobbyLimit, func() { stop(errTimeLimit) })
	reader, err := q.gate.Lobby.Run(running, tables, sql)
	timer.Stop()
	switch {
	case err == nil:
		return lobbyAnswer{reader: reader}
	case errors.Is(context.Cause(running), errTimeLimit):
		err = gatehouse.Errorf(gatehouse.CodeTimeLimit, "What is done with the protected results takes longer than is allowed.").Because(err)
	default:
		err = engineError(err, "The protected results could not be combined.")
	}
	stop(nil)
	return lobbyAnswer{err: err}
}

func answerOf(d Disclosure, reader array.RecordReader) (*Answer, error) {
	record, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	schema := reader.Schema()
	metadata := arrow.NewMetadata([]string{DisclosureKey}, []string{string(record)})
	return &Answer{Disclosure: d, Schema: arrow.NewSchema(schema.Fields(), &metadata), Reader: reader}, nil
}

// protectAll runs the protected aggregates, those that others are made from
// first, and gives the lobby everything that its SQL will read.
func (q *question) protectAll(ctx context.Context, lobby *plan.Printer, tables map[string]arrow.RecordBatch) (Disclosure, error) {
	d := q.disclosure(OutcomeReleased)
	d.Suppressed = map[string]int{}
	aggregates, back, public := plan.Frontier(q.stmt.Root)
	var vault Vault
	if len(aggregates)+len(public) > 0 {
		v, done, err := q.gate.Vaults.Vault(ctx, q.session)
		if err != nil {
			return d, engineError(err, "The workspace engine could not be started.")
		}
		defer done()
		vault = v
	}
	if err := checkAggregations(aggregates); err != nil {
		return d, err
	}
	for i, agg := range aggregates {
		p, err := q.protect(ctx, vault, agg)
		if err != nil {
			return d, err
		}
		name := "p" + strconv.Itoa(i)
		tables[name] = p.table
		lobby.Protected[agg] = name
		if back[agg] {
			if agg.Released, err = literalTable(p.table); err != nil {
				return d, err
			}
		}
		q.account(&d, agg, p)
		q.explain(&d, agg, p)
	}
	for _, t := range public {
		batch, err := readAll(ctx, vault, "SELECT * FROM "+t.Source)
		if err != nil {
			return d, err
		}
		tables[t.Name] = batch
	}
	return d, nil
}

// account adds what became of one protected table to the disclosure record and
// the ledger.
func (q *question) account(d *Disclosure, agg *plan.Aggregate, p *protected) {
	for rule, n := range p.suppressed {
		d.Suppressed[string(rule)] += n
	}
	if len(agg.Groups) > 0 { // whether a group was left out would tell whether few people are in one
		d.Groups = "some"
	}
	if p.incomplete(agg) {
		d.Outcome = OutcomeSuppressed
	}
	q.decision.Entries = append(q.decision.Entries, Entry{Source: p.source, Digest: digest(p.table), Groups: int(p.table.NumRows()), Cells: p.cells, Cohorts: p.cohorts, Totals: p.totals, Answer: p.kept})
	d.reuse(p.earlier)
}

// commit keeps the decision. Without it nothing leaves.
func (q *question) commit(ctx context.Context, change ScratchChange, action string) error {
	detail := map[string]string{"outcome": string(q.decision.Outcome), "policy": q.decision.Policy}
	for i, e := range q.decision.Entries {
		detail["released_"+strconv.Itoa(i)] = e.Digest
	}
	if err := q.gate.Ledger.Commit(ctx, q.decision, change, q.event(action, detail)); err != nil {
		return gatehouse.Errorf(gatehouse.CodeJournal, "The decision could not be journaled, so nothing leaves.").Because(err)
	}
	q.committed = true
	return nil
}

// event is a journal event of this question. Its SQL stands there as a hash:
// what a researcher types may name people.
func (q *question) event(action string, detail map[string]string) gatehouse.Event {
	sum := sha256.Sum256([]byte(q.said))
	detail["sql_sha256"] = hex.EncodeToString(sum[:])
	detail["workspace"] = q.decision.Workspace
	detail["datasets"] = strings.Join(q.decision.Datasets, " ")
	return gatehouse.Event{Time: q.decision.Time, Actor: q.decision.User, Action: action, Project: q.decision.Project, Subject: q.decision.ID, Detail: detail}
}

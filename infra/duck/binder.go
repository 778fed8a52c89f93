//go:build duckdb_arrow

package duck

import (
	"container/list"
	"context"
	"crypto/sha256"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/gatehouse-tre/gatehouse/egress"
)

// heldSchemas is how many empty databases a binder keeps.
const heldSchemas = 64

// Binder binds SQL in empty databases. It parses and plans, and runs nothing.
type Binder struct {
	spares *spares

	mu      sync.Mutex // one bind at a time; guards the rest
	schemas map[[sha256.Size]byte]*list.Element
	recent  list.List // of *schema, the most recent first
}

// schema is an empty database with the tables of one ddl.
type schema struct {
	key         [sha256.Size]byte
	db          *duckdb.Connector
	conn        *duckdb.Conn
	tree, plans driver.Stmt // prepared; each takes texts and gives as many
}

// NewBinder makes a binder.
func NewBinder(limits Limits) *Binder {
	limits.Threads = 1 // it runs nothing
	return &Binder{spares: newSpares(1, limits.settings(), closed), schemas: make(map[[sha256.Size]byte]*list.Element)}
}

// Close closes the databases.
func (b *Binder) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spares.close()
	for b.recent.Len() > 0 {
		b.forgetOldest()
	}
	return nil
}

// The kinds of statements that are not DuckDB's own names.
const (
	kindMultiple      = "MULTIPLE"       // more than one statement, or a PIVOT that needs several
	kindTableFunction = "TABLE_FUNCTION" // a SELECT from a table function that may act when it is bound
)

// Bind implements egress.Binder. Only what is known to be a single SELECT, or
// one of the statements that the gate accepts around one, is planned at all,
// and only if its parse tree names no table function but the harmless ones:
// some of DuckDB's act while they are bound. Every other statement comes back
// by its kind alone.
func (b *Binder) Bind(ctx context.Context, ddl []string, sql string) (*egress.Bound, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, err := b.schema(ctx, ddl)
	if err != nil {
		return nil, failure(ctx, err)
	}
	bound, err := s.bind(ctx, sql)
	if refusal := (*egress.BindFailure)(nil); errors.As(err, &refusal) {
		return nil, refusal
	}
	if err != nil {
		b.forget(s) // it may be broken
		return nil, failure(ctx, err)
	}
	return bound, nil
}

func (b *Binder) schema(ctx context.Context, ddl []string) (*schema, error) {
	hash := sha256.New()
	for _, s := range ddl {
		hash.Write([]byte(strconv.Itoa(len(s)) + ":" + s))
	}
	var key [sha256.Size]byte
	hash.Sum(key[:0])
	if held, ok := b.schemas[key]; ok {
		b.recent.MoveToFront(held)
		return held.Value.(*schema), nil
	}
	s, err := newSchema(ctx, b.spares, ddl)
	if err != nil {
		return nil, err
	}
	for b.recent.Len() >= heldSchemas {
		b.forgetOldest()
	}
	s.key = key
	b.schemas[key] = b.recent.PushFront(s)
	return s, nil
}

func newSchema(ctx context.Context, from *spares, ddl []string) (s *schema, err error) {
	s = &schema{}
	if s.db, err = from.take(ctx); err != nil {
		return nil, err
	}
	from.refill()
	made := s // what is returned is nil if it fails
	defer func() {
		if err != nil {
			made.close()
		}
	}()
	if s.conn, err = connect(ctx, s.db); err != nil {
		return nil, err
	}
	tables, views := split(ddl)
	if err = execAll(ctx, s.conn, tables); err != nil {
		return nil, err
	}
	s.tree, err = s.conn.PrepareContext(ctx, "SELECT json_serialize_sql($1::VARCHAR)::VARCHAR")
	if err != nil {
		return nil, err
	}
	if err = s.makeViews(ctx, views); err != nil {
		return nil, err
	}
	s.plans, err = s.conn.PrepareContext(ctx,
		"SELECT json_serialize_plan($1::VARCHAR)::VARCHAR, json_serialize_plan($2::VARCHAR)::VARCHAR")
	return s, err
}

// split tells the views of a ddl from its tables.
func split(ddl []string) (tables, views []string) {
	for _, s := range ddl {
		if strings.HasPrefix(s, "CREATE VIEW ") {
			views = append(views, s)
		} else {
			tables = append(tables, s)
		}
	}
	return tables, views
}

// makeViews makes the views that bind, in whatever order they read each other. A
// view is one SELECT that was bound before; that it still is one is made sure of,
// so that nothing else is ever run here.
func (s *schema) makeViews(ctx context.Context, views []string) error {
	for len(views) > 0 {
		var left []string
		for _, v := range views {
			st := dissect(v)
			if st.kind != "CREATE_VIEW" {
				continue
			}
			if tree, err := s.parse(ctx, st.query); err != nil || tree.refused() != "" {
				continue
			}
			if _, err := s.conn.ExecContext(ctx, v, nil); err != nil {
				if ctx.Err() != nil {
					return err
				}
				left = append(left, v)
			}
		}
		if len(left) == len(views) {
			return nil // they read what is gone
		}
		views = left
	}
	return nil
}

func (s *schema) close() {
	for _, stmt := range []driver.Stmt{s.tree, s.plans} {
		if stmt != nil {
			stmt.Close()
		}
	}
	if s.conn != nil {
		s.conn.Close()
	}
	s.db.Close()
}

func (b *Binder) forgetOldest() { b.forget(b.recent.Back().Value.(*schema)) }

func (b *Binder) forget(s *schema) {
	b.recent.Remove(b.schemas[s.key])
	delete(b.schemas, s.key)
	s.close()
}

func (s *schema) bind(ctx context.Context, sql string) (*egress.Bound, error) {
	if strings.ContainsRune(sql, 0) {
		return nil, &egress.BindFailure{Syntax: true, Message: "a NUL byte in the statement", Position: strings.IndexByte(sql, 0)}
	}
	if !utf8.ValidString(sql) {
		return nil, &egress.BindFailure{Syntax: true, Message: "the statement is not UTF-8", Position: -1}
	}
	tree, err := s.parse(ctx, sql)
	if err == nil {
		return s.bindSelect(ctx, sql, tree)
	}
	if !errors.Is(err, errNotSelect) {
		return nil, err
	}
	st := dissect(sql)
	switch st.kind {
	case "DROP":
		plan, _, err := s.plan(ctx, sql, "")
		if err != nil {
			return nil, err
		}
		return &egress.Bound{Statement: st.kind, Plan: plan.raw}, nil
	case "CREATE_TABLE", "CREATE_VIEW":
		return s.bindCreate(ctx, sql, st)
	}
	return &egress.Bound{Statement: st.kind}, nil
}

func (s *schema) bindSelect(ctx context.Context, sql string, tree parsed) (*egress.Bound, error) {
	if kind := tree.refused(); kind != "" {
		return &egress.Bound{Statement: kind}, nil
	}
	plan, columns, err := s.plan(ctx, sql, sql)
	if err != nil {
		return nil, err
	}
	return &egress.Bound{Statement: "SELECT", Plan: plan.raw, Tree: tree.raw, Columns: columns}, nil
}

// bindCreate binds a CREATE … AS whose inner SELECT was cut out of it, and is
// held to the same rules as a SELECT by itself.
func (s *schema) bindCreate(ctx context.Context, sql string, st statement) (*egress.Bound, error) {
	tree, err := s.parse(ctx, st.query)
	if errors.Is(err, errNotSelect) {
		return &egress.Bound{Statement: kindMultiple}, nil
	}
	if refusal := (*egress.BindFailure)(nil); errors.As(err, &refusal) {
		if refusal.Position >= 0 {
			refusal.Position += len(sql) - len(st.query)
		}
		return nil, refusal
	}
	if err != nil {
		return nil, err
	}
	if kind := tree.refused(); kind != "" {
		return &egress.Bound{Statement: kind}, nil
	}
	plan, columns, err := s.plan(ctx, sql, st.query)
	if err != nil {
		return nil, err
	}
	for i, name := range plan.created() {
		if i < len(columns) {
			columns[i].Name = name
		}
	}
	bound := &egress.Bound{Statement: st.kind, Plan: plan.raw, Columns: columns}
	if st.kind == "CREATE_VIEW" {
		bound.Query = st.query
	}
	return bound, nil
}

// errNotSelect says that a text parses, but is not made of SELECTs alone.
var errNotSelect = errors.New("duck: not a SELECT")

// parse gives the tree of SELECT statements, errNotSelect, or an *egress.BindFailure.
func (s *schema) parse(ctx context.Context, sql string) (parsed, error) {
	var tree parsed
	raw, err := texts(ctx, s.tree, sql)
	if err != nil {
		return tree, err
	}
	tree.raw = json.RawMessage(raw[0])
	var out struct {
		serializeError
		Statements []any `json:"statements"`
	}
	if err := printed(raw[0], &out); err != nil {
		return tree, err
	}
	if out.Failed {
		if out.Type == "not implemented" && strings.HasPrefix(out.Message, "Only SELECT") {
			return tree, errNotSelect
		}
		return tree, out.failure()
	}
	if len(out.Statements) == 0 {
		return tree, &egress.BindFailure{Syntax: true, Message: "there is no statement", Position: 0}
	}
	tree.statements = out.Statements
	return tree, nil
}

type plan struct {
	raw  json.RawMessage
	info struct {
		Aliases []string `json:"aliases"` // of a view
		Columns struct {
			Columns []struct {
				Name string `json:"name"`
			} `json:"columns"`
		} `json:"columns"` // of a table
	}
}

// created are the column names of the table or view that is made, where they
// differ from the query's.
func (p plan) created() []string {
	if len(p.info.Aliases) > 0 {
		return p.info.Aliases
	}
	var names []string
	for _, c := range p.info.Columns.Columns {
		names = append(names, c.Name)
	}
	return names
}

// plan gives the bound plan of one statement, and the result columns of the one
// SELECT in it, if there is any; or an *egress.BindFailure.
func (s *schema) plan(ctx context.Context, sql, query string) (plan, []egress.BoundColumn, error) {
	if query != "" {
		query = "DESCRIBE " + query
	}
	raw, err := texts(ctx, s.plans, sql, query)
	if err != nil {
		return plan{}, nil, err
	}
	p, err := readPlan(raw[0])
	if refusal := (*egress.BindFailure)(nil); errors.As(err, &refusal) && refusal.Message == internalError && strings.ContainsAny(sql, "$?") {
		// So DuckDB 1.5 fails at a parameter whose type nothing tells.
		refusal.Message = "a parameter's type cannot be told: write a cast, such as $1::INTEGER"
	}
	if err != nil || query == "" {
		return p, nil, err
	}
	columns, err := readDescription(raw[1])
	return p, columns, err
}

func readPlan(raw string) (plan, error) {
	p := plan{raw: json.RawMessage(raw)}
	var out struct {
		serializeError
		Plans []struct {
			Info json.RawMessage `json:"info"`
		} `json:"plans"`
	}
	if err := printed(raw, &out); err != nil {
		return p, err
	}
	if out.Failed {
		return p, out.failure()
	}
	if len(out.Plans) != 1 {
		return p, errors.New("duck: one statement without one plan")
	}
	if len(out.Plans[0].Info) > 0 {
		// Other statements have other shapes of info, which hold no names to take.
		_ = json.Unmarshal(out.Plans[0].Info, &p.info)
	}
	return p, nil
}

// readDescription gives the result columns of a SELECT as DuckDB names and types
// them, from the plan of its description, where they stand as constants.
func readDescription(raw string) ([]egress.BoundColumn, error) {
	var out struct {
		serializeError
		Plans []struct {
			Children []struct {
				Type       string `json:"type"`
				Collection struct {
					Values [][]struct {
						Value any `json:"value"`
					} `json:"values"`
				} `json:"collection"`
			} `json:"children"`
		} `json:"plans"`
	}
	if err := printed(raw, &out); err != nil {
		return nil, err
	}
	if out.Failed {
		return nil, out.failure()
	}
	if len(out.Plans) != 1 || len(out.Plans[0].Children) != 1 || len(out.Plans[0].Children[0].Collection.Values) < 2 {
		return nil, errors.New("duck: a description of another shape")
	}
	values := out.Plans[0].Children[0].Collection.Values
	columns := make([]egress.BoundColumn, len(values[0]))
	for i := range columns {
		name, isName := values[0][i].Value.(string)
		typ, isType := values[1][i].Value.(string)
		if !isName || !isType {
			return nil, errors.New("duck: a description of another shape")
		}
		columns[i] = egress.BoundColumn{Name: name, Type: typ}
	}
	return columns, nil
}

// internalError stands for DuckDB's own words of a fault in itself, which help nobody.
const internalError = "DuckDB cannot plan this statement"

// printed decodes what DuckDB printed. It writes numbers that are not finite as
// JSON does not know them.
func printed(raw string, v any) error {
	err := json.Unmarshal([]byte(raw), v)
	if broken := (*json.SyntaxError)(nil); errors.As(err, &broken) {
		return &egress.BindFailure{Message: "a number in the statement is too large", Position: -1}
	}
	return err
}

// serializeError is how json_serialize_sql and json_serialize_plan say no.
type serializeError struct {
	Failed   bool   `json:"error"`
	Type     string `json:"error_type"`
	Message  string `json:"error_message"`
	Position string `json:"position"`
}

func (e serializeError) failure() *egress.BindFailure {
	f := &egress.BindFailure{Syntax: e.Type == "parser" || e.Type == "syntax", Message: e.Message, Position: -1}
	if n, err := strconv.Atoi(e.Position); err == nil && n >= 0 {
		f.Position = n
	}
	if e.Type == "internal" {
		f.Message = internalError
	}
	return f
}

package egress

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// create makes a workspace table of people. It carries the unit by itself, and
// never answers with a row count. A view is only written down.
func (q *question) create(ctx context.Context) (*Answer, error) {
	s := q.stmt
	exists, err := q.checkCreate()
	if err != nil {
		return nil, err
	}
	if exists && s.IfNotExists {
		q.decision.Outcome = OutcomeKept
		return q.kept(ctx, ScratchChange{}, "workspace.table_kept")
	}
	made := q.madeTable()
	if s.View {
		made.View = q.bound.Query
		return q.kept(ctx, ScratchChange{Put: &made}, "workspace.view_made")
	}
	vault, done, err := q.gate.Vaults.Vault(ctx, q.session)
	if err != nil {
		return nil, engineError(err, "The workspace engine could not be started.")
	}
	defer done()
	sql, err := q.tableSQL(ctx, vault)
	if err != nil {
		return nil, err
	}
	// The state says which tables exist: one that was made and not committed is
	// replaced by the next of its name.
	if err := vault.Exec(ctx, "CREATE OR REPLACE TABLE "+scratchName(s.Create)+" AS "+sql); err != nil {
		return nil, vaultError(err)
	}
	return q.kept(ctx, ScratchChange{Put: &made}, "workspace.table_made")
}

// madeTable is the table or view that the statement makes.
func (q *question) madeTable() ScratchTable {
	s := q.stmt
	made := ScratchTable{Table: catalog.Table{Name: s.Create}, SQL: q.sql, Made: q.decision.Time}
	made.Once, made.Repeats, made.Degree = plan.Once(s.Root), plan.Repeats(s.Root), plan.Degree(s.Root)
	for i, c := range s.Root.Columns() {
		column := catalog.Column{Name: s.Names[i], Type: c.Type.SQL(), Class: c.Class, Grain: c.Grain}
		if c.Identity == plan.Own {
			column.Class, column.Type = catalog.ClassPerson, "VARCHAR"
		}
		made.Table.Columns = append(made.Table.Columns, column)
		made.Known = append(made.Known, c)
	}
	return made
}

// tableSQL is the SELECT by which a vault makes the table.
func (q *question) tableSQL(ctx context.Context, vault Vault) (string, error) {
	if err := q.checkPublicJoins(ctx, vault, q.stmt.Root); err != nil {
		return "", err
	}
	var columns []string
	for i, c := range q.stmt.Root.Columns() {
		if c.Identity != plan.Own {
			columns = append(columns, "c"+strconv.Itoa(i))
		}
	}
	return plan.PrintTable(q.stmt.Root, columns)
}

// checkCreate refuses a workspace table that cannot be made, and says whether there
// is one of the name.
func (q *question) checkCreate() (exists bool, err error) {
	s := q.stmt
	if q.taken(s.Create) {
		return false, gatehouse.Errorf(gatehouse.CodeBind, "A dataset's table has the name %s already.", s.Create).WithAdvice("Choose another name.")
	}
	there, exists := q.own(s.Create)
	what := map[bool]string{false: "table", true: "view"}
	switch {
	case exists && (there.View != "") != s.View:
		return true, gatehouse.Errorf(gatehouse.CodeBind, "The workspace has a %s %s already.", what[!s.View], s.Create).WithAdvice("Choose another name, or drop it first.")
	case exists && s.IfNotExists:
		return true, nil // it stays as it is
	case exists && !s.Replace:
		return true, gatehouse.Errorf(gatehouse.CodeBind, "The workspace has a %s %s already.", what[s.View], s.Create).WithAdvice("Use CREATE OR REPLACE, or another name.")
	case !exists && len(q.scratch) >= maxScratch:
		return false, gatehouse.Errorf(gatehouse.CodeTooLarge, "A workspace has at most %d tables and views of its own.", maxScratch).WithAdvice("Drop some first.")
	case s.View:
		return exists, nil // it is nothing but its SELECT
	}
	if aggregates, _, _ := plan.Frontier(s.Root); len(aggregates) > 0 {
		return exists, gatehouse.Errorf(gatehouse.CodeOperator, "A workspace table cannot be made with the help of an aggregate over people.").
			WithAdvice("Ask for the aggregate first, and write its number into the statement.")
	}
	return exists, nil
}

// maxScratch bounds what the binder must make before it binds a question.
const maxScratch = 200

// own is the workspace's table or view of a name.
func (q *question) own(name string) (ScratchTable, bool) {
	i := slices.IndexFunc(q.scratch, func(t ScratchTable) bool { return t.Table.Name == name })
	if i < 0 {
		return ScratchTable{}, false
	}
	return q.scratch[i], true
}

// checkDrop refuses to drop what the workspace did not make.
func (q *question) checkDrop() error {
	if q.taken(q.stmt.Drop) {
		return gatehouse.Errorf(gatehouse.CodeStatement, "The tables of a dataset cannot be dropped.").WithAdvice("DROP one of the tables that this workspace made with CREATE … AS SELECT, or of its views.")
	}
	switch there, ok := q.own(q.stmt.Drop); {
	case ok && there.View != "" && !q.stmt.View:
		return gatehouse.Errorf(gatehouse.CodeStatement, "%s is a view.", q.stmt.Drop).WithAdvice("Use DROP VIEW.")
	case ok && there.View == "" && q.stmt.View:
		return gatehouse.Errorf(gatehouse.CodeStatement, "%s is a table.", q.stmt.Drop).WithAdvice("Use DROP TABLE.")
	}
	return nil
}

// drop removes a workspace table or view.
func (q *question) drop(ctx context.Context) (*Answer, error) {
	name := q.stmt.Drop
	if err := q.checkDrop(); err != nil {
		return nil, err
	}
	if q.stmt.View {
		return q.kept(ctx, ScratchChange{Drop: name}, "workspace.view_dropped")
	}
	vault, done, err := q.gate.Vaults.Vault(ctx, q.session)
	if err != nil {
		return nil, engineError(err, "The workspace engine could not be started.")
	}
	defer done()
	if err := vault.Exec(ctx, "DROP TABLE IF EXISTS "+scratchName(name)); err != nil {
		return nil, vaultError(err)
	}
	return q.kept(ctx, ScratchChange{Drop: name}, "workspace.table_dropped")
}

// kept commits a change of workspace tables and answers with no columns.
func (q *question) kept(ctx context.Context, change ScratchChange, action string) (*Answer, error) {
	q.decision.Outcome, q.decision.Time = OutcomeKept, q.gate.Now().UTC()
	if err := q.commit(ctx, change, action); err != nil {
		return nil, err
	}
	reader, err := array.NewRecordReader(arrow.NewSchema(nil, nil), nil)
	if err != nil {
		return nil, err
	}
	return answerOf(q.disclosure(OutcomeKept), reader)
}

// parameters reads the values of prepared parameters: one row, by position.
func parameters(batch arrow.RecordBatch) (map[string]*plan.Const, error) {
	out := map[string]*plan.Const{}
	if batch == nil || batch.NumCols() == 0 {
		return out, nil
	}
	if batch.NumRows() != 1 {
		return nil, gatehouse.Errorf(gatehouse.CodeBind, "A question takes one row of parameters.").WithAdvice("Ask once for each row.")
	}
	for i, c := range batch.Columns() {
		value, err := parameter(c)
		if err != nil {
			return nil, err
		}
		out[strconv.Itoa(i+1)] = value
		out[strings.TrimPrefix(batch.ColumnName(i), "$")] = value
	}
	return out, nil
}

func parameter(a arrow.Array) (*plan.Const, error) {
	t := map[arrow.Type]plan.Type{
		arrow.BOOL: plan.Boolean, arrow.INT8: plan.BigInt, arrow.INT16: plan.BigInt, arrow.INT32: plan.BigInt, arrow.INT64: plan.BigInt,
		arrow.UINT8: plan.BigInt, arrow.UINT16: plan.BigInt, arrow.UINT32: plan.BigInt, arrow.FLOAT32: plan.Double, arrow.FLOAT64: plan.Double,
		arrow.STRING: plan.Varchar, arrow.LARGE_STRING: plan.Varchar, arrow.DATE32: plan.Varchar, arrow.TIMESTAMP: plan.Varchar, arrow.NULL: plan.Varchar,
	}
	typ, ok := t[a.DataType().ID()]
	if !ok {
		return nil, gatehouse.Errorf(gatehouse.CodeBind, "A parameter of type %s is not accepted.", a.DataType()).WithAdvice("Give a text, number, boolean, date or time, and CAST it in the statement.")
	}
	if a.IsNull(0) {
		return &plan.Const{T: typ, Null: true}, nil
	}
	return plan.NewConst(typ, a.ValueStr(0))
}

// shape is what the statement would give.
func (q *question) shape() (*Shape, error) {
	out := &Shape{Updates: q.stmt.Create != "" || q.stmt.Drop != ""}
	var fields []arrow.Field
	if !out.Updates {
		for i, c := range q.bound.Columns {
			t, err := arrowType(q.stmt.Root.Columns()[i].Type)
			if err != nil {
				return nil, err
			}
			fields = append(fields, arrow.Field{Name: c.Name, Type: t, Nullable: true})
		}
	}
	out.Schema = arrow.NewSchema(fields, nil)
	out.Parameters = parameterSchema(q.stmt.Params)
	return out, nil
}

// parameterSchema lists parameters, each once: numbered ones in their order, which
// is not that of the plan, then named ones.
func parameterSchema(asked []*plan.Param) *arrow.Schema {
	seen := map[string]bool{}
	var params []arrow.Field
	number := func(p *plan.Param) int {
		n, err := strconv.Atoi(p.Name)
		if err != nil {
			return math.MaxInt
		}
		return n
	}
	asked = slices.Clone(asked)
	slices.SortStableFunc(asked, func(a, b *plan.Param) int { return cmp.Compare(number(a), number(b)) })
	for _, p := range asked {
		if seen[p.Name] {
			continue
		}
		seen[p.Name] = true
		t, err := arrowType(p.T)
		if err != nil {
			t = arrow.BinaryTypes.String
		}
		params = append(params, arrow.Field{Name: p.Name, Type: t, Nullable: true})
	}
	return arrow.NewSchema(params, nil)
}

// arrowType is the Arrow type in which an answer shows a SQL type.
func arrowType(t plan.Type) (arrow.DataType, error) {
	if t.ID == "DECIMAL" {
		return &arrow.Decimal128Type{Precision: int32(t.Width), Scale: int32(t.Scale)}, nil
	}
	if t.ID == "LIST" {
		elem, err := arrowType(*t.Elem)
		if err != nil {
			return nil, err
		}
		return arrow.ListOf(elem), nil
	}
	known := map[string]arrow.DataType{
		"BOOLEAN": arrow.FixedWidthTypes.Boolean, "TINYINT": arrow.PrimitiveTypes.Int8, "SMALLINT": arrow.PrimitiveTypes.Int16, "INTEGER": arrow.PrimitiveTypes.Int32,
		"BIGINT": arrow.PrimitiveTypes.Int64, "HUGEINT": arrow.PrimitiveTypes.Int64, "UTINYINT": arrow.PrimitiveTypes.Uint8, "USMALLINT": arrow.PrimitiveTypes.Uint16,
		"UINTEGER": arrow.PrimitiveTypes.Uint32, "UBIGINT": arrow.PrimitiveTypes.Uint64, "FLOAT": arrow.PrimitiveTypes.Float32, "DOUBLE": arrow.PrimitiveTypes.Float64,
		"VARCHAR": arrow.BinaryTypes.String, "DATE": arrow.FixedWidthTypes.Date32, "TIMESTAMP": &arrow.TimestampType{Unit: arrow.Microsecond},
		"TIME": arrow.FixedWidthTypes.Time64us, "TIMESTAMP WITH TIME ZONE": arrow.FixedWidthTypes.Timestamp_us, "INTERVAL": arrow.FixedWidthTypes.MonthDayNanoInterval,
		"NULL": arrow.PrimitiveTypes.Int32,
	}
	if a, ok := known[t.ID]; ok {
		return a, nil
	}
	return nil, gatehouse.Errorf(gatehouse.CodeOperator, "The gate does not show values of the type %s.", t.ID).WithAdvice("CAST it to text, a number or a date.")
}

// taken reports whether a dataset's table has the name.
func (q *question) taken(name string) bool {
	return slices.ContainsFunc(q.tables, func(t *plan.Table) bool {
		return t.Name == name && !slices.ContainsFunc(q.scratch, func(s ScratchTable) bool { return s.Table.Name == name })
	})
}

package plan

import (
	"encoding/json"
	"fmt"

	"github.com/gatehouse-tre/gatehouse"
)

func (r *reader) readGet(o *object, in []Node) (Node, error) {
	name := o.text("name")
	var columns []struct {
		HasIndex  bool              `json:"has_index"`
		Index     uint64            `json:"index"`
		Field     string            `json:"field"`
		Type      rawType           `json:"type"`
		IndexType string            `json:"index_type"`
		Children  []json.RawMessage `json:"child_indexes"`
	}
	o.into("column_indexes", &columns)
	for _, c := range columns {
		if !c.HasIndex || len(c.Children) > 0 || c.Field != "" || c.IndexType != "FULL_READ" || c.Type.ID != "INVALID" || c.Type.TypeInfo != nil {
			return nil, unknown("option", "column_indexes")
		}
	}
	var extra struct {
		FileFilters   string          `json:"file_filters"`
		SampleOptions json.RawMessage `json:"sample_options"`
		TotalFiles    json.RawMessage `json:"total_files"`    // of a scan of files, which this is not
		FilteredFiles json.RawMessage `json:"filtered_files"` // the same
	}
	o.into("extra_info", &extra)
	if extra.FileFilters != "" || (len(extra.SampleOptions) > 0 && string(extra.SampleOptions) != "null") {
		return nil, unknown("option", "sample")
	}
	o.empty("projection_ids", "table_filters", "ordinality_idx", "row_group_order_options", "original_arguments", "named_parameters", "projected_input")
	o.ignore("returned_types", "names", "arguments", "catalog_name", "schema_name", "has_serialize")
	if len(in) > 0 {
		return nil, gatehouse.Errorf(gatehouse.CodeTableFunction, "A table function of data is not answered.").WithAdvice("Query the tables of the workspace; write short lists with VALUES ('a'), ('b').")
	}
	switch name {
	case "seq_scan":
		var data struct {
			Catalog string            `json:"catalog"`
			Schema  string            `json:"schema"`
			Table   string            `json:"table"`
			Index   bool              `json:"is_index_scan"`
			Create  bool              `json:"is_create_index"`
			Results []json.RawMessage `json:"result_ids"`
		}
		o.into("function_data", &data)
		o.empty("parameters")
		t, ok := r.tables[tableName{data.Schema, data.Table}]
		if !ok || data.Index || data.Create || len(data.Results) > 0 {
			return nil, gatehouse.Errorf(gatehouse.CodeColumnNotApproved, "The statement names a table outside of this workspace.").WithAdvice("Use the tables of the workspace; ask the project's lead to apply for others.")
		}
		n := &Scan{Table: t}
		for _, c := range columns {
			at := int(c.Index)
			if at < 0 || at >= len(t.Columns) { // 2⁶⁴−1: DuckDB needs rows only
				n.Picked = append(n.Picked, -1)
				n.cols = append(n.cols, Column{Type: BigInt})
				continue
			}
			typ, err := columnType(t.Columns[at].Type)
			if err != nil {
				return nil, err
			}
			n.Picked = append(n.Picked, at)
			n.cols = append(n.cols, Column{Name: t.Columns[at].Name, Type: typ})
		}
		return n, nil
	case "range", "generate_series":
		o.ignore("function_data", "input_table_types", "input_table_names")
		n := &TableFunction{Name: name}
		for _, p := range o.list("parameters") {
			c, err := readConst(p)
			if err != nil {
				return nil, err
			}
			if c.T.ID != "BIGINT" {
				return nil, unknown("argument of", name)
			}
			n.Args = append(n.Args, c)
		}
		if len(n.Args) == 0 || len(columns) != 1 {
			return nil, unknown("table function", name)
		}
		n.cols = []Column{{Type: BigInt}}
		return n, nil
	}
	return nil, gatehouse.Errorf(gatehouse.CodeTableFunction, "The table function %s is not answered.", name).WithAdvice("Query the tables of the workspace; write short lists with VALUES ('a'), ('b'), and series with range(1, 10).")
}

// columnType reads the catalogue's type text.
func columnType(text string) (Type, error) {
	var t Type
	if n, _ := fmt.Sscanf(text, "DECIMAL(%d,%d)", &t.Width, &t.Scale); n == 2 {
		t.ID = "DECIMAL"
		return t, nil
	}
	if _, ok := sqlNames[text]; !ok {
		return Type{}, unknown("type", text)
	}
	return Type{ID: text}, nil
}

// ColumnType reads a column type as the catalogue writes it.
func ColumnType(text string) (Type, error) { return columnType(text) }

func (r *reader) readValues(o *object, input Node) (Node, error) {
	if v, ok := input.(*Values); !ok || len(v.Rows) != 1 {
		return nil, unknown("operator", o.kind)
	}
	n := &Values{}
	for _, raw := range o.list("expr_types") {
		t, err := readType(raw)
		if err != nil {
			return nil, err
		}
		n.cols = append(n.cols, Column{Type: t})
	}
	for _, raw := range o.list("expressions") {
		var row []json.RawMessage
		if err := json.Unmarshal(raw, &row); err != nil {
			return nil, malformed(err)
		}
		exprs, err := r.exprs(row)
		if err != nil {
			return nil, err
		}
		if len(exprs) != len(n.cols) {
			return nil, malformed(fmt.Errorf("VALUES of %d columns has a row of %d", len(n.cols), len(exprs)))
		}
		n.Rows = append(n.Rows, exprs)
	}
	return n, nil
}

func (r *reader) readWith(o *object, index int) (Node, error) {
	name := o.text("ctename")
	o.ignore("column_count", "materialize")
	children := o.list("children")
	if err := o.done(); err != nil {
		return nil, err
	}
	if len(children) != 2 {
		return nil, malformed(fmt.Errorf("CTE with %d inputs", len(children)))
	}
	def, err := r.readNode(children[0])
	if err != nil {
		return nil, err
	}
	if _, taken := r.ctes[index]; taken {
		return nil, malformed(fmt.Errorf("two CTEs of index %d", index))
	}
	r.ctes[index] = def
	body, err := r.readNode(children[1])
	if err != nil {
		return nil, err
	}
	n := &With{Index: index, Name: name, Def: def, Body: body}
	n.cols = body.Columns()
	return n, nil
}

func (r *reader) readWithRef(o *object) (Node, error) {
	index := o.number("cte_index")
	o.ignore("bound_columns")
	o.empty("is_recurring")
	def, ok := r.ctes[index]
	types := o.list("chunk_types")
	if !ok || len(types) != len(def.Columns()) {
		return nil, unknown("operator", "recursive CTE")
	}
	n := &WithRef{Index: index, Def: def}
	for i, raw := range types {
		t, err := readType(raw)
		if err != nil {
			return nil, err
		}
		c := def.Columns()[i]
		if t.SQL() != c.Type.SQL() {
			return nil, malformed(fmt.Errorf("CTE column of another type"))
		}
		n.cols = append(n.cols, c)
	}
	return n, nil
}

// readDelimJoin reads the join of a correlated subquery: the left side first,
// since the right reads of it.
func (r *reader) readDelimJoin(o *object) (Node, error) {
	children := o.list("children")
	if len(children) != 2 {
		return nil, malformed(fmt.Errorf("correlated join with %d inputs", len(children)))
	}
	l, err := r.readNode(children[0])
	if err != nil {
		return nil, err
	}
	n := &Join{L: l, Delim: true}
	columns := r.children(o, "duplicate_eliminated_columns")
	if o.err != nil {
		return nil, o.err
	}
	for _, c := range columns {
		ref, ok := c.(*Ref)
		if !ok || ref.Index < 0 || ref.Index >= len(l.Columns()) {
			return nil, unknown("operator", o.kind)
		}
	}
	n.delimColumns = columns
	r.delims = append(r.delims, n)
	n.R, err = r.readNode(children[1])
	r.delims = r.delims[:len(r.delims)-1]
	if err != nil {
		return nil, err
	}
	o.ignore("mark_types")
	if err := r.joinKeys(o, n); err != nil {
		return nil, err
	}
	if err := o.done(); err != nil {
		return nil, err
	}
	return n, checkRefs(n)
}

// readCorrelated reads DELIM_GET: it belongs to the innermost correlated join on
// whose right side it stands, as DuckDB's physical planner has it
// (PhysicalPlanGenerator::PlanDelimJoin gathers the scans below its right side,
// and of an inner correlated join only those below its left).
func (r *reader) readCorrelated(o *object) (Node, error) {
	types := o.list("chunk_types")
	if len(r.delims) == 0 {
		return nil, unknown("operator", o.kind)
	}
	join := r.delims[len(r.delims)-1]
	if len(join.delimColumns) != len(types) {
		return nil, unknown("operator", o.kind)
	}
	n := &Correlated{Of: join, Reads: join.delimColumns}
	for k, raw := range types {
		t, err := readType(raw)
		if err != nil {
			return nil, err
		}
		if t.SQL() != join.delimColumns[k].Type().SQL() {
			return nil, unknown("operator", o.kind)
		}
		n.cols = append(n.cols, Column{Name: join.L.Columns()[join.delimColumns[k].(*Ref).Index].Name, Type: t})
	}
	return n, nil
}

func (r *reader) readJoin(o *object, l, right Node) (Node, error) {
	n := &Join{Kind: CrossJoin, L: l, R: right}
	if o.kind == "LOGICAL_CROSS_PRODUCT" {
		n.cols = append(append(n.cols, l.Columns()...), right.Columns()...)
		return n, nil
	}
	o.empty("mark_types", "duplicate_eliminated_columns")
	return n, r.joinKeys(o, n)
}

// joinKeys reads the kind and the conditions of a join.
func (r *reader) joinKeys(o *object, n *Join) error {
	right := n.R
	n.cols = append(n.cols, n.L.Columns()...)
	n.Kind = o.text("join_type")
	o.ignore("mark_index")
	o.empty("left_projection_map", "right_projection_map", "delim_flipped", "predicate")
	for _, raw := range o.list("conditions") {
		c := newObject("join condition", raw)
		cond := JoinCond{L: r.child(c, "left"), R: r.child(c, "right")}
		op, ok := compareOps[c.text("comparison")]
		if !ok {
			return unknown("operator", "join condition")
		}
		cond.Op = op
		if err := c.done(); err != nil {
			return err
		}
		n.Conds = append(n.Conds, cond)
	}
	if len(n.Conds) == 0 {
		return unknown("operator", "join without condition")
	}
	switch n.Kind {
	case SingleJoin:
		if !n.Delim {
			return unknown("join", n.Kind)
		}
		n.cols = append(n.cols, right.Columns()...)
	case InnerJoin, LeftJoin, RightJoin, FullJoin:
		n.cols = append(n.cols, right.Columns()...)
	case SemiJoin, AntiJoin:
	case MarkJoin:
		n.cols = append(n.cols, Column{Type: Boolean})
	default:
		return unknown("join", n.Kind)
	}
	return nil
}

// readSetOperation reads UNION (of two or more, as DuckDB binds a chain of them),
// EXCEPT and INTERSECT.
func (r *reader) readSetOperation(o *object, in []Node) (Node, error) {
	all := o.truth("setop_all")
	kind := ""
	switch {
	case o.kind == "LOGICAL_UNION" && all:
		kind = "UNION ALL"
	case o.kind == "LOGICAL_UNION":
		kind = "UNION"
	case o.kind == "LOGICAL_EXCEPT":
		kind = "EXCEPT"
	default:
		kind = "INTERSECT"
	}
	if all && kind != "UNION ALL" {
		kind += " ALL"
	}
	o.ignore("column_count", "allow_out_of_order")
	if len(in) < 2 || len(in) > 2 && kind != "UNION ALL" {
		return nil, malformed(fmt.Errorf("%s of %d inputs", kind, len(in)))
	}
	out := in[0]
	for _, right := range in[1:] {
		n := &Union{Kind: kind, L: out, R: right}
		if len(out.Columns()) != len(right.Columns()) {
			return nil, malformed(fmt.Errorf("set operation of different widths"))
		}
		for i, c := range out.Columns() {
			if c.Type.SQL() != right.Columns()[i].Type.SQL() {
				return nil, malformed(fmt.Errorf("set operation of different types"))
			}
			n.cols = append(n.cols, Column{Name: c.Name, Type: c.Type})
		}
		out = n
	}
	return out, nil
}

func (r *reader) readProject(o *object, input Node) (Node, error) {
	raws := o.list("expressions")
	if n := r.scalarGuard(raws, input); n != nil {
		return n, nil
	}
	exprs, err := r.exprs(raws)
	if err != nil {
		return nil, err
	}
	n := &Project{Input: input, Exprs: exprs}
	for _, e := range exprs {
		c := Column{Type: e.Type()}
		if ref, ok := e.(*Ref); ok && ref.Index >= 0 && ref.Index < len(input.Columns()) {
			c.Name = input.Columns()[ref.Index].Name
		}
		n.cols = append(n.cols, c)
	}
	return n, nil
}

// scalarGuard knows the shape that DuckDB gives a scalar subquery:
// CASE WHEN count(*) > 1 THEN error('…') ELSE first(x) END over first(x), count(*).
func (r *reader) scalarGuard(raws []json.RawMessage, input Node) Node {
	agg, ok := input.(*Aggregate)
	if !ok || len(raws) != 1 || len(agg.Groups) > 0 || len(agg.Aggs) != 2 || agg.Aggs[0].Name != "first" || len(agg.Aggs[0].Args) != 1 || agg.Aggs[1].Name != "count_star" {
		return nil
	}
	e, err := (&reader{}).readExpr(raws[0])
	if err != nil {
		return nil
	}
	c, ok := e.(*Case)
	if !ok || len(c.Whens) != 1 {
		return nil
	}
	call, ok := c.Thens[0].(*Call)
	if !ok || call.Name != "error" {
		return nil
	}
	when, ok := c.Whens[0].(*Compare)
	if !ok || when.Op != ">" {
		return nil
	}
	l, okL := when.L.(*Ref)
	one, okR := when.R.(*Const)
	last, okE := c.Else.(*Ref)
	first, okF := agg.Aggs[0].Args[0].(*Ref)
	if !okL || !okR || !okE || !okF || l.Index != 1 || one.Text != "1" || last.Index != 0 || first.Index != 0 || len(agg.Input.Columns()) != 1 {
		return nil
	}
	n := &Scalar{Input: agg.Input}
	n.cols = []Column{{Type: last.T}}
	return n
}

func (r *reader) readGroup(o *object, input Node) (Node, error) {
	o.ignore("group_index", "aggregate_index", "groupings_index", "distinct_validity")
	n := &Aggregate{Input: input, Groups: r.children(o, "groups")}
	for _, g := range n.Groups {
		c := Column{Type: g.Type()}
		if ref, ok := g.(*Ref); ok && ref.Index >= 0 && ref.Index < len(input.Columns()) {
			c.Name = input.Columns()[ref.Index].Name
		}
		n.cols = append(n.cols, c)
	}
	for _, e := range r.children(o, "expressions") {
		a, ok := e.(*AggregateCall)
		if !ok {
			return nil, unknown("operator", o.kind)
		}
		n.Aggs = append(n.Aggs, a)
		n.cols = append(n.cols, Column{Type: a.T})
	}
	o.into("grouping_sets", &n.Sets)
	o.into("grouping_functions", &n.Grouping)
	for range n.Grouping {
		n.cols = append(n.cols, Column{Type: BigInt})
	}
	if len(n.Sets) == 0 {
		all := make([]int, len(n.Groups))
		for i := range all {
			all[i] = i
		}
		n.Sets = [][]int{all}
	}
	for _, lists := range [][][]int{n.Sets, n.Grouping} {
		for _, set := range lists {
			for _, i := range set {
				if i < 0 || i >= len(n.Groups) {
					return nil, malformed(fmt.Errorf("grouping set out of range"))
				}
			}
		}
	}
	return n, nil
}

func readLimit(o *object, input Node) (Node, error) {
	n := &Limit{Input: input}
	n.cols = input.Columns()
	for _, part := range []struct {
		key string
		to  **int64
	}{{"limit_val", &n.Count}, {"offset_val", &n.Offset}} {
		var v struct {
			Type    string          `json:"type"`
			Integer int64           `json:"constant_integer"`
			Percent float64         `json:"constant_percentage"`
			Expr    json.RawMessage `json:"expression"`
		}
		o.into(part.key, &v)
		switch v.Type {
		case "UNSET":
		case "CONSTANT_VALUE":
			*part.to = &v.Integer
		default:
			return nil, gatehouse.Errorf(gatehouse.CodeOperator, "LIMIT and OFFSET take a literal number of rows.").WithAdvice("Write the number: LIMIT 10.")
		}
	}
	return n, nil
}

func (r *reader) readUnnest(o *object, input Node) (Node, error) {
	o.ignore("unnest_index")
	n := &Unnest{Input: input}
	n.cols = append(n.cols, input.Columns()...)
	for _, raw := range o.list("expressions") {
		u := newObject("UNNEST", raw)
		u.ignore("alias", "query_location")
		u.text("expression_class")
		u.text("type")
		list := r.child(u, "child")
		t := u.typ("return_type")
		if err := u.done(); err != nil {
			return nil, err
		}
		n.Lists = append(n.Lists, list)
		n.cols = append(n.cols, Column{Type: t})
	}
	return n, nil
}

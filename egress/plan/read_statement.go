package plan

import (
	"encoding/json"

	"github.com/gatehouse-tre/gatehouse"
)

func (r *reader) readStatement(raw json.RawMessage) (*Statement, error) {
	var kind struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(raw, &kind); err != nil {
		return nil, malformed(err)
	}
	switch kind.Type {
	case "LOGICAL_CREATE_TABLE":
		return r.readCreate(raw)
	case "LOGICAL_DROP":
		return r.readDrop(raw)
	}
	root, err := r.readNode(raw)
	if err != nil {
		return nil, err
	}
	return &Statement{Root: root}, nil
}

func (r *reader) readCreate(raw json.RawMessage) (*Statement, error) {
	o := newObject("CREATE TABLE", raw)
	info := newObject("CREATE TABLE", o.take("info"))
	s := &Statement{Create: info.text("table")}
	if err := s.conflict(info); err != nil {
		return nil, err
	}
	var columns struct {
		Columns []struct {
			Name        string  `json:"name"`
			Type        rawType `json:"type"`
			Category    string  `json:"category"`
			Expression  any     `json:"expression"`
			Compression string  `json:"compression_type"`
			Comment     any     `json:"comment"`
			Tags        any     `json:"tags"`
		} `json:"columns"`
	}
	info.into("columns", &columns)
	for _, c := range columns.Columns {
		if c.Expression != nil || c.Category != "STANDARD" {
			return nil, unknown("column", "that is generated")
		}
		s.Names = append(s.Names, c.Name)
	}
	if info.truth("temporary") {
		return nil, gatehouse.Errorf(gatehouse.CodeStatement, "Workspace tables are not temporary.").WithAdvice("Use CREATE TABLE, and DROP TABLE when it is no longer needed.")
	}
	info.empty("internal", "tags", "constraints", "query", "partition_keys", "sort_keys", "options")
	if err := ownSchema(info); err != nil {
		return nil, err
	}
	info.ignore("catalog", "sql", "comment")
	info.text("type")
	if err := info.done(); err != nil {
		return nil, err
	}
	children := o.list("children")
	o.text("type")
	if err := o.done(); err != nil {
		return nil, err
	}
	if len(children) != 1 {
		return nil, gatehouse.Errorf(gatehouse.CodeStatement, "An empty table cannot be made.").WithAdvice("Use CREATE TABLE name AS SELECT person_id, ….")
	}
	var err error
	s.Root, err = r.readNode(children[0])
	return s, err
}

// ReadView reads the plan of a CREATE VIEW, but for its SELECT, which DuckDB does
// not bind there.
func ReadView(raw json.RawMessage) (*Statement, error) {
	o := newObject("plan", raw)
	if o.truth("error") {
		return nil, gatehouse.Errorf(gatehouse.CodeStatement, "This kind of statement is not answered.").WithAdvice("Ask with one SELECT; CREATE TABLE name AS SELECT person_id, … keeps people for later questions.")
	}
	plans := o.list("plans")
	if err := o.done(); err != nil {
		return nil, err
	}
	if len(plans) != 1 {
		return nil, gatehouse.Errorf(gatehouse.CodeStatement, "Exactly one statement is answered at a time.").WithAdvice("Send the statements one by one.")
	}
	o = newObject("CREATE VIEW", plans[0])
	if kind := o.text("type"); kind != "LOGICAL_CREATE_VIEW" {
		return nil, unknown("statement", kind)
	}
	info := newObject("CREATE VIEW", o.take("info"))
	s := &Statement{Create: info.text("view_name"), View: true}
	if err := s.conflict(info); err != nil {
		return nil, err
	}
	if info.truth("temporary") {
		return nil, gatehouse.Errorf(gatehouse.CodeStatement, "Views are not temporary.").WithAdvice("Use CREATE VIEW, and DROP VIEW when it is no longer needed.")
	}
	info.empty("internal", "tags", "column_comments", "column_comments_map")
	if err := ownSchema(info); err != nil {
		return nil, err
	}
	info.ignore("catalog", "sql", "comment", "aliases", "types", "names", "query")
	info.text("type")
	if err := info.done(); err != nil {
		return nil, err
	}
	o.empty("children")
	return s, o.done()
}

// ownSchema refuses to make anything but in the schema of the workspace's tables.
func ownSchema(info *object) error {
	if schema := info.text("schema"); schema != mainSchema && schema != "" {
		return gatehouse.Errorf(gatehouse.CodeStatement, "Workspace tables and views have no schema.").WithAdvice("Give it a name without one.")
	}
	return nil
}

// conflict reads what is to be done where there is something of the name.
func (s *Statement) conflict(info *object) error {
	switch c := info.text("on_conflict"); c {
	case "ERROR_ON_CONFLICT":
	case "REPLACE_ON_CONFLICT":
		s.Replace = true
	case "IGNORE_ON_CONFLICT":
		s.IfNotExists = true
	default:
		return unknown("option", c)
	}
	return nil
}

func (r *reader) readDrop(raw json.RawMessage) (*Statement, error) {
	o := newObject("DROP", raw)
	info := newObject("DROP", o.take("info"))
	kind := info.text("type")
	if kind != "TABLE_ENTRY" && kind != "VIEW_ENTRY" {
		return nil, gatehouse.Errorf(gatehouse.CodeStatement, "Only workspace tables and views can be dropped.").WithAdvice("DROP a table or view that this workspace made with CREATE … AS SELECT.")
	}
	s := &Statement{Drop: info.text("name"), View: kind == "VIEW_ENTRY"}
	switch c := info.text("if_not_found"); c {
	case "THROW_EXCEPTION":
	case "RETURN_NULL":
		s.IfExists = true
	default:
		return nil, unknown("option", c)
	}
	if schema := info.text("schema"); schema != mainSchema && !(schema == "" && s.IfExists) { // "": there is none
		return nil, gatehouse.Errorf(gatehouse.CodeStatement, "Only workspace tables and views can be dropped.").WithAdvice("DROP a table or view that this workspace made with CREATE … AS SELECT.")
	}
	info.empty("allow_drop_internal", "extra_drop_info")
	info.ignore("info_type", "catalog", "cascade") // nothing depends on a workspace table
	o.empty("children")
	o.text("type")
	if err := info.done(); err != nil {
		return nil, err
	}
	return s, o.done()
}

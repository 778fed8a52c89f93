package catalog

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"golang.org/x/text/encoding/charmap"

	"github.com/gatehouse-tre/gatehouse"
)

// batchRows is how many rows go to the engine at once.
const batchRows = 32768

// rowColumn is the first column of what the people table hands to the engine:
// the person's number, which becomes a unit once opt-outs are known.
const rowColumn = "_person"

// intake reads a file the second time. It decides what becomes of each row, and
// is at the same time the stream of those that go on, as the engine takes them:
// typed, without identifiers, coarsened. The engine never sees anything else.
type intake struct {
	ctx      context.Context
	table    TableRule
	people   *people // nil for public tables
	owner    bool    // this is the people table itself
	optedOut func(key uint32) bool
	report   *report
	survey   *survey
	progress func(rows int64)

	in      *records
	split   splitter
	valid   func([]byte) bool
	decode  bool
	decoded []byte
	fields  []field
	cells   []cell
	key     int // position of the column that names the person
	links   []int
	linking [][]byte
	keep    []kept // of a public table: the values that others refer to

	outputs []output
	schema  *arrow.Schema
	builder *array.RecordBuilder
	batch   arrow.RecordBatch // left to the garbage collector: the engine's client may still hold it when Load fails
	account Account
	lines   int64 // lines that the rows took
	last    bool  // the last line had an end
	err     error
	done    bool

	turn   sync.Mutex // held by Next and close
	closed bool
}

// kept is a column whose values are remembered.
type kept struct {
	column int
	values map[string]struct{}
}

// output is a published column and where it comes from.
type output struct {
	from, to  int // cells; to only for days
	treatment Treatment
	kind      FieldType
	days      bool
}

func newIntake(ctx context.Context, d *Definition, t TableRule, p *people, today int64) *intake {
	in := &intake{ctx: ctx, table: t, people: p, owner: t.Name == d.People.Table, key: t.key(),
		valid: validText(d.Encoding), decode: d.Encoding == EncodingWindows1252,
		split:   splitter{delimiter: t.Delimiter[0]},
		cells:   make([]cell, len(t.Columns)),
		account: Account{Table: t.Name, Extract: t.File, Rejected: make(map[string]int64)},
	}
	for _, c := range t.Columns {
		in.fields = append(in.fields, newField(c, today))
	}
	if in.owner || t.Link {
		for _, name := range d.People.LinkWithoutKey {
			_, i := t.column(name)
			in.links = append(in.links, i)
		}
		in.linking = make([][]byte, len(in.links))
	}
	in.plan()
	return in
}

// plan lays out the columns that go to the engine.
func (in *intake) plan() {
	var columns []arrow.Field
	switch {
	case in.owner:
		columns = append(columns, arrow.Field{Name: rowColumn, Type: arrow.PrimitiveTypes.Uint32})
	case !in.table.Public:
		columns = append(columns, arrow.Field{Name: UnitColumn, Type: arrow.PrimitiveTypes.Uint32})
	}
	byName := make(map[string]output)
	for i, c := range in.table.Columns {
		if c.published() {
			byName[c.As] = output{from: i, treatment: c.Treatment, kind: c.Type}
		}
	}
	for _, c := range in.table.Derived {
		_, from := in.table.column(c.Days.From)
		_, to := in.table.column(c.Days.To)
		byName[c.Name] = output{from: from, to: to, days: true}
	}
	for _, c := range in.table.columns() {
		if c.Class == ClassPerson {
			continue
		}
		in.outputs = append(in.outputs, byName[c.Name])
		columns = append(columns, arrow.Field{Name: c.Name, Type: arrowTypes[c.Type], Nullable: true})
	}
	in.schema = arrow.NewSchema(columns, nil)
}

var arrowTypes = map[string]arrow.DataType{
	"VARCHAR":   arrow.BinaryTypes.String,
	"INTEGER":   arrow.PrimitiveTypes.Int32,
	"BIGINT":    arrow.PrimitiveTypes.Int64,
	"DOUBLE":    arrow.PrimitiveTypes.Float64,
	"DATE":      arrow.FixedWidthTypes.Date32,
	"TIMESTAMP": &arrow.TimestampType{Unit: arrow.Microsecond},
}

// open starts the pass; close ends it.
func (in *intake) open(f *os.File) error {
	in.in = newRecords(&lineCounter{in: f, first: true}, in.split.delimiter)
	header, err := in.in.next() // checked by the survey
	if err != nil {
		return in.survey.failure(in.in, err)
	}
	in.last = header.complete
	in.builder = array.NewRecordBuilder(memory.DefaultAllocator, in.schema)
	in.builder.Reserve(batchRows)
	return nil
}

// close returns when no row is being read, and none will be: a client whose Load
// has failed may still be reading.
func (in *intake) close() {
	in.turn.Lock()
	defer in.turn.Unlock()
	in.closed = true
}

// Schema, Next, RecordBatch, Err, Retain and Release make an intake an
// array.RecordReader. It is read once, by one goroutine.
func (in *intake) Schema() *arrow.Schema          { return in.schema }
func (in *intake) RecordBatch() arrow.RecordBatch { return in.batch }
func (in *intake) Record() arrow.RecordBatch      { return in.batch }
func (in *intake) Err() error                     { return in.err }
func (in *intake) Retain()                        {}
func (in *intake) Release()                       {}

// Next decides about rows until a batch of those that go on is full.
func (in *intake) Next() bool {
	in.turn.Lock()
	defer in.turn.Unlock()
	if in.done || in.closed || in.err != nil {
		return false
	}
	rows := 0
	for rows < batchRows {
		rec, err := in.in.next()
		if err == io.EOF {
			in.done = true
			in.lines = in.in.lines
			if !in.last {
				in.lines++
			}
			break
		}
		if err != nil {
			in.err = in.survey.failure(in.in, err)
			return false
		}
		in.last = rec.complete
		in.account.Read++
		if in.account.Read%batchRows == 0 {
			if in.err = in.ctx.Err(); in.err != nil {
				return false
			}
			in.progress(in.account.Read)
		}
		owner, column, why := in.judge(rec)
		switch {
		case why == optedOut:
			in.account.OptedOut++
		case why != "":
			in.account.Rejected[string(why)]++
			if in.err = in.report.add(in.table.File, rec.line, column, why, rec.raw); in.err != nil {
				return false
			}
		default:
			in.account.Published++
			in.emit(owner)
			rows++
		}
	}
	if rows == 0 {
		return false
	}
	in.batch = in.builder.NewRecordBatch()
	in.builder.Reserve(batchRows)
	return true
}

// optedOut is the outcome of rows of people who opted out: no reason, since
// nothing is wrong with them.
const optedOut Reason = "opted out"

// judge decides about a row. owner is the person's number in the people table,
// the unit in others; column is where the fault is, if it is in one.
func (in *intake) judge(rec record) (owner uint32, column string, why Reason) {
	if !plainText(rec.raw) {
		if !in.valid(rec.raw) {
			return 0, "", ReasonEncoding
		}
		if hasControl(rec.raw) {
			return 0, "", ReasonControl
		}
	}
	if rec.broken {
		return 0, "", ReasonQuoting
	}
	text := rec
	if in.decode {
		text.raw = in.decodeText(rec.raw)
	}
	fields := in.split.split(text, len(in.fields))
	if len(fields) != len(in.fields) {
		return 0, "", ReasonFieldCount
	}
	var key, identifier uint32
	named := false // the row names a person who may be known
	for i, f := range fields {
		if i == in.key {
			key, named, why = in.readKey(f)
		} else if in.owner && in.table.Columns[i].Name == in.people.rule.Identifier {
			identifier, why = in.people.identifiers.add(f)
		} else {
			why = in.fields[i].read(f, &in.cells[i])
		}
		if why != "" {
			return 0, in.table.Columns[i].Name, why
		}
	}
	for _, rule := range in.table.Rules {
		if why := in.checkRule(rule); why != "" {
			return 0, rule.Order[1], why
		}
	}
	if in.key < 0 {
		return 0, "", in.publicRow(rec, fields)
	}
	if in.owner {
		if in.people.byIdentifier == nil {
			identifier = key
		}
		return in.ownerRow(rec, fields, key, identifier)
	}
	return in.personRow(rec, fields, key, named)
}

// readKey reads the column that names the person; a row may go without if the
// table is linked by other columns.
func (in *intake) readKey(f []byte) (key uint32, named bool, why Reason) {
	switch {
	case len(f) == 0 && in.table.Link:
		return 0, false, ""
	case in.owner:
		key, why = in.people.keys.add(f)
		return key, true, why
	}
	return in.people.keys.parse(f)
}

func (in *intake) decodeText(raw []byte) []byte {
	in.decoded = in.decoded[:0]
	for _, c := range raw {
		if c < utf8.RuneSelf {
			in.decoded = append(in.decoded, c)
		} else {
			in.decoded = utf8.AppendRune(in.decoded, charmap.Windows1252.DecodeByte(c))
		}
	}
	return in.decoded
}

func (in *intake) checkRule(rule RowRule) Reason {
	first, fi := in.table.column(rule.Order[0])
	second, si := in.table.column(rule.Order[1])
	a, b := &in.cells[fi], &in.cells[si]
	if !a.null && !b.null && b.days(second.Type) < a.days(first.Type) {
		return Reason(rule.Reason)
	}
	return ""
}

// isCopy reports whether the same row came before, where that matters.
func (in *intake) isCopy(rec record) bool {
	return in.survey.copies != nil && in.survey.copies.seen(rec.raw)
}

func (in *intake) publicRow(rec record, fields [][]byte) Reason {
	if in.isCopy(rec) {
		return ReasonDuplicateRow
	}
	for _, k := range in.keep {
		k.values[string(fields[k.column])] = struct{}{}
	}
	return ""
}

func (in *intake) ownerRow(rec record, fields [][]byte, key, identifier uint32) (uint32, string, Reason) {
	p := in.people
	row := person{content: p.hash(p.seed, fields), line: rec.line, birth: in.day(p.rule.Birth), death: in.day(p.rule.Death)}
	number, why := p.add(key, identifier, row)
	if why != "" {
		return 0, p.rule.Identifier, why
	}
	if p.links != nil {
		p.addLink(number, in.linkFields(fields))
	}
	return number, "", ""
}

func (in *intake) linkFields(fields [][]byte) [][]byte {
	for i, at := range in.links {
		in.linking[i] = fields[at]
	}
	return in.linking
}

// day is the date in a column of the people table, or noDay.
func (in *intake) day(name string) int32 {
	if name == "" {
		return noDay
	}
	if _, i := in.table.column(name); !in.cells[i].null {
		return int32(in.cells[i].whole)
	}
	return noDay
}

func (in *intake) personRow(rec record, fields [][]byte, key uint32, named bool) (uint32, string, Reason) {
	var who *person
	linkedRow := in.table.Link && len(fields[in.key]) == 0
	if linkedRow {
		who, _ = in.people.linked(in.linkFields(fields))
	} else if named {
		who = in.people.find(key)
	}
	if who != nil && who.state != personConflicting {
		if column, why := in.checkLife(who); why != "" {
			return 0, column, why
		}
	}
	keyColumn := in.table.Columns[in.key].Name
	switch {
	case in.isCopy(rec):
		return 0, "", ReasonDuplicateRow
	case who == nil && linkedRow:
		return 0, keyColumn, ReasonUnlinked
	case who != nil && who.state == personPublished:
		return who.unit, "", ""
	case who != nil && who.state == personOptedOut, who == nil && named && in.optedOut(key):
		return 0, "", optedOut
	}
	return 0, keyColumn, ReasonUnknownPerson
}

// checkLife compares the row's dates with the person's birth and death.
func (in *intake) checkLife(who *person) (string, Reason) {
	for i := range in.fields {
		rule := &in.fields[i].rule
		if !(rule.AfterBirth || rule.BeforeDeath) || in.cells[i].null {
			continue
		}
		day := in.cells[i].days(rule.Type)
		if rule.AfterBirth && who.birth != noDay && day < int64(who.birth) {
			return rule.Name, ReasonDateBeforeBirth
		}
		if rule.BeforeDeath && who.death != noDay && day > int64(who.death)+int64(in.people.rule.DeathGraceDays) {
			return rule.Name, ReasonDateAfterDeath
		}
	}
	return "", ""
}

// emit hands the row that judge read last to the engine's stream.
func (in *intake) emit(owner uint32) {
	builders := in.builder.Fields()
	if in.key >= 0 {
		builders[0].(*array.Uint32Builder).Append(owner)
		builders = builders[1:]
	}
	for i := range in.outputs {
		out := &in.outputs[i]
		c := &in.cells[out.from]
		if c.null || (out.days && in.cells[out.to].null) {
			builders[i].AppendNull()
			continue
		}
		in.emitCell(builders[i], out, c)
	}
}

func (in *intake) emitCell(to array.Builder, out *output, c *cell) {
	switch {
	case out.days:
		from, until := &in.fields[out.from].rule, &in.fields[out.to].rule
		to.(*array.Int32Builder).Append(int32(in.cells[out.to].days(until.Type) - c.days(from.Type)))
		return
	case out.treatment == TreatDay:
		to.(*array.Date32Builder).Append(arrow.Date32(c.days(out.kind)))
		return
	case out.treatment == TreatMonth:
		days := c.days(out.kind)
		_, _, d := civilFromDays(days)
		to.(*array.Date32Builder).Append(arrow.Date32(days - d + 1))
		return
	case out.treatment == TreatYear:
		y, _, _ := civilFromDays(c.days(out.kind))
		to.(*array.Int32Builder).Append(int32(y))
		return
	}
	switch out.kind {
	case FieldText:
		to.(*array.StringBuilder).BinaryBuilder.Append(c.text)
	case FieldInteger:
		to.(*array.Int32Builder).Append(int32(c.whole))
	case FieldBigint:
		to.(*array.Int64Builder).Append(c.whole)
	case FieldNumber:
		to.(*array.Float64Builder).Append(c.real)
	case FieldDate:
		to.(*array.Date32Builder).Append(arrow.Date32(c.whole))
	case FieldTimestamp:
		to.(*array.TimestampBuilder).Append(arrow.Timestamp(c.whole))
	}
}

// balance checks, when the pass is over, that every line of the file and every
// row that the survey counted is accounted for exactly once.
func (in *intake) balance() error {
	info, err := os.Stat(in.survey.path)
	if err != nil || info.Size() != in.survey.info.Size() || !info.ModTime().Equal(in.survey.info.ModTime()) {
		return gatehouse.Errorf(gatehouse.CodeExtractBroken, "%s was changed while it was read.", in.table.File)
	}
	if !in.done || in.account.Read != in.survey.records || in.lines != in.survey.lines || !in.account.Balanced() {
		return gatehouse.Errorf(gatehouse.CodeCounts, "The rows of %s do not add up.", in.table.File).
			Because(fmt.Errorf("read %d of %d rows in %d of %d lines", in.account.Read, in.survey.records, in.lines, in.survey.lines))
	}
	return nil
}

package catalog

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gatehouse-tre/gatehouse"
) // batchRows is how many rows go to the engine at once.
const batchRows = 32768

// rowColumn is the first column of what the people table hands to the engine:
// the person's number, which becomes a unit once opt-outs are known.
const rowColumn = "_person"

// intake reads a file the second time. It decides what becomes of each row, and
// is at the same time the stream of those that go on, as the engine takes them:
// typed, without identifiers, coarsened. The engine never sees anything else.
type intake struct {
	ctx        context.Context
	table      TableRule
	people     *people // nil for public tables
	owner      bool    // this is the people table itself
	collecting bool    // only the people whom the rows name are looked for
	optedOut   func(key uint32) bool
	report     *report
	survey     *survey
	progress   func(rows int64)
	read       int64 // rows so far, of all files

	rows    rows // of the file that is being read
	at      int  // which one that is
	valid   func([]byte) bool
	decode  bool
	decoded []byte
	fields  []field
	cells   []cell
	key     int // position of the column that names the person, or -1
	orders  []order
	lives   []int // columns whose dates lie within the person's life
	links   []int // columns by which rows that name nobody are linked
	linking [][]byte
	shift   int64 // by how many days the dates of the row that judge read last move
	// Of the people table: the columns of the identifier and of the dates of life; -1 if there are none.
	identifier, birth, death int
	keep                     []kept       // of a public table: the values that others refer to
	finder                   *finder      // of the people table: who learns of its people; nil: nobody
	known                    bool         // of the people table: the row that judge read last is a person's
	found                    *tableFinder // of other tables: finds the people of rows without an identifier; nil: see links

	outputs  []output
	schema   *arrow.Schema
	builder  *batchBuilder
	batch    arrow.RecordBatch // left to the garbage collector: the engine's client may still hold it when Load fails
	accounts []Account         // of each file
	account  *Account          // of the one that is being read
	lines    []int64           // that the rows of each file took
	err      error
	done     bool

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
	from, to     int // cells; to only for days
	kind, toKind kind
	as           form
	cut          *cut            // what is published lies within; nil: anywhere
	coarse       bool            // it is not published as it is
	shifted      bool            // a date that moves
	days         map[int32]int64 // of a date that moves: how many rows have each true day
}

// form is how a cell is published.
type form uint8

const (
	formAsIs form = iota
	formDay
	formMonth
	formYear
	formDays // between two cells
	formYears
	formOutcode
)

var forms = map[Treatment]form{TreatKeep: formAsIs, TreatDay: formDay, TreatMonth: formMonth, TreatYear: formYear, TreatOutcode: formOutcode}

// order is a rule of the table: the second date is never before the first.
type order struct {
	first, second         int // cells
	firstKind, secondKind kind
	column                string // the second's
	why                   Reason
}

func newIntake(ctx context.Context, d *Definition, t TableRule, s *survey, p *people, today int64) *intake {
	in := &intake{ctx: ctx, table: t, people: p, owner: t.Name == d.People.Table, key: t.key(),
		survey: s,
		valid:  validText(t.Encoding), decode: t.Encoding == EncodingWindows1252,
		cells: make([]cell, len(t.Columns)),
		lines: make([]int64, len(s.files)),
	}
	for _, e := range s.files {
		in.accounts = append(in.accounts, Account{Table: t.Name, Extract: e.file, SHA256: e.sha256, Rejected: make(map[string]int64)})
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
	for _, rule := range t.Rules {
		first, i := t.column(rule.Order[0])
		second, j := t.column(rule.Order[1])
		in.orders = append(in.orders, order{i, j, kinds[first.Type], kinds[second.Type], second.place(), Reason(rule.Reason)})
	}
	for i, c := range t.Columns {
		if c.AfterBirth || c.BeforeDeath {
			in.lives = append(in.lives, i)
		}
	}
	if in.owner {
		_, in.identifier = t.column(d.People.Identifier)
		_, in.birth = t.column(d.People.Birth)
		_, in.death = t.column(d.People.Death)
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
			out := output{from: i, kind: kinds[c.Type], as: forms[c.Treatment]}
			out.cut, _ = c.Bounds.read(c.publishedType(), out.kind, out.as) // checked with the definition
			byName[c.As] = out
		}
	}
	for _, c := range in.table.Derived {
		between, as := c.interval()
		first, from := in.table.column(between.From)
		second, to := in.table.column(between.To)
		out := output{from: from, to: to, kind: kinds[first.Type], toKind: kinds[second.Type], as: as}
		out.cut, _ = c.Bounds.read("INTEGER", kindInteger, as) // checked with the definition
		byName[c.Name] = out
	}
	for _, c := range in.table.columns() {
		if c.Class == ClassPerson {
			continue
		}
		out := byName[c.Name]
		out.shifted = in.table.shift > 0 && (out.kind == kindDate || out.kind == kindTimestamp) && out.as != formDays && out.as != formYears
		if out.shifted {
			out.days = make(map[int32]int64)
		}
		out.coarse = out.as != formAsIs || out.cut != nil || out.shifted
		in.outputs = append(in.outputs, out)
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

// open starts the pass with the first file; close ends it.
func (in *intake) open() error {
	in.builder = newBatchBuilder(in.schema)
	return in.openFile()
}

func (in *intake) openFile() (err error) {
	in.account = &in.accounts[in.at]
	in.rows, err = openRows(in.table, in.survey.files[in.at].path, nil, taking)
	return err
}

// nextFile goes on with the next file; without one, the pass is done.
func (in *intake) nextFile() error {
	in.lines[in.at] = in.rows.taken()
	err := in.rows.close()
	in.rows = nil
	if err != nil {
		return readFailure(in.account.Extract, err)
	}
	if in.at++; in.at == len(in.accounts) {
		in.done = true
		return nil
	}
	return in.openFile()
}

// close returns when no row is being read, and none will be: a client whose Load
// has failed may still be reading.
func (in *intake) close() {
	in.turn.Lock()
	defer in.turn.Unlock()
	in.closed = true
	if in.rows != nil {
		_ = in.rows.close() // it was only read
		in.rows = nil
	}
}

// total is the sum of the files' accounts.
func (in *intake) total() Account {
	sum := Account{Table: in.table.Name, Extract: in.table.File, Rejected: make(map[string]int64)}
	for _, a := range in.accounts {
		sum.Read += a.Read
		sum.Published += a.Published
		sum.OptedOut += a.OptedOut
		sum.Withheld += a.Withheld
		for why, n := range a.Rejected {
			sum.Rejected[why] += n
		}
	}
	return sum
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
	for in.builder.rows < batchRows {
		rec, err := in.rows.next()
		if err == io.EOF {
			if in.err = in.nextFile(); in.err != nil {
				return false
			}
			if in.done {
				break
			}
			continue
		}
		if err != nil {
			in.err = readError(in.account.Extract, in.rows.place(), err)
			return false
		}
		in.account.Read++
		if in.read++; in.read%batchRows == 0 {
			if in.err = in.ctx.Err(); in.err != nil {
				return false
			}
			in.progress(in.read)
		}
		in.known = false
		owner, column, why := in.judge(rec)
		if why != "" && in.finder != nil && !in.known && in.err == nil {
			in.err = in.finder.rejected(in.account.Extract, in.rows, rec)
		}
		if in.err != nil {
			return false
		}
		switch {
		case why == "" && in.table.Withheld != "":
			in.account.Withheld++
		case why == optedOut:
			in.account.OptedOut++
		case why != "":
			in.account.Rejected[string(why)]++
			if in.err = in.report.add(in.account.Extract, rec.line, column, why, rec.raw); in.err != nil {
				return false
			}
		default:
			in.account.Published++
			in.emit(owner)
		}
	}
	if in.builder.rows == 0 {
		return false
	}
	in.batch = in.builder.batch()
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
		if hasControl(rec.raw, in.table.Delimiter[0]) {
			return 0, "", ReasonControl
		}
	}
	if rec.broken {
		return 0, "", ReasonQuoting
	}
	if rec.fault != nil {
		return 0, rec.fault.path, rec.fault.why
	}
	text := rec
	if in.decode {
		text.raw = in.decodeText(rec.raw)
	}
	fields := in.rows.split(text, len(in.fields))
	if len(fields) != len(in.fields) {
		return 0, "", ReasonFieldCount
	}
	var key, identifier uint32
	named := false // the row names a person who may be known
	for i, f := range fields {
		if i == in.key {
			key, named, why = in.readKey(f)
		} else if in.owner && i == in.identifier {
			identifier, why = in.people.identifiers.add(f)
		} else {
			why = in.fields[i].read(f, &in.cells[i])
		}
		if why != "" {
			return 0, in.table.Columns[i].place(), why
		}
	}
	if column, why := in.checkOrders(); why != "" {
		return 0, column, why
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

// balance checks, when the pass is over, that every line of each file and every
// row that the survey counted is accounted for exactly once.
func (in *intake) balance() error {
	for i, e := range in.survey.files {
		info, err := os.Stat(e.path)
		if err != nil || info.Size() != e.info.Size() || !info.ModTime().Equal(e.info.ModTime()) {
			return gatehouse.Errorf(gatehouse.CodeExtractBroken, "%s was changed while it was read.", e.file)
		}
		a := in.accounts[i]
		if !in.done || a.Read != e.records || in.lines[i] != e.lines || !a.Balanced() {
			return gatehouse.Errorf(gatehouse.CodeCounts, "The rows of %s do not add up.", e.file).
				Because(fmt.Errorf("read %d of %d rows in %d of %d lines", a.Read, e.records, in.lines[i], e.lines))
		}
	}
	return nil
}

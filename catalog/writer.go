package catalog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gatehouse-tre/gatehouse"
)

// The engine's tables.
const (
	stagedTable = "staged" // the good rows of one file
	unitsTable  = "units"  // number of a person in the people table, and unit
)

// rowGroup is DuckDB's own size of row groups, which its scans are cut by.
const rowGroup = 122_880

// writer has the engine sort rows and write Parquet, and reads back what it wrote.
type writer struct {
	engine Engine
	out    string
	known  *roaring.Bitmap // units of the version
	closed bool

	base    *base           // what is kept of the version before; nil: nothing
	touched *roaring.Bitmap // units of the extract, where base is not nil
}

func (w *writer) close() error {
	if w.closed {
		return nil
	}
	w.closed = true
	return w.engine.Close()
}

// number hands the published people's units to the engine.
func (w *writer) number(ctx context.Context, p *people) error {
	w.known = roaring.New()
	return w.engine.Load(ctx, unitsTable, &unitRows{people: p.list, known: w.known})
}

// units writes the published people's units as the version's list of units.
func (w *writer) units(ctx context.Context) error {
	if err := w.engine.Exec(ctx, w.copy(fmt.Sprintf("SELECT %s FROM %s ORDER BY 1", UnitColumn, unitsTable), unitsFile)); err != nil {
		return err
	}
	n, people, err := w.readBack(ctx, unitsFile)
	if err != nil {
		return err
	}
	if want := int64(w.known.GetCardinality()); n != want || people != want {
		return notWhole("units", fmt.Errorf("%d units of %d people, of %d", n, people, want))
	}
	return nil
}

func (w *writer) copy(query, file string) string {
	return fmt.Sprintf("COPY (%s) TO %s (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE %d)",
		query, quoteText(filepath.Join(w.out, file)), rowGroup)
}

// selection is the SELECT that makes a table's rows of those in source, with
// those of the version before that are written again.
func (w *writer) selection(t TableRule, in *intake, source string) string {
	var columns []string
	for _, f := range in.schema.Fields() {
		if f.Name != rowColumn && f.Name != UnitColumn {
			columns = append(columns, quoteName(f.Name))
		}
	}
	if t.Public {
		return fmt.Sprintf("SELECT %s FROM %s", strings.Join(columns, ", "), source)
	}
	query := fmt.Sprintf("SELECT %s FROM %s", strings.Join(append([]string{UnitColumn}, columns...), ", "), source)
	if rares := t.rares(); len(rares) > 0 {
		query = grouped(query, rares)
	}
	if before := w.base.table(t.Name); before != nil {
		if earlier := w.base.carry(*before, columns); earlier != "" {
			query += " UNION ALL " + earlier
		}
	}
	return query + " ORDER BY " + UnitColumn
}

// stream has the engine sort and write a table's rows as they come.
func (w *writer) stream(ctx context.Context, t TableRule, in *intake) error {
	return w.engine.Copy(ctx, w.copy(w.selection(t, in, "$rows"), w.file(t)), in)
}

// unstage writes the staged rows of people who turned out to be published.
func (w *writer) unstage(ctx context.Context, t TableRule, in *intake) error {
	source := fmt.Sprintf("%s JOIN %s USING (%s)", stagedTable, unitsTable, rowColumn)
	return w.engine.Exec(ctx, w.copy(w.selection(t, in, source), w.file(t)), "DROP TABLE "+stagedTable)
}

// file names the file that a table's rows are written to.
func (w *writer) file(t TableRule) string {
	if w.base != nil && w.base.share && !t.Public {
		return changesFile(t.Name)
	}
	return t.Name + ".parquet"
}

// finish describes a table that was written, and counts its rows again in the
// files.
func (w *writer) finish(ctx context.Context, t TableRule, in *intake) (Table, error) {
	out := Table{Name: t.Name, Description: t.Description, Public: t.Public, Columns: t.columns(), Rows: in.total().Published}
	file := w.file(t)
	if before := w.base.table(t.Name); before != nil && w.base.share && !t.Public {
		out.Files = w.base.shared(*before)
	}
	out.Files = append(out.Files, File{Path: file})
	var rows int64
	var err error
	switch {
	case t.Public:
		rows, err = w.countRows(ctx, file)
	case w.base != nil:
		if err := w.finishChanges(ctx, t, &out); err != nil {
			return Table{}, err
		}
		rows = out.Rows
	default:
		rows, out.People, err = w.readBack(ctx, file)
	}
	if err != nil {
		return Table{}, err
	}
	if rows != out.Rows || in.owner && out.People != rows {
		return Table{}, notWhole(t.Name, fmt.Errorf("%d rows of %d people were written, of %d", rows, out.People, out.Rows))
	}
	return out, nil
}

func notWhole(table string, err error) error {
	return gatehouse.Errorf(gatehouse.CodeCounts, "The rows written for %s do not add up.", table).Because(err)
}

// countRows counts the rows of a file that was written.
func (w *writer) countRows(ctx context.Context, file string) (int64, error) {
	n, err := w.numbers(ctx, "SELECT count(*) FROM read_parquet("+quoteText(filepath.Join(w.out, file))+")", 1)
	if err != nil {
		return 0, err
	}
	return n[0], nil
}

// written is what a file that was written holds.
type written struct {
	rows, people         int64
	touchedRows, touched int64 // of people of the extract, where others are carried
}

// readBack counts the rows and people of a file that was written.
func (w *writer) readBack(ctx context.Context, file string) (rows, people int64, err error) {
	found, err := w.readUnits(ctx, file)
	return found.rows, found.people, err
}

// readUnits reads the units of a file that was written: it counts rows and
// people, and makes sure that they are in order and that each is published.
func (w *writer) readUnits(ctx context.Context, file string) (written, error) {
	var found written
	r, err := w.engine.Query(ctx, fmt.Sprintf("SELECT %s FROM read_parquet(%s)", UnitColumn, quoteText(filepath.Join(w.out, file))))
	if err != nil {
		return found, err
	}
	defer r.Release()
	last, touched := int64(-1), false
	for r.Next() {
		c, ok := r.RecordBatch().Column(0).(*array.Uint32)
		if !ok || c.NullN() > 0 {
			return found, notWhole(file, errors.New("units are not numbers"))
		}
		for _, unit := range c.Values() {
			if int64(unit) != last {
				if int64(unit) < last || !w.known.Contains(unit) {
					return found, notWhole(file, errors.New("units are out of order, or nobody's"))
				}
				last = int64(unit)
				found.people++
				if touched = w.touched != nil && w.touched.Contains(unit); touched {
					found.touched++
				}
			}
			if touched {
				found.touchedRows++
			}
		}
		found.rows += int64(c.Len())
	}
	return found, r.Err()
}

// seal makes a written file durable, our own and read-only, and hashes it. The
// engine has ended, but it may have run as another user, and left anything.
func (w *writer) seal(file string) (File, error) {
	f, err := os.OpenFile(filepath.Join(w.out, file), os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return File{}, storageFailure(err)
	}
	if err := errors.Join(f.Chown(os.Geteuid(), os.Getegid()), f.Chmod(0o444), f.Sync(), f.Close()); err != nil {
		return File{}, storageFailure(err)
	}
	described, err := describeFile(w.out, file)
	if err != nil {
		return File{}, storageFailure(err)
	}
	return described, nil
}

// sealFolder makes the folder our own, and makes sure that it holds the sealed
// files and nothing else.
func (w *writer) sealFolder(files []File) error {
	if err := errors.Join(os.Chown(w.out, os.Geteuid(), os.Getegid()), os.Chmod(w.out, 0o755)); err != nil {
		return storageFailure(err)
	}
	entries, err := os.ReadDir(w.out)
	if err != nil {
		return storageFailure(err)
	}
	for _, e := range entries {
		if !slices.ContainsFunc(files, func(f File) bool { return f.Path == e.Name() }) {
			return gatehouse.Errorf(gatehouse.CodeCounts, "The publishing engine left a file that it was not asked for.")
		}
	}
	return nil
}

// unitRows streams the numbers and units of the published people.
type unitRows struct {
	people []person
	at     int
	known  *roaring.Bitmap
	batch  arrow.RecordBatch
}

var unitSchema = arrow.NewSchema([]arrow.Field{
	{Name: rowColumn, Type: arrow.PrimitiveTypes.Uint32},
	{Name: UnitColumn, Type: arrow.PrimitiveTypes.Uint32},
}, nil)

func (u *unitRows) Schema() *arrow.Schema          { return unitSchema }
func (u *unitRows) RecordBatch() arrow.RecordBatch { return u.batch }
func (u *unitRows) Record() arrow.RecordBatch      { return u.batch }
func (u *unitRows) Err() error                     { return nil }
func (u *unitRows) Retain()                        {}
func (u *unitRows) Release()                       {}

func (u *unitRows) Next() bool {
	b := array.NewRecordBuilder(memory.DefaultAllocator, unitSchema)
	defer b.Release()
	b.Reserve(batchRows)
	rows := 0
	for ; u.at < len(u.people) && rows < batchRows; u.at++ {
		if who := &u.people[u.at]; who.state == personPublished {
			b.Field(0).(*array.Uint32Builder).Append(uint32(u.at))
			b.Field(1).(*array.Uint32Builder).Append(who.unit)
			u.known.Add(who.unit)
			rows++
		}
	}
	if rows == 0 {
		return false
	}
	u.batch = b.NewRecordBatch()
	return true
}

func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
func quoteText(text string) string { return `'` + strings.ReplaceAll(text, `'`, `''`) + `'` }

// engineOutOfSpace knows a full volume from the words of DuckDB and the system.
func engineOutOfSpace(cause string) bool {
	for _, words := range []string{"No space left on device", "Disk quota exceeded", "Read-only file system", "Out of disk space", "max_temp_directory_size"} {
		if strings.Contains(cause, words) {
			return true
		}
	}
	return false
}

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
}

func (w *writer) close() error {
	if w.closed {
		return nil
	}
	w.closed = true
	return w.engine.Close()
}

func (w *writer) drop(ctx context.Context) error {
	return w.engine.Exec(ctx, "DROP TABLE "+stagedTable)
}

// units hands the published people's units to the engine and writes them as the
// version's list of units.
func (w *writer) units(ctx context.Context, p *people) error {
	w.known = roaring.New()
	rows := &unitRows{people: p.list, known: w.known}
	if err := w.engine.Load(ctx, unitsTable, rows); err != nil {
		return err
	}
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

// write writes the staged rows as a published table, and counts them again in
// the file that came of it.
func (w *writer) write(ctx context.Context, t TableRule, in *intake) (Table, error) {
	out := Table{Name: t.Name, Description: t.Description, Public: t.Public, Columns: t.columns(), Rows: in.total().Published}
	var columns []string
	for _, f := range in.schema.Fields() {
		if f.Name != rowColumn {
			columns = append(columns, quoteName(f.Name))
		}
	}
	query := fmt.Sprintf("SELECT %s FROM %s", strings.Join(columns, ", "), stagedTable)
	switch {
	case in.owner:
		query = fmt.Sprintf("SELECT %s FROM %s JOIN %s USING (%s) ORDER BY %s", strings.Join(append([]string{UnitColumn}, columns...), ", "),
			stagedTable, unitsTable, rowColumn, UnitColumn)
	case !t.Public:
		query += " ORDER BY " + UnitColumn
	}
	file := t.Name + ".parquet"
	if err := w.engine.Exec(ctx, w.copy(query, file), "DROP TABLE "+stagedTable); err != nil {
		return Table{}, err
	}
	var rows int64
	var err error
	if t.Public {
		rows, err = w.countRows(ctx, file)
	} else {
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
	r, err := w.engine.Query(ctx, "SELECT count(*) FROM read_parquet("+quoteText(filepath.Join(w.out, file))+")")
	if err != nil {
		return 0, err
	}
	defer r.Release()
	var n int64
	for r.Next() {
		if c, ok := r.RecordBatch().Column(0).(*array.Int64); ok && c.Len() == 1 {
			n = c.Value(0)
		}
	}
	return n, r.Err()
}

// readBack reads the units of a file that was written: it counts rows and
// people, and makes sure that they are in order and that each is published.
func (w *writer) readBack(ctx context.Context, file string) (rows, people int64, err error) {
	r, err := w.engine.Query(ctx, fmt.Sprintf("SELECT %s FROM read_parquet(%s)", UnitColumn, quoteText(filepath.Join(w.out, file))))
	if err != nil {
		return 0, 0, err
	}
	defer r.Release()
	last := int64(-1)
	for r.Next() {
		c, ok := r.RecordBatch().Column(0).(*array.Uint32)
		if !ok || c.NullN() > 0 {
			return 0, 0, notWhole(file, errors.New("units are not numbers"))
		}
		for _, unit := range c.Values() {
			if int64(unit) == last {
				continue
			}
			if int64(unit) < last || !w.known.Contains(unit) {
				return 0, 0, notWhole(file, errors.New("units are out of order, or nobody's"))
			}
			last = int64(unit)
			people++
		}
		rows += int64(c.Len())
	}
	return rows, people, r.Err()
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

package catalog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gatehouse-tre/gatehouse"
)

// An extract of changes (docs/design/0018) holds, of everybody who is new or
// about whom anything has changed, all rows of all tables, and a list of whom the
// source holds no longer. Everybody else's rows are those of the version before:
// its files are shared, and a mask says whose rows in them do not count.

// replacedTable is the engine's table of the units whose earlier rows do not count.
const replacedTable = "replaced"

// maxShare bounds what a shared file is masked of: past one person in so many, or
// one byte in so many beside the shared files, all tables are written whole again.
const maxShare = 10

// base is what a publication keeps of the version before.
type base struct {
	version    Version
	deleted    *optOutList     // whom the source holds no longer; nil: nobody
	replaced   *roaring.Bitmap // units whose rows in version do not count any more
	superseded *roaring.Bitmap // units whose rows in the shared files do not count
	share      bool            // files are shared; else all tables are written whole
}

// ofChanges gives the definition as an extract of changes is read: no file need
// hold rows.
func (d *Definition) ofChanges() *Definition {
	c := *d
	c.Tables = slices.Clone(d.Tables)
	for i := range c.Tables {
		c.Tables[i].MayBeEmpty = true
	}
	return &c
}

// prepareChanges finds the version that changes are made to, whole and of the same
// definition.
func (p *publication) prepareChanges(ctx context.Context, before *Version) error {
	if before == nil {
		return gatehouse.Errorf(gatehouse.CodeChanges, "There is no version of %s that changes could be made to.", p.Definition.Dataset).
			WithAdvice("Publish a whole extract first.")
	}
	if before.DefinitionSHA256 != p.Definition.SHA256 {
		return gatehouse.Errorf(gatehouse.CodeChanges, "%s was published with another definition.", before.Name()).
			WithAdvice("Publish a whole extract: rows of the two definitions cannot stand in one version.")
	}
	if p.Definition.hasRare() {
		return gatehouse.Errorf(gatehouse.CodeChanges, "The definition groups rare values, and which are rare follows from all rows of everybody.").
			WithAdvice("Publish a whole extract.")
	}
	if p.Definition.People.Unlinked == UnlinkedOwnUnit {
		// Who is a person of their own follows from all rows of everybody.
		return gatehouse.Errorf(gatehouse.CodeChanges, "The definition makes people of local numbers that fit nobody, which an extract of changes cannot tell.").
			WithAdvice("Publish a whole extract.")
	}
	c, err := Open(string(p.root), p.Public)
	if err != nil {
		return err
	}
	if err := c.verifyFiles(ctx, *before); err != nil { // nothing is built on what is damaged
		return err
	}
	p.base = &base{version: *before}
	p.Definition = p.Definition.ofChanges()
	return p.requireTables()
}

// requireTables makes the optional tables of the version before obligatory: one
// whose file is not there would leave the version with its rows. One that was not
// there before has nothing that changes could be made to.
func (p *publication) requireTables() error {
	for i := range p.Definition.Tables {
		t := &p.Definition.Tables[i]
		if !t.Optional || t.Withheld != "" {
			continue
		}
		if slices.ContainsFunc(p.base.version.Tables, func(was Table) bool { return was.Name == t.Name }) {
			t.Optional = false
			continue
		}
		found, err := t.files(p.Extracts)
		if err != nil {
			return err
		}
		if len(found) > 0 {
			return gatehouse.Errorf(gatehouse.CodeChanges, "%s has no table %s that changes could be made to.", p.base.version.Name(), t.Name).
				WithAdvice("Publish a whole extract.")
		}
	}
	return nil
}

// readDeleted reads whom the source holds no longer.
func (p *publication) readDeleted(ctx context.Context) error {
	if p.base == nil || p.Definition.Deleted == nil {
		return nil
	}
	lists := listReader{dir: p.Extracts, identifiers: p.people.identifiers, maxAge: p.MaxListAge, now: p.started, key: p.secret}
	rule := *p.Definition.Deleted
	rule.Kind, rule.Optional = ListDeny, true
	var err error
	p.base.deleted, err = lists.read(ctx, rule)
	return err
}

// An allow-list that names only those of the changes would take everybody else out:
// more people than fewMissing, and than one of mostMissing, are not believed.
const (
	fewMissing  = 100
	mostMissing = 10
)

// decideChanges finds whose rows of the version before do not count any more:
// people of the extract who are published, and people of the version before who
// have opted out since, or whom the source holds no longer. Whoever the extract
// names in rows that are rejected stays as before.
func (p *publication) decideChanges(ctx context.Context) error {
	b := p.base
	if b.version.IndexChanges != p.index.changes {
		// Rows of before stand under units that are now of somebody else, or nobody's:
		// an opt-out would not find them.
		return gatehouse.Errorf(gatehouse.CodeChanges, "People were merged or split in the person index since %s was published.", b.version.Name()).
			WithAdvice("Publish a whole extract.")
	}
	was, err := p.writer.bitmap(ctx, fmt.Sprintf("SELECT %s FROM read_parquet(%s)", UnitColumn, quoteText(filepath.Join(b.version.Folder, b.version.UnitsFile.Path))))
	if err != nil {
		return err
	}
	if int64(was.GetCardinality()) != b.version.Units {
		return notWhole("units", errors.New("the version before does not hold as many people as its manifest says"))
	}
	touched := roaring.New()
	for i := range p.people.list {
		if who := &p.people.list[i]; who.state == personPublished {
			touched.Add(who.unit)
		}
	}
	for _, l := range p.lists {
		if l.lost > 0 {
			// Whose it is may stand in the version before.
			return gatehouse.Errorf(gatehouse.CodeChanges, "An opt-out of the list %s names nobody of the extract.", l.rule.List).
				WithAdvice("Correct the extract, or publish a whole one.")
		}
	}
	left, err := p.leave(was, touched)
	if err != nil {
		return err
	}
	b.replaced = roaring.And(roaring.Or(touched, left), was)
	known := roaring.Or(roaring.AndNot(was, left), touched)
	b.superseded = b.replaced.Clone()
	if path := b.version.SupersededPath(); path != "" {
		earlier, err := p.writer.bitmap(ctx, fmt.Sprintf("SELECT %s FROM read_parquet(%s)", UnitColumn, quoteText(path)))
		if err != nil {
			return err
		}
		b.superseded.Or(earlier)
	}
	b.share = b.sharing(known, roaring.AndNot(touched, was).GetCardinality())
	p.writer.base, p.writer.touched = b, touched
	p.version.Changes = true
	p.version.Units = int64(known.GetCardinality())
	if err := p.writer.engine.Load(ctx, replacedTable, &bitmapRows{it: b.replaced.ManyIterator()}); err != nil {
		return err
	}
	return p.writer.members(ctx, known, b)
}

// leave finds who of the version before leaves it: whom a list takes out, or whom the
// source holds no longer. A person with several numbers, and everybody else, is asked
// for once: of deny-lists by every number, of allow-lists by the one that was kept,
// since nobody asks the check service about numbers that are superseded.
func (p *publication) leave(was, touched *roaring.Bitmap) (left *roaring.Bitmap, err error) {
	b := p.base
	if err := p.contradicted(); err != nil {
		return nil, err
	}
	left = roaring.New()
	missing := make([]uint64, len(p.lists)) // people whom an allow-list does not name
	for each := was.Iterator(); each.HasNext(); {
		unit := each.Next()
		if touched.Contains(unit) {
			continue
		}
		numbers := p.index.numbers(unit)
		if len(numbers) == 0 {
			return nil, notWhole("units", errors.New("a unit of the version before is nobody's"))
		}
		out := false
		if b.deleted != nil {
			b.deleted.receipt.In++
			if slices.ContainsFunc(numbers, b.deleted.keys.Contains) {
				b.deleted.receipt.Affected++
				out = true
			}
		}
		if p.applied.Contains(unit) { // the extract has the person, who has opted out
			left.Add(unit)
			continue
		}
		for i, l := range p.lists {
			asked := numbers
			if l.rule.Kind == ListAllow {
				asked = numbers[:1]
			}
			l.receipt.In++
			if slices.ContainsFunc(asked, l.optsOut) {
				l.receipt.Affected++
				out = true
				if l.rule.Kind == ListAllow {
					missing[i]++
				}
			}
		}
		if out {
			left.Add(unit)
		}
	}
	for i, l := range p.lists {
		if n := missing[i]; n > fewMissing && n*mostMissing > was.GetCardinality() {
			return nil, gatehouse.Errorf(gatehouse.CodeChanges, "The list %s would take more than a tenth of the people out of %s.", l.rule.List, b.version.Name()).
				WithAdvice("Ask the check service about everybody of the version, not of the changes alone; or publish a whole extract.")
		}
	}
	return left, nil
}

// contradicted refuses an extract that gives the rows of somebody whom the source
// holds no longer: either may be what is wrong.
func (p *publication) contradicted() error {
	deleted := p.base.deleted
	if deleted == nil {
		return nil
	}
	for i := range p.people.list {
		who := &p.people.list[i]
		if who.state != personPublished || !deleted.keys.Contains(who.identifier) {
			continue
		}
		where := "The extract"
		if who.line > 0 {
			where = fmt.Sprintf("%s line %d", p.surveys[p.Definition.People.Table].files[who.file].file, who.line)
		}
		return gatehouse.Errorf(gatehouse.CodeChanges, "%s gives the data of a person whom the list %s says to be deleted.", where, deleted.rule.List).
			WithAdvice("Correct the extract: the source either holds a person or does not.")
	}
	return nil
}

// sharing decides whether files are shared.
func (b *base) sharing(known *roaring.Bitmap, fresh uint64) bool {
	if (b.superseded.GetCardinality()+fresh)*maxShare > known.GetCardinality() {
		return false
	}
	var masked, rest int64
	for _, t := range b.version.Tables {
		for _, f := range t.Files {
			if f.Masked {
				masked += f.Bytes
			} else {
				rest += f.Bytes
			}
		}
	}
	return masked == 0 || rest*maxShare <= masked
}

// table gives a table of the version before, nil if it has none of the name.
func (b *base) table(name string) *Table {
	if b == nil {
		return nil
	}
	for i, t := range b.version.Tables {
		if t.Name == name {
			return &b.version.Tables[i]
		}
	}
	return nil
}

// shared gives the files of a table that the new version shares, masked: all that
// are masked already, and the first version's whole.
func (b *base) shared(t Table) []File {
	var files []File
	for i, f := range t.Files {
		if f.Masked || i == 0 && b.version.Superseded == nil {
			f.Masked = true
			files = append(files, f)
		}
	}
	return files
}

// carry is a SELECT of the earlier rows that are written again with those of the
// extract, "" for none: all that still count where tables are written whole, and
// of the files beside the shared ones where not.
func (b *base) carry(t Table, columns []string) string {
	from := t
	if b.share {
		from.Files = nil
		for _, f := range t.Files {
			if b.version.Superseded != nil && !f.Masked {
				from.Files = append(from.Files, f)
			}
		}
		if len(from.Files) == 0 {
			return ""
		}
	}
	rows := b.version.RowsSQL(from, append([]string{UnitColumn}, columns...)...)
	return fmt.Sprintf("SELECT * FROM (%s) ANTI JOIN %s USING (%s)", rows, replacedTable, UnitColumn)
}

// gone counts the rows and people of an earlier table that do not count any more.
func (w *writer) gone(ctx context.Context, t Table) (rows, people int64, err error) {
	out, err := w.numbers(ctx, fmt.Sprintf("SELECT count(*), count(DISTINCT %s) FROM (%s) SEMI JOIN %s USING (%s)",
		UnitColumn, w.base.version.RowsSQL(t, UnitColumn), replacedTable, UnitColumn), 2)
	if err != nil {
		return 0, 0, err
	}
	return out[0], out[1], nil
}

// numbers reads one row of so many counts.
func (w *writer) numbers(ctx context.Context, sql string, n int) ([]int64, error) {
	r, err := w.engine.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	defer r.Release()
	var out []int64
	for r.Next() {
		for _, c := range r.RecordBatch().Columns() {
			if whole, ok := c.(*array.Int64); ok && whole.Len() == 1 {
				out = append(out, whole.Value(0))
			}
		}
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	if len(out) != n {
		return nil, errors.New("catalog: the engine gave other counts than were asked for")
	}
	return out, nil
}

// bitmap reads a query of one column of units.
func (w *writer) bitmap(ctx context.Context, sql string) (*roaring.Bitmap, error) {
	r, err := w.engine.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	defer r.Release()
	out := roaring.New()
	for r.Next() {
		c, ok := r.RecordBatch().Column(0).(*array.Uint32)
		if !ok || c.NullN() > 0 {
			return nil, notWhole("units", errors.New("units are not numbers"))
		}
		out.AddMany(c.Values())
	}
	return out, r.Err()
}

// members writes the version's list of units, and whose rows in shared files do
// not count.
func (w *writer) members(ctx context.Context, known *roaring.Bitmap, b *base) error {
	w.known = known
	lists := map[string]*roaring.Bitmap{unitsFile: known}
	if b.share {
		lists[supersededFile] = b.superseded
	}
	for file, units := range lists {
		sql := w.copy("SELECT "+UnitColumn+" FROM $rows ORDER BY 1", file)
		if err := w.engine.Copy(ctx, sql, &bitmapRows{it: units.ManyIterator()}); err != nil {
			return err
		}
		read, err := w.bitmap(ctx, fmt.Sprintf("SELECT %s FROM read_parquet(%s)", UnitColumn, quoteText(filepath.Join(w.out, file))))
		if err != nil {
			return err
		}
		if !read.Equals(units) {
			return notWhole("units", errors.New(file+" does not hold what was written"))
		}
	}
	return nil
}

// finishChanges describes a table of people after changes, and makes sure of it:
// the rows that count are those of before, without those that do not count any
// more, and those of the extract.
func (w *writer) finishChanges(ctx context.Context, t TableRule, out *Table) error {
	before := w.base.table(t.Name)
	if before == nil {
		return notWhole(t.Name, errors.New("the version before has no such table"))
	}
	goneRows, gonePeople, err := w.gone(ctx, *before)
	if err != nil {
		return err
	}
	file := out.Files[len(out.Files)-1].Path
	written, err := w.readUnits(ctx, file)
	if err != nil {
		return err
	}
	out.Carried = before.Rows - goneRows
	published := out.Rows
	out.Rows += out.Carried
	out.People = before.People - gonePeople + written.touched
	counted := written.rows
	if w.base.share {
		masked := fmt.Sprintf("SELECT count(*) FROM (%s) ANTI JOIN read_parquet(%s) USING (%s)", w.base.version.RowsSQL(sharedOnly(*before, w.base), UnitColumn),
			quoteText(filepath.Join(w.out, supersededFile)), UnitColumn)
		n, err := w.numbers(ctx, masked, 1)
		if err != nil {
			return err
		}
		counted += n[0]
	} else if written.people != out.People {
		return notWhole(t.Name, fmt.Errorf("%d people were written, of %d", written.people, out.People))
	}
	if counted != out.Rows || written.touchedRows != published {
		return notWhole(t.Name, fmt.Errorf("%d rows count, of %d, of which %d are of the extract", counted, out.Rows, published))
	}
	return nil
}

// sharedOnly is a table of the version before with only the files that are shared.
// Its own mask is part of the new one.
func sharedOnly(t Table, b *base) Table {
	shared := b.shared(t)
	t.Files = nil
	for _, f := range shared {
		f.Masked = false
		t.Files = append(t.Files, f)
	}
	return t
}

// changesFile is the file of a table beside the ones that it shares.
func changesFile(table string) string { return table + ".changes.parquet" }

// share gives the new version a file of the version before: the same bytes, under
// a second name.
func (p *publication) share(f File) error {
	from, to := filepath.Join(p.base.version.Folder, f.Path), filepath.Join(p.out, f.Path)
	if err := os.Link(from, to); err != nil {
		return storageFailure(err)
	}
	found, err := describeFile(p.out, f.Path)
	if err != nil {
		return storageFailure(err)
	}
	if found.SHA256 != f.SHA256 || found.Bytes != f.Bytes {
		return unverified(p.base.version.Name(), "the file %s is not the one that was published.", f.Path)
	}
	return nil
}

package workspaces

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"golang.org/x/sync/errgroup"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

// populationColumns are those of population files.
var populationColumns = []arrow.Field{
	{Name: catalog.UnitColumn, Type: arrow.PrimitiveTypes.Uint32},
	{Name: catalog.PersonColumn, Type: arrow.BinaryTypes.String},
}

// populationGroup is how many people stand in one row group, which is DuckDB's
// own size: one thread reads one row group.
const populationGroup = 122_880

func (s *Service) populationFile(workspace string) string {
	return filepath.Join(s.folder(workspace), "population.parquet")
}

// population gives the workspace's population of v, and writes it anew if there
// is none or somebody has withdrawn since. Callers at the same time wait for one.
func (s *Service) population(ctx context.Context, w Workspace, v catalog.Version) (Population, error) {
	for {
		p, current, err := s.currentPopulation(ctx, w, v)
		if err != nil || current {
			return p, err
		}
		done := s.building.DoChan(buildingKey(w, v.Dataset), func() (any, error) {
			// For whoever waits, not only for the first who asked.
			return s.buildPopulation(context.WithoutCancel(ctx), w, v)
		})
		select {
		case r := <-done:
			if r.Err != nil {
				return Population{}, r.Err
			}
			// It may have begun before somebody withdrew, or be of another version: whether it
			// is current is asked again.
		case <-ctx.Done():
			return Population{}, gatehouse.Errorf(gatehouse.CodeCancelled, "The question was cancelled.").Because(ctx.Err())
		}
	}
}

// buildingKey is what one writer at a time writes.
func buildingKey(w Workspace, dataset string) string { return w.ID + "/" + dataset }

// currentPopulation gives what was last written, and whether it is of v, without
// anybody who has withdrawn, and still there.
func (s *Service) currentPopulation(ctx context.Context, w Workspace, v catalog.Version) (p Population, current bool, err error) {
	var mark int64
	var project Project
	err = s.Store.View(ctx, func(tx Tx) (err error) {
		if mark, err = tx.WithdrawalMark(ctx, v.Dataset, w.Project); err != nil {
			return err
		}
		if project, err = tx.Project(ctx, w.Project); err != nil {
			return err
		}
		p, err = tx.Population(ctx, w.ID, v.Dataset)
		if gatehouse.CodeOf(err) == gatehouse.CodeNotFound {
			p.Version, err = 0, nil
		}
		return err
	})
	if err != nil || p.Version != v.Number || p.Mark != mark || p.Consent != (project.OptOutBasis == BasisConsent) {
		return p, false, err
	}
	_, err = os.Stat(s.populationFile(w.ID))
	return p, err == nil, nil
}

// buildPopulation writes the population file and the custodian's copy, each in
// one step, then records them.
func (s *Service) buildPopulation(ctx context.Context, w Workspace, v catalog.Version) (Population, error) {
	p := Population{Workspace: w.ID, Dataset: v.Dataset, Version: v.Number, published: v.Published}
	var withdrawn *roaring.Bitmap
	err := s.Store.View(ctx, func(tx Tx) (err error) {
		if p.Mark, err = tx.WithdrawalMark(ctx, v.Dataset, w.Project); err != nil {
			return err
		}
		withdrawn, p.Consent, err = excluded(ctx, tx, v.Dataset, w.Project, v.Published)
		return err
	})
	if err != nil {
		return p, err
	}
	names, err := s.names(ctx, w, v)
	if err != nil {
		return p, err
	}
	return s.writePopulation(ctx, w, p, func(out io.Writer) (people int64, complete bool, err error) {
		people, err = WritePopulation(ctx, out, v, withdrawn, names)
		return people, people == v.Units, err
	})
}

// writePopulation puts the population file that write gives, and the custodian's copy
// of it, into their places, each in one step, then records it as p.
func (s *Service) writePopulation(ctx context.Context, w Workspace, p Population, write func(io.Writer) (people int64, complete bool, err error)) (_ Population, err error) {
	defer func() {
		if err == nil {
			return
		}
		// Two custodians may have destroyed the keys meanwhile: nothing is left then.
		if gone := s.Store.View(ctx, func(tx Tx) error { return keysStand(ctx, tx, w.Project) }); gatehouse.CodeOf(gone) == gatehouse.CodeKeys {
			err = errors.Join(gone, s.removePopulation(w.ID))
		}
	}()
	if err := s.makeFolder(w.ID); err != nil {
		return p, unwritable(err)
	}
	custodians := filepath.Join(s.Dir, "custodian", "populations")
	if err := os.MkdirAll(custodians, 0o700); err != nil {
		return p, unwritable(err)
	}
	uid, gid := -1, -1
	if s.Engine != nil {
		uid, gid = s.Engine(w.ID)
	}
	mounted, err := newReplacement(s.populationFile(w.ID), 0o400, uid, gid)
	if err != nil {
		return p, unwritable(err)
	}
	defer mounted.discard()
	kept, err := newReplacement(s.custodiansPopulation(w.ID), 0o600, -1, -1)
	if err != nil {
		return p, unwritable(err)
	}
	defer kept.discard()

	digest := sha256.New()
	out := bufio.NewWriterSize(io.MultiWriter(mounted, kept, digest), 1<<20)
	if p.People, p.Complete, err = write(out); err != nil {
		return p, err
	}
	// One after the other: what is not whole takes no place.
	for _, step := range []func() error{out.Flush, kept.commit, mounted.commit} {
		if err := step(); err != nil {
			return p, unwritable(err)
		}
	}
	p.SHA256 = hex.EncodeToString(digest.Sum(nil))
	err = s.Store.Update(ctx, func(tx Tx) error {
		if err := keysStand(ctx, tx, w.Project); err != nil {
			return err
		}
		p.Built = tx.Now()
		tx.Record(gatehouse.Event{
			Actor: System.User, Action: "population.written", Project: w.Project, Subject: w.ID,
			Detail: map[string]string{"version": catalog.Version{Dataset: p.Dataset, Number: p.Version}.Name(), "sha256": p.SHA256},
		})
		before, err := tx.WithdrawalMark(ctx, p.Dataset, w.Project)
		if err != nil {
			return err
		}
		if err := tx.SeenVersion(ctx, p.Dataset, w.Project, p.published); err != nil {
			return err
		}
		if p.Mark == before { // nobody left meanwhile: of what the version itself changes this one is
			if p.Mark, err = tx.WithdrawalMark(ctx, p.Dataset, w.Project); err != nil {
				return err
			}
		}
		return tx.SetPopulation(ctx, p)
	})
	return p, err
}

// keysStand is CodeKeys if two custodians have decided to destroy the keys of a
// project, in case that they did while a population was being written.
func keysStand(ctx context.Context, tx Tx, project string) error {
	acts, err := tx.JointActs(ctx, project)
	if err != nil {
		return err
	}
	for _, a := range acts {
		if a.Kind == JointDestroyKey && (a.State == JointApproved || a.State == JointDone) {
			return gatehouse.Errorf(gatehouse.CodeKeys, "The key of project %q was destroyed.", project)
		}
	}
	return nil
}

func unwritable(err error) error {
	return gatehouse.Errorf(gatehouse.CodeStorage, "The population cannot be written.").
		WithAdvice("The operator must make room on the volume, or make the workspace's folder writable.").Because(err)
}

// makeFolder makes the workspace's folder and the scratch folder in it, both for
// its engine's user id.
func (s *Service) makeFolder(workspace string) error {
	folder := s.folder(workspace)
	scratch := filepath.Join(folder, "scratch")
	if err := os.MkdirAll(scratch, 0o700); err != nil {
		return err
	}
	if s.Engine == nil || os.Geteuid() != 0 {
		return nil
	}
	uid, gid := s.Engine(workspace)
	return errors.Join(os.Chown(folder, uid, gid), os.Chown(scratch, uid, gid))
}

// Names are what a project knows its people by.
type Names struct {
	Pseudonyms Pseudonyms
}

// names gives those of a workspace, of the epoch in which it was opened.
func (s *Service) names(ctx context.Context, w Workspace, v catalog.Version) (n Names, err error) {
	n.Pseudonyms, err = s.Pseudonymiser.Pseudonyms(ctx, w.Project, v.Family, w.Epoch)
	return n, err
}

// WritePopulation writes to w, as Parquet, each unit of v that is not withdrawn
// with its pseudonym, in the order of
// units, and returns how many. The units file must be the one that the manifest
// names, and strictly ascending; else CodeManifest.
func WritePopulation(ctx context.Context, w io.Writer, v catalog.Version, withdrawn *roaring.Bitmap, names Names) (int64, error) {
	damaged := func(err error) error {
		return gatehouse.Errorf(gatehouse.CodeManifest, "The units of %s cannot be read as they were published.", v.Name()).Because(err)
	}
	path := filepath.Join(v.Folder, v.UnitsFile.Path)
	if err := checkDigest(path, v.UnitsFile.SHA256); err != nil {
		return 0, damaged(err)
	}
	in, err := file.OpenParquetFile(path, false)
	if err != nil {
		return 0, damaged(err)
	}
	defer in.Close()
	arrowFile, err := pqarrow.NewFileReader(in, pqarrow.ArrowReadProperties{BatchSize: populationGroup}, memory.DefaultAllocator)
	if err != nil {
		return 0, damaged(err)
	}
	batches, err := arrowFile.GetRecordReader(ctx, nil, nil)
	if err != nil {
		return 0, damaged(err)
	}
	defer batches.Release()

	schema := names.schema()
	out, err := newPopulationWriter(schema, w)
	if err != nil {
		return 0, err
	}
	var read, written int64
	last := int64(-1)
	units := make([]uint32, 0, populationGroup)
	flush := func() error {
		if len(units) == 0 {
			return nil
		}
		batch, err := names.of(units, schema)
		if err != nil {
			return err
		}
		defer batch.Release()
		written += int64(len(units))
		units = units[:0]
		if err := out.Write(batch); err != nil {
			return unwritable(err)
		}
		return nil
	}
	for batches.Next() {
		batch := batches.RecordBatch()
		if batch.NumCols() != 1 || batch.Schema().Field(0).Name != catalog.UnitColumn {
			return 0, damaged(errors.New("it has other columns than the unit"))
		}
		column, err := unitsOf(batch.Column(0))
		if err != nil {
			return 0, damaged(err)
		}
		for _, unit := range column {
			if int64(unit) <= last {
				return 0, damaged(errors.New("units are not ascending"))
			}
			last = int64(unit)
			if withdrawn.Contains(unit) {
				continue
			}
			if units = append(units, unit); len(units) == populationGroup {
				if err := flush(); err != nil {
					return 0, err
				}
			}
		}
		read += int64(len(column))
	}
	if err := batches.Err(); err != nil && !errors.Is(err, io.EOF) {
		return 0, damaged(err)
	}
	if read != v.Units {
		return 0, damaged(fmt.Errorf("it has %d units, the manifest says %d", read, v.Units))
	}
	if err := flush(); err != nil {
		return 0, err
	}
	if err := out.Close(); err != nil {
		return 0, unwritable(err)
	}
	return written, nil
}

// newPopulationWriter begins a population file. Pseudonyms are random to a compressor
// but for their alphabet; plain pages are the fastest to write and to read.
func newPopulationWriter(schema *arrow.Schema, w io.Writer) (*pqarrow.FileWriter, error) {
	out, err := pqarrow.NewFileWriter(schema, w, parquet.NewWriterProperties(
		parquet.WithDictionaryDefault(false), parquet.WithCompression(compress.Codecs.Uncompressed),
		parquet.WithStatsFor(catalog.PersonColumn, false), parquet.WithMaxRowGroupLength(populationGroup),
		parquet.WithEncodingFor(catalog.UnitColumn, parquet.Encodings.DeltaBinaryPacked),
	), pqarrow.DefaultWriterProps())
	if err != nil {
		return nil, unwritable(err)
	}
	return out, nil
}

// unitsOf reads a column of units, in whichever integer type it was written.
func unitsOf(column arrow.Array) ([]uint32, error) {
	if column.NullN() > 0 {
		return nil, errors.New("a unit is missing")
	}
	switch column := column.(type) {
	case *array.Uint32:
		return column.Uint32Values(), nil
	case *array.Int64:
		units := make([]uint32, column.Len())
		for i, unit := range column.Int64Values() {
			if unit != int64(uint32(unit)) {
				return nil, errors.New("a unit is out of range")
			}
			units[i] = uint32(unit)
		}
		return units, nil
	}
	return nil, fmt.Errorf("units are of type %s", column.DataType())
}

func (n Names) schema() *arrow.Schema {
	return arrow.NewSchema(populationColumns, nil)
}

// of makes a batch of units with their names, on all processors.
func (n Names) of(units []uint32, schema *arrow.Schema) (arrow.RecordBatch, error) {
	text := make([]byte, len(units)*PseudonymLength)
	var g errgroup.Group
	workers := runtime.GOMAXPROCS(0)
	for k := range workers {
		first, last := len(units)*k/workers, len(units)*(k+1)/workers
		g.Go(func() error {
			part := text[first*PseudonymLength : first*PseudonymLength : last*PseudonymLength]
			made, err := n.Pseudonyms.AppendPseudonyms(part, units[first:last])
			if err != nil {
				return err
			}
			if len(made) != cap(part) {
				return errors.New("workspaces: pseudonyms of another length")
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	offsets := make([]int32, len(units)+1)
	for i := range offsets {
		offsets[i] = int32(i * PseudonymLength)
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	b.Field(0).(*array.Uint32Builder).AppendValues(units, nil)
	columns := []arrow.Array{b.Field(0).NewArray(), array.MakeFromData(array.NewData(arrow.BinaryTypes.String, len(units),
		[]*memory.Buffer{nil, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets)), memory.NewBufferBytes(text)}, nil, 0, 0))}
	return array.NewRecordBatch(schema, columns, int64(len(units))), nil
}

// checkDigest reports whether the file's content has the SHA-256 that its
// manifest says.
func checkDigest(path, want string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var digest hash.Hash = sha256.New()
	if _, err := io.Copy(digest, f); err != nil {
		return err
	}
	if hex.EncodeToString(digest.Sum(nil)) != want {
		return errors.New("it is not the file that the manifest names")
	}
	return nil
}

// replacement is a file that takes its place, whole, when it is committed.
type replacement struct {
	*os.File
	path string
}

// newReplacement begins a file of the given mode and, where a process may choose
// it, owner; -1 is the process itself.
func newReplacement(path string, mode os.FileMode, uid, gid int) (*replacement, error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return nil, err
	}
	r := &replacement{f, path}
	err = f.Chmod(mode)
	if err == nil && uid >= 0 && os.Geteuid() == 0 {
		err = f.Chown(uid, gid)
	}
	if err != nil {
		r.discard()
		return nil, err
	}
	return r, nil
}

func (r *replacement) commit() error {
	if err := errors.Join(r.Sync(), r.Close()); err != nil {
		return err
	}
	return os.Rename(r.Name(), r.path)
}

// discard removes what was not committed.
func (r *replacement) discard() {
	r.Close()
	os.Remove(r.Name())
}

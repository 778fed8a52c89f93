package catalog

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gatehouse-tre/gatehouse"
)

// personIndex maps identifiers to units for ever: a person keeps the unit of the
// first publication in all later ones. It stands in the custodian zone as a
// folder of segments, one for each publication that brought new people; a segment
// is an Arrow file of identifier and unit that is never changed, named by its
// first unit, so that a missing one is noticed.
type personIndex struct {
	dir   string
	units map[uint32]uint32 // by key of the identifier
	next  uint32            // units below are taken
}

var indexSchema = arrow.NewSchema([]arrow.Field{
	{Name: "identifier", Type: arrow.BinaryTypes.String},
	{Name: "unit", Type: arrow.PrimitiveTypes.Uint32},
}, nil)

const segmentSuffix = ".arrow"

func segmentName(first uint32) string { return fmt.Sprintf("%010d%s", first, segmentSuffix) }

// openIndex reads an index; a folder that is not there is an empty index.
func openIndex(ctx context.Context, dir string, ids identifiers) (*personIndex, error) {
	x := &personIndex{dir: dir, units: make(map[uint32]uint32)}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, indexFailure(err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), segmentSuffix) {
			names = append(names, e.Name())
		}
	}
	sort.Strings(names)
	for _, name := range names {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if name != segmentName(x.next) {
			return nil, indexFailure(errors.New("segment " + segmentName(x.next) + " is missing"))
		}
		if err := x.readSegment(filepath.Join(dir, name), ids); err != nil {
			return nil, indexFailure(fmt.Errorf("segment %s: %w", name, err))
		}
	}
	return x, nil
}

// indexFailure is an index that cannot be trusted. Units must never be given
// twice, so nothing is published with it.
func indexFailure(err error) error {
	return gatehouse.Errorf(gatehouse.CodeManifest, "The person index is damaged or incomplete.").
		WithAdvice("Restore the custodian's index folder from a backup; nothing was published.").Because(err)
}

func (x *personIndex) readSegment(path string, ids identifiers) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := ipc.NewFileReader(f)
	if err != nil {
		return err
	}
	defer r.Close()
	if !r.Schema().Equal(indexSchema) {
		return errors.New("not a person index")
	}
	for i := range r.NumRecords() {
		batch, err := r.RecordBatch(i)
		if err != nil {
			return err
		}
		identifier := batch.Column(0).(*array.String)
		unit := batch.Column(1).(*array.Uint32)
		for row := range int(batch.NumRows()) {
			key, why := ids.add([]byte(identifier.Value(row)))
			if why != "" || unit.Value(row) != x.next {
				return fmt.Errorf("unit %d is wrong", x.next)
			}
			if _, twice := x.units[key]; twice {
				return fmt.Errorf("unit %d is a person's second", x.next)
			}
			x.units[key] = x.next
			x.next++
		}
	}
	return nil
}

// assign gives a unit to each key that has none, in an order that nothing of the
// people or their rows tells, and writes them as a segment into folder work,
// where it has no effect yet. It returns the segment's path, "" if nobody is new.
func (x *personIndex) assign(keys []uint32, ids identifiers, work string) (segment string, err error) {
	var fresh []uint32
	for _, key := range keys {
		if _, ok := x.units[key]; !ok {
			fresh = append(fresh, key)
		}
	}
	if len(fresh) == 0 {
		return "", nil
	}
	if uint64(x.next)+uint64(len(fresh)) > math.MaxUint32 {
		return "", gatehouse.Errorf(gatehouse.CodeTooLarge, "The person index is full.")
	}
	var seed [32]byte
	if _, err := crand.Read(seed[:]); err != nil {
		return "", err
	}
	shuffle := rand.New(rand.NewChaCha8(seed))
	shuffle.Shuffle(len(fresh), func(i, j int) { fresh[i], fresh[j] = fresh[j], fresh[i] })

	segment = filepath.Join(work, segmentName(x.next))
	f, err := os.OpenFile(segment, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	defer f.Close()
	w, err := ipc.NewFileWriter(f, ipc.WithSchema(indexSchema))
	if err != nil {
		return "", err
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, indexSchema)
	defer b.Release()
	const rows = 65536
	for len(fresh) > 0 {
		part := fresh[:min(len(fresh), rows)]
		fresh = fresh[len(part):]
		for _, key := range part {
			x.units[key] = x.next
			b.Field(0).(*array.StringBuilder).Append(ids.text(key))
			b.Field(1).(*array.Uint32Builder).Append(x.next)
			x.next++
		}
		batch := b.NewRecordBatch()
		err := w.Write(batch)
		batch.Release()
		if err != nil {
			return "", err
		}
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	return segment, f.Sync()
}

// commit makes a segment part of the index, durably.
func (x *personIndex) commit(segment string) error {
	if segment == "" {
		return nil
	}
	if err := os.MkdirAll(x.dir, 0o700); err != nil {
		return err
	}
	if err := os.Rename(segment, filepath.Join(x.dir, filepath.Base(segment))); err != nil {
		return err
	}
	return syncFolder(x.dir)
}

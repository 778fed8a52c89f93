package catalog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gatehouse-tre/gatehouse"
)

// The index is a folder of segments: Arrow files that are never changed, each named
// by the first unit that is free before it and by its place, and each holding the
// SHA-256 of the one before it. The file "head" names the last. So a segment that is
// missing, cut, changed or exchanged is noticed when the index is opened.

// indexEvent is what an entry of the index says of an identifier.
type indexEvent uint8

const (
	indexPerson indexEvent = iota // a new person's first: the unit is new
	indexAlso                     // another of a person who is known
	indexMoved                    // it is of another person than was thought, who is known
	indexSplit                    // it is of a person of their own: the unit is new
)

// indexEntry is one row of the index.
type indexEntry struct {
	identifier   string
	organisation string // whose local number it is; "" for the identifiers that the index is of
	unit         uint32
	event        indexEvent
}

const (
	segmentSuffix = ".arrow"
	headFile      = "head"
)

var (
	// firstIndexSchema is that of segments that hold new people only, and no chain.
	firstIndexSchema = arrow.NewSchema([]arrow.Field{
		{Name: "identifier", Type: arrow.BinaryTypes.String},
		{Name: "unit", Type: arrow.PrimitiveTypes.Uint32},
	}, nil)
	indexFields = []arrow.Field{
		{Name: "identifier", Type: arrow.BinaryTypes.String},
		{Name: "unit", Type: arrow.PrimitiveTypes.Uint32},
		{Name: "organisation", Type: arrow.BinaryTypes.String},
		{Name: "event", Type: arrow.PrimitiveTypes.Uint8},
	}
)

const previousKey = "previous" // metadata of a segment: SHA-256 of the one before it

func firstSegmentName(first uint32) string { return fmt.Sprintf("%010d%s", first, segmentSuffix) }

func segmentName(first uint32, place int) string {
	return fmt.Sprintf("%010d-%06d%s", first, place, segmentSuffix)
}

// indexEnd is where an index ends.
type indexEnd struct {
	next     uint32 // units below are taken
	segments int
	last     string // SHA-256 of the last segment
}

// indexHead is what the file "head" holds.
type indexHead struct {
	Segments int    `json:"segments"`
	SHA256   string `json:"sha256"`
}

// indexFailure is an index that cannot be trusted. Units must never be given
// twice, so nothing is published with it.
func indexFailure(err error) error {
	return gatehouse.Errorf(gatehouse.CodeManifest, "The person index is damaged or incomplete.").
		WithAdvice("Restore the custodian's index folder from a backup; nothing was published.").Because(err)
}

// scanIndex verifies an index and gives each entry, in the order in which they were
// made. A folder that is not there is an empty index. Errors of each are passed on
// as damage.
func scanIndex(ctx context.Context, dir string, each func(indexEntry) error) (indexEnd, error) {
	var end indexEnd
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return end, indexFailure(err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), segmentSuffix) {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	before, chained := indexEnd{}, 0
	for _, name := range names {
		if ctx.Err() != nil {
			return end, ctx.Err()
		}
		chain := name == segmentName(end.next, end.segments)
		if !chain && (name != firstSegmentName(end.next) || chained > 0) {
			return end, indexFailure(errors.New("segment " + segmentName(end.next, end.segments) + " is missing"))
		}
		if chain {
			chained++
		}
		before = end
		if err := end.read(filepath.Join(dir, name), chain, each); err != nil {
			return end, indexFailure(fmt.Errorf("segment %s: %w", name, err))
		}
	}
	return end, checkHead(dir, before, end, chained)
}

// checkHead compares the head with the segments that are there. It may be one
// behind: a crash may have come between a segment and its head.
func checkHead(dir string, before, end indexEnd, chained int) error {
	text, err := os.ReadFile(filepath.Join(dir, headFile))
	if errors.Is(err, fs.ErrNotExist) && chained <= 1 {
		return nil
	}
	if err != nil {
		return indexFailure(err)
	}
	var head indexHead
	if err := json.Unmarshal(text, &head); err != nil {
		return indexFailure(fmt.Errorf("the head: %w", err))
	}
	for _, e := range []indexEnd{end, before} {
		if head == (indexHead{e.segments, e.last}) {
			return nil
		}
	}
	return indexFailure(errors.New("its head names another last segment"))
}

// read reads one segment.
func (end *indexEnd) read(path string, chain bool, each func(indexEntry) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return err
	}
	r, err := ipc.NewFileReader(f)
	if err != nil {
		return err
	}
	defer r.Close()
	switch {
	case !chain && !r.Schema().Equal(firstIndexSchema):
		return errors.New("not a person index")
	case chain:
		previous, ok := r.Schema().Metadata().GetValue(previousKey)
		if !ok || previous != end.last {
			return errors.New("it follows another segment")
		}
		if !r.Schema().Equal(arrow.NewSchema(indexFields, nil)) {
			return errors.New("not a person index")
		}
	}
	for i := range r.NumRecords() {
		batch, err := r.RecordBatch(i)
		if err != nil {
			return err
		}
		if err := end.rows(batch, chain, each); err != nil {
			return err
		}
	}
	end.segments, end.last = end.segments+1, hex.EncodeToString(sum.Sum(nil))
	return nil
}

func (end *indexEnd) rows(batch arrow.RecordBatch, chain bool, each func(indexEntry) error) error {
	identifier, unit := batch.Column(0).(*array.String), batch.Column(1).(*array.Uint32)
	var organisation *array.String
	var event *array.Uint8
	if chain {
		organisation, event = batch.Column(2).(*array.String), batch.Column(3).(*array.Uint8)
	}
	for row := range int(batch.NumRows()) {
		e := indexEntry{identifier: identifier.Value(row), unit: unit.Value(row)}
		if chain {
			e.organisation, e.event = organisation.Value(row), indexEvent(event.Value(row))
		}
		switch e.event {
		case indexPerson, indexSplit:
			if e.unit != end.next {
				return fmt.Errorf("unit %d is wrong", end.next)
			}
			end.next++
		case indexAlso, indexMoved:
			if e.unit >= end.next {
				return fmt.Errorf("unit %d is nobody's", e.unit)
			}
		default:
			return errors.New("an entry of an unknown kind")
		}
		if err := each(e); err != nil {
			return err
		}
	}
	return nil
}

// segmentWriter writes a segment into a folder where it has no effect.
type segmentWriter struct {
	f       *os.File
	path    string
	w       *ipc.FileWriter
	builder *array.RecordBuilder
	rows    int
}

// newSegment begins the segment that follows end.
func newSegment(work string, end indexEnd) (*segmentWriter, error) {
	s := &segmentWriter{path: filepath.Join(work, segmentName(end.next, end.segments))}
	var err error
	if s.f, err = os.OpenFile(s.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return nil, err
	}
	metadata := arrow.NewMetadata([]string{previousKey}, []string{end.last})
	schema := arrow.NewSchema(indexFields, &metadata)
	if s.w, err = ipc.NewFileWriter(s.f, ipc.WithSchema(schema)); err != nil {
		s.f.Close()
		return nil, err
	}
	s.builder = array.NewRecordBuilder(memory.DefaultAllocator, schema)
	return s, nil
}

func (s *segmentWriter) add(e indexEntry) error {
	s.builder.Field(0).(*array.StringBuilder).Append(e.identifier)
	s.builder.Field(1).(*array.Uint32Builder).Append(e.unit)
	s.builder.Field(2).(*array.StringBuilder).Append(e.organisation)
	s.builder.Field(3).(*array.Uint8Builder).Append(uint8(e.event))
	if s.rows++; s.rows%65536 == 0 {
		return s.flush()
	}
	return nil
}

func (s *segmentWriter) flush() error {
	batch := s.builder.NewRecordBatch()
	defer batch.Release()
	return s.w.Write(batch)
}

// close makes the segment durable and gives its SHA-256.
func (s *segmentWriter) close() (sum string, err error) {
	defer s.f.Close()
	defer s.builder.Release()
	if err := errors.Join(s.flush(), s.w.Close(), s.f.Sync()); err != nil {
		return "", err
	}
	h := sha256.New()
	if _, err := s.f.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	if _, err := io.Copy(h, s.f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// commitSegment makes a segment part of an index, durably: the segment first, since
// a head may be behind and never ahead.
func commitSegment(dir, segment string, end indexEnd) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := os.Rename(segment, filepath.Join(dir, filepath.Base(segment))); err != nil {
		return err
	}
	if err := syncFolder(dir); err != nil {
		return err
	}
	text, err := json.Marshal(indexHead{end.segments, end.last})
	if err != nil {
		return err
	}
	fresh := filepath.Join(dir, headFile+".new")
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeSynced(fresh, append(text, '\n'), 0o600); err != nil {
		return err
	}
	if err := os.Rename(fresh, filepath.Join(dir, headFile)); err != nil {
		return err
	}
	return syncFolder(dir)
}

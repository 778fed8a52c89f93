package source

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

// Bounds of a Parquet file from elsewhere.
const (
	maxFooter = 16 << 20  // bytes of the footer
	maxPage   = 128 << 20 // bytes of one page, unpacked
	maxHeader = 1 << 20   // bytes of a page's header
)

// The codecs of column chunks
// (https://github.com/apache/parquet-format/blob/master/Compression.md). Brotli, LZO
// and LZ4 in its first, ambiguous form are never read.
var parquetCodecs = map[int64]string{0: "none", 1: "snappy", 2: "gzip", 6: "zstd", 7: "lz4"}

// ParquetFault is why a Parquet file is not read.
type ParquetFault struct {
	What    string // the rest of a sentence that begins with the file's name
	Column  int    // from 1; 0: none in particular
	Damaged bool   // rather than of a form that is not read
	Err     error
}

func (f *ParquetFault) Error() string { return f.What }
func (f *ParquetFault) Unwrap() error { return f.Err }

func parquetFault(column int, format string, args ...any) error {
	return &ParquetFault{What: fmt.Sprintf(format, args...), Column: column}
}

func damagedFault(column int, what string) error {
	return &ParquetFault{What: what, Column: column, Damaged: true}
}

// footer is what is believed of a file's footer.
type footer struct {
	rows   int64
	names  []string
	groups []footerGroup
}

type footerGroup struct {
	rows   int64
	chunks []footerChunk
}

type footerChunk struct {
	codec, values, packed, data, dictionary int64
}

// start is where the chunk's first page is.
func (c footerChunk) start() int64 {
	if c.dictionary > 0 && c.dictionary < c.data {
		return c.dictionary
	}
	return c.data
}

// CheckParquet reads the footer of a Parquet file and the header of every page,
// before any library is shown the file: no codec but those above, nothing
// encrypted, nested, repeated or kept in another file, every size within the file
// and within bounds. Pages whose codec lets a few bytes ask for any amount of
// memory are unpacked here, within bounds, to see that they are of the size that
// they claim. It gives the names of the columns and how many rows there are.
func CheckParquet(r io.ReaderAt, size int64) (names []string, rows int64, err error) {
	f, err := readFooter(r, size)
	if err != nil {
		return nil, 0, err
	}
	pages := pageChecker{r: r, size: size}
	for _, g := range f.groups {
		for i, c := range g.chunks {
			if g.rows == 0 {
				continue
			}
			if err := pages.check(i+1, c); err != nil {
				return nil, 0, err
			}
		}
	}
	return f.names, f.rows, nil
}

func readFooter(r io.ReaderAt, size int64) (*footer, error) {
	var tail [8]byte
	if size < 12 {
		return nil, parquetFault(0, "is not a Parquet file: it is too short")
	}
	if _, err := r.ReadAt(tail[:], size-8); err != nil {
		return nil, err
	}
	var head [4]byte
	if _, err := r.ReadAt(head[:], 0); err != nil {
		return nil, err
	}
	switch {
	case string(tail[4:]) == "PARE":
		return nil, parquetFault(0, "is encrypted")
	case string(head[:]) != "PAR1":
		return nil, parquetFault(0, "is not a Parquet file")
	case string(tail[4:]) != "PAR1":
		return nil, damagedFault(0, "is cut off: it has no Parquet footer at its end")
	}
	n := int64(binary.LittleEndian.Uint32(tail[:4]))
	if n > maxFooter || n > size-12 {
		return nil, damagedFault(0, "is damaged: its footer cannot be as long as it says")
	}
	b := make([]byte, n)
	if _, err := r.ReadAt(b, size-8-n); err != nil {
		return nil, err
	}
	f, err := parseFooter(b)
	if err != nil {
		var known *ParquetFault
		if errors.As(err, &known) {
			return nil, err
		}
		return nil, &ParquetFault{Damaged: true, What: "is damaged: its footer cannot be read", Err: err}
	}
	return f, f.check(size - 8 - n)
}

// parseFooter reads FileMetaData
// (https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift).
func parseFooter(b []byte) (*footer, error) {
	f := &footer{}
	r := &compact{b: b}
	err := r.structure(func(id int16, kind byte) error {
		switch {
		case id == 2 && kind == compactList:
			return f.schema(r)
		case id == 3 && kind == compactI64:
			return r.number(&f.rows)
		case id == 4 && kind == compactList:
			return r.list(func() error {
				g, err := parseGroup(r)
				f.groups = append(f.groups, g)
				return err
			})
		case id == 8:
			return parquetFault(0, "is encrypted")
		}
		return r.skip(kind)
	})
	if err == nil && r.at != len(b) {
		err = errCompact
	}
	return f, err
}

// schema reads a flat schema: a root and its columns.
func (f *footer) schema(r *compact) error {
	children := int64(-1)
	err := r.list(func() error {
		var name string
		var n, repetition int64 = -1, -1
		err := r.structure(func(id int16, kind byte) error {
			switch {
			case id == 3 && kind == compactI32:
				return r.number(&repetition)
			case id == 4 && kind == compactBinary:
				b, err := r.binary()
				name = string(b)
				return err
			case id == 5 && kind == compactI32:
				return r.number(&n)
			}
			return r.skip(kind)
		})
		if err != nil {
			return err
		}
		if children < 0 {
			children = n
			return nil
		}
		f.names = append(f.names, name)
		switch {
		case n >= 0:
			return parquetFault(len(f.names), "has nested columns; only flat tables are read")
		case repetition != 0 && repetition != 1:
			return parquetFault(len(f.names), "has columns that hold lists; only flat tables are read")
		}
		return nil
	})
	if err == nil && (children <= 0 || children != int64(len(f.names))) {
		err = errCompact
	}
	return err
}

func parseGroup(r *compact) (g footerGroup, err error) {
	g.rows = -1
	err = r.structure(func(id int16, kind byte) error {
		switch {
		case id == 1 && kind == compactList:
			return r.list(func() error {
				c, err := parseChunk(r, len(g.chunks)+1)
				g.chunks = append(g.chunks, c)
				return err
			})
		case id == 3 && kind == compactI64:
			return r.number(&g.rows)
		}
		return r.skip(kind)
	})
	return g, err
}

func parseChunk(r *compact, column int) (footerChunk, error) {
	c := footerChunk{codec: -1, values: -1, packed: -1, data: -1}
	described := false
	err := r.structure(func(id int16, kind byte) error {
		switch id {
		case 1:
			return parquetFault(column, "keeps columns in other files")
		case 8, 9:
			return parquetFault(column, "is encrypted")
		case 3:
			if kind != compactStruct {
				return errCompact
			}
			described = true
			numbers := map[int16]*int64{4: &c.codec, 5: &c.values, 7: &c.packed, 9: &c.data, 11: &c.dictionary}
			return r.structure(func(id int16, kind byte) error {
				if to, ok := numbers[id]; ok {
					if kind != compactI32 && kind != compactI64 {
						return errCompact
					}
					return r.number(to)
				}
				return r.skip(kind)
			})
		}
		return r.skip(kind)
	})
	if err == nil && !described {
		err = errCompact
	}
	return c, err
}

// check holds the footer's numbers against each other, and against the end of
// what may be data.
func (f *footer) check(end int64) error {
	rows := int64(0)
	for _, g := range f.groups {
		if len(g.chunks) != len(f.names) || g.rows < 0 || g.rows > f.rows-rows {
			return damagedFault(0, "is damaged: its row groups do not fit its schema")
		}
		rows += g.rows
		for i, c := range g.chunks {
			if _, ok := parquetCodecs[c.codec]; !ok {
				if c.codec == 4 {
					return parquetFault(i+1, "has columns that are packed with Brotli, which is never opened; write it with zstd")
				}
				return parquetFault(i+1, "has columns that are packed in a way that is not read; write it with zstd")
			}
			if g.rows == 0 && c.values == 0 {
				continue // nothing of it is read
			}
			start := c.start()
			if c.values != g.rows || c.data < 4 || start < 4 || c.packed < 0 || start > end || c.packed > end-start {
				return damagedFault(i+1, "is damaged: a column does not lie within the file")
			}
		}
	}
	if rows != f.rows {
		return damagedFault(0, "is damaged: its row groups do not hold as many rows as it says")
	}
	return nil
}

// pageChecker walks over the pages of column chunks.
type pageChecker struct {
	r    io.ReaderAt
	size int64
	buf  []byte
	page []byte
	zstd *zstd.Decoder
}

// page is the header of a page.
type page struct {
	kind, unpacked, packed, values, definitions, repetitions int64
	plain                                                    bool // of version 2: its values are not packed
}

// The kinds of pages.
const (
	pageData       = 0
	pageDictionary = 2
	pageDataV2     = 3
)

func (p *pageChecker) check(column int, c footerChunk) error {
	at, end := c.start(), c.start()+c.packed
	values := int64(0)
	first := true
	for at < end {
		h, length, err := p.header(at, min(end-at, maxHeader))
		if err != nil {
			return &ParquetFault{Damaged: true, What: "is damaged: a page's header cannot be read", Column: column, Err: err}
		}
		at += length
		switch {
		case h.unpacked < 0 || h.packed < 0 || h.values < 0 || h.packed > end-at || h.definitions < 0 || h.repetitions < 0 || h.definitions+h.repetitions > min(h.packed, h.unpacked):
			return damagedFault(column, "is damaged: a page does not lie within its column")
		case h.unpacked > maxPage:
			return parquetFault(column, "has a page of more than %d bytes", maxPage)
		case h.kind == pageDictionary && (!first || h.values > h.unpacked):
			return damagedFault(column, "is damaged: a dictionary holds more than it has room for")
		}
		if h.kind == pageData || h.kind == pageDataV2 {
			values += h.values
		}
		if err := p.unpack(column, c.codec, h, at); err != nil {
			return err
		}
		at += h.packed
		first = false
	}
	if values != c.values {
		return damagedFault(column, "is damaged: a column does not hold as many values as it says")
	}
	return nil
}

// header reads the header of the page at an offset, and gives its length.
func (p *pageChecker) header(at, limit int64) (h page, length int64, err error) {
	for n := min(limit, 4096); ; n = min(limit, n*16) {
		if int64(cap(p.buf)) < n {
			p.buf = make([]byte, n)
		}
		b := p.buf[:n]
		if _, err := p.r.ReadAt(b, at); err != nil {
			return h, 0, err
		}
		r := &compact{b: b}
		h, err = parsePage(r)
		if err == nil || n == limit {
			return h, int64(r.at), err
		}
	}
}

func parsePage(r *compact) (page, error) {
	h := page{kind: -1, unpacked: -1, packed: -1}
	err := r.structure(func(id int16, kind byte) error {
		switch {
		case id <= 3 && id >= 1:
			if kind != compactI32 {
				return errCompact
			}
			return r.number([]*int64{&h.kind, &h.unpacked, &h.packed}[id-1])
		case (id == 5 || id == 7 || id == 8) && kind == compactStruct:
			return r.structure(func(inner int16, kind byte) error {
				switch {
				case inner == 1 && kind == compactI32:
					return r.number(&h.values)
				case id == 8 && inner == 5 && kind == compactI32:
					return r.number(&h.definitions)
				case id == 8 && inner == 6 && kind == compactI32:
					return r.number(&h.repetitions)
				case id == 8 && inner == 7:
					h.plain = kind == compactFalse
				}
				return r.skip(kind)
			})
		}
		return r.skip(kind)
	})
	return h, err
}

// unpack makes sure that a page unpacks to the size that it claims, for the
// codecs whose own word would be taken for it.
func (p *pageChecker) unpack(column int, codec int64, h page, at int64) error {
	skip := int64(0)
	if h.kind == pageDataV2 {
		if skip = h.definitions + h.repetitions; h.plain {
			return nil
		}
	}
	if name := parquetCodecs[codec]; (name != "snappy" && name != "zstd") || h.packed == skip {
		return nil
	}
	if int64(cap(p.page)) < h.packed-skip {
		if h.packed > 2*maxPage {
			return parquetFault(column, "has a page of more than %d bytes", maxPage)
		}
		p.page = make([]byte, h.packed-skip)
	}
	b := p.page[:h.packed-skip]
	if _, err := p.r.ReadAt(b, at+skip); err != nil {
		return err
	}
	n := 0
	var err error
	if parquetCodecs[codec] == "snappy" {
		n, err = snappy.DecodedLen(b)
	} else {
		n, err = p.unzstd(b)
	}
	if err != nil || int64(n) != h.unpacked-skip {
		return &ParquetFault{Damaged: true, What: "is damaged: a page does not unpack to the size that it claims", Column: column, Err: err}
	}
	return nil
}

func (p *pageChecker) unzstd(b []byte) (int, error) {
	if p.zstd == nil {
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPage), zstd.WithDecoderMaxWindow(maxPage))
		if err != nil {
			return 0, err
		}
		p.zstd = d
	}
	out, err := p.zstd.DecodeAll(b, nil)
	return len(out), err
}

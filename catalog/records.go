package catalog

import (
	"bytes"
	"errors"
	"io"
)

// maxRecord is the longest record, in bytes, that is read.
const maxRecord = 1 << 20

// The faults of a file as a whole. They stop a publication.
var (
	errQuoteOpen    = errors.New("a quote is never closed")
	errRecordLong   = errors.New("a line is too long")
	errResourceLong = errors.New("a resource is too long")
)

// records splits a delimited file into records, by RFC 4180: fields may be
// quoted, quotes inside are doubled, and quoted fields may hold line ends. It
// reads no meaning into a record. What RFC 4180 leaves open is read strictly: a
// quote inside an unquoted field, or text after a closing quote, is a fault of
// the row; a quote that is not closed properly before another line's text
// contradicts it is a fault of the file, because everything after it is in doubt.
type records struct {
	in         io.Reader
	delimiter  byte
	buf        []byte
	start, end int // what is read and not yet taken
	eof        bool
	plain      bool  // quotation marks mean nothing
	max        int   // longest record
	tooLong    error // what a longer one is
	quotes     bool  // what is read and not yet taken may hold a quotation mark
	line       int64 // number of the line at start, from 1

	lines int64 // line ends that were taken
	whole bool  // what was taken last had a line end
	blank int64 // blank lines that were passed over
}

// record is one record of a file. Its bytes are valid until the next call.
type record struct {
	raw      []byte // without its line end
	line     int64  // the line on which it begins
	quoted   bool   // it holds a quotation mark
	broken   bool   // its quoting is wrong
	complete bool   // a line end follows
	fault    *fault // what else is wrong with it, if whoever reads it knows
}

// fault is what is wrong with a row, and where in it.
type fault struct {
	path string
	why  Reason
}

func newRecords(in io.Reader, delimiter byte) *records {
	return &records{in: in, delimiter: delimiter, buf: make([]byte, 256<<10), line: 1, max: maxRecord, tooLong: errRecordLong}
}

// fill reads more; it is only called before eof.
func (r *records) fill() error {
	if r.start > 0 {
		copy(r.buf, r.buf[r.start:r.end])
		r.end -= r.start
		r.start = 0
	}
	if r.end == len(r.buf) {
		if len(r.buf) >= 2*r.max {
			return r.tooLong
		}
		r.buf = append(r.buf, make([]byte, len(r.buf))...)
	}
	n, err := r.in.Read(r.buf[r.end:])
	r.quotes = !r.plain && bytes.IndexByte(r.buf[:r.end+n], '"') >= 0
	r.end += n
	if err == io.EOF {
		r.eof = true
		return nil
	}
	return err
}

// next gives the next record, or io.EOF. Blank lines are no records. Any other
// error ends the file: errQuoteOpen and errRecordLong concern the record that
// begins at r.line.
func (r *records) next() (record, error) {
	searched := 0 // bytes after start that hold no line end
	for {
		i := bytes.IndexByte(r.buf[r.start+searched:r.end], '\n')
		if i < 0 && !r.eof {
			searched = r.end - r.start
			if err := r.fill(); err != nil {
				return record{}, err
			}
			continue
		}
		if i < 0 && r.start == r.end {
			return record{}, io.EOF
		}
		size, complete := r.end-r.start, false
		if i >= 0 {
			size, complete = searched+i, true
		}
		raw := r.buf[r.start : r.start+size]
		if r.quotes && bytes.IndexByte(raw, '"') >= 0 {
			return r.nextQuoted(size)
		}
		rec := record{raw: withoutReturn(raw), line: r.line, complete: complete}
		r.take(size, complete)
		if len(rec.raw) == 0 {
			r.blank++
			searched = 0
			continue
		}
		return rec, nil
	}
}

// take moves past a record of one line.
func (r *records) take(size int, complete bool) {
	r.start += size
	if r.whole = complete; complete {
		r.start++
		r.lines++
		r.line++
	}
}

func withoutReturn(raw []byte) []byte {
	if n := len(raw); n > 0 && raw[n-1] == '\r' {
		return raw[:n-1]
	}
	return raw
}

// nextQuoted takes a record that has a quotation mark in its first line, which
// is size bytes long.
func (r *records) nextQuoted(size int) (record, error) {
	for {
		length, state := quotedLength(r.buf[r.start:r.end], r.delimiter)
		switch {
		case state == quotedOpen && !r.eof && r.end-r.start <= r.max:
			if err := r.fill(); err != nil {
				return record{}, err
			}
			continue
		case state == quotedOpen, state == quotedBroken && length > size:
			return record{}, errQuoteOpen
		case state == quotedBroken:
			complete := r.start+size < r.end
			rec := record{raw: withoutReturn(r.buf[r.start : r.start+size]), line: r.line, quoted: true, broken: true, complete: complete}
			r.take(size, complete)
			return rec, nil
		case state == quotedCut && !r.eof:
			if err := r.fill(); err != nil {
				return record{}, err
			}
			continue
		}
		complete := state == quotedWhole
		raw := r.buf[r.start : r.start+length]
		rec := record{raw: withoutReturn(raw), line: r.line, quoted: true, complete: complete}
		inside := int64(bytes.Count(raw, []byte{'\n'}))
		r.lines += inside
		r.line += inside
		r.take(length, complete)
		return rec, nil
	}
}

// How a scan of a quoted record ended.
type quotedState int

const (
	quotedWhole  quotedState = iota // at a line end
	quotedCut                       // at the end of what was read, outside quotes
	quotedOpen                      // at the end of what was read, inside quotes
	quotedBroken                    // at a quotation mark that is wrong
)

// quotedLength finds the end of the record that b begins with.
func quotedLength(b []byte, delimiter byte) (int, quotedState) {
	i := 0
	for {
		if i < len(b) && b[i] == '"' {
			i++
			for {
				n := bytes.IndexByte(b[i:], '"')
				if n < 0 {
					return len(b), quotedOpen
				}
				i += n + 1
				if i == len(b) {
					return i, quotedCut
				}
				if b[i] != '"' {
					break
				}
				i++
			}
			if b[i] == '\r' {
				if i+1 == len(b) {
					return i + 1, quotedCut
				}
				if b[i+1] == '\n' {
					return i + 1, quotedWhole
				}
				return i, quotedBroken
			}
		} else {
			for i < len(b) && b[i] != delimiter && b[i] != '\n' {
				if b[i] == '"' {
					return i, quotedBroken
				}
				i++
			}
		}
		switch {
		case i == len(b):
			return i, quotedCut
		case b[i] == '\n':
			return i, quotedWhole
		case b[i] != delimiter:
			return i, quotedBroken
		}
		i++
	}
}

// splitter turns records into fields: unquoted, without the blanks around them.
type splitter struct {
	delimiter byte
	fields    [][]byte
	scratch   []byte
}

// split gives the fields of a record that is not broken; they are valid until
// the next call. At most limit fields are looked for, and one more.
func (s *splitter) split(rec record, limit int) [][]byte {
	s.fields = s.fields[:0]
	if rec.quoted {
		return s.splitQuoted(rec.raw)
	}
	rest := rec.raw
	for len(s.fields) < limit {
		i := bytes.IndexByte(rest, s.delimiter)
		if i < 0 {
			s.fields = append(s.fields, trim(rest))
			return s.fields
		}
		s.fields = append(s.fields, trim(rest[:i]))
		rest = rest[i+1:]
	}
	s.fields = append(s.fields, rest)
	return s.fields
}

func (s *splitter) splitQuoted(raw []byte) [][]byte {
	if s.scratch = s.scratch[:0]; cap(s.scratch) < len(raw) {
		s.scratch = make([]byte, 0, 2*len(raw)) // never grown below: fields point into it
	}
	for i := 0; ; i++ {
		if i < len(raw) && raw[i] == '"' {
			from := len(s.scratch)
			for i++; ; i++ {
				n := bytes.IndexByte(raw[i:], '"')
				s.scratch = append(s.scratch, raw[i:i+n]...)
				i += n + 1
				if i == len(raw) || raw[i] != '"' {
					break
				}
				s.scratch = append(s.scratch, '"')
			}
			s.fields = append(s.fields, trim(s.scratch[from:]))
		} else {
			n := bytes.IndexByte(raw[i:], s.delimiter)
			if n < 0 {
				n = len(raw) - i
			}
			s.fields = append(s.fields, trim(raw[i:i+n]))
			i += n
		}
		if i == len(raw) {
			return s.fields
		}
	}
}

// trim removes blanks around a field; most fields have none.
func trim(b []byte) []byte {
	if n := len(b); n == 0 || (b[0] > ' ' && b[n-1] > ' ') {
		return b
	}
	return bytes.Trim(b, " \t")
}

package catalog

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse-tre/gatehouse"
)

// survey is what one pass over a file finds before anything is made of it:
// whether it is whole, in the declared encoding, under the declared header; how
// many lines it has; and which rows may be copies of earlier ones. The lines are
// counted on the bytes as they come, apart from the splitting into records, so
// that the account of the second pass can be checked against them.
type survey struct {
	path    string
	file    string // name, for messages
	info    fs.FileInfo
	sha256  string
	lines   int64 // line ends, and a last line without one
	records int64 // without the header
	copies  *copies
}

// surveyFile reads a file for the first time. Rows that may be copies are sought
// only where the definition rejects them.
func surveyFile(ctx context.Context, d *Definition, t TableRule, dir string) (*survey, error) {
	s := &survey{path: filepath.Join(dir, t.File), file: t.File}
	f, err := openExtract(s.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if s.info, err = f.Stat(); err != nil {
		return nil, readFailure(s.file, err)
	}
	if s.info.Size() == 0 {
		return nil, gatehouse.Errorf(gatehouse.CodeExtractEmpty, "%s is empty.", s.file)
	}
	counter := &lineCounter{in: f, sum: sha256.New(), first: true}
	in := newRecords(counter, t.Delimiter[0])
	header, err := in.next()
	if counter.utf16 {
		return nil, gatehouse.Errorf(gatehouse.CodeExtractEncoded, "%s is not %s: it looks like UTF-16.", s.file, d.Encoding)
	}
	if err != nil && err != io.EOF {
		return nil, s.failure(in, err)
	}
	if err := checkHeader(s.file, t, header); err != nil {
		return nil, err
	}
	if t.Duplicates == "reject" {
		s.copies = newCopies()
	}
	badly, err := s.scan(ctx, in, d.Encoding, t)
	if err != nil {
		return nil, err
	}
	if s.records == 0 && !t.MayBeEmpty {
		return nil, gatehouse.Errorf(gatehouse.CodeExtractEmpty, "%s holds a header and no rows.", s.file)
	}
	if badly*2 > s.records {
		return nil, gatehouse.Errorf(gatehouse.CodeExtractEncoded, "%s is not %s: most of its rows are not text in that encoding.", s.file, d.Encoding)
	}
	if s.lines = counter.lines; counter.last != '\n' {
		s.lines++
	}
	s.sha256 = hex.EncodeToString(counter.sum.Sum(nil))
	if s.copies != nil {
		s.copies.seal()
	}
	return s, nil
}

// scan passes over the rows and gives how many are not in the encoding.
func (s *survey) scan(ctx context.Context, in *records, encoding string, t TableRule) (badly int64, err error) {
	valid := validText(encoding)
	var last record
	var lastBytes []byte
	for {
		if s.records%8192 == 0 && ctx.Err() != nil {
			return 0, ctx.Err()
		}
		rec, err := in.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return 0, s.failure(in, err)
		}
		s.records++
		if !plainText(rec.raw) && !valid(rec.raw) {
			badly++
		}
		if s.copies != nil {
			s.copies.note(rec.raw)
		}
		last, lastBytes = rec, append(lastBytes[:0], rec.raw...)
	}
	if s.records == 0 {
		return 0, nil
	}
	split := splitter{delimiter: t.Delimiter[0]}
	last.raw = lastBytes
	switch {
	case !last.broken && len(split.split(last, len(t.Columns))) < len(t.Columns):
		return 0, gatehouse.Errorf(gatehouse.CodeExtractBroken, "%s is cut off: its last row (line %d) has too few fields.", s.file, last.line)
	case !in.whole && t.FinalNewline != "optional":
		return 0, gatehouse.Errorf(gatehouse.CodeExtractBroken, "%s is cut off: its last line (line %d) has no line end.", s.file, last.line)
	}
	return badly, nil
}

// failure names an error of reading.
func (s *survey) failure(in *records, err error) error {
	switch err {
	case errQuoteOpen:
		return gatehouse.Errorf(gatehouse.CodeExtractBroken, "%s line %d: a quotation mark is opened and not closed.", s.file, in.line)
	case errRecordLong:
		return gatehouse.Errorf(gatehouse.CodeExtractBroken, "%s line %d: a row is longer than %d bytes.", s.file, in.line, maxRecord)
	}
	return readFailure(s.file, err)
}

func readFailure(file string, err error) error {
	return gatehouse.Errorf(gatehouse.CodeExtractBroken, "%s cannot be read to its end.", file).Because(err)
}

// openExtract opens a file of the extracts folder for reading.
func openExtract(path string) (*os.File, error) {
	name := filepath.Base(path)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, gatehouse.Errorf(gatehouse.CodeExtractMissing, "The extracts folder has no file %s.", name)
	case err != nil:
		return nil, gatehouse.Errorf(gatehouse.CodeExtractMissing, "%s cannot be opened.", name).Because(err)
	case !info.Mode().IsRegular():
		return nil, gatehouse.Errorf(gatehouse.CodeExtractMissing, "%s is not a regular file.", name)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, gatehouse.Errorf(gatehouse.CodeExtractMissing, "%s cannot be opened.", name).Because(err)
	}
	return f, nil
}

// lineCounter passes bytes on, and counts and hashes them as they are in the
// file. It takes a UTF-8 byte-order mark away.
type lineCounter struct {
	in    io.Reader
	sum   hash.Hash
	lines int64
	last  byte
	first bool
	utf16 bool
}

func (c *lineCounter) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	if n == 0 {
		return n, err
	}
	if c.sum != nil {
		c.sum.Write(p[:n])
	}
	c.lines += int64(bytes.Count(p[:n], []byte{'\n'}))
	c.last = p[n-1]
	if c.first {
		c.first = false
		c.utf16 = looksUTF16(p[:n])
		if bytes.HasPrefix(p[:n], []byte("\xef\xbb\xbf")) {
			copy(p, p[3:n])
			n -= 3
		}
	}
	return n, err
}

// looksUTF16 knows UTF-16 by its mark, or by its many zero bytes.
func looksUTF16(b []byte) bool {
	if bytes.HasPrefix(b, []byte{0xff, 0xfe}) || bytes.HasPrefix(b, []byte{0xfe, 0xff}) {
		return true
	}
	b = b[:min(len(b), 4096)]
	return bytes.Count(b, []byte{0}) > len(b)/4
}

// validText gives the check that bytes are text in an encoding.
func validText(encoding string) func([]byte) bool {
	if encoding == EncodingWindows1252 {
		return func(b []byte) bool { return !hasUndefined1252(b) }
	}
	return utf8.Valid
}

// hasUndefined1252 finds the five bytes that Windows-1252 leaves undefined.
func hasUndefined1252(b []byte) bool {
	for _, c := range b {
		switch c {
		case 0x81, 0x8d, 0x8f, 0x90, 0x9d:
			return true
		}
	}
	return false
}

// checkHeader compares a file's first line with the definition. Names that the
// file has and the definition has not are given only if the line is plainly a
// header: the first line of a file without one is a row about a person.
func checkHeader(file string, t TableRule, header record) error {
	var split splitter
	split.delimiter = t.Delimiter[0]
	if header.broken || !utf8.Valid(header.raw) {
		return gatehouse.Errorf(gatehouse.CodeExtractHeader, "%s: the first line is not a header.", file)
	}
	var found []string
	for _, f := range split.split(header, 4*len(t.Columns)+64) {
		found = append(found, string(f))
	}
	want := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		want[i] = c.Name
	}
	return compareHeaders(file, want, found)
}

func compareHeaders(file string, want, found []string) error {
	count := make(map[string]int)
	known := 0
	expected := make(map[string]bool)
	for _, name := range want {
		expected[name] = true
	}
	for _, name := range found {
		count[name]++
		if expected[name] && count[name] == 1 {
			known++
		}
	}
	if known == 0 || known*2 < min(len(want), len(found)) {
		return gatehouse.Errorf(gatehouse.CodeExtractHeader, "%s: the first line is not the header that the definition gives; it may be missing, or the delimiter another.", file)
	}
	var faults []string
	note := func(what string, names []string) {
		if len(names) == 1 {
			faults = append(faults, what+" column "+names[0])
		} else if len(names) > 1 {
			faults = append(faults, what+" columns "+strings.Join(names, ", "))
		}
	}
	var missing, extra, twice []string
	for _, name := range want {
		if count[name] == 0 {
			missing = append(missing, name)
		}
	}
	for i, name := range found {
		switch {
		case expected[name] && count[name] > 1:
			count[name] = 1
			twice = append(twice, name)
		case !expected[name] && columnPattern.MatchString(strings.ToLower(name)):
			extra = append(extra, name)
		case !expected[name]:
			extra = append(extra, fmt.Sprintf("number %d", i+1))
		}
	}
	note("lacks", missing)
	note("has the unexpected", extra)
	note("repeats", twice)
	if len(faults) == 0 {
		for i := range want {
			if want[i] != found[i] {
				faults = append(faults, fmt.Sprintf("has its columns in another order: column %d should be %s and is %s", i+1, want[i], found[i]))
				break
			}
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return gatehouse.Errorf(gatehouse.CodeExtractHeader, "%s: the header %s.", file, strings.Join(faults, ", and "))
}

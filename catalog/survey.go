package catalog

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse-tre/gatehouse"
)

// survey is what one pass over a table's files finds before anything is made of
// them, and which of all their rows may be copies of earlier ones.
type survey struct {
	files   []*extract
	records int64 // of all files
	copies  *copies
	readers []rowReader // who wants to see its rows
}

// rowReader sees each row of a table while it is surveyed.
type rowReader interface {
	note(file string, in rows, rec record) error
}

// extract is one file as the survey found it: whole, in the declared form and
// encoding, under the declared header. The lines are counted on the bytes as they
// come, apart from the splitting into records, so that the account of the second
// pass can be checked against them.
type extract struct {
	path    string
	file    string // name, for messages
	info    fs.FileInfo
	sha256  string
	lines   int64 // line ends, and a last line without one
	records int64 // without the header
}

// surveyTable reads a table's files for the first time. Rows that may be copies
// are sought only where the definition rejects them.
func surveyTable(ctx context.Context, t TableRule, dir string, files []string, readers []rowReader) (*survey, error) {
	s := &survey{readers: readers}
	if t.Duplicates == "reject" {
		s.copies = newCopies()
	}
	for _, name := range files {
		e, err := s.file(ctx, t, filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		s.files = append(s.files, e)
		s.records += e.records
	}
	if s.copies != nil {
		s.copies.seal()
	}
	return s, nil
}

func (s *survey) file(ctx context.Context, t TableRule, path string) (*extract, error) {
	e := &extract{path: path, file: filepath.Base(path)}
	sum := sha256.New()
	var err error
	if e.info, err = os.Stat(path); err != nil {
		return nil, readFailure(e.file, err)
	}
	why := surveying
	if len(s.readers) > 0 {
		why = taking // their rows are read, not only counted
	}
	in, err := openRows(t, path, sum, why)
	if err != nil {
		return nil, err
	}
	defer in.close()
	badly, err := s.scan(ctx, e, in, t)
	if err != nil {
		return nil, err
	}
	if e.records == 0 && !t.MayBeEmpty {
		return nil, gatehouse.Errorf(gatehouse.CodeExtractEmpty, "%s holds a header and no rows.", e.file)
	}
	if badly*2 > e.records {
		return nil, gatehouse.Errorf(gatehouse.CodeExtractEncoded, "%s is not %s: most of its rows are not text in that encoding.", e.file, t.Encoding)
	}
	e.lines = in.counted()
	e.sha256 = hex.EncodeToString(sum.Sum(nil))
	return e, nil
}

// scan passes over the rows and gives how many are not in the encoding.
func (s *survey) scan(ctx context.Context, e *extract, in rows, t TableRule) (badly int64, err error) {
	valid := validText(t.Encoding)
	var last record
	var lastBytes []byte
	for {
		if e.records%8192 == 0 && ctx.Err() != nil {
			return 0, ctx.Err()
		}
		rec, err := in.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return 0, readError(e.file, in.place(), err)
		}
		e.records++
		if !plainText(rec.raw) && !valid(rec.raw) {
			badly++
		}
		if s.copies != nil {
			s.copies.note(rec.raw)
		}
		for _, c := range s.readers {
			if err := c.note(e.file, in, rec); err != nil {
				return 0, err
			}
		}
		last, lastBytes = rec, append(lastBytes[:0], rec.raw...)
	}
	if e.records == 0 {
		return 0, nil
	}
	last.raw = lastBytes
	return badly, in.cut(e.file, t, last)
}

// lineCounter passes bytes on, and counts their lines. It takes a UTF-8
// byte-order mark away.
type lineCounter struct {
	in    io.Reader
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

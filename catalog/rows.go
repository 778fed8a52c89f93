package catalog

import (
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog/source"
)

// rows gives the rows of one file, in the order in which they stand there. The
// survey and the intake each read a file through rows of their own.
type rows interface {
	// next gives the next row, or io.EOF. Any other error ends the file: readError
	// makes a message of it.
	next() (record, error)
	// split gives the fields of a row in which nothing is broken; they are valid
	// until the next call. At most limit fields are looked for, and one more.
	split(rec record, limit int) [][]byte
	// place is the line, or the number of the row, where next stands.
	place() int64
	// taken is how many lines the rows that were given, and blank lines, took up.
	taken() int64
	// counted is how many lines the file has, found in another way than by giving
	// rows; it is right at the end.
	counted() int64
	// cut says why the file looks cut off, at its end; last is its last row.
	cut(file string, t TableRule, last record) error
	close() error
}

// pass says which of its two passes a file is opened for.
type pass int

const (
	surveying pass = iota // what the file is; rows need no fields
	taking                // each row is decided about
)

// openRows opens a file and checks that it is the table's: its form, and its
// header. What is read of it is written to sum, if there is one.
func openRows(t TableRule, path string, sum hash.Hash, why pass) (rows, error) {
	f, err := openExtract(path)
	if err != nil {
		return nil, err
	}
	name := filepath.Base(path)
	info, err := f.Stat()
	if err == nil && info.Size() == 0 {
		err = gatehouse.Errorf(gatehouse.CodeExtractEmpty, "%s is empty.", name)
	}
	if err != nil {
		f.Close()
		return nil, readError(name, 0, err)
	}
	if t.Format == FormatParquet {
		return openParquetRows(name, t, f, info.Size(), sum)
	}
	stream, err := source.Open(f, t.form(), sum)
	if err != nil {
		f.Close()
		return nil, readError(name, 0, err)
	}
	if t.Format == FormatFHIR {
		return newResources(stream, t, why), nil
	}
	in := newDelimited(stream, t)
	if err := in.begin(name, t); err != nil {
		stream.Close()
		return nil, err
	}
	return in, nil
}

// form is what a definition declares of a table's files.
func (t TableRule) form() source.Form {
	return source.Form{Compression: source.Compression(t.Compression), Encoding: source.Encoding(t.Encoding), UnpackedLimit: int64(t.UnpackedLimit)}
}

// delimited are the rows of a file of separated fields.
type delimited struct {
	lined
	splitter
}

// lined are the records of a file of lines.
type lined struct {
	*records
	stream  *source.Stream
	counter *lineCounter
}

func newLined(stream *source.Stream, delimiter byte) lined {
	counter := &lineCounter{in: stream, first: true}
	return lined{records: newRecords(counter, delimiter), stream: stream, counter: counter}
}

func newDelimited(stream *source.Stream, t TableRule) *delimited {
	return &delimited{lined: newLined(stream, t.Delimiter[0]), splitter: splitter{delimiter: t.Delimiter[0]}}
}

// begin reads the header.
func (d *delimited) begin(name string, t TableRule) error {
	header, err := d.next()
	if d.counter.utf16 {
		return gatehouse.Errorf(gatehouse.CodeExtractEncoded, "%s is not %s: it looks like UTF-16.", name, t.Encoding)
	}
	if err != nil && err != io.EOF {
		return readError(name, d.line, err)
	}
	return checkHeader(name, t, header)
}

func (l *lined) place() int64 { return l.line }

func (l *lined) taken() int64 {
	if !l.whole {
		return l.lines + 1
	}
	return l.lines
}

func (l *lined) counted() int64 {
	if l.counter.last != '\n' {
		return l.counter.lines + 1
	}
	return l.counter.lines
}

func (l *lined) close() error { return l.stream.Close() }

func (d *delimited) cut(file string, t TableRule, last record) error {
	split := splitter{delimiter: d.splitter.delimiter}
	switch {
	case !last.broken && len(split.split(last, len(t.Columns))) < len(t.Columns):
		return gatehouse.Errorf(gatehouse.CodeExtractBroken, "%s is cut off: its last row (line %d) has too few fields.", file, last.line)
	case !d.whole && t.FinalNewline != "optional":
		return gatehouse.Errorf(gatehouse.CodeExtractBroken, "%s is cut off: its last line (line %d) has no line end.", file, last.line)
	}
	return nil
}

// readError makes the message of an error of reading a file, at a line if one is
// known.
func readError(file string, line int64, err error) error {
	var known *gatehouse.Error
	var fault *source.Fault
	var parquet *source.ParquetFault
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, errQuoteOpen):
		return gatehouse.Errorf(gatehouse.CodeExtractBroken, "%s line %d: a quotation mark is opened and not closed.", file, line)
	case errors.Is(err, errRecordLong):
		return gatehouse.Errorf(gatehouse.CodeExtractBroken, "%s line %d: a row is longer than %d bytes.", file, line, maxRecord)
	case errors.Is(err, errResourceLong):
		return gatehouse.Errorf(gatehouse.CodeExtractBroken, "%s line %d: a resource is longer than %d bytes.", file, line, source.MaxResource)
	case errors.As(err, &parquet):
		return parquetError(file, line, parquet)
	case errors.As(err, &fault) && source.IsEncoding(err):
		return gatehouse.Errorf(gatehouse.CodeExtractEncoded, "%s %s.", file, fault).Because(err)
	case errors.As(err, &fault) && line > 1:
		return gatehouse.Errorf(gatehouse.CodeExtractBroken, "%s line %d: the file %s.", file, line, fault).Because(err)
	case errors.As(err, &fault):
		return gatehouse.Errorf(gatehouse.CodeExtractBroken, "%s %s.", file, fault).Because(err)
	}
	return readFailure(file, err)
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

// maxFiles is how many files a table may be spread over.
const maxFiles = 1 << 16

// several reports whether a table's file is a pattern.
func (t TableRule) several() bool { return strings.ContainsAny(t.File, "*?") }

// files are the names of a table's files in the extracts folder, sorted. None is
// an error unless the table is optional.
func (t TableRule) files(dir string) ([]string, error) {
	if !t.several() {
		if t.Optional {
			if _, err := os.Lstat(filepath.Join(dir, t.File)); errors.Is(err, fs.ErrNotExist) {
				return nil, nil
			}
		}
		return []string{t.File}, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, gatehouse.Errorf(gatehouse.CodeExtractMissing, "The extracts folder cannot be read.").Because(err)
	}
	var names []string
	for _, e := range entries {
		if matchName(t.File, e.Name()) {
			names = append(names, e.Name())
		}
	}
	switch {
	case len(names) == 0 && !t.Optional:
		return nil, gatehouse.Errorf(gatehouse.CodeExtractMissing, "The extracts folder has no file that is named like %s.", t.File)
	case len(names) > maxFiles:
		return nil, gatehouse.Errorf(gatehouse.CodeExtractMissing, "More than %d files are named like %s.", maxFiles, t.File)
	}
	slices.Sort(names)
	return names, nil
}

// matchName matches a name with a pattern of '*' and '?'. Everything else stands
// for itself, and hidden files are no extracts.
func matchName(pattern, name string) bool {
	if strings.HasPrefix(name, ".") {
		return false
	}
	ok, err := filepath.Match(strings.NewReplacer(`\`, `\\`, `[`, `\[`).Replace(pattern), name)
	return err == nil && ok
}

// findFiles finds the files of every table, and that no file is two tables'.
func findFiles(d *Definition, dir string) (map[string][]string, error) {
	found := make(map[string][]string)
	owner := make(map[string]string)
	for _, t := range d.Tables {
		names, err := t.files(dir)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if other, taken := owner[name]; taken {
				return nil, gatehouse.Errorf(gatehouse.CodeDefinition, "%s would be read as table %s and as table %s.", name, other, t.Name)
			}
			owner[name] = t.Name
			f, err := openExtract(filepath.Join(dir, name))
			if err != nil {
				return nil, err
			}
			f.Close()
		}
		found[t.Name] = names
	}
	return found, nil
}

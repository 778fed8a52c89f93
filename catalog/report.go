package catalog

import (
	"bufio"
	"encoding/csv"
	"io"
	"os"
	"strconv"

	"github.com/gatehouse-tre/gatehouse"
)

// report is the custodian's list of rejected rows, with what they hold: it
// stands in the custodian zone and nothing of it goes anywhere else.
type report struct {
	path string
	f    *os.File
	buf  *bufio.Writer
	csv  *csv.Writer
	rows int64
}

var reportHeader = []string{"file", "line", "column", "reason", "explanation", "row"}

func newReport(path string) (*report, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, storageFailure(err)
	}
	buf := bufio.NewWriterSize(f, 64<<10)
	r := &report{path: path, f: f, buf: buf, csv: csv.NewWriter(buf)}
	if err := r.csv.Write(reportHeader); err != nil {
		f.Close()
		return nil, storageFailure(err)
	}
	return r, nil
}

// add writes one rejected row, as it stands in the file.
func (r *report) add(file string, line int64, column string, why Reason, raw []byte) error {
	r.rows++
	err := r.csv.Write([]string{file, strconv.FormatInt(line, 10), column, string(why), why.Explanation(), string(raw)})
	if err != nil {
		return storageFailure(err)
	}
	return nil
}

// addLines writes rows of a file that were found wrong only after they had been
// passed: lines are where they begin, ascending.
func (r *report) addLines(t TableRule, e *extract, lines []int64, column string, why Reason) error {
	in, err := openRows(t, e.path, nil, surveying)
	if err != nil {
		return err
	}
	defer in.close()
	for len(lines) > 0 {
		rec, err := in.next()
		if err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return readFailure(e.file, err)
		}
		if rec.line != lines[0] {
			continue
		}
		lines = lines[1:]
		if err := r.add(e.file, rec.line, column, why, rec.raw); err != nil {
			return err
		}
	}
	return nil
}

// close makes the report durable.
func (r *report) close() error {
	r.csv.Flush()
	for _, err := range []error{r.csv.Error(), r.buf.Flush(), r.f.Sync(), r.f.Close()} {
		if err != nil {
			return storageFailure(err)
		}
	}
	return nil
}

// storageFailure is an error of writing below the installation's folder.
func storageFailure(err error) error {
	return gatehouse.Errorf(gatehouse.CodeStorage, "The installation's folder cannot be written.").Because(err)
}

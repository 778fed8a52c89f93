package catalog

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/gatehouse-tre/gatehouse"
)

// ReceiptSuffix names the sidecar of a list that came from the check service:
// FILE.receipt holds a CheckReceipt.
const ReceiptSuffix = ".receipt"

// CheckReceipt tells of a list that the check service made: what was asked and
// what came back. It stands in the custodian zone.
type CheckReceipt struct {
	Check          string    `json:"check"` // its id at the service
	Dataset        string    `json:"dataset"`
	List           string    `json:"list"`
	Sent           time.Time `json:"sent"`
	Asked          int64     `json:"asked"`    // people
	Returned       int64     `json:"returned"` // of them, who have not opted out
	SentSHA256     string    `json:"sent_sha256"`
	ReturnedSHA256 string    `json:"returned_sha256"`
}

// WriteNHSNumbers writes the NHS numbers of a dataset's people, in the form in
// which the check service is asked: ten digits, a comma and a line feed each,
// ascending, nobody twice. Rows whose number is none are left out, as they are
// from publication. It gives how many there are.
func WriteNHSNumbers(ctx context.Context, w io.Writer, d *Definition, extracts string) (int64, error) {
	if d.People.Kind != IdentifierNHSNumber {
		return 0, gatehouse.Errorf(gatehouse.CodeDefinition, "The people of %s are not identified by NHS numbers.", d.Dataset)
	}
	t, ok := d.table(d.People.Table)
	if !ok {
		return 0, gatehouse.Errorf(gatehouse.CodeDefinition, "The definition of %s has no table %s.", d.Dataset, d.People.Table)
	}
	files, err := t.files(extracts)
	if err != nil {
		return 0, err
	}
	people := roaring.New()
	for _, name := range files {
		if err := readNHSNumbers(ctx, people, d, t, filepath.Join(extracts, name)); err != nil {
			return 0, err
		}
	}
	out := bufio.NewWriterSize(w, 1<<20)
	for each := people.Iterator(); each.HasNext(); {
		if _, err := out.WriteString(FormatNHSNumber(each.Next()) + ",\n"); err != nil {
			return 0, storageFailure(err)
		}
	}
	if err := out.Flush(); err != nil {
		return 0, storageFailure(err)
	}
	return int64(people.GetCardinality()), nil
}

// readNHSNumbers adds the valid numbers of one file.
func readNHSNumbers(ctx context.Context, people *roaring.Bitmap, d *Definition, t TableRule, path string) error {
	_, column := t.column(d.People.Identifier)
	in, err := openRows(t, path, nil, taking)
	if err != nil {
		return err
	}
	defer in.close()
	for n := 0; ; n++ {
		if n%8192 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		rec, err := in.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return readError(filepath.Base(path), in.place(), err)
		}
		if rec.broken {
			continue
		}
		if fields := in.split(rec, len(t.Columns)); len(fields) == len(t.Columns) {
			if key, why := ParseNHSNumber(fields[column]); why == "" {
				people.Add(key)
			}
		}
	}
}

// ReadReply reads a list in the check service's form: whom it names, by the keys
// of their NHS numbers, and how many rows it has. Whatever is not that list,
// row for row, is CodeListInvalid.
func ReadReply(ctx context.Context, name string, r io.Reader) (people *roaring.Bitmap, rows int64, err error) {
	in := &listFile{rule: ListRule{File: name, Kind: ListAllow}, identifiers: nhsNumbers{}, keys: roaring.New()}
	err = in.readReply(ctx, r)
	return in.keys, in.rows, err
}

// readCheckReceipt reads the receipt beside a list, if there is one, and makes sure
// that it is of this list.
func readCheckReceipt(path string, rule ListRule, sha256 string) (*CheckReceipt, error) {
	b, err := os.ReadFile(path + ReceiptSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, readFailure(rule.File+ReceiptSuffix, err)
	}
	var c CheckReceipt
	if err := json.Unmarshal(b, &c); err != nil || c.List != rule.List || c.ReturnedSHA256 != sha256 {
		return nil, gatehouse.Errorf(gatehouse.CodeListInvalid, "%s is not the list that %s%s is of.", rule.File, rule.File, ReceiptSuffix).
			WithAdvice("Ask the check service again, or take the receipt away if the list came another way.").Because(err)
	}
	return &c, nil
}

package egress

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// A table's digest is the SHA-256 of its column names and its values in order,
// whatever they are written as: 12 and 12.0 are one value. The gate keeps the
// digest of each answer that it gave whole; a file that holds the same table is
// found by it.

// maxDigested bounds the values of a table that has a digest: what is larger is
// no table of results, and hashing must not slow its answer.
const maxDigested = 200_000

// tableDigest makes the digest of a table, row by row.
type tableDigest struct {
	h      hash.Hash
	values int
	none   bool // the table has no digest
}

func newTableDigest(columns []string) *tableDigest {
	d := &tableDigest{h: sha256.New()}
	d.text("gatehouse-table-1")
	d.text(strconv.Itoa(len(columns)))
	for _, name := range columns {
		d.text(name)
	}
	return d
}

// text adds a text that no other texts can be mistaken for.
func (d *tableDigest) text(s string) {
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(len(s)))
	d.h.Write(n[:])
	d.h.Write([]byte(s))
}

// value adds one value as it is written.
func (d *tableDigest) value(s string) {
	if d.values++; d.values > maxDigested {
		d.none = true
	}
	if !d.none {
		d.text(plainValue(s))
	}
}

// batch adds the rows of a batch.
func (d *tableDigest) batch(b arrow.RecordBatch) {
	if d.none || d.values+int(b.NumRows()*b.NumCols()) > maxDigested {
		d.none = true
		return
	}
	columns := make([]func(int) string, b.NumCols())
	for i := range columns {
		if columns[i] = writerOf(b.Column(i)); columns[i] == nil {
			d.none = true
			return
		}
	}
	for row := range int(b.NumRows()) {
		for i, write := range columns {
			if b.Column(i).IsNull(row) {
				d.value("")
			} else {
				d.value(write(row))
			}
		}
	}
}

// sum is the digest in hex, or "" for a table that has none.
func (d *tableDigest) sum() string {
	if d.none {
		return ""
	}
	return hex.EncodeToString(d.h.Sum(nil))
}

// writerOf gives how a column's values are written; nil for types that no CSV file
// holds as one value.
func writerOf(column arrow.Array) func(int) string {
	switch c := column.(type) {
	case *array.String:
		return c.Value
	case *array.LargeString:
		return c.Value
	case *array.Float64:
		return func(i int) string { return strconv.FormatFloat(c.Value(i), 'g', -1, 64) }
	case *array.Float32:
		return func(i int) string { return strconv.FormatFloat(float64(c.Value(i)), 'g', -1, 32) }
	case *array.Dictionary:
		if values := writerOf(c.Dictionary()); values != nil {
			return func(i int) string { return values(c.GetValueIndex(i)) }
		}
		return nil
	case *array.Date32:
		return func(i int) string { return c.Value(i).ToTime().Format("2006-01-02") }
	case *array.Timestamp:
		unit := c.DataType().(*arrow.TimestampType).Unit
		return func(i int) string { return c.Value(i).ToTime(unit).UTC().Format("2006-01-02 15:04:05.999999999") }
	case *array.Boolean, *array.Int8, *array.Int16, *array.Int32, *array.Int64, *array.Uint8, *array.Uint16, *array.Uint32, *array.Uint64, *array.Decimal128:
		return column.ValueStr
	}
	return nil
}

// Values that mean nothing is there, as programs write them.
var missing = map[string]bool{"": true, "NA": true, "NaN": true, "nan": true, "NULL": true, "null": true, "None": true}

// numeral is a number that a program may write in several ways. One that begins
// with zeros is a code.
var numeral = regexp.MustCompile(`^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$`)

// plainValue is a value in the one way in which it is digested.
func plainValue(s string) string {
	switch {
	case missing[s]:
		return ""
	case s == "True" || s == "TRUE":
		return "true"
	case s == "False" || s == "FALSE":
		return "false"
	case s[0] != '-' && (s[0] < '0' || s[0] > '9'):
		return s
	case !numeral.MatchString(s):
		// A day that is written with its midnight, or a moment with a T.
		if len(s) > 11 && s[4] == '-' && s[10] == 'T' {
			s = s[:10] + " " + s[11:]
		}
		if strings.Contains(s, ":") {
			if whole, fraction, cut := strings.Cut(s, "."); cut {
				if fraction = strings.TrimRight(fraction, "0"); fraction != "" {
					whole += "." + fraction
				}
				s = whole
			}
		}
		return strings.TrimSuffix(s, " 00:00:00")
	case !strings.ContainsAny(s, ".eE"):
		return s
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return s
	}
	if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

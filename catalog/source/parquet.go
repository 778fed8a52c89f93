package source

import (
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// parquetBatch is how many rows are read at once.
const parquetBatch = 4096

// Parquet reads a flat Parquet file as rows of text: numbers in decimal, dates
// as YYYY-MM-DD, timestamps as YYYY-MM-DD HH:MM:SS with decimals. Timestamps that
// are adjusted to UTC are in UTC.
type Parquet struct {
	names []string
	rows  int64
	f     *os.File
	in    *file.Reader

	group   int // the next one
	left    int64
	columns []parquetColumn
	fields  [][]byte
	at, n   int // in the batch
}

// parquetColumn is a column of the batch: its texts, one after another.
type parquetColumn struct {
	chunk  file.ColumnChunkReader
	write  func(out []byte, i int) []byte // appends value i of what was read last
	read   func(n int64, levels []int16) (int64, int, error)
	text   []byte
	ends   []int
	levels []int16
	max    int16
}

// OpenParquet opens a file that CheckParquet finds nothing wrong with. It is
// closed by Close.
func OpenParquet(f *os.File) (p *Parquet, err error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	p = &Parquet{f: f}
	if p.names, p.rows, err = CheckParquet(f, info.Size()); err != nil {
		return nil, err
	}
	defer caught(&err)
	props := parquet.NewReaderProperties(nil)
	props.BufferedStreamEnabled = true
	if p.in, err = file.NewParquetReader(f, file.WithReadProps(props)); err != nil {
		return nil, damagedParquet(err)
	}
	if p.in.NumRows() != p.rows || p.in.MetaData().NumColumns() != len(p.names) {
		return nil, damagedParquet(errors.New("two readings of the footer differ"))
	}
	p.fields = make([][]byte, len(p.names))
	return p, nil
}

// Names are those of the columns.
func (p *Parquet) Names() []string { return p.names }

// Rows is how many rows the file says that it has.
func (p *Parquet) Rows() int64 { return p.rows }

// Close closes the file.
func (p *Parquet) Close() error {
	if p.in != nil {
		_ = p.in.Close() // which closes the file too
		_ = p.f.Close()
		return nil
	}
	return p.f.Close()
}

func damagedParquet(err error) error {
	return &ParquetFault{Damaged: true, What: "is damaged: it cannot be read to its end", Err: err}
}

// caught makes an error of a panic: the library panics at what it cannot read.
func caught(err *error) {
	if r := recover(); r != nil {
		*err = damagedParquet(fmt.Errorf("%v", r))
	}
}

// Next gives the fields of the next row, or io.EOF; they are valid until the
// call after the next batch was read. What is not there is empty.
func (p *Parquet) Next() (fields [][]byte, err error) {
	defer caught(&err)
	for p.at == p.n {
		if p.left == 0 {
			if err := p.nextGroup(); err != nil {
				return nil, err
			}
			continue
		}
		if err := p.fill(); err != nil {
			return nil, err
		}
	}
	for i := range p.columns {
		c := &p.columns[i]
		from := 0
		if p.at > 0 {
			from = c.ends[p.at-1]
		}
		p.fields[i] = trimBlanks(c.text[from:c.ends[p.at]])
	}
	p.at++
	return p.fields, nil
}

func (p *Parquet) nextGroup() error {
	if p.group == p.in.NumRowGroups() {
		return io.EOF
	}
	g := p.in.RowGroup(p.group)
	p.group++
	p.columns = p.columns[:0]
	if p.left = g.NumRows(); p.left == 0 {
		return nil
	}
	for i := range p.names {
		chunk, err := g.Column(i)
		if err != nil {
			return damagedParquet(err)
		}
		c, err := newParquetColumn(chunk)
		if err != nil {
			return err
		}
		p.columns = append(p.columns, c)
	}
	return nil
}

// fill reads the next batch of every column.
func (p *Parquet) fill() error {
	want := min(p.left, parquetBatch)
	for i := range p.columns {
		if err := p.columns[i].fill(want); err != nil {
			return err
		}
	}
	p.left -= want
	p.at, p.n = 0, int(want)
	return nil
}

func (c *parquetColumn) fill(want int64) error {
	c.text, c.ends = c.text[:0], c.ends[:0]
	for int64(len(c.ends)) < want {
		n, values, err := c.read(want-int64(len(c.ends)), c.levels)
		if err != nil {
			return damagedParquet(err)
		}
		if n == 0 {
			return damagedParquet(errors.New("a column ends too soon"))
		}
		at := 0
		for i := range n {
			if c.max == 0 || c.levels[i] == c.max {
				if at >= values {
					return damagedParquet(errors.New("values are missing"))
				}
				c.text = c.write(c.text, at)
				at++
			}
			c.ends = append(c.ends, len(c.text))
		}
	}
	return nil
}

// newParquetColumn binds a column's reader to how its values are written.
func newParquetColumn(chunk file.ColumnChunkReader) (parquetColumn, error) {
	d := chunk.Descriptor()
	c := parquetColumn{chunk: chunk, max: d.MaxDefinitionLevel(), levels: make([]int16, parquetBatch)}
	logical := d.LogicalType()
	switch r := chunk.(type) {
	case *file.BooleanColumnChunkReader:
		values := make([]bool, parquetBatch)
		c.read = func(n int64, levels []int16) (int64, int, error) { return r.ReadBatch(n, values, levels, nil) }
		c.write = func(out []byte, i int) []byte { return strconv.AppendBool(out, values[i]) }
	case *file.Int32ColumnChunkReader:
		values := make([]int32, parquetBatch)
		whole := wholeWriter(logical, 32)
		c.read = func(n int64, levels []int16) (int64, int, error) { return r.ReadBatch(n, values, levels, nil) }
		c.write = func(out []byte, i int) []byte { return whole(out, int64(values[i])) }
	case *file.Int64ColumnChunkReader:
		values := make([]int64, parquetBatch)
		whole := wholeWriter(logical, 64)
		c.read = func(n int64, levels []int16) (int64, int, error) { return r.ReadBatch(n, values, levels, nil) }
		c.write = func(out []byte, i int) []byte { return whole(out, values[i]) }
	case *file.Int96ColumnChunkReader:
		values := make([]parquet.Int96, parquetBatch)
		c.read = func(n int64, levels []int16) (int64, int, error) { return r.ReadBatch(n, values, levels, nil) }
		c.write = func(out []byte, i int) []byte { return appendTime(out, values[i].ToTime()) }
	case *file.Float32ColumnChunkReader:
		values := make([]float32, parquetBatch)
		c.read = func(n int64, levels []int16) (int64, int, error) { return r.ReadBatch(n, values, levels, nil) }
		c.write = func(out []byte, i int) []byte { return strconv.AppendFloat(out, float64(values[i]), 'g', -1, 32) }
	case *file.Float64ColumnChunkReader:
		values := make([]float64, parquetBatch)
		c.read = func(n int64, levels []int16) (int64, int, error) { return r.ReadBatch(n, values, levels, nil) }
		c.write = func(out []byte, i int) []byte { return strconv.AppendFloat(out, values[i], 'g', -1, 64) }
	case *file.ByteArrayColumnChunkReader:
		values := make([]parquet.ByteArray, parquetBatch)
		bytes := bytesWriter(logical)
		c.read = func(n int64, levels []int16) (int64, int, error) { return r.ReadBatch(n, values, levels, nil) }
		c.write = func(out []byte, i int) []byte { return bytes(out, values[i]) }
	case *file.FixedLenByteArrayColumnChunkReader:
		values := make([]parquet.FixedLenByteArray, parquetBatch)
		bytes := bytesWriter(logical)
		c.read = func(n int64, levels []int16) (int64, int, error) { return r.ReadBatch(n, values, levels, nil) }
		c.write = func(out []byte, i int) []byte { return bytes(out, values[i]) }
	default:
		return c, parquetFault(0, "has a column of a type that is not read")
	}
	return c, nil
}

// wholeWriter writes integers as what they stand for.
func wholeWriter(t schema.LogicalType, bits int) func([]byte, int64) []byte {
	switch t := t.(type) {
	case schema.DateLogicalType:
		return func(out []byte, n int64) []byte { return time.Unix(n*86400, 0).UTC().AppendFormat(out, time.DateOnly) }
	case schema.TimestampLogicalType:
		switch t.TimeUnit() {
		case schema.TimeUnitMillis:
			return func(out []byte, n int64) []byte { return appendTime(out, time.UnixMilli(n)) }
		case schema.TimeUnitMicros:
			return func(out []byte, n int64) []byte { return appendTime(out, time.UnixMicro(n)) }
		}
		return func(out []byte, n int64) []byte { return appendTime(out, time.Unix(0, n)) }
	case schema.DecimalLogicalType:
		return func(out []byte, n int64) []byte { return appendDecimal(out, big.NewInt(n), int(t.Scale())) }
	case schema.IntLogicalType:
		if !t.IsSigned() {
			return func(out []byte, n int64) []byte {
				if bits == 32 {
					return strconv.AppendUint(out, uint64(uint32(n)), 10)
				}
				return strconv.AppendUint(out, uint64(n), 10)
			}
		}
	}
	return func(out []byte, n int64) []byte { return strconv.AppendInt(out, n, 10) }
}

// appendTime writes as many decimals as there are.
func appendTime(out []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(out, "2006-01-02 15:04:05.999999999")
}

// bytesWriter writes texts as they are, and decimals and UUIDs as such.
func bytesWriter(t schema.LogicalType) func(out, b []byte) []byte {
	switch t := t.(type) {
	case schema.DecimalLogicalType:
		return func(out, b []byte) []byte {
			if len(b) > 32 { // no decimal: 76 digits take as many
				return append(out, b...)
			}
			n := new(big.Int).SetBytes(b)
			if len(b) > 0 && b[0]&0x80 != 0 { // two's complement
				n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
			}
			return appendDecimal(out, n, int(t.Scale()))
		}
	case schema.UUIDLogicalType:
		return func(out, b []byte) []byte {
			if len(b) != 16 {
				return append(out, b...)
			}
			return fmt.Appendf(out, "%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
		}
	}
	return func(out, b []byte) []byte { return append(out, b...) }
}

func appendDecimal(out []byte, n *big.Int, scale int) []byte {
	if scale <= 0 || scale > 76 {
		return n.Append(out, 10)
	}
	if n.Sign() < 0 {
		out = append(out, '-')
		n = new(big.Int).Neg(n)
	}
	digits := n.Append(nil, 10)
	for len(digits) <= scale {
		digits = append([]byte{'0'}, digits...)
	}
	point := len(digits) - scale
	out = append(out, digits[:point]...)
	out = append(out, '.')
	return append(out, digits[point:]...)
}

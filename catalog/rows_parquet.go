package catalog

import (
	"bytes"
	"fmt"
	"hash"
	"io"
	"os"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog/source"
)

// parquetRows are the rows of a Parquet file. A row's number takes the place of
// its line, and the row as a line of CSV that of its bytes.
type parquetRows struct {
	in     *source.Parquet
	fields [][]byte
	raw    []byte
	given  int64
	left   int64 // bytes that may still come
	limit  int64
}

// openParquetRows owns f.
func openParquetRows(name string, t TableRule, f *os.File, size int64, sum hash.Hash) (rows, error) {
	if sum != nil {
		if _, err := io.Copy(sum, f); err != nil {
			f.Close()
			return nil, readFailure(name, err)
		}
	}
	in, err := source.OpenParquet(f)
	if err != nil {
		f.Close()
		return nil, readError(name, 0, err)
	}
	want := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		want[i] = c.Name
	}
	if err := compareHeaders(name, want, in.Names()); err != nil {
		in.Close()
		return nil, err
	}
	limit := int64(t.UnpackedLimit)
	if limit == 0 {
		limit = size*source.DefaultRatio + source.SmallUnpacked
	}
	return &parquetRows{in: in, left: limit, limit: limit}, nil
}

func (p *parquetRows) next() (record, error) {
	var err error
	if p.fields, err = p.in.Next(); err != nil {
		return record{}, err
	}
	p.raw = p.raw[:0]
	for i, f := range p.fields {
		if i > 0 {
			p.raw = append(p.raw, ',')
		}
		p.raw = appendField(p.raw, f)
	}
	if p.left -= int64(len(p.raw)) + 1; p.left < 0 {
		return record{}, &source.ParquetFault{What: fmt.Sprintf("unpacks to more than the %d bytes that are allowed", p.limit), Damaged: true}
	}
	p.given++
	return record{raw: p.raw, line: p.given, complete: true}, nil
}

// appendField writes a field as RFC 4180 has it.
func appendField(out, f []byte) []byte {
	if !bytes.ContainsAny(f, ",\"\r\n") {
		return append(out, f...)
	}
	out = append(out, '"')
	out = append(out, bytes.ReplaceAll(f, []byte{'"'}, []byte(`""`))...)
	return append(out, '"')
}

func (p *parquetRows) split(record, int) [][]byte          { return p.fields }
func (p *parquetRows) place() int64                        { return p.given + 1 }
func (p *parquetRows) taken() int64                        { return p.given }
func (p *parquetRows) counted() int64                      { return p.in.Rows() }
func (p *parquetRows) cut(string, TableRule, record) error { return nil } // the footer says how many rows there are
func (p *parquetRows) close() error                        { return p.in.Close() }

// parquetError makes the message of a fault of a Parquet file.
func parquetError(file string, row int64, f *source.ParquetFault) error {
	place := file
	if f.Column > 0 {
		place = fmt.Sprintf("%s column %d: the file", file, f.Column)
	} else if row > 1 {
		place = fmt.Sprintf("%s row %d: the file", file, row)
	}
	code := gatehouse.CodeExtractEncoded
	if f.Damaged {
		code = gatehouse.CodeExtractBroken
	}
	return gatehouse.Errorf(code, "%s %s.", place, f.What).Because(f)
}

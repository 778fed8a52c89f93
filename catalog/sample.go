package catalog

import (
	"context"
	"io"
	"os"
	"path/filepath"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog/source"
)

// Sample is what the first rows of a file show.
type Sample struct {
	Header []string
	Rows   int64 // that were read, without broken ones
	Broken int64 // whose quoting, encoding or number of fields is wrong
	Whole  bool  // the file has no more rows
}

// ReadSample reads the header and at most limit rows of a file that is in the form
// that t declares; t needs no columns. take is given each row's fields as UTF-8;
// they are valid until it returns. Errors have the codes of a publication.
func ReadSample(ctx context.Context, path string, t TableRule, limit int64, take func(header []string, fields [][]byte)) (Sample, error) {
	f, err := openExtract(path)
	if err != nil {
		return Sample{}, err
	}
	var s Sample
	var in rows
	if t.Format == FormatParquet {
		s.Header, in, err = sampleParquet(f, t)
	} else {
		s.Header, in, err = sampleDelimited(f, t)
	}
	if err != nil {
		f.Close()
		return Sample{}, readError(filepath.Base(path), 0, err)
	}
	defer in.close()
	decode := &intake{decode: t.Encoding == EncodingWindows1252}
	valid := validText(t.Encoding)
	for s.Rows+s.Broken < limit {
		if (s.Rows+s.Broken)%4096 == 0 && ctx.Err() != nil {
			return Sample{}, ctx.Err()
		}
		rec, err := in.next()
		if err == io.EOF {
			s.Whole = true
			return s, nil
		}
		if err != nil {
			return Sample{}, readError(filepath.Base(path), in.place(), err)
		}
		var fields [][]byte
		if !rec.broken && valid(rec.raw) {
			if decode.decode {
				rec.raw = decode.decodeText(rec.raw)
			}
			fields = in.split(rec, len(s.Header))
		}
		if len(fields) != len(s.Header) {
			s.Broken++
			continue
		}
		s.Rows++
		take(s.Header, fields)
	}
	return s, nil
}

func sampleDelimited(f *os.File, t TableRule) ([]string, rows, error) {
	stream, err := source.Open(f, t.form(), nil)
	if err != nil {
		return nil, nil, err
	}
	d := newDelimited(stream, t)
	rec, err := d.next()
	if err == io.EOF {
		err = gatehouse.Errorf(gatehouse.CodeExtractEmpty, "The file is empty.")
	}
	if err == nil && rec.broken {
		err = gatehouse.Errorf(gatehouse.CodeExtractHeader, "The first line is not a header.")
	}
	if err != nil {
		return nil, nil, err
	}
	var header []string
	for _, name := range d.split(rec, 4096) {
		header = append(header, string(name))
	}
	return header, d, nil
}

func sampleParquet(f *os.File, t TableRule) ([]string, rows, error) {
	in, err := source.OpenParquet(f)
	if err != nil {
		return nil, nil, err
	}
	return in.Names(), &parquetRows{in: in, left: 1 << 62, limit: 1 << 62}, nil
}

package egress

import (
	"bytes"
	"encoding/gob"
	"errors"

	"github.com/klauspost/compress/zstd"

	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
)

// firstColumns is a table as ledgers had it at first: elements by column, keys and
// units as differences. Such ledgers are read and no longer written.
type firstColumns struct {
	Keys, Units, Patterns []uint64
	Table                 [][]disclosure.Term
	Numbers               int
	Withheld              []bool
}

func firstSealContext(project string) []byte { return []byte("gatehouse cohorts v1 " + project) }

// decodeFirst reads what was sealed in that form.
func decodeFirst(packed []byte) (*releasedTable, error) {
	z, err := zstd.NewReader(bytes.NewReader(packed), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	var f struct {
		People, Rows, Beneath, Products *firstColumns
		Pairs                           [][2]string
	}
	if err := gob.NewDecoder(z).Decode(&f); err != nil {
		return nil, err
	}
	out := &releasedTable{Pairs: f.Pairs}
	for i, t := range out.tables() {
		from := [...]*firstColumns{f.People, f.Rows, f.Beneath, f.Products, nil, nil}[i]
		if from == nil {
			continue
		}
		if *t.table, err = from.cohorts(); err != nil {
			return nil, err
		}
		*t.withheld = from.Withheld
	}
	return out, nil
}

func (f *firstColumns) cohorts() (*disclosure.Cohorts, error) {
	if len(f.Units) != len(f.Keys) || len(f.Patterns) != len(f.Keys) || len(f.Withheld) != f.Numbers {
		return nil, errors.New("a table of the ledger is damaged")
	}
	out := &disclosure.Cohorts{Numbers: f.Numbers, Patterns: disclosure.PatternsOf(f.Table...)}
	var key, unit uint64
	for i := range f.Keys {
		if f.Patterns[i] >= uint64(len(f.Table)) {
			return nil, errors.New("a table of the ledger is damaged")
		}
		key, unit = key+f.Keys[i], unit+f.Units[i]
		out.Elements.Add(key, uint32(unit), uint32(f.Patterns[i]))
	}
	return out, nil
}

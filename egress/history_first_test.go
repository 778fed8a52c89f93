package egress

import (
	"bytes"
	"encoding/gob"
	"errors"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
)

// bound seals by writing the context in front: the form is what is tried here.
type bound struct{}

func (bound) Seal(plain, context []byte) ([]byte, error) {
	return slices.Concat(context, []byte{0}, plain), nil
}

func (bound) Open(sealed, context []byte) ([]byte, error) {
	plain, found := bytes.CutPrefix(sealed, append(slices.Clone(context), 0))
	if !found {
		return nil, errors.New("sealed for another place")
	}
	return plain, nil
}

// A ledger that was written in the first form is read: what it let out counts.
func TestLedgersOfTheFirstFormAreRead(t *testing.T) {
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	type releasedColumns struct {
		People, Rows, Beneath, Products *firstColumns
		Pairs                           [][2]string
	}
	write := func(c releasedColumns) []byte {
		var b bytes.Buffer
		w, err := zstd.NewWriter(&b)
		ok(err)
		ok(gob.NewEncoder(w).Encode(c))
		ok(w.Close())
		return b.Bytes()
	}
	first := releasedColumns{
		People: &firstColumns{Keys: []uint64{3, 1, 5}, Units: []uint64{3, 1, 5}, Patterns: []uint64{0, 1, 0}, Numbers: 2,
			Table: [][]disclosure.Term{{{Number: 0, Times: 1}}, {{Number: 0, Times: 1}, {Number: 1, Times: 2}}}, Withheld: []bool{false, true}},
		Pairs: [][2]string{{"a", "b"}},
	}
	projects := &Histories{Sealer: bound{}}
	sealed, err := projects.Sealer.Seal(write(first), []byte("gatehouse cohorts v1 diabetes"))
	ok(err)
	r, err := projects.open(KeptCohorts{Project: "diabetes", Sealed: sealed})
	ok(err)
	if _, err := projects.open(KeptCohorts{Project: "asthma", Sealed: sealed}); err == nil {
		t.Error("another project's is read")
	}
	if r.People == nil || r.Rows != nil || !slices.Equal(r.PeopleWithheld, []bool{false, true}) || len(r.Pairs) != 1 {
		t.Fatalf("read as %+v", r)
	}
	var units []uint32
	for e := range r.People.Elements.All() {
		if uint64(e.Unit) != e.Key {
			t.Errorf("element %d is of %d", e.Key, e.Unit)
		}
		units = append(units, e.Unit)
	}
	if !slices.Equal(units, []uint32{3, 4, 9}) || r.People.Patterns.Len() != 2 {
		t.Errorf("the people are %v", units)
	}
	s := newScope(2)
	s.restore(r)
	if s.people.Tables() != 1 {
		t.Error("it is not in the history")
	}
	first.People.Patterns[2] = 7
	if _, err := decodeFirst(write(first)); err == nil {
		t.Error("a damaged table is read")
	}
}

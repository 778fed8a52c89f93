package egress

import (
	"bufio"
	"bytes"
	"encoding/gob"
	"errors"

	"github.com/klauspost/compress/zstd"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
)

// KeptCohorts is one released table in the ledger: sealed, for Histories only.
type KeptCohorts struct {
	Place    int64 // ascending in the order of release
	Decision string
	Project  string
	Release  string   // of a request; "" for what a question let out
	Datasets []string // name@version, that it was released of
	Sealed   []byte
}

// open reads what the ledger keeps of a released table, in whichever form.
func (h *Histories) open(k KeptCohorts) (*releasedTable, error) {
	decode := decodeReleased
	plain, err := h.Sealer.Open(k.Sealed, sealContext(k.Project))
	if err != nil {
		first, firstErr := h.Sealer.Open(k.Sealed, firstSealContext(k.Project))
		if firstErr != nil {
			return nil, gatehouse.Errorf(gatehouse.CodeKeys, "What was released before cannot be read, so nothing more is.").Because(err)
		}
		plain, decode = first, decodeFirst
	}
	released, err := decode(plain)
	if err != nil {
		return nil, gatehouse.Errorf(gatehouse.CodeInternal, "What was released before cannot be read, so nothing more is.").Because(err)
	}
	return released, nil
}

func sealContext(project string) []byte { return []byte("gatehouse cohorts v2 " + project) }

// sealTotals makes the ledger's form of totals that it does not have yet for some of
// the histories: what other projects were told is not the same in each.
func (h *Histories) sealTotals(project string, scopes []*scope) ([][]byte, error) {
	var out [][]byte
	seen := map[string]bool{}
	for _, s := range scopes {
		for _, t := range s.totals {
			if seen[t.name] {
				continue
			}
			seen[t.name] = true
			sealed, err := h.seal(project, t.table)
			if err != nil {
				return nil, err
			}
			out = append(out, sealed)
		}
	}
	return out, nil
}

// releasedTable is what the ledger keeps of one released table.
type releasedTable struct {
	People, Rows                 *disclosure.Cohorts
	PeopleWithheld, RowsWithheld []bool
	// Beneath are rows that numbers computed for each person come from.
	Beneath         *disclosure.Cohorts
	BeneathWithheld []bool
	// Products are the people of numbers in which two values are multiplied, and Pairs
	// the values (products.go).
	Products         *disclosure.Cohorts
	ProductsWithheld []bool
	Pairs            [][2]string
	// Over are the numbers of People that only tell whom computed numbers are summed over.
	Over []bool
	Few  []fewSummed
	Sums []*disclosure.Profile
	// Beside are counts, and sums of squares (sums_counts.go).
	Beside []*disclosure.Profile
	// Computed are numbers computed for each person, and Counted people that were not in
	// People because they had been released (computed.go).
	Computed, Counted                 *disclosure.Cohorts
	ComputedWithheld, CountedWithheld []bool
}

// seal makes the ledger's form of a released table.
func (h *Histories) seal(project string, r *releasedTable) ([]byte, error) {
	plain, err := encodeReleased(r)
	if err != nil {
		return nil, err
	}
	return h.Sealer.Seal(plain, sealContext(project))
}

// tables are the tables of people and rows, with what was not released of them.
func (r *releasedTable) tables() [6]struct {
	table    **disclosure.Cohorts
	withheld *[]bool
} {
	return [6]struct {
		table    **disclosure.Cohorts
		withheld *[]bool
	}{{&r.People, &r.PeopleWithheld}, {&r.Rows, &r.RowsWithheld}, {&r.Beneath, &r.BeneathWithheld}, {&r.Products, &r.ProductsWithheld}, {&r.Computed, &r.ComputedWithheld}, {&r.Counted, &r.CountedWithheld}}
}

// encodeReleased writes a released table: a header, and then the tables that it
// has, one after the other.
func encodeReleased(r *releasedTable) ([]byte, error) {
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	head := releasedHead{Pairs: r.Pairs, Over: r.Over, Few: r.Few, Sums: r.Sums, Beside: r.Beside}
	for i, t := range r.tables() {
		head.Has[i], head.Withheld[i] = *t.table != nil, *t.withheld
	}
	if err := gob.NewEncoder(w).Encode(head); err != nil {
		return nil, err
	}
	for _, t := range r.tables() {
		if *t.table == nil {
			continue
		}
		if err := (*t.table).Encode(w); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// releasedHead is what stands before the tables.
type releasedHead struct {
	Has      [6]bool
	Withheld [6][]bool
	Pairs    [][2]string
	Over     []bool
	Few      []fewSummed
	Sums     []*disclosure.Profile
	Beside   []*disclosure.Profile
}

func decodeReleased(packed []byte) (*releasedTable, error) {
	z, err := zstd.NewReader(bytes.NewReader(packed), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	in := bufio.NewReader(z) // a decoder that reads bytes one by one takes no more than it needs
	var head releasedHead
	if err := gob.NewDecoder(in).Decode(&head); err != nil {
		return nil, err
	}
	out := &releasedTable{Pairs: head.Pairs, Over: head.Over, Few: head.Few, Sums: head.Sums, Beside: head.Beside}
	for i, t := range out.tables() {
		if *t.withheld = head.Withheld[i]; !head.Has[i] {
			continue
		}
		if *t.table, err = disclosure.DecodeCohorts(in); err != nil {
			return nil, err
		}
		if len(*t.withheld) != (*t.table).Numbers {
			return nil, errors.New("a table of the ledger is damaged")
		}
	}
	return out, nil
}

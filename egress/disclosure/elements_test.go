package disclosure

import (
	"bufio"
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Elements come out as they went in, packed, cloned, written and read.
func TestElementsArePackedWithoutLoss(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want []Element
		for range rapid.IntRange(0, 4).Draw(t, "runs") {
			key := rapid.Uint64().Draw(t, "key")
			step := rapid.SampledFrom([]uint64{0, 1, 7, 300, 1 << 20, ^uint64(0)}).Draw(t, "step")
			kinds := rapid.SampledFrom([]uint32{1, 2, 1000, 1 << 20}).Draw(t, "kinds")
			people := rapid.Bool().Draw(t, "people")
			for i := range rapid.IntRange(0, 5000).Draw(t, "n") {
				e := Element{Key: key, Unit: uint32(key>>3) % 77777, Pattern: uint32(mix(uint64(i)) % uint64(kinds))}
				if people {
					e.Key &= 1<<32 - 1
					e.Unit = uint32(e.Key)
				}
				want = append(want, e)
				key += step * uint64(1+i%3)
			}
		}
		c := &Cohorts{Numbers: 1, Patterns: PatternsOf(slices.Repeat([][]Term{{{0, 1}}}, 1<<20)...)}
		at := 0
		for at < len(want) {
			n := min(len(want)-at, rapid.IntRange(1, 9000).Draw(t, "part"))
			var keys []uint64
			var units, patterns []uint32
			for _, e := range want[at : at+n] {
				keys, units, patterns = append(keys, e.Key), append(units, e.Unit), append(patterns, e.Pattern)
			}
			c.Elements.AddAll(keys, units, patterns)
			at += n
		}
		copied := c.Elements.Clone()
		copied.Add(1, 2, 3)
		var b bytes.Buffer
		if err := c.Encode(&b); err != nil {
			t.Fatal(err)
		}
		read, err := DecodeCohorts(bufio.NewReader(&b))
		if err != nil {
			t.Fatal(err)
		}
		for name, l := range map[string]*Elements{"packed": &c.Elements, "read": &read.Elements} {
			if got := slices.Collect(l.All()); !slices.Equal(got, want) || l.Len() != len(want) {
				t.Fatalf("%s: other elements than were added", name)
			}
		}
		if got := slices.Collect(copied.All()); !slices.Equal(got, append(want, Element{1, 2, 3})) {
			t.Fatal("a clone is something else")
		}
	})
}

// Patterns come out as they went in, and damage is found.
func TestPatternsArePackedWithoutLoss(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want [][]Term
		var distinct Distinct
		c := &Cohorts{Numbers: 1 << 20}
		for range rapid.IntRange(0, 50).Draw(t, "patterns") {
			number := int32(rapid.IntRange(0, 9).Draw(t, "first"))
			var terms []Term
			for range rapid.IntRange(0, 9).Draw(t, "terms") {
				times := rapid.SampledFrom([]int32{1, 1, 1, 2, -5, 1 << 30}).Draw(t, "times")
				terms = append(terms, Term{number, times})
				number += int32(rapid.SampledFrom([]int{1, 2, 100, 10000}).Draw(t, "step"))
			}
			want = append(want, terms)
			if at := c.Patterns.Add(terms); int(at) != len(want)-1 {
				t.Fatal("a pattern is in another place")
			}
			first := slices.IndexFunc(want, func(w []Term) bool { return slices.Equal(w, terms) })
			if at := distinct.Put(terms); !slices.Equal(distinct.list.At(int(at), nil), terms) || first < len(want)-1 && distinct.Put(want[first]) != at {
				t.Fatal("equal patterns are two")
			}
		}
		var b bytes.Buffer
		if err := c.Encode(&b); err != nil {
			t.Fatal(err)
		}
		raw := slices.Clone(b.Bytes())
		read, err := DecodeCohorts(bufio.NewReader(&b))
		if err != nil {
			t.Fatal(err)
		}
		for i, terms := range want {
			if !slices.Equal(read.Patterns.At(i, nil), terms) {
				t.Fatalf("%v became %v", terms, read.Patterns.At(i, nil))
			}
		}
		if len(raw) > 0 { // whatever is damaged is read or refused, and nothing else happens
			raw[rapid.IntRange(0, len(raw)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "by"))
			_, _ = DecodeCohorts(bufio.NewReader(bytes.NewReader(raw)))
		}
	})
}

// A kept table gives every element's class, however the elements came.
func TestAKeptTableFindsEveryElement(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		classes := rapid.SampledFrom([]int{2, 3, 5, 17, 300, 70_000}).Draw(t, "classes")
		columns := Patterns{ends: make([]uint32, classes)}
		b := buildTable(columns.Len(), 1)
		want := map[uint32]int{}
		share := rapid.SampledFrom([]uint64{1, 2, 20, 500}).Draw(t, "one of")
		seed := rapid.Uint64().Draw(t, "seed")
		for i := range uint32(3 * pageSize) {
			slot := i
			if seed&1 == 1 {
				slot = 3*pageSize - 1 - i
			}
			if mix(seed+uint64(slot))%share != 0 || slot>>pageBits == uint32(seed>>1&3) {
				continue
			}
			class := 1 + int(mix(uint64(slot)^seed)%uint64(classes-1))
			want[slot] = class
			b.add(slot, int32(class))
		}
		table := b.done()
		if table.len() != len(want) {
			t.Fatalf("%d elements, not %d", table.len(), len(want))
		}
		n, last := 0, int64(-1)
		table.each(func(slot uint32, class int) {
			if want[slot] != class || int64(slot) <= last {
				t.Fatalf("element %d is in class %d, not %d", slot, class, want[slot])
			}
			n, last = n+1, int64(slot)
		})
		if n != len(want) {
			t.Fatalf("%d elements come, not %d", n, len(want))
		}
		for slot := range uint32(4 * pageSize) {
			if got := table.classOf(slot); got != want[slot] {
				t.Fatalf("element %d is in class %d, not %d", slot, got, want[slot])
			}
		}
	})
}

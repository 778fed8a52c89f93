package disclosure

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"math"
)

// Encode writes a table so that DecodeCohorts reads it: numbers, patterns, and blocks of
// elements as they are packed, each after its length.
func (c *Cohorts) Encode(w io.Writer) error {
	raw := func(data []byte) error {
		_, err := w.Write(append(binary.AppendUvarint(nil, uint64(len(data))), data...))
		return err
	}
	count := func(n int) error {
		_, err := w.Write(binary.AppendUvarint(nil, uint64(n)))
		return err
	}
	if err := errors.Join(count(c.Numbers), count(c.Patterns.Len())); err != nil {
		return err
	}
	var group []byte // patterns, each after its length
	for i := range c.Patterns.Len() {
		p := c.Patterns.raw(i)
		group = append(binary.AppendUvarint(group, uint64(len(p))), p...)
		if len(group) > 1<<16 || i == c.Patterns.Len()-1 {
			if _, err := w.Write(group); err != nil {
				return err
			}
			group = group[:0]
		}
	}
	blocks := c.Elements.packed
	if c.Elements.last != nil && len(c.Elements.last.Keys) > 0 {
		blocks = append(blocks[:len(blocks):len(blocks)], c.Elements.last.pack(nil))
	}
	if err := count(len(blocks)); err != nil {
		return err
	}
	for _, b := range blocks {
		if err := raw(b); err != nil {
			return err
		}
	}
	return nil
}

// maxEncoded bounds the length of one pattern or block.
const maxEncoded = 1 << 20

// DecodeCohorts reads what Encode wrote.
func DecodeCohorts(r *bufio.Reader) (*Cohorts, error) {
	raw := func(into []byte) ([]byte, error) {
		n, err := binary.ReadUvarint(r)
		if err != nil {
			return nil, err
		}
		if n > maxEncoded {
			return nil, errPacked
		}
		if uint64(cap(into)) < n {
			into = make([]byte, n)
		}
		_, err = io.ReadFull(r, into[:n])
		return into[:n], err
	}
	numbers, err1 := binary.ReadUvarint(r)
	patterns, err2 := binary.ReadUvarint(r)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	if numbers > math.MaxInt32 || patterns > math.MaxInt32 {
		return nil, errPacked
	}
	c := &Cohorts{Numbers: int(numbers)}
	var one []byte
	for range patterns {
		var err error
		if one, err = raw(one); err != nil {
			return nil, err
		}
		if err = checkTerms(one, c.Numbers); err != nil {
			return nil, err
		}
		c.Patterns.addRaw(one)
	}
	blocks, err := binary.ReadUvarint(r)
	if err != nil {
		return nil, err
	}
	into := newBlock()
	for range blocks {
		b, err := raw(nil)
		if err != nil {
			return nil, err
		}
		if err := checkPacked(b); err != nil {
			return nil, err
		}
		into.unpack(b)
		for _, p := range into.Patterns {
			if int(p) >= c.Patterns.Len() {
				return nil, errPacked
			}
		}
		c.Elements.addPacked(b, len(into.Keys))
	}
	return c, nil
}

// checkTerms makes sure that a pattern can be read.
func checkTerms(raw []byte, numbers int) error {
	number := int64(-1)
	for len(raw) > 0 {
		step, n := binary.Uvarint(raw)
		if n <= 0 || step>>1 == 0 || step > math.MaxUint32 {
			return errPacked
		}
		raw, number = raw[n:], number+int64(step>>1)
		if step&1 == 1 {
			times, n := binary.Varint(raw)
			if n <= 0 || times < math.MinInt32 || times > math.MaxInt32 || times == 0 {
				return errPacked
			}
			raw = raw[n:]
		}
		if number >= int64(numbers) {
			return errPacked
		}
	}
	return nil
}

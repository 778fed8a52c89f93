package source

import (
	"encoding/binary"
	"errors"
)

// The kinds of values in Thrift's compact protocol
// (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md).
const (
	compactTrue   = 1
	compactFalse  = 2
	compactByte   = 3
	compactI16    = 4
	compactI32    = 5
	compactI64    = 6
	compactDouble = 7
	compactBinary = 8
	compactList   = 9
	compactSet    = 10
	compactMap    = 11
	compactStruct = 12
)

// errCompact is anything that is not well-formed.
var errCompact = errors.New("not well-formed")

const maxCompactDepth = 12 // of structures within structures

// compact reads Thrift's compact protocol without taking memory for what it
// reads: no length is believed beyond what is there. It is stricter than a
// library must be: a structure has no field twice, and its fields ascend, as every
// writer writes them.
type compact struct {
	b     []byte
	at    int
	depth int
}

func (r *compact) byte() (byte, error) {
	if r.at >= len(r.b) {
		return 0, errCompact
	}
	r.at++
	return r.b[r.at-1], nil
}

func (r *compact) varint() (uint64, error) {
	n, size := binary.Uvarint(r.b[r.at:])
	if size <= 0 {
		return 0, errCompact
	}
	r.at += size
	return n, nil
}

// number reads an integer.
func (r *compact) number(to *int64) error {
	n, err := r.varint()
	*to = int64(n>>1) ^ -int64(n&1)
	return err
}

func (r *compact) binary() ([]byte, error) {
	n, err := r.varint()
	if err != nil || n > uint64(len(r.b)-r.at) {
		return nil, errCompact
	}
	r.at += int(n)
	return r.b[r.at-int(n) : r.at], nil
}

// structure reads a structure; visit takes the value of each field.
func (r *compact) structure(visit func(id int16, kind byte) error) error {
	if r.depth++; r.depth > maxCompactDepth {
		return errCompact
	}
	defer func() { r.depth-- }()
	last := int64(0)
	for {
		head, err := r.byte()
		if err != nil {
			return err
		}
		if head == 0 {
			return nil
		}
		id := last + int64(head>>4)
		if head>>4 == 0 {
			if err := r.number(&id); err != nil {
				return err
			}
		}
		kind := head & 15
		if id <= last || id > 1<<14 || kind == 0 || kind > compactStruct {
			return errCompact
		}
		last = id
		if err := visit(int16(id), kind); err != nil {
			return err
		}
	}
}

// list reads a list of structures; each takes the next.
func (r *compact) list(each func() error) error {
	n, kind, err := r.listHead()
	if err != nil || kind != compactStruct && n > 0 {
		return errCompact
	}
	for range n {
		if err := each(); err != nil {
			return err
		}
	}
	return nil
}

// listHead reads the size and kind of a list: each element takes a byte or more.
func (r *compact) listHead() (uint64, byte, error) {
	head, err := r.byte()
	if err != nil {
		return 0, 0, err
	}
	n := uint64(head >> 4)
	if n == 15 {
		if n, err = r.varint(); err != nil {
			return 0, 0, err
		}
	}
	if n > uint64(len(r.b)-r.at) {
		return 0, 0, errCompact
	}
	return n, head & 15, nil
}

// skip passes over a value of a field.
func (r *compact) skip(kind byte) error {
	switch kind {
	case compactTrue, compactFalse:
		return nil // the kind is the value
	}
	return r.element(kind)
}

// element passes over a value that stands by itself.
func (r *compact) element(kind byte) error {
	switch kind {
	case compactTrue, compactFalse, compactByte:
		_, err := r.byte()
		return err
	case compactI16, compactI32, compactI64:
		_, err := r.varint()
		return err
	case compactDouble:
		if len(r.b)-r.at < 8 {
			return errCompact
		}
		r.at += 8
		return nil
	case compactBinary:
		_, err := r.binary()
		return err
	case compactStruct:
		return r.structure(func(_ int16, kind byte) error { return r.skip(kind) })
	}
	if r.depth++; r.depth > maxCompactDepth {
		return errCompact
	}
	defer func() { r.depth-- }()
	switch kind {
	case compactList, compactSet:
		n, kind, err := r.listHead()
		for ; err == nil && n > 0; n-- {
			err = r.element(kind)
		}
		return err
	case compactMap:
		return r.pairs()
	}
	return errCompact
}

func (r *compact) pairs() error {
	n, err := r.varint()
	if err != nil || n == 0 {
		return err
	}
	kinds, err := r.byte()
	if err != nil || n > uint64(len(r.b)-r.at) {
		return errCompact
	}
	for ; n > 0; n-- {
		if err := r.element(kinds >> 4); err != nil {
			return err
		}
		if err := r.element(kinds & 15); err != nil {
			return err
		}
	}
	return nil
}

package source

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// Bounds of a JSON value that one line holds.
const (
	maxDepth  = 64 // FHIR's own resources stay below half of it
	maxNumber = 64 // characters of a number
)

// RowFault is what is wrong with one row, and where in it.
type RowFault struct {
	Path string // a JSON pointer, or the path of a column
	Code string // one of the Row codes
}

// What may be wrong with a row.
const (
	RowSyntax       = "json_syntax"        // not JSON
	RowDuplicateKey = "json_duplicate_key" // an object has two members of one name
	RowTrailing     = "json_trailing_data" // something follows the value
	RowDepth        = "json_too_deep"
	RowNumber       = "json_number" // too long, or beyond what a double can hold
	RowResource     = "resource_type"
	RowRepeated     = "value_repeated"   // a path gives several values where one is meant
	RowStructured   = "value_structured" // a path gives an object or a list
	RowReference    = "reference_format" // a reference names no resource of the type
	RowControl      = "control_character"
)

// node is a value of a document: children are a list through next.
type node struct {
	kind        jsontext.Kind
	name        []byte // of a member of an object
	text        []byte // of a string, a number or a boolean
	first, next int32  // 0: none, since node 0 is nobody's child
}

// document is one JSON value. Its memory is used again for the next.
type document struct {
	nodes   []node
	text    []byte
	in      bytes.Buffer
	decoder *jsontext.Decoder
}

// parse reads a line as exactly one JSON object, strictly (RFC 8259, RFC 7493):
// no member twice, nothing behind it, no invalid UTF-8.
func (d *document) parse(line []byte) *RowFault {
	d.nodes, d.text = d.nodes[:0], d.text[:0]
	if cap(d.text) < len(line) {
		d.text = make([]byte, 0, 2*len(line)) // never grown below: nodes point into it
	}
	d.in.Reset()
	d.in.Write(line)
	if d.decoder == nil {
		d.decoder = jsontext.NewDecoder(&d.in, jsontext.AllowDuplicateNames(false), jsontext.AllowInvalidUTF8(false))
	} else {
		d.decoder.Reset(&d.in, jsontext.AllowDuplicateNames(false), jsontext.AllowInvalidUTF8(false))
	}
	if d.decoder.PeekKind() != '{' {
		return &RowFault{Code: RowSyntax}
	}
	if _, fault := d.value(nil); fault != nil {
		return fault
	}
	if _, err := d.decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return &RowFault{Code: RowTrailing}
	}
	return nil
}

func (d *document) fault(code string) *RowFault {
	return &RowFault{Path: string(d.decoder.StackPointer()), Code: code}
}

func (d *document) failed(err error) *RowFault {
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return d.fault(RowDuplicateKey)
	}
	return d.fault(RowSyntax)
}

// value reads one value and gives its node.
func (d *document) value(name []byte) (int32, *RowFault) {
	at := int32(len(d.nodes))
	kind := d.decoder.PeekKind()
	d.nodes = append(d.nodes, node{kind: kind, name: name})
	switch kind {
	case '{', '[':
		return at, d.children(at, kind)
	case '"', '0', 't', 'f', 'n':
		raw, err := d.decoder.ReadValue()
		if err != nil {
			return at, d.failed(err)
		}
		if kind == '0' && !plainNumber(raw) {
			return at, d.fault(RowNumber)
		}
		text, err := d.keep(raw, kind)
		if err != nil {
			return at, d.failed(err)
		}
		d.nodes[at].text = text
		return at, nil
	}
	_, err := d.decoder.ReadToken() // the decoder's own word for what is wrong
	return at, d.failed(err)
}

// keep copies a scalar out of the decoder's memory.
func (d *document) keep(raw jsontext.Value, kind jsontext.Kind) ([]byte, error) {
	from := len(d.text)
	var err error
	if kind == '"' {
		d.text, err = jsontext.AppendUnquote(d.text, raw)
	} else {
		d.text = append(d.text, raw...)
	}
	return d.text[from:len(d.text):len(d.text)], err
}

func (d *document) children(at int32, kind jsontext.Kind) *RowFault {
	if d.decoder.StackDepth() >= maxDepth {
		return d.fault(RowDepth)
	}
	if _, err := d.decoder.ReadToken(); err != nil {
		return d.failed(err)
	}
	last := int32(0)
	for {
		switch d.decoder.PeekKind() {
		case '}', ']':
			if _, err := d.decoder.ReadToken(); err != nil {
				return d.failed(err)
			}
			return nil
		}
		var name []byte
		if kind == '{' {
			raw, err := d.decoder.ReadValue()
			if err != nil {
				return d.failed(err)
			}
			if name, err = d.keep(raw, '"'); err != nil {
				return d.failed(err)
			}
		}
		child, fault := d.value(name)
		if fault != nil {
			return fault
		}
		if last == 0 {
			d.nodes[at].first = child
		} else {
			d.nodes[last].next = child
		}
		last = child
	}
}

// plainNumber holds for numbers that are no attack on whoever reads them.
func plainNumber(raw []byte) bool {
	if len(raw) > maxNumber {
		return false
	}
	x, err := strconv.ParseFloat(string(raw), 64)
	return err == nil && !math.IsInf(x, 0)
}

// add makes a node that stands nowhere in the document.
func (d *document) add(kind jsontext.Kind, text []byte) int32 {
	d.nodes = append(d.nodes, node{kind: kind, text: text})
	return int32(len(d.nodes) - 1)
}

package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// object is a JSON object of the plan whose every key must be taken: a key that
// the reader does not know may change what the operator means, so it refuses.
type object struct {
	kind string // for the error
	keys map[string]json.RawMessage
	err  error
}

func newObject(kind string, raw json.RawMessage) *object {
	o := &object{kind: kind}
	if err := json.Unmarshal(raw, &o.keys); err != nil {
		o.err = malformed(err)
	} else if o.keys == nil {
		o.err = malformed(fmt.Errorf("%s: null", kind))
	}
	return o
}

func (o *object) fail(err error) {
	if o.err == nil {
		o.err = err
	}
}

// take gives the raw value of key and marks it as read; nil if absent.
func (o *object) take(key string) json.RawMessage {
	raw := o.keys[key]
	delete(o.keys, key)
	if bytes.Equal(raw, []byte("null")) {
		return nil
	}
	return raw
}

// into decodes the value of key.
func (o *object) into(key string, v any) {
	raw := o.take(key)
	if raw == nil {
		return
	}
	if err := strictly(raw, v); err != nil {
		o.fail(malformed(fmt.Errorf("%s.%s: %w", o.kind, key, err)))
	}
}

// strictly decodes a value of whose keys all must be known.
func strictly(raw json.RawMessage, v any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

func (o *object) text(key string) string {
	var s string
	o.into(key, &s)
	return s
}

func (o *object) number(key string) int {
	var n uint64
	o.into(key, &n)
	return int(n) // 2⁶⁴−1, DuckDB's "none", becomes −1
}

func (o *object) truth(key string) bool {
	var b bool
	o.into(key, &b)
	return b
}

func (o *object) list(key string) []json.RawMessage {
	var l []json.RawMessage
	o.into(key, &l)
	return l
}

func (o *object) typ(key string) Type {
	raw := o.take(key)
	if raw == nil {
		o.fail(malformed(fmt.Errorf("%s.%s: absent", o.kind, key)))
		return Type{}
	}
	t, err := readType(raw)
	if err != nil {
		o.fail(err)
	}
	return t
}

// ignore marks keys that carry nothing for the gate: positions in the text,
// binding numbers (columns are positions), names.
func (o *object) ignore(keys ...string) {
	for _, k := range keys {
		delete(o.keys, k)
	}
}

// empty requires that keys say nothing: absent, null, false, 0, "", [], {} or
// DuckDB's "no index".
func (o *object) empty(keys ...string) {
	nothing := []string{"", "null", "false", "0", `""`, "[]", "{}", "18446744073709551615", `{"filters":[]}`}
	for _, k := range keys {
		raw := o.keys[k]
		delete(o.keys, k)
		var compact bytes.Buffer
		if raw != nil && json.Compact(&compact, raw) != nil {
			o.fail(malformed(fmt.Errorf("%s.%s", o.kind, k)))
			continue
		}
		if !slices.Contains(nothing, compact.String()) {
			o.fail(unknown("option", o.kind+"."+k))
		}
	}
}

// done gives the first error, one for a key that nobody took included.
func (o *object) done() error {
	if o.err != nil {
		return o.err
	}
	for k := range o.keys {
		return unknown("option", o.kind+"."+k)
	}
	return nil
}

package source

import (
	"bytes"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// utf16Reader gives UTF-16 as UTF-8. Half of a pair of surrogates becomes the
// three bytes that UTF-8 would have for it if it had any: whoever checks a row
// finds that it is no text, and no other row is touched.
type utf16Reader struct {
	in        io.Reader
	declared  Encoding
	bigEndian bool
	begun     bool
	buf       []byte // read and not yet decoded: at most three bytes between calls
	out       []byte // decoded and not yet given, the end of decoded
	decoded   []byte
	high      uint16 // first half of a pair whose second has not come
	err       error
}

func (r *utf16Reader) Read(p []byte) (int, error) {
	for len(r.out) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		r.fill()
	}
	n := copy(p, r.out)
	r.out = r.out[n:]
	return n, nil
}

func (r *utf16Reader) fill() {
	n, err := r.in.Read(r.buf[len(r.buf):cap(r.buf)])
	r.buf = r.buf[:len(r.buf)+n]
	if !r.begun && (len(r.buf) >= 2 || err != nil) {
		r.begun = true
		if why := r.mark(); why != "" {
			r.err = &Fault{Cause: why, Offset: -1}
			return
		}
	}
	r.decoded = r.decoded[:0]
	if r.begun {
		r.decode()
	}
	r.out = r.decoded
	if err == nil {
		return
	}
	if r.err = err; err != io.EOF {
		return
	}
	if len(r.buf) > 0 {
		r.err = &Fault{Cause: CauseHalfLetter, Offset: -1}
	} else if r.high != 0 {
		r.decoded = appendSurrogate(r.decoded, r.high)
		r.out, r.high = r.decoded, 0
	}
}

// mark reads the byte-order mark.
func (r *utf16Reader) mark() Cause {
	little, big := bytes.HasPrefix(r.buf, []byte{0xff, 0xfe}), bytes.HasPrefix(r.buf, []byte{0xfe, 0xff})
	switch {
	case r.declared == EncodingUTF16 && !little && !big && len(r.buf) > 0:
		return CauseNoMark
	case r.declared == EncodingUTF16LE && big, r.declared == EncodingUTF16BE && little:
		return CauseOtherMark
	}
	r.bigEndian = big || r.bigEndian && !little
	if little || big {
		r.buf = r.buf[:copy(r.buf, r.buf[2:])]
	}
	return ""
}

func (r *utf16Reader) decode() {
	b := r.buf
	for ; len(b) >= 2; b = b[2:] {
		unit := uint16(b[0]) | uint16(b[1])<<8
		if r.bigEndian {
			unit = unit>>8 | unit<<8
		}
		if unit < utf8.RuneSelf && r.high == 0 {
			r.decoded = append(r.decoded, byte(unit))
			continue
		}
		r.letter(unit)
	}
	r.buf = r.buf[:copy(r.buf, b)]
}

func (r *utf16Reader) letter(unit uint16) {
	const highFirst, lowFirst, lowLast = 0xd800, 0xdc00, 0xdfff
	if r.high != 0 {
		high := r.high
		r.high = 0
		if unit >= lowFirst && unit <= lowLast {
			r.decoded = utf8.AppendRune(r.decoded, utf16.DecodeRune(rune(high), rune(unit)))
			return
		}
		r.decoded = appendSurrogate(r.decoded, high)
	}
	switch {
	case unit >= highFirst && unit < lowFirst:
		r.high = unit
	case unit >= lowFirst && unit <= lowLast:
		r.decoded = appendSurrogate(r.decoded, unit)
	default:
		r.decoded = utf8.AppendRune(r.decoded, rune(unit))
	}
}

// appendSurrogate appends what is never valid UTF-8.
func appendSurrogate(b []byte, unit uint16) []byte {
	return append(b, 0xe0|byte(unit>>12), 0x80|byte(unit>>6)&0x3f, 0x80|byte(unit)&0x3f)
}

package source

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"
)

func gzipped(t testing.TB, parts ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, p := range parts {
		w := gzip.NewWriter(&b)
		if _, err := io.WriteString(w, p); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func zstandard(t testing.TB, parts ...string) []byte {
	t.Helper()
	var out []byte
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range parts {
		out = w.EncodeAll([]byte(p), out)
	}
	return out
}

func inUTF16(s string, bigEndian, mark bool) []byte {
	units := utf16.Encode([]rune(s))
	if mark {
		units = append([]uint16{0xfeff}, units...)
	}
	var b []byte
	for _, u := range units {
		if bigEndian {
			u = u>>8 | u<<8
		}
		b = append(b, byte(u), byte(u>>8))
	}
	return b
}

// read gives the text of a file, and whether all of its bytes were hashed.
func read(t testing.TB, content []byte, form Form) (string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.New()
	s, err := Open(f, form, sum)
	if err != nil {
		f.Close()
		return "", err
	}
	defer s.Close()
	b, err := io.ReadAll(s)
	if err == nil && !bytes.Equal(sum.Sum(nil), sumOf(content)) {
		t.Error("not all of the file was hashed")
	}
	return string(b), err
}

func sumOf(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:]
}

func TestEveryFormGivesTheSameText(t *testing.T) {
	text := "name,note\nÅsa,\"two\nlines\"\n𝒳,€\n" + strings.Repeat("x,y\n", 100_000)
	for name, c := range map[string]struct {
		content []byte
		form    Form
	}{
		"plain":                   {[]byte(text), Form{}},
		"gzip":                    {gzipped(t, text), Form{}},
		"gzip, declared":          {gzipped(t, text), Form{Compression: CompressionGzip}},
		"gzip, two members":       {gzipped(t, text[:9], text[9:]), Form{}},
		"zstd":                    {zstandard(t, text), Form{}},
		"zstd, two frames":        {zstandard(t, text[:9], text[9:]), Form{Compression: CompressionZstd}},
		"UTF-16 by its mark":      {inUTF16(text, false, true), Form{Encoding: EncodingUTF16}},
		"big-endian by its mark":  {inUTF16(text, true, true), Form{Encoding: EncodingUTF16}},
		"little-endian":           {inUTF16(text, false, false), Form{Encoding: EncodingUTF16LE}},
		"little-endian with mark": {inUTF16(text, false, true), Form{Encoding: EncodingUTF16LE}},
		"big-endian":              {inUTF16(text, true, false), Form{Encoding: EncodingUTF16BE}},
		"gzip of UTF-16":          {gzipped(t, string(inUTF16(text, false, true))), Form{Encoding: EncodingUTF16}},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := read(t, c.content, c.form); err != nil || got != text {
				t.Errorf("%d bytes of %d, %v", len(got), len(text), err)
			}
		})
	}
}

func TestFaultyFormsAreRefused(t *testing.T) {
	text := strings.Repeat("some text that is long enough to be packed\n", 5000)
	packed, frames := gzipped(t, text), zstandard(t, text)
	flipped := bytes.Clone(packed)
	flipped[len(flipped)/2] ^= 0x55
	for name, c := range map[string]struct {
		content []byte
		form    Form
		cause   Cause
	}{
		"gzip cut":              {packed[:len(packed)-3], Form{}, CauseDamaged},
		"gzip cut in half":      {packed[:len(packed)/2], Form{}, CauseDamaged},
		"gzip header alone":     {packed[:5], Form{}, CauseDamaged},
		"gzip with a flipped":   {flipped, Form{}, CauseDamaged},
		"gzip and more":         {append(bytes.Clone(packed), "more"...), Form{}, CauseDamaged},
		"zstd cut":              {frames[:len(frames)-1], Form{}, CauseDamaged},
		"zstd and more":         {append(bytes.Clone(frames), "more"...), Form{}, CauseDamaged},
		"not the declared gzip": {[]byte(text), Form{Compression: CompressionGzip}, CauseNotPacked},
		"zstd declared gzip":    {frames, Form{Compression: CompressionGzip}, CauseNotPacked},
		"a ZIP archive":         {[]byte("PK\x03\x04aaaaaaaa"), Form{}, CauseArchive},
		"a gzip bomb":           {gzipped(t, strings.Repeat("0", 100<<20)), Form{}, CauseTooLarge},
		"a zstd bomb":           {zstandard(t, strings.Repeat("0", 100<<20)), Form{}, CauseTooLarge},
		"more than declared":    {packed, Form{UnpackedLimit: int64(len(text) - 1)}, CauseTooLarge},
		"UTF-16 without a mark": {inUTF16(text, false, false), Form{Encoding: EncodingUTF16}, CauseNoMark},
		"UTF-16, another mark":  {inUTF16(text, true, true), Form{Encoding: EncodingUTF16LE}, CauseOtherMark},
		"half a UTF-16 letter":  {inUTF16(text, false, true)[:101], Form{Encoding: EncodingUTF16}, CauseHalfLetter},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(t, c.content, c.form)
			var f *Fault
			if !errors.As(err, &f) || f.Cause != c.cause {
				t.Fatalf("got %v, want %q", err, c.cause)
			}
			if strings.Contains(err.Error(), "%") || strings.Contains(err.Error(), "some text") {
				t.Errorf("message: %s", err)
			}
		})
	}
	if got, err := read(t, packed, Form{UnpackedLimit: int64(len(text))}); err != nil || got != text {
		t.Errorf("at the declared limit: %v", err)
	}
}

// Whatever the units are, and however they are cut into reads: what is text is
// read as the standard library reads it, and what is none is not valid UTF-8.
func TestUTF16IsReadAsItIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		units := rapid.SliceOf(rapid.OneOf(rapid.Uint16Range(0, 0x7f), rapid.Uint16Range(0xd7f0, 0xe010), rapid.Uint16())).Draw(t, "units")
		big := rapid.Bool().Draw(t, "big")
		var b []byte
		for _, u := range units {
			if big {
				u = u>>8 | u<<8
			}
			b = append(b, byte(u), byte(u>>8))
		}
		if len(units) > 0 && (units[0] == 0xfeff || units[0] == 0xfffe) || slices.Contains(units, utf8.RuneError) {
			return // a mark, or what the standard library has for half a pair
		}
		declared := EncodingUTF16LE
		if big {
			declared = EncodingUTF16BE
		}
		r := &utf16Reader{in: iotest.OneByteReader(bytes.NewReader(b)), declared: declared, bigEndian: big, buf: make([]byte, 0, 16)}
		got, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		want := string(utf16.Decode(units))
		if utf8.Valid(got) == strings.ContainsRune(want, utf8.RuneError) {
			t.Fatalf("%x became %x", units, got)
		}
		if utf8.Valid(got) && string(got) != want {
			t.Fatalf("%x: got %q, want %q", units, got, want)
		}
	})
}

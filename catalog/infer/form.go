package infer

import (
	"bytes"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/catalog/source"
)

// sniffed is how much of a file's text its form is found from.
const sniffed = 256 << 10

// form finds the format, encoding and delimiter of a file by its first bytes.
func form(path string) (t catalog.TableRule, text []byte, err error) {
	if strings.HasSuffix(strings.ToLower(path), ".parquet") {
		return catalog.TableRule{Format: catalog.FormatParquet, Encoding: catalog.EncodingUTF8, Delimiter: ","}, nil, nil
	}
	raw, err := head(path, source.EncodingUTF8)
	if err != nil {
		return t, nil, err
	}
	t = catalog.TableRule{Format: catalog.FormatCSV, Encoding: string(encodingOf(raw))}
	text = raw
	if strings.HasPrefix(t.Encoding, "utf-16") {
		if text, err = head(path, source.Encoding(t.Encoding)); err != nil {
			return t, nil, err
		}
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	t.Delimiter = delimiterOf(text)
	return t, text, nil
}

// head is the beginning of a file's text.
func head(path string, encoding source.Encoding) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	s, err := source.Open(f, source.Form{Encoding: encoding}, nil)
	if err != nil {
		f.Close()
		return nil, err
	}
	defer s.Close()
	b, err := io.ReadAll(io.LimitReader(s, sniffed))
	return b, err
}

// encodingOf: a mark, zeros in every other byte, or what more lines with letters
// beyond ASCII are written in: a few rows of UTF-8 files are wrong.
func encodingOf(b []byte) source.Encoding {
	if bytes.HasPrefix(b, []byte{0xff, 0xfe}) || bytes.HasPrefix(b, []byte{0xfe, 0xff}) {
		return source.EncodingUTF16
	}
	even, odd := 0, 0
	for i, c := range b {
		if c == 0 {
			if i%2 == 0 {
				even++
			} else {
				odd++
			}
		}
	}
	switch {
	case odd > len(b)/4:
		return source.EncodingUTF16LE
	case even > len(b)/4:
		return source.EncodingUTF16BE
	}
	valid, broken := 0, 0
	for line := range bytes.Lines(b) {
		switch {
		case !bytes.HasSuffix(line, []byte{'\n'}) && len(b) == sniffed: // the sample may end within a letter
		case !utf8.Valid(line):
			broken++
		case bytes.ContainsFunc(line, func(r rune) bool { return r >= utf8.RuneSelf }):
			valid++
		}
	}
	if broken > valid {
		return source.EncodingWindows1252
	}
	return source.EncodingUTF8
}

// delimiterOf is the character that the first lines have the same number of,
// outside quotes; of several, the most frequent.
func delimiterOf(text []byte) string {
	lines := bytes.SplitN(text, []byte{'\n'}, 22)
	if len(lines) > 1 {
		lines = lines[:len(lines)-1]
	}
	best, most := ",", 0
	for _, d := range []byte{',', '\t', ';', '|', '^', '~', 0x1f, 0x01} {
		n := count(lines[0], d)
		same := 0
		for _, line := range lines {
			if count(line, d) == n {
				same++
			}
		}
		if n > most && same*10 >= len(lines)*8 {
			best, most = string(d), n
		}
	}
	return best
}

// count counts a character outside quotes.
func count(line []byte, d byte) (n int) {
	quoted := false
	for _, c := range line {
		switch {
		case c == '"':
			quoted = !quoted
		case c == d && !quoted:
			n++
		}
	}
	return n
}

package egress

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
)

// How a file is written could carry what its table does not: an extra zero here, a
// quote there. So a file counts as a table that the gate let out only if it is
// written throughout in one of the ways in which programs write tables.

var errUnusual = errors.New("not written as programs write tables")

// fileDigest is the digest of the table that a file holds and nothing else; "" if
// it has none.
func fileDigest(data []byte, comma rune) string {
	table, err := readTable(data, comma)
	if err != nil {
		return ""
	}
	d := newTableDigest(table[0])
	for _, row := range table[1:] {
		for _, value := range row {
			d.value(value)
		}
		if d.none {
			return ""
		}
	}
	return d.sum()
}

// readTable reads a file and makes sure that writing the table again, in the ways
// in which the file is written, gives the very bytes of the file.
func readTable(data []byte, comma rune) ([][]string, error) {
	r := csv.NewReader(bytes.NewReader(data))
	r.Comma = comma
	var table [][]string
	for values := 0; ; {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if values += len(row); values > 2*maxDigested {
			return nil, errUnusual
		}
		table = append(table, row)
	}
	if len(table) == 0 || !rewritten(table, data, comma) || !oneStyle(table) {
		return nil, errUnusual
	}
	return withoutRowNumbers(table), nil
}

// rewritten reports whether data is table, written in a usual way.
func rewritten(table [][]string, data []byte, comma rune) bool {
	end := "\n"
	if first := bytes.IndexByte(data, '\n'); first > 0 && data[first-1] == '\r' {
		end = "\r\n"
	}
	numbered := table[0][0] == ""
	for _, quoted := range []func(line, column int, value string) bool{
		func(int, int, string) bool { return false },
		func(int, int, string) bool { return true },
		func(line, column int, value string) bool { // texts alone, and the numbers of rows
			return line == 0 || numbered && column == 0 || !numeral.MatchString(value) && !missing[value]
		},
	} {
		var b bytes.Buffer
		b.Grow(len(data))
		for line, row := range table {
			for i, value := range row {
				if i > 0 {
					b.WriteRune(comma)
				}
				if quoted(line, i, value) || strings.ContainsAny(value, "\"\r\n"+string(comma)) || value == "" && len(row) == 1 {
					b.WriteString(`"` + strings.ReplaceAll(value, `"`, `""`) + `"`)
				} else {
					b.WriteString(value)
				}
			}
			b.WriteString(end)
		}
		if bytes.Equal(b.Bytes(), data) || bytes.Equal(bytes.TrimSuffix(b.Bytes(), []byte(end)), data) {
			return true
		}
	}
	return false
}

// oneStyle reports whether each column writes its numbers in one way, and the file
// what is missing and what is true in one.
func oneStyle(table [][]string) bool {
	var nothing, truth []string
	for i := range table[0] {
		styles := ^styleSet(0)
		for _, row := range table[1:] {
			switch value := row[i]; {
			case missing[value]:
				nothing = append(nothing, value)
			case numeral.MatchString(value):
				styles &= stylesOf(value)
			case plainValue(value) == "true" || plainValue(value) == "false":
				truth = append(truth, strings.Map(shape, value[:2]))
			case plainValue(value) != value && len(value) != len("2006-01-02 00:00:00"):
				return false // a moment with zeros behind it
			}
		}
		if styles == 0 {
			return false
		}
	}
	return same(nothing) && same(truth)
}

// shape is a letter's case.
func shape(r rune) rune {
	if r >= 'A' && r <= 'Z' {
		return 'A'
	}
	return 'a'
}

func same(texts []string) bool { return len(slices.Compact(texts)) <= 1 }

// styleSet are ways of writing numbers.
type styleSet uint8

const (
	styleShort    styleSet = 1 << iota // 12, 0.00001
	stylePoint                         // 12.0, 0.00001
	styleExponent                      // 12, 1e-05
	stylePointExponent
)

// stylesOf gives the ways that write a number like this.
func stylesOf(text string) styleSet {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0
	}
	short, exponent := strconv.FormatFloat(v, 'f', -1, 64), strconv.FormatFloat(v, 'e', -1, 64)
	if size := len(strings.TrimPrefix(text, "-")); !strings.ContainsAny(text, ".eE") && size > 15 {
		short = text // beyond what a float holds
	}
	whole := !strings.Contains(short, ".")
	var styles styleSet
	if text == short {
		styles |= styleShort | styleExponent
		if !whole {
			styles |= stylePoint | stylePointExponent
		}
	}
	if whole && text == short+".0" {
		styles |= stylePoint | stylePointExponent
	}
	if text == exponent && text != short {
		styles |= styleExponent | stylePointExponent
	}
	return styles
}

// withoutRowNumbers takes away the column of row numbers that some programs put in
// front, under an empty name.
func withoutRowNumbers(table [][]string) [][]string {
	if table[0][0] != "" || len(table[0]) < 2 || len(table) < 2 {
		return table
	}
	from := 0
	if table[1][0] == "1" {
		from = 1
	}
	for i, row := range table[1:] {
		if row[0] != strconv.Itoa(from+i) {
			return table
		}
	}
	out := make([][]string, len(table))
	for i, row := range table {
		out[i] = row[1:]
	}
	return out
}

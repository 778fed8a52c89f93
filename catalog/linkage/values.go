package linkage

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// normalise brings a value into the form in which its kind is compared; "" is none.
func normalise(k Kind, value []byte) string {
	switch k {
	case KindText, KindDate:
		return string(value)
	}
	var b strings.Builder
	text := string(value)
	if k == KindName {
		ascii := true
		for i := 0; i < len(text); i++ {
			ascii = ascii && text[i] < 0x80
		}
		if !ascii {
			text = norm.NFD.String(text)
		}
	}
	for _, r := range text {
		switch {
		case unicode.Is(unicode.Mn, r):
		case unicode.IsLetter(r):
			b.WriteRune(unicode.ToUpper(r))
		case unicode.IsDigit(r) && k != KindName:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// take gives the part of a normalised value that a rule asks for; "" where there is
// none.
func (p Part) take(k Kind, value string) string {
	switch p.Of {
	case "":
		return value
	case "year":
		if k == KindDate && len(value) == 10 {
			return value[:4]
		}
		return ""
	case "outcode":
		if len(value) > 3 {
			return value[:len(value)-3]
		}
		return ""
	case "soundex":
		return soundex(value)
	}
	n := int(p.Of[0] - '0')
	for i := range value {
		if n == 0 {
			return value[:i]
		}
		n--
	}
	return value
}

// valid reports whether a part can be taken of a kind.
func (p Part) valid(k Kind) bool {
	switch p.Of {
	case "":
		return true
	case "year":
		return k == KindDate
	case "outcode":
		return k == KindPostcode
	case "soundex":
		return k == KindName
	}
	return len(p.Of) == 1 && p.Of[0] >= '1' && p.Of[0] <= '9'
}

// soundex is the American Soundex of a name of letters; others are left out.
func soundex(name string) string {
	const codes = "01230120022455012623010202"
	out := make([]byte, 0, 4)
	last := byte('0')
	for _, r := range name {
		if r < 'A' || r > 'Z' {
			continue
		}
		code := codes[r-'A']
		switch {
		case len(out) == 0:
			out = append(out, byte(r))
		case code != '0' && code != last:
			out = append(out, code)
		}
		if r != 'H' && r != 'W' {
			last = code
		}
		if len(out) == 4 {
			break
		}
	}
	for len(out) > 0 && len(out) < 4 {
		out = append(out, '0')
	}
	return string(out)
}

// jaroWinkler is the similarity of two names, 0 to 1 (Winkler 1990, prefix weight 0.1).
func jaroWinkler(a, b string) float64 {
	if a == b {
		return 1
	}
	if len(a) == 0 || len(b) == 0 || len(a) > 64 || len(b) > 64 {
		return 0
	}
	reach := max(len(a), len(b))/2 - 1
	var inA, inB uint64
	matches := 0
	for i := range len(a) {
		for j := max(0, i-reach); j <= min(len(b)-1, i+reach); j++ {
			if inB>>j&1 == 0 && a[i] == b[j] {
				inA, inB = inA|1<<i, inB|1<<j
				matches++
				break
			}
		}
	}
	if matches == 0 {
		return 0
	}
	moved, j := 0, 0
	for i := range len(a) {
		if inA>>i&1 == 0 {
			continue
		}
		for inB>>j&1 == 0 {
			j++
		}
		if a[i] != b[j] {
			moved++
		}
		j++
	}
	m := float64(matches)
	jaro := (m/float64(len(a)) + m/float64(len(b)) + (m-float64(moved)/2)/m) / 3
	prefix := 0
	for prefix < 4 && prefix < len(a) && prefix < len(b) && a[prefix] == b[prefix] {
		prefix++
	}
	return jaro + float64(prefix)*0.1*(1-jaro)
}

// The levels at which two values agree, from "not" up. Missing is no evidence.
const (
	levelMissing = iota
	levelElse
	levelLoose
	levelClose
	levelSwapped // with another field
	levelExact
	levels
)

// compare gives the level at which two normalised values agree.
func compare(k Kind, a, b string) uint8 {
	switch {
	case a == "" || b == "":
		return levelMissing
	case a == b:
		return levelExact
	}
	switch k {
	case KindName:
		switch s := jaroWinkler(a, b); {
		case s >= 0.92:
			return levelClose
		case s >= 0.8:
			return levelLoose
		}
	case KindDate:
		return compareDates(a, b)
	case KindPostcode:
		switch {
		case len(a) > 3 && len(b) > 3 && (a[:len(a)-2] == b[:len(b)-2] || oneEdit(a, b)):
			return levelClose // the same sector, or a slip of the pen
		case len(a) > 3 && len(b) > 3 && a[:len(a)-3] == b[:len(b)-3]:
			return levelLoose // the same outcode
		}
	}
	return levelElse
}

// compareDates: close is one digit, two neighbours exchanged, or day and month
// exchanged; loose is one of the three parts wrong.
func compareDates(a, b string) uint8 {
	if len(a) != 10 || len(b) != 10 {
		return levelElse
	}
	if oneEdit(a, b) || a[:4] == b[:4] && a[5:7] == b[8:10] && a[8:10] == b[5:7] {
		return levelClose
	}
	same := 0
	for _, part := range [][2]int{{0, 4}, {5, 7}, {8, 10}} {
		if a[part[0]:part[1]] == b[part[0]:part[1]] {
			same++
		}
	}
	if same == 2 {
		return levelLoose
	}
	return levelElse
}

// oneEdit reports whether values of one length differ in one character, or in two
// neighbours that are exchanged.
func oneEdit(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	var at []int
	for i := range len(a) {
		if a[i] != b[i] {
			if at = append(at, i); len(at) > 2 {
				return false
			}
		}
	}
	return len(at) == 1 || len(at) == 2 && at[1] == at[0]+1 && a[at[0]] == b[at[1]] && a[at[1]] == b[at[0]]
}

package inspect

import (
	"bytes"
	"regexp"
	"unicode"
	"unicode/utf8"
)

// inspectText looks for identifiers in text of any kind, line by line.
func inspectText(c *collector, data []byte) {
	line := 0
	for rest := trimBOM(data); len(rest) > 0; {
		line++
		var text []byte
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			text, rest = rest[:i], rest[i+1:]
		} else {
			text, rest = rest, nil
		}
		inspectLine(c, line, text)
	}
}

func inspectLine(c *collector, line int, text []byte) {
	place := func(i int) int { return utf8.RuneCount(text[:i]) + 1 }
	for i := 0; i < len(text); i++ {
		switch b := text[i]; {
		case b >= '0' && b <= '9':
			if isNHSNumberAt(text, i) {
				c.add(Finding{RuleNHSNumber, Serious, line, place(i),
					"A number has ten digits and the check digit of an NHS number.",
					"Remove it. If it is a measurement or a code, say so in the request's context."})
			}
			if start, ok := postcodeAt(text, i); ok {
				c.add(Finding{RulePostcode, Serious, line, place(start),
					"This reads as a full UK postcode.", "Give the region, or the first part of the postcode at most."})
			}
		case b == '@':
			if isEmailAt(text, i) {
				c.add(Finding{RuleEmail, Warning, line, place(i), "This reads as an e-mail address.", "Remove addresses of people."})
			}
		case b >= utf8.RuneSelf:
			r, size := utf8.DecodeRune(text[i:])
			if unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Co, r) {
				c.add(Finding{RuleInvisible, Warning, line, place(i),
					"A character here cannot be seen, or changes how its neighbours are shown.", "Remove it, and look at the text again."})
			}
			i += size - 1
		}
	}
	inspectPseudonyms(c, line, text, place)
	for _, at := range birthDates(text) {
		c.add(Finding{RuleBirthDate, Serious, line, place(at), "This reads as a date of birth.", "Give the year of birth or an age band."})
	}
}

func digit(b byte) bool { return b >= '0' && b <= '9' }

func letter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }

// isNHSNumberAt reports whether an NHS number starts at text[i]: ten digits
// that stand alone, together or as 3-3-4 with one kind of separator, with a
// right check digit. The digits after a decimal point are not one: rates would
// be reported by the dozen.
func isNHSNumberAt(text []byte, i int) bool {
	if i > 0 && (digit(text[i-1]) || letter(text[i-1])) {
		return false
	}
	if i > 1 && text[i-1] == '.' && digit(text[i-2]) {
		return false
	}
	var digits [10]int
	n, at, separator := 0, i, ""
	for n < 10 {
		if n == 3 || n == 6 {
			s := separatorAt(text[at:])
			if n == 3 {
				separator = s
			} else if s != separator {
				return false
			}
			at += len(s)
		}
		if at >= len(text) || !digit(text[at]) {
			return false
		}
		digits[n] = int(text[at] - '0')
		n++
		at++
	}
	if at < len(text) && (digit(text[at]) || letter(text[at])) {
		return false
	}
	return validNHSNumber(digits)
}

// separatorAt gives the separator that text begins with, or none.
func separatorAt(text []byte) string {
	r, size := utf8.DecodeRune(text)
	switch r {
	case ' ', '-', '.', '\u00a0', '\u2009', '\u202f', '\u2010', '\u2011':
		return string(text[:size])
	}
	return ""
}

// validNHSNumber checks the last digit: modulus 11, weights 10 to 2. Ten equal
// digits are never issued and are common placeholders.
func validNHSNumber(digits [10]int) bool {
	sum, same := 0, true
	for i, d := range digits[:9] {
		sum += d * (10 - i)
		same = same && d == digits[9]
	}
	check := 11 - sum%11
	if check == 11 {
		check = 0
	}
	return !same && check == digits[9]
}

// postcodeAt reports whether text[i] is the digit that begins the second part
// of a full postcode ("1AA"), and where the whole begins. In lower case only
// with a space: words and hashes would be reported otherwise.
func postcodeAt(text []byte, i int) (int, bool) {
	if i+2 >= len(text) || !letter(text[i+1]) || !letter(text[i+2]) {
		return 0, false
	}
	if i+3 < len(text) && (letter(text[i+3]) || digit(text[i+3]) || text[i+3] == '_') {
		return 0, false
	}
	end, spaced := i, false
	if end > 0 && text[end-1] == ' ' {
		end, spaced = end-1, true
	}
	start := end
	for start > 0 && end-start < 4 && (letter(text[start-1]) || digit(text[start-1])) {
		start--
	}
	if start > 0 && (letter(text[start-1]) || digit(text[start-1]) || text[start-1] == '_') {
		return 0, false
	}
	outward, inward := text[start:end], text[i:i+3]
	if !spaced && (!bytes.Equal(outward, bytes.ToUpper(outward)) || !bytes.Equal(inward, bytes.ToUpper(inward))) {
		return 0, false
	}
	m := outwardPattern.FindSubmatch(bytes.ToUpper(outward))
	return start, m != nil && postcodeAreas[string(m[1])] && inwardPattern.Match(bytes.ToUpper(inward))
}

var (
	outwardPattern = regexp.MustCompile(`^([A-Z]{1,2})[0-9][0-9A-HJKMNPR-Y]?$`)
	inwardPattern  = regexp.MustCompile(`^[0-9][ABD-HJLNP-UW-Z]{2}$`)
)

var postcodeAreas = func() map[string]bool {
	m := map[string]bool{}
	for _, a := range bytes.Fields([]byte(`AB AL B BA BB BD BF BH BL BN BR BS BT CA CB CF CH CM CO CR CT CV CW DA DD DE DG DH
		DL DN DT DY E EC EH EN EX FK FY G GL GU GY HA HD HG HP HR HS HU HX IG IM IP IV JE KA KT KW KY L LA LD LE LL LN LS LU
		M ME MK ML N NE NG NN NP NR NW OL OX PA PE PH PL PO PR RG RH RM S SA SE SG SK SL SM SN SO SP SR SS ST SW SY TA TD TF
		TN TQ TR TS TW UB W WA WC WD WF WN WR WS WV YO ZE`)) {
		m[string(a)] = true
	}
	return m
}()

func isEmailAt(text []byte, at int) bool {
	if at == 0 || !(letter(text[at-1]) || digit(text[at-1])) {
		return false
	}
	dot := false
	for i := at + 1; i < len(text); i++ {
		switch b := text[i]; {
		case letter(b) && dot && i > at+2:
			return true
		case b == '.' && i > at+1:
			dot = true
		case letter(b), digit(b), b == '-':
		default:
			return false
		}
	}
	return false
}

var (
	birthHint = regexp.MustCompile(`(?i)\b(?:dob|d\.o\.b\.?|date[ _-]?of[ _-]?birth|birth[ _-]?date|born(?: on)?)\b[^0-9\n]{0,16}`)
	dayDate   = regexp.MustCompile(`^(?:[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}|[0-9]{1,2}[-/. ](?:[0-9]{1,2}|[A-Za-z]{3,9})[-/. ](?:[0-9]{4}|[0-9]{2}))\b`)
)

// birthDates gives where a day follows words for date of birth.
func birthDates(text []byte) []int {
	if !containsFold(text, "birth") && !containsFold(text, "dob") && !containsFold(text, "born") && !containsFold(text, "d.o.b") {
		return nil
	}
	var at []int
	for _, m := range birthHint.FindAllIndex(text, -1) {
		if dayDate.Match(text[m[1]:]) {
			at = append(at, m[1])
		}
	}
	return at
}

// containsFold is bytes.Contains without regard to case, for lower-case ASCII
// words.
func containsFold(text []byte, word string) bool {
	for i := 0; i+len(word) <= len(text); i++ {
		if text[i]|0x20 == word[0]|0x20 && hasPrefixFold(text[i:], word) {
			return true
		}
	}
	return false
}

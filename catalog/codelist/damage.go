package codelist

import (
	"regexp"
	"slices"
	"strings"
)

// What spreadsheets make of codes. A number in the form of 1.0E+17 has lost its digits
// for good; "E+" stands in no code of any system.
var (
	scientific = regexp.MustCompile(`^[0-9](?:[.,][0-9]+)?[eE]\+[0-9]+$`)
	decimals   = regexp.MustCompile(`^[0-9]+[.,]0+$`)
	aDate      = regexp.MustCompile(`^[0-9]{1,2}[/-](?:[0-9]{1,2}|[A-Za-z]{3})(?:[/-][0-9]{2,4})?$`)
)

// The shapes of codes. Read codes are five characters, filled up with dots.
var (
	icd10 = regexp.MustCompile(`^[A-Z][0-9][0-9A-Z](?:\.?[0-9A-Z]{1,4})?[+*]?$`)
	opcs4 = regexp.MustCompile(`^[A-Z][0-9]{2}(?:\.?[0-9])?$`)
	read5 = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z.]{4}$`)
	bnf   = regexp.MustCompile(`^[0-9]{2}[0-9A-Z]*$`)
)

// bnfLengths are how long codes of the BNF are, by level; chapters are 01 to 23.
var bnfLengths = []int{2, 4, 6, 7, 9, 11, 13, 15}

const lastChapter = "23"

// A SNOMED CT identifier has 6 to 18 digits (SNOMED CT Technical Implementation Guide):
// before the last, which checks the others, two that tell its kind, 00 and 10 for concepts.
const (
	leastSCTID = 6
	mostSCTID  = 18
	exactSheet = 15 // the digits of a number that a spreadsheet keeps
)

// damage says what is wrong with a code; "" for nothing.
func damage(system System, code string) string {
	switch {
	case code == "":
		return "there is no code."
	case len(code) > 64 || strings.ContainsFunc(code, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "the code has a space or another character that codes do not have, or is longer than 64."
	case scientific.MatchString(code):
		return "the code was made a number in scientific form by a spreadsheet; its digits are lost."
	case system != CTV3 && system != Read2 && decimals.MatchString(code):
		return "the code was made a decimal number by a spreadsheet."
	case system != Other && aDate.MatchString(code):
		return "the code was made a date by a spreadsheet."
	}
	switch system {
	case SNOMED, DMD:
		return damagedSCTID(code)
	case ICD10:
		if !icd10.MatchString(code) {
			return "this is no ICD-10 code, such as E11 or E119."
		}
	case OPCS4:
		if !opcs4.MatchString(code) {
			return "this is no OPCS-4 code, such as K40 or K401."
		}
	case CTV3, Read2:
		switch {
		case len(code) < 5 && digits(strings.TrimRight(code, ".")):
			return "a Read code has five characters: a spreadsheet has taken zeros at its beginning, or dots at its end."
		case !read5.MatchString(code):
			return "a Read code has five characters: letters, digits, and dots to fill it up."
		}
	case BNF:
		switch {
		case digits(code[:1]) && (!slices.Contains(bnfLengths, len(code)) || code[:2] > lastChapter || code[:2] == "00"):
			return "this is no BNF code; a spreadsheet may have taken the zero at its beginning."
		case !bnf.MatchString(code):
			return "this is no BNF code, such as 0301011R0."
		}
	}
	return ""
}

func damagedSCTID(code string) string {
	switch {
	case !digits(code):
		return "an identifier of SNOMED CT has digits alone."
	case code[0] == '0' || len(code) < leastSCTID || len(code) > mostSCTID:
		return "an identifier of SNOMED CT has 6 to 18 digits, of which the first is no zero."
	case !verhoeff(code) && len(code) > exactSheet && strings.HasSuffix(code, strings.Repeat("0", len(code)-exactSheet)):
		return "the last digits were made zeros by a spreadsheet, which keeps fifteen."
	case !verhoeff(code):
		return "the check digit is wrong: digits are missing or mistyped."
	case code[len(code)-2] != '0' || code[len(code)-3] > '1':
		return "this identifies no concept of SNOMED CT, but a description or a relationship."
	}
	return ""
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// verhoeff reports whether the last digit fits the others (J. Verhoeff 1969): the
// dihedral group D5, with a permutation that depends on the place.
func verhoeff(s string) bool {
	multiply := func(a, b int) int {
		switch {
		case a < 5 && b < 5:
			return (a + b) % 5
		case a < 5:
			return (a+b-5)%5 + 5
		case b < 5:
			return (a-5-b+5)%5 + 5
		}
		return (a - b + 5) % 5
	}
	permutation := [10]int{1, 5, 7, 6, 2, 8, 3, 0, 9, 4}
	c := 0
	for i := range len(s) {
		d := int(s[len(s)-1-i] - '0')
		for range i % 8 {
			d = permutation[d]
		}
		c = multiply(c, d)
	}
	return c == 0
}

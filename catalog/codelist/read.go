package codelist

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gatehouse-tre/gatehouse"
)

// Bounds of a file.
const (
	FileBytes = 32 << 20
	mostCodes = 200_000
	textBytes = 2000 // of a term or category
	mostSaid  = 20   // faults that are told, one a line
)

// codeColumns are the names of columns of codes, as OpenCodelists and the codelists of
// OpenSAFELY studies have them, with what they say of the system. Where a file has
// several, the first here is it: a list of medicines has BNF codes beside its own.
var codeColumns = []struct {
	name   string
	system System
}{
	{"dmd_id", DMD}, {"dmd_code", DMD}, {"snomedct_code", SNOMED}, {"snomed_code", SNOMED}, {"snomed_id", SNOMED}, {"snomedcode", SNOMED}, {"conceptid", SNOMED},
	{"icd10_code", ICD10}, {"icd_code", ICD10}, {"icd10", ICD10}, {"icd", ICD10}, {"opcs4_code", OPCS4}, {"opcs_code", OPCS4},
	{"ctv3_code", CTV3}, {"ctv3code", CTV3}, {"ctv3id", CTV3}, {"readv2_code", Read2}, {"read_code", Read2},
	{"code", ""}, {"bnf_code", BNF},
}

var (
	termColumns     = []string{"term", "dmd_name", "snomedct_term", "icd10_term", "ctv3preferredtermdesc", "preferred_term", "name", "nm", "description", "code_description"}
	categoryColumns = []string{"category", "category_name", "cat", "group"}
)

// read reads a file strictly: UTF-8, a header with a column of codes, each code once and
// whole. Faults are told with their lines and columns, without what stands there. column
// names the column of codes, and system its system; "" for what the header says.
func read(content []byte, column string, system System) ([]Term, System, error) {
	if system != "" && !slices.Contains(Systems, system) {
		return nil, "", invalid("There is no such system of codes.").WithAdvice("Name one of %s.", listed(Systems))
	}
	switch {
	case len(content) > FileBytes:
		return nil, "", invalid("The file is larger than %d MiB.", FileBytes>>20)
	case bytes.HasPrefix(content, []byte("PK\x03\x04")):
		return nil, "", invalid("The file is a workbook, not CSV.").WithAdvice("Download the CSV from the publisher; saving a workbook as CSV damages codes.")
	case bytes.HasPrefix(content, []byte("\xff\xfe")), bytes.HasPrefix(content, []byte("\xfe\xff")):
		return nil, "", invalid("The file is encoded as UTF-16, not UTF-8.").WithAdvice("Download it again, or save it as 'CSV UTF-8'.")
	}
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))
	if line := notText(content); line > 0 {
		return nil, "", invalid("Line %d of the file is not UTF-8 text.", line).WithAdvice("Download it again, or save it as 'CSV UTF-8'.")
	}
	r := csv.NewReader(bytes.NewReader(content))
	header, err := r.Read()
	if errors.Is(err, io.EOF) {
		return nil, "", invalid("The file is empty.")
	}
	if err != nil {
		return nil, "", broken(err)
	}
	at, system, err := columnsOf(header, column, system)
	if err != nil {
		return nil, "", err
	}
	reading := reading{system: system, seen: map[string]int{}}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, "", broken(err)
		}
		line, _ := r.FieldPos(0)
		if len(reading.terms) >= mostCodes {
			return nil, "", invalid("The file has more than %d codes.", mostCodes)
		}
		reading.row(line, row, at)
	}
	terms, err := reading.done(header[at.code])
	return terms, system, err
}

// notText gives the first line that is not UTF-8, or holds a NUL; 0 for none.
func notText(content []byte) int {
	line := 0
	for part := range bytes.Lines(content) {
		line++
		if !utf8.Valid(part) || bytes.IndexByte(part, 0) >= 0 {
			return line
		}
	}
	return 0
}

// broken tells of a file that is no CSV, without its text.
func broken(err error) error {
	var parse *csv.ParseError
	if !errors.As(err, &parse) {
		return invalid("The file cannot be read as CSV.").Because(err)
	}
	switch {
	case errors.Is(parse.Err, csv.ErrFieldCount):
		return invalid("Line %d has another number of columns than the header.", parse.Line)
	case errors.Is(parse.Err, csv.ErrQuote):
		return invalid("A quote that begins before line %d is not closed, or is followed by text.", parse.Line+1)
	case errors.Is(parse.Err, csv.ErrBareQuote):
		return invalid("A quote stands in the middle of a field in line %d.", parse.Line).WithAdvice("Put the field into quotes, and write each quote in it twice.")
	}
	return invalid("Line %d cannot be read as CSV.", parse.Line)
}

// places are which columns are read; -1 for none.
type places struct{ code, term, category int }

func columnsOf(header []string, column string, system System) (places, System, error) {
	names := make([]string, len(header))
	for i, h := range header {
		names[i] = strings.ToLower(strings.TrimFunc(h, unicode.IsSpace))
		if names[i] != "" && slices.Contains(names[:i], names[i]) {
			return places{}, "", invalid("Two columns of the header, the last of them number %d, have the same name.", i+1)
		}
	}
	at := places{-1, -1, -1}
	if column != "" {
		if at.code = slices.Index(names, strings.ToLower(strings.TrimSpace(column))); at.code < 0 {
			return at, "", invalid("The file has no column of the name that was given for its codes.").WithAdvice("Look at the first line of the file.")
		}
	}
	for _, c := range codeColumns {
		if at.code < 0 {
			at.code = slices.Index(names, c.name)
		}
		if at.code >= 0 && names[at.code] == c.name && c.system != "" {
			switch {
			case system == "":
				system = c.system
			case system != c.system && !(system == SNOMED && c.system == DMD) && !(system == DMD && c.system == SNOMED):
				return at, "", invalid("The column of codes is of %s by its name, not of %s.", c.system, system)
			}
		}
	}
	if at.code < 0 {
		return at, "", invalid("The file has no column of codes.").WithAdvice("OpenCodelists calls it code, dmd_id, snomedct_code or icd10_code; say which column it is with --column.")
	}
	if system == "" {
		return at, "", invalid("The file does not say of which system its codes are.").WithAdvice("Say it with --system: %s.", listed(Systems))
	}
	first := func(of []string) int {
		for _, name := range of {
			if i := slices.Index(names, name); i >= 0 && i != at.code {
				return i
			}
		}
		return -1
	}
	at.term, at.category = first(termColumns), first(categoryColumns)
	return at, system, nil
}

// reading takes in rows and tells what is wrong with them.
type reading struct {
	system System
	terms  []Term
	seen   map[string]int // the line of each code
	faults []string
	more   int
	people int // codes that could be NHS numbers
}

func (r *reading) fault(line int, format string, args ...any) {
	if len(r.faults) >= mostSaid {
		r.more++
		return
	}
	r.faults = append(r.faults, fmt.Sprintf("Line %d: ", line)+fmt.Sprintf(format, args...))
}

func (r *reading) row(line int, row []string, at places) {
	t := Term{Code: strings.TrimFunc(row[at.code], unicode.IsSpace)}
	for _, f := range []struct {
		at   int
		into *string
		what string
	}{{at.term, &t.Term, "term"}, {at.category, &t.Category, "category"}} {
		if f.at < 0 {
			continue
		}
		*f.into = strings.TrimFunc(row[f.at], unicode.IsSpace)
		if len(*f.into) > textBytes || strings.ContainsFunc(*f.into, unicode.IsControl) {
			r.fault(line, "the %s is longer than %d bytes, or has a control character.", f.what, textBytes)
		}
	}
	if why := damage(r.system, t.Code); why != "" {
		r.fault(line, "%s", why)
	} else if before, twice := r.seen[t.Code]; twice {
		r.fault(line, "the code stands in line %d already.", before)
	}
	if _, twice := r.seen[t.Code]; !twice {
		r.seen[t.Code] = line
	}
	if r.system == Other && looksNHS(t.Code) { // others have shapes of their own
		r.people++
	}
	r.terms = append(r.terms, t)
}

func (r *reading) done(column string) ([]Term, error) {
	switch {
	case len(r.faults) > 0:
		more := ""
		if r.more > 0 {
			more = fmt.Sprintf("\nThere are %d more faults.", r.more)
		}
		return nil, gatehouse.Errorf(gatehouse.CodeCodelist, "The codelist cannot be taken.\n%s%s", strings.Join(r.faults, "\n"), more)
	case len(r.terms) == 0:
		return nil, invalid("The file has a header, but no codes.")
	case 2*r.people >= len(r.terms):
		return nil, invalid("What stands in the column of codes looks like NHS numbers.").WithAdvice("A codelist is public: everybody sees it. Check the file.")
	}
	return r.terms, nil
}

// looksNHS reports whether a text could be an NHS number: ten digits of which the last
// fits (modulus 11).
func looksNHS(s string) bool {
	if len(s) != 10 || !digits(s) {
		return false
	}
	sum := 0
	for i := range 9 {
		sum += int(s[i]-'0') * (10 - i)
	}
	return (11-sum%11)%11 == int(s[9]-'0')
}

func listed(all []System) string {
	names := make([]string, len(all))
	for i, s := range all {
		names[i] = string(s)
	}
	return strings.Join(names, ", ")
}

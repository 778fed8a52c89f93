// Package inspect looks into files that somebody asks to take out, for what
// must not leave: a type other than its name says, identifiers, rows of single
// people, small counts, hidden or active content. It helps a checker to look;
// it does not decide. Findings say where and what to do, and never print a
// value. The functions are pure: bytes in, findings out.
package inspect

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// Severity is how much a finding matters.
type Severity string

// The severities.
const (
	Serious Severity = "serious" // must not leave unless a checker can say why it may
	Warning Severity = "warning" // look here
	Notice  Severity = "notice"  // worth knowing
)

// Rule names a check.
type Rule string

// The rules.
const (
	RuleNHSNumber        Rule = "nhs-number"
	RulePseudonym        Rule = "pseudonym"
	RulePostcode         Rule = "postcode"
	RuleBirthDate        Rule = "birth-date"
	RuleEmail            Rule = "email"
	RuleIdentifierColumn Rule = "identifier-column"
	RuleRowLevel         Rule = "row-level"
	RuleManyRows         Rule = "many-rows"
	RuleSmallCount       Rule = "small-count"
	RuleZeroCount        Rule = "zero-count"
	RuleFormula          Rule = "formula"
	RuleRagged           Rule = "ragged-table"
	RuleInvisible        Rule = "invisible-characters"
	RuleActive           Rule = "active-content"
	RuleExternal         Rule = "external-reference"
	RuleEmbedded         Rule = "embedded-data"
	RuleMetadata         Rule = "metadata"
	RuleTrailing         Rule = "trailing-data"
	RuleByEye            Rule = "look-by-eye"
	RuleMore             Rule = "more-findings"
)

// Finding is something that a checker should look at. It holds no value of the
// file.
type Finding struct {
	Rule     Rule     `json:"rule"`
	Severity Severity `json:"severity"`
	Line     int      `json:"line,omitempty"`   // from 1; 0 for the whole file. In JSON, the number of the item
	Column   int      `json:"column,omitempty"` // from 1: field of a table, character of a text; 0 for the whole line
	What     string   `json:"what"`
	Do       string   `json:"do"`
}

// Report is what was found in one file.
type Report struct {
	Type     Type      `json:"type"`
	Rows     int       `json:"rows,omitempty"`    // data rows of a table
	Columns  int       `json:"columns,omitempty"` // columns of a table
	Findings []Finding `json:"findings"`          // by severity, then place
}

// Refusal is a file that cannot be taken in at all.
type Refusal struct {
	What string // one sentence, without any value of the file
	Do   string
}

func (r *Refusal) Error() string { return r.What + " " + r.Do }

// Options are the limits that a file is inspected with.
type Options struct {
	Threshold int   // counts from 1 to Threshold-1 are small; 0 means 10
	MaxBytes  int64 // larger files are refused; 0 means 64 MiB. A file is held in memory while it is read
	MaxPlaces int   // places reported per rule, the rest in one sum; 0 means 20

	// Supporting is a file that helps the checkers and does not leave: programs are
	// accepted too.
	Supporting bool
	// Pseudonym reports whether 32 letters and digits are a pseudonym of the
	// project; nil where it has none. The argument is valid during the call only.
	Pseudonym func([]byte) bool
}

func (o Options) withDefaults() Options {
	o.Threshold = cmp.Or(o.Threshold, 10)
	o.MaxBytes = cmp.Or(o.MaxBytes, 64<<20)
	o.MaxPlaces = cmp.Or(o.MaxPlaces, 20)
	return o
}

// File inspects the file that is to leave under name. The error is a *Refusal,
// or r's own.
func File(name string, r io.Reader, o Options) (Report, error) {
	o = o.withDefaults()
	data, err := io.ReadAll(io.LimitReader(r, o.MaxBytes+1))
	if err != nil {
		return Report{}, fmt.Errorf("reading a file for inspection: %w", err)
	}
	if int64(len(data)) > o.MaxBytes {
		return Report{}, &Refusal{"The file is too large to be inspected.", "Split it, or aggregate further."}
	}
	if len(data) == 0 {
		return Report{}, &Refusal{"The file is empty.", "Leave it out, or write it again."}
	}
	declared, err := typeOfName(name, o.Supporting)
	if err != nil {
		return Report{}, err
	}
	if err := matches(declared, data); err != nil {
		return Report{}, err
	}
	c := &collector{options: o, seen: map[Rule]int{}}
	report := Report{Type: declared}
	switch declared {
	case CSV, TSV:
		if report.Rows, report.Columns, err = inspectDelimited(c, declared, data); err != nil {
			return Report{}, err
		}
		inspectText(c, data)
	case JSON:
		report.Rows, report.Columns, err = inspectJSON(c, data)
		inspectText(c, data)
	case Text, Markdown, Code:
		inspectText(c, data)
		if declared == Markdown {
			inspectMarkup(c, data)
		}
	case HTML:
		inspectText(c, data)
		inspectMarkup(c, data)
		c.add(Finding{Rule: RuleByEye, Severity: Notice,
			What: "A web page can show something else than its text says.", Do: "Look at it rendered as well as at its source."})
	case SVG:
		err = inspectSVG(c, data)
	case PNG:
		err = inspectPNG(c, data)
	case PDF:
		inspectPDF(c, data)
	}
	if err != nil {
		return Report{}, err
	}
	report.Findings = c.sorted()
	return report, nil
}

// collector gathers findings, a bounded number of each rule.
type collector struct {
	options    Options
	findings   []Finding
	seen       map[Rule]int
	recognised int // runs that were tried as pseudonyms
}

func (c *collector) add(f Finding) {
	c.seen[f.Rule]++
	if c.seen[f.Rule] <= c.options.MaxPlaces {
		c.findings = append(c.findings, f)
	}
}

func (c *collector) sorted() []Finding {
	out := slices.Clone(c.findings)
	for rule, n := range c.seen {
		if n > c.options.MaxPlaces {
			first := c.findings[slices.IndexFunc(c.findings, func(f Finding) bool { return f.Rule == rule })]
			out = append(out, Finding{Rule: RuleMore, Severity: first.Severity,
				What: fmt.Sprintf("The rule %q applies at more places than are listed.", rule), Do: first.Do})
		}
	}
	rank := map[Severity]int{Serious: 0, Warning: 1, Notice: 2}
	slices.SortStableFunc(out, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(rank[a.Severity], rank[b.Severity]), cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column), strings.Compare(string(a.Rule), string(b.Rule)), strings.Compare(a.What, b.What))
	})
	if out == nil {
		out = []Finding{}
	}
	return out
}

// IsRefusal reports whether err says that a file cannot be taken in, and why.
func IsRefusal(err error) (*Refusal, bool) {
	var r *Refusal
	ok := errors.As(err, &r)
	return r, ok
}

func extension(name string) string { return strings.ToLower(path.Ext(name)) }

func hasPrefixFold(data []byte, prefix string) bool {
	return len(data) >= len(prefix) && bytes.EqualFold(data[:len(prefix)], []byte(prefix))
}

package inspect

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// maxColumns is what spreadsheets have. Each column takes a multiple of its bytes
// to look at: a file of delimiters alone would take the machine's memory.
const maxColumns = 16_384

var errWide = errors.New("a row has more columns than are inspected")

// narrow gives what r gives until too many delimiters have come since left was set.
type narrow struct {
	r         io.Reader
	delimiter byte
	left      int
}

// row begins a row. The reader of the table reads ahead by a buffer of 4 KiB.
func (n *narrow) row() { n.left = maxColumns + 4096 }

func (n *narrow) Read(p []byte) (int, error) {
	k, err := n.r.Read(p)
	if n.left -= bytes.Count(p[:k], []byte{n.delimiter}); n.left < 0 {
		return 0, errWide
	}
	return k, err
}

// inspectDelimited looks at a CSV or TSV file as a table. One that is too wide is a
// Refusal.
func inspectDelimited(c *collector, t Type, data []byte) (rows, columns int, err error) {
	source := &narrow{r: bytes.NewReader(trimBOM(data)), delimiter: ','}
	if t == TSV {
		source.delimiter = '\t'
	}
	r := csv.NewReader(source)
	tooWide := &Refusal{"The table has more columns than can be inspected.", "Export it with at most 16,384 columns."}
	r.FieldsPerRecord = -1
	r.LazyQuotes = true
	if t == TSV {
		r.Comma = '\t'
	}
	source.row()
	header, err := r.Read()
	if errors.Is(err, errWide) {
		return 0, 0, tooWide
	}
	if err != nil {
		c.add(Finding{RuleRagged, Warning, 1, 0, "The file cannot be read as a table.", "Export it again, with one header row."})
		return 0, 0, nil
	}
	table := newTable(c, header, 1)
	for {
		source.row()
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if errors.Is(err, errWide) {
			return 0, 0, tooWide
		}
		line, _ := r.FieldPos(0)
		if err != nil {
			c.add(Finding{RuleRagged, Warning, line, 0, "From here on the file cannot be read as a table.", "Export it again."})
			break
		}
		table.row(record, line)
	}
	table.finish()
	return table.rows, len(header), nil
}

// table gathers what the rows of a table show, one after the other.
type table struct {
	c       *collector
	columns []*column
	rows    int
	ragged  bool
	header  int // line of the header
	counts  bool
}

type column struct {
	isCount bool
	isBirth bool
	filled  int             // values that are not empty
	opaque  int             // values that read as identifiers
	dates   int             // values that are days
	years   int             // values that are years
	values  map[uint64]bool // distinct values by hash; nil once there are too many to matter
	last    int64
	steps   int // values one above the last: a running number of rows is no identifier
}

// maxDistinct bounds the memory that a column takes.
const maxDistinct = 50_000

var (
	countName = regexp.MustCompile(`(?i)^(?:n|no|num|number|count|counts|freq|frequency|total|patients?|people|persons?|units?|cases?|deaths?|events?|admissions?|records?|rows?|numerator|denominator|size|population|count_?star\(\)|count\(.*\))$|(?:^|[_ .])(?:n|count|counts|num|number|freq|total|patients|people|persons|cases|deaths)(?:[_ .]|$)|^(?:n|num|number)_?of_`)
	// notCount are names that hold a word for counting and still count nobody.
	notCount       = regexp.MustCompile(`(?i)(?:^|[_ .])(?:rate|ratio|mean|avg|average|median|pct|percent|proportion|sd|se|p_?value|nhs|id|identifier|reference|ref)(?:[_ .]|$)|number$.*phone|phone|telephone`)
	birthName      = regexp.MustCompile(`(?i)^(?:dob|d_o_b|birth_?(?:date|day)|date_?of_?birth|born|patient_?dob)$|(?:^|[_ .])(?:dob|date[_ ]of[_ ]birth|birth[_ ]?date)(?:[_ .]|$)`)
	identifierName = regexp.MustCompile(`(?i)^(?:_unit|unit_id|nhs_?(?:number|no|num)?|nhsnumber|chi(?:_?number)?|(?:patient|person|participant|subject|client|hospital|member|user|case|record)_?(?:id|no|number|key|identifier)|mrn|pseudonym|pseudo(?:_?id)?|pseudonymised_?id|alf(?:_?e|_?pe)?|token_?person_?id|surname|forename|first_?name|given_?name|last_?name|family_?name|full_?name|patient_?name|address(?:_?line_?\d)?|post_?code|dob|d_?o_?b|date_?of_?birth|birth_?date|patient_?(?:dob|date_?of_?birth)|email|e_?mail|phone|telephone|mobile|ni_?number|national_insurance(?:_number)?)$`)
	dayOnly        = regexp.MustCompile(`^(?:\d{4}-\d{2}-\d{2}(?:[ T].*)?|\d{1,2}/\d{1,2}/\d{4})$`)
	yearOnly       = regexp.MustCompile(`^(?:19|20)\d{2}$`)
	opaqueValue    = regexp.MustCompile(`^(?:[0-9a-fA-F]{8,}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[A-Za-z0-9_\-]{16,}={0,2}|[A-Za-z]{1,4}[-_]?\d{4,}|\d{5,})$`)
)

// plainName is a column's name in the form that the patterns of names have:
// "NHS No." is nhs_no.
func plainName(name string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }), "_")
}

// identifies reports whether a column's name says that it identifies people.
// Some of the patterns begin with an underscore, which plainName takes away.
func identifies(name string) bool {
	return identifierName.MatchString(strings.TrimSpace(name)) || identifierName.MatchString(plainName(name))
}

// isBirthName reports whether a column's name says that it holds dates of birth.
func isBirthName(name string) bool {
	return birthName.MatchString(strings.TrimSpace(name)) || birthName.MatchString(plainName(name))
}

// signedNumber is a number with a sign as tables of results write it: with a
// percent sign, stars of significance, an interval behind it; or a dash for none.
var signedNumber = func() *regexp.Regexp {
	const number = `[-+]?(?:\d[\d,]*(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?\s?%?`
	return regexp.MustCompile(`^(?:[-+]+|[-+](?i:inf|infinity|nan)|` + number + `\*{0,3}(?:\s*[(\[]\s*` + number + `(?:\s*(?:,|;|to|-|–)\s*` + number + `)?\s*[)\]])?)$`)
}()

// isFormula reports whether a spreadsheet would run a cell as a formula.
func isFormula(value string) bool {
	if value == "" {
		return false
	}
	switch value[0] {
	case '=', '@':
		return true
	case '+', '-':
		return !signedNumber.MatchString(value)
	}
	return false
}

func (t *table) addFormula(line, at int) {
	t.c.add(Finding{RuleFormula, Warning, line, at, "A spreadsheet would run this field as a formula.", "Write the value, or put text before the sign."})
}

func newTable(c *collector, header []string, line int) *table {
	t := &table{c: c, header: line}
	for i, name := range header {
		name = strings.TrimSpace(name)
		col := &column{values: map[uint64]bool{}}
		col.isBirth = isBirthName(name)
		col.isCount = countName.MatchString(name) && !notCount.MatchString(name)
		t.counts = t.counts || col.isCount
		if isFormula(name) {
			t.addFormula(line, i+1)
		}
		switch {
		case plainName(name) == "name":
			c.add(Finding{RuleIdentifierColumn, Warning, line, i + 1,
				"The column holds names; if they are people's, it identifies them.", "Leave the column out if they are people's names; else call it what it names."})
		case identifies(name):
			c.add(Finding{RuleIdentifierColumn, Serious, line, i + 1,
				"The column's name says that it identifies people.", "Leave the column out, or aggregate over it."})
		}
		t.columns = append(t.columns, col)
	}
	return t
}

func (t *table) row(record []string, line int) {
	t.rows++
	if len(record) != len(t.columns) && !t.ragged {
		t.ragged = true
		t.c.add(Finding{RuleRagged, Warning, line, 0,
			"This row has another number of fields than the header, so columns may not be what they seem.", "Export the table again."})
	}
	for i, value := range record {
		value = strings.TrimSpace(value)
		if value == "" {
			continue
		}
		if isFormula(value) {
			t.addFormula(line, i+1)
		}
		if i < len(t.columns) {
			t.columns[i].see(t.c, value, line, i+1)
		}
	}
}

func (col *column) see(c *collector, value string, line, at int) {
	col.filled++
	if col.isCount {
		judgeCount(c, value, line, at)
	}
	// The patterns are slow and most values cannot match them.
	digits := digit(value[0])
	if digits && len(value) >= 8 && dayOnly.MatchString(value) {
		col.dates++
		if col.isBirth {
			c.add(Finding{RuleBirthDate, Serious, line, at, "A column of dates of birth gives days.", "Give the year of birth or an age band."})
		}
	} else if digits && len(value) == 4 && yearOnly.MatchString(value) {
		col.years++
	}
	if len(value) >= 5 && !strings.ContainsAny(value, " .") && opaqueValue.MatchString(value) {
		col.opaque++
	}
	if digits {
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			if n == col.last+1 {
				col.steps++
			}
			col.last = n
		}
	}
	if col.values != nil {
		col.values[hash(value)] = true
		if len(col.values) > maxDistinct {
			col.values = nil // certainly not a table of results; finish says so by its rows
		}
	}
}

// judgeCount reports a whole number of people below the threshold, also where
// it is written as a real number ("3.0") or with a thousands separator.
func judgeCount(c *collector, value string, line, at int) {
	n, err := strconv.ParseFloat(strings.ReplaceAll(value, ",", ""), 64)
	switch {
	case err != nil || n != math.Trunc(n) || n < 0:
	case n == 0:
		c.add(Finding{RuleZeroCount, Warning, line, at, "A count is zero.", "Withhold it, unless zero is certain from the design of the study."})
	case n < float64(c.options.Threshold):
		c.add(Finding{RuleSmallCount, Serious, line, at, "A count is below the threshold of disclosure control.",
			"Withhold it, or merge groups; withhold a second cell where totals would give it away."})
	}
}

// manyRows is more than tables of results usually have.
const manyRows = 5_000

// finish judges the table's shape: whether each row looks like one person.
func (t *table) finish() {
	if t.rows >= 10 {
		for i, col := range t.columns {
			distinct := len(col.values)
			mostly := func(n int) bool { return n*10 >= col.filled*9 }
			switch {
			case col.filled*2 < t.rows, col.isCount, mostly(col.years), col.steps*10 >= col.filled*9:
			case col.values != nil && distinct*10 < col.filled*9:
			case mostly(col.opaque):
				t.c.add(Finding{RuleRowLevel, Serious, t.header, i + 1,
					"Nearly every row has an identifier of its own here, as rows of single people have.", "Aggregate, or leave the column out."})
			case mostly(col.dates) && !t.counts:
				t.c.add(Finding{RuleRowLevel, Warning, t.header, i + 1,
					"Nearly every row has a day of its own here, as rows of single events have.", "Aggregate by month or coarser."})
			}
		}
	}
	if t.rows > manyRows {
		severity := Warning
		if !t.counts {
			severity = Serious
		}
		t.c.add(Finding{RuleManyRows, severity, 0, 0,
			"The table has more rows than a table of results usually has.", "Say in the context what one row is, or aggregate further."})
	}
}

package infer

import (
	"bytes"
	"hash/maphash"
	"strconv"
	"time"
)

// maxDistinct bounds how many different values of a column are remembered, as
// hashes: what a column takes of memory does not grow with the sample.
const maxDistinct = 10_000

// dateForms are the ways to write dates that are looked for, as definitions name
// them and as Go does.
var dateForms = []struct {
	format, layout string
	clock          bool
}{
	{"", "2006-01-02", false},
	{"", "2006-01-02 15:04:05", true},
	{"", "2006-01-02T15:04:05", true},
	{"DD/MM/YYYY", "02/01/2006", false},
	{"MM/DD/YYYY", "01/02/2006", false},
	{"YYYYMMDD", "20060102", false},
	{"DD-MON-YYYY", "02-Jan-2006", false},
	{"DD-MM-YYYY", "02-01-2006", false},
	{"DD.MM.YYYY", "02.01.2006", false},
	{"YYYY/MM/DD", "2006/01/02", false},
	{"DD/MM/YYYY hh:mm:ss", "02/01/2006 15:04:05", true},
	{"DD/MM/YYYY hh:mm", "02/01/2006 15:04", true},
}

// column is what the sample shows of a column.
type column struct {
	name            string
	rows, filled    int64
	integers        int64 // that fit an INTEGER
	bigints         int64
	numbers         int64
	padded          int64   // digits after a zero: codes, which a number would change
	dates           []int64 // by dateForms
	looks           [looks]int64
	length, longest int64
	words           int64
	early           int64 // dates before 1960
	first, last     int   // years of dates
	distinct        map[uint64]struct{}
	repeated        bool // some value came twice
	full            bool // more different values than are remembered
	seed            maphash.Seed
	found           [looks]bool
}

// seedOfAll lets columns of several files be compared.
var seedOfAll = maphash.MakeSeed()

func newColumn(name string) *column {
	return &column{name: name, dates: make([]int64, len(dateForms)), distinct: make(map[uint64]struct{}), seed: seedOfAll}
}

// take adds a value.
func (c *column) take(b []byte) {
	c.rows++
	if len(b) == 0 {
		return
	}
	c.filled++
	c.length += int64(len(b))
	c.longest = max(c.longest, int64(len(b)))
	c.words += int64(bytes.Count(b, []byte{' '}) + 1)
	c.remember(b)
	lookAt(b, &c.found)
	for i, yes := range c.found {
		if yes {
			c.looks[i]++
		}
	}
	if len(b) > 32 {
		return
	}
	c.takeNumber(string(b))
	c.takeDate(string(b))
}

func (c *column) remember(b []byte) {
	h := maphash.Bytes(c.seed, b)
	if _, known := c.distinct[h]; known {
		c.repeated = true
	} else if len(c.distinct) < maxDistinct {
		c.distinct[h] = struct{}{}
	} else {
		c.full = true
	}
}

func (c *column) takeNumber(s string) {
	if s[0] != '-' && s[0] != '.' && (s[0] < '0' || s[0] > '9') {
		return
	}
	if len(s) > 1 && s[0] == '0' && s[1] != '.' {
		c.padded++
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && len(s) <= 18 {
		c.bigints++
		c.numbers++
		if n == int64(int32(n)) {
			c.integers++
		}
	} else if x, err := strconv.ParseFloat(s, 64); err == nil && x-x == 0 && s[len(s)-1] < 'a' {
		c.numbers++
	}
}

func (c *column) takeDate(s string) {
	if len(s) < 8 || len(s) > 20 {
		return
	}
	year := 0
	for i, f := range dateForms {
		if len(f.layout) != len(s) {
			continue
		}
		if t, err := time.Parse(f.layout, s); err == nil && t.Year() >= 1850 && t.Year() < 2200 {
			c.dates[i]++
			year = t.Year()
		}
	}
	if year == 0 {
		return
	}
	if c.first == 0 {
		c.first, c.last = year, year
	}
	c.first, c.last = min(c.first, year), max(c.last, year)
	if year < 1960 {
		c.early++
	}
}

// share is the part of the values that are there.
func (c *column) share(n int64) float64 {
	if c.filled == 0 {
		return 0
	}
	return float64(n) / float64(c.filled)
}

// mostly is the share from which a column is taken to be of a type: rows that are
// wrong are a publication's to reject.
const mostly = 0.9

// dateForm gives the form of a column of dates; several forms may fit, such as
// DD/MM/YYYY and MM/DD/YYYY where no day is above 12.
func (c *column) dateForm() (forms []int) {
	for i, n := range c.dates {
		if c.share(n) >= mostly {
			forms = append(forms, i)
		}
	}
	return forms
}

// unique holds if no value came twice, nearly.
func (c *column) unique() bool {
	return c.filled > 1 && (!c.repeated || float64(len(c.distinct)) >= 0.97*float64(min(c.filled, maxDistinct)))
}

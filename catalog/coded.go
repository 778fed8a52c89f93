package catalog

import (
	"bytes"
	"math"
	"slices"

	"github.com/gatehouse-tre/gatehouse"
)

// CodedRule finds opt-outs in the events themselves: a GP's record of a person's
// dissent from secondary use (a type 1 opt-out) is a coded event like any other.
// Of each person the latest counts; of dissent and withdrawal on one day, dissent.
type CodedRule struct {
	Table     string   `yaml:"table"`
	Code      string   `yaml:"code"`      // its column with codes
	Date      string   `yaml:"date"`      // its column with the day on which the event was recorded
	Dissent   []string `yaml:"dissent"`   // default: DissentCodes
	Withdrawn []string `yaml:"withdrawn"` // codes by which a dissent ends; default: none, so that every dissent stands
}

// DissentCodes are those of "dissent from secondary use of general practitioner
// patient identifiable data": Read version 2, Clinical Terms version 3, SNOMED CT. A
// GP system exports one of the three. What ends a dissent lets a person's data be used
// again, so that the custodian says which codes do.
var DissentCodes = []string{"9Nu0", "XaZ89", "827241000000103"}

// plainCode takes the padding off a code: Read codes are exported with a dot to
// five characters, and with a term code of two more.
func plainCode(code []byte) []byte {
	code = bytes.TrimSpace(code)
	if len(code) == 7 && code[5] >= '0' && code[5] <= '9' && code[6] >= '0' && code[6] <= '9' {
		code = code[:5]
	}
	return bytes.TrimRight(code, ".")
}

// always is the day of a dissent whose own day cannot be read: no withdrawal is
// later.
const always = math.MaxInt32

// never is the day of what was not recorded.
const never = math.MinInt32

// dissent is what a person's events say: the latest day of each kind.
type dissent struct{ dissented, withdrawn int32 }

func (d dissent) stands() bool { return d.dissented != never && d.dissented >= d.withdrawn }

// codedEvents gathers opt-outs from the rows of a table while it is surveyed.
type codedEvents struct {
	list   *optOutList
	rule   CodedRule
	table  TableRule
	people *people

	key, code int
	date      field
	dateAt    int
	links     []int
	linking   [][]byte
	cell      cell
	decoded   []byte

	byKey  map[string]dissent // by the text of the key
	byLink map[linkKey]dissent
	found  *tableFinder       // of the rows without an identifier; nil: byLink
	byRow  map[rowRef]dissent // of them
	most   int                // people that it may hold
	held   int                // bytes of keys
	nobody int64              // rows with such a code that name nobody
	lost   int64              // of them, those of dissent
}

// What the events of one list may name: ten times the people of England who have
// dissented, and no more memory than a publication has. What holds more is no list of
// dissent.
const (
	maxDissents     = 20_000_000
	maxDissentBytes = 512 << 20
)

func newCodedEvents(l *optOutList, d *Definition, p *people, f *finder, today int64) *codedEvents {
	t, _ := d.table(l.rule.Coded.Table)
	c := &codedEvents{list: l, rule: *l.rule.Coded, table: t, people: p, key: t.key(), byKey: map[string]dissent{}, byLink: map[linkKey]dissent{}, most: maxDissents}
	if f != nil {
		c.found, c.byRow = f.tables[t.Name], map[rowRef]dissent{}
	}
	_, c.code = t.column(c.rule.Code)
	var column ColumnRule
	column, c.dateAt = t.column(c.rule.Date)
	c.date = newField(column, today)
	if t.Link {
		for _, name := range d.People.LinkWithoutKey {
			_, i := t.column(name)
			c.links = append(c.links, i)
		}
		c.linking = make([][]byte, len(c.links))
	}
	return c
}

// note takes a row of the table, if it bears one of the codes. A row that cannot
// be read and holds one of them anywhere is an error: an opt-out that cannot be
// read cannot be honoured.
func (c *codedEvents) note(file string, in rows, rec record) error {
	text := rec // as people's values are known: a linking value of another form is nobody's
	if c.table.Encoding == EncodingWindows1252 && !plainText(rec.raw) {
		c.decoded = appendWindows1252(c.decoded[:0], rec.raw)
		text.raw = c.decoded
	}
	if !c.mayMatter(text.raw) {
		return nil
	}
	var fields [][]byte
	if !rec.broken {
		fields = in.split(text, len(c.table.Columns))
	}
	if len(fields) != len(c.table.Columns) {
		return gatehouse.Errorf(gatehouse.CodeListInvalid, "%s line %d holds an opt-out code and cannot be read.", file, rec.line).
			WithAdvice("Correct the row in the extract: an opt-out that cannot be read cannot be honoured.")
	}
	code := plainCode(fields[c.code])
	is := func(codes []string) bool {
		return slices.ContainsFunc(codes, func(s string) bool { return s == string(code) })
	}
	dissents, withdraws := is(c.rule.Dissent), is(c.rule.Withdrawn)
	if !dissents && !withdraws {
		return nil
	}
	day := int32(never)
	if why := c.date.read(fields[c.dateAt], &c.cell); why == "" && !c.cell.null {
		day = int32(c.cell.days(c.date.kind))
	} else if dissents {
		day = always
	}
	latest := func(d dissent, known bool) dissent {
		if !known {
			d = dissent{never, never}
		}
		if dissents {
			d.dissented = max(d.dissented, day)
		} else {
			d.withdrawn = max(d.withdrawn, day)
		}
		return d
	}
	if c.found != nil && c.found.nameless(fields) {
		ref := rowRef{asked: -1}
		if fields := c.found.split(in, rec); fields != nil {
			ref = c.found.ask(fields)
		}
		if ref.local != nil {
			ref.asked = -1 // the number says more
		}
		if ref == (rowRef{asked: -1}) {
			c.namesNobody(dissents)
			return nil
		}
		if dissents {
			c.found.all.watch(ref)
		}
		d, known := c.byRow[ref]
		c.byRow[ref] = latest(d, known)
		return c.bounded()
	}
	if key := fields[c.key]; len(key) > 0 {
		if c.people.byIdentifier == nil { // keys are identifiers: what is none names nobody
			if _, _, why := c.people.identifiers.parse(key); why != "" {
				c.namesNobody(dissents)
				return nil
			}
		}
		d, known := c.byKey[string(key)]
		if !known {
			c.held += len(key)
		}
		c.byKey[string(key)] = latest(d, known)
		return c.bounded()
	}
	for i, at := range c.links {
		c.linking[i] = fields[at]
	}
	if len(c.links) == 0 || slices.ContainsFunc(c.linking, func(f []byte) bool { return len(f) == 0 }) {
		c.namesNobody(dissents)
		return nil
	}
	link := c.people.linkKey(c.linking)
	d, known := c.byLink[link]
	c.byLink[link] = latest(d, known)
	return c.bounded()
}

// namesNobody counts what names nobody; a dissent that does may be anybody's.
func (c *codedEvents) namesNobody(dissent bool) {
	c.nobody++
	if dissent {
		c.lost++
	}
}

// bounded refuses to hold more than the memory of a publication allows.
func (c *codedEvents) bounded() error {
	if len(c.byKey)+len(c.byLink)+len(c.byRow) > c.most || c.held > maxDissentBytes {
		return gatehouse.Errorf(gatehouse.CodeTooLarge, "More people bear codes of the list %s than a publication can hold.", c.list.rule.List).
			WithAdvice("Correct the codes of the definition, or give the list as a file.")
	}
	return nil
}

// mayMatter reports whether a row holds one of the codes anywhere.
func (c *codedEvents) mayMatter(raw []byte) bool {
	for _, codes := range [][]string{c.rule.Dissent, c.rule.Withdrawn} {
		for _, code := range codes {
			if bytes.Contains(raw, []byte(code)) {
				return true
			}
		}
	}
	return false
}

// settle puts those whose dissent stands on the list. The people are known by
// then. A person has dissent by key and by link together. In an extract of changes
// people.linkage names nobody: somebody outside the extract might fit as well. A dissent
// in doubt is that of everybody who may be meant: one too many is taken out rather than
// one too few.
func (c *codedEvents) settle() {
	merged := map[uint32]dissent{} // by key of the identifier
	merge := func(identifier uint32, d dissent) {
		if old, known := merged[identifier]; known {
			d.dissented, d.withdrawn = max(d.dissented, old.dissented), max(d.withdrawn, old.withdrawn)
		}
		merged[identifier] = d
	}
	// A dissent that may be several people's holds for all of them; a withdrawal that may
	// be is nobody's.
	inDoubt := func(identifiers []uint32, d dissent) {
		if len(identifiers) == 0 || d.dissented == never {
			c.namesNobody(d.dissented != never)
			return
		}
		c.list.receipt.InDoubt++
		for _, identifier := range identifiers {
			merge(identifier, dissent{d.dissented, never})
		}
	}
	for text, d := range c.byKey {
		key, known, _ := c.people.keys.parse([]byte(text))
		switch {
		case !known:
			c.namesNobody(d.dissented != never)
		case c.people.byIdentifier == nil:
			merge(key, d)
		default:
			if who := c.people.find(key); who != nil {
				merge(who.identifier, d)
			} else {
				c.namesNobody(d.dissented != never)
			}
		}
	}
	for link, d := range c.byLink {
		number, ok := c.people.links[link]
		switch {
		case ok && number == ambiguous && !c.people.apart:
			var several []uint32
			for _, number := range c.people.alike[link] {
				several = append(several, c.people.list[number].identifier)
			}
			inDoubt(several, d)
		case !ok || number == ambiguous:
			c.namesNobody(d.dissented != never)
		default:
			merge(c.people.list[number].identifier, d)
		}
	}
	for ref, d := range c.byRow {
		switch number, ok := c.found.all.person(ref); {
		case c.people.apart && (ref.local == nil || ref.local.linked):
			c.namesNobody(d.dissented != never)
		case ok:
			merge(c.people.list[number].identifier, d)
		case ref.local != nil && ref.local.outcome == outcomeOwn:
			if d.stands() { // a person of their own: there is no identifier to put on the list
				ref.local.why, ref.local.outcome = optedOut, outcomeOptedOut
			}
		case len(c.found.all.strangers[ref.local]) > 0: // known, and not in the extract
			for _, identifier := range c.found.all.strangers[ref.local] {
				merge(identifier, d)
			}
		default:
			inDoubt(c.found.all.suspects(ref), d)
		}
	}
	for identifier, d := range merged {
		if d.stands() {
			c.list.keys.Add(identifier)
		}
	}
	c.list.receipt.Entries = int64(c.list.keys.GetCardinality())
	c.list.receipt.Nobody, c.list.lost = c.nobody, c.lost
}

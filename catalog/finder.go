package catalog

import (
	"slices"
	"strconv"

	"github.com/gatehouse-tre/gatehouse/catalog/linkage"
)

// finder finds the people of rows that bear no identifier: by an organisation's own
// number, or by what they say (see the package linkage). It learns in three steps:
// what the rows ask, while they are surveyed; who there is, from the table of people
// and the person index; then it settles, and answers row by row. Whatever is in doubt
// finds nobody.
type finder struct {
	rule   PeopleRule
	people *people
	index  *personIndex
	linker *linkage.Linker // nil: by local numbers alone
	report linkage.Report

	tables map[string]*tableFinder
	cases  map[string]map[string]*localCase // by organisation and number
	first  map[uint32]uint32                // by unit of people with several identifiers: who was offered first
	own    []*localCase                     // to be people of their own
	refuse [][][]byte                       // what rejected rows of the table of people say, where whom they fit must not be a person of its own

	settled bool

	strangers map[*localCase][]uint32 // identifiers of people who are not in the extract
}

// LinkageCount tells how the rows of a table that bear no identifier found their
// people.
type LinkageCount struct {
	Table    string           `json:"table"`
	Rows     int64            `json:"rows"`     // without an identifier of their own
	Outcomes map[string]int64 `json:"outcomes"` // of them: by pass, or by why nobody was found
}

// The outcomes besides the names of passes and those of the package linkage; the
// reasons of rows that find nobody are others.
const (
	outcomeLocal    = "local_number" // the number is known to be one person's
	outcomeOwn      = "own_unit"     // the number is somebody's whom nothing else knows
	outcomeOptedOut = "opted_out"    // somebody who is known, not in the extract, and has opted out
)

// reservedOutcome holds for names that no pass may have.
func reservedOutcome(name string) bool {
	switch name {
	case outcomeLocal, outcomeOwn, outcomeOptedOut, string(linkage.Probabilistic), string(linkage.NoCandidate), string(linkage.Ambiguous), string(linkage.Uncertain),
		string(linkage.Excluded), string(ReasonLocalConflict), string(ReasonUnknownPerson):
		return true
	}
	return false
}

// localCase is one local number, what the extracts say of it, and what it came to.
type localCase struct {
	key      localKey
	said     uint32   // the person whose row of the table of people bears it, or noKey
	meant    []uint32 // the identifiers of everybody whose row of the table of people bears it, those not believed too
	named    []uint32 // the identifiers that other rows bear beside it
	rejected bool     // a row of the table of people bears it that is not believed
	torn     bool     // rows of the table of people, or what its rows say, name several people
	asked    []int32  // rows with it that bear no identifier, as the linker knows them

	person  uint32 // whose it is, or noKey
	outcome string
	why     Reason // of its rows, if it is nobody's
	indexed bool   // the person index has it
	linked  bool   // it is somebody's by what its rows say
	watched bool   // one of its rows bears a dissent, which is somebody's
}

// newFinder gives nil for definitions whose rows all bear identifiers.
func newFinder(d *Definition, p *people) *finder {
	if !d.byNumberOrName() {
		return nil
	}
	f := &finder{rule: d.People, people: p, tables: make(map[string]*tableFinder), cases: make(map[string]map[string]*localCase), first: make(map[uint32]uint32), strangers: make(map[*localCase][]uint32)}
	if d.People.Linkage != nil {
		f.linker, _ = linkage.New(d.People.Linkage.rules()) // checked with the definition
	}
	for _, l := range d.People.Local {
		f.cases[l.Organisation] = make(map[string]*localCase)
	}
	for _, t := range d.Tables {
		owner := t.Name == d.People.Table
		if t.Local == nil && !(owner || t.Link && f.linker != nil) {
			continue
		}
		if t.Local != nil && f.cases[t.Local.Organisation] == nil {
			f.cases[t.Local.Organisation] = make(map[string]*localCase)
		}
		f.tables[t.Name] = newTableFinder(f, t, owner)
	}
	return f
}

// localCase gives the case of a number, and begins it.
func (f *finder) localCase(organisation string, number []byte) *localCase {
	cases := f.cases[organisation]
	c, known := cases[string(number)]
	if !known {
		c = &localCase{key: localKey{organisation, string(number)}, said: noKey, person: noKey}
		cases[c.key.identifier] = c
	}
	return c
}

// offer takes a person of the table of people, or another row that claims to be that
// person. People whose numbers were merged are one.
func (f *finder) offer(number uint32, fields [][]byte, again bool) {
	t := f.tables[f.rule.Table]
	if unit, ok := f.index.units[f.people.list[number].identifier]; ok && len(f.index.also[unit]) > 1 {
		if first, seen := f.first[unit]; seen {
			number, again = first, true
		} else {
			f.first[unit] = number
		}
	}
	if f.linker != nil {
		values := t.read(fields)
		if again {
			f.linker.OfferAgain(number, values)
		} else {
			f.linker.Offer(number, values)
		}
	}
	for i, l := range f.rule.Local {
		if text := fields[t.locals[i]]; len(text) > 0 {
			c := f.localCase(l.Organisation, text)
			c.torn = c.torn || c.said != noKey && !f.same(c.said, number)
			c.said = number
			c.means(f.people.list[number].identifier)
		}
	}
}

// same reports whether two people of the extract are one person.
func (f *finder) same(a, b uint32) bool {
	if a == b {
		return true
	}
	one, ok := f.index.units[f.people.list[a].identifier]
	two, ok2 := f.index.units[f.people.list[b].identifier]
	return ok && ok2 && one == two
}

// settle decides about every row that asked. Everybody has been offered.
func (f *finder) settle() {
	f.settled = true
	if f.linker != nil {
		for i, values := range f.refuse { // as somebody whose no row may be
			f.linker.Offer(uint32(noKey-1-i), values)
		}
		f.report = f.linker.Resolve(func(number uint32) bool {
			return int64(number) < int64(len(f.people.list)) && f.people.list[number].state != personConflicting
		})
	}
	for _, cases := range f.cases {
		for _, c := range cases {
			f.decide(c)
		}
	}
}

// decide finds whose a local number is. What names its person outright comes first,
// and must agree: the table of people, the person index, and rows that bear an
// identifier beside it. Then what its rows say.
func (f *finder) decide(c *localCase) {
	var found, strangers []uint32 // people of the extract, by number, and others, by identifier
	meet := func(number uint32) {
		if !slices.ContainsFunc(found, func(n uint32) bool { return f.same(n, number) }) {
			found = append(found, number)
		}
	}
	if c.said != noKey {
		meet(c.said)
	}
	unit, own := f.index.local[c.key]
	if c.indexed = own; own {
		here := false
		keys := f.index.numbers(unit)
		own = len(keys) == 0
		for _, key := range keys {
			if number, ok := f.people.numberOf(key); ok {
				meet(number)
				here = true
			}
		}
		if !here {
			strangers = append(strangers, keys...)
		}
	}
	for _, key := range c.named {
		if number, ok := f.people.numberOf(key); ok {
			meet(number)
		} else if !slices.Contains(strangers, key) {
			c.torn = c.torn || len(strangers) > 0 && !slices.Contains(f.index.others(strangers[0]), key)
			strangers = append(strangers, key)
		}
	}
	if c.rejected && (own || !c.indexed) { // the index says whose it is, or nothing does
		c.torn = true
	}
	known := len(found) + min(len(strangers), 1)
	switch {
	case c.torn, known > 1, own && known > 0:
		c.fail(ReasonLocalConflict)
	case len(found) == 1:
		c.person, c.outcome = found[0], outcomeLocal
	case len(strangers) > 0:
		c.fail(ReasonUnknownPerson)
		f.strangers[c] = strangers
	default:
		f.link(c, own)
	}
}

func (c *localCase) fail(why Reason) { c.why, c.outcome = why, string(why) }

// link finds whose a local number is by what its rows say: all that say anything
// come to one person, and none is in doubt. own says that the index has it as a person
// of its own.
func (f *finder) link(c *localCase, own bool) {
	worst := linkage.NoCandidate
	for _, n := range c.asked {
		d := f.linker.Decided(int(n))
		switch {
		case d.Outcome == linkage.Excluded:
			c.torn = true
		case !d.Linked:
			if worst != linkage.Ambiguous && d.Outcome != linkage.NoCandidate {
				worst = d.Outcome
			}
		case c.person == noKey:
			c.person, c.outcome, c.linked = d.Person, string(d.Outcome), true
		case !f.same(c.person, d.Person):
			c.torn = true
		}
	}
	switch {
	case c.torn || own && c.person != noKey:
		c.person = noKey
		c.fail(ReasonLocalConflict)
	case worst != linkage.NoCandidate:
		c.person = noKey
		c.fail(Reason(worst))
	case c.person != noKey:
	case f.rule.Unlinked == UnlinkedOwnUnit:
		c.outcome = outcomeOwn
		f.own = append(f.own, c)
	default:
		c.fail(ReasonUnlinked)
	}
}

// settleStrangers tells those who have opted out from others who are not in the
// extract. The lists are known.
func (f *finder) settleStrangers(out func(identifier uint32) bool) {
	for c, identifiers := range f.strangers {
		if slices.ContainsFunc(identifiers, out) {
			c.why, c.outcome = optedOut, outcomeOptedOut
		}
	}
}

// settleOwn makes people of the local numbers that are people of their own; units
// have been given.
func (f *finder) settleOwn() (people int64, err error) {
	for _, c := range f.own {
		if c.why != "" { // opted out in its own rows
			continue
		}
		who := person{identifier: noKey, unit: f.index.local[c.key], birth: noDay, death: noDay, state: personPublished}
		if who.shift, err = f.people.unitShift(who.unit); err != nil {
			return 0, err
		}
		c.person = uint32(len(f.people.list))
		f.people.list = append(f.people.list, who)
		people++
	}
	return people, nil
}

// learned is what the person index does not know yet: local numbers that are people
// of their own, and those that the table of people says are a published person's.
func (f *finder) learned() (own []localKey, also []localEntry) {
	for _, c := range f.own {
		if c.why == "" && !c.indexed {
			own = append(own, c.key)
		}
	}
	for _, l := range f.rule.Local {
		for _, c := range f.cases[l.Organisation] {
			if c.said != noKey && c.why == "" && !c.indexed && f.people.list[c.person].state == personPublished {
				also = append(also, localEntry{c.key, f.people.list[c.person].identifier})
			}
		}
	}
	return own, also
}

// tableFinder asks for the rows of one table, and answers them.
type tableFinder struct {
	all        *finder
	table      TableRule
	key, local int // columns; -1 if there is none
	keyIsLocal bool
	locals     []int // of the table of people: the columns with local numbers
	columns    []int // those that are linked by; nil: none
	fields     []field
	cells      []cell
	values     [][]byte
	dates      [][10]byte
	valid      func([]byte) bool
	decoded    []byte
	count      LinkageCount
}

func newTableFinder(f *finder, t TableRule, owner bool) *tableFinder {
	out := &tableFinder{all: f, table: t, key: t.key(), local: -1, keyIsLocal: t.keyIsLocal(), valid: validText(t.Encoding),
		count: LinkageCount{Table: t.Name, Outcomes: make(map[string]int64)}}
	if t.Local != nil {
		_, out.local = t.column(t.Local.Column)
	}
	if owner {
		for _, l := range f.rule.Local {
			_, i := t.column(l.Column)
			out.locals = append(out.locals, i)
		}
	}
	if f.linker != nil && (owner || t.Link) {
		for _, field := range f.rule.Linkage.Fields {
			column, i := t.linkColumn(field.Column)
			out.columns = append(out.columns, i)
			out.fields = append(out.fields, newField(column, 0))
		}
		out.cells = make([]cell, len(out.columns))
		out.values = make([][]byte, len(out.columns))
		out.dates = make([][10]byte, len(out.columns))
	}
	return out
}

// read gives the values of a row by which it is linked: dates as YYYY-MM-DD, and
// nothing where the row says nothing, or what no date is.
func (t *tableFinder) read(fields [][]byte) [][]byte {
	for i, at := range t.columns {
		f, c := &t.fields[i], &t.cells[i]
		why := f.read(fields[at], c)
		switch {
		case c.null:
			t.values[i] = nil
		case f.kind == kindText:
			t.values[i] = c.text
		case why != "" && why != ReasonValueRange && why != ReasonDateInFuture:
			t.values[i] = nil
		default:
			t.values[i] = appendDay(t.dates[i][:0], c.whole)
		}
	}
	return t.values
}

// appendDay writes a day as YYYY-MM-DD.
func appendDay(b []byte, day int64) []byte {
	y, m, d := civilFromDays(day)
	b = strconv.AppendInt(b, y, 10)
	return append(b, '-', byte('0'+m/10), byte('0'+m%10), '-', byte('0'+d/10), byte('0'+d%10))
}

// rowRef is a row that bears no identifier: its local number, or what it says.
type rowRef struct {
	local *localCase
	asked int32 // -1: it says nothing by which it could be linked
}

// split gives the fields of a row, nil if it cannot be read.
func (t *tableFinder) split(in rows, rec record) [][]byte {
	if rec.broken || rec.fault != nil || !plainText(rec.raw) && !t.valid(rec.raw) {
		return nil
	}
	if t.table.Encoding == EncodingWindows1252 {
		t.decoded = appendWindows1252(t.decoded[:0], rec.raw)
		rec.raw = t.decoded
	}
	if fields := in.split(rec, len(t.table.Columns)); len(fields) == len(t.table.Columns) {
		return fields
	}
	return nil
}

// nameless reports whether a row bears no identifier of its own.
func (t *tableFinder) nameless(fields [][]byte) bool {
	return t.keyIsLocal || len(fields[t.key]) == 0
}

// ask asks for a row that bears no identifier.
func (t *tableFinder) ask(fields [][]byte) rowRef {
	ref := rowRef{asked: -1}
	if t.local >= 0 && len(fields[t.local]) > 0 {
		ref.local = t.all.localCase(t.table.Local.Organisation, fields[t.local])
	}
	if t.columns == nil {
		return ref
	}
	ref.asked = int32(t.all.linker.Ask(t.read(fields)))
	if c := ref.local; c != nil {
		if !slices.Contains(c.asked, ref.asked) {
			c.asked = append(c.asked, ref.asked)
		}
		if c.watched && !t.all.settled {
			t.all.linker.Watch(int(ref.asked))
		}
	}
	return ref
}

// person gives the person of a row that asked, and whether there is one; the people
// are settled.
func (f *finder) person(ref rowRef) (number uint32, ok bool) {
	if ref.local != nil {
		return ref.local.person, ref.local.person != noKey
	}
	if ref.asked < 0 {
		return 0, false
	}
	d := f.linker.Decided(int(ref.asked))
	return d.Person, d.Linked
}

// note takes a row while the table is surveyed.
func (t *tableFinder) note(_ string, in rows, rec record) error {
	fields := t.split(in, rec)
	switch {
	case fields == nil:
	case t.nameless(fields):
		t.ask(fields)
	case t.local >= 0 && len(fields[t.local]) > 0 && t.all.people.byIdentifier == nil:
		if key, why := t.all.people.identifiers.add(fields[t.key]); why == "" {
			c := t.all.localCase(t.table.Local.Organisation, fields[t.local])
			if !slices.Contains(c.named, key) {
				c.named = append(c.named, key)
			}
		}
	}
	return nil
}

// find gives the person of a row that bears no identifier, or says why there is none.
func (t *tableFinder) find(fields [][]byte) (who *person, why Reason) {
	t.count.Rows++
	ref := t.ask(fields)
	var number uint32
	switch c := ref.local; {
	case t.all.people.apart && (c == nil || c.linked): // see people.apart
		t.count.Outcomes[string(ReasonUnlinked)]++
		return nil, ReasonUnlinked
	case c != nil && c.outcome != "": // which it has, since the survey saw the same rows
		t.count.Outcomes[c.outcome]++
		if c.why != "" {
			return nil, c.why
		}
		number = c.person
	case c != nil, ref.asked < 0:
		t.count.Outcomes[string(ReasonUnlinked)]++
		return nil, ReasonUnlinked
	default:
		d := t.all.linker.Decided(int(ref.asked))
		t.count.Outcomes[string(d.Outcome)]++
		if !d.Linked {
			return nil, Reason(d.Outcome)
		}
		number = d.Person
	}
	return &t.all.people.list[number], ""
}

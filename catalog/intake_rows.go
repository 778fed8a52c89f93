package catalog

import (
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// readKey reads the column that names the person; a row may go without if the
// table is linked by other columns.
func (in *intake) readKey(f []byte) (key uint32, named bool, why Reason) {
	switch {
	case in.found != nil && in.found.keyIsLocal && len(f) == 0 && !in.table.Link:
		return 0, false, ReasonIdentifierMissing
	case len(f) == 0 && (in.table.Link || in.found != nil), in.found != nil && in.found.keyIsLocal:
		return 0, false, ""
	case in.owner, in.collecting:
		key, why = in.people.keys.add(f)
		return key, true, why
	}
	return in.people.keys.parse(f)
}

func (in *intake) decodeText(raw []byte) []byte {
	in.decoded = appendWindows1252(in.decoded[:0], raw)
	return in.decoded
}

// appendWindows1252 appends as UTF-8 what is in windows-1252.
func appendWindows1252(to, raw []byte) []byte {
	for _, c := range raw {
		if c < utf8.RuneSelf {
			to = append(to, c)
		} else {
			to = utf8.AppendRune(to, charmap.Windows1252.DecodeByte(c))
		}
	}
	return to
}

func (in *intake) checkOrders() (column string, why Reason) {
	for i := range in.orders {
		o := &in.orders[i]
		a, b := &in.cells[o.first], &in.cells[o.second]
		if !a.null && !b.null && b.days(o.secondKind) < a.days(o.firstKind) {
			return o.column, o.why
		}
	}
	return "", ""
}

// isCopy reports whether the same row came before, where that matters.
func (in *intake) isCopy(rec record) bool {
	return in.survey.copies != nil && in.survey.copies.seen(rec.raw)
}

func (in *intake) publicRow(rec record, fields [][]byte) Reason {
	if in.isCopy(rec) {
		return ReasonDuplicateRow
	}
	for _, k := range in.keep {
		k.values[string(fields[k.column])] = struct{}{}
	}
	return ""
}

func (in *intake) ownerRow(rec record, fields [][]byte, key, identifier uint32) (uint32, string, Reason) {
	p := in.people
	row := person{content: p.hash(p.seed, fields), line: rec.line, file: uint16(in.at), birth: in.day(in.birth), death: in.day(in.death)}
	number, why := p.add(key, identifier, row)
	in.known = true
	if in.finder != nil && why != ReasonDuplicateRow {
		in.finder.offer(number, fields, why != "")
	}
	if why != "" {
		return 0, in.table.Columns[in.identifier].place(), why
	}
	if p.list[number].shift, in.err = p.shiftOf(identifier); in.err != nil {
		return 0, "", ""
	}
	in.shift = int64(p.list[number].shift)
	if p.links != nil {
		p.addLink(number, in.linkFields(fields))
	}
	return number, "", ""
}

func (in *intake) linkFields(fields [][]byte) [][]byte {
	for i, at := range in.links {
		in.linking[i] = fields[at]
	}
	return in.linking
}

// day is the date in a column of the people table, or noDay.
func (in *intake) day(column int) int32 {
	if column < 0 || in.cells[column].null {
		return noDay
	}
	return int32(in.cells[column].whole)
}

func (in *intake) personRow(rec record, fields [][]byte, key uint32, named bool) (uint32, string, Reason) {
	if in.collecting {
		in.err = in.people.meet(key)
		return 0, "", ""
	}
	var who *person
	var why Reason // nobody was found
	switch {
	case in.found != nil && in.found.nameless(fields):
		who, why = in.found.find(fields)
	case in.table.Link && len(fields[in.key]) == 0:
		if !in.people.apart {
			who, _ = in.people.linked(in.linkFields(fields))
		}
		if who == nil {
			why = ReasonUnlinked
		}
	case named:
		who = in.people.find(key)
	}
	if who != nil && who.state != personConflicting {
		if column, why := in.checkLife(who); why != "" {
			return 0, column, why
		}
	}
	keyColumn := in.table.Columns[in.key].place()
	switch {
	case in.isCopy(rec):
		return 0, "", ReasonDuplicateRow
	case why == optedOut:
		return 0, "", optedOut
	case why != "":
		return 0, keyColumn, why
	case who != nil && (who.state == personPublished || who.state == personMerged):
		in.shift = int64(who.shift)
		return who.unit, "", ""
	case who != nil && who.state == personOptedOut, who == nil && named && in.optedOut(key):
		return 0, "", optedOut
	}
	return 0, keyColumn, ReasonUnknownPerson
}

// checkLife compares the row's dates with the person's birth and death.
func (in *intake) checkLife(who *person) (string, Reason) {
	for _, i := range in.lives {
		if in.cells[i].null {
			continue
		}
		rule := &in.fields[i].rule
		day := in.cells[i].days(in.fields[i].kind)
		if rule.AfterBirth && who.birth != noDay && day < int64(who.birth) {
			return rule.place(), ReasonDateBeforeBirth
		}
		if rule.BeforeDeath && who.death != noDay && day > int64(who.death)+int64(in.people.rule.DeathGraceDays) {
			return rule.place(), ReasonDateAfterDeath
		}
	}
	return "", ""
}

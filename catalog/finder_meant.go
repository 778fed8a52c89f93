package catalog

import (
	"slices"

	"github.com/gatehouse-tre/gatehouse"
)

// rejected takes a row of the table of people that is not believed: its local numbers
// are of somebody who is not known, and who may have opted out. Where every local number
// that fits nobody would be a person, whatever fits what the row says is nobody's, and a
// row that cannot be read, or tells of nobody, is an error.
func (f *finder) rejected(file string, in rows, rec record) error {
	own := f.rule.Unlinked == UnlinkedOwnUnit
	if len(f.rule.Local) == 0 && !own {
		return nil
	}
	t := f.tables[f.rule.Table]
	fields := t.split(in, rec)
	if fields == nil {
		if !own {
			return nil
		}
		return gatehouse.Errorf(gatehouse.CodeExtractBroken, "%s line %d cannot be read, so that nobody knows whose local numbers it bears.", file, rec.line).
			WithAdvice("Correct the row in the extract, or say unlinked: drop: with own_unit its person could come back as somebody else.")
	}
	told := false
	for i, l := range f.rule.Local {
		if text := fields[t.locals[i]]; len(text) > 0 {
			c := f.localCase(l.Organisation, text)
			c.rejected, told = true, true
			if _, at := t.table.column(f.rule.Identifier); at >= 0 {
				if key, why := f.people.identifiers.add(fields[at]); why == "" {
					c.means(key)
				}
			}
		}
	}
	if !own {
		return nil
	}
	if t.columns != nil {
		values, whole := t.read(fields), true
		kept := make([][]byte, len(values))
		for i, v := range values {
			kept[i], whole = slices.Clone(v), whole && len(v) > 0
		}
		if f.refuse = append(f.refuse, kept); whole {
			told = true
		}
	}
	if !told {
		return gatehouse.Errorf(gatehouse.CodeExtractBroken, "%s line %d is rejected, and says too little of its person to know which rows are that person's.", file, rec.line).
			WithAdvice("Correct the row in the extract, or say unlinked: drop: with own_unit its person could come back as somebody else.")
	}
	return nil
}

// means notes whose the number may be.
func (c *localCase) means(identifier uint32) {
	if !slices.Contains(c.meant, identifier) {
		c.meant = append(c.meant, identifier)
	}
}

// watch says of a row that it bears a dissent: whose it may be must be known also
// where that is in doubt.
func (f *finder) watch(ref rowRef) {
	asked := []int32{ref.asked}
	if c := ref.local; c != nil {
		c.watched, asked = true, c.asked
	}
	for _, n := range asked {
		if n >= 0 {
			f.linker.Watch(int(n))
		}
	}
}

// suspects gives the identifiers of everybody whose a watched row may be that finds
// nobody. In an extract of changes that is not known where the rows say anything to link
// by: somebody outside the extract might fit as well.
func (f *finder) suspects(ref rowRef) (identifiers []uint32) {
	asked := []int32{ref.asked}
	if c := ref.local; c != nil {
		asked = c.asked
		identifiers = slices.Concat(c.meant, c.named)
		if unit, known := f.index.local[c.key]; known {
			identifiers = append(identifiers, f.index.numbers(unit)...)
		}
	}
	if f.linker == nil {
		return identifiers
	}
	if f.people.apart {
		for _, n := range asked {
			if f.linker.Says(int(n)) {
				return nil
			}
		}
		return identifiers
	}
	for _, n := range asked {
		people := f.linker.Suspects(int(n))
		if d := f.linker.Decided(int(n)); d.Linked {
			people = append(people, d.Person)
		}
		for _, number := range people {
			if int(number) < len(f.people.list) {
				identifiers = append(identifiers, f.people.list[number].identifier)
			}
		}
	}
	return identifiers
}

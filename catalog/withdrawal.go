package catalog

import (
	"bufio"
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
)

// Withdrawn is whom a list of identifiers names.
type Withdrawn struct {
	Units   []uint32 // ascending
	Unknown []int    // lines that name nobody of the person index
}

// maxWithdrawals bounds the entries of one list.
const maxWithdrawals = 10_000_000

// FindUnits finds the units of people by their identifiers, one on each line of
// list, in the person index that gave the units of v: identifiers of the kind that
// the index is of, or local numbers as ORGANISATION/NUMBER. It is for the custodian
// zone: what it gives is who is who. Spaces within NHS numbers, a comma at the end,
// empty lines and lines that begin with '#' do not matter. A line that is no
// identifier makes the whole list CodeListInvalid: a withdrawal that cannot be read
// cannot be honoured.
func FindUnits(ctx context.Context, dir string, v Version, list io.Reader) (Withdrawn, error) {
	return findUnits(ctx, dir, v, list, func(l looked, text string) []uint32 { return l.units(text) })
}

// FindConsenting is FindUnits for a list of who may be seen. A unit that ever stood for
// somebody who is not on the list too, before a merge was undone for example, is left
// out: rows under it may be theirs.
func FindConsenting(ctx context.Context, dir string, v Version, list io.Reader) (Withdrawn, error) {
	listed := map[uint32]bool{} // units that the people of the list have now
	var holders map[uint32][]string
	return findUnits(ctx, dir, v, list, func(l looked, text string) (units []uint32) {
		if holders == nil {
			holders = map[uint32][]string{}
			for name, ever := range l.ever {
				for _, unit := range ever {
					holders[unit] = append(holders[unit], name)
				}
			}
			for name := range l.wanted {
				if unit, known := l.now[name]; known {
					listed[unit] = true
				}
			}
		}
		for _, unit := range l.units(text) {
			if !slices.ContainsFunc(holders[unit], func(name string) bool { return !listed[l.now[name]] }) {
				units = append(units, unit)
			}
		}
		return units
	})
}

// findUnits reads a list, and takes for each person on it the units that choose gives.
func findUnits(ctx context.Context, dir string, v Version, list io.Reader, choose func(looked, string) []uint32) (Withdrawn, error) {
	var found Withdrawn
	lines := map[string]int{}
	in := bufio.NewScanner(list)
	for n := 1; in.Scan(); n++ {
		text := strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(strings.TrimPrefix(in.Text(), "\ufeff")), ","))
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		if digits := strings.ReplaceAll(text, " ", ""); len(digits) == 10 && strings.Trim(digits, "0123456789") == "" {
			if _, why := ParseNHSNumber([]byte(digits)); why == "" {
				text = digits
			}
		}
		if lines[text] == 0 {
			lines[text] = n
		}
		if len(lines) > maxWithdrawals {
			return found, gatehouse.Errorf(gatehouse.CodeListInvalid, "The list has more than %d entries.", maxWithdrawals).WithAdvice("Withdraw in parts.")
		}
	}
	if err := in.Err(); err != nil {
		return found, gatehouse.Errorf(gatehouse.CodeListInvalid, "The list cannot be read.").Because(err)
	}
	people, err := lookUp(ctx, installation(dir).index(v.Family), lines)
	if err != nil {
		return found, err
	}
	for text, n := range lines {
		if _, known := people.now[text]; known {
			found.Units = append(found.Units, choose(people, text)...)
			continue
		}
		if people.numbers { // the index is of NHS numbers only
			if _, why := ParseNHSNumber([]byte(text)); why != "" {
				return Withdrawn{}, gatehouse.Errorf(gatehouse.CodeListInvalid, "Line %d of the list does not hold an NHS number: %s.", n, strings.TrimSuffix(why.Explanation(), ".")).
					WithAdvice("Nobody was withdrawn; correct the list.")
			}
		}
		found.Unknown = append(found.Unknown, n)
	}
	slices.Sort(found.Units)
	found.Units = slices.Compact(found.Units)
	slices.Sort(found.Unknown)
	return found, nil
}

// looked is what an index tells of the identifiers that were wanted, and of all that
// merges and splits connect with them.
type looked struct {
	wanted  map[string]int
	now     map[string]uint32   // by identifier
	ever    map[string][]uint32 // by identifier
	same    map[uint32][]string // by unit: the identifiers that are the person's now
	numbers bool                // the index is of NHS numbers only, but for local ones
}

// units gives every unit that stood for a person, since versions of before a merge or
// split still bear them: the units that any identifier that is now the same person's
// ever had.
func (l looked) units(text string) (units []uint32) {
	for _, same := range l.same[l.now[text]] {
		units = append(units, l.ever[same]...)
	}
	return units
}

// lookUp reads an index for the identifiers wanted.
func lookUp(ctx context.Context, dir string, wanted map[string]int) (looked, error) {
	now, ever := map[string]uint32{}, map[string][]uint32{} // by identifier
	named := func(e indexEntry) string {
		if e.organisation != "" {
			return e.organisation + "/" + e.identifier
		}
		return e.identifier
	}
	keep := func(e indexEntry) {
		text := strings.Clone(named(e))
		now[text] = e.unit
		if !slices.Contains(ever[text], e.unit) {
			ever[text] = append(ever[text], e.unit)
		}
	}
	touched, changed := map[string]bool{}, map[uint32]bool{} // by merges and splits
	numbers := true
	end, err := scanIndex(ctx, dir, func(e indexEntry) error {
		text := named(e)
		_, want := wanted[text]
		if want {
			keep(e)
		}
		// A local number of somebody who is known changes nothing of them.
		if e.event != indexPerson && (want || e.organisation == "" || e.event != indexAlso) {
			touched[strings.Clone(text)], changed[e.unit] = true, true
		}
		if numbers && e.organisation == "" {
			_, why := ParseNHSNumber([]byte(e.identifier))
			numbers = why == ""
		}
		return nil
	})
	if err != nil {
		return looked{}, err
	}
	if end.segments == 0 {
		return looked{}, indexFailure(errors.New("there are no segments"))
	}
	if len(touched) > 0 { // once more, for the other identifiers of those concerned
		clear(now)
		clear(ever)
		if _, err := scanIndex(ctx, dir, func(e indexEntry) error {
			text := named(e)
			_, want := wanted[text]
			if want || touched[text] || changed[e.unit] {
				keep(e)
			}
			return nil
		}); err != nil {
			return looked{}, err
		}
	}
	byUnit := map[uint32][]string{}
	for text, unit := range now {
		byUnit[unit] = append(byUnit[unit], text)
	}
	return looked{wanted, now, ever, byUnit, numbers}, nil
}

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
	people, numbers, err := lookUp(ctx, installation(dir).index(v.Family), lines)
	if err != nil {
		return found, err
	}
	for text, n := range lines {
		if units, ok := people[text]; ok {
			found.Units = append(found.Units, units...)
			continue
		}
		if numbers { // the index is of NHS numbers only
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

// lookUp reads an index for the identifiers wanted, and says whether all of it, but
// for local numbers, are NHS numbers. It gives every unit that stood for a person,
// since versions of before a merge or split still bear them: the units that any
// identifier that is now the same person's ever had.
func lookUp(ctx context.Context, dir string, wanted map[string]int) (units map[string][]uint32, numbers bool, err error) {
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
	numbers = true
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
		return nil, false, err
	}
	if end.segments == 0 {
		return nil, false, indexFailure(errors.New("there are no segments"))
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
			return nil, false, err
		}
	}
	byUnit := map[uint32][]string{}
	for text, unit := range now {
		byUnit[unit] = append(byUnit[unit], text)
	}
	units = map[string][]uint32{}
	for text := range wanted {
		if unit, known := now[text]; known {
			for _, same := range byUnit[unit] {
				units[text] = append(units[text], ever[same]...)
			}
		}
	}
	return units, numbers, nil
}

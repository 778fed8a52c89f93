package catalog

import (
	"bufio"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
)

// IndexOptions say which person index to change, and who does it.
type IndexOptions struct {
	Dir        string // the installation
	Family     string // the index
	Kind       IdentifierKind
	Principal  gatehouse.Principal
	Authorizer Authorizer
	// Record keeps the event of the change, and what becomes of those who have withdrawn,
	// before the change is made: an index that changed is never without its event, and
	// nobody comes back by a change. If it fails, nothing is changed.
	Record func(ctx context.Context, e gatehouse.Event, carried []Carried) error
}

// Carried says that whoever has withdrawn under any unit of From has withdrawn under
// each of To. A withdrawal of either person of a merge is one of both, in versions of
// before and to come; one from before a split may be either person's, and is both's.
type Carried struct{ From, To []uint32 }

// Merge says that two identifiers are one person's. The person keeps the unit of
// Kept, in every later version; Superseded's unit is never given again. Versions that
// stand do not change: in them the person is still two.
type Merge struct{ Kept, Superseded string }

// Split says that identifiers, until now of the same person as Of, are of another
// person, who gets a new unit in every later version. Local numbers are written
// ORGANISATION/NUMBER.
type Split struct {
	Of       string
	Separate []string
}

// MergePeople records merges in a person index, all of them or none. Withdrawals of
// either identifier reach both units from then on, in versions of before too. It is
// CodeIndexChange for identifiers that the index does not know, and pairs that are
// one person already.
func MergePeople(ctx context.Context, o IndexOptions, merges []Merge) error {
	return changeIndex(ctx, o, "index.merged", len(merges), func(x *personIndex, ids identifiers) (entries []indexEntry, carried []Carried, err error) {
		for i, m := range merges {
			kept, err := x.known(ids, m.Kept, i)
			if err != nil {
				return nil, nil, err
			}
			gone, err := x.known(ids, m.Superseded, i)
			if err != nil {
				return nil, nil, err
			}
			if kept == gone {
				return nil, nil, indexChange("Line %d: the two are one person already.", i+1)
			}
			if len(x.numbers(kept)) == 0 && len(x.numbers(gone)) == 0 {
				return nil, nil, indexChange("Line %d: both are local numbers of people whom nothing else names; they can be merged only with an identifier of the person.", i+1)
			}
			all := append(x.everOf(kept), x.everOf(gone)...)
			carried = append(carried, Carried{From: all, To: all})
			for key, unit := range x.units {
				if unit == gone {
					entries = append(entries, indexEntry{identifier: ids.text(key), unit: kept, event: indexMoved})
				}
			}
			for key, unit := range x.local {
				if unit == gone {
					entries = append(entries, indexEntry{identifier: key.identifier, organisation: key.organisation, unit: kept, event: indexMoved})
				}
			}
			entries = settle(entries, x, ids)
		}
		return entries, carried, nil
	})
}

// settle takes the entries that x does not know yet into it, so that what follows
// in the same list builds on them. They stand at the end in the order of their text,
// which does not depend on that of a map.
func settle(entries []indexEntry, x *personIndex, ids identifiers) []indexEntry {
	from := x.settled
	part := entries[from:]
	slices.SortFunc(part, func(a, b indexEntry) int {
		return strings.Compare(a.organisation+"/"+a.identifier, b.organisation+"/"+b.identifier)
	})
	for _, e := range part {
		if err := x.read(e, ids); err != nil {
			panic("catalog: an entry of the index's own making") // read and made here
		}
	}
	x.settled = len(entries)
	return entries
}

// SplitPeople records splits in a person index, all of them or none. Withdrawals of
// either person reach the unit that they shared, in versions of before, from then on.
func SplitPeople(ctx context.Context, o IndexOptions, splits []Split) error {
	return changeIndex(ctx, o, "index.split", len(splits), func(x *personIndex, ids identifiers) (entries []indexEntry, carried []Carried, err error) {
		for i, s := range splits {
			of, err := x.known(ids, s.Of, i)
			if err != nil {
				return nil, nil, err
			}
			if len(s.Separate) == 0 {
				return nil, nil, indexChange("Line %d: it says nobody to separate.", i+1)
			}
			carried = append(carried, Carried{From: x.everOf(of), To: []uint32{uint32(len(x.owners))}})
			event := indexSplit
			for _, text := range s.Separate {
				if text == s.Of {
					return nil, nil, indexChange("Line %d: a person is not separated from themselves.", i+1)
				}
				unit, err := x.known(ids, text, i)
				if err != nil {
					return nil, nil, err
				}
				if unit != of {
					return nil, nil, indexChange("Line %d: the two are not one person.", i+1)
				}
				e := indexEntry{identifier: text, unit: uint32(len(x.owners)), event: event}
				if organisation, number, local := strings.Cut(text, "/"); local && !x.knows(ids, text) {
					e.organisation, e.identifier = organisation, number
				}
				if event == indexMoved {
					e.unit--
				}
				entries = append(entries, e)
				if err := x.read(e, ids); err != nil {
					return nil, nil, err
				}
				x.settled = len(entries)
				event = indexMoved
			}
			if x.severalLocal(of) || x.severalLocal(uint32(len(x.owners)-1)) {
				return nil, nil, indexChange("Line %d: a person would be left with several local numbers and no identifier.", i+1)
			}
		}
		return entries, carried, nil
	})
}

// severalLocal reports whether a unit stands for several local numbers and no
// identifier. A publication takes each local number that nothing else names as one
// person, so that a dissent by one would not be the other's.
func (x *personIndex) severalLocal(unit uint32) bool {
	if len(x.numbers(unit)) > 0 {
		return false
	}
	count := 0
	for _, u := range x.local {
		if u == unit {
			count++
		}
	}
	return count > 1
}

func indexChange(format string, args ...any) error {
	return gatehouse.Errorf(gatehouse.CodeIndexChange, format, args...).WithAdvice("Nothing was changed; correct the list.")
}

// knows reports whether a text is an identifier of the kind that the index is of.
func (x *personIndex) knows(ids identifiers, text string) bool {
	key, known, why := ids.parse([]byte(text))
	_, has := x.units[key]
	return known && why == "" && has
}

// known gives the unit of an identifier, or of ORGANISATION/NUMBER.
func (x *personIndex) known(ids identifiers, text string, line int) (uint32, error) {
	if x.knows(ids, text) {
		key, _, _ := ids.parse([]byte(text))
		return x.units[key], nil
	}
	if organisation, number, ok := strings.Cut(text, "/"); ok {
		if unit, ok := x.local[localKey{organisation, number}]; ok {
			return unit, nil
		}
	}
	return 0, indexChange("Line %d names an identifier that the person index does not know.", line+1)
}

// changeIndex changes an index under the installation's lock.
func changeIndex(ctx context.Context, o IndexOptions, event string, count int, change func(*personIndex, identifiers) ([]indexEntry, []Carried, error)) error {
	if err := o.Authorizer.Authorize(ctx, o.Principal, gatehouse.ActionDatasetPublish, gatehouse.Everywhere); err != nil {
		return err
	}
	if !gatehouse.ValidName(o.Family) {
		return gatehouse.Errorf(gatehouse.CodeNotFound, "There is no person index of that name.")
	}
	if count == 0 {
		return indexChange("The list is empty.")
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return storageFailure(err)
	}
	root := installation(dir)
	if err := root.make(o.Family); err != nil {
		return err
	}
	unlock, err := root.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := root.sweep(); err != nil {
		return err
	}
	work, err := os.MkdirTemp(root.work(), workPrefix)
	if err != nil {
		return storageFailure(err)
	}
	defer os.RemoveAll(work)
	ids := newIdentifiers(o.Kind)
	x, err := openIndex(ctx, root.index(o.Family), ids)
	if err != nil {
		return err
	}
	x.work = work
	entries, carried, err := change(x, ids)
	if err != nil {
		return err
	}
	e := gatehouse.Event{Actor: o.Principal.User, Action: event, Subject: o.Family}
	if err := o.Record(ctx, e, carried); err != nil {
		return err
	}
	if err := x.append(entries); err != nil {
		return storageFailure(err)
	}
	return nil
}

// maxIndexChanges bounds the lines of one list of merges or splits.
const maxIndexChanges = 1_000_000

// ReadMerges reads one merge on each line: the number that is kept, a comma, the
// number that it supersedes. Empty lines and lines that begin with '#' do not matter.
func ReadMerges(in io.Reader) ([]Merge, error) {
	var out []Merge
	err := readPairs(in, 2, func(fields []string) { out = append(out, Merge{fields[0], fields[1]}) })
	return out, err
}

// ReadSplits reads one split on each line: an identifier of the person who stays,
// then those of the other one, with commas between them.
func ReadSplits(in io.Reader) ([]Split, error) {
	var out []Split
	err := readPairs(in, 100, func(fields []string) { out = append(out, Split{fields[0], fields[1:]}) })
	return out, err
}

func readPairs(in io.Reader, most int, each func([]string)) error {
	lines := bufio.NewScanner(in)
	for n, count := 1, 0; lines.Scan(); n++ {
		text := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff"))
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		fields := strings.Split(text, ",")
		for i := range fields {
			fields[i] = strings.TrimSpace(fields[i])
		}
		if len(fields) < 2 || len(fields) > most || slices.Contains(fields, "") {
			return indexChange("Line %d is not a list of identifiers with commas between them.", n)
		}
		if count++; count > maxIndexChanges {
			return gatehouse.Errorf(gatehouse.CodeTooLarge, "The list has more than %d lines.", maxIndexChanges)
		}
		each(fields)
	}
	if err := lines.Err(); err != nil {
		return indexChange("The list cannot be read.")
	}
	return nil
}

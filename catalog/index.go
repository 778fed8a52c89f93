package catalog

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
)

// personIndex maps identifiers to units for ever: a person keeps the unit of the
// first publication in all later ones. It stands in the custodian zone and is only
// ever appended to. A person may have several identifiers: of the kind that the
// index is of, and local numbers of organisations.
type personIndex struct {
	dir     string
	units   map[uint32]uint32   // by key of the identifier
	local   map[localKey]uint32 // by an organisation's number
	owners  []uint32            // by unit: key of the identifier that it was given for
	also    map[uint32][]uint32 // by unit: keys of several identifiers of one person, the owner's first; units with one are left out
	ever    map[uint32][]uint32 // by key: the units that it ever had, of those that had several
	end     indexEnd
	changes int64  // entries of merges and splits
	next    uint32 // units below are taken, those of a segment that is not yet committed too
	sum     string // of the segment that assign wrote
	work    string

	settled int // entries of a change that are taken in already
}

// localKey is a local number and whose it is.
type localKey struct{ organisation, identifier string }

// openIndex reads and verifies an index; a folder that is not there is an empty one.
func openIndex(ctx context.Context, dir string, ids identifiers) (*personIndex, error) {
	x := &personIndex{dir: dir, units: make(map[uint32]uint32), local: make(map[localKey]uint32), also: make(map[uint32][]uint32), ever: make(map[uint32][]uint32)}
	var err error
	x.end, err = scanIndex(ctx, dir, func(e indexEntry) error { return x.read(e, ids) })
	x.next = x.end.next
	return x, err
}

// read takes in one entry.
func (x *personIndex) read(e indexEntry, ids identifiers) error {
	if e.event == indexMoved || e.event == indexSplit {
		x.changes++
	}
	if e.organisation != "" {
		return x.readLocal(e)
	}
	key, why := ids.add([]byte(e.identifier))
	if why != "" {
		return fmt.Errorf("unit %d has no identifier", e.unit)
	}
	earlier, known := x.units[key]
	if known != (e.event == indexMoved || e.event == indexSplit) {
		return fmt.Errorf("unit %d is a person's second, or an unknown person's", e.unit)
	}
	x.units[key] = e.unit
	if known {
		if len(x.ever[key]) == 0 {
			x.ever[key] = append(x.ever[key], earlier)
		}
		x.ever[key] = append(x.ever[key], e.unit)
	}
	switch e.event {
	case indexPerson:
		x.owners = append(x.owners, key)
	case indexSplit:
		x.owners = append(x.owners, key)
		x.part(earlier, key)
	case indexAlso:
		x.join(e.unit, key)
	case indexMoved:
		x.part(earlier, key)
		x.join(e.unit, key)
	}
	return nil
}

func (x *personIndex) readLocal(e indexEntry) error {
	key := localKey{e.organisation, e.identifier}
	_, known := x.local[key]
	if known != (e.event == indexMoved || e.event == indexSplit) {
		return fmt.Errorf("unit %d: a local number out of order", e.unit)
	}
	x.local[localKey{strings.Clone(e.organisation), strings.Clone(e.identifier)}] = e.unit
	if e.event == indexSplit || e.event == indexPerson {
		x.owners = append(x.owners, noKey)
	}
	return nil
}

// noKey is the owner of a unit that was given for a local number: no identifier has
// this key, since a unit is below it.
const noKey = math.MaxUint32

// join notes that an identifier is another one of a unit's person.
func (x *personIndex) join(unit, key uint32) {
	all := x.also[unit]
	if owner := x.owners[unit]; len(all) == 0 && owner != noKey && x.units[owner] == unit && owner != key {
		all = append(all, owner)
	}
	if !slices.Contains(all, key) {
		x.also[unit] = append(all, key)
	}
}

// part notes that an identifier is no longer of a unit's person.
func (x *personIndex) part(unit, key uint32) {
	all := slices.DeleteFunc(x.also[unit], func(k uint32) bool { return k == key })
	if len(all) < 2 {
		delete(x.also, unit)
		if len(all) == 1 && x.owners[unit] != all[0] {
			x.also[unit] = all
		}
		return
	}
	x.also[unit] = all
}

// others gives the keys of every identifier of the person with this one, it
// included and the first one first; nil for people with a single one.
func (x *personIndex) others(key uint32) []uint32 {
	unit, ok := x.units[key]
	if !ok {
		return nil
	}
	if all := x.also[unit]; len(all) > 1 {
		return all
	}
	return nil
}

// numbers gives the keys of every identifier of the person with a unit, the one that
// was kept first; none where a unit is nobody's any more.
func (x *personIndex) numbers(unit uint32) []uint32 {
	if all := x.also[unit]; len(all) > 0 {
		return all
	}
	if int64(unit) < int64(len(x.owners)) {
		if owner := x.owners[unit]; owner != noKey && x.units[owner] == unit {
			return x.owners[unit : unit+1 : unit+1]
		}
	}
	return nil
}

// localEntry is a local number of the person with an identifier.
type localEntry struct {
	key        localKey
	identifier uint32
}

// everOf gives all units that ever stood for the person with a unit.
func (x *personIndex) everOf(unit uint32) []uint32 {
	all := []uint32{unit}
	for _, key := range x.numbers(unit) {
		all = append(all, x.ever[key]...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// assign gives a unit to each key that has none, and to each person who is known by a
// local number alone, in an order that nothing of the people or their rows tells, and
// writes them, and the local numbers of others, as a segment into folder work, where
// it has no effect yet. It returns the segment's path, "" if there is nothing new.
func (x *personIndex) assign(keys []uint32, ids identifiers, own []localKey, also []localEntry, work string) (segment string, err error) {
	x.work = work
	var fresh []uint32
	for _, key := range keys {
		if _, ok := x.units[key]; !ok {
			fresh = append(fresh, key)
		}
	}
	if len(fresh)+len(own)+len(also) == 0 {
		return "", nil
	}
	if uint64(x.next)+uint64(len(fresh))+uint64(len(own)) >= math.MaxUint32 {
		return "", gatehouse.Errorf(gatehouse.CodeTooLarge, "The person index is full.")
	}
	for i := range own { // from noKey down, so that all are shuffled together
		fresh = append(fresh, noKey-uint32(i))
	}
	var seed [32]byte
	if _, err := crand.Read(seed[:]); err != nil {
		return "", err
	}
	shuffle := rand.New(rand.NewChaCha8(seed))
	shuffle.Shuffle(len(fresh), func(i, j int) { fresh[i], fresh[j] = fresh[j], fresh[i] })

	w, err := newSegment(work, x.end)
	if err != nil {
		return "", err
	}
	add := func(e indexEntry) {
		if err == nil {
			err = w.add(e)
		}
	}
	for _, key := range fresh {
		if i := uint64(noKey - key); i < uint64(len(own)) {
			add(indexEntry{identifier: own[i].identifier, organisation: own[i].organisation, unit: x.next, event: indexPerson})
			x.local[own[i]] = x.next
			key = noKey
		} else {
			add(indexEntry{identifier: ids.text(key), unit: x.next, event: indexPerson})
			x.units[key] = x.next
		}
		x.owners = append(x.owners, key)
		x.next++
	}
	for _, l := range also {
		add(indexEntry{identifier: l.key.identifier, organisation: l.key.organisation, unit: x.units[l.identifier], event: indexAlso})
		x.local[l.key] = x.units[l.identifier]
	}
	if err != nil {
		w.f.Close()
		return "", err
	}
	x.sum, err = w.close()
	return w.path, err
}

// commit makes a segment of assign part of the index, durably; "" is none.
func (x *personIndex) commit(segment string) error {
	if segment != "" {
		end := indexEnd{next: x.next, segments: x.end.segments + 1, last: x.sum}
		if err := commitSegment(x.dir, segment, end); err != nil {
			return err
		}
		x.end = end
	}
	return nil
}

// append writes entries as a segment and makes it part of the index.
func (x *personIndex) append(entries []indexEntry) error {
	if len(entries) == 0 {
		return nil
	}
	w, err := newSegment(x.work, x.end)
	if err != nil {
		return err
	}
	end := x.end
	for _, e := range entries {
		if e.event == indexPerson || e.event == indexSplit {
			end.next++
		}
		if err := w.add(e); err != nil {
			w.f.Close()
			return err
		}
	}
	end.segments++
	if end.last, err = w.close(); err != nil {
		return err
	}
	if err := commitSegment(x.dir, w.path, end); err != nil {
		return err
	}
	x.end, x.next = end, end.next
	return nil
}

// Identifiers gives all identifiers that the people with these units ever had, by
// unit: of the kind that the index is of, then ORGANISATION/NUMBER. A unit that is
// nobody's is left out; one that a merge or a split has changed has those of both.
// It is for the custodian zone: what it gives is who is who.
func Identifiers(ctx context.Context, dir, family string, units []uint32) (map[uint32][]string, error) {
	if !gatehouse.ValidName(family) {
		return nil, gatehouse.Errorf(gatehouse.CodeNotFound, "There is no person index of that name.")
	}
	wanted := make(map[uint32]bool, len(units))
	for _, u := range units {
		wanted[u] = true
	}
	found := make(map[uint32][]string)
	_, err := scanIndex(ctx, installation(dir).index(family), func(e indexEntry) error {
		if wanted[e.unit] {
			text := e.identifier
			if e.organisation != "" {
				text = e.organisation + "/" + text
			}
			text = string([]byte(text)) // not the segment's memory
			if !slices.Contains(found[e.unit], text) {
				found[e.unit] = append(found[e.unit], text)
			}
		}
		return nil
	})
	return found, err
}

// CheckIndex verifies a person index: that nothing of it is missing or changed. It
// gives how many units were given, and in how many segments.
func CheckIndex(ctx context.Context, dir, family string) (units uint32, segments int, err error) {
	if !gatehouse.ValidName(family) {
		return 0, 0, gatehouse.Errorf(gatehouse.CodeNotFound, "There is no person index of that name.")
	}
	root, err := filepath.Abs(dir)
	if err != nil {
		return 0, 0, storageFailure(err)
	}
	ids := newOpaqueIdentifiers()
	x, err := openIndex(ctx, installation(root).index(family), ids)
	if err != nil {
		return 0, 0, err
	}
	if x.end.segments == 0 {
		return 0, 0, gatehouse.Errorf(gatehouse.CodeNotFound, "There is no person index %q.", family)
	}
	if len(x.owners) != int(x.end.next) {
		return 0, 0, indexFailure(errors.New("units without a person"))
	}
	return x.end.next, x.end.segments, nil
}

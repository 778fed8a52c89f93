package catalog

import (
	"hash/maphash"
	"math"
)

// noDay stands for a date that is not known.
const noDay = math.MinInt32

// personState is what became of a person of the extract.
type personState uint8

const (
	personValid       personState = iota
	personConflicting             // several different rows claim to be this person
	personOptedOut                // on the lists
	personPublished               // has a unit
	personMerged                  // has a unit, and another row of the same person is the one that is published
)

// person is one person of the people table.
type person struct {
	content      uint64 // hash of the row
	line         int64  // where the row is, for the report
	identifier   uint32 // key of the identifier
	unit         uint32 // if published
	birth, death int32  // days since 1970, or noDay
	state        personState
	file         uint16 // in which of the table's files the row is
	shift        int16  // by how many days the dates of the person move
}

// people are the people of an extract. They are numbered in the order of their
// rows; the number never leaves the publication.
type people struct {
	rule         PeopleRule
	identifiers  identifiers
	keys         identifiers       // the same as identifiers where the key is the identifier
	list         []person          // by number
	byKey        *keyTable         // number by key
	byIdentifier map[uint32]uint32 // number by identifier; nil where the key is the identifier
	links        map[linkKey]uint32
	alike        map[linkKey][]uint32 // everybody with the linking values that several people share
	seed         maphash.Seed
	linkSeeds    [2]maphash.Seed
	shifts       DateShifts   // nil: dates do not move
	index        *personIndex // that the shifts follow
	apart        bool         // rows that name nobody are not linked, but for dissents: somebody outside the extract might fit as well
}

// linkKey is a keyed hash of a person's linking values, wide enough never to
// meet another's.
type linkKey [2]uint64

// ambiguous marks linking values that several people share.
const ambiguous = math.MaxUint32

func newPeople(rule PeopleRule) *people {
	p := &people{
		rule:        rule,
		identifiers: newIdentifiers(rule.Kind),
		byKey:       newKeyTable(),
		seed:        maphash.MakeSeed(),
		linkSeeds:   [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
	}
	p.keys = p.identifiers
	if rule.Key != rule.Identifier {
		p.keys = newOpaqueIdentifiers()
		p.byIdentifier = make(map[uint32]uint32)
	}
	if len(rule.LinkWithoutKey) > 0 {
		p.links, p.alike = make(map[linkKey]uint32), make(map[linkKey][]uint32)
	}
	return p
}

// hash is over the fields of a row, however they were quoted or padded.
func (p *people) hash(seed maphash.Seed, fields [][]byte) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, f := range fields {
		h.Write(f)
		h.WriteByte(0)
	}
	return h.Sum64()
}

func (p *people) linkKey(fields [][]byte) linkKey {
	return linkKey{p.hash(p.linkSeeds[0], fields), p.hash(p.linkSeeds[1], fields)}
}

// add takes a valid row of the people table. A row that equals an earlier one of
// the same person is a copy; rows of one person that differ are none of them
// believed: the earlier one becomes conflicting, and the reason is the later one's.
// The number is that of the person, known or new.
func (p *people) add(key, identifier uint32, row person) (number uint32, why Reason) {
	number, known := p.byKey.get(key)
	if !known && p.byIdentifier != nil {
		number, known = p.byIdentifier[identifier]
	}
	if known {
		earlier := &p.list[number]
		if earlier.state == personValid && earlier.content == row.content {
			return number, ReasonDuplicateRow
		}
		earlier.state = personConflicting
		return number, p.duplicateReason()
	}
	number = uint32(len(p.list))
	row.identifier = identifier
	p.list = append(p.list, row)
	p.byKey.put(key, number)
	if p.byIdentifier != nil {
		p.byIdentifier[identifier] = number
	}
	return number, ""
}

func (p *people) duplicateReason() Reason {
	if p.rule.Kind == IdentifierNHSNumber {
		return ReasonDuplicateNHSNumber
	}
	return ReasonDuplicateIdentifier
}

// addLink remembers the linking values of a person; incomplete ones link nobody.
func (p *people) addLink(number uint32, fields [][]byte) {
	for _, f := range fields {
		if len(f) == 0 {
			return
		}
	}
	key := p.linkKey(fields)
	if first, shared := p.links[key]; shared {
		if first != ambiguous {
			p.alike[key] = append(p.alike[key], first)
		}
		p.alike[key] = append(p.alike[key], number)
		number = ambiguous
	}
	p.links[key] = number
}

// linked finds the one person with the linking values.
func (p *people) linked(fields [][]byte) (*person, bool) {
	for _, f := range fields {
		if len(f) == 0 {
			return nil, false
		}
	}
	number, ok := p.links[p.linkKey(fields)]
	if !ok || number == ambiguous || p.list[number].state == personConflicting {
		return nil, false
	}
	return &p.list[number], true
}

// find gives the person whom a key names, nil if it is nobody of the extract.
func (p *people) find(key uint32) *person {
	number, ok := p.byKey.get(key)
	if !ok {
		return nil
	}
	return &p.list[number]
}

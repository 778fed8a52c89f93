package catalog

// applyLists reports whether any list takes out a person of the extract, and counts
// the person once, however many rows and numbers there are: a deny-list by any number
// that the person ever had, an allow-list by any number under which the person stands
// in this extract.
func (p *publication) applyLists(who *person) (out bool) {
	others := p.index.others(who.identifier)
	first := true
	if p.base != nil || others != nil {
		if unit, known := p.index.units[who.identifier]; known {
			first = p.applied.CheckedAdd(unit)
		}
	}
	for _, l := range p.lists {
		takes := l.optsOut(who.identifier)
		for _, key := range others {
			takes = takes || (l.rule.Kind == ListDeny || p.people.hasIdentifier(key)) && l.optsOut(key)
		}
		if first {
			l.receipt.In++
			if takes {
				l.receipt.Affected++
			}
		}
		out = out || takes
	}
	return out
}

// hasIdentifier reports whether a row of the people table bears an identifier.
func (p *people) hasIdentifier(key uint32) bool {
	_, ok := p.numberOf(key)
	return ok
}

func (p *people) numberOf(identifier uint32) (number uint32, ok bool) {
	if p.byIdentifier != nil {
		number, ok = p.byIdentifier[identifier]
		return number, ok
	}
	return p.byKey.get(identifier)
}

// mergePeople leaves one row of the people table to each person whose several
// numbers stand in it: that of the number that was kept, or else the first. It gives
// the lines of the others, by file, whose people are the same from here on. Units must
// have been given.
func (p *publication) mergePeople(files int) (superseded [][]int64) {
	superseded = make([][]int64, files)
	for unit, keys := range p.index.also {
		stands := -1
		for _, key := range keys { // the kept one is the first
			if n, ok := p.people.numberOf(key); ok && p.people.list[n].state == personPublished {
				if stands < 0 {
					stands = int(n)
					continue
				}
				who := &p.people.list[n]
				who.state, who.unit = personMerged, unit
				superseded[who.file] = append(superseded[who.file], who.line)
			}
		}
		if stands < 0 || p.people.byIdentifier != nil {
			continue
		}
		// Numbers that no row of the people table bears are the same person's.
		for _, key := range keys {
			if _, ok := p.people.byKey.get(key); !ok {
				p.people.byKey.put(key, uint32(stands))
			}
		}
	}
	return superseded
}

package catalog

import (
	"context"
	"slices"
)

// readLists reads the opt-out lists, and gets ready to find those in the events.
func (p *publication) readLists(ctx context.Context, files map[string][]string) (err error) {
	if p.secret, err = p.root.receiptKey(); err != nil {
		return err
	}
	p.coded = make(map[string][]*codedEvents)
	reader := listReader{dir: p.Extracts, identifiers: p.people.identifiers, maxAge: p.MaxListAge, now: p.started, key: p.secret}
	for _, rule := range p.Definition.OptOuts.Lists {
		var l *optOutList
		if rule.Coded == nil {
			l, err = reader.read(ctx, rule)
		} else if l, err = reader.coded(rule, files[rule.Coded.Table]); err == nil {
			p.coded[rule.Coded.Table] = append(p.coded[rule.Coded.Table], newCodedEvents(l, p.Definition, p.people, p.finder, p.today()))
		}
		if err != nil {
			return err
		}
		if l != nil {
			p.lists = append(p.lists, l)
		}
	}
	return nil
}

// optedOut reports whether any list takes out the person with this identifier.
func (p *publication) optedOut(identifier uint32) bool {
	for _, l := range p.lists {
		if l.optsOut(identifier) {
			return true
		}
	}
	return false
}

// giveReceipts puts into the manifest which lists were applied. They have been.
func (p *publication) giveReceipts() {
	for _, l := range p.appliedLists() {
		l.receipt.Root = listRoot(p.secret, l.rule.List, l.keys, p.people.identifiers)
		p.version.Receipts = append(p.version.Receipts, l.receipt)
	}
}

// appliedLists are all lists that people were taken out by.
func (p *publication) appliedLists() []*optOutList {
	all := slices.Clone(p.lists)
	if p.base != nil && p.base.deleted != nil {
		all = append(all, p.base.deleted)
	}
	return all
}

// decidePeople applies the lists to the people of the extract and gives units to
// those who remain.
func (p *publication) decidePeople(ctx context.Context, in *intake) error {
	if p.finder != nil {
		p.finder.settle()
	}
	for _, found := range p.coded {
		for _, c := range found {
			c.settle()
		}
	}
	if p.finder != nil {
		p.finder.settleStrangers(p.optedOut)
	}
	conflicts := make([][]int64, len(in.accounts)) // lines, by file
	var identifiers []uint32
	for i := range in.accounts {
		in.accounts[i].Published = 0 // counted anew, person by person
	}
	for i := range p.people.list {
		who := &p.people.list[i]
		if who.state == personConflicting {
			conflicts[who.file] = append(conflicts[who.file], who.line)
			continue
		}
		if p.applyLists(who) {
			who.state = personOptedOut
			in.accounts[who.file].OptedOut++
			continue
		}
		who.state = personPublished
		in.accounts[who.file].Published++
		identifiers = append(identifiers, who.identifier)
	}
	for i, lines := range conflicts {
		if len(lines) == 0 {
			continue
		}
		why := p.people.duplicateReason()
		in.accounts[i].Rejected[string(why)] += int64(len(lines))
		if err := p.report.addLines(in.table, in.survey.files[i], lines, p.people.rule.Identifier, why); err != nil {
			return err
		}
	}
	var own []localKey
	var also []localEntry
	if p.finder != nil {
		own, also = p.finder.learned()
	}
	var err error
	if p.segment, err = p.index.assign(identifiers, p.people.identifiers, own, also, p.work); err != nil {
		return err
	}
	for i := range p.people.list {
		if who := &p.people.list[i]; who.state == personPublished {
			who.unit = p.index.units[who.identifier]
		}
	}
	for i, lines := range p.mergePeople(len(in.accounts)) {
		if len(lines) == 0 {
			continue
		}
		slices.Sort(lines)
		in.accounts[i].Published -= int64(len(lines))
		in.accounts[i].Rejected[string(ReasonSuperseded)] += int64(len(lines))
		if err := p.report.addLines(in.table, in.survey.files[i], lines, p.people.rule.Identifier, ReasonSuperseded); err != nil {
			return err
		}
	}
	if p.finder != nil {
		if p.version.OwnUnits, err = p.finder.settleOwn(); err != nil {
			return err
		}
	}
	if err := p.writer.number(ctx, p.people); err != nil {
		return err
	}
	p.version.IndexChanges = p.index.changes
	if p.base != nil {
		if err := p.decideChanges(ctx); err != nil {
			return err
		}
		p.giveReceipts()
		return nil
	}
	p.giveReceipts()
	p.version.Units = p.version.OwnUnits
	for _, a := range in.accounts {
		p.version.Units += a.Published
	}
	return p.writer.units(ctx)
}

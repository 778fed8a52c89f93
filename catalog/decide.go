package catalog

import "context"

// optedOut reports whether any list takes out the person with this identifier.
func (p *publication) optedOut(identifier uint32) bool {
	for _, l := range p.lists {
		if l.optsOut(identifier) {
			return true
		}
	}
	return false
}

// decidePeople applies the lists to the people of the extract and gives units to
// those who remain.
func (p *publication) decidePeople(ctx context.Context, in *intake) error {
	var conflicts []int64
	var identifiers []uint32
	for i := range p.people.list {
		who := &p.people.list[i]
		if who.state == personConflicting {
			conflicts = append(conflicts, who.line)
			continue
		}
		out := false
		for _, l := range p.lists {
			if l.optsOut(who.identifier) {
				l.receipt.Affected++
				out = true
			}
		}
		if out {
			who.state = personOptedOut
			in.account.OptedOut++
			continue
		}
		who.state = personPublished
		identifiers = append(identifiers, who.identifier)
	}
	for _, l := range p.lists {
		p.version.Receipts = append(p.version.Receipts, l.receipt)
	}
	in.account.Published = int64(len(identifiers))
	if len(conflicts) > 0 {
		why := p.people.duplicateReason()
		in.account.Rejected[string(why)] += int64(len(conflicts))
		if err := p.report.addLines(in.survey.path, in.table.File, in.split.delimiter, conflicts, p.people.rule.Identifier, why); err != nil {
			return err
		}
	}
	var err error
	if p.segment, err = p.index.assign(identifiers, p.people.identifiers, p.work); err != nil {
		return err
	}
	for i := range p.people.list {
		if who := &p.people.list[i]; who.state == personPublished {
			who.unit = p.index.units[who.identifier]
		}
	}
	p.version.Units = int64(len(identifiers))
	return p.writer.units(ctx, p.people)
}

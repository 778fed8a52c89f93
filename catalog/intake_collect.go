package catalog

import (
	"context"
	"io"
)

// collectPeople finds the people of a definition whose people are those whom its
// rows name: a pass of its own over every table about people, in which each row is
// checked as it will be checked again. A person without any valid row is none.
func (p *publication) collectPeople(ctx context.Context) error {
	for _, t := range p.Definition.Tables {
		if t.key() < 0 {
			continue
		}
		in := newIntake(ctx, p.Definition, t, p.surveys[t.Name], p.people, p.today())
		in.collecting = true
		p.refer(in)
		if err := in.collect(); err != nil {
			return err
		}
	}
	nobody := &intake{accounts: make([]Account, 1)} // no row is a person's own
	return p.decidePeople(ctx, nobody)
}

func (in *intake) collect() error {
	defer in.close()
	if len(in.accounts) == 0 {
		return nil
	}
	if err := in.openFile(); err != nil {
		return err
	}
	for !in.done {
		rec, err := in.rows.next()
		switch {
		case err == io.EOF:
			if err := in.nextFile(); err != nil {
				return err
			}
			continue
		case err != nil:
			return readError(in.account.Extract, in.rows.place(), err)
		}
		if in.read++; in.read%batchRows == 0 && in.ctx.Err() != nil {
			return in.ctx.Err()
		}
		if in.judge(rec); in.err != nil {
			return in.err
		}
	}
	return nil
}

// meet adds a person whom a row names, once.
func (p *people) meet(key uint32) error {
	if _, known := p.byKey.get(key); known {
		return nil
	}
	shift, err := p.shiftOf(key)
	p.byKey.put(key, uint32(len(p.list)))
	p.list = append(p.list, person{identifier: key, birth: noDay, death: noDay, shift: shift})
	return err
}

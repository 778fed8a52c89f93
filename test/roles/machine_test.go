package roles

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// machine is a state machine whose steps people try on an F: every actor, every
// step, in every state, over every channel.
type machine[F any] struct {
	what                         string
	states, actors, steps, shows []string // shows: steps that change nothing
	legend                       map[string]string
	trial                        func(step string, f F) try
	made                         func(state string) F
	expected                     func(actor, step, state string) bool
}

// cell is what became of a try, over each channel that offers it.
type cell map[channel]outcome

// text is the cell as the table has it: one outcome if all channels agree.
func (c cell) text() string {
	var seen []string
	for _, via := range []channel{viaAPI, viaCLI, viaSite} {
		if o, tried := c[via]; tried {
			short := strings.TrimPrefix(string(o), "GH-")
			if o == done {
				short = "DONE"
			}
			if !slices.Contains(seen, short) {
				seen = append(seen, short)
			}
		}
	}
	return strings.Join(seen, "/")
}

// table tries everything and says what became of it.
func (m machine[F]) table(w *world) string {
	w.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "# Who can do what with %s, in each of its states, over the API, the command line and the site's\n# forms. DONE, or the code of the refusal; two outcomes where the channels word a refusal differently.\n#\n", m.what)
	for _, a := range m.actors {
		fmt.Fprintf(&b, "#   %-9s %s\n", a, m.legend[a])
	}
	for _, s := range m.states {
		cells := m.try(w, s)
		fmt.Fprintf(&b, "\n%-10s", s)
		for _, step := range m.steps {
			fmt.Fprintf(&b, " %-8s", step)
		}
		b.WriteString("\n")
		for _, a := range m.actors {
			fmt.Fprintf(&b, "%-10s", a)
			for _, step := range m.steps {
				fmt.Fprintf(&b, " %-8s", cells[a+" "+step].text())
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

// task is one try.
type task struct {
	actor, step string
	via         channel
}

// plan divides the tries in a state into those that should be refused and those
// that should work.
func (m machine[F]) plan(state string) (refused, allowed []task) {
	var none F
	for _, a := range m.actors {
		for _, step := range m.steps {
			for _, via := range []channel{viaAPI, viaCLI, viaSite} {
				switch {
				case !offers(via, a, m.trial(step, none)):
				case m.expected(a, step, state):
					allowed = append(allowed, task{a, step, via})
				default:
					refused = append(refused, task{a, step, via})
				}
			}
		}
	}
	return refused, allowed
}

// try tries in one state: what should be refused on one F, which must stay as it
// is, as must everything else, and each thing that should work and changes something
// on an F of its own.
func (m machine[F]) try(w *world, state string) map[string]cell {
	w.t.Helper()
	refused, allowed := m.plan(state)
	cells := map[string]cell{}
	var mu sync.Mutex
	note := func(t task, o outcome) {
		mu.Lock()
		defer mu.Unlock()
		key := t.actor + " " + t.step
		if cells[key] == nil {
			cells[key] = cell{}
		}
		cells[key][t.via] = o
	}
	shared := m.made(state)
	before := w.kept()
	var running sync.WaitGroup
	tasks := make(chan task)
	for range 6 {
		running.Go(func() {
			for t := range tasks {
				o := w.by(t.via, t.actor, m.trial(t.step, shared))
				if note(t, o); o == done {
					w.t.Errorf("%s: %s did %q over the %s", state, t.actor, t.step, t.via)
				}
			}
		})
	}
	for _, t := range refused {
		tasks <- t
	}
	close(tasks)
	running.Wait()
	if after := w.kept(); after != before {
		w.t.Errorf("%s: what was refused left something behind: %s", state, firstDifference(before, after))
	}
	for _, t := range allowed {
		f, shows := shared, slices.Contains(m.shows, t.step)
		if !shows {
			f = m.made(state)
		}
		_, before := w.changes(0)
		o := w.by(t.via, t.actor, m.trial(t.step, f))
		if note(t, o); o != done {
			w.t.Errorf("%s: %s could not %q over the %s: %s", state, t.actor, t.step, t.via, o)
		}
		changed, _ := w.changes(before)
		if shows != (len(changed) == 0) {
			w.t.Errorf("%s: %s did %q over the %s, and changed %v", state, t.actor, t.step, t.via, changed)
		}
	}
	return cells
}

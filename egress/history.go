package egress

import (
	"bufio"
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/semaphore"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Sealer encrypts what the ledger keeps about people. context binds what is
// sealed to its place: it opens nowhere else.
type Sealer interface {
	Seal(plain, context []byte) ([]byte, error)
	Open(sealed, context []byte) ([]byte, error)
}

// Histories hold, for projects that share members, everything that was released
// to any of them (gate.md §4). What they hold is in the ledger too, so that they
// are built again after a restart.
type Histories struct {
	Ledger Ledger
	Sealer Sealer

	mu     sync.Mutex
	scopes map[string]*scope
	busy   map[string]chan struct{}       // of each project: taken while a question is judged
	on     map[string]*semaphore.Weighted // of each dataset: one part for each question that bears on it, everything for the catalogue's
}

// everything is more than there are questions at once.
const everything = 1 << 30

// beside lets no other question that bears on the datasets in alone be judged until done is
// called, and waits for one of any of datasets that is alone.
func (h *Histories) beside(ctx context.Context, datasets, alone []string) (done func(), err error) {
	var held []func()
	done = sync.OnceFunc(func() {
		for _, release := range held {
			release()
		}
	})
	for _, d := range unionOf(datasets, alone) { // in order, so that no two wait for each other
		h.mu.Lock()
		if h.on == nil {
			h.on = map[string]*semaphore.Weighted{}
		}
		all := h.on[d]
		if all == nil {
			all = semaphore.NewWeighted(everything)
			h.on[d] = all
		}
		h.mu.Unlock()
		part := int64(1)
		if slices.Contains(alone, d) {
			part = everything
		}
		if err := all.Acquire(ctx, part); err != nil {
			done()
			return nil, gatehouse.Errorf(gatehouse.CodeCancelled, "The question was cancelled.").Because(context.Cause(ctx))
		}
		held = append(held, func() { all.Release(part) })
	}
	return done, nil
}

// unionOf is everything in any of some lists once, in order.
func unionOf(lists ...[]string) []string {
	all := slices.Concat(lists...)
	slices.Sort(all)
	return slices.Compact(all)
}

// scope is the history of some projects under one threshold.
type scope struct {
	people, rows *disclosure.History
	products     *disclosure.History // of numbers in which values are multiplied
	computed     *disclosure.History // of numbers computed for each person, with people; nil until there are any (computed.go)
	over         map[int][]bool      // of tables of people: numbers that computed ones are summed over
	few          map[uint64]sumKind  // sets of few people of whom something computed was released, and how
	sums         []*disclosure.Profile
	recent       []*disclosure.Profile // of them, those that combinations are looked for of
	relations    *disclosure.Relations // of recent; nil until it is needed
	policy       *disclosure.Policy    // by which sums are compared; nil for not at all
	threshold    int
	weights      weights
	last         int64  // newest ledger entry that is in it
	own          string // newest decision that was judged here
	damaged      bool   // holds something that was not committed
	bytes        int    // about how much memory it takes, as of the last question

	shared   bool            // of several projects
	versions map[string]bool // name@version that something was released of

	counted map[string]bool // public totals that were looked at
	totals  []publicTotal   // of them, those that the ledger does not have yet
}

// Histories in memory are bounded, by number and by bytes beside the one at hand;
// others are built again when asked for.
const (
	maxScopes     = 16
	maxScopeBytes = 400 << 20
)

// KeptCohorts is one released table in the ledger: sealed, for Histories only.
type KeptCohorts struct {
	Place    int64 // ascending in the order of release
	Decision string
	Project  string
	Release  string   // of a request; "" for what a question let out
	Datasets []string // name@version, that it was released of
	Sealed   []byte
}

// enter waits until no other question that bears on this one is being judged, and
// gives the histories that it is judged against, up to date. What is released to a
// project is known to all its members, and what they know from their other projects
// stands beside it: so there is a history for the project, of all projects that
// share a member with it, and one for each of these, of those that share a member
// with that. leave must be called when the decision is committed, or given up.
func (h *Histories) enter(ctx context.Context, q *question, vault Vault) (scopes []*scope, leave func(), err error) {
	views, unlock, err := h.turn(ctx, q)
	if err != nil {
		return nil, nil, err
	}
	var keys []string
	leave = sync.OnceFunc(func() {
		for i, s := range scopes {
			if s.damaged {
				h.forget(keys[i])
			} else {
				h.hold(keys[i], s)
			}
		}
		unlock()
	})
	for _, projects := range views {
		key := strings.Join(projects, "\x00") + "\x00" + q.policy.FullName() + "\x00" + q.session.Workspace.ID
		s, err := h.scope(ctx, key, projects, q, vault)
		if err != nil {
			h.forget(key)
			leave()
			return nil, nil, err
		}
		keys, scopes = append(keys, key), append(scopes, s)
	}
	return scopes, leave, nil
}

// turn waits until no question that bears on this one is being judged, and gives the sets
// of projects that hear of it. What somebody joined, or was granted, while it waited counts.
func (h *Histories) turn(ctx context.Context, q *question) (views [][]string, leave func(), err error) {
	var alone, mounted []string
	for _, m := range q.session.Mounts {
		mounted = append(mounted, m.Version.Dataset)
	}
	if workspaces.IsCatalogue(q.session.Project.ID) {
		alone = mounted
	}
	heard := func() (views [][]string, projects, datasets []string, err error) {
		if views, err = h.views(ctx, q.session.Project.ID); err == nil && len(alone) > 0 {
			views, err = h.viewsOfAll(ctx, views, alone)
		}
		if err != nil {
			return nil, nil, nil, err
		}
		projects = unionOf(views...)
		granted, err := h.Ledger.Granted(ctx, projects)
		return views, projects, unionOf(granted, mounted), err
	}
	_, projects, datasets, err := heard()
	for err == nil {
		var together, unlock func()
		if together, err = h.beside(ctx, datasets, alone); err != nil {
			break
		}
		if unlock, err = h.lock(ctx, projects); err != nil {
			together()
			break
		}
		var nowProjects, nowDatasets []string
		views, nowProjects, nowDatasets, err = heard()
		if err == nil && len(unionOf(projects, nowProjects)) == len(projects) && len(unionOf(datasets, nowDatasets)) == len(datasets) {
			return views, func() { unlock(); together() }, nil
		}
		unlock()
		together()
		projects, datasets = nowProjects, nowDatasets
	}
	return nil, nil, err
}

// views gives the sets of projects whose members, together, hear of what is
// released to a project; its own first.
func (h *Histories) views(ctx context.Context, project string) ([][]string, error) {
	related, err := h.Ledger.Related(ctx, project)
	if err != nil {
		return nil, err
	}
	var views [][]string
	for _, p := range append([]string{project}, related...) {
		theirs, err := h.Ledger.Related(ctx, p)
		if err != nil {
			return nil, err
		}
		slices.Sort(theirs)
		theirs = slices.Compact(theirs)
		if !slices.ContainsFunc(views, func(v []string) bool { return slices.Equal(v, theirs) }) {
			views = append(views, theirs)
		}
	}
	return views, nil
}

// viewsOfAll adds the views of every project on the datasets: what the catalogue
// shows is told to all of them.
func (h *Histories) viewsOfAll(ctx context.Context, views [][]string, datasets []string) ([][]string, error) {
	projects, err := h.Ledger.OnDatasets(ctx, datasets)
	if err != nil {
		return nil, err
	}
	for _, p := range projects {
		theirs, err := h.Ledger.Related(ctx, p)
		if err != nil {
			return nil, err
		}
		slices.Sort(theirs)
		theirs = slices.Compact(theirs)
		if !slices.ContainsFunc(views, func(v []string) bool { return slices.Equal(v, theirs) }) {
			views = append(views, theirs)
		}
	}
	return views, nil
}

// scope gives the history of some projects, up to date.
func (h *Histories) scope(ctx context.Context, key string, projects []string, q *question, vault Vault) (*scope, error) {
	h.mu.Lock()
	s := h.scopes[key]
	h.mu.Unlock()
	if s == nil || s.damaged {
		s = newScope(q.policy.Threshold)
		policy := q.policy
		s.policy = &policy
		s.shared = len(projects) > 1
	}
	if err := h.catchUp(ctx, s, projects); err != nil {
		return nil, err
	}
	if err := s.publicTotals(ctx, vault, q.session); err != nil {
		return nil, err
	}
	h.hold(key, s)
	return s, nil
}

// hold keeps a history in memory, and forgets others if there is too much of them.
func (h *Histories) hold(key string, s *scope) {
	n := s.people.Bytes() + s.rows.Bytes() + s.products.Bytes()
	if s.computed != nil {
		n += s.computed.Bytes()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.scopes == nil {
		h.scopes = map[string]*scope{}
	}
	s.bytes = n
	h.scopes[key] = s
	others := 0
	for k, o := range h.scopes {
		if k == key {
			continue
		}
		if others += o.bytes; others > maxScopeBytes || len(h.scopes) > maxScopes {
			others -= o.bytes
			delete(h.scopes, k)
		}
	}
}

func (h *Histories) forget(key string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.scopes, key)
}

// lock takes the projects one after the other, in order, so that no two
// questions wait for each other.
func (h *Histories) lock(ctx context.Context, projects []string) (unlock func(), err error) {
	var held []chan struct{}
	unlock = func() {
		for _, c := range held {
			<-c
		}
	}
	for _, p := range projects {
		h.mu.Lock()
		if h.busy == nil {
			h.busy = map[string]chan struct{}{}
		}
		c := h.busy[p]
		if c == nil {
			c = make(chan struct{}, 1)
			h.busy[p] = c
		}
		h.mu.Unlock()
		select {
		case c <- struct{}{}:
			held = append(held, c)
		case <-ctx.Done():
			unlock()
			return nil, gatehouse.Errorf(gatehouse.CodeCancelled, "The question was cancelled.").Because(context.Cause(ctx))
		}
	}
	return unlock, nil
}

// catchUp adds what was released since.
func (h *Histories) catchUp(ctx context.Context, s *scope, projects []string) error {
	return h.Ledger.Cohorts(ctx, projects, s.last, func(k KeptCohorts) error {
		for _, d := range k.Datasets {
			s.versions[d] = true
		}
		if k.Decision == s.own && k.Release == "" {
			s.last = k.Place // it is in there since it was judged
			return nil
		}
		released, err := h.open(k)
		if err != nil {
			return err
		}
		s.restore(released)
		s.last = k.Place
		return nil
	})
}

// open reads what the ledger keeps of a released table, in whichever form.
func (h *Histories) open(k KeptCohorts) (*releasedTable, error) {
	decode := decodeReleased
	plain, err := h.Sealer.Open(k.Sealed, sealContext(k.Project))
	if err != nil {
		first, firstErr := h.Sealer.Open(k.Sealed, firstSealContext(k.Project))
		if firstErr != nil {
			return nil, gatehouse.Errorf(gatehouse.CodeKeys, "What was released before cannot be read, so nothing more is.").Because(err)
		}
		plain, decode = first, decodeFirst
	}
	released, err := decode(plain)
	if err != nil {
		return nil, gatehouse.Errorf(gatehouse.CodeInternal, "What was released before cannot be read, so nothing more is.").Because(err)
	}
	return released, nil
}

func sealContext(project string) []byte { return []byte("gatehouse cohorts v2 " + project) }

// publicTotals puts the people of each table of people into the history: how many
// they are is in the catalogue. What follows from such a total is released
// without being kept, so that the total itself must be: the ledger has it with the
// next decision. After people left, the history knows by it who was counted before.
func (s *scope) publicTotals(ctx context.Context, vault Vault, session *workspaces.Session) error {
	for _, m := range session.Mounts {
		for _, t := range m.Tables {
			if t.Public || t.People == 0 || t.Rows != t.People {
				continue
			}
			name := m.Version.Name() + "/" + t.Name + "/" + m.Digest
			if s.counted[name] {
				continue
			}
			c := &disclosure.Cohorts{Numbers: 1, Patterns: disclosure.PatternsOf([]disclosure.Term{{Number: 0, Times: 1}})}
			reader, err := vault.Query(ctx, "SELECT "+catalog.UnitColumn+" FROM "+plan.Ident(t.Name))
			if err != nil {
				return vaultError(err)
			}
			for reader.Next() {
				units, ok := reader.RecordBatch().Column(0).(*array.Uint32)
				if !ok {
					reader.Release()
					return misshapen()
				}
				for _, u := range units.Uint32Values() {
					c.Elements.Add(uint64(u), u, 0)
				}
			}
			err = reader.Err()
			reader.Release()
			if err != nil {
				return vaultError(err)
			}
			if j := s.people.Judge(c); j.New() && !j.Withheld[0] {
				s.people.Keep(j)
				if s.computed != nil {
					s.computed.Restore(c, j.Withheld)
				}
				s.totals = append(s.totals, publicTotal{name, &releasedTable{People: c, PeopleWithheld: j.Withheld}})
			}
			s.counted[name] = true
		}
	}
	return nil
}

// publicTotal is the total of a table, by the name of the table and its population.
type publicTotal struct {
	name  string
	table *releasedTable
}

// sealTotals makes the ledger's form of totals that it does not have yet for some of
// the histories: what other projects were told is not the same in each.
func (h *Histories) sealTotals(project string, scopes []*scope) ([][]byte, error) {
	var out [][]byte
	seen := map[string]bool{}
	for _, s := range scopes {
		for _, t := range s.totals {
			if seen[t.name] {
				continue
			}
			seen[t.name] = true
			sealed, err := h.seal(project, t.table)
			if err != nil {
				return nil, err
			}
			out = append(out, sealed)
		}
	}
	return out, nil
}

// releasedTable is what the ledger keeps of one released table.
type releasedTable struct {
	People, Rows                 *disclosure.Cohorts
	PeopleWithheld, RowsWithheld []bool
	// Beneath are rows that numbers computed for each person come from.
	Beneath         *disclosure.Cohorts
	BeneathWithheld []bool
	// Products are the people of numbers in which two values are multiplied, and Pairs
	// the values (products.go).
	Products         *disclosure.Cohorts
	ProductsWithheld []bool
	Pairs            [][2]string
	// Over are the numbers of People that only tell whom computed numbers are summed over.
	Over []bool
	Few  []fewSummed
	Sums []*disclosure.Profile
	// Computed are numbers computed for each person, and Counted people that were not in
	// People because they had been released (computed.go).
	Computed, Counted                 *disclosure.Cohorts
	ComputedWithheld, CountedWithheld []bool
}

func (s *scope) restore(r *releasedTable) {
	for i, p := range r.Sums {
		if !slices.ContainsFunc(s.sums, p.Equal) {
			s.addSum(p, i < relatedSums)
		}
	}
	computedWithheld := slices.Clone(r.ComputedWithheld)
	for _, f := range r.Few {
		s.few[f.People] |= f.Kind
		if f.Number > 0 && int(f.Number) <= len(computedWithheld) && s.few[f.People] != asSum|asMean {
			computedWithheld[f.Number-1] = true
		}
	}
	if r.Computed != nil || r.Counted != nil {
		s.valued()
	}
	if r.People != nil {
		s.over[s.people.Tables()] = r.Over
		s.people.Restore(r.People, r.PeopleWithheld)
		if s.computed != nil {
			s.computed.Restore(r.People, either(r.PeopleWithheld, s.uncounted(s.people.Tables()-1, r.People.Numbers)))
		}
	}
	if r.Counted != nil && s.computed != nil {
		s.computed.Restore(r.Counted, r.CountedWithheld)
	}
	if r.Computed != nil {
		s.computed.Restore(r.Computed, computedWithheld)
	}
	if r.Rows != nil {
		s.rows.Restore(r.Rows, r.RowsWithheld)
	}
	if r.Beneath != nil {
		s.rows.Restore(r.Beneath, r.BeneathWithheld)
	}
	if r.Products != nil {
		s.products.Restore(r.Products, r.ProductsWithheld)
	}
	s.weights.add(r.Pairs)
}

// seal makes the ledger's form of a released table.
func (h *Histories) seal(project string, r *releasedTable) ([]byte, error) {
	plain, err := encodeReleased(r)
	if err != nil {
		return nil, err
	}
	return h.Sealer.Seal(plain, sealContext(project))
}

// tables are the tables of people and rows, with what was not released of them.
func (r *releasedTable) tables() [6]struct {
	table    **disclosure.Cohorts
	withheld *[]bool
} {
	return [6]struct {
		table    **disclosure.Cohorts
		withheld *[]bool
	}{{&r.People, &r.PeopleWithheld}, {&r.Rows, &r.RowsWithheld}, {&r.Beneath, &r.BeneathWithheld}, {&r.Products, &r.ProductsWithheld}, {&r.Computed, &r.ComputedWithheld}, {&r.Counted, &r.CountedWithheld}}
}

// encodeReleased writes a released table: a header, and then the tables that it
// has, one after the other.
func encodeReleased(r *releasedTable) ([]byte, error) {
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	head := releasedHead{Pairs: r.Pairs, Over: r.Over, Few: r.Few, Sums: r.Sums}
	for i, t := range r.tables() {
		head.Has[i], head.Withheld[i] = *t.table != nil, *t.withheld
	}
	if err := gob.NewEncoder(w).Encode(head); err != nil {
		return nil, err
	}
	for _, t := range r.tables() {
		if *t.table == nil {
			continue
		}
		if err := (*t.table).Encode(w); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// releasedHead is what stands before the tables.
type releasedHead struct {
	Has      [6]bool
	Withheld [6][]bool
	Pairs    [][2]string
	Over     []bool
	Few      []fewSummed
	Sums     []*disclosure.Profile
}

func decodeReleased(packed []byte) (*releasedTable, error) {
	z, err := zstd.NewReader(bytes.NewReader(packed), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	in := bufio.NewReader(z) // a decoder that reads bytes one by one takes no more than it needs
	var head releasedHead
	if err := gob.NewDecoder(in).Decode(&head); err != nil {
		return nil, err
	}
	out := &releasedTable{Pairs: head.Pairs, Over: head.Over, Few: head.Few, Sums: head.Sums}
	for i, t := range out.tables() {
		if *t.withheld = head.Withheld[i]; !head.Has[i] {
			continue
		}
		if *t.table, err = disclosure.DecodeCohorts(in); err != nil {
			return nil, err
		}
		if len(*t.withheld) != (*t.table).Numbers {
			return nil, errors.New("a table of the ledger is damaged")
		}
	}
	return out, nil
}

package egress

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/apache/arrow-go/v18/arrow/array"
	"golang.org/x/sync/semaphore"

	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
	"github.com/gatehouse-tre/gatehouse/workspaces"
) // Sealer encrypts what the ledger keeps about people. context binds what is
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
	counts       []*disclosure.Profile // the newest, of each table the largest (sums_counts.go)
	beside       []*disclosure.Profile // the newest sums, squares and counts
	mixed        *disclosure.Relations // of these; nil until it is needed
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

func (s *scope) restore(r *releasedTable) {
	for i, p := range r.Sums {
		if !slices.ContainsFunc(s.sums, p.Equal) {
			s.addSum(p, i < relatedSums)
			if i < relatedSums {
				s.addBeside(p)
			}
		}
	}
	for i, p := range r.Beside {
		s.keepCount(p, p.Squared || i < besideCounts)
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

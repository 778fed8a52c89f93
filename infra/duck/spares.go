//go:build duckdb_arrow

package duck

import (
	"context"
	"sync"

	"github.com/duckdb/duckdb-go/v2"
)

// spares keeps fresh in-memory databases at hand: to open one takes longer than
// most queries. None is ever used twice.
type spares struct {
	statements []string // run on each

	mu     sync.Mutex // guards the rest
	want   int        // how many to keep; 0 once closed
	fresh  []*duckdb.Connector
	filler sync.WaitGroup
}

// newSpares keeps n databases at hand, on which the statements have run.
func newSpares(n int, statements ...[]string) *spares {
	s := &spares{want: n}
	for _, group := range statements {
		s.statements = append(s.statements, group...)
	}
	s.refill()
	return s
}

// take gives a database, which the caller closes. When it has done its work it
// calls refill, which would only be in its way before.
func (s *spares) take(ctx context.Context) (*duckdb.Connector, error) {
	s.mu.Lock()
	if n := len(s.fresh); n > 0 {
		db := s.fresh[n-1]
		s.fresh = s.fresh[:n-1]
		s.mu.Unlock()
		return db, nil
	}
	s.mu.Unlock()
	return memory(ctx, s.statements)
}

// refill opens what lacks, in the background. A database that cannot be opened
// is for take to complain of.
func (s *spares) refill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range s.want - len(s.fresh) {
		s.filler.Go(s.add)
	}
}

func (s *spares) add() {
	db, err := memory(context.Background(), s.statements)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.fresh) < s.want {
		s.fresh = append(s.fresh, db)
		return
	}
	db.Close()
}

// close closes the databases that were not taken, and opens no more.
func (s *spares) close() {
	s.mu.Lock()
	s.want = 0
	s.mu.Unlock()
	s.filler.Wait()
	for _, db := range s.fresh {
		db.Close()
	}
	s.fresh = nil
}

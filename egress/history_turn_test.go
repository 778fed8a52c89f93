package egress

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/gatehouse-tre/gatehouse"
)

// The catalogue's question about a dataset holds up what bears on it, and nothing else.
func TestTheCatalogueHoldsUpItsDataset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &Histories{}
		ctx := t.Context()
		enter := func(ctx context.Context, datasets, alone []string) (inside func() bool, leave func(), err func() error) {
			var failed error
			var done func()
			go func() { done, failed = h.beside(ctx, datasets, alone) }()
			synctest.Wait()
			return func() bool { synctest.Wait(); return done != nil }, func() { done() }, func() error { synctest.Wait(); return failed }
		}
		alone, aloneDone, _ := enter(ctx, []string{"care"}, []string{"care"})
		elsewhere, elsewhereDone, _ := enter(ctx, []string{"gp", "labs"}, nil)
		both, bothDone, _ := enter(ctx, []string{"gp", "care"}, nil)
		if !alone() || !elsewhere() || both() {
			t.Fatalf("alone %v, elsewhere %v, of both %v", alone(), elsewhere(), both())
		}
		cancelled, cancel := context.WithCancel(ctx)
		_, _, failed := enter(cancelled, []string{"care"}, nil)
		cancel()
		if gatehouse.CodeOf(failed()) != gatehouse.CodeCancelled {
			t.Errorf("cancelled while it waits: %v", failed())
		}
		aloneDone()
		if !both() {
			t.Error("a question waits for nobody")
		}
		other, otherDone, _ := enter(ctx, []string{"care", "gp"}, []string{"gp"})
		if other() {
			t.Error("the catalogue asks while others do")
		}
		elsewhereDone()
		bothDone()
		if !other() {
			t.Error("the catalogue waits for nobody")
		}
		otherDone()
	})
}

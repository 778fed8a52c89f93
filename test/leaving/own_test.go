package leaving

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/infra/engine"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// While whoever left is taken out of own tables, questions that do not name them are
// answered without those who left; one that names them waits, or is refused clearly,
// and sees nobody who left. Where it fails it is tried again.
func TestOwnTablesAreAttachedOnceTheyAreClean(t *testing.T) {
	h := newHouse(t)
	t.Cleanup(h.close)
	ctx := t.Context()
	numbers := h.register(200)
	v, err := h.catalogue.Version(ctx, "registry", 0)
	h.must(err)
	h.open("study")
	secret, err := h.IssueToken(ctx, workspaces.System, "ada", "study", workspaces.MaxTokenLife)
	h.must(err)
	who, err := h.Authenticate(ctx, secret)
	h.must(err)
	a := asker{who, h}
	session := func() *workspaces.Session {
		t.Helper()
		s, err := h.Enter(ctx, who)
		h.must(err)
		return s
	}
	vault, done, err := h.vaults.Vault(ctx, session())
	h.must(err)
	h.must(vault.Exec(ctx, "CREATE TABLE scratch.main.mine AS SELECT e.* FROM events e"))
	done()

	left := 0
	withdraw := func() {
		t.Helper()
		found, err := catalog.FindUnits(ctx, h.dir, v, strings.NewReader(strings.Join(numbers[left:left+10], "\n")))
		h.must(err)
		left += 10
		h.must(h.Withdraw(ctx, cora, "registry", "", found.Units))
		s, err := h.Remount(ctx, "study")
		h.must(err)
		h.must(h.vaults.Cut(ctx, s))
	}
	gone := func() string { // the units of whoever left
		found, err := catalog.FindUnits(ctx, h.dir, v, strings.NewReader(strings.Join(numbers[:left], "\n")))
		h.must(err)
		return strings.Trim(strings.ReplaceAll(fmt.Sprint(found.Units), " ", ","), "[]")
	}
	nobody := func(tables string) {
		t.Helper()
		if n, err := a.sees(ctx, gone(), tables); err != nil || n != 0 {
			t.Errorf("%s: %d rows of whoever left, %v", tables, n, err)
		}
		if n, err := a.sees(ctx, "SELECT _unit FROM people", tables); err != nil || n != (200-left)*2*(1+strings.Count(tables, "UNION")) {
			t.Errorf("%s: %d rows, with %d of 200 people gone, %v", tables, n, left, err)
		}
	}

	// Cleaning is held up: its engine does not start yet.
	plain := h.vaults.Config
	reached, release := make(chan struct{}), make(chan struct{})
	starts := 0
	h.vaults.Patience = 1 // of a nanosecond
	h.vaults.Config = func(workspace string) engine.Config {
		if starts++; starts == 2 { // the first is the new vault's
			close(reached)
			<-release
		}
		return plain(workspace)
	}
	withdraw()
	nobody(published)
	cleaned := make(chan error, 1)
	s, err := h.Remount(ctx, "study")
	h.must(err)
	go func() { cleaned <- h.vaults.Clean(context.WithoutCancel(ctx), s) }()
	<-reached
	nobody(published)
	if _, err := a.sees(ctx, gone(), both); gatehouse.CodeOf(err) != gatehouse.CodeBusy {
		t.Errorf("own tables that are not clean: %v", err)
	}
	close(release)
	h.must(<-cleaned)
	nobody(both)

	// It fails: the engine is not there. Only own tables are refused, until it is.
	starts = 0
	h.vaults.Patience = 0
	h.vaults.Config = func(workspace string) engine.Config {
		c := plain(workspace)
		if starts++; starts == 2 {
			c.Binary = "/no/such/engine"
		}
		return c
	}
	withdraw()
	nobody(published)
	if _, err := a.sees(ctx, gone(), both); err == nil {
		t.Error("own tables that cannot be cleaned are shown")
	}
	nobody(published)
	nobody(both)

	// Somebody else leaves before anybody asks.
	h.vaults.Config = plain
	withdraw()
	withdraw()
	nobody(both)
	h.must(h.vaults.Clean(ctx, session()))
	nobody(both)
}

package leaving

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// people is how many the registry has; GATEHOUSE_PEOPLE sets another number.
func people(t *testing.T) int {
	text := os.Getenv("GATEHOUSE_PEOPLE")
	if text == "" {
		return 10_000
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 5000 {
		t.Fatalf("GATEHOUSE_PEOPLE is %q", text)
	}
	return n
}

// register publishes so many people.
func (h *house) register(n int) (numbers []string) {
	h.Helper()
	var people, events, national strings.Builder
	people.WriteString("nhs_number,given,family,born,postcode,sex\n")
	events.WriteString("nhs_number,date,code,value\n")
	for key := uint32(910_000_000); len(numbers) < n; key++ {
		number := catalog.FormatNHSNumber(key)
		if _, why := catalog.ParseNHSNumber([]byte(number)); why != "" {
			continue
		}
		numbers = append(numbers, number)
		fmt.Fprintf(&people, "%s,G,F,19%02d-01-02,QX1 9ZZ,F\n", number, len(numbers)%90)
		fmt.Fprintf(&events, "%s,2012-03-04,A1,1\n%s,2013-03-04,A1,2\n", number, number)
		national.WriteString(number + ",\n")
	}
	for name, text := range map[string]string{"people.csv": people.String(), "events.csv": events.String(), "national.dat": national.String()} {
		h.must(os.WriteFile(filepath.Join(h.extracts, name), []byte(text), 0o600))
	}
	_, err := h.publish(false)
	h.must(err)
	return numbers
}

// asker is somebody with an open session.
type asker struct {
	who gatehouse.Principal
	h   *house
}

// sees counts how many of the units an answer has, of tables.
func (a asker) sees(ctx context.Context, units, tables string) (int, error) {
	s, err := a.h.Enter(ctx, a.who)
	if err != nil {
		return 0, err
	}
	vault, done, err := a.h.vaults.Vault(ctx, s)
	if err != nil {
		return 0, err
	}
	defer done()
	r, err := vault.Query(ctx, fmt.Sprintf("SELECT count(*) FROM %s WHERE _unit IN (%s)", tables, units))
	if err != nil {
		return 0, err
	}
	defer r.Release()
	n := 0
	for r.Next() {
		n, err = strconv.Atoi(r.RecordBatch().Column(0).ValueStr(0))
	}
	if err == nil {
		err = r.Err()
	}
	return n, err
}

// What is asked: a table of the version, and both it and the own table.
const (
	published = "events"
	both      = "(SELECT _unit FROM events UNION ALL SELECT _unit FROM scratch.main.mine)"
)

// A withdrawal of 1,000 people is effective in every open session at once: no question
// that begins after it was accepted sees them, however many sessions are open and
// whatever ran on the people of before; and the workspaces' own tables lose them.
func TestAWithdrawalIsEffectiveInEveryOpenSession(t *testing.T) {
	const sessions = 4
	h := newHouse(t)
	t.Cleanup(h.close)
	ctx := t.Context()
	numbers := h.register(people(t))
	v, err := h.catalogue.Version(ctx, "registry", 0)
	h.must(err)
	var askers []asker
	for i := range sessions {
		id := fmt.Sprintf("study%d", i)
		h.open(id)
		secret, err := h.IssueToken(ctx, workspaces.System, "ada", id, workspaces.MaxTokenLife)
		h.must(err)
		who, err := h.Authenticate(ctx, secret)
		h.must(err)
		s, err := h.Enter(ctx, who)
		h.must(err)
		vault, done, err := h.vaults.Vault(ctx, s)
		h.must(err)
		h.must(vault.Exec(ctx, "CREATE TABLE scratch.main.mine AS SELECT e.* FROM events e"))
		done()
		askers = append(askers, asker{who, h})
	}
	following, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	f := workspaces.Follower{Service: h.Service, Mounts: h.vaults, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), Every: 250 * time.Millisecond, Again: time.Second, Cuts: 2, Cleans: 2}
	running.Go(func() { f.Run(following) })
	defer running.Wait()
	defer stop()

	began := time.Now()
	who, err := catalog.FindUnits(ctx, h.dir, v, strings.NewReader(strings.Join(numbers[:1000], "\n")))
	h.must(err)
	found := time.Since(began)
	units := strings.Trim(strings.ReplaceAll(fmt.Sprint(who.Units), " ", ","), "[]")
	for _, a := range askers {
		if n, err := a.sees(ctx, units, both); err != nil || n != 4000 {
			t.Fatalf("before: %d rows, %v", n, err)
		}
	}
	before := spent(t)
	began = time.Now()
	h.must(h.Withdraw(ctx, cora, "registry", "", who.Units))
	accepted := time.Now()
	took, own := make([]time.Duration, sessions), make([]time.Duration, sessions)
	ask := func(a asker, tables string) time.Duration {
		for range 20 {
			n, err := a.sees(ctx, units, tables)
			if lost := (*egress.EngineFailure)(nil); errors.As(err, &lost) && lost.Kind == egress.FailureLost {
				continue // cut by the follower, or by another question: it is asked again
			}
			if err != nil {
				t.Error(err)
			} else if n != 0 {
				t.Errorf("a question that began after the withdrawal was accepted saw %d rows of %s", n, tables)
			}
			return time.Since(accepted)
		}
		t.Error("no answer")
		return 0
	}
	var asking sync.WaitGroup
	for i, a := range askers {
		asking.Go(func() {
			took[i] = ask(a, published)
			own[i] = ask(a, both)
		})
	}
	asking.Wait()
	spent := spent(t) - before
	for { // own tables: each workspace has one file, of the new population
		clean := 0
		for i := range sessions {
			s, err := h.Remount(ctx, fmt.Sprintf("study%d", i))
			h.must(err)
			files, err := filepath.Glob(filepath.Join(s.Workspace.Folder, "scratch", "*.duckdb"))
			h.must(err)
			if len(files) == 1 && s.Mounts[0].Digest != "" {
				clean++
			}
		}
		if clean == sessions {
			break
		}
		if time.Since(accepted) > time.Minute {
			t.Fatal("the own tables are not clean after a minute")
		}
	}
	t.Logf("of %d people, %d sessions: found in %v, accepted in %v, first answers without them after %v, of own tables after %v, all clean after %v; processor time of the control plane until then %v",
		len(numbers), sessions, found.Round(time.Millisecond), accepted.Sub(began).Round(time.Millisecond), took, own, time.Since(accepted).Round(time.Millisecond), spent.Round(time.Millisecond))
}

// spent is the processor time of this process so far.
func spent(t *testing.T) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

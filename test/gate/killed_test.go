package gate

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/engine"
	"github.com/gatehouse-tre/gatehouse/infra/journal"
	"github.com/gatehouse-tre/gatehouse/infra/keys"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

var killRounds = flag.Int("killed", 4, "how many times the process that answers is killed")

// killedEnv tells a process of this test that it is to answer until it is killed:
// the value is a plan as JSON.
const killedEnv = "GATEHOUSE_ANSWER_UNTIL_KILLED"

// killPlan is what the process needs to know.
type killPlan struct {
	Dir, Version, Engine string
	First                int // of its questions
}

// received is an answer that the client has, all of it.
type received struct {
	SQL, Decision string
	Outcome       egress.Outcome
	Rows          [][]string
}

// answering is a gate over a state in a folder, which outlives it.
type answering struct {
	gate    *egress.Gate
	state   *state.DB
	session *workspaces.Session
	keys    *keys.Keys
	close   []func() error
}

func (p killPlan) open(ctx context.Context) (_ *answering, err error) {
	a := &answering{}
	if a.keys, err = keys.Create(filepath.Join(p.Dir, "keys")); err != nil {
		return nil, err
	}
	key, err1 := a.keys.Signer(keys.Journal)
	sealer, err2 := a.keys.Sealer()
	signer, err3 := journal.NewSigner(key)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	if a.state, err = state.Open(ctx, filepath.Join(p.Dir, "state", "gatehouse.db"), state.Options{Journal: journal.New(signer, filepath.Join(p.Dir, "checkpoint"))}); err != nil {
		return nil, err
	}
	sockets, err := os.MkdirTemp("", "gh")
	if err != nil {
		return nil, err
	}
	config := func(role engine.Role) engine.Config {
		return engine.Config{Binary: p.Engine, Role: role, Sockets: sockets, Threads: 1, MemoryMB: 512, Log: io.Discard}
	}
	pool := func(role engine.Role) *engine.Pool {
		pool := engine.NewPool(1, func(ctx context.Context) (*engine.Process, error) { return engine.Start(ctx, config(role)) })
		a.close = append(a.close, pool.Close)
		return pool
	}
	vaults := &engine.Vaults{Config: func(string) engine.Config { return config(engine.RoleVault) }}
	ledger := state.Ledger{DB: a.state}
	a.gate = &egress.Gate{Binder: engine.Binders{Pool: pool(engine.RoleBinder)}, Lobby: engine.Lobbies{Pool: pool(engine.RoleLobby)}, Vaults: vaults, Ledger: ledger,
		Histories: &egress.Histories{Ledger: ledger, Sealer: sealer}, Now: time.Now}
	a.close = append(a.close, vaults.Close, a.state.Close, func() error { return os.RemoveAll(sockets) })
	mount := workspaces.Mount{Version: catalog.Version{Dataset: "world", Number: 1, Folder: p.Version}, Tables: mountedTables(), Complete: true}
	a.session = &workspaces.Session{Principal: gatehouse.Principal{User: "ada", Session: "tok_test", Workspace: "w"}, Project: workspaces.Project{ID: "p", Policy: "sdap", State: workspaces.ProjectActive},
		Workspace: workspaces.Workspace{ID: "w", Project: "p", Folder: filepath.Join(p.Dir, "workspace")}, Mounts: []workspaces.Mount{mount}}
	return a, nil
}

func (a *answering) stop() error {
	a.gate.Close()
	var errs []error
	for _, c := range a.close {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}

func (a *answering) ask(ctx context.Context, sql string) (received, error) {
	out := received{SQL: sql}
	answer, err := a.gate.Ask(ctx, a.session, sql, nil)
	if err != nil {
		return out, err
	}
	defer answer.Reader.Release()
	out.Decision, out.Outcome = answer.Disclosure.Decision, answer.Disclosure.Outcome
	for answer.Reader.Next() {
		out.Rows = append(out.Rows, texts(answer.Reader.RecordBatch())...)
	}
	return out, answer.Reader.Err()
}

// killedQuestion is one of many, all about the one person among others.
func killedQuestion(n int) string {
	where := fmt.Sprintf("WHERE birth_year BETWEEN %d AND %d", 1925+n%7, 2020-n*5%11)
	switch n % 3 {
	case 0:
		return "SELECT count(*), avg(imd_decile) FROM patients " + where
	case 1:
		return fmt.Sprintf("SELECT sum(imd_decile + %d) FROM patients %s", n, where)
	}
	return fmt.Sprintf("SELECT birth_year // %d AS band, count(*) FROM patients %s GROUP BY 1 ORDER BY 1", 5+n%13, where)
}

// answerUntilKilled is the process: two clients ask, and say what they received.
func answerUntilKilled(text string) int {
	var p killPlan
	ctx := context.Background()
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	a, err := p.open(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var mu sync.Mutex
	var clients sync.WaitGroup
	for client := range 2 {
		clients.Go(func() {
			for n := p.First + client; ; n += 2 {
				r, err := a.ask(ctx, killedQuestion(n))
				line, _ := json.Marshal(r) // texts
				mu.Lock()
				if err == nil {
					_, err = fmt.Println(string(line))
				} else {
					fmt.Fprintln(os.Stderr, r.SQL, err)
				}
				mu.Unlock()
				if err != nil && gatehouse.Public(err).Kind() != gatehouse.KindDenied {
					return
				}
			}
		})
	}
	clients.Wait()
	return 1
}

// The process that answers is killed at any moment, again and again. What a client
// received is in the ledger and the history for good: it is given again, and no
// question that together with it tells of one person is answered; the state opens
// and the journal verifies.
func TestWhatLeftIsNeverForgotten(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	p := killPlan{Dir: t.TempDir(), Version: w.session.Mounts[0].Version.Folder, Engine: engineBinary}
	must(t, os.MkdirAll(filepath.Join(p.Dir, "workspace", "scratch"), 0o755))
	a, err := p.open(ctx)
	must(t, err)
	populate(t, a.state)
	must(t, a.stop())

	one := w.onePerson()
	all := 0
	for round := range *killRounds {
		p.First = 1000 * round
		got := killed(t, p)
		all += len(got)
		a, err := p.open(ctx)
		must(t, err)
		verifier, err := a.keys.Verifier(keys.Journal)
		must(t, err)
		v, err := journal.NewVerifier(verifier)
		must(t, err)
		if report, err := journal.Verify(ctx, a.state.Reader(), v, filepath.Join(p.Dir, "checkpoint")); err != nil {
			t.Errorf("round %d: the journal: %v %+v", round, err, report)
		}
		for _, r := range got {
			var outcome string
			var entries, events int
			must(t, a.state.Reader().QueryRowContext(ctx, `SELECT coalesce((SELECT outcome FROM decisions WHERE id = $1), 'none'), (SELECT count(*) FROM ledger WHERE decision = $1)`, r.Decision).Scan(&outcome, &entries))
			if outcome != string(r.Outcome) || entries == 0 {
				t.Errorf("round %d: %s was received (%s), and is in the ledger as %s with %d entries", round, r.Decision, r.Outcome, outcome, entries)
			}
			found, err := journal.List(ctx, a.state.Reader(), journal.Filter{Subject: r.Decision, Action: "query.decided"})
			must(t, err)
			if events = len(found); events != 1 {
				t.Errorf("round %d: %s has %d events", round, r.Decision, events)
			}
		}
		rand.Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
		for _, r := range got[:min(6, len(got))] {
			again, err := a.ask(ctx, r.SQL)
			must(t, err)
			if !reflect.DeepEqual(again.Rows, r.Rows) {
				t.Errorf("round %d: %s: %v was received, and now %v", round, r.SQL, r.Rows, again.Rows)
			}
			if r.Outcome != egress.OutcomeReleased {
				continue
			}
			less, err := a.ask(ctx, strings.Replace(r.SQL, "WHERE ", "WHERE NOT ("+one+") AND ", 1))
			if err == nil && less.Outcome == egress.OutcomeReleased && !reflect.DeepEqual(less.Rows, r.Rows) {
				t.Errorf("round %d: after %s: %v, the same without one person is answered: %v", round, r.SQL, r.Rows, less.Rows)
			}
		}
		must(t, a.stop())
	}
	if all < 2**killRounds {
		t.Errorf("only %d answers were received in %d rounds", all, *killRounds)
	}
	t.Logf("%d answers in %d rounds", all, *killRounds)
}

// killed lets a process answer, kills it at a random moment after its first
// answers, and gives what its clients received.
func killed(t *testing.T, p killPlan) []received {
	t.Helper()
	text, err := json.Marshal(p)
	must(t, err)
	process := exec.Command(os.Args[0])
	process.Env = append(os.Environ(), killedEnv+"="+string(text))
	process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	process.Stderr = testLog{t}
	out, err := process.StdoutPipe()
	must(t, err)
	must(t, process.Start())
	var got []received
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			break // the process is gone; half a line is no answer that was received
		}
		var r received
		must(t, json.Unmarshal(line, &r))
		if got = append(got, r); len(got) == 2 {
			time.AfterFunc(time.Duration(rand.IntN(700))*time.Millisecond, func() { _ = process.Process.Kill() })
		}
	}
	_ = process.Wait() // it was killed
	return got
}

package notices_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse/infra/notices"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// childEnv makes the test's program a sender of its own: the settings and the
// database's folder.
const childEnv = "GATEHOUSE_TEST_SENDER"

type child struct {
	Dir      string
	Settings notices.Settings
}

func TestMain(m *testing.M) {
	if text := os.Getenv(childEnv); text != "" {
		if err := send(text); err != nil {
			slog.Error("the sender failed", "cause", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func send(text string) error {
	var c child
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	ctx := context.Background()
	db, err := state.Open(ctx, filepath.Join(c.Dir, "state", "gatehouse.db"), state.Options{})
	if err != nil {
		return err
	}
	d, err := notices.New(c.Settings, state.Outbox{DB: db}, slog.Default(), time.Now)
	if err != nil {
		return err
	}
	d.Run(ctx)
	return nil
}

// A sender is killed after the other side took a message and before it could
// note that: the message is sent again under its id, and every other one once.
func TestAKilledSenderLosesNothing(t *testing.T) {
	w := newWorld(t)
	w.now = time.Now()
	w.address("ada", workspaces.MailEach)
	w.notify(submitted("ada", 5)...)
	s := w.settings()
	s.Webhooks = nil
	text, err := json.Marshal(child{w.dir, s})
	w.must(err)
	var victim *exec.Cmd
	started, killed := make(chan struct{}), make(chan struct{})
	taken := 0
	w.smtp.answers(func(letter) error {
		<-started
		if taken++; taken == 3 {
			w.must(victim.Process.Signal(syscall.SIGKILL))
			_ = victim.Wait()
			close(killed)
		}
		return nil
	})
	victim = exec.Command(os.Args[0])
	victim.Env = append(os.Environ(), childEnv+"="+string(text))
	w.must(victim.Start())
	close(started)
	select {
	case <-killed:
	case <-time.After(30 * time.Second):
		_ = victim.Process.Kill()
		t.Fatal("the sender sent nothing")
	}
	if sent := w.deliveries(workspaces.DeliverySent); len(sent) != 2 {
		t.Fatalf("%d are noted as sent", len(sent))
	}
	w.smtp.answers(nil)
	w.pass(time.Minute)
	d := w.deliverer(s)
	once(t, t.Context(), d)
	if n := len(w.smtp.arrived()); n != 5 { // the third is still the dead sender's
		t.Errorf("%d letters before its lease has passed", n)
	}
	w.pass(3 * time.Minute)
	once(t, t.Context(), d)
	times := map[string]int{}
	for _, l := range w.smtp.arrived() {
		times[l.id]++
	}
	twice := 0
	for id, n := range times {
		if n == 2 && strings.HasPrefix(id, w.smtp.arrived()[2].id) {
			twice++
		} else if n != 1 {
			t.Errorf("%s was sent %d times", id, n)
		}
	}
	if len(times) != 5 || twice != 1 || len(w.deliveries(workspaces.DeliverySent)) != 5 {
		t.Errorf("%d letters, %d of them twice, %+v", len(times), twice, w.deliveries(""))
	}
}

package mesh_test

import (
	"crypto/tls"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/catalog/optout"
	"github.com/gatehouse-tre/gatehouse/infra/mesh"
	"github.com/gatehouse-tre/gatehouse/infra/mesh/meshtest"
)

func TestTheListIsWhatTheServiceGaveBack(t *testing.T) {
	for _, how := range []struct {
		name               string
		chunk, reply, page int
		compress           bool
		faults             meshtest.Faults
	}{
		{name: "in one piece"},
		{name: "in chunks", chunk: 500, reply: 333},
		{name: "in compressed chunks", chunk: 500, reply: 333, compress: true},
		{name: "after failures that pass", chunk: 500, reply: 333, faults: meshtest.Faults{FailChunk: 2, FailGet: 3}},
		{name: "twice", faults: meshtest.Faults{Twice: true}},
		{name: "out of order", page: 1, faults: meshtest.Faults{Reorder: true}},
		{name: "after a status with content", faults: meshtest.Faults{StatusInBody: true}},
	} {
		t.Run(how.name, func(t *testing.T) {
			h := newHouse(t, 300)
			c := h.config()
			c.Compress = how.compress
			client, err := mesh.New(c)
			if err != nil {
				t.Fatal(err)
			}
			h.service.Mailbox, h.service.ChunkBytes = client, how.chunk
			h.sandbox.ReplyChunk, h.sandbox.PageSize = how.reply, how.page
			h.sandbox.Fault(how.faults)
			check, err := h.fetch()
			if err != nil {
				t.Fatal(err)
			}
			if check.State != optout.StateAnswered || check.Asked != 300 || check.Returned != 270 {
				t.Errorf("check: %+v", check)
			}
			h.checkList(true)
			for _, m := range h.sandbox.Waiting() {
				if m.LocalID == check.ID {
					t.Error("a message of the check was not acknowledged")
				}
			}
			if why := h.sandbox.Refusals(); len(why) > 0 {
				t.Errorf("requests were not authorized: %v", why)
			}
			sent := h.sandbox.Sent()
			if len(sent) != 1 || sent[0].Workflow != "SPINE_NTT_UPHOLDING" || sent[0].LocalID == "" || sent[0].Subject == "" {
				t.Fatalf("sent: %+v", sent)
			}
			dated, err := os.ReadFile(h.listFile() + catalog.DatedSuffix)
			if err != nil || string(dated) != "2026-11-23T19:00:00Z\n" {
				t.Errorf("dated %q (%v)", dated, err)
			}
			var receipt catalog.CheckReceipt
			text, err := os.ReadFile(h.listFile() + catalog.ReceiptSuffix)
			if err != nil || json.Unmarshal(text, &receipt) != nil || receipt.Asked != 300 || receipt.Returned != 270 || len(receipt.SentSHA256) != 64 || receipt.Check != check.ID {
				t.Errorf("receipt %s (%v)", text, err)
			}
			if info, err := os.Stat(h.listFile()); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("the list's mode: %v (%v)", info.Mode(), err)
			}
		})
	}
}

func TestWhatIsNotTheListIsNeverTakenForIt(t *testing.T) {
	for _, how := range []struct {
		name   string
		faults meshtest.Faults
		chunk  int
		reason string // "": the check stays open
	}{
		{"the error line", meshtest.Faults{InvalidNumber: true}, 0, "error message"},
		{"a report of an error", meshtest.Faults{ReportError: true}, 0, "reports an error (14)"},
		{"an answer cut within a row", meshtest.Faults{CutRow: true}, 0, "is not ten digits"},
		{"half an answer", meshtest.Faults{CutAtRow: true}, 0, "missing"},
		{"a stranger", meshtest.Faults{Stranger: true}, 0, "not asked about"},
		{"rows twice", meshtest.Faults{RepeatChunk: true}, 0, "twice"},
		{"other line ends", meshtest.Faults{CRLF: true}, 0, "is not ten digits"},
		{"two answers that differ", meshtest.Faults{Contradict: true}, 0, "they differ"},
		{"a status alone", meshtest.Faults{StatusOnly: true}, 0, ""},
		{"a status with content alone", meshtest.Faults{StatusOnly: true, StatusInBody: true}, 0, ""},
		{"no answer", meshtest.Faults{NoReply: true}, 0, ""},
		{"somebody else's answer", meshtest.Faults{WrongLocalID: true}, 0, ""},
		{"an answer of another mailbox", meshtest.Faults{Impostor: true}, 0, ""},
		{"chunks in disorder", meshtest.Faults{WrongRange: true}, 500, ""},
		{"a chunk that ends early", meshtest.Faults{CutDownload: 1}, 500, ""},
	} {
		t.Run(how.name, func(t *testing.T) {
			h := newHouse(t, 100)
			h.sandbox.ReplyChunk = how.chunk
			h.sandbox.Fault(how.faults)
			check, err := h.fetch()
			h.checkList(false)
			if how.reason != "" {
				if gatehouse.CodeOf(err) != gatehouse.CodeCheck || check.State != optout.StateRefused || !strings.Contains(check.Reason, how.reason) {
					t.Errorf("%v: %+v", err, check)
				}
			} else if check.State != optout.StateAwaiting {
				t.Errorf("%v: %+v", err, check)
			}
			// Nothing of an identifier stands in what is told.
			if err != nil && strings.Contains(err.Error()+gatehouse.Public(err).Message, "99900") {
				t.Errorf("the error names somebody: %v", err)
			}

			// Once the service works, the same command gives the list.
			h.sandbox.Fault(meshtest.Faults{})
			if check.State.Open() && (how.faults.WrongRange || how.faults.CutDownload > 0) {
				if check, err = h.fetch(); err != nil || check.State != optout.StateAnswered {
					t.Fatalf("%v: %+v", err, check)
				}
				h.checkList(true)
				return
			}
			if check.State.Open() {
				if _, err := h.service.GiveUp(t.Context(), cara, "shared_care"); err != nil {
					t.Fatal(err)
				}
			}
			if check, err = h.fetch(); err != nil || check.State != optout.StateAnswered {
				t.Fatalf("%v: %+v", err, check)
			}
			h.checkList(true)
		})
	}
}

func TestAQuestionIsSentOnce(t *testing.T) {
	t.Run("an answer to the first POST that is lost", func(t *testing.T) {
		h := newHouse(t, 100)
		h.sandbox.Fault(meshtest.Faults{LoseSendReply: 1})
		if check, err := h.fetch(); gatehouse.CodeOf(err) != gatehouse.CodeMailbox || check.State != optout.StateSending {
			t.Fatalf("%v: %+v", err, check)
		}
		if check, err := h.fetch(); err != nil || check.State != optout.StateAnswered {
			t.Fatalf("%v: %+v", err, check)
		}
		if n := len(h.sandbox.Sent()); n != 1 {
			t.Errorf("the question was sent %d times", n)
		}
		h.checkList(true)
	})
	t.Run("a failure of the first POST is asked about, and for a while believed to be under way", func(t *testing.T) {
		h := newHouse(t, 100)
		h.sandbox.Fault(meshtest.Faults{FailSend: 1})
		for range 3 {
			if check, err := h.fetch(); gatehouse.CodeOf(err) != gatehouse.CodeMailbox || check.State != optout.StateSending {
				t.Fatalf("%v: %+v", err, check)
			}
		}
		if n := len(h.sandbox.Sent()); n != 0 {
			t.Fatalf("the question was sent %d times", n)
		}
		h.now = h.now.Add(20 * time.Minute)
		if check, err := h.fetch(); err != nil || check.State != optout.StateAnswered {
			t.Fatalf("%v: %+v", err, check)
		}
		h.checkList(true)
	})
	t.Run("a refusal ends the check", func(t *testing.T) {
		h := newHouse(t, 100)
		h.sandbox.Fault(meshtest.Faults{RefuseSend: 1})
		if check, err := h.fetch(); gatehouse.CodeOf(err) != gatehouse.CodeCheck || check.State != optout.StateRefused {
			t.Fatalf("%v: %+v", err, check)
		}
	})
}

func TestALateSecondAnswerThatDiffersTakesTheListAway(t *testing.T) {
	h := newHouse(t, 100)
	first, err := h.fetch()
	if err != nil {
		t.Fatal(err)
	}
	h.checkList(true)
	late := meshtest.Message{Workflow: optout.Workflow, LocalID: first.ID, Subject: first.ID, Chunks: [][]byte{[]byte(h.wantList())}}
	h.sandbox.Deliver(late) // a copy is no contradiction
	h.now = h.now.Add(time.Hour)
	if _, err := h.fetch(); err != nil {
		t.Fatal(err)
	}
	late.Chunks = [][]byte{[]byte(h.people[0] + ",\n")}
	h.sandbox.Deliver(late)
	h.sandbox.Fault(meshtest.Faults{NoReply: true})
	if _, err := h.fetch(); gatehouse.CodeOf(err) != gatehouse.CodeCheck {
		t.Errorf("a second answer that differs: %v", err)
	}
	checks, err := h.service.Checks(t.Context(), cara, "shared_care")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range checks {
		if c.ID == first.ID && c.State != optout.StateRefused {
			t.Errorf("the first check: %+v", c)
		}
	}
}

func TestOnlyOurOwnMailboxAnswers(t *testing.T) {
	h := newHouse(t, 10)
	for name, change := range map[string]func(*mesh.Config){
		"another shared key": func(c *mesh.Config) { c.SharedKey += "x" },
		"another password":   func(c *mesh.Config) { c.Password += "x" },
		"a clock that is wrong": func(c *mesh.Config) {
			c.Now = func() time.Time { return h.now.Add(5 * time.Hour) }
		},
		"another certificate": func(c *mesh.Config) {
			other, err := meshtest.New(time.Now)
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close()
			c.Certificate = other.Credentials.Certificate
		},
		"another authority": func(c *mesh.Config) {
			other, err := meshtest.New(time.Now)
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close()
			c.Roots = other.Credentials.Roots
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := h.config()
			change(&c)
			client, err := mesh.New(c)
			if err != nil {
				t.Fatal(err)
			}
			h.service.Mailbox = client
			if check, err := h.fetch(); gatehouse.CodeOf(err) != gatehouse.CodeMailbox || check.State != optout.StatePrepared {
				t.Errorf("%v: %+v", err, check)
			}
			if text := gatehouse.Public(func() error { _, err := h.fetch(); return err }()).Message; strings.Contains(text, meshtest.Password) || strings.Contains(text, meshtest.SharedKey) {
				t.Error("an error tells a secret")
			}
		})
	}
	if n := len(h.sandbox.Sent()); n != 0 {
		t.Errorf("%d messages were taken", n)
	}
	for name, change := range map[string]func(*mesh.Config){
		"no certificate": func(c *mesh.Config) { c.Certificate = tls.Certificate{} },
		"no TLS":         func(c *mesh.Config) { c.URL = strings.Replace(c.URL, "https", "http", 1) },
		"no password":    func(c *mesh.Config) { c.Password = "" },
	} {
		c := h.config()
		change(&c)
		if _, err := mesh.New(c); gatehouse.CodeOf(err) != gatehouse.CodeConfig {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheRequestIsInTheServicesForm(t *testing.T) {
	h := newHouse(t, 25)
	check, err := h.fetch()
	if err != nil {
		t.Fatal(err)
	}
	request, err := os.ReadFile(filepath.Join(h.dir, "custodian", "optouts", check.ID, "request.dat"))
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Join(h.people, ",\n") + ",\n"; string(request) != want {
		t.Errorf("the request is %q", request)
	}
	for _, path := range []string{"custodian/optouts", "custodian/optouts/" + check.ID} {
		if info, err := os.Stat(filepath.Join(h.dir, path)); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v %v", path, info.Mode(), err)
		}
	}
}

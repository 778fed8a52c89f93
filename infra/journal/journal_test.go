package journal_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/journal"
	"github.com/gatehouse-tre/gatehouse/infra/state"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 123456000, time.FixedZone("BST", 3600))

// log is a journal in a database of its own.
type log struct {
	*state.DB
	journal    *journal.Log
	signer     note.Signer
	verifier   note.Verifier
	checkpoint string
}

func newKey(t testing.TB) (note.Signer, note.Verifier) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := journal.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := journal.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	return signer, verifier
}

func newLog(t testing.TB) *log {
	t.Helper()
	dir := t.TempDir()
	l := &log{checkpoint: filepath.Join(dir, "journal", "checkpoint")}
	l.signer, l.verifier = newKey(t)
	l.open(t, filepath.Join(dir, "gatehouse.db"), l.signer)
	return l
}

func (l *log) open(t testing.TB, path string, signer note.Signer) {
	t.Helper()
	l.journal = journal.New(signer, l.checkpoint)
	var err error
	if l.DB, err = state.Open(context.Background(), path, state.Options{Journal: l.journal, Now: func() time.Time { return noon }}); err != nil {
		t.Fatal(err)
	}
	db := l.DB
	t.Cleanup(func() { db.Close() })
}

// record adds n events in one transaction.
func (l *log) record(t testing.TB, n int) {
	t.Helper()
	err := l.Update(t.Context(), func(tx *state.Tx) error {
		for i := range n {
			tx.Record(gatehouse.Event{
				Actor: "ada", Action: "query.decided", Project: "diabetes-outcomes", Subject: gatehouse.NewID("qry"),
				Detail: map[string]string{"outcome": "released", "n": fmt.Sprint(i), "a": "<&>\u2028"},
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// tamper changes the database behind the journal's back.
func (l *log) tamper(t testing.TB, statement string, args ...any) {
	t.Helper()
	err := l.Update(context.Background(), func(tx *state.Tx) error {
		_, err := tx.SQL().Exec(statement, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (l *log) verify(file string) (*journal.Report, error) {
	return journal.Verify(context.Background(), l.Reader(), l.verifier, file)
}

func TestAJournalInOrderVerifies(t *testing.T) {
	l := newLog(t)
	if _, err := l.verify(l.checkpoint); err != nil {
		t.Errorf("without any event: %v", err)
	}
	for n, want := 1, int64(0); n <= 20; n++ {
		l.record(t, n)
		want += int64(n)
		r, err := l.verify(l.checkpoint)
		if err != nil {
			t.Fatalf("after %d events: %v", want, err)
		}
		if r.Events != want || r.Saved != want {
			t.Errorf("the report is %+v, want %d events", r, want)
		}
	}
	entries, err := journal.List(t.Context(), l.Reader(), journal.Filter{Limit: 3})
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 3 || entries[0].Index != 209 || !entries[0].Event.Time.Equal(noon) || entries[0].Event.Detail["a"] != "<&>\u2028" {
		t.Errorf("the newest events are %+v", entries)
	}
}

// Any bit of any event or hash, any row removed, and any two events exchanged.
func TestEveryChangeIsFound(t *testing.T) {
	l := newLog(t)
	for n := range 8 {
		l.record(t, n+1)
	}
	const events = 36
	var hashes int
	if err := l.Reader().QueryRow(`SELECT count(*) FROM journal_hashes`).Scan(&hashes); err != nil {
		t.Fatal(err)
	}
	column := map[string]string{"journal_events": "event", "journal_hashes": "hash"}
	rows := map[string]int{"journal_events": events, "journal_hashes": hashes}
	rapid.Check(t, func(rt *rapid.T) {
		table := rapid.SampledFrom([]string{"journal_events", "journal_hashes"}).Draw(rt, "table")
		index := rapid.IntRange(0, rows[table]-1).Draw(rt, "index")
		var before []byte
		if err := l.Reader().QueryRow(`SELECT `+column[table]+` FROM `+table+` WHERE idx = $1`, index).Scan(&before); err != nil {
			rt.Fatal(err)
		}
		var undo func()
		set := func(i int, b []byte) { l.tamper(t, `UPDATE `+table+` SET `+column[table]+` = $1 WHERE idx = $2`, b, i) }
		change := rapid.SampledFrom([]string{"bit", "shorter", "removed", "moved", "exchanged", "added"}).Draw(rt, "change")
		where := index
		switch change {
		case "bit":
			after := append([]byte(nil), before...)
			bit := rapid.IntRange(0, 8*len(after)-1).Draw(rt, "bit")
			after[bit/8] ^= 1 << (bit % 8)
			set(index, after)
			undo = func() { set(index, before) }
		case "shorter":
			set(index, before[:len(before)-1])
			undo = func() { set(index, before) }
		case "removed":
			l.tamper(t, `DELETE FROM `+table+` WHERE idx = $1`, index)
			undo = func() {
				l.tamper(t, `INSERT INTO `+table+` (idx, `+column[table]+`) VALUES ($1, $2)`, index, before)
			}
		case "moved":
			l.tamper(t, `UPDATE `+table+` SET idx = $1 WHERE idx = $2`, 10_000, index)
			undo = func() { l.tamper(t, `UPDATE `+table+` SET idx = $1 WHERE idx = $2`, index, 10_000) }
		case "exchanged":
			other := rapid.IntRange(0, rows[table]-1).Filter(func(i int) bool { return i != index }).Draw(rt, "other")
			var b []byte
			if err := l.Reader().QueryRow(`SELECT `+column[table]+` FROM `+table+` WHERE idx = $1`, other).Scan(&b); err != nil {
				rt.Fatal(err)
			}
			set(index, b)
			set(other, before)
			where = min(index, other)
			undo = func() { set(index, before); set(other, b) }
		case "added":
			where = rows[table]
			l.tamper(t, `INSERT INTO `+table+` (idx, `+column[table]+`) VALUES ($1, $2)`, where, before)
			undo = func() { l.tamper(t, `DELETE FROM `+table+` WHERE idx = $1`, where) }
		}
		r, err := l.verify(l.checkpoint)
		undo()
		if gatehouse.CodeOf(err) != gatehouse.CodeJournal {
			rt.Fatalf("row %d of %s %s: %v", index, table, change, err)
		}
		if table == "journal_events" {
			named := false
			for _, f := range r.Findings {
				named = named || f.Index == int64(where)
			}
			if !named {
				rt.Fatalf("row %d of %s %s: the findings do not name event %d: %v", index, table, change, where, r.Findings)
			}
		}
		if _, err := l.verify(l.checkpoint); err != nil {
			rt.Fatalf("the test did not undo its change: %v", err)
		}
	})
}

func TestFindingsSayWhatHappened(t *testing.T) {
	for name, c := range map[string]struct {
		change []string
		want   string
	}{
		"event changed":          {[]string{`UPDATE journal_events SET event = '{}' WHERE idx = 3`}, "event 3: it was changed"},
		"event missing":          {[]string{`DELETE FROM journal_events WHERE idx = 3`}, "event 3: it is missing"},
		"hash changed":           {[]string{`UPDATE journal_hashes SET hash = zeroblob(32) WHERE idx = 4`}, "event 3: its stored hash was changed"},
		"events exchanged":       {[]string{`UPDATE journal_events SET idx = 3 - idx - 100 WHERE idx IN (1, 2)`, `UPDATE journal_events SET idx = idx + 100 WHERE idx < 0`}, "event 1: event 2 stands in its place"},
		"one removed, closed up": {[]string{`DELETE FROM journal_events WHERE idx = 3`, `UPDATE journal_events SET idx = -idx WHERE idx > 3`, `UPDATE journal_events SET idx = -idx - 1 WHERE idx < 0`}, "event 3: event 4 stands in its place"},
		"no checkpoint":          {[]string{`DELETE FROM journal_checkpoint`}, "10 events, the checkpoint in the database covers 0"},
		"checkpoint's size":      {[]string{`UPDATE journal_checkpoint SET size = 9`}, "says other than what was signed"},
		"checkpoint's text":      {[]string{`UPDATE journal_checkpoint SET note = replace(note, '10', '11')`}, "signature does not verify"},
		"an odd index":           {[]string{`INSERT INTO journal_events (idx, event) VALUES (3.5, '{}')`}, "rows that no journal has"},
		"an index of text":       {[]string{`INSERT INTO journal_events (idx, event) VALUES ('x', '{}')`}, "there are 11 events"},
		"an index below all":     {[]string{`INSERT INTO journal_events (idx, event) VALUES (-1, '{}')`}, "there are 11 events"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLog(t)
			l.record(t, 10)
			for _, statement := range c.change {
				l.tamper(t, statement)
			}
			r, err := l.verify(l.checkpoint)
			if gatehouse.CodeOf(err) != gatehouse.CodeJournal {
				t.Fatalf("got %v", err)
			}
			if said := fmt.Sprint(r.Findings); !strings.Contains(said, c.want) {
				t.Errorf("found %s, want %q", said, c.want)
			}
		})
	}
}

// A database put back to an older, consistent state proves itself; only a newer
// checkpoint tells.
func TestTruncationIsFoundByTheCheckpointFile(t *testing.T) {
	l := newLog(t)
	l.record(t, 5)
	var note string
	if err := l.Reader().QueryRow(`SELECT note FROM journal_checkpoint`).Scan(&note); err != nil {
		t.Fatal(err)
	}
	older := filepath.Join(t.TempDir(), "older")
	copyFile(t, l.checkpoint, older)
	l.record(t, 4)
	l.tamper(t, `DELETE FROM journal_events WHERE idx >= 5`)
	l.tamper(t, `DELETE FROM journal_hashes WHERE idx >= 8`)
	l.tamper(t, `UPDATE journal_checkpoint SET size = 5, note = $1`, note)
	if _, err := l.verify(older); err != nil {
		t.Fatalf("the older state is not consistent, so this tests nothing: %v", err)
	}
	r, err := l.verify(l.checkpoint)
	if gatehouse.CodeOf(err) != gatehouse.CodeJournal || r.Findings[0].Index != 5 {
		t.Errorf("found %v", err)
	}
	if err := l.journal.Check(t.Context(), l.Reader(), l.verifier); gatehouse.CodeOf(err) != gatehouse.CodeJournal {
		t.Errorf("a start finds %v", err)
	}
}

// Whoever rewrites history with the journal's own key is found by a checkpoint
// that was kept elsewhere; with another key, by the key.
func TestRewrittenHistoryIsFound(t *testing.T) {
	l := newLog(t)
	l.record(t, 6)
	kept := filepath.Join(t.TempDir(), "kept")
	copyFile(t, l.checkpoint, kept)

	for name, signer := range map[string]note.Signer{"the same key": l.signer, "another key": nil} {
		t.Run(name, func(t *testing.T) {
			if signer == nil {
				signer, _ = newKey(t)
			}
			forged := &log{signer: signer, verifier: l.verifier, checkpoint: filepath.Join(t.TempDir(), "checkpoint")}
			forged.open(t, filepath.Join(t.TempDir(), "gatehouse.db"), signer)
			forged.record(t, 8)
			_, err := forged.verify(forged.checkpoint)
			if same := name == "the same key"; same != (err == nil) {
				t.Errorf("by itself: %v", err)
			}
			if _, err := forged.verify(kept); gatehouse.CodeOf(err) != gatehouse.CodeJournal {
				t.Errorf("against the checkpoint that was kept: %v", err)
			}
		})
	}
}

func TestDamagedCheckpointFiles(t *testing.T) {
	l := newLog(t)
	l.record(t, 3)
	whole, err := os.ReadFile(l.checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"empty": "", "cut off": string(whole[:len(whole)/2]), "not a checkpoint": "hello\n",
	} {
		if err := os.WriteFile(l.checkpoint, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := l.verify(l.checkpoint); gatehouse.CodeOf(err) != gatehouse.CodeJournal {
			t.Errorf("%s: %v", name, err)
		}
		if err := l.journal.Check(t.Context(), l.Reader(), l.verifier); gatehouse.CodeOf(err) != gatehouse.CodeJournal {
			t.Errorf("%s: a start finds %v", name, err)
		}
	}
	if err := os.Remove(l.checkpoint); err != nil {
		t.Fatal(err)
	}
	if _, err := l.verify(l.checkpoint); gatehouse.CodeOf(err) != gatehouse.CodeJournal {
		t.Errorf("removed: %v", err)
	}
}

// A crash between commit and checkpoint file leaves the file behind: a start
// brings it up to date.
func TestAStartBringsTheCheckpointFileUpToDate(t *testing.T) {
	l := newLog(t)
	if err := l.journal.Check(t.Context(), l.Reader(), l.verifier); err != nil {
		t.Fatalf("an empty journal: %v", err)
	}
	l.record(t, 3)
	older := filepath.Join(t.TempDir(), "older")
	copyFile(t, l.checkpoint, older)
	l.record(t, 3)
	for _, crash := range []func(){func() { copyFile(t, older, l.checkpoint) }, func() { os.Remove(l.checkpoint) }} {
		crash()
		if err := l.journal.Check(t.Context(), l.Reader(), l.verifier); err != nil {
			t.Fatal(err)
		}
		if r, err := l.verify(l.checkpoint); err != nil || r.Saved != 6 {
			t.Errorf("after the start: %+v, %v", r, err)
		}
	}
}

func TestInclusionProofs(t *testing.T) {
	l := newLog(t)
	_, stranger := newKey(t)
	for i := range 9 {
		err := l.Update(t.Context(), func(tx *state.Tx) error {
			tx.Record(gatehouse.Event{Actor: "chad", Action: "release.sealed", Subject: fmt.Sprintf("rel_%d", i)})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range 9 {
		p, err := journal.Proof(t.Context(), l.Reader(), "release.sealed", fmt.Sprintf("rel_%d", i))
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(p) // as it travels in a bundle
		if err != nil {
			t.Fatal(err)
		}
		var back journal.Inclusion
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		e, err := back.Check(l.verifier)
		if err != nil || e.Subject != fmt.Sprintf("rel_%d", i) || back.Index != int64(i) {
			t.Errorf("event %d: %+v, %v", i, e, err)
		}
		if _, err := back.Check(stranger); err == nil {
			t.Error("the proof verifies with another journal's key")
		}
		back.Event = strings.Replace(back.Event, "rel_", "ral_", 1)
		if _, err := back.Check(l.verifier); err == nil {
			t.Error("the proof verifies for another event")
		}
	}
	if _, err := journal.Proof(t.Context(), l.Reader(), "release.sealed", "rel_99"); gatehouse.CodeOf(err) != gatehouse.CodeNotFound {
		t.Errorf("got %v", err)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, content, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// One transaction of one event, with its two fsyncs.
func BenchmarkUpdateOfOneEvent(b *testing.B) {
	l := newLog(b)
	for b.Loop() {
		l.record(b, 1)
	}
}

// The cost of an event beside the transaction's.
func BenchmarkEvent(b *testing.B) {
	l := newLog(b)
	const events = 1000
	for b.Loop() {
		l.record(b, events)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*events), "µs/event")
}

func BenchmarkVerify(b *testing.B) {
	l := newLog(b)
	const events = 20_000
	l.record(b, events)
	for b.Loop() {
		if _, err := l.verify(l.checkpoint); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*events)/b.Elapsed().Seconds(), "events/s")
}

// Verifying beside a service at work never cries wolf.
func TestVerifyingWhileEventsAreAdded(t *testing.T) {
	l := newLog(t)
	l.record(t, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 60 {
			err := l.Update(t.Context(), func(tx *state.Tx) error {
				tx.Record(gatehouse.Event{Action: "query.decided"})
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
	}()
	for working := true; working; {
		select {
		case <-done:
			working = false
		default:
		}
		if _, err := l.verify(l.checkpoint); err != nil {
			t.Fatal(err)
		}
		if err := l.journal.Check(t.Context(), l.Reader(), l.verifier); err != nil {
			t.Fatal(err)
		}
	}
}

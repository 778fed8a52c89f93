package journal_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/state"
)

// Whatever single bit of whatever column of whatever row is turned, or of the
// checkpoint's file, it is found; and turned back, everything is in order again.
func TestAnySingleBitIsFound(t *testing.T) {
	l := newLog(t)
	for n := range 24 {
		l.record(t, 1+n%5)
	}
	if _, err := l.verify(l.checkpoint); err != nil {
		t.Fatal(err)
	}
	columns := []struct{ table, column string }{
		{"journal_events", "idx"}, {"journal_events", "event"}, {"journal_hashes", "idx"}, {"journal_hashes", "hash"},
		{"journal_checkpoint", "size"}, {"journal_checkpoint", "note"}, {"", "file"},
	}
	turned := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		c := rapid.SampledFrom(columns).Draw(rt, "column")
		var undo func()
		if c.table == "" {
			undo = turnFileBit(rt, t, l.checkpoint)
		} else if undo = turnBit(rt, l, c.table, c.column); undo == nil {
			return // the database itself refused: there is such a row already
		}
		turned[c.table+"."+c.column]++
		if _, err := l.verify(l.checkpoint); gatehouse.CodeOf(err) != gatehouse.CodeJournal || err == nil {
			rt.Errorf("%s.%s: a turned bit was not found: %v", c.table, c.column, err)
		}
		undo()
	})
	if _, err := l.verify(l.checkpoint); err != nil {
		t.Errorf("turned back: %v", err)
	}
	for _, c := range columns {
		if turned[c.table+"."+c.column] == 0 {
			t.Errorf("no bit of %s.%s was turned", c.table, c.column)
		}
	}
}

func turnFileBit(rt *rapid.T, t *testing.T, path string) (undo func()) {
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	bad := bytes.Clone(good)
	bit := rapid.IntRange(0, 8*len(bad)-1).Draw(rt, "bit")
	bad[bit/8] ^= 1 << (bit % 8)
	if err := os.WriteFile(path, bad, 0o600); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.WriteFile(path, good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// turnBit turns a bit of a value of a random row, behind the journal's back.
func turnBit(rt *rapid.T, l *log, table, column string) (undo func()) {
	change := func(value any, row int64) error {
		return l.Update(context.Background(), func(tx *state.Tx) error {
			_, err := tx.SQL().Exec(fmt.Sprintf(`UPDATE %s SET %s = $1 WHERE rowid = $2`, table, column), value, row)
			return err
		})
	}
	var rows int64
	var old, changed any
	var row int64
	err := l.View(context.Background(), func(tx *state.Tx) error {
		if err := tx.SQL().QueryRow(`SELECT max(rowid) FROM ` + table).Scan(&rows); err != nil {
			return err
		}
		row = rapid.Int64Range(1, rows).Draw(rt, "row")
		return tx.SQL().QueryRow(fmt.Sprintf(`SELECT %s FROM %s WHERE rowid = $1`, column, table), row).Scan(&old)
	})
	if err != nil {
		rt.Fatal(err)
	}
	turn := func(b []byte) []byte {
		b = bytes.Clone(b)
		bit := rapid.IntRange(0, 8*len(b)-1).Draw(rt, "bit")
		b[bit/8] ^= 1 << (bit % 8)
		return b
	}
	switch v := old.(type) {
	case int64:
		changed = v ^ 1<<rapid.IntRange(0, 63).Draw(rt, "bit")
	case string:
		changed = string(turn([]byte(v)))
	case []byte:
		changed = turn(v)
	default:
		rt.Fatalf("%s.%s is a %T", table, column, old)
	}
	if change(changed, row) != nil {
		return nil
	}
	return func() {
		if err := change(old, row); err != nil {
			rt.Fatal(err)
		}
	}
}

// The whole promise: a million events are verified within ten seconds.
func BenchmarkVerifyMillion(b *testing.B) {
	l := newLog(b)
	const events = 1_000_000
	for range events / 20_000 {
		l.record(b, 20_000)
	}
	info, err := os.Stat(filepath.Join(filepath.Dir(filepath.Dir(l.checkpoint)), "gatehouse.db"))
	if err != nil {
		b.Fatal(err)
	}
	before := processorTime(b)
	for b.Loop() {
		if r, err := l.verify(l.checkpoint); err != nil || r.Events != events {
			b.Fatal(r, err)
		}
	}
	b.ReportMetric(float64(b.N*events)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(info.Size())/(1<<20), "MiB")
	b.ReportMetric((processorTime(b)-before).Seconds()/float64(b.N), "CPU-s/op") // whatever else the machine does
}

// processorTime is what this process has used so far.
func processorTime(t testing.TB) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

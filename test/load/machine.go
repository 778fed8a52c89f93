package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-tre/gatehouse/infra/state"
)

// commits measures durable commits of one row each, for two seconds, in a database
// opened as the server opens its own.
func commits(path string) ([]time.Duration, error) {
	ctx := context.Background()
	db, err := state.Open(ctx, path, state.Options{})
	if err != nil {
		return nil, err
	}
	defer db.Close()
	do := func(statement string, args ...any) error {
		return db.Update(ctx, func(tx *state.Tx) error {
			_, err := tx.SQL().ExecContext(ctx, statement, args...)
			return err
		})
	}
	if err := do(`CREATE TABLE IF NOT EXISTS plain (n INTEGER PRIMARY KEY, content BLOB NOT NULL)`); err != nil {
		return nil, err
	}
	content := make([]byte, 200)
	var took []time.Duration
	for start := time.Now(); time.Since(start) < 2*time.Second; {
		began := time.Now()
		if err := do(`INSERT INTO plain (content) VALUES ($1)`, content); err != nil {
			return nil, err
		}
		took = append(took, time.Since(began))
	}
	return took, nil
}

// processorTime is what a process has used so far.
func processorTime(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * (time.Second / 100) // clock ticks of Linux
}

func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Fields(string(text))[0]
}

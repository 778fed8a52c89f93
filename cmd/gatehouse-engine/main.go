//go:build duckdb_arrow

// Command gatehouse-engine is the sandboxed worker that runs DuckDB for the
// control plane. It is started by gatehouse, never by hand: descriptor 3 is the
// unix listener that it serves, descriptor 4 a pipe whose end tells it to leave.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/duck"
	"github.com/gatehouse-tre/gatehouse/infra/engine"
	"github.com/gatehouse-tre/gatehouse/infra/sandbox"
)

type worker struct {
	role        engine.Role
	limits      duck.Limits
	read, write []string
	walls       sandbox.Walls
}

func main() {
	err := run(os.Args[1:])
	if err == nil {
		return
	}
	// Here the cause is shown too: a worker's stderr is the operator's.
	fmt.Fprintf(os.Stderr, "gatehouse-engine: %v (%v)\n", err, errors.Unwrap(err))
	if gatehouse.CodeOf(err) == gatehouse.CodeSandbox {
		os.Exit(engine.ExitSandbox)
	}
	os.Exit(1)
}

func run(args []string) error {
	var w worker
	var missing []string
	flags := pflag.NewFlagSet("gatehouse-engine", pflag.ContinueOnError)
	flags.StringVar((*string)(&w.role), "role", "", "vault, binder, lobby or publish")
	flags.IntVar(&w.limits.Threads, "threads", 1, "DuckDB threads")
	flags.IntVar(&w.limits.MemoryMB, "memory", 512, "DuckDB memory limit in MB")
	flags.StringArrayVar(&w.read, "read", nil, "folder to read")
	flags.StringArrayVar(&w.write, "write", nil, "folder to read and write")
	flags.StringArrayVar(&missing, "allow-missing", nil, "sandbox layer that may be missing: development only")
	if err := flags.Parse(args); err != nil {
		return err
	}
	for _, layer := range missing {
		w.walls.AllowMissing = append(w.walls.AllowMissing, sandbox.Layer(layer))
	}
	w.walls.Log = func(line string) { fmt.Fprintln(os.Stderr, "gatehouse-engine:", line) }

	// Nearly all of a worker's memory is DuckDB's. What Go has are batches of rows on their
	// way out: with the usual percentage they would be collected every few of them.
	debug.SetGCPercent(400)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	return w.serve(ctx)
}

// serve closes the walls before anything is read from outside or opened.
func (w *worker) serve(ctx context.Context) error {
	l, err := listener()
	if err != nil {
		return err
	}
	lifeline := os.NewFile(engine.LifelineFD, "lifeline")
	if err := w.walls.Enter(w.read, w.write); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, lifeline)
		cancel()
	}()
	exec, closeDB := w.executor()
	if err := engine.Serve(ctx, l, w.role, exec); err != nil {
		return err // and the process ends, whatever DuckDB is doing
	}
	return closeDB()
}

func (w *worker) executor() (engine.Executor, func() error) {
	switch w.role {
	case engine.RoleVault, engine.RolePublish:
		db := duck.NewDatabase(w.limits, w.read, w.write)
		return engine.Executor{Database: db}, db.Close
	case engine.RoleBinder:
		b := duck.NewBinder(w.limits)
		return engine.Executor{Binder: b}, b.Close
	case engine.RoleLobby:
		l := duck.NewLobby(w.limits)
		return engine.Executor{Lobby: l}, l.Close
	}
	return engine.Executor{}, func() error { return nil }
}

func listener() (net.Listener, error) {
	f := os.NewFile(engine.ListenerFD, "listener")
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("descriptor %d is not a listener: it is started by gatehouse, not by hand: %w", engine.ListenerFD, err)
	}
	return l, nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/engine"
	"github.com/gatehouse-tre/gatehouse/infra/sandbox"
)

// engines starts the worker processes of an installation.
type engines struct {
	binary  string
	sockets string
	remove  bool // sockets is a temporary folder
	log     io.Writer
	missing []sandbox.Layer
}

// maxSocketFolder keeps the path of a socket within the 108 bytes of the kernel.
const maxSocketFolder = 60

func newEngines(in *installation) (*engines, error) {
	e := &engines{sockets: filepath.Join(in.dir, "run"), missing: in.settings.AllowMissing}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	e.binary = filepath.Join(filepath.Dir(self), "gatehouse-engine")
	if given := os.Getenv("GATEHOUSE_ENGINE"); given != "" {
		e.binary = given
	}
	if _, err := os.Stat(e.binary); err != nil {
		return nil, gatehouse.Errorf(gatehouse.CodeEngineMissing, "The program gatehouse-engine does not stand beside gatehouse.").Because(err).
			WithAdvice("Build it with 'make build', or name it in GATEHOUSE_ENGINE.")
	}
	log, err := os.OpenFile(filepath.Join(in.dir, "state", "engines.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, gatehouse.Errorf(gatehouse.CodeStorage, "The log of the engines cannot be written.").Because(err)
	}
	e.log = log
	if len(e.sockets) > maxSocketFolder {
		if e.sockets, err = os.MkdirTemp("", "gatehouse-"); err != nil {
			return nil, gatehouse.Errorf(gatehouse.CodeStorage, "A folder for sockets cannot be made.").Because(err)
		}
		e.remove = true
	}
	return e, nil
}

func (e *engines) close() error {
	if e.remove {
		return os.RemoveAll(e.sockets)
	}
	return nil
}

// config is how a worker of this name is started: under a host user of its own.
func (e *engines) config(name string, role engine.Role, memoryMB int) engine.Config {
	walls := sandbox.Walls{AllowMissing: e.missing, Log: func(line string) { fmt.Fprintln(e.log, line) }}
	if os.Geteuid() == 0 {
		walls.UID = sandbox.UserOf(name)
	}
	return engine.Config{Binary: e.binary, Role: role, Sockets: e.sockets, Threads: runtime.NumCPU(), MemoryMB: memoryMB, Sandbox: walls, Log: e.log}
}

// vaults starts the vaults of workspaces on demand.
func (e *engines) vaults() *engine.Vaults {
	return &engine.Vaults{Config: func(workspace string) engine.Config { return e.config("workspace "+workspace, engine.RoleVault, 4096) }}
}

// pool keeps warm workers that hold no data.
func (e *engines) pool(role engine.Role, size int) *engine.Pool {
	return engine.NewPool(size, func(ctx context.Context) (*engine.Process, error) {
		return engine.Start(ctx, e.config("gatehouse "+string(role), role, 512))
	})
}

// publish starts the engine of one publication.
func (e *engines) publish(ctx context.Context, read []string, write, temp string) (catalog.Engine, error) {
	c := e.config("gatehouse publish", engine.RolePublish, 2048)
	c.Read, c.Write = read, []string{write, temp}
	process, err := engine.Start(ctx, c)
	if err != nil {
		return nil, err
	}
	p := engine.Publish{Process: process}
	if err := p.Open(ctx, "SET temp_directory = '"+temp+"'"); err != nil {
		process.Kill()
		return nil, publishFailure(err)
	}
	return publishEngine{p}, nil
}

// publishEngine is engine.Publish with catalog's kind of failure.
type publishEngine struct{ engine.Publish }

func (p publishEngine) Exec(ctx context.Context, sql ...string) error {
	return publishFailure(p.Publish.Exec(ctx, sql...))
}

func (p publishEngine) Load(ctx context.Context, table string, rows array.RecordReader) error {
	return publishFailure(p.Publish.Load(ctx, table, rows))
}

func (p publishEngine) Copy(ctx context.Context, sql string, rows array.RecordReader) error {
	return publishFailure(p.Publish.Copy(ctx, sql, rows))
}

func (p publishEngine) Query(ctx context.Context, sql string) (array.RecordReader, error) {
	rows, err := p.Publish.Query(ctx, sql)
	return rows, publishFailure(err)
}

func publishFailure(err error) error {
	var f *egress.EngineFailure
	if errors.As(err, &f) {
		return &catalog.EngineFailure{Lost: f.Kind == egress.FailureLost || f.Kind == egress.FailureMissing, Cause: f.Cause}
	}
	return err
}

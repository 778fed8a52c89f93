//go:build linux

package pdf

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image/png"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Walls are what a worker is started behind, such as sandbox.Walls: files, network
// and memory. Start is called on a thread that lives as long as the worker; release
// is called once it is gone.
type Walls interface {
	Start(cmd *exec.Cmd, read, write []string, memoryMB int) (release func() (outOfMemory bool), err error)
}

// Bounds of a worker.
const (
	workerMB   = 640 // the interpreter's form of PDFium takes 150, and a document up to 256
	workerTime = patience + 15*time.Second
	mostAnswer = 32 << 20 // bytes that a worker may send back
	mostSent   = 64 << 20 // bytes of a document

	mostPicture = 8 << 20 // bytes of a picture: an unpacked one of the largest size takes 7
)

// Viewer draws pages, each in a worker of its own, one at a time.
type Viewer struct {
	Walls  Walls
	Binary string   // the program that calls Serve
	Args   []string // what makes it do so; the page's number follows

	turn chan struct{}
}

// NewViewer makes a Viewer.
func NewViewer(walls Walls, binary string, args ...string) *Viewer {
	return &Viewer{Walls: walls, Binary: binary, Args: args, turn: make(chan struct{}, 1)}
}

// answer is what a worker sends.
type answer struct {
	Page   Page
	Failed string // the error's text; "" for none
}

// Draw draws a page, counted from 1: ErrDocument, ErrPage or ErrTooMuch where it
// cannot be drawn.
func (v *Viewer) Draw(ctx context.Context, content []byte, number int) (Page, error) {
	if len(content) > mostSent {
		return Page{}, ErrTooMuch
	}
	select {
	case v.turn <- struct{}{}:
		defer func() { <-v.turn }()
	case <-ctx.Done():
		return Page{}, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, workerTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, v.Binary, append(v.Args, strconv.Itoa(number))...)
	var out bounded
	out.most = mostAnswer
	cmd.Stdin, cmd.Stdout, cmd.WaitDelay = bytes.NewReader(content), &out, time.Second
	err := v.run(cmd)
	if ctx.Err() != nil {
		return Page{}, ErrTooMuch
	}
	if err != nil {
		return Page{}, err
	}
	var a answer
	if err := json.Unmarshal(out.Bytes(), &a); err != nil {
		return Page{}, ErrDocument
	}
	for _, known := range []error{ErrDocument, ErrPage, ErrTooMuch} {
		if a.Failed == known.Error() {
			return Page{Pages: a.Page.Pages}, known
		}
	}
	if a.Failed != "" || !pictured(a.Page.PNG) || a.Page.Number != number || a.Page.Pages < number {
		return Page{}, ErrDocument
	}
	return a.Page.within(), nil
}

// pictured reports whether content is a picture that Draw could have made.
func pictured(content []byte) bool {
	if len(content) > mostPicture {
		return false
	}
	c, err := png.DecodeConfig(bytes.NewReader(content))
	return err == nil && c.Width <= mostWidth && c.Height <= mostHeight
}

// within is a page of a worker within the bounds of one that Draw makes: what a
// document has done to the worker that read it is not known.
func (p Page) within() Page {
	var more bool
	p.Text, more = cut(p.Text, mostText)
	p.Cut = p.Cut || more
	p.Notes, p.Scripts = max(p.Notes, 0), max(p.Scripts, 0)
	p.Inside = max(p.Inside, len(p.Files))
	files := p.Files[:min(len(p.Files), mostFiles)]
	p.Files = nil
	for _, name := range files {
		name, _ = cut(name, mostMeta)
		p.Files = append(p.Files, name)
	}
	said := p.Meta
	p.Meta = map[string]string{}
	for _, name := range metaNames {
		if value, _ := cut(said[name], mostMeta); value != "" {
			p.Meta[name] = value
		}
	}
	return p
}

// run starts a worker and waits for its end, on a thread of its own: a worker dies
// with the thread that started it.
func (v *Viewer) run(cmd *exec.Cmd) error {
	done := make(chan error)
	var work func()
	work = func() {
		runtime.LockOSThread() // and ends with this function
		if unix.Gettid() == os.Getpid() {
			go work() // what the main thread sees is what the process is seen by
			select {}
		}
		release, err := v.Walls.Start(cmd, nil, nil, workerMB)
		if err == nil {
			err = cmd.Wait()
			var died *exec.ExitError
			if starved := release(); starved || errors.As(err, &died) {
				err = ErrTooMuch
			}
		}
		done <- err
	}
	go work()
	return <-done
}

// bounded keeps what is written to it, up to a bound.
type bounded struct {
	bytes.Buffer
	most int
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.most {
		return 0, ErrTooMuch
	}
	return b.Buffer.Write(p)
}

// Serve is the worker's side: it reads a document, draws a page of it, and writes
// what Viewer reads. The walls must stand before it is called.
func Serve(ctx context.Context, in io.Reader, out io.Writer, number int) error {
	content, err := io.ReadAll(io.LimitReader(in, mostSent+1))
	if err != nil {
		return err
	}
	var a answer
	if a.Page, err = Draw(ctx, content, number); err != nil {
		a.Failed = err.Error()
		a.Page.PNG = nil
	}
	return json.NewEncoder(out).Encode(a)
}

package roles

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// commands is the command line in a process that runs one command after another: the
// tests of cmd/gatehouse, which are built for it. A process for each of thousands of
// tries takes minutes.
var commands string

// buildCommands builds it.
func buildCommands(folder string) error {
	commands = filepath.Join(folder, "commands")
	// Without what debuggers read it is linked in half the time.
	build := exec.Command("go", "test", "-c", "-ldflags", "-s -w", "-o", commands, "../../cmd/gatehouse")
	build.Stderr = os.Stderr
	return build.Run()
}

// line is a process that runs commands, for one caller at a time.
type line struct {
	in  *json.Encoder
	out *json.Decoder
}

// startLines starts some of them, that end with the test.
func (w *world) startLines(n int) {
	w.t.Helper()
	w.lines = make(chan line, n)
	for range n {
		c := exec.Command(commands)
		c.Dir = w.folder
		c.Env = append(os.Environ(), append(w.environment(), "GATEHOUSE_COMMANDS=1", "GOMAXPROCS=1")...)
		c.Stderr = os.Stderr
		in, err := c.StdinPipe()
		w.must(err)
		out, err := c.StdoutPipe()
		w.must(err)
		w.must(c.Start())
		w.t.Cleanup(func() {
			if err := errors.Join(in.Close(), c.Wait()); err != nil {
				w.t.Error(err)
			}
		})
		w.lines <- line{json.NewEncoder(in), json.NewDecoder(bufio.NewReader(out))}
	}
}

// environment says where the server is.
func (w *world) environment() []string {
	return []string{"GATEHOUSE_SERVER=" + w.api.URL, "GATEHOUSE_CA=" + filepath.Join(w.folder, "ca.pem")}
}

// runInLine runs a command with an actor's token where no process is started for it.
func (w *world) runInLine(actor string, args ...string) outcome {
	w.t.Helper()
	l := <-w.lines
	defer func() { w.lines <- l }()
	err := l.in.Encode(map[string]any{"Args": args, "Environment": map[string]string{"GATEHOUSE_TOKEN": w.tokens[actor]}})
	var answer struct {
		Failed     bool
		Code, Said string
	}
	if err == nil {
		err = l.out.Decode(&answer)
	}
	if err == io.EOF {
		err = errors.New("the command ended the process")
	}
	switch {
	case err != nil:
		w.t.Errorf("%s: %v: %v", actor, args, err)
		return "no answer"
	case !answer.Failed:
		return done
	case !code.MatchString(answer.Code):
		w.t.Errorf("%s: %v: %s", actor, args, answer.Said)
	}
	return outcome(answer.Code)
}

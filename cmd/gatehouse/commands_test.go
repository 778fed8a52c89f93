package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
)

// TestMain is, where GATEHOUSE_COMMANDS is set, the command line for whoever tries
// more commands than processes are worth: package test/roles. It reads a command from
// each line of its input, runs it as a process of its own would, and writes a line.
func TestMain(m *testing.M) {
	if os.Getenv("GATEHOUSE_COMMANDS") != "" {
		if err := runCommands(os.Stdin, os.Stdout); err != nil && err != io.EOF {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func runCommands(in io.Reader, out io.Writer) error {
	read, write := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var command struct {
			Args        []string
			Environment map[string]string
		}
		if err := read.Decode(&command); err != nil {
			return err
		}
		for name, value := range command.Environment {
			if err := os.Setenv(name, value); err != nil {
				return err
			}
		}
		var said bytes.Buffer
		root := newRootCommand()
		root.SetOut(&said)
		root.SetErr(&said)
		root.SetArgs(command.Args)
		answer := struct {
			Failed     bool
			Code, Said string
		}{}
		if err := root.ExecuteContext(context.Background()); err != nil {
			answer.Failed, answer.Code, answer.Said = true, string(gatehouse.CodeOf(err)), gatehouse.Public(err).Error()
		}
		if err := write.Encode(answer); err != nil {
			return err
		}
	}
}

package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
)

// TestHoldsServing is the other process of TestOneServerForAnInstallation.
func TestHoldsServing(t *testing.T) {
	dir := os.Getenv("GATEHOUSE_TEST_HOLD")
	if dir == "" {
		t.Skip("started by another test")
	}
	if _, err := holdServing(dir); err != nil {
		t.Fatal(err)
	}
	fmt.Println("holding")
	bufio.NewReader(os.Stdin).ReadString('\n')
}

func TestOneServerForAnInstallation(t *testing.T) {
	d := newConsole(t)
	other := exec.Command(os.Args[0], "-test.run=^TestHoldsServing$")
	other.Env = append(os.Environ(), "GATEHOUSE_TEST_HOLD="+d.dir)
	if _, err := other.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	says, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(says).ReadString('\n'); err != nil || strings.TrimSpace(line) != "holding" {
		t.Fatalf("the other process said %q, %v", line, err)
	}
	ready := d.dir + "/ready.json"
	if err := os.WriteFile(ready, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("The installation is already served by process %d.", other.Process.Pid)
	for _, command := range []string{"serve", "demo"} {
		_, message, status := d.run(command, "--http", "127.0.0.1:0", "--flight", "127.0.0.1:0")
		if !strings.HasPrefix(message, string(gatehouse.CodeBusy)) || !strings.Contains(message, want) || status != 1 {
			t.Errorf("%s: status %d, %q", command, status, message)
		}
	}
	if _, err := os.Stat(ready); err != nil {
		t.Error("the ready file of the running server was taken away")
	}
	d.ok("user", "add", "bob") // other work goes on beside a server

	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	other.Wait()
	release, err := holdServing(d.dir)
	if err != nil {
		t.Fatalf("after kill -9 of the server: %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
}

package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
)

// commandLine runs the program with exactly these arguments.
func commandLine(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	root := newRootCommand()
	root.SetOut(&out)
	root.SetErr(&out)
	root.SetArgs(args)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

func TestMistakesOnTheCommandLineSayWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		args []string
		says []string
	}{
		{[]string{"frob"}, []string{`unknown command "frob" for "gatehouse"`, "See 'gatehouse --help'."}},
		{[]string{"publsh"}, []string{"Did you mean 'gatehouse publish'?"}},
		{[]string{"publish", "--frob"}, []string{"unknown flag: --frob.", "See 'gatehouse publish --help'."}},
		{[]string{"demo", "--people", "many"}, []string{`invalid argument "many" for "--people" flag`}},
		{[]string{"publish", "--dir", "x"}, []string{`required flag(s) "definition", "extracts" not set`}},
		{[]string{"catalog", "list"}, []string{`required flag(s) "dir" not set`, "See 'gatehouse catalog list --help'."}},
		{[]string{"token", "issue", "--dir", "x"}, []string{"accepts 1 arg(s), received 0", "See 'gatehouse token issue --help'."}},
		{[]string{"init", "--dir", "x", "--max-list-age", "30d"}, []string{"--max-list-age"}},
		{[]string{"serve", "--dir", "x", "y"}, []string{`"y"`}},
		{[]string{"request", "submitt"}, []string{`unknown command "submitt" for "gatehouse request"`, "Did you mean 'gatehouse request submit'?", "See 'gatehouse request --help'."}},
		{[]string{"journal", "frob"}, []string{`unknown command "frob" for "gatehouse journal"`}},
		{[]string{"completion", "frob"}, []string{"unknown command"}},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			_, err := commandLine(t, c.args...)
			if gatehouse.CodeOf(err) != gatehouse.CodeUsage || exitStatus(err) != 2 {
				t.Fatalf("got %v, status %d", err, exitStatus(err))
			}
			for _, words := range c.says {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("got %q, want %q in it", err, words)
				}
			}
		})
	}
}

func TestAGroupWithoutACommandPrintsItsHelp(t *testing.T) {
	for _, group := range [][]string{{}, {"request"}, {"journal"}, {"catalog"}, {"user"}, {"request", "--help"}, {"help", "publish"}} {
		out, err := commandLine(t, group...)
		if err != nil || !strings.Contains(out, "Usage:") {
			t.Errorf("%v: %v\n%s", group, err, out)
		}
	}
}

func TestHelpGivesTimesAsPeopleWriteThem(t *testing.T) {
	var look func(c *cobra.Command)
	look = func(c *cobra.Command) {
		if strings.Contains(c.UsageString(), "0m0s") {
			t.Errorf("%s: %s", c.CommandPath(), c.UsageString())
		}
		for _, sub := range c.Commands() {
			look(sub)
		}
	}
	look(newRootCommand())
}

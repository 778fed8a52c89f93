// Command gatehouse is the control plane and the command line of Gatehouse. It
// never links DuckDB: data is touched only by gatehouse-engine processes.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
)

// commands are added by the file of each command.
func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "gatehouse",
		Short:         "A trusted research environment whose results are checked at a gate",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newInitCommand(), newSynthCommand(), newServeCommand(), newDemoCommand())
	root.AddCommand(newUserCommand(), newProjectCommand(), newWorkspaceCommand(), newTokenCommand(), newPolicyCommand(), newJournalCommand())
	return root
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newRootCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "gatehouse:", err)
		os.Exit(exitStatus(err))
	}
}

// exitStatus is 2 for what the user can correct, 1 for everything else.
func exitStatus(err error) int {
	switch gatehouse.Public(err).Kind() {
	case gatehouse.KindInvalid, gatehouse.KindNotFound, gatehouse.KindConflict:
		return 2
	default:
		return 1
	}
}

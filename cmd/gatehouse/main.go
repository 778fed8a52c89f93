// Command gatehouse is the control plane and the command line of Gatehouse. It
// never links DuckDB: data is touched only by gatehouse-engine processes.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/egress"
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
	root.AddCommand(newInitCommand(), newSynthCommand(), newServeCommand(), newDemoCommand(), newPublishCommand(), newCatalogCommand(), newOptOutsCommand())
	root.AddCommand(newUserCommand(), newProjectCommand(), newWorkspaceCommand(), newTokenCommand(), newPolicyCommand(), newJournalCommand())
	root.AddCommand(newKeysCommand(), newReidentifyCommand())
	root.AddCommand(newLoginCommand(), newLogoutCommand(), newSessionCommand())
	root.AddCommand(newQueryCommand(), newRequestCommand(), newVerifyCommand(), newNoticesCommand(), newDrawPageCommand())
	reportUsage(root)
	return root
}

func main() {
	// A core file would hold keys and extracts.
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		fmt.Fprintln(os.Stderr, "gatehouse: core files cannot be turned off:", err)
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newRootCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "gatehouse:", gatehouse.Public(err))
		if cause := gatehouse.Public(err).Err; cause != nil && os.Getenv("GATEHOUSE_CAUSES") != "" {
			fmt.Fprintln(os.Stderr, "cause:", describe(cause)) // for operators: it may hold values
		}
		os.Exit(exitStatus(err))
	}
}

// describe gives an engine's own words, which its error keeps to itself.
func describe(cause error) string {
	var published *catalog.EngineFailure
	var asked *egress.EngineFailure
	switch {
	case errors.As(cause, &published):
		return published.Cause
	case errors.As(cause, &asked):
		return asked.Cause
	}
	return cause.Error()
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

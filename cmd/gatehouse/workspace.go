package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newWorkspaceCommand() *cobra.Command {
	c := &cobra.Command{Use: "workspace", Short: "Open and list the workspaces of projects"}
	c.AddCommand(newWorkspaceOpenCommand(), newWorkspaceListCommand())
	return c
}

func newWorkspaceOpenCommand() *cobra.Command {
	l := place{owner: true}
	var dataset string
	c := &cobra.Command{
		Use:   "open PROJECT [ID] [--dataset DATASET]",
		Short: "Make a workspace of an active project, with its population",
		Args:  cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			project, id := args[0], args[len(args)-1]
			return l.at(c.Context(), func(d projectDesk) error {
				w, err := d.OpenWorkspace(c.Context(), project, dataset, id)
				if err == nil {
					fmt.Fprintf(c.OutOrStdout(), "The workspace %s of project %s is open.\n", w.ID, w.Project)
				}
				return err
			})
		},
	}
	l.flags(c, "token of the lead or a custodian; none for the owner of the machine")
	c.Flags().StringVar(&dataset, "dataset", "", "dataset of the project that it is over, if the project has several")
	return c
}

func newWorkspaceListCommand() *cobra.Command {
	var l place
	c := &cobra.Command{
		Use:   "list",
		Short: "List the workspaces that one may see",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return l.at(c.Context(), func(d projectDesk) error {
				found, err := d.Workspaces(c.Context())
				for _, w := range found {
					fmt.Fprintf(c.OutOrStdout(), "%-24s project %s\n", w.ID, w.Project)
				}
				return err
			})
		},
	}
	l.flags(c, "token of whoever asks")
	return c
}

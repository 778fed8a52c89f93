package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func newKeysCommand() *cobra.Command {
	c := &cobra.Command{Use: "keys", Short: "Give a project new pseudonyms, or destroy its keys (custodians)"}
	c.AddCommand(newKeysRotateCommand(), newKeysDestroyCommand())
	c.AddCommand(newJointCommands(workspaces.JointDestroyKey, "destruction of a project's keys")...)
	return c
}

func newKeysRotateCommand() *cobra.Command {
	var l local
	c := &cobra.Command{
		Use:   "rotate --dir DIR PROJECT",
		Short: "Start a new epoch: workspaces opened from now on get new pseudonyms (a custodian of the project's data)",
		Long: `Start a new epoch of a project's pseudonyms. Workspaces that it opens from now on know people by new ones, made with a new random
key. Workspaces of before keep their pseudonyms, and the tables that they have stored under them; pseudonyms of every epoch can be
traced by two custodians as long as the keys stand.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return l.as(c.Context(), func(in *installation, actor gatehouse.Principal) error {
				epoch, err := in.workspaces.StartEpoch(c.Context(), actor, args[0])
				if err == nil {
					fmt.Fprintf(c.OutOrStdout(), "The project %s opens workspaces in epoch %d from now on.\n", args[0], epoch)
				}
				return err
			})
		},
	}
	l.flags(c, "token of a custodian of the project's data")
	return c
}

func newKeysDestroyCommand() *cobra.Command {
	var l local
	var purpose, reason string
	c := &cobra.Command{
		Use:   "destroy --dir DIR PROJECT --purpose PURPOSE --reason TEXT",
		Short: "Ask that the keys of an archived project be destroyed; another custodian approves it",
		Long: `Ask that the keys of an archived project be destroyed, of all its epochs. Once another custodian of the project's data has approved it,
nobody can tell any more whom its pseudonyms name, nor make them again. This cannot be undone. Copies in backups must be destroyed there.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return l.as(c.Context(), func(in *installation, actor gatehouse.Principal) error {
				a, err := in.workspaces.AskKeyDestruction(c.Context(), actor, args[0], purpose, reason)
				if err == nil {
					fmt.Fprintf(c.OutOrStdout(), "%s waits for another custodian: 'gatehouse keys approve --dir DIR %s'.\n", a.ID, a.ID)
				}
				return err
			})
		},
	}
	l.flags(c, "token of a custodian of the project's data")
	purposeFlags(c, workspaces.JointDestroyKey, &purpose, &reason)
	return c
}

// purposeFlags say why two custodians should do something.
func purposeFlags(c *cobra.Command, kind workspaces.JointKind, purpose, reason *string) {
	c.Flags().StringVar(purpose, "purpose", "", "one of "+strings.Join(workspaces.Purposes[kind], ", "))
	c.Flags().StringVar(reason, "reason", "", "why, for the other custodian and the record; the journal gets its SHA-256")
	for _, name := range []string{"purpose", "reason"} {
		if err := c.MarkFlagRequired(name); err != nil {
			panic(err) // the flags stand above
		}
	}
}

// newJointCommands are those by which a joint act is seen and decided.
func newJointCommands(kind workspaces.JointKind, what string) []*cobra.Command {
	var l, m, n local
	list := &cobra.Command{
		Use: "list --dir DIR PROJECT", Short: "Show every request for " + what + ", and what became of it", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return l.as(c.Context(), func(in *installation, actor gatehouse.Principal) error {
				all, err := in.workspaces.JointActs(c.Context(), actor, args[0])
				for _, a := range all {
					if a.Kind == kind {
						printJointAct(c.OutOrStdout(), a)
					}
				}
				return err
			})
		},
	}
	approve := &cobra.Command{
		Use: "approve --dir DIR ID", Short: "Approve what another custodian asked for, and have it done", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return m.as(c.Context(), func(in *installation, actor gatehouse.Principal) error {
				a, err := in.workspaces.ApproveJointAct(c.Context(), actor, args[0])
				if err != nil {
					return err
				}
				fmt.Fprintf(c.OutOrStdout(), "%s is %s.\n", a.ID, a.State)
				if a.Kind == workspaces.JointReidentify {
					fmt.Fprintf(c.OutOrStdout(), "The result stands in %s.\n", in.workspaces.TracedFile(a))
				}
				return nil
			})
		},
	}
	decline := &cobra.Command{
		Use: "decline --dir DIR ID", Short: "Decline what another custodian asked for, or withdraw what you did", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return n.as(c.Context(), func(in *installation, actor gatehouse.Principal) error {
				a, err := in.workspaces.DeclineJointAct(c.Context(), actor, args[0])
				if err == nil {
					fmt.Fprintf(c.OutOrStdout(), "%s is %s.\n", a.ID, a.State)
				}
				return err
			})
		},
	}
	l.flags(list, "token of a custodian or an auditor")
	m.flags(approve, "token of another custodian of the data")
	n.flags(decline, "token of a custodian of the data")
	return []*cobra.Command{list, approve, decline}
}

func printJointAct(w io.Writer, a workspaces.JointAct) {
	fmt.Fprintf(w, "%s: %s, asked by %s on %s for %s: %s\n", a.ID, a.State, a.AskedBy, a.Asked.Format("2006-01-02 15:04"), a.Purpose, oneLine(a.Reason))
	if len(a.Names) > 0 {
		fmt.Fprintf(w, "  %s of the dataset %s\n", plural(len(a.Names), "pseudonym", "pseudonyms"), a.Dataset)
	}
	if a.DecidedBy != "" {
		fmt.Fprintf(w, "  decided by %s on %s\n", a.DecidedBy, a.Decided.Format("2006-01-02 15:04"))
	}
}

package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func newUserCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "user",
		Short: "Add users and give them roles of the house, as the owner of the machine",
	}
	c.AddCommand(
		newUserSubcommand("add --dir DIR USER", "Make a user known", 1, func(ctx context.Context, s *workspaces.Service, args []string) error {
			return s.AddUser(ctx, workspaces.System, args[0])
		}),
		newUserSubcommand("grant --dir DIR USER ROLE", "Give a role: custodian, checker, operator or auditor", 2, func(ctx context.Context, s *workspaces.Service, args []string) error {
			return s.GrantRole(ctx, workspaces.System, args[0], gatehouse.Role(args[1]))
		}),
		newUserSubcommand("revoke --dir DIR USER ROLE", "Take a role away, at once", 2, func(ctx context.Context, s *workspaces.Service, args []string) error {
			return s.RevokeRole(ctx, workspaces.System, args[0], gatehouse.Role(args[1]))
		}),
	)
	return c
}

// requireUser is CodeNotFound for a name that is no user of the installation.
func (in *installation) requireUser(ctx context.Context, name string) error {
	known := false
	err := state.Workspaces(in.state).View(ctx, func(tx workspaces.Tx) (err error) {
		known, err = tx.HasUser(ctx, name)
		return err
	})
	if err == nil && !known {
		err = gatehouse.Errorf(gatehouse.CodeNotFound, "There is no user %s.", name).WithAdvice("'gatehouse user list' shows the users; 'gatehouse user add' makes one known.")
	}
	return err
}

func newUserSubcommand(use, short string, args int, do func(context.Context, *workspaces.Service, []string) error) *cobra.Command {
	var l local
	c := &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(args),
		RunE: func(c *cobra.Command, args []string) error {
			return l.open(c.Context(), func(in *installation) error { return do(c.Context(), in.workspaces, args) })
		},
	}
	l.flags(c, "")
	return c
}

package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func newUserCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "user",
		Short: "Add and list users and give them roles of the house, as the owner of the machine",
	}
	c.AddCommand(
		newUserSubcommand("add --dir DIR USER", "Make a user known", "%s is a user now.", 1, func(ctx context.Context, s *workspaces.Service, args []string) error {
			return s.AddUser(ctx, workspaces.System, args[0])
		}),
		newUserSubcommand("grant --dir DIR USER ROLE", "Give a role: custodian, checker, operator or auditor", "%s has the role %s now.", 2, func(ctx context.Context, s *workspaces.Service, args []string) error {
			return s.GrantRole(ctx, workspaces.System, args[0], gatehouse.Role(args[1]))
		}),
		newUserSubcommand("revoke --dir DIR USER ROLE", "Take a role away, at once", "%s does not have the role %s any more.", 2, func(ctx context.Context, s *workspaces.Service, args []string) error {
			return s.RevokeRole(ctx, workspaces.System, args[0], gatehouse.Role(args[1]))
		}),
		newUserListCommand(),
	)
	c.AddCommand(newUserAccountCommands()...)
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

func newUserListCommand() *cobra.Command {
	var l local
	c := &cobra.Command{
		Use: "list --dir DIR", Short: "List the users and their roles, in the house and in projects", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return l.open(c.Context(), func(in *installation) error {
				store := state.Workspaces(in.state)
				users, err := store.Users(c.Context())
				if err != nil {
					return err
				}
				for _, name := range users {
					held, err := store.Assignments(c.Context(), name)
					if err != nil {
						return err
					}
					var roles []string
					for _, a := range held {
						switch {
						case a.Role == workspaces.RoleApplicant || a.Role == workspaces.RoleCreator: // nobody gave these
						case a.Scope == gatehouse.Everywhere:
							roles = append(roles, string(a.Role))
						default:
							roles = append(roles, fmt.Sprintf("%s of %s", a.Role, a.Scope))
						}
					}
					locked := false
					if err := store.View(c.Context(), func(tx workspaces.Tx) (err error) {
						locked, err = tx.Locked(c.Context(), name)
						return err
					}); err != nil {
						return err
					}
					what := orDash(strings.Join(roles, ", "))
					if locked {
						what += "  (locked)"
					}
					fmt.Fprintf(c.OutOrStdout(), "%-20s %s\n", name, what)
				}
				return nil
			})
		},
	}
	l.flags(c, "")
	return c
}

// newUserSubcommand is a change whose success is told by done, a format of its
// arguments.
func newUserSubcommand(use, short, done string, args int, do func(context.Context, *workspaces.Service, []string) error) *cobra.Command {
	var l local
	c := &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(args),
		RunE: func(c *cobra.Command, args []string) error {
			return l.open(c.Context(), func(in *installation) error {
				if err := do(c.Context(), in.workspaces, args); err != nil {
					return err
				}
				words := make([]any, len(args))
				for i, a := range args {
					words[i] = a
				}
				fmt.Fprintf(c.OutOrStdout(), done+"\n", words...)
				return nil
			})
		},
	}
	l.flags(c, "")
	return c
}

package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/infra/web"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func newUserCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "user",
		Short: "Add and list users and give them roles of the house: over the network, or as the owner of the machine",
		Long: `Add and list users and give them roles of the house. On the installation's own machine its owner does all of it
(--dir). Over the network (--server) operators add users, link the first account of somebody who is nobody yet and
take roles away; a role is asked for by an operator or custodian and confirmed by another, a custodian.`,
	}
	c.AddCommand(
		newUserSubcommand("add USER", "Make a user known", "%s is a user now.", 1, userDeed{
			func(ctx context.Context, s *workspaces.Service, args []string) error {
				return s.AddUser(ctx, workspaces.System, args[0])
			},
			func(ctx context.Context, c *web.Client, args []string) error { return c.AddUser(ctx, args[0]) },
		}),
		newUserGrantCommand(),
		newUserSubcommand("revoke USER ROLE", "Take a role away, at once", "%s does not have the role %s any more.", 2, userDeed{
			func(ctx context.Context, s *workspaces.Service, args []string) error {
				return s.RevokeRole(ctx, workspaces.System, args[0], gatehouse.Role(args[1]))
			},
			func(ctx context.Context, c *web.Client, args []string) error {
				return c.RevokeRole(ctx, args[0], gatehouse.Role(args[1]))
			},
		}),
		newUserListCommand(),
	)
	c.AddCommand(newUserAccountCommands()...)
	c.AddCommand(newAppointmentCommands()...)
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

// newUserGrantCommand gives a role on the machine itself, and asks for it elsewhere.
func newUserGrantCommand() *cobra.Command {
	var l place
	c := &cobra.Command{
		Use: "grant USER ROLE", Short: "Give a role: custodian, checker, operator or auditor; over the network, ask for it", Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			user, role := args[0], gatehouse.Role(args[1])
			if l.dir != "" {
				return l.open(c.Context(), func(in *installation) error {
					err := in.workspaces.GrantRole(c.Context(), workspaces.System, user, role)
					if err == nil {
						fmt.Fprintf(c.OutOrStdout(), "%s has the role %s now.\n", user, role)
					}
					return err
				})
			}
			client, err := l.server.client()
			if err != nil {
				return err
			}
			a, err := client.AskRole(c.Context(), user, role)
			if err == nil {
				fmt.Fprintf(c.OutOrStdout(), "%s: asked that %s be %s. A custodian other than you and %s confirms it: gatehouse user confirm %s\n", a.ID, user, role, user, a.ID)
			}
			return err
		},
	}
	l.houseFlags(c)
	return c
}

func newUserListCommand() *cobra.Command {
	var l place
	c := &cobra.Command{
		Use: "list", Short: "List the users and their roles: in the house, and with --dir in projects", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if l.dir == "" {
				return listUsers(c, &l.server)
			}
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
	l.houseFlags(c)
	return c
}

// listUsers lists what an operator or auditor may see of users.
func listUsers(c *cobra.Command, server *serverFlags) error {
	client, err := server.client()
	if err != nil {
		return err
	}
	users, err := client.Users(c.Context())
	for _, u := range users {
		var roles []string
		for _, r := range u.Roles {
			roles = append(roles, string(r))
		}
		for _, d := range u.Custodian {
			roles = append(roles, "custodian of "+d)
		}
		what := orDash(strings.Join(roles, ", "))
		if u.Locked {
			what += "  (locked)"
		}
		fmt.Fprintf(c.OutOrStdout(), "%-20s %s\n", u.User, what)
	}
	return err
}

// houseFlags adds those of what the owner of the machine does with --dir, and others
// over the network.
func (l *place) houseFlags(c *cobra.Command) {
	l.flags(c, "file that holds your token, for a server")
	c.MarkFlagsMutuallyExclusive("dir", "token-file")
}

// userDeed is a change: by the owner of the machine, and over the network (nil: not).
type userDeed struct {
	owner   func(context.Context, *workspaces.Service, []string) error
	network func(context.Context, *web.Client, []string) error
}

// newUserSubcommand is a change whose success is told by done, a format of its
// arguments.
func newUserSubcommand(use, short, done string, args int, do userDeed) *cobra.Command {
	var l place
	c := &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(args),
		RunE: func(c *cobra.Command, args []string) error {
			err := l.either(c.Context(), args, do)
			if err != nil {
				return err
			}
			words := make([]any, len(args))
			for i, a := range args {
				words[i] = a
			}
			fmt.Fprintf(c.OutOrStdout(), done+"\n", words...)
			return nil
		},
	}
	if do.network == nil {
		l.local.flags(c, "")
	} else {
		l.houseFlags(c)
	}
	return c
}

// either does a deed where the flags say.
func (l *place) either(ctx context.Context, args []string, do userDeed) error {
	if l.dir != "" {
		return l.open(ctx, func(in *installation) error { return do.owner(ctx, in.workspaces, args) })
	}
	client, err := l.server.client()
	if err != nil {
		return err
	}
	return do.network(ctx, client, args)
}

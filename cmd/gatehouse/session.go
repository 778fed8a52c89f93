package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/web"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func newSessionCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "session",
		Short: "See who is signed in, and put them out at once",
		Long: `See who is signed in, and put them out at once. With --server this is done as who is signed in there: one's own
sessions, or everybody's for an operator. With --dir it is done as the owner of the machine.`,
	}
	c.AddCommand(newSessionListCommand(), newSessionRevokeCommand())
	return c
}

// sessionPlace is a server or an installation's folder.
type sessionPlace struct {
	serverFlags
	dir string
}

func (p *sessionPlace) flags(c *cobra.Command) {
	p.serverFlags.add(c)
	c.Flags().StringVar(&p.dir, "dir", "", "folder of the installation, to act as the owner of its machine")
}

// people is what both places can do.
type people interface {
	Sessions(ctx context.Context, user string) ([]web.Session, error)
	EndSession(ctx context.Context, id string) error
	RevokeUser(ctx context.Context, user string) error
}

func (p *sessionPlace) at(ctx context.Context, do func(people) error) error {
	if p.dir == "" {
		client, err := p.client()
		if err != nil {
			return err
		}
		return do(client)
	}
	return (&local{dir: p.dir}).open(ctx, func(in *installation) error { return do(owner{in.workspaces}) })
}

// owner is the owner of the machine.
type owner struct{ service *workspaces.Service }

func (o owner) Sessions(ctx context.Context, user string) ([]web.Session, error) {
	if user == gatehouse.Everywhere {
		user = ""
	}
	live, err := o.service.Sessions(ctx, workspaces.System, user)
	var shown []web.Session
	for _, l := range live {
		shown = append(shown, web.Session{ID: l.ID, User: l.User, Kind: l.Kind, Started: l.Started, Seen: l.Seen, Expires: l.Expires})
	}
	return shown, err
}

func (o owner) EndSession(ctx context.Context, id string) error {
	return o.service.EndSession(ctx, workspaces.System, id)
}

func (o owner) RevokeUser(ctx context.Context, user string) error {
	return o.service.RevokeUser(ctx, workspaces.System, user)
}

func newSessionListCommand() *cobra.Command {
	var p sessionPlace
	var user string
	var everybody bool
	c := &cobra.Command{
		Use: "list [--user USER | --everybody]", Short: "List the sessions that are live now", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if everybody || user == "" && p.dir != "" {
				user = gatehouse.Everywhere
			}
			return p.at(c.Context(), func(at people) error {
				live, err := at.Sessions(c.Context(), user)
				if err != nil {
					return err
				}
				return p.show(c.OutOrStdout(), live, func() { printSessions(c.OutOrStdout(), live) })
			})
		},
	}
	p.flags(c)
	c.Flags().StringVar(&user, "user", "", "the sessions of this user")
	c.Flags().BoolVar(&everybody, "everybody", false, "the sessions of all users (with --dir this is so unless --user is given)")
	c.MarkFlagsMutuallyExclusive("user", "everybody")
	return c
}

func printSessions(w io.Writer, live []web.Session) {
	if len(live) == 0 {
		fmt.Fprintln(w, "Nobody is signed in.")
	}
	for _, s := range live {
		mark := ""
		if s.Current {
			mark = "  (this one)"
		}
		fmt.Fprintf(w, "%s  %-20s %-8s since %s  last used %s  until %s%s\n", s.ID, s.User, s.Kind, s.Started.Format(time.RFC3339), s.Seen.Format(time.RFC3339), s.Expires.Format(time.RFC3339), mark)
	}
}

func newSessionRevokeCommand() *cobra.Command {
	var p sessionPlace
	var user string
	c := &cobra.Command{
		Use:   "revoke SESSION | --user USER",
		Short: "End a session, or everything of a user, at once",
		Long: `End a session at once, with the tokens that were made in it; or, with --user, every session and token of a user. The
user can sign in again: 'gatehouse user lock' keeps them out.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if (len(args) == 1) == (user != "") {
				return gatehouse.Errorf(gatehouse.CodeUsage, "Name a session, or a user with --user.")
			}
			return p.at(c.Context(), func(at people) error {
				if user != "" {
					if err := at.RevokeUser(c.Context(), user); err != nil {
						return err
					}
					fmt.Fprintf(c.OutOrStdout(), "Every session and token of %s has ended.\n", user)
					return nil
				}
				if err := at.EndSession(c.Context(), args[0]); err != nil {
					return err
				}
				fmt.Fprintf(c.OutOrStdout(), "The session %s has ended.\n", args[0])
				return nil
			})
		},
	}
	p.flags(c)
	c.Flags().StringVar(&user, "user", "", "end every session and token of this user")
	return c
}

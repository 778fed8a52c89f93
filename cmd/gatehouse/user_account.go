package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/web"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// newUserAccountCommand makes 'user link' and 'user unlink': which account at the
// identity provider is whose. network is nil for what is the machine's owner's alone.
func newUserAccountCommand(name, short, done string, do func(*workspaces.Service, context.Context, string, workspaces.Identity) error,
	network func(*web.Client, context.Context, string, workspaces.Identity) error) *cobra.Command {
	var l place
	var issuer string
	c := &cobra.Command{
		Use: name + " USER SUBJECT [--issuer URL]", Short: short, Args: cobra.ExactArgs(2),
		Long: short + `. SUBJECT is the provider's 'sub' of the account, which somebody who is
not linked yet is shown when they try to sign in. E-mail addresses are no subjects: they change hands.`,
		RunE: func(c *cobra.Command, args []string) error {
			from := issuer
			err := l.either(c.Context(), args, userDeed{
				func(ctx context.Context, s *workspaces.Service, args []string) error {
					return do(s, ctx, args[0], workspaces.Identity{Issuer: from, Subject: args[1]})
				},
				func(ctx context.Context, client *web.Client, args []string) error {
					return network(client, ctx, args[0], workspaces.Identity{Issuer: from, Subject: args[1]})
				},
			})
			if err == nil {
				fmt.Fprintf(c.OutOrStdout(), done+"\n", args[0], args[1], from)
			}
			return err
		},
	}
	c.PreRunE = func(*cobra.Command, []string) error {
		if issuer == "" && l.dir != "" {
			configured, err := readSettings(l.dir)
			if err != nil {
				return err
			}
			issuer = configured.Identity.Issuer
		}
		if issuer == "" {
			return gatehouse.Errorf(gatehouse.CodeConfig, "No identity provider is configured.").WithAdvice("Give --issuer, or set identity in gatehouse.yaml.")
		}
		return nil
	}
	if network == nil {
		l.local.flags(c, "")
		c.Use = name + " --dir DIR USER SUBJECT [--issuer URL]"
	} else {
		l.houseFlags(c)
	}
	c.Flags().StringVar(&issuer, "issuer", "", "the provider (with --dir the one in gatehouse.yaml, if it is left out)")
	return c
}

func newUserAccountCommands() []*cobra.Command {
	return []*cobra.Command{
		newUserAccountCommand("link", "Let a user sign in with an account", "%s signs in with the account %s of %s.", func(s *workspaces.Service, ctx context.Context, user string, who workspaces.Identity) error {
			return s.LinkIdentity(ctx, workspaces.System, user, who)
		}, (*web.Client).LinkAccount),
		newUserAccountCommand("unlink", "Let a user sign in with an account no more, and end the sessions begun with it", "%s does not sign in with the account %s of %s any more.", func(s *workspaces.Service, ctx context.Context, user string, who workspaces.Identity) error {
			return s.UnlinkIdentity(ctx, workspaces.System, user, who)
		}, nil),
		newUserAccountsCommand(),
		newUserSubcommand("lock USER", "End every session and token of a user, and let them in no more", "%s is locked.", 1, userDeed{
			func(ctx context.Context, s *workspaces.Service, args []string) error {
				return s.LockUser(ctx, workspaces.System, args[0])
			},
			func(ctx context.Context, c *web.Client, args []string) error { return c.LockUser(ctx, args[0]) },
		}),
		newUserSubcommand("unlock --dir DIR USER", "Let a locked user in again", "%s is not locked.", 1, userDeed{owner: func(ctx context.Context, s *workspaces.Service, args []string) error {
			return s.UnlockUser(ctx, workspaces.System, args[0])
		}}),
	}
}

func newUserAccountsCommand() *cobra.Command {
	var l local
	c := &cobra.Command{
		Use: "accounts --dir DIR USER", Short: "List the accounts that a user signs in with", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return l.open(c.Context(), func(in *installation) error {
				if err := in.requireUser(c.Context(), args[0]); err != nil {
					return err
				}
				held, err := in.workspaces.Identities(c.Context(), workspaces.System, args[0])
				for _, who := range held {
					fmt.Fprintf(c.OutOrStdout(), "%s  %s\n", who.Issuer, who.Subject)
				}
				return err
			})
		},
	}
	l.flags(c, "")
	return c
}

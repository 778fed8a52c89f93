package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// newUserAccountCommand makes 'user link' and 'user unlink': which account at the
// identity provider is whose.
func newUserAccountCommand(name, short, done string, do func(*workspaces.Service, context.Context, string, workspaces.Identity) error) *cobra.Command {
	var l local
	var issuer string
	c := &cobra.Command{
		Use: name + " --dir DIR USER SUBJECT [--issuer URL]", Short: short, Args: cobra.ExactArgs(2),
		Long: short + `. SUBJECT is the provider's 'sub' of the account, which somebody who is
not linked yet is shown when they try to sign in. E-mail addresses are no subjects: they change hands.`,
		RunE: func(c *cobra.Command, args []string) error {
			return l.open(c.Context(), func(in *installation) error {
				if issuer == "" {
					issuer = in.settings.Identity.Issuer
				}
				if issuer == "" {
					return gatehouse.Errorf(gatehouse.CodeConfig, "No identity provider is configured.").WithAdvice("Give --issuer, or set identity in gatehouse.yaml.")
				}
				if err := do(in.workspaces, c.Context(), args[0], workspaces.Identity{Issuer: issuer, Subject: args[1]}); err != nil {
					return err
				}
				fmt.Fprintf(c.OutOrStdout(), done+"\n", args[0], args[1], issuer)
				return nil
			})
		},
	}
	l.flags(c, "")
	c.Flags().StringVar(&issuer, "issuer", "", "the provider (default the one in gatehouse.yaml)")
	return c
}

func newUserAccountCommands() []*cobra.Command {
	return []*cobra.Command{
		newUserAccountCommand("link", "Let a user sign in with an account", "%s signs in with the account %s of %s.", func(s *workspaces.Service, ctx context.Context, user string, who workspaces.Identity) error {
			return s.LinkIdentity(ctx, workspaces.System, user, who)
		}),
		newUserAccountCommand("unlink", "Let a user sign in with an account no more, and end the sessions begun with it", "%s does not sign in with the account %s of %s any more.", func(s *workspaces.Service, ctx context.Context, user string, who workspaces.Identity) error {
			return s.UnlinkIdentity(ctx, workspaces.System, user, who)
		}),
		newUserAccountsCommand(),
		newUserSubcommand("lock --dir DIR USER", "End every session and token of a user, and let them in no more", "%s is locked.", 1, func(ctx context.Context, s *workspaces.Service, args []string) error {
			return s.LockUser(ctx, workspaces.System, args[0])
		}),
		newUserSubcommand("unlock --dir DIR USER", "Let a locked user in again", "%s is not locked.", 1, func(ctx context.Context, s *workspaces.Service, args []string) error {
			return s.UnlockUser(ctx, workspaces.System, args[0])
		}),
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

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// local is a command that acts on an installation's folder, as the holder of a
// token or, where the command says so, as the owner of the machine.
type local struct {
	dir       string
	tokenFile string
}

func (l *local) flags(c *cobra.Command, token string) {
	c.Flags().StringVar(&l.dir, "dir", "", "folder of the installation")
	_ = c.MarkFlagRequired("dir")
	if token != "" {
		c.Flags().StringVar(&l.tokenFile, "token-file", "", token+" (or in GATEHOUSE_TOKEN)")
	}
}

// readToken reads the token of a command from its file or the environment.
func readToken(file string) (string, error) {
	if file == "" {
		return os.Getenv("GATEHOUSE_TOKEN"), nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", gatehouse.Errorf(gatehouse.CodeConfig, "The token file %s cannot be read.", file).Because(err)
	}
	return strings.TrimSpace(string(text)), nil
}

// as opens the installation and runs do as the holder of the token.
func (l *local) as(ctx context.Context, do func(in *installation, actor gatehouse.Principal) error) error {
	secret, err := readToken(l.tokenFile)
	if err != nil {
		return err
	}
	if secret == "" {
		return gatehouse.Errorf(gatehouse.CodeUnauthenticated, "No token was given.").
			WithAdvice("Give --token-file or GATEHOUSE_TOKEN; 'gatehouse token issue' makes one.")
	}
	return l.open(ctx, func(in *installation) error {
		actor, err := in.workspaces.Authenticate(ctx, secret)
		if err != nil {
			return err
		}
		return do(in, actor)
	})
}

// asTokenOrOwner is as if a token is given, else runs do as the owner of the
// machine, who can read the installation's folder.
func (l *local) asTokenOrOwner(ctx context.Context, do func(in *installation, actor gatehouse.Principal) error) error {
	secret, err := readToken(l.tokenFile)
	if err != nil {
		return err
	}
	if secret != "" {
		return l.as(ctx, do)
	}
	return l.open(ctx, func(in *installation) error { return do(in, workspaces.System) })
}

func (l *local) open(ctx context.Context, do func(in *installation) error) (err error) {
	in, err := openInstallation(ctx, l.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.close()) }()
	return do(in)
}

func newTokenCommand() *cobra.Command {
	c := &cobra.Command{Use: "token", Short: "Make, list and revoke the tokens that people sign in with"}
	c.AddCommand(newTokenMakeCommand(), newTokenIssueCommand(), newTokenListCommand(), newTokenRevokeCommand())
	return c
}

func newTokenIssueCommand() *cobra.Command {
	var l local
	var workspace string
	var ttl time.Duration
	c := &cobra.Command{
		Use:   "issue --dir DIR USER [--workspace ID] [--for DURATION]",
		Short: "Print a new token for a user",
		Long: `Print a new token for a user. With --workspace it reaches that workspace, of whose project the user must be a
member; the project's lead and custodians may make such tokens with a token of their own. Without, it carries the
user's roles of the house, and only the owner of the machine makes it. The token is shown this once.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return l.asTokenOrOwner(c.Context(), func(in *installation, actor gatehouse.Principal) error {
				var secret string
				var err error
				if workspace == "" {
					secret, err = in.workspaces.IssueHouseToken(c.Context(), actor, args[0], ttl)
				} else {
					secret, err = in.workspaces.IssueToken(c.Context(), actor, args[0], workspace, ttl)
				}
				if err == nil {
					fmt.Fprintln(c.OutOrStdout(), secret)
				}
				return err
			})
		},
	}
	l.flags(c, "token of a lead or custodian; none for the owner of the machine")
	c.Flags().StringVar(&workspace, "workspace", "", "the workspace that the token reaches")
	c.Flags().DurationVar(&ttl, "for", 8*time.Hour, "how long the token lasts, at most 2160h")
	c.Flags().Lookup("for").DefValue = "8h" // the help would say 8h0m0s
	return c
}

func newTokenMakeCommand() *cobra.Command {
	var f serverFlags
	var hours int
	c := &cobra.Command{
		Use:   "make --server URL WORKSPACE [--hours N]",
		Short: "Print a new token for your own notebook, as who is signed in",
		Long: `Print a new token for your own notebook in a workspace of a project that you are a member of. You must be signed in
('gatehouse login'): a token does not make another. It reaches that workspace alone and lasts some hours.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := f.client()
			if err != nil {
				return err
			}
			t, err := client.MakeToken(c.Context(), args[0], hours)
			if err != nil {
				return err
			}
			return f.show(c.OutOrStdout(), t, func() { fmt.Fprintln(c.OutOrStdout(), t.Token) })
		},
	}
	f.add(c)
	c.Flags().IntVar(&hours, "hours", 8, "how long the token lasts, at most 12")
	return c
}

func newTokenListCommand() *cobra.Command {
	var l local
	c := &cobra.Command{
		Use:   "list --dir DIR USER",
		Short: "List a user's tokens, without their secrets",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return l.asTokenOrOwner(c.Context(), func(in *installation, actor gatehouse.Principal) error {
				tokens, err := in.workspaces.Tokens(c.Context(), actor, args[0])
				for _, t := range tokens {
					state := "until " + t.Expires.Format(time.RFC3339)
					switch {
					case !t.Revoked.IsZero():
						state = "revoked " + t.Revoked.Format(time.RFC3339)
					case !in.state.Now().Before(t.Expires):
						state = "expired " + t.Expires.Format(time.RFC3339)
					}
					fmt.Fprintf(c.OutOrStdout(), "%s  %-20s issued by %s  %s\n", t.ID, orDash(t.Workspace), t.IssuedBy, state)
				}
				return err
			})
		},
	}
	l.flags(c, "the user's own token; none for the owner of the machine")
	return c
}

func newTokenRevokeCommand() *cobra.Command {
	var l local
	c := &cobra.Command{
		Use:   "revoke --dir DIR TOKEN-ID",
		Short: "End a token at once",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return l.asTokenOrOwner(c.Context(), func(in *installation, actor gatehouse.Principal) error {
				err := in.workspaces.RevokeToken(c.Context(), actor, args[0])
				if err == nil {
					fmt.Fprintf(c.OutOrStdout(), "The token %s is revoked.\n", args[0])
				}
				return err
			})
		},
	}
	l.flags(c, "the user's own token; none for the owner of the machine")
	return c
}

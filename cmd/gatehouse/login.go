package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/web"
)

func newLoginCommand() *cobra.Command {
	var f serverFlags
	c := &cobra.Command{
		Use:   "login --server URL",
		Short: "Sign in; other commands then act as you, until the session ends",
		Long: `Sign in. A code is shown that you confirm in a browser, here or on another machine, at your organisation's identity
provider. The session is kept in your configuration folder, readable by you alone, and ends by itself after some hours.
Commands that talk to the server use it where no --token-file or GATEHOUSE_TOKEN is given.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return f.login(c)
		},
	}
	f.addServer(c)
	return c
}

// login signs in and keeps the session.
func (f *serverFlags) login(c *cobra.Command) error {
	if f.server == "" {
		return noServer()
	}
	ca, err := f.authority()
	if err != nil {
		return err
	}
	visitor, err := web.NewVisitor(f.server, ca)
	if err != nil {
		return err
	}
	begun, err := visitor.BeginSignIn(c.Context())
	if err != nil {
		return err
	}
	out := c.OutOrStdout()
	at := begun.Complete
	if at == "" {
		at = begun.URL
	}
	fmt.Fprintf(out, "Open      %s\nCompare   %s\nConfirm only a code that you see here. Waiting …\n", at, begun.UserCode)
	state, err := confirmed(c.Context(), visitor, begun)
	if err != nil {
		return err
	}
	kept := keptLogin{Server: f.server, CA: string(ca), Token: state.Token, User: state.User, Expires: state.Expires}
	if err := kept.save(); err != nil {
		return err
	}
	fmt.Fprintf(out, "You are %s until %s.\n", state.User, state.Expires.Local().Format("15:04 on 2 January 2006"))
	return nil
}

// confirmed waits until somebody has confirmed the code, and no longer than the
// code is good for.
func confirmed(ctx context.Context, visitor *web.Client, begun web.DeviceSignIn) (web.DeviceState, error) {
	wait := time.Duration(max(begun.Interval, 1)) * time.Second
	tick := time.NewTicker(wait)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return web.DeviceState{}, gatehouse.Errorf(gatehouse.CodeCancelled, "Nobody is signed in: waiting was interrupted.")
		case <-tick.C:
		}
		state, err := visitor.PollSignIn(ctx, begun.Handle)
		switch {
		case err != nil:
			return state, err
		case state.State == "signed_in":
			return state, nil
		case state.State == "slow_down":
			wait += 5 * time.Second
			tick.Reset(wait)
		}
	}
}

func newLogoutCommand() *cobra.Command {
	var f serverFlags
	c := &cobra.Command{
		Use:   "logout [--server URL]",
		Short: "End the session that 'gatehouse login' began, and forget it",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			kept, err := findLogin(f.server)
			if err != nil {
				return err
			}
			client, err := kept.client()
			if err != nil {
				return err
			}
			// A session that ended by itself is as good as signed out.
			if err := client.SignOut(c.Context()); err != nil && gatehouse.Public(err).Kind() != gatehouse.KindUnauthenticated {
				return err
			}
			if err := kept.forget(); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s is signed out of %s.\n", kept.User, kept.Server)
			return nil
		},
	}
	c.Flags().StringVar(&f.server, "server", "", "the server, if you are signed in to several")
	return c
}

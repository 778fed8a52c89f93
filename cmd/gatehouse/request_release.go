package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/web"
)

func newRequestReleaseCommand(f *serverFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "release REQUEST",
		Short: "Seal the approved files into a signed bundle; prints the release's id",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := f.client()
			if err != nil {
				return err
			}
			r, err := client.ReleaseRequest(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return f.show(cmd.OutOrStdout(), r, func() {
				fmt.Fprintln(cmd.OutOrStdout(), r.ID)
				cmd.PrintErrf("%s; members of %s can download until %s\n", counted(len(r.Files), "file"), r.Project, day(r.Expires))
			})
		},
	}
}

// releaseOf takes the id of a release, or of a request that was released.
func releaseOf(ctx context.Context, client *web.Client, id string) (string, error) {
	if !strings.HasPrefix(id, "req_") {
		return id, nil
	}
	v, err := client.Request(ctx, id)
	if err == nil && v.Release == "" {
		err = gatehouse.Errorf(gatehouse.CodeRequestState, "The request was not released.")
	}
	return v.Release, err
}

func newRequestDownloadCommand(f *serverFlags) *cobra.Command {
	var output string
	c := &cobra.Command{
		Use:   "download RELEASE [--output PATH]",
		Short: "Download a release's bundle; journaled with your name",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := f.client()
			if err != nil {
				return err
			}
			id, err := releaseOf(cmd.Context(), client, args[0])
			if err != nil {
				return err
			}
			if output == "" {
				output = id + ".zip"
			}
			if err := saveNew(output, func(w io.Writer) error { return client.Download(cmd.Context(), id, w) }); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), output)
			cmd.PrintErrln("Check it with: gatehouse verify " + output + " --key FILE")
			return nil
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "", "where to save it (default: RELEASE.zip, in this folder)")
	return c
}

func newRequestLinkCommand(f *serverFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "link RELEASE",
		Short: "Make a link that downloads a release once, within minutes, without a token",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := f.client()
			if err != nil {
				return err
			}
			id, err := releaseOf(cmd.Context(), client, args[0])
			if err != nil {
				return err
			}
			link, err := client.MakeLink(cmd.Context(), id)
			if err != nil {
				return err
			}
			return f.show(cmd.OutOrStdout(), link, func() {
				fmt.Fprintf(cmd.OutOrStdout(), "%s/v1/downloads/%s\n", strings.TrimSuffix(f.server, "/"), link.Secret)
				cmd.PrintErrf("Works once, until %s, for whoever has it; the journal names you\n", minute(link.Expires))
			})
		},
	}
}

func newRequestRecallCommand(f *serverFlags) *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "recall RELEASE --reason TEXT",
		Short: "Call a release back: nobody can download it any more; names who did",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := f.client()
			if err != nil {
				return err
			}
			id, err := releaseOf(cmd.Context(), client, args[0])
			if err != nil {
				return err
			}
			r, err := client.RecallRelease(cmd.Context(), id, reason)
			if err != nil {
				return err
			}
			return f.show(cmd.OutOrStdout(), r, func() { printRecall(cmd.OutOrStdout(), r) })
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for those who hold copies")
	_ = c.MarkFlagRequired("reason")
	return c
}

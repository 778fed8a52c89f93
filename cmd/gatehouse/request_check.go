package main

import (
	"context"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/web"
)

func newRequestShowCommand(f *serverFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "show REQUEST",
		Short: "Show a request: context, files, findings, and the votes that you may see",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := f.client()
			if err != nil {
				return err
			}
			v, err := client.Request(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return f.show(cmd.OutOrStdout(), v, func() { printRequest(cmd.OutOrStdout(), v) })
		},
	}
}

func newRequestFileCommand(f *serverFlags) *cobra.Command {
	var output string
	var evidence bool
	c := &cobra.Command{
		Use:   "file REQUEST FILE [--evidence] [--output PATH]",
		Short: "Fetch a file of a request to look at it, as a checker; journaled",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := f.client()
			if err != nil {
				return err
			}
			if output == "" {
				output = filepath.Base(args[1])
				if evidence {
					output = "evidence-" + output
				}
			}
			fetch := client.File
			if evidence {
				fetch = client.Evidence
			}
			err = saveNew(output, func(w io.Writer) error { return fetch(cmd.Context(), args[0], args[1], w) })
			if err == nil {
				cmd.PrintErrf("saved as %s\n", output)
			}
			return err
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "", "where to save it (default: its name, in this folder)")
	c.Flags().BoolVar(&evidence, "evidence", false, "what the gate measured of a referred result: the people behind each number")
	return c
}

func newRequestReviewCommand(f *serverFlags) *cobra.Command {
	var approve, giveBack, reject []string
	var comment string
	var all bool
	c := step(f, "review REQUEST [--approve FILE]… [--return FILE]… [--reject FILE]… [--comment TEXT]", "Vote on files, as a checker", "has your votes",
		func(ctx context.Context, client *web.Client, args []string) (egress.RequestView, error) {
			if all {
				v, err := client.Request(ctx, args[0])
				if err != nil {
					return v, err
				}
				for _, file := range v.Files {
					if file.Kind == egress.KindOutput {
						approve = append(approve, file.Name)
					}
				}
			}
			// A comment says what is wrong: it goes with approvals only if nothing else
			// is voted.
			remark := comment
			if len(giveBack)+len(reject) > 0 {
				remark = ""
			}
			var votes []web.BallotInput
			for _, group := range []struct {
				verdict egress.Verdict
				files   []string
				comment string
			}{{egress.VerdictApprove, approve, remark}, {egress.VerdictReturn, giveBack, comment}, {egress.VerdictReject, reject, comment}} {
				for _, file := range group.files {
					votes = append(votes, web.BallotInput{File: file, Verdict: group.verdict, Comment: group.comment})
				}
			}
			if len(votes) == 0 {
				return egress.RequestView{}, gatehouse.Errorf(gatehouse.CodeRequestInvalid, "There is no vote to cast.").WithAdvice("Name files with --approve, --return or --reject.")
			}
			return client.Vote(ctx, args[0], votes)
		})
	c.Args = cobra.ExactArgs(1)
	// StringArray: a file's name may hold a comma.
	c.Flags().StringArrayVar(&approve, "approve", nil, "this file may leave")
	c.Flags().StringArrayVar(&giveBack, "return", nil, "this file may leave once something is changed")
	c.Flags().StringArrayVar(&reject, "reject", nil, "this file may not leave")
	c.Flags().BoolVar(&all, "approve-all", false, "every file may leave")
	c.Flags().StringVar(&comment, "comment", "", "why; required to return or reject")
	c.MarkFlagsMutuallyExclusive("approve-all", "approve")
	c.MarkFlagsMutuallyExclusive("approve-all", "return")
	c.MarkFlagsMutuallyExclusive("approve-all", "reject")
	return c
}

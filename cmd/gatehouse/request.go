package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/web"
)

func newRequestCommand() *cobra.Command {
	f := &serverFlags{}
	c := &cobra.Command{
		Use:   "request",
		Short: "Take files out: collect, submit, review, release, download, recall",
		Long: `A request takes files out of the environment, past two output checkers.

As a researcher:  create, add, group, remove, edit, submit, withdraw, then download what was released.
As a checker:     queue, claim, show, file, compare, discuss, review, release; recall if need be.
As a custodian:   queue, show, file, clear or veto, where a dataset of yours asks for it (see veto).

docs/life-of-a-request.md tells the whole way.`,
	}
	f.add(c)
	c.AddCommand(newRequestCreateCommand(f), newRequestAddCommand(f), newRequestRemoveCommand(f), newRequestEditCommand(f), newRequestSubmitCommand(f),
		newRequestWithdrawCommand(f), newRequestListCommand(f), newRequestShowCommand(f), newRequestFileCommand(f), newRequestReviewCommand(f),
		newRequestQueueCommand(f), newRequestClaimCommand(f), newRequestUnclaimCommand(f), newRequestDiscussCommand(f), newRequestCompareCommand(f),
		newRequestGroupCommand(f), newRequestClearCommand(f), newRequestVetoCommand(f),
		newRequestReleaseCommand(f), newRequestDownloadCommand(f), newRequestLinkCommand(f), newRequestRecallCommand(f))
	return c
}

// contextFlags are what the checkers must know.
type contextFlags struct{ egress.RequestContext }

func (f *contextFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.What, "what", "", "what the files show, and how they were made")
	c.Flags().StringVar(&f.Population, "population", "", "whom the numbers are about, and how they were selected")
	c.Flags().StringVar(&f.Dates, "dates", "", "the period that the data covers")
	c.Flags().StringVar(&f.People, "people", "", "how many people stand behind each number, or which supporting file says so")
	c.Flags().StringVar(&f.Controls, "controls", "", "disclosure controls applied: thresholds, rounding, suppression")
}

// given reports whether any of them stands on the command line.
func (f *contextFlags) given() bool { return f.RequestContext != egress.RequestContext{} }

// over gives c with what was given in its place.
func (f *contextFlags) over(c egress.RequestContext) egress.RequestContext {
	for _, field := range []struct{ to, from *string }{
		{&c.What, &f.What}, {&c.Population, &f.Population}, {&c.Dates, &f.Dates}, {&c.People, &f.People}, {&c.Controls, &f.Controls},
	} {
		if *field.from != "" {
			*field.to = *field.from
		}
	}
	return c
}

func newRequestCreateCommand(f *serverFlags) *cobra.Command {
	var in web.RequestInput
	var explained contextFlags
	var submit bool
	var query string
	var supporting []string
	c := &cobra.Command{
		Use:   "create --project P --title TITLE [FILE…] | create --query DECISION",
		Short: "Begin a request, with files or for a result that the gate withheld; prints its id",
		Long: `Begins a request and hands in files; or, with --query, refers a question whose answer the gate withheld in
part, or refused when it was asked, to the output checkers. The id of its decision (qry_…) stands in the answer's
disclosure record, or in the refusal; what is refused for how it is written has none and must be rewritten. The result is computed again with nothing withheld and shown to the checkers
alone: you have it when two of them have approved it and it is released.`,
		RunE: func(cmd *cobra.Command, files []string) error {
			if query == "" && (in.Project == "" || in.Title == "") {
				return gatehouse.Errorf(gatehouse.CodeUsage, "A request needs --project and --title, or --query.")
			}
			if query != "" && len(files) > 0 {
				return gatehouse.Errorf(gatehouse.CodeUsage, "A request for a referred result holds that result alone.").WithAdvice("Put files into a request of their own.")
			}
			client, err := f.client()
			if err != nil {
				return err
			}
			if err := readable(append(slices.Clone(files), supporting...)); err != nil {
				return err
			}
			in.Context = explained.RequestContext
			var v egress.RequestView
			if query != "" {
				v, err = client.ReferDecision(cmd.Context(), web.ReferralInput{Decision: query, Title: in.Title, Context: in.Context})
			} else {
				v, err = client.CreateRequest(cmd.Context(), in)
			}
			if err != nil {
				return err
			}
			id := v.ID
			if v, err = addFiles(cmd, client, v, egress.NewFile{}, files); err == nil {
				v, err = addFiles(cmd, client, v, egress.NewFile{Kind: egress.KindSupporting}, supporting)
			}
			if err == nil && submit {
				v, err = client.SubmitRequest(cmd.Context(), id)
			}
			if err != nil {
				cmd.PrintErrf("The request %s was begun; what follows was not done.\n", id)
				return err
			}
			return f.show(cmd.OutOrStdout(), v, func() { fmt.Fprintln(cmd.OutOrStdout(), v.ID) })
		},
	}
	c.Flags().StringVar(&in.Project, "project", "", "project whose request it is")
	c.Flags().StringVar(&in.Title, "title", "", "what to call it")
	c.Flags().StringArrayVar(&supporting, "supporting", nil, "hand this file in for the checkers alone: it never leaves")
	c.Flags().BoolVar(&submit, "submit", false, "hand it to the checkers at once")
	c.Flags().StringVar(&query, "query", "", "decision (qry_…) whose result to refer to the checkers, in place of files")
	c.MarkFlagsMutuallyExclusive("query", "project")
	c.MarkFlagsMutuallyExclusive("query", "supporting")
	explained.add(c)
	return c
}

// readable finds files that cannot be read before anything is sent.
func readable(files []string) error {
	for _, path := range files {
		info, err := os.Stat(path)
		if err == nil && !info.Mode().IsRegular() {
			err = os.ErrInvalid
		}
		if err != nil {
			return gatehouse.Errorf(gatehouse.CodeRequestInvalid, "The file %s cannot be read.", path).WithAdvice("Name plain files that you can read.").Because(err)
		}
	}
	return nil
}

func addFiles(cmd *cobra.Command, client *web.Client, v egress.RequestView, as egress.NewFile, files []string) (egress.RequestView, error) {
	for _, path := range files {
		next, err := addFile(cmd.Context(), client, v.ID, as, path)
		if err != nil {
			cmd.PrintErrf("%s was not added.\n", path)
			return v, err
		}
		v = next
		added := v.Files[len(v.Files)-1]
		cmd.PrintErrf("added %s\n", added.Name)
		printFindings(cmd.ErrOrStderr(), added)
	}
	return v, nil
}

func addFile(ctx context.Context, client *web.Client, id string, as egress.NewFile, path string) (egress.RequestView, error) {
	content, err := os.Open(path)
	if err != nil {
		return egress.RequestView{}, gatehouse.Errorf(gatehouse.CodeRequestInvalid, "The file %s cannot be read.", path).Because(err)
	}
	defer content.Close()
	as.Name = filepath.Base(path)
	return client.AddFileAs(ctx, id, as, content)
}

func newRequestAddCommand(f *serverFlags) *cobra.Command {
	var as egress.NewFile
	var supporting bool
	c := &cobra.Command{
		Use:   "add REQUEST FILE… [--supporting] [--group NAME]",
		Short: "Hand in files to a draft or returned request",
		Args:  cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := f.client()
			if err != nil {
				return err
			}
			if err := readable(args[1:]); err != nil {
				return err
			}
			if supporting {
				as.Kind = egress.KindSupporting
			}
			v, err := addFiles(cmd, client, egress.RequestView{RequestSummary: egress.RequestSummary{ID: args[0]}}, as, args[1:])
			if err != nil {
				return err
			}
			return f.show(cmd.OutOrStdout(), v, func() {})
		},
	}
	c.Flags().BoolVar(&supporting, "supporting", false, "for the checkers alone: it never leaves, and nobody votes on it")
	c.Flags().StringVar(&as.Group, "group", "", "group of outputs that it belongs to")
	return c
}

// step is a command that does one thing to a request and shows it.
func step(f *serverFlags, use, short string, done string, do func(context.Context, *web.Client, []string) (egress.RequestView, error)) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short,
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := f.client()
			if err != nil {
				return err
			}
			v, err := do(cmd.Context(), client, args)
			if err != nil {
				return err
			}
			return f.show(cmd.OutOrStdout(), v, func() { fmt.Fprintf(cmd.OutOrStdout(), "%s %s: %s\n", v.ID, done, stateInWords(v.RequestSummary)) })
		},
	}
}

func newRequestRemoveCommand(f *serverFlags) *cobra.Command {
	c := step(f, "remove REQUEST FILE", "Take a file out of a draft or returned request", "has one file less", func(ctx context.Context, client *web.Client, args []string) (egress.RequestView, error) {
		return client.RemoveFile(ctx, args[0], args[1])
	})
	c.Args = cobra.ExactArgs(2)
	return c
}

func newRequestEditCommand(f *serverFlags) *cobra.Command {
	var title string
	var explained contextFlags
	c := step(f, "edit REQUEST", "Change title or context of a draft or returned request", "was changed", func(ctx context.Context, client *web.Client, args []string) (egress.RequestView, error) {
		return edit(ctx, client, args[0], title, explained)
	})
	c.Args = cobra.ExactArgs(1)
	c.Flags().StringVar(&title, "title", "", "what to call it")
	explained.add(c)
	return c
}

func edit(ctx context.Context, client *web.Client, id, title string, explained contextFlags) (egress.RequestView, error) {
	v, err := client.Request(ctx, id)
	if err != nil {
		return v, err
	}
	change := web.RequestChange{}
	if title != "" {
		change.Title = &title
	}
	if explained.given() {
		whole := explained.over(v.Context)
		change.Context = &whole
	}
	return client.EditRequest(ctx, id, change)
}

func newRequestSubmitCommand(f *serverFlags) *cobra.Command {
	var explained contextFlags
	c := step(f, "submit REQUEST", "Hand a request to the checkers", "was submitted", func(ctx context.Context, client *web.Client, args []string) (egress.RequestView, error) {
		if explained.given() {
			if v, err := edit(ctx, client, args[0], "", explained); err != nil {
				return v, err
			}
		}
		return client.SubmitRequest(ctx, args[0])
	})
	c.Args = cobra.ExactArgs(1)
	explained.add(c)
	return c
}

func newRequestWithdrawCommand(f *serverFlags) *cobra.Command {
	c := step(f, "withdraw REQUEST", "Give a request up, before its release", "was given up", func(ctx context.Context, client *web.Client, args []string) (egress.RequestView, error) {
		return client.WithdrawRequest(ctx, args[0])
	})
	c.Args = cobra.ExactArgs(1)
	return c
}

func newRequestListCommand(f *serverFlags) *cobra.Command {
	var filter egress.RequestFilter
	var state string
	c := &cobra.Command{
		Use:   "list [--project P] [--state STATE]",
		Short: "List the requests that you may see, newest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := f.client()
			if err != nil {
				return err
			}
			filter.State = egress.RequestState(state)
			found, err := client.Requests(cmd.Context(), filter)
			if err != nil {
				return err
			}
			return f.show(cmd.OutOrStdout(), found, func() { printList(cmd.OutOrStdout(), found) })
		},
	}
	c.Flags().StringVar(&filter.Project, "project", "", "of this project only")
	c.Flags().StringVar(&state, "state", "", "in this state only: draft, submitted, in_review, disputed, returned, vetting, approved, rejected, released, recalled, withdrawn")
	c.Flags().StringVar(&filter.After, "after", "", "older than the request of this id")
	c.Flags().IntVar(&filter.Limit, "limit", 100, "at most so many")
	return c
}

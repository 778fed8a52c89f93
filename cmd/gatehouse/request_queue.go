package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/web"
)

func newRequestQueueCommand(f *serverFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "queue",
		Short: "List what waits for checkers and custodians: what you can act on first, by when it is due",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := f.client()
			if err != nil {
				return err
			}
			items, err := client.Queue(cmd.Context())
			if err != nil {
				return err
			}
			return f.show(cmd.OutOrStdout(), items, func() { printQueue(cmd.OutOrStdout(), items) })
		},
	}
}

func newRequestClaimCommand(f *serverFlags) *cobra.Command {
	c := step(f, "claim REQUEST", "Say that you are looking at a request; it binds nobody and runs out", "is claimed", func(ctx context.Context, client *web.Client, args []string) (egress.RequestView, error) {
		return client.ClaimRequest(ctx, args[0])
	})
	c.Args = cobra.ExactArgs(1)
	return c
}

func newRequestUnclaimCommand(f *serverFlags) *cobra.Command {
	c := step(f, "unclaim REQUEST", "Say that you are no longer looking at a request", "is no longer claimed", func(ctx context.Context, client *web.Client, args []string) (egress.RequestView, error) {
		return client.UnclaimRequest(ctx, args[0])
	})
	c.Args = cobra.ExactArgs(1)
	return c
}

func printQueue(w io.Writer, items []egress.QueueItem) {
	if len(items) == 0 {
		fmt.Fprintln(w, "Nothing waits.")
		return
	}
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	defer table.Flush()
	fmt.Fprintln(table, "REQUEST\tPROJECT\tTO DO\tFILES\tDUE\tCLAIMED BY\tTITLE")
	for _, i := range items {
		task := strings.ReplaceAll(string(i.Task), "-", " ")
		if i.Task == egress.TaskNone {
			task = "(others: " + string(i.Turn) + ")"
		}
		files := fmt.Sprint(i.Files)
		if i.Serious > 0 {
			files += fmt.Sprintf(" (%d serious)", i.Serious)
		}
		var claims []string
		for _, c := range i.Claims {
			claims = append(claims, c.Checker)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", i.ID, i.Project, task, files, dueInWords(i.Clock), strings.Join(claims, ", "), i.Title)
	}
}

// dueInWords says when a request should be done.
func dueInWords(c egress.Clock) string {
	switch {
	case c.Paused:
		return "(stands)"
	case c.Due == nil:
		return ""
	case c.Overdue:
		return day(*c.Due) + ", late"
	}
	return day(*c.Due)
}

// workingDays is "1 working day" or "1.5 working days".
func workingDays(n float64) string {
	text := strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.1f", n), "0"), ".")
	if text == "1" {
		return "1 working day"
	}
	return text + " working days"
}

func printClock(w io.Writer, v egress.RequestView) {
	switch v.Turn {
	case egress.PartyNobody, egress.PartyMember:
		return
	}
	who := string(v.Turn)
	if len(v.Clock.Names) > 0 {
		who += " (" + strings.Join(v.Clock.Names, ", ") + ")"
	}
	fmt.Fprintf(w, "waits for the %s since %s, %s", who, minute(v.Clock.Since), workingDays(v.Clock.Waited))
	switch c := v.Clock; {
	case c.Paused:
		fmt.Fprintf(w, "; the clock stands at %s of %d", workingDays(c.Taken), c.Target)
	case c.Due != nil && c.Overdue:
		fmt.Fprintf(w, "; late: it was due %s", minute(*c.Due))
	case c.Due != nil:
		fmt.Fprintf(w, "; due %s", minute(*c.Due))
	}
	fmt.Fprintln(w)
	for _, c := range v.Claims {
		fmt.Fprintf(w, "claimed by %s until %s\n", c.Checker, minute(c.Until))
	}
}

func newRequestClearCommand(f *serverFlags) *cobra.Command {
	var in web.ClearanceInput
	var veto bool
	c := step(f, "clear REQUEST [--dataset NAME]… | clear REQUEST --veto --reason TEXT", "Agree to a release as custodian of its data, or veto it", "has your word",
		func(ctx context.Context, client *web.Client, args []string) (egress.RequestView, error) {
			in.Verdict = egress.ClearanceClear
			if veto {
				in.Verdict = egress.ClearanceVeto
			}
			return client.ClearRequest(ctx, args[0], in)
		})
	c.Args = cobra.ExactArgs(1)
	c.Flags().BoolVar(&veto, "veto", false, "nothing of it leaves")
	c.Flags().StringArrayVar(&in.Datasets, "dataset", nil, "for this dataset only (default: every one of yours that it waits for)")
	c.Flags().StringVar(&in.Reason, "reason", "", "why; required to veto")
	return c
}

func newRequestVetoCommand(f *serverFlags) *cobra.Command {
	var ask, lift string
	c := &cobra.Command{
		Use:   "veto [--ask DATASET | --lift DATASET]",
		Short: "List the datasets whose custodian must agree before a release; ask for it, or no longer",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := f.client()
			if err != nil {
				return err
			}
			var vetoes []egress.DatasetVeto
			switch {
			case ask != "":
				vetoes, err = client.AskVeto(cmd.Context(), ask, true)
			case lift != "":
				vetoes, err = client.AskVeto(cmd.Context(), lift, false)
			default:
				vetoes, err = client.Vetoes(cmd.Context())
			}
			if err != nil {
				return err
			}
			return f.show(cmd.OutOrStdout(), vetoes, func() {
				if len(vetoes) == 0 {
					fmt.Fprintln(cmd.OutOrStdout(), "No dataset asks for its custodian's agreement.")
				}
				for _, v := range vetoes {
					fmt.Fprintf(cmd.OutOrStdout(), "%s  asked for by %s since %s\n", v.Dataset, v.By, day(v.Since))
				}
			})
		},
	}
	c.Flags().StringVar(&ask, "ask", "", "from now on its custodian must agree")
	c.Flags().StringVar(&lift, "lift", "", "its custodian need no longer agree")
	c.MarkFlagsMutuallyExclusive("ask", "lift")
	return c
}

func newRequestGroupCommand(f *serverFlags) *cobra.Command {
	var explained contextFlags
	var files []string
	var remove bool
	c := step(f, "group REQUEST NAME [--what … --population … --dates … --people … --controls …] [--file FILE]…", "Make or change a group of outputs with a context of its own, and put files into it", "has its groups",
		func(ctx context.Context, client *web.Client, args []string) (egress.RequestView, error) {
			v, err := client.Request(ctx, args[0])
			if err != nil {
				return v, err
			}
			groups, there := []egress.OutputGroup{}, false
			for _, g := range v.Groups {
				if g.Name == args[1] {
					if there = true; remove {
						continue
					}
					g.Context = explained.over(g.Context)
				}
				groups = append(groups, g)
			}
			if remove && !there {
				return v, gatehouse.Errorf(gatehouse.CodeNotFound, "The request has no group of that name.")
			}
			if !there {
				groups = append(groups, egress.OutputGroup{Name: args[1], Context: explained.RequestContext})
			}
			if v, err = client.EditRequest(ctx, args[0], web.RequestChange{Groups: &groups}); err != nil {
				return v, err
			}
			for _, file := range files {
				if v, err = client.MoveFile(ctx, args[0], file, args[1]); err != nil {
					return v, err
				}
			}
			return v, nil
		})
	c.Args = cobra.ExactArgs(2)
	explained.add(c)
	c.Flags().StringArrayVar(&files, "file", nil, "a file of the request that belongs to it")
	c.Flags().BoolVar(&remove, "remove", false, "take the group out; no file may be in it")
	return c
}

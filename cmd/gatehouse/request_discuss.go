package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/web"
)

func newRequestDiscussCommand(f *serverFlags) *cobra.Command {
	var in web.MessageInput
	c := step(f, "discuss REQUEST TEXT [--file FILE] [--private] | discuss REQUEST TEXT --thread THREAD", "Ask, answer or remark; 'show' prints the discussion", "has your message",
		func(ctx context.Context, client *web.Client, args []string) (egress.RequestView, error) {
			in.Body = args[1]
			return client.SayMessage(ctx, args[0], in)
		})
	c.Args = cobra.ExactArgs(2)
	c.Flags().StringVar(&in.Thread, "thread", "", "answer in this thread (msg_…)")
	c.Flags().StringVar(&in.File, "file", "", "file that it is about")
	c.Flags().BoolVar(&in.Private, "private", false, "among checkers and custodians: the author never sees it")
	c.MarkFlagsMutuallyExclusive("thread", "file")
	c.MarkFlagsMutuallyExclusive("thread", "private")
	return c
}

func printDiscussion(w io.Writer, threads []egress.ThreadView) {
	for _, t := range threads {
		fmt.Fprintf(w, "\nthread %s", t.ID)
		if t.File != "" {
			fmt.Fprintf(w, ", about %s", t.File)
		}
		if t.Private {
			fmt.Fprint(w, ", not shown to the author")
		}
		fmt.Fprintln(w)
		for _, m := range t.Messages {
			fmt.Fprintf(w, "  %s (%s), %s: %s\n", m.By, m.Side, minute(m.At), indented(m.Body, 4))
		}
	}
}

func newRequestCompareCommand(f *serverFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "compare REQUEST [FILE]",
		Short: "What left the project before; with FILE, how it differs, cell by cell. For checkers; journaled",
		Args:  cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := f.client()
			if err != nil {
				return err
			}
			w := cmd.OutOrStdout()
			if len(args) == 1 {
				releases, err := client.EarlierReleases(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return f.show(w, releases, func() { printEarlier(w, releases) })
			}
			found, err := client.CompareFile(cmd.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			return f.show(w, found, func() { printComparisons(w, found) })
		},
	}
}

func printEarlier(w io.Writer, releases []egress.EarlierRelease) {
	if len(releases) == 0 {
		fmt.Fprintln(w, "Nothing has left the project before.")
	}
	for _, r := range releases {
		fmt.Fprintf(w, "%s  %s, by %s, released %s", r.Release, r.Title, r.Author, day(r.Released))
		if r.Recalled != nil {
			fmt.Fprintf(w, ", recalled %s", day(*r.Recalled))
		}
		fmt.Fprintln(w)
		for _, f := range r.Files {
			fmt.Fprintf(w, "  %s", f.Name)
			switch {
			case f.Same != "":
				fmt.Fprintf(w, "  the same bytes as %s", f.Same)
			case f.Namesake != "":
				fmt.Fprint(w, "  has the name of a file of this request: see compare REQUEST FILE")
			}
			fmt.Fprintln(w)
		}
	}
}

func printComparisons(w io.Writer, found []egress.FileComparison) {
	if len(found) == 0 {
		fmt.Fprintln(w, "Nothing of that name has left the project before.")
	}
	for _, f := range found {
		fmt.Fprintf(w, "beside %s of %s, released %s\n", f.File, f.Release, day(f.Released))
		c := f.Comparison
		switch {
		case c.Same:
			fmt.Fprintln(w, "  the same bytes")
			continue
		case !c.Comparable:
			fmt.Fprintf(w, "  not compared: %s\n", c.Why)
			continue
		}
		if len(c.Keys) > 0 {
			fmt.Fprintf(w, "  rows matched by %s\n", strings.Join(c.Keys, ", "))
		}
		for _, list := range []struct {
			what  string
			names []string
		}{{"column that is new", c.ColumnsAdded}, {"column that is gone", c.ColumnsRemoved}, {"row that is new", c.RowsAdded}, {"row that is gone", c.RowsRemoved}} {
			for _, name := range list.names {
				fmt.Fprintf(w, "  %s: %s\n", list.what, name)
			}
		}
		for _, cell := range c.Cells {
			fmt.Fprintf(w, "  %s, %s: %s, was %s", cell.Row, cell.Column, cell.After, cell.Before)
			if cell.Small {
				fmt.Fprint(w, "  (fewer people than the threshold)")
			}
			fmt.Fprintln(w)
		}
		if c.More {
			fmt.Fprintln(w, "  and more")
		}
	}
}

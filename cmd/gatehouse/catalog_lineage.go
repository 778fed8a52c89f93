package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse/catalog"
)

func newCatalogLineageCommand() *cobra.Command {
	f := &serverFlags{}
	c := &cobra.Command{
		Use: "lineage DATASET[@NUMBER]", Short: "Show what a version was made of, and what workspaces made of it", Args: cobra.ExactArgs(1),
		Long: `Show what a version was made of: definition, opt-out lists with their dates, the version before; and the tables that workspaces made of it,
of those that you may see. Extracts, keyed digests of lists and hashes of files are shown to custodians of the dataset.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			client, dataset, number, err := f.version(cmd, args[0])
			if err != nil {
				return err
			}
			l, err := client.Lineage(cmd.Context(), dataset, number)
			if err != nil || f.json {
				return orJSON(cmd.OutOrStdout(), l, err)
			}
			return printLineage(cmd.OutOrStdout(), l)
		},
	}
	f.add(c)
	return c
}

func printLineage(out io.Writer, l catalog.Lineage) error {
	fmt.Fprintf(out, "%s, published %s\ndefinition %s\nperson index %s\n", l.Version, l.Published.Format(time.DateTime), l.Definition, l.Index)
	if l.Before != nil {
		fmt.Fprintf(out, "after version %d, manifest %s\n", l.Before.Number, l.Before.Manifest)
	}
	w := tabwriter.NewWriter(out, 2, 0, 2, ' ', 0)
	for _, list := range l.Lists {
		fmt.Fprintf(w, "list\t%s\tdated %s\t%s\n", list.List, list.Dated.Format(time.DateOnly), list.Digest)
	}
	if l.NoOptOuts != "" {
		fmt.Fprintf(w, "no list\t%s\n", l.NoOptOuts)
	}
	for _, s := range l.Sources {
		fmt.Fprintf(w, "extract\t%s\tof %s\t%s\n", s.Extract, s.Table, s.SHA256)
	}
	for _, t := range l.Tables {
		for _, sum := range t.SHA256 {
			fmt.Fprintf(w, "file\tof %s\t\t%s\n", t.Name, sum)
		}
	}
	for _, t := range l.Derived {
		kind := "table"
		if t.View {
			kind = "view"
		}
		fmt.Fprintf(w, "%s\t%s\tof workspace %s\tof project %s\tmade %s\n", kind, t.Name, t.Workspace, t.Project, t.Made.Format(time.DateTime))
	}
	return w.Flush()
}

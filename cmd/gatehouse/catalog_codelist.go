package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog/codelist"
)

func newCatalogCodelistCommand() *cobra.Command {
	f := &serverFlags{}
	c := &cobra.Command{
		Use: "codelist", Short: "Lists of clinical codes, which every workspace has as public tables",
		Long: `Add and see codelists, as OpenCodelists (opencodelists.org) publishes them. A version never changes. Every workspace has each as a
public table of code, term and category: SELECT … WHERE code IN (SELECT code FROM codelists.asthma_v2024_01_31).`,
	}
	f.add(c)
	c.AddCommand(newCodelistAddCommand(f), newCodelistListCommand(f), newCodelistShowCommand(f), newCodelistSearchCommand(f))
	return c
}

func newCodelistAddCommand(f *serverFlags) *cobra.Command {
	var n codelist.New
	var system string
	c := &cobra.Command{
		Use: "add NAME FILE --version VERSION", Short: "Add a version of a codelist from its CSV (a custodian)", Args: cobra.ExactArgs(2),
		Long: `Add a version of a codelist from the CSV that its publisher gives. The codes stand in a column code, dmd_id, snomedct_code, icd10_code
or the like; terms and categories beside them are kept. The file is read strictly: a code that a spreadsheet has damaged, one that
stands twice, or text that is not UTF-8 is refused, with its line.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := f.client()
			if err != nil {
				return err
			}
			file, err := os.Open(args[1])
			if err != nil {
				return gatehouse.Errorf(gatehouse.CodeUsage, "The file %s cannot be read.", args[1]).Because(err)
			}
			defer file.Close()
			n.Name, n.System, n.Content = args[0], codelist.System(system), file
			added, err := client.AddCodelist(cmd.Context(), n)
			if err != nil || f.json {
				return orJSON(cmd.OutOrStdout(), added, err)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s has %s of %s.\n", added.Table, plural(added.Codes, "code", "codes"), added.System)
			return nil
		},
	}
	c.Flags().StringVar(&n.Version, "version", "", "what the publisher calls the version, such as 2024-01-31")
	c.Flags().StringVar(&n.Title, "title", "", "what people call the list")
	c.Flags().StringVar(&n.Reference, "reference", "", "where it was published")
	c.Flags().StringVar(&system, "system", "", "system of the codes, if the file's header does not say it: snomedct, dmd, icd10, opcs4, ctv3, readv2, bnf, other")
	c.Flags().StringVar(&n.Column, "column", "", "column of the codes, if its name is not a known one")
	_ = c.MarkFlagRequired("version")
	return c
}

// orJSON prints v for programs, unless there is an error.
func orJSON(out io.Writer, v any, err error) error {
	if err != nil {
		return err
	}
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func newCodelistListCommand(f *serverFlags) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List every version of every codelist", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := f.client()
			if err != nil {
				return err
			}
			all, err := client.Codelists(cmd.Context())
			if err != nil || f.json {
				return orJSON(cmd.OutOrStdout(), all, err)
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 2, 0, 2, ' ', 0)
			fmt.Fprintln(w, "name\tversion\tsystem\tcodes\tadded\ttable")
			for _, c := range all {
				fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\n", c.Name, c.Version, c.System, c.Codes, c.Added.Format(time.DateOnly), c.Table)
			}
			return w.Flush()
		},
	}
}

func newCodelistShowCommand(f *serverFlags) *cobra.Command {
	var version string
	c := &cobra.Command{
		Use: "show NAME [--version VERSION]", Short: "Show a codelist with its codes: its newest version, or another", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := f.client()
			if err != nil {
				return err
			}
			if version == "" {
				all, err := client.Codelists(cmd.Context())
				if err != nil {
					return err
				}
				for _, c := range all { // as they were added
					if c.Name == args[0] {
						version = c.Version
					}
				}
				if version == "" {
					return gatehouse.Errorf(gatehouse.CodeNotFound, "There is no such codelist.")
				}
			}
			c, err := client.Codelist(cmd.Context(), args[0], version)
			if err != nil || f.json {
				return orJSON(cmd.OutOrStdout(), c, err)
			}
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "%s, version %s: %s of %s, added on %s by %s\ntable %s\nSHA-256 %s\n", c.Name, c.Version, plural(c.Codes, "code", "codes"), c.System, c.Added.Format(time.DateOnly), c.AddedBy, c.Table, c.SHA256)
			for _, line := range []string{c.Title, c.Reference} {
				if line != "" {
					fmt.Fprintln(out, line)
				}
			}
			w := tabwriter.NewWriter(out, 2, 0, 2, ' ', 0)
			for _, t := range c.Terms {
				fmt.Fprintf(w, "%s\t%s\t%s\n", t.Code, t.Term, t.Category)
			}
			return w.Flush()
		},
	}
	c.Flags().StringVar(&version, "version", "", "version (default: the newest)")
	return c
}

func newCodelistSearchCommand(f *serverFlags) *cobra.Command {
	return &cobra.Command{
		Use: "search WORD…", Short: "Find terms, in the newest version of every codelist, that have every word", Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := f.client()
			if err != nil {
				return err
			}
			found, err := client.SearchCodelists(cmd.Context(), strings.Join(args, " "))
			if err != nil || f.json {
				return orJSON(cmd.OutOrStdout(), found, err)
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 2, 0, 2, ' ', 0)
			for _, t := range found.Items {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", t.Code, t.Term.Term, t.Category, t.Name, t.Version)
			}
			if err := w.Flush(); err != nil {
				return err
			}
			if found.More {
				fmt.Fprintln(cmd.ErrOrStderr(), "There are more: search for more words.")
			}
			return nil
		},
	}
}

package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func newProjectDocumentCommand() *cobra.Command {
	var f serverFlags
	c := &cobra.Command{
		Use: "document", Short: "Certificates of training, and what an opt-out basis rests on: for those who decide",
		Long: `Documents of a project: PDF, PNG or JPEG, at most 4 MiB. They are never changed or removed, and read by the custodians
who decide about the project, whom they are about, and who added them.`,
	}
	f.add(c)
	var of string
	var basis bool
	add := &cobra.Command{
		Use: "add PROJECT FILE [--of USER | --opt-out-basis]", Short: "Add a certificate of training (your own, if nobody is named), or what the opt-out basis rests on", Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := f.client()
			if err != nil {
				return err
			}
			file, err := os.Open(args[1])
			if err != nil {
				return gatehouse.Errorf(gatehouse.CodeUsage, "%s cannot be read.", args[1]).Because(err)
			}
			defer file.Close()
			d := workspaces.Document{Kind: workspaces.DocumentTraining, User: of, Name: filepath.Base(args[1])}
			if basis {
				d.Kind = workspaces.DocumentOptOut
			}
			if d, err = client.AddDocument(c.Context(), args[0], d, file); err != nil {
				return err
			}
			return f.show(c.OutOrStdout(), d, func() { fmt.Fprintf(c.OutOrStdout(), "%s  %s\n", d.ID, d.SHA256) })
		},
	}
	add.Flags().StringVar(&of, "of", "", "whose training it certifies")
	add.Flags().BoolVar(&basis, "opt-out-basis", false, "it is what the opt-out basis rests on")
	add.MarkFlagsMutuallyExclusive("of", "opt-out-basis")
	list := &cobra.Command{
		Use: "list PROJECT", Short: "List the documents that you may know of, newest first", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := f.client()
			if err != nil {
				return err
			}
			all, err := client.Documents(c.Context(), args[0])
			if err != nil {
				return err
			}
			return f.show(c.OutOrStdout(), all, func() {
				for _, d := range all {
					fmt.Fprintf(c.OutOrStdout(), "%s  %-13s  %-16s  %s by %s  %s  %s\n", d.ID, d.Kind, orDash(d.User), d.Added.Format(time.DateOnly), d.AddedBy, d.SHA256, d.Name)
				}
			})
		},
	}
	var output string
	read := &cobra.Command{
		Use: "read PROJECT DOCUMENT --output FILE", Short: "Fetch a document; journaled", Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := f.client()
			if err != nil {
				return err
			}
			return saveNew(output, func(w io.Writer) error { return client.Document(c.Context(), args[0], args[1], w) })
		},
	}
	read.Flags().StringVarP(&output, "output", "o", "", "where to save it")
	_ = read.MarkFlagRequired("output")
	c.AddCommand(add, list, read)
	return c
}

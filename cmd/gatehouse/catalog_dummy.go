package main

import (
	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/catalog/dummy"
)

func newCatalogDummyCommand() *cobra.Command {
	f := &serverFlags{}
	var out string
	var people int
	var seed uint64
	c := &cobra.Command{
		Use: "dummy DATASET[@NUMBER] --out DIR", Short: "Make data that looks like a dataset and is about nobody, to write code with", Args: cobra.ExactArgs(1),
		Long: `Make data that looks like a dataset and is about nobody, so that code can be written before a project is approved: a CSV file for
each table, and load.sql for DuckDB. It is drawn from the version's profile, column by column; no relation between columns is kept.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			client, name, number, err := f.version(cmd, args[0])
			if err != nil {
				return err
			}
			p, err := client.Profile(cmd.Context(), name, number)
			if err != nil {
				return err
			}
			all, err := client.Datasets(cmd.Context())
			if err != nil {
				return err
			}
			for _, d := range all {
				if d.Dataset != name || d.Number != number {
					continue
				}
				var tables []catalog.Table
				for _, t := range d.Tables {
					tables = append(tables, catalog.Table{Name: t.Name, Public: t.Public, Columns: t.Columns})
				}
				if err := dummy.Write(out, tables, &p, people, seed); err != nil {
					return err
				}
				cmd.Printf("%d people who are nobody, in %s. Load them there with: duckdb dummy.duckdb < load.sql\n", people, out)
				return nil
			}
			return gatehouse.Errorf(gatehouse.CodeNotFound, "There is no version %s.", args[0])
		},
	}
	f.add(c)
	c.Flags().StringVar(&out, "out", "", "folder to make")
	c.Flags().IntVar(&people, "people", 1000, "how many people")
	c.Flags().Uint64Var(&seed, "seed", 1, "the same seed makes the same data")
	_ = c.MarkFlagRequired("out")
	return c
}

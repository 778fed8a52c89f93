package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog/infer"
)

func newCatalogInferCommand() *cobra.Command {
	var o infer.Options
	var out string
	cmd := &cobra.Command{
		Use:   "infer FOLDER",
		Short: "Propose a dataset definition for a folder of extracts",
		Long: `Propose a dataset definition for a folder of extracts: a type, a treatment and a class for each column, by what a sample
of its values looks like. Columns that look like NHS numbers (modulus 11), postcodes, dates of birth, names, addresses,
e-mail addresses or phone numbers are flagged, with the share of rows; direct identifiers and free text are dropped.
No value of a file is printed. The proposal is where to begin: read every line of it before you publish with it.

Each file is read from its beginning, up to --rows rows: what is rare or comes late may not be seen. Memory depends on
the number of columns, not on the length of the files.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := infer.Propose(cmd.Context(), args[0], o)
			if err != nil {
				return err
			}
			if out == "" {
				_, err = cmd.OutOrStdout().Write(text)
				return err
			}
			f, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if err != nil {
				return gatehouse.Errorf(gatehouse.CodeUsage, "The file of --out cannot be made.").Because(err).WithAdvice("Name a file that does not exist yet.")
			}
			if _, err := f.Write(text); err != nil {
				f.Close()
				return gatehouse.Errorf(gatehouse.CodeStorage, "The file of --out cannot be written.").Because(err)
			}
			return f.Close()
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Dataset, "dataset", "", "name of the dataset; default: the folder's")
	f.Int64Var(&o.Rows, "rows", infer.DefaultRows, "rows of each file to look at")
	f.StringVar(&out, "out", "", "write the definition to this new file")
	return cmd
}

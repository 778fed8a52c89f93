package main

import (
	"encoding/json"

	"github.com/spf13/cobra"
)

func newCatalogMetadataCommand() *cobra.Command {
	f := &serverFlags{}
	var form string
	c := &cobra.Command{
		Use: "metadata DATASET[@NUMBER]", Short: "Print a version's metadata for other catalogues: HDR UK 3.0.0 or DCAT 3", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, dataset, number, err := f.version(cmd, args[0])
			if err != nil {
				return err
			}
			m, err := client.Metadata(cmd.Context(), dataset, number, form)
			if err != nil {
				return err
			}
			e := json.NewEncoder(cmd.OutOrStdout())
			e.SetIndent("", "  ")
			return e.Encode(m)
		},
	}
	f.add(c)
	c.Flags().StringVar(&form, "form", "hdruk", "hdruk or dcat")
	return c
}

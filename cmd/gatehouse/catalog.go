package main

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/infra/keys"
)

func newCatalogCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{Use: "catalog", Short: "See and verify the published versions of an installation, take people out of them, and the definitions that come with Gatehouse"}
	cmd.AddCommand(
		&cobra.Command{
			Use: "list", Short: "List the published versions", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return listVersions(cmd, dir) },
		},
		&cobra.Command{
			Use: "show DATASET[@NUMBER]", Short: "Show tables, columns, row counts and opt-outs of a version", Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error { return showVersion(cmd, dir, args[0]) },
		},
		&cobra.Command{
			Use: "verify [DATASET[@NUMBER]]", Short: "Verify signature and files of one version, or of all", Args: cobra.MaximumNArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error { return verifyVersions(cmd, dir, args) },
		},
	)
	for _, sub := range cmd.Commands() {
		sub.Flags().StringVar(&dir, "dir", "", "folder of the installation")
		if err := sub.MarkFlagRequired("dir"); err != nil {
			panic(err) // the flag stands above
		}
	}
	cmd.AddCommand(newCatalogDefinitionCommand(), newCatalogInferCommand(), newCatalogWithdrawCommand(), newCatalogConsentCommand(), newCatalogLeavingCommand(), newCatalogIndexCommand(), newCatalogCustodianCommand(), newCatalogProfileCommand(), newCatalogMetadataCommand(), newCatalogDummyCommand())
	cmd.AddCommand(newCatalogRetainCommand(), newCatalogHoldCommand(), newCatalogRecallCommand(), newCatalogDeleteCommand(), newCatalogDeletionCommand(), newCatalogDiffCommand(), newCatalogCodelistCommand(), newCatalogLineageCommand())
	return cmd
}

// shippedDefinitions are named in help and errors.
const shippedDefinitions = "shared_care, omop, fhir, hes or gdppr"

func newCatalogDefinitionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "definition NAME", Short: "Print a dataset definition that comes with Gatehouse, to begin one's own with: " + shippedDefinitions, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, ok := catalog.ShippedText(args[0])
			if !ok {
				return gatehouse.Errorf(gatehouse.CodeNotFound, "No definition %q comes with Gatehouse.", args[0]).WithAdvice("Name %s.", shippedDefinitions)
			}
			_, err := cmd.OutOrStdout().Write(text)
			return err
		},
	}
}

// openCatalogue opens the catalogue alone: reading it needs no secret key.
func openCatalogue(dir string) (*catalog.Catalogue, error) {
	public, err := manifestKey(dir)
	if err != nil {
		return nil, err
	}
	return catalog.Open(dir, public)
}

// manifestKey reads the public key of an installation's manifests.
func manifestKey(dir string) (ed25519.PublicKey, error) {
	text, err := os.ReadFile(filepath.Join(dir, "keys", keys.Manifest+".pub.pem"))
	if err != nil {
		return nil, gatehouse.Errorf(gatehouse.CodeConfig, "There is no installation in %s, or its public key cannot be read.", dir).Because(err)
	}
	return keys.ParsePublic(text)
}

// parseVersionName reads DATASET or DATASET@NUMBER; number is 0 for the newest.
func parseVersionName(s string) (dataset string, number int, err error) {
	dataset, digits, pinned := strings.Cut(s, "@")
	if pinned {
		if number, err = strconv.Atoi(digits); err != nil || number < 1 {
			return "", 0, gatehouse.Errorf(gatehouse.CodeNotFound, "%q is not the name of a version.", s).WithAdvice("Versions are named like shared_care@3.")
		}
	}
	return dataset, number, nil
}

func listVersions(cmd *cobra.Command, dir string) error {
	c, err := openCatalogue(dir)
	if err != nil {
		return err
	}
	versions, err := c.List(cmd.Context())
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 2, 0, 2, ' ', 0)
	fmt.Fprintln(w, "version\tpublished\tpeople\ttables\ttitle")
	for _, v := range versions {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\n", v.Name(), v.Published.Format(time.DateTime), v.Units, len(v.Tables), v.Title)
	}
	return errors.Join(w.Flush(), err)
}

func showVersion(cmd *cobra.Command, dir, name string) error {
	c, err := openCatalogue(dir)
	if err != nil {
		return err
	}
	dataset, number, err := parseVersionName(name)
	if err != nil {
		return err
	}
	v, err := c.Version(cmd.Context(), dataset, number)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	printVersion(out, v)
	for _, t := range v.Tables {
		kind := fmt.Sprintf("%d rows of %d people", t.Rows, t.People)
		if t.Public {
			kind = fmt.Sprintf("%d rows, public", t.Rows)
		}
		fmt.Fprintf(out, "\n%s: %s\n  %s\n", t.Name, kind, t.Description)
		w := tabwriter.NewWriter(out, 2, 0, 2, ' ', 0)
		for _, column := range t.Columns {
			fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%s\n", column.Name, column.Type, column.Class, column.Grain, column.Description)
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return nil
}

func verifyVersions(cmd *cobra.Command, dir string, args []string) error {
	c, err := openCatalogue(dir)
	if err != nil {
		return err
	}
	type wanted struct {
		dataset string
		number  int
	}
	var all []wanted
	var faults []error
	if len(args) == 1 {
		dataset, number, err := parseVersionName(args[0])
		if err != nil {
			return err
		}
		all = append(all, wanted{dataset, number})
	} else {
		versions, err := c.List(cmd.Context())
		faults = append(faults, err)
		for _, v := range versions {
			all = append(all, wanted{v.Dataset, v.Number})
		}
	}
	for _, w := range all {
		v, err := c.Version(cmd.Context(), w.dataset, w.number)
		if err != nil {
			fmt.Fprintf(cmd.OutOrStdout(), "%s@%d does not verify\n", w.dataset, w.number)
			faults = append(faults, err)
			continue
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s verifies: %d files\n", v.Name(), len(v.Files()))
	}
	datasets := map[string]bool{}
	for _, w := range all {
		datasets[w.dataset] = len(args) == 0
	}
	for _, dataset := range slices.Sorted(maps.Keys(datasets)) {
		if datasets[dataset] {
			faults = append(faults, verifyChain(cmd, dir, dataset))
		}
	}
	return errors.Join(faults...)
}

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/infra/state"
)

// indexIn is the person indexes of an installation, for what two custodians decided.
type indexIn struct{ dir string }

func (i indexIn) Identifiers(ctx context.Context, family string, units []uint32) (map[uint32][]string, error) {
	return catalog.Identifiers(ctx, i.dir, family, units)
}

func newCatalogIndexCommand() *cobra.Command {
	c := &cobra.Command{Use: "index", Short: "Record that numbers are one person's or two people's, and verify a person index"}
	c.AddCommand(
		newIndexChangeCommand("merge --dir DIR INDEX FILE", "Record that two numbers are one person's (a custodian)",
			`Record that two numbers are one person's. FILE has one merge on each line: the number that is kept, a comma, the number that it
supersedes. In every later version the person has the unit of the number that is kept; versions that stand do not change. Withdrawals by
either number reach both units. FILE belongs into the custodian zone.`,
			func(ctx context.Context, o catalog.IndexOptions, in io.Reader) (int, error) {
				merges, err := catalog.ReadMerges(in)
				if err != nil {
					return 0, err
				}
				return len(merges), catalog.MergePeople(ctx, o, merges)
			}),
		newIndexChangeCommand("split --dir DIR INDEX FILE", "Record that numbers of one person are two people's (a custodian)",
			`Record that numbers of one person are two people's. FILE has one split on each line: a number of the person who stays, then those of
the other person, with commas between them; local numbers are written ORGANISATION/NUMBER. The other person gets a new unit in every later
version; versions that stand do not change. FILE belongs into the custodian zone.`,
			func(ctx context.Context, o catalog.IndexOptions, in io.Reader) (int, error) {
				splits, err := catalog.ReadSplits(in)
				if err != nil {
					return 0, err
				}
				return len(splits), catalog.SplitPeople(ctx, o, splits)
			}),
		newIndexVerifyCommand(),
	)
	return c
}

func newIndexChangeCommand(use, short, long string, change func(context.Context, catalog.IndexOptions, io.Reader) (int, error)) *cobra.Command {
	var l local
	var opaque bool
	c := &cobra.Command{
		Use: use, Short: short, Long: long, Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			f, err := os.Open(args[1])
			if err != nil {
				return gatehouse.Errorf(gatehouse.CodeUsage, "The list cannot be read.").Because(err)
			}
			defer f.Close()
			return l.as(c.Context(), func(in *installation, actor gatehouse.Principal) error {
				datasets, err := in.datasetsOf(c.Context(), args[0])
				if err != nil {
					return err
				}
				record := func(ctx context.Context, e gatehouse.Event, carried []catalog.Carried) error {
					return state.Catalogue{DB: in.state}.RecordIndexChange(ctx, datasets, e, carried)
				}
				o := catalog.IndexOptions{Dir: in.dir, Family: args[0], Kind: catalog.IdentifierNHSNumber, Principal: actor, Authorizer: in.policy,
					Record: record}
				if opaque {
					o.Kind = catalog.IdentifierOpaque
				}
				n, err := change(c.Context(), o, f)
				if err == nil {
					fmt.Fprintf(c.OutOrStdout(), "The person index %s has %s more.\n", args[0], plural(n, "change", "changes"))
				}
				return err
			})
		},
	}
	l.flags(c, "token of a custodian")
	c.Flags().BoolVar(&opaque, "opaque", false, "the index is not of NHS numbers")
	return c
}

// datasetsOf gives the datasets whose people a person index knows. It fails if any
// version cannot be read: it might be one of them.
func (in *installation) datasetsOf(ctx context.Context, index string) ([]string, error) {
	versions, err := in.catalogue.List(ctx)
	if err != nil {
		return nil, err
	}
	var datasets []string
	for _, v := range versions {
		if v.Family == index && !slices.Contains(datasets, v.Dataset) {
			datasets = append(datasets, v.Dataset)
		}
	}
	return datasets, nil
}

func newIndexVerifyCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use: "verify --dir DIR INDEX", Short: "Verify that nothing of a person index is missing or changed", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			units, segments, err := catalog.CheckIndex(c.Context(), dir, args[0])
			if err == nil {
				fmt.Fprintf(c.OutOrStdout(), "The person index %s is whole: %d units in %s.\n", args[0], units, plural(segments, "segment", "segments"))
			}
			return err
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "folder of the installation")
	if err := c.MarkFlagRequired("dir"); err != nil {
		panic(err) // the flag stands above
	}
	return c
}

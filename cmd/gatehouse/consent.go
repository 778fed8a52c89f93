package main

import (
	"fmt"
	"os"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func newCatalogConsentCommand() *cobra.Command {
	var l local
	var project, dated string
	c := &cobra.Command{
		Use:   "consent --dir DIR --project PROJECT --dated DAY DATASET FILE",
		Short: "Say who has consented to a project whose basis is consent (a custodian)",
		Long: `Say who has consented to a project whose basis is consent: FILE is the whole list, one identifier on each line, and takes the place of
the one before. Whoever is not on it is seen by no question of the project that is asked after the command has returned. It belongs into
the custodian zone. People whom a list of the dataset's took out of its version do not come back by their consent.`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			day, err := time.Parse(time.DateOnly, dated)
			if err != nil {
				return gatehouse.Errorf(gatehouse.CodeUsage, "The day of the list is not of the form 2026-11-23.")
			}
			return l.as(c.Context(), func(in *installation, actor gatehouse.Principal) error {
				p, err := in.workspaces.Project(c.Context(), actor, project)
				if err != nil {
					return err
				}
				number := 0 // the units are those of the version that the project sees
				for _, g := range p.Datasets {
					if g.Dataset == args[0] {
						number = g.Version
					}
				}
				v, err := in.catalogue.Version(c.Context(), args[0], number)
				if err != nil {
					return err
				}
				f, err := os.Open(args[1])
				if err != nil {
					return gatehouse.Errorf(gatehouse.CodeListInvalid, "The list %s cannot be read.", args[1]).Because(err)
				}
				defer f.Close()
				who, err := catalog.FindConsenting(c.Context(), in.dir, v, f)
				if err != nil {
					return err
				}
				err = in.workspaces.RecordConsents(c.Context(), actor, workspaces.Consents{Dataset: args[0], Project: project, Family: v.Family, Units: roaring.BitmapOf(who.Units...), Dated: day})
				if err != nil {
					return err
				}
				out := c.OutOrStdout()
				fmt.Fprintf(out, "The project %s sees at most those of %s who are on the list.\n", project, args[0])
				if len(who.Unknown) > 0 {
					fmt.Fprintf(out, "%s of the list: nobody whom the person index knows (%s).\n", plural(len(who.Unknown), "line", "lines"), firstLines(who.Unknown))
				}
				return nil
			})
		},
	}
	l.flags(c, "token of a custodian")
	c.Flags().StringVar(&project, "project", "", "to which they have consented")
	c.Flags().StringVar(&dated, "dated", "", "day on which the list was made")
	for _, name := range []string{"project", "dated"} {
		cobra.CheckErr(c.MarkFlagRequired(name))
	}
	return c
}

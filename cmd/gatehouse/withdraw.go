package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

func newCatalogWithdrawCommand() *cobra.Command {
	var l local
	var project string
	c := &cobra.Command{
		Use:   "withdraw --dir DIR DATASET FILE",
		Short: "Take people out of every project's population of a dataset, at once (a custodian)",
		Long: `Take people out of every project's population of a dataset, or of one project's, at once: no question that is asked after the
command has returned sees them, whatever version it is asked of. FILE has one identifier on each line (the identifiers of the extracts, for
example NHS numbers), and belongs into the custodian zone. Withdrawals are not taken back.

A person who is in no version yet is not known here. Put everybody who withdraws on the dataset's list of withdrawals as well, so that
the next version leaves them out.`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			return l.as(c.Context(), func(in *installation, actor gatehouse.Principal) error {
				v, err := in.catalogue.Version(c.Context(), args[0], 0)
				if err != nil {
					return err
				}
				f, err := os.Open(args[1])
				if err != nil {
					return gatehouse.Errorf(gatehouse.CodeListInvalid, "The list %s cannot be read.", args[1]).Because(err)
				}
				defer f.Close()
				who, err := catalog.FindUnits(c.Context(), in.dir, v, f)
				if err != nil {
					return err
				}
				if err := in.workspaces.Withdraw(c.Context(), actor, args[0], project, who.Units); err != nil {
					return err
				}
				out, of := c.OutOrStdout(), "every project"
				if project != "" {
					of = "the project " + project
				}
				fmt.Fprintf(out, "%s of %s withdrew from the population of %s.\n", plural(len(who.Units), "person", "people"), args[0], of)
				if len(who.Unknown) > 0 {
					fmt.Fprintf(out, "%s of the list: nobody whom the person index knows (%s).\n", plural(len(who.Unknown), "line", "lines"), firstLines(who.Unknown))
				}
				return nil
			})
		},
	}
	l.flags(c, "token of a custodian")
	c.Flags().StringVar(&project, "project", "", "withdraw from this project only")
	return c
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// firstLines names some lines.
func firstLines(lines []int) string {
	const most = 10
	text := strings.Trim(strings.ReplaceAll(fmt.Sprint(lines[:min(most, len(lines))]), " ", ", "), "[]")
	if len(lines) > most {
		text += ", …"
	}
	return text
}

func newProjectUseVersionCommand() *cobra.Command {
	var l place
	c := &cobra.Command{
		Use:   "use-version PROJECT DATASET[@NUMBER]",
		Short: "Move a project to a version of its dataset, or to the newest (a custodian)",
		Args:  cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			return l.at(c.Context(), func(d projectDesk) error {
				dataset, number, err := parseVersionName(args[1])
				if err != nil {
					return err
				}
				if err := d.UseVersion(c.Context(), args[0], dataset, number); err != nil {
					return err
				}
				p, err := d.Project(c.Context(), args[0])
				for _, g := range p.Datasets {
					if g.Dataset == dataset {
						fmt.Fprintf(c.OutOrStdout(), "The project %s uses %s@%d.\n", args[0], g.Dataset, g.Version)
					}
				}
				return err
			})
		},
	}
	l.flags(c, "token of a custodian")
	return c
}

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/infra/web"
)

func newCatalogProfileCommand() *cobra.Command {
	f := &serverFlags{}
	c := &cobra.Command{
		Use: "profile", Short: "See what the catalogue shows of each variable, or have that made",
		Long: `See what the catalogue shows of each variable of a version (values, range, what is missing), or have that made.

A profile is made through the gate, as any answer: what the disclosure policy withholds is not in it. What it shows counts as
told to everybody, so that no project can ask the difference. Make it before projects begin to work: what they were told already
is not shown again where that would tell of few people.`,
	}
	f.add(c)
	c.AddCommand(newCatalogProfileMakeCommand(f), newCatalogProfileShowCommand(f), newCatalogProfileDiffCommand(f))
	return c
}

// wait is the time between two looks at something that is being made.
const wait = 300 * time.Millisecond

func newCatalogProfileMakeCommand(f *serverFlags) *cobra.Command {
	var in web.ProfileInput
	c := &cobra.Command{
		Use: "make DATASET[@NUMBER]", Short: "Have the profile of a version made; a custodian of the dataset", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, dataset, number, err := f.version(cmd, args[0])
			if err != nil {
				return err
			}
			if _, err := client.MakeProfile(cmd.Context(), dataset, number, in); err != nil {
				return err
			}
			for {
				progress, err := client.ProfileProgress(cmd.Context(), dataset)
				switch {
				case err != nil:
					return err
				case progress.Failed != "":
					return gatehouse.Errorf(gatehouse.CodeBusy, "The profile was not finished: %s", progress.Failed)
				case !progress.Running:
					return showProfile(cmd, f, client, dataset, number)
				}
				fmt.Fprintf(cmd.ErrOrStderr(), "%squestion %d of %d", clearLine, progress.Asked, progress.Of)
				select {
				case <-time.After(wait):
				case <-cmd.Context().Done():
					return cmd.Context().Err()
				}
			}
		},
	}
	c.Flags().StringVar(&in.Policy, "policy", "", "disclosure policy, name or name@version (default: "+profilePolicy+")")
	c.Flags().BoolVar(&in.Move, "move", false, "also where another version has a profile, which stays: costs answers of every project on the dataset")
	return c
}

func newCatalogProfileDiffCommand(f *serverFlags) *cobra.Command {
	return &cobra.Command{
		Use: "diff DATASET@FROM DATASET[@TO]", Short: "Show how variables differ between two versions that have profiles", Args: cobra.ExactArgs(2),
		Long: `Show what is missing and how values are spread in two versions, side by side: by the numbers that the gate released for their profiles, and
no others.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			client, dataset, from, err := f.version(cmd, args[0])
			if err != nil {
				return err
			}
			_, same, to, err := f.version(cmd, args[1])
			if err != nil {
				return err
			}
			if same != dataset {
				return gatehouse.Errorf(gatehouse.CodeUsage, "Versions of one dataset are compared.")
			}
			d, err := client.CompareProfiles(cmd.Context(), dataset, from, to)
			if err != nil || f.json {
				return orJSON(cmd.OutOrStdout(), d, err)
			}
			return printProfileDiff(cmd.OutOrStdout(), d)
		},
	}
}

func printProfileDiff(out io.Writer, d catalog.ProfileDiff) error {
	fmt.Fprintf(out, "%s since %s\n", d.To, d.From)
	for _, t := range d.Tables {
		fmt.Fprintf(out, "\n%s: rows %s, people %s\n", t.Name, shiftOf(t.Rows, "%.0f"), shiftOf(t.People, "%.0f"))
		w := tabwriter.NewWriter(out, 2, 0, 2, ' ', 0)
		for _, v := range t.Variables {
			if v.Missing.Known() {
				fmt.Fprintf(w, "  %s\tmissing\t%s\n", v.Name, shareShift(v.Missing))
			}
			if v.Mean.Known() {
				fmt.Fprintf(w, "  %s\tmean\t%s\n", v.Name, shiftOf(v.Mean, "%g"))
			}
			for _, q := range v.Quantiles {
				fmt.Fprintf(w, "  %s\t%g %%\t%s\n", v.Name, 100*q.P, shiftOf(q.Shift, "%g"))
			}
			for _, value := range v.Values {
				fmt.Fprintf(w, "  %s\t%s\t%s\n", v.Name, value.Value, shareShift(value.Shift))
			}
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// shiftOf writes a number before and now.
func shiftOf(s catalog.Shift, form string) string {
	text := func(n *float64) string {
		if n == nil {
			return "(not shown)"
		}
		return fmt.Sprintf(form, *n)
	}
	return text(s.Before) + " -> " + text(s.After)
}

func shareShift(s catalog.Shift) string {
	percent := func(n *float64) *float64 {
		if n == nil {
			return nil
		}
		p := 100 * *n
		return &p
	}
	return shiftOf(catalog.Shift{Before: percent(s.Before), After: percent(s.After)}, "%.1f %%")
}

func newCatalogProfileShowCommand(f *serverFlags) *cobra.Command {
	return &cobra.Command{
		Use: "show DATASET[@NUMBER]", Short: "Show the profile of a version", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, dataset, number, err := f.version(cmd, args[0])
			if err != nil {
				return err
			}
			return showProfile(cmd, f, client, dataset, number)
		},
	}
}

// version makes the client, and reads the name of a version; without a number it is the
// newest on the server that was not recalled.
func (f *serverFlags) version(cmd *cobra.Command, name string) (client *web.Client, dataset string, number int, err error) {
	if client, err = f.client(); err != nil {
		return nil, "", 0, err
	}
	if dataset, number, err = parseVersionName(name); err != nil || number > 0 {
		return client, dataset, number, err
	}
	all, err := client.Datasets(cmd.Context())
	for _, d := range all {
		if d.Dataset == dataset && d.Recalled == nil {
			number = max(number, d.Number)
		}
	}
	if err == nil && number == 0 {
		err = gatehouse.Errorf(gatehouse.CodeNotFound, "There is no version of dataset %s.", dataset)
	}
	return client, dataset, number, err
}

func showProfile(cmd *cobra.Command, f *serverFlags, client *web.Client, dataset string, number int) error {
	p, err := client.Profile(cmd.Context(), dataset, number)
	if err != nil {
		return err
	}
	if f.json {
		e := json.NewEncoder(cmd.OutOrStdout())
		e.SetIndent("", "  ")
		return e.Encode(p)
	}
	return printProfile(cmd.OutOrStdout(), p)
}

func printProfile(out io.Writer, p catalog.Profile) error {
	fmt.Fprintf(out, "%s@%d, asked through the gate on %s under %s\n", p.Dataset, p.Number, p.Made.Format(time.DateTime), p.Policy)
	for _, t := range p.Tables {
		fmt.Fprintf(out, "\n%s: %s rows", t.Name, shownOr(t.Rows))
		if !t.Public {
			fmt.Fprintf(out, ", %s people", shownOr(t.People))
		}
		fmt.Fprintln(out)
		w := tabwriter.NewWriter(out, 2, 0, 2, ' ', 0)
		for _, c := range t.Columns {
			fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%s\n", c.Name, c.Type, c.Class, missingOf(c, t), spreadOf(c))
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// shownOr writes a number, or that it is withheld.
func shownOr(n *int64) string {
	if n == nil {
		return "(withheld)"
	}
	return strconv.FormatInt(*n, 10)
}

func missingOf(c catalog.ColumnProfile, t catalog.TableProfile) string {
	if c.Missing == nil || t.Rows == nil || *t.Rows == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f %% missing", 100*float64(*c.Missing)/float64(*t.Rows))
}

// spreadOf is a variable's distribution in a line.
func spreadOf(c catalog.ColumnProfile) string {
	var parts []string
	switch {
	case c.First != "":
		return c.First + " to " + c.Last
	case len(c.Values) > 0:
		for i, v := range c.Values {
			if i == 3 {
				parts = append(parts, "…")
				break
			}
			parts = append(parts, fmt.Sprintf("%s (%d)", v.Value, v.Rows))
		}
	case len(c.Quantiles) > 0:
		for _, q := range c.Quantiles {
			parts = append(parts, fmt.Sprintf("%g %%: %g", q.P*100, q.Value))
		}
	case c.Refused != "":
		return "not shown: " + c.Refused
	}
	return strings.Join(parts, ", ")
}

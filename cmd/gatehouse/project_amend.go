package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/web"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func newProjectAmendCommand() *cobra.Command {
	var l place
	var why string
	c := &cobra.Command{
		Use:   "amend FILE --why TEXT",
		Short: "Propose that a project say what a project file says (its lead)",
		Long:  "Propose that a project say what a project file says. The custodians of the datasets that the change touches decide;\nuntil then the project goes on as it is.",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			p, err := readProject(args[0])
			if err != nil {
				return err
			}
			return l.at(c.Context(), func(d projectDesk) error {
				a, err := d.ProposeAmendment(c.Context(), p, why)
				if err == nil {
					printAmendment(c.OutOrStdout(), a)
				}
				return err
			})
		},
	}
	l.flags(c, "token of the project's lead")
	c.Flags().StringVar(&why, "why", "", "why the change is needed, for the custodians")
	if err := c.MarkFlagRequired("why"); err != nil {
		panic(err) // the flag stands above
	}
	return c
}

func printAmendment(w io.Writer, a web.ProposedChange) {
	fmt.Fprintf(w, "%s of the project %s, by %s: %s. %s\n", a.ID, a.Project, a.By, a.State, a.Why)
	for _, c := range a.Changes {
		from, to := c.From, c.To
		if from == "" {
			from = "(nothing)"
		}
		if to == "" {
			to = "(nothing)"
		}
		fmt.Fprintf(w, "  %s [%s]\n    - %s\n    + %s\n", c.Field, strings.Join(c.Datasets, ", "), oneLine(from), oneLine(to))
	}
	for _, d := range a.Decisions {
		fmt.Fprintf(w, "  %s: %s by %s %s\n", d.Dataset, d.Verdict, d.Custodian, strings.Join(append(d.Conditions, d.Comment), "; "))
	}
	if a.State == workspaces.AmendmentProposed {
		fmt.Fprintf(w, "  to be decided for: %s. Fingerprint %s\n", strings.Join(a.Touched, ", "), a.Digest)
	}
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func newProjectAmendmentCommand() *cobra.Command {
	c := &cobra.Command{Use: "amendment", Short: "See amendments of a project, and decide on them"}
	var l place
	list := &cobra.Command{
		Use: "list PROJECT", Short: "Show all amendments of a project, field by field", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return l.at(c.Context(), func(d projectDesk) error {
				all, err := d.Amendments(c.Context(), args[0])
				for _, a := range all {
					printAmendment(c.OutOrStdout(), a)
				}
				return err
			})
		},
	}
	l.flags(list, "token of whoever asks")
	c.AddCommand(list, newAmendmentWithdrawCommand())
	for _, v := range verdictCommands {
		var l place
		var j judgementFlags
		sub := &cobra.Command{
			Use: v.name + " PROJECT AMENDMENT", Short: fmt.Sprintf(v.short, "an amendment") + " (a custodian of what it touches)", Args: cobra.ExactArgs(2),
			RunE: func(c *cobra.Command, args []string) error {
				return l.at(c.Context(), func(d projectDesk) error {
					datasets, err := j.datasets(c, d, args[0], args[1])
					if err != nil {
						return err
					}
					for _, dataset := range datasets {
						a, err := d.DecideAmendment(c.Context(), args[0], args[1], dataset, j.judgement(v.verdict))
						if err != nil {
							return err
						}
						fmt.Fprintf(c.OutOrStdout(), "You have %s the amendment %s for %s. It is %s.\n", v.done, a.ID, dataset, a.State)
					}
					return nil
				})
			},
		}
		l.flags(sub, "token of a custodian")
		j.add(sub, v.verdict)
		c.AddCommand(sub)
	}
	return c
}

// datasets gives those to decide for: the one that is named, else those of which
// one is custodian, else all, for which the service says why not.
func (j *judgementFlags) datasets(c *cobra.Command, d projectDesk, project, id string) ([]string, error) {
	if j.dataset != "" {
		return []string{j.dataset}, nil
	}
	all, err := d.Amendments(c.Context(), project)
	if err != nil {
		return nil, err
	}
	me, err := d.Me(c.Context())
	if err != nil {
		return nil, err
	}
	var touched, mine []string
	for _, a := range all {
		if a.ID == id {
			touched = a.Touched
		}
	}
	if len(touched) == 0 {
		return nil, gatehouse.Errorf(gatehouse.CodeNotFound, "The project %q has no amendment %q.", project, id)
	}
	for _, dataset := range touched {
		named, err := d.Custodians(c.Context(), dataset)
		if err != nil {
			return nil, err
		}
		if slices.Contains(named, me.User) {
			mine = append(mine, dataset)
		}
	}
	if len(mine) == 0 {
		return touched, nil
	}
	return mine, nil
}

func newAmendmentWithdrawCommand() *cobra.Command {
	var l place
	c := &cobra.Command{
		Use: "withdraw PROJECT AMENDMENT", Short: "Give a proposal up (its project's lead)", Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			return l.at(c.Context(), func(d projectDesk) error {
				err := d.WithdrawAmendment(c.Context(), args[0], args[1])
				if err == nil {
					fmt.Fprintf(c.OutOrStdout(), "The amendment %s is withdrawn.\n", args[1])
				}
				return err
			})
		},
	}
	l.flags(c, "token of the project's lead")
	return c
}

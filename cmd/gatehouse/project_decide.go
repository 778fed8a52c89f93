package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// judgementFlags say what a custodian decides.
type judgementFlags struct {
	dataset    string
	conditions []string
	why        string
	seen       string
}

func (j *judgementFlags) add(c *cobra.Command, verdict workspaces.Verdict) {
	c.Flags().StringVar(&j.dataset, "dataset", "", "dataset to decide for (default: all those of which you are custodian)")
	c.Flags().StringVar(&j.seen, "seen", "", "fingerprint of what you looked at; refuse if it is another now")
	c.Flags().StringVar(&j.why, "why", "", "comment for the applicant")
	if verdict == workspaces.VerdictApprove {
		c.Flags().StringArrayVar(&j.conditions, "condition", nil, "condition under which you approve; may be repeated")
		return
	}
	if err := c.MarkFlagRequired("why"); err != nil {
		panic(err) // the flag stands above
	}
}

func (j *judgementFlags) judgement(verdict workspaces.Verdict) workspaces.Judgement {
	if verdict == workspaces.VerdictApprove && len(j.conditions) > 0 {
		verdict = workspaces.VerdictConditions
	}
	return workspaces.Judgement{Verdict: verdict, Conditions: j.conditions, Comment: j.why, Seen: j.seen}
}

// verdictCommands are the commands by which custodians decide.
var verdictCommands = []struct {
	name, short, done string
	verdict           workspaces.Verdict
}{
	{"approve", "Approve %s for your datasets, with conditions or without", "approved", workspaces.VerdictApprove},
	{"return", "Return %s: it could be approved once something is changed", "returned", workspaces.VerdictReturn},
	{"reject", "Reject %s", "rejected", workspaces.VerdictReject},
}

func newProjectDecideCommands() []*cobra.Command {
	var all []*cobra.Command
	for _, v := range verdictCommands {
		var l place
		var j judgementFlags
		c := &cobra.Command{
			Use: v.name + " PROJECT", Short: fmt.Sprintf(v.short, "a submitted project") + " (a custodian of its data)", Args: cobra.ExactArgs(1),
			RunE: func(c *cobra.Command, args []string) error {
				return l.at(c.Context(), func(d projectDesk) error {
					p, err := d.DecideProject(c.Context(), args[0], j.dataset, j.judgement(v.verdict))
					if err == nil {
						fmt.Fprintf(c.OutOrStdout(), "You have %s the project %s. %s\n", v.done, p.ID, after(p.State))
					}
					return err
				})
			},
		}
		l.flags(c, "token of a custodian of the project's data")
		j.add(c, v.verdict)
		all = append(all, c)
	}
	return all
}

// after says what comes next.
func after(s workspaces.ProjectState) string {
	switch s {
	case workspaces.ProjectSubmitted:
		return "It waits for the custodians of its other datasets."
	case workspaces.ProjectApproved:
		return "It becomes active when each of its members has signed the agreement ('gatehouse project sign')."
	case workspaces.ProjectActive:
		return "It is active; 'gatehouse workspace open' makes its workspace."
	case workspaces.ProjectDraft:
		return "It is a draft again; its applicant can change and submit it."
	}
	return fmt.Sprintf("It is %s.", s)
}

func newProjectAgreementCommand() *cobra.Command {
	var l place
	var file string
	var days int
	c := &cobra.Command{
		Use:   "agreement [--dir DIR --set FILE --days N]",
		Short: "Print the agreement that members sign, or set its newest version (the owner of the machine)",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			show := func(a workspaces.Agreement, err error) error {
				if err == nil {
					fmt.Fprintf(c.OutOrStdout(), "%s\nAgreement, version %d. A signature holds for %d days. SHA-256 %s\n", strings.TrimRight(a.Text, "\n"), a.Version, a.Days, a.SHA256)
				}
				return err
			}
			if l.dir == "" && file == "" {
				return l.at(c.Context(), func(d projectDesk) error { return show(d.Agreement(c.Context())) })
			}
			if l.dir == "" {
				return gatehouse.Errorf(gatehouse.CodeUsage, "Only the owner of the installation sets the agreement.").WithAdvice("Give --dir, on its own machine.")
			}
			return l.open(c.Context(), func(in *installation) error {
				if file == "" {
					return show(in.workspaces.Agreement(c.Context()))
				}
				text, err := readFile(file)
				if err != nil {
					return err
				}
				a, err := in.workspaces.SetAgreement(c.Context(), workspaces.System, text, days)
				if err == nil {
					fmt.Fprintf(c.OutOrStdout(), "The newest agreement is version %d; a signature holds for %d days.\n", a.Version, a.Days)
				}
				return err
			})
		},
	}
	l.flags(c, "token of anybody")
	c.Flags().StringVar(&file, "set", "", "text file to make the newest version")
	c.Flags().IntVar(&days, "days", 365, "with --set: days for which a signature holds")
	return c
}

func newProjectSignCommand() *cobra.Command {
	var l place
	var version int
	c := &cobra.Command{
		Use:   "sign PROJECT --agreement VERSION",
		Short: "Sign the agreement for a project of yours, or renew your signature",
		Long:  "Sign the agreement that 'gatehouse project agreement' prints, by the number of the version that you have read.\nThe last signature that is missing makes an approved project active.",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return l.at(c.Context(), func(d projectDesk) error {
				p, err := d.SignAgreement(c.Context(), args[0], version)
				if err != nil {
					return err
				}
				me, err := d.Me(c.Context())
				if err != nil {
					return err
				}
				for _, m := range p.Members {
					if m.User == me.User {
						fmt.Fprintf(c.OutOrStdout(), "You have signed version %d of the agreement for the project %s, until %s.", version, p.ID, m.AgreementUntil.Format(time.RFC3339))
					}
				}
				if p.State == workspaces.ProjectActive {
					fmt.Fprint(c.OutOrStdout(), " The project is active.")
				}
				fmt.Fprintln(c.OutOrStdout())
				return nil
			})
		},
	}
	l.flags(c, "token of the member")
	c.Flags().IntVar(&version, "agreement", 0, "version of the agreement that you have read")
	if err := c.MarkFlagRequired("agreement"); err != nil {
		panic(err) // the flag stands above
	}
	return c
}

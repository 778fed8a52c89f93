package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func newProjectCommand() *cobra.Command {
	c := &cobra.Command{Use: "project", Short: "Apply for, decide on, sign for and change projects, with a token of one's own"}
	c.AddCommand(newProjectCreateCommand(), newProjectEditCommand(), newProjectListCommand(), newProjectShowCommand(), newProjectStatusCommand(), newProjectTasksCommand(), newProjectFiveSafesCommand(),
		newProjectAgreementCommand(), newProjectSignCommand(), newProjectAmendCommand(), newProjectAmendmentCommand(), newProjectSweepCommand(), newProjectRegisterCommand(),
		newProjectMemberCommand(), newProjectExpiryCommand(), newProjectPolicyCommand(), newProjectUseVersionCommand(), newProjectDocumentCommand())
	c.AddCommand(newProjectDecideCommands()...)
	for _, s := range []struct {
		step        workspaces.ProjectStep
		short, done string
	}{
		{workspaces.StepSubmit, "Put a draft before the custodians of its datasets", "is submitted; the custodian of each of its datasets decides"},
		{workspaces.StepWithdraw, "Give an application up, before it is active", "is withdrawn"},
		{workspaces.StepSuspend, "Stop an active project at once (a custodian of its data)", "is suspended"},
		{workspaces.StepResume, "Make a suspended project active again (a custodian of its data)", "is active again"},
		{workspaces.StepClose, "End a project for good (a custodian of its data)", "is closed"},
		{workspaces.StepArchive, "Put a closed or rejected project away (a custodian of its data)", "is archived"},
	} {
		c.AddCommand(newProjectStepCommand(s.step, s.short, s.done))
	}
	return c
}

func newProjectStepCommand(step workspaces.ProjectStep, short, done string) *cobra.Command {
	var l place
	var why string
	c := &cobra.Command{
		Use: string(step) + " PROJECT", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return l.at(c.Context(), func(d projectDesk) error {
				err := d.MoveProject(c.Context(), args[0], step, why)
				if err == nil {
					fmt.Fprintf(c.OutOrStdout(), "The project %s %s.\n", args[0], done)
				}
				return err
			})
		},
	}
	l.flags(c, "token of whoever does this")
	if step == workspaces.StepSuspend || step == workspaces.StepClose {
		c.Use += " --why REASON"
		c.Flags().StringVar(&why, "why", "", "the reason, which its members are told and the journal keeps")
		_ = c.MarkFlagRequired("why")
	}
	return c
}

func newProjectCreateCommand() *cobra.Command {
	var l place
	var example bool
	c := &cobra.Command{
		Use:   "create {FILE | --example}",
		Short: "Draft a project from a project file (YAML)",
		Args: func(c *cobra.Command, args []string) error {
			if example {
				return cobra.NoArgs(c, args)
			}
			return cobra.ExactArgs(1)(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			if example {
				fmt.Fprint(c.OutOrStdout(), exampleProject(time.Now()))
				return nil
			}
			p, err := readProject(args[0])
			if err != nil {
				return err
			}
			return l.at(c.Context(), func(d projectDesk) error {
				p, err := d.CreateProject(c.Context(), p)
				if err == nil {
					fmt.Fprintf(c.OutOrStdout(), "The project %s is a draft; submit it when it is ready.\n", p.ID)
				}
				return err
			})
		},
	}
	l.flags(c, "token of the creator")
	c.Flags().BoolVar(&example, "example", false, "print a project file to begin with, and do nothing else")
	c.MarkFlagsMutuallyExclusive("dir", "example")
	return c
}

// readProject reads a project file.
func readProject(path string) (workspaces.Project, error) {
	f, err := os.Open(path)
	if err != nil {
		return workspaces.Project{}, gatehouse.Errorf(gatehouse.CodeInvalidProject, "The project file %s cannot be read.", path).Because(err)
	}
	defer f.Close()
	return workspaces.ParseProject(f)
}

func newProjectEditCommand() *cobra.Command {
	var l place
	c := &cobra.Command{
		Use:   "edit FILE",
		Short: "Replace what a draft says by a project file",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			p, err := readProject(args[0])
			if err != nil {
				return err
			}
			return l.at(c.Context(), func(d projectDesk) error {
				p, err := d.EditProject(c.Context(), p)
				if err == nil {
					fmt.Fprintf(c.OutOrStdout(), "The draft %s is changed; submit it when it is ready.\n", p.ID)
				}
				return err
			})
		},
	}
	l.flags(c, "token of the applicant")
	return c
}

// exampleProject is a project file of the demonstration's dataset, with dates
// that lie ahead of now.
func exampleProject(now time.Time) string {
	return fmt.Sprintf(projectExample, now.AddDate(2, 0, 0).Format(time.DateOnly), now.AddDate(1, 0, 0).Format(time.DateOnly))
}

const projectExample = `# A project: what research is done, by whom, with which data. Draft it with
# 'gatehouse project create FILE'; the custodian of each dataset decides.
id: diabetes-outcomes              # lower-case letters, digits, '-' and '_'
title: Outcomes of people with type 2 diabetes
purpose: How control of blood glucose relates to admissions, by age, sex and region.

# What the public register shows, once the project is approved.
lay_summary: >-                    # for anybody to read
  Some people with diabetes go to hospital more often than others. We look at how that goes with their blood sugar, so that
  clinics know whom to help first.
public_benefit: Clinics learn which patients to help first.
organisation: University of Northtown       # the lead's
funding: Northtown Research Council, grant 12345
# public_names: [Dr L. Example]    # people who wish to be named; nobody else is

outputs: [a paper with tables and plots]    # what is to leave

policy: sdap                       # rules of disclosure control: sdap, nhs, opensafely or one of the custodians'; 'gatehouse policy list'
opt_out_basis: applies             # whose opt-outs hold: applies (everybody's), consent, s251-exempt or legal
# opt_out_ref: 21/CAG/0001         # the document that supports any basis but applies
expires: %[1]s                # the last day, or an instant such as 2030-01-31T12:00:00Z

members:                           # users of the installation; one at least is the lead
  - {user: lead, role: lead, training_until: %[2]s}
  - {user: researcher, role: researcher, training_until: %[2]s}

datasets:                          # 'gatehouse catalog show' gives their tables and columns; several share a person index
  - dataset: shared_care
    # version: 1                   # the newest, unless one is named
    tables:
      - table: patients
        why: Admissions are compared by age, sex, region and deprivation.
        columns: [sex, birth_year, region, imd_decile]   # all columns, if none are named
        # columns_why: {birth_year: Age explains most of the difference.}   # where a column needs a reason of its own
      - table: events
        why: Blood glucose and diagnoses are events.
`

func newProjectListCommand() *cobra.Command {
	var l place
	c := &cobra.Command{
		Use:   "list",
		Short: "List the projects that one may see",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return l.at(c.Context(), func(d projectDesk) error {
				projects, err := d.Projects(c.Context())
				for _, p := range projects {
					fmt.Fprintf(c.OutOrStdout(), "%-24s %-10s until %s  %s\n", p.ID, p.State, p.Expires.Format(time.RFC3339), p.Title)
				}
				return err
			})
		},
	}
	l.flags(c, "token of whoever asks")
	return c
}

func newProjectShowCommand() *cobra.Command {
	var l place
	c := &cobra.Command{
		Use:   "show PROJECT",
		Short: "Show all of a project as JSON",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return l.at(c.Context(), func(d projectDesk) error {
				p, err := d.Project(c.Context(), args[0])
				if err != nil {
					return err
				}
				enc := json.NewEncoder(c.OutOrStdout())
				enc.SetIndent("", "  ")
				return enc.Encode(p)
			})
		},
	}
	l.flags(c, "token of whoever asks")
	return c
}

func newProjectMemberCommand() *cobra.Command {
	var l place
	var role, training string
	var remove bool
	c := &cobra.Command{
		Use:   "member PROJECT USER [--role ROLE --training-until DATE | --remove]",
		Short: "Add, change or remove a member (a custodian)",
		Args:  cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			return l.at(c.Context(), func(d projectDesk) error {
				if remove {
					err := d.RemoveMember(c.Context(), args[0], args[1])
					if err == nil {
						fmt.Fprintf(c.OutOrStdout(), "%s is not a member of the project %s any more.\n", args[1], args[0])
					}
					return err
				}
				until, err := workspaces.ParseDay("training-until", training)
				if err != nil {
					return err
				}
				err = d.SetMember(c.Context(), args[0], workspaces.Member{User: args[1], Role: gatehouse.Role(role), TrainingUntil: until})
				if err == nil {
					fmt.Fprintf(c.OutOrStdout(), "%s is %s of the project %s, trained until %s.\n", args[1], role, args[0], until.Format(time.RFC3339))
				}
				return err
			})
		},
	}
	l.flags(c, "token of a custodian")
	c.Flags().StringVar(&role, "role", string(gatehouse.RoleResearcher), "lead or researcher")
	c.Flags().StringVar(&training, "training-until", "", "last day on which the training certificate is valid")
	c.Flags().BoolVar(&remove, "remove", false, "end the membership at once")
	return c
}

func newProjectExpiryCommand() *cobra.Command {
	var l place
	c := &cobra.Command{
		Use:   "expiry PROJECT DATE",
		Short: "Move a project's expiry to the end of a day, or to an instant (a custodian)",
		Args:  cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			return l.at(c.Context(), func(d projectDesk) error {
				until, err := workspaces.ParseDay("the expiry", args[1])
				if err != nil {
					return err
				}
				err = d.SetExpiry(c.Context(), args[0], until)
				if err == nil {
					fmt.Fprintf(c.OutOrStdout(), "The project %s expires at %s.\n", args[0], until.Format(time.RFC3339))
				}
				return err
			})
		},
	}
	l.flags(c, "token of a custodian")
	return c
}

func newProjectPolicyCommand() *cobra.Command {
	var l place
	c := &cobra.Command{
		Use:   "policy PROJECT POLICY[@VERSION]",
		Short: "Move a project to a disclosure policy, or to its newest version (a custodian)",
		Args:  cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			return l.at(c.Context(), func(d projectDesk) error {
				full, err := d.SetPolicy(c.Context(), args[0], args[1])
				if err == nil {
					fmt.Fprintf(c.OutOrStdout(), "The project %s runs under the policy %s.\n", args[0], full)
				}
				return err
			})
		},
	}
	l.flags(c, "token of a custodian")
	return c
}

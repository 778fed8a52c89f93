package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func newProjectCommand() *cobra.Command {
	c := &cobra.Command{Use: "project", Short: "Draft, submit, approve and stop projects, with a token of one's own"}
	c.AddCommand(newProjectCreateCommand(), newProjectListCommand(), newProjectShowCommand(), newProjectMemberCommand(), newProjectExpiryCommand())
	type step = func(*workspaces.Service, context.Context, gatehouse.Principal, string) error
	for _, s := range []struct {
		name, short string
		do          step
	}{
		{"submit", "Put a draft before the custodians", (*workspaces.Service).SubmitProject},
		{"approve", "Make a submitted project active (a custodian)", (*workspaces.Service).ApproveProject},
		{"return", "Give a submitted project back as a draft (a custodian)", (*workspaces.Service).ReturnProject},
		{"suspend", "Stop an active project at once (a custodian)", (*workspaces.Service).SuspendProject},
		{"resume", "Make a suspended project active again (a custodian)", (*workspaces.Service).ResumeProject},
		{"close", "End a project for good (a custodian)", (*workspaces.Service).CloseProject},
	} {
		var l local
		sub := &cobra.Command{
			Use: s.name + " --dir DIR PROJECT", Short: s.short, Args: cobra.ExactArgs(1),
			RunE: func(c *cobra.Command, args []string) error {
				return l.as(c.Context(), func(in *installation, actor gatehouse.Principal) error {
					return s.do(in.workspaces, c.Context(), actor, args[0])
				})
			},
		}
		l.flags(sub, "token of whoever does this")
		c.AddCommand(sub)
	}
	return c
}

func newProjectCreateCommand() *cobra.Command {
	var l local
	c := &cobra.Command{
		Use:   "create --dir DIR FILE",
		Short: "Draft a project from a project file (YAML)",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			f, err := os.Open(args[0])
			if err != nil {
				return gatehouse.Errorf(gatehouse.CodeInvalidProject, "The project file %s cannot be read.", args[0]).Because(err)
			}
			defer f.Close()
			p, err := workspaces.ParseProject(f)
			if err != nil {
				return err
			}
			return l.as(c.Context(), func(in *installation, actor gatehouse.Principal) error {
				p, err := in.workspaces.CreateProject(c.Context(), actor, p)
				if err == nil {
					fmt.Fprintf(c.OutOrStdout(), "The project %s is a draft; submit it when it is ready.\n", p.ID)
				}
				return err
			})
		},
	}
	l.flags(c, "token of the creator")
	return c
}

func newProjectListCommand() *cobra.Command {
	var l local
	c := &cobra.Command{
		Use:   "list --dir DIR",
		Short: "List the projects that one may see",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return l.as(c.Context(), func(in *installation, actor gatehouse.Principal) error {
				projects, err := in.workspaces.Projects(c.Context(), actor)
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
	var l local
	c := &cobra.Command{
		Use:   "show --dir DIR PROJECT",
		Short: "Show all of a project as JSON",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return l.as(c.Context(), func(in *installation, actor gatehouse.Principal) error {
				p, err := in.workspaces.Project(c.Context(), actor, args[0])
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
	var l local
	var role, training string
	var remove bool
	c := &cobra.Command{
		Use:   "member --dir DIR PROJECT USER [--role ROLE --training-until DATE | --remove]",
		Short: "Add, change or remove a member (a custodian)",
		Args:  cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			return l.as(c.Context(), func(in *installation, actor gatehouse.Principal) error {
				if remove {
					return in.workspaces.RemoveMember(c.Context(), actor, args[0], args[1])
				}
				until, err := workspaces.ParseDay("training-until", training)
				if err != nil {
					return err
				}
				return in.workspaces.SetMember(c.Context(), actor, args[0], workspaces.Member{User: args[1], Role: gatehouse.Role(role), TrainingUntil: until})
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
	var l local
	c := &cobra.Command{
		Use:   "expiry --dir DIR PROJECT DATE",
		Short: "Move a project's expiry to the end of a day, or to an instant (a custodian)",
		Args:  cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			return l.as(c.Context(), func(in *installation, actor gatehouse.Principal) error {
				until, err := workspaces.ParseDay("the expiry", args[1])
				if err != nil {
					return err
				}
				return in.workspaces.SetExpiry(c.Context(), actor, args[0], until)
			})
		},
	}
	l.flags(c, "token of a custodian")
	return c
}

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/policy"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func newPolicyCommand() *cobra.Command {
	c := &cobra.Command{Use: "policy", Short: "Disclosure policies: what may be released; and what the rules of roles allow"}
	c.AddCommand(newPolicyListCommand(), newPolicyShowCommand(), newPolicyCheckCommand(), newPolicyAddCommand(), newPolicyExplainCommand())
	return c
}

func newPolicyExplainCommand() *cobra.Command {
	var l local
	var workspace string
	actions, err := policy.Actions()
	if err != nil {
		panic(err) // the rules are embedded, and New reads them too
	}
	var names strings.Builder
	for _, a := range actions {
		names.WriteString("\n  " + string(a))
	}
	c := &cobra.Command{
		Use:   "explain --dir DIR USER ACTION [PROJECT]",
		Short: "Say whether a user may do an action, and by which rule",
		Long: `Say whether a user may do an action in a project, or in the house if none is named, through which role and by which
rule, and what the services check on top of that: states, expiry, training, separation of duties.

The actions:` + names.String(),
		Args: cobra.RangeArgs(2, 3),
		RunE: func(c *cobra.Command, args []string) error {
			project := ""
			if len(args) == 3 {
				project = args[2]
			}
			who := gatehouse.Principal{User: args[0], Workspace: workspace}
			if !slices.Contains(actions, gatehouse.Action(args[1])) {
				return gatehouse.Errorf(gatehouse.CodeUsage, "There is no action %q.", args[1]).WithAdvice("'gatehouse policy explain --help' lists the actions.")
			}
			return l.open(c.Context(), func(in *installation) error {
				if err := in.requireUser(c.Context(), who.User); err != nil {
					return err
				}
				d, err := in.policy.Explain(c.Context(), who, gatehouse.Action(args[1]), project)
				if err != nil {
					return err
				}
				out := c.OutOrStdout()
				for _, a := range d.Held {
					fmt.Fprintf(out, "%s is %s of %s\n", d.User, a.Role, scopeName(a.Scope))
				}
				if len(d.Held) == 0 {
					fmt.Fprintf(out, "%s holds no role here\n", d.User)
				}
				if d.Allowed {
					fmt.Fprintf(out, "allowed: %s in %s, by the rule %q\n", d.Action, scopeName(d.Project), strings.Join(d.Rule, ", "))
					return printChecks(out, d.Action)
				}
				fmt.Fprintf(out, "denied: %s in %s\n%s\n", d.Action, scopeName(d.Project), d.Err())
				return nil
			})
		},
	}
	l.flags(c, "")
	c.Flags().StringVar(&workspace, "workspace", "", "as the holder of a token of this workspace")
	return c
}

// printChecks lists what else must hold.
func printChecks(out io.Writer, action gatehouse.Action) error {
	checks, err := policy.Checks(action)
	if err != nil || len(checks) == 0 {
		return err
	}
	fmt.Fprintln(out, "and when it is done, these must hold, or it is refused:")
	for _, c := range checks {
		fmt.Fprintf(out, "  %-6s  %s\n", orDash(string(c.Code)), c.Sentence)
	}
	return nil
}

func scopeName(scope string) string {
	switch scope {
	case workspaces.HouseOnly:
		return "the house"
	case gatehouse.Everywhere:
		return "the whole house"
	}
	return "project " + scope
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
)

// withPolicies runs do with the policies of an installation, or with the built-in
// ones if none is named.
func withPolicies(ctx context.Context, l *local, do func(*egress.Policies) error) error {
	if l.dir == "" {
		return do(nil)
	}
	return l.open(ctx, func(in *installation) error { return do(in.policies) })
}

func newPolicyListCommand() *cobra.Command {
	var l local
	c := &cobra.Command{
		Use:   "list [--dir DIR]",
		Short: "List the disclosure policies that come with Gatehouse, and an installation's own",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return withPolicies(c.Context(), &l, func(policies *egress.Policies) error {
				all, err := policies.List(c.Context())
				if err != nil {
					return err
				}
				w := tabwriter.NewWriter(c.OutOrStdout(), 2, 0, 2, ' ', 0)
				fmt.Fprintln(w, "policy\tthreshold\trounding\tadded\tsource")
				for _, v := range all {
					p, err := v.Policy()
					if err != nil {
						return err
					}
					added := "built in"
					if v.AddedBy != "" {
						added = v.Added.Format(time.DateOnly) + " by " + v.AddedBy
					}
					rounding := string(p.CountRounding)
					if p.RoundCounts > 0 {
						rounding += fmt.Sprintf(" to %d", p.RoundCounts)
					}
					fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\n", v.FullName(), p.Threshold, rounding, added, p.Source)
				}
				return w.Flush()
			})
		},
	}
	c.Flags().StringVar(&l.dir, "dir", "", "folder of the installation")
	return c
}

func newPolicyShowCommand() *cobra.Command {
	var l local
	c := &cobra.Command{
		Use:   "show [--dir DIR] POLICY[@VERSION]",
		Short: "Print the file of a disclosure policy, to read or to begin one's own with",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return withPolicies(c.Context(), &l, func(policies *egress.Policies) error {
				v, err := policies.Version(c.Context(), args[0])
				if err != nil {
					return err
				}
				if _, err := v.Policy(); err != nil {
					return err
				}
				_, err = c.OutOrStdout().Write(v.Content)
				return err
			})
		},
	}
	c.Flags().StringVar(&l.dir, "dir", "", "folder of the installation")
	return c
}

func newPolicyCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE",
		Short: "Say what a disclosure policy file means, or all that is wrong with it",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			content, err := readPolicyFile(args[0])
			if err != nil {
				return err
			}
			p, err := disclosure.ParsePolicy(content)
			if err != nil {
				return err
			}
			if disclosure.IsBuiltIn(p.Name) {
				fmt.Fprintf(c.OutOrStdout(), "Note: %s comes with Gatehouse; a policy of your own needs another name.\n", p.Name)
			}
			printPolicy(c.OutOrStdout(), p)
			return nil
		},
	}
}

// printPolicy says a policy's rules in words.
func printPolicy(out io.Writer, p disclosure.Policy) {
	fmt.Fprintf(out, "policy %s, SHA-256 %s\nsource: %s\n", p.Name, p.Hash, p.Source)
	fmt.Fprintf(out, "- a group, and what contributes to each of its numbers: at least %d people; variances %d, regressions %d\n", p.Threshold, p.Needs(disclosure.Spread), p.Needs(disclosure.Regression))
	fmt.Fprintf(out, "- quantiles: at least %d people on each side, rounded to %d of their column's steps\n", p.Threshold, p.QuantileGrains)
	fmt.Fprintf(out, "- rounding: %s\n", p.Rounding())
	who := "the two people who make up most of a number have"
	if p.Dominance.N == 1 {
		who = "the person who makes up most of a number has"
	}
	fmt.Fprintf(out, "- dominance: %s less than %g %% of it, all but the first two at least %g %% of the largest's\n", who, 100*p.Dominance.K, 100*p.Dominance.P)
	if p.AllowFull {
		fmt.Fprintln(out, "- a condition that everybody in a group meets may be shown")
	} else {
		fmt.Fprintln(out, "- a condition that everybody in a group meets is withheld, as one that nobody meets")
	}
}

// readPolicyFile reads no more than a policy file may hold, and one byte.
func readPolicyFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, gatehouse.Errorf(gatehouse.CodeConfig, "The policy file %s cannot be read.", path).Because(err)
	}
	content, err := io.ReadAll(io.LimitReader(f, disclosure.MaxPolicyFile+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, gatehouse.Errorf(gatehouse.CodeConfig, "The policy file %s cannot be read.", path).Because(err)
	}
	return content, nil
}

func newPolicyAddCommand() *cobra.Command {
	var l local
	c := &cobra.Command{
		Use:   "add --dir DIR FILE",
		Short: "Add a disclosure policy, or a new version of one, from a file (a custodian)",
		Long: `Add a disclosure policy, or a new version of one, from a file (YAML). 'gatehouse policy show sdap' prints one to begin
with, and 'gatehouse policy check' says what a file means. Projects stay with the version that they were approved under,
until 'gatehouse project policy' moves them.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			content, err := readPolicyFile(args[0])
			if err != nil {
				return err
			}
			return l.as(c.Context(), func(in *installation, actor gatehouse.Principal) error {
				v, err := in.policies.Add(c.Context(), actor, content)
				if err == nil {
					fmt.Fprintf(c.OutOrStdout(), "The policy %s is added: SHA-256 %s.\n", v.FullName(), v.SHA256)
				}
				return err
			})
		},
	}
	l.flags(c, "token of a custodian")
	return c
}

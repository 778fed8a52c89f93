package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func newCatalogLeavingCommand() *cobra.Command {
	var l local
	var project, policy, document string
	c := &cobra.Command{
		Use:   "leaving --dir DIR --project PROJECT [--policy remove|stop-flow --document REFERENCE] DATASET",
		Short: "Decide what a project sees of people who withdraw from a dataset (a custodian)",
		Long: `Decide what a project sees of people who withdraw from a dataset from now on. 'remove', which is the default: they are gone from every
version at once. 'stop-flow': versions that were published before go on showing them to the project, so that comparing does not tell who
left; no later version does, nor one of before that the project moves back to. Whoever withdraws from the project itself is gone at once. A custodian of the dataset
decides who has no part in the project. Without --policy it says what was decided.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return l.as(c.Context(), func(in *installation, actor gatehouse.Principal) error {
				if policy != "" {
					err := in.workspaces.SetLeaving(c.Context(), actor, workspaces.Leaving{Dataset: args[0], Project: project, Policy: workspaces.LeavingPolicy(policy), Document: document})
					if err != nil {
						return err
					}
				}
				now, err := in.workspaces.Leaving(c.Context(), actor, args[0], project)
				if err != nil {
					return err
				}
				fmt.Fprintf(c.OutOrStdout(), "People who withdraw from %s: %s", args[0], now.Policy)
				if now.Document != "" {
					fmt.Fprintf(c.OutOrStdout(), ", of %s, since %s", now.Document, now.Since.Format("2006-01-02 15:04 MST"))
				}
				fmt.Fprintln(c.OutOrStdout(), ".")
				return nil
			})
		},
	}
	l.flags(c, "token of a custodian")
	c.Flags().StringVar(&project, "project", "", "which project")
	c.Flags().StringVar(&policy, "policy", "", "remove or stop-flow")
	c.Flags().StringVar(&document, "document", "", "what the decision rests on")
	cobra.CheckErr(c.MarkFlagRequired("project"))
	return c
}

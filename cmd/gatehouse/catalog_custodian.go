package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse/infra/web"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func newCatalogCustodianCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "custodian", Short: "Say who decides about projects that use a dataset",
		Long: `Say who decides about projects that use a dataset: over the network as one of its custodians, or with --dir as the
owner of the machine, who names the first. Whoever is named has the role of custodian.`,
	}
	c.AddCommand(
		newUserSubcommand("add DATASET USER", "Name a user custodian of a dataset", "%s has %s as a custodian now.", 2, userDeed{
			func(ctx context.Context, s *workspaces.Service, args []string) error {
				return s.AddCustodian(ctx, workspaces.System, args[0], args[1])
			},
			func(ctx context.Context, c *web.Client, args []string) error {
				return c.NameCustodian(ctx, args[0], args[1])
			},
		}),
		newUserSubcommand("remove DATASET USER", "End that, at once", "%s does not have %s as a custodian any more.", 2, userDeed{
			func(ctx context.Context, s *workspaces.Service, args []string) error {
				return s.RemoveCustodian(ctx, workspaces.System, args[0], args[1])
			},
			func(ctx context.Context, c *web.Client, args []string) error {
				return c.RemoveCustodian(ctx, args[0], args[1])
			},
		}),
	)
	var l place
	list := &cobra.Command{
		Use: "list DATASET", Short: "List the custodians of a dataset", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var named []string
			err := l.either(c.Context(), args, userDeed{
				func(ctx context.Context, s *workspaces.Service, args []string) (err error) {
					named, err = s.Custodians(ctx, workspaces.System, args[0])
					return err
				},
				func(ctx context.Context, c *web.Client, args []string) (err error) {
					named, err = c.Custodians(ctx, args[0])
					return err
				},
			})
			for _, user := range named {
				fmt.Fprintln(c.OutOrStdout(), user)
			}
			return err
		},
	}
	l.houseFlags(list)
	c.AddCommand(list)
	return c
}

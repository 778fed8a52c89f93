package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func newReidentifyCommand() *cobra.Command {
	c := &cobra.Command{Use: "reidentify", Short: "Find out whom pseudonyms name: one custodian asks, another approves"}
	c.AddCommand(newReidentifyAskCommand())
	c.AddCommand(newJointCommands(workspaces.JointReidentify, "tracing pseudonyms")...)
	return c
}

func newReidentifyAskCommand() *cobra.Command {
	var l local
	var dataset, purpose, reason string
	c := &cobra.Command{
		Use:   "ask --dir DIR PROJECT FILE --dataset DATASET --purpose PURPOSE --reason TEXT",
		Short: "Ask whom the pseudonyms of FILE name, one on each line (a custodian of the dataset)",
		Long: `Ask whom the pseudonyms of FILE name, one on each line. Once another custodian of the dataset has approved it, the identifiers stand in
custodian/reidentified of the installation, and nowhere else: no command prints them.`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			pseudonyms, err := readPseudonyms(args[1])
			if err != nil {
				return err
			}
			return l.as(c.Context(), func(in *installation, actor gatehouse.Principal) error {
				a, err := in.workspaces.AskReidentification(c.Context(), actor, args[0], dataset, purpose, reason, pseudonyms)
				if err == nil {
					fmt.Fprintf(c.OutOrStdout(), "%s waits for another custodian: 'gatehouse reidentify approve --dir DIR %s'.\n", a.ID, a.ID)
				}
				return err
			})
		},
	}
	l.flags(c, "token of a custodian of the dataset")
	c.Flags().StringVar(&dataset, "dataset", "", "whose people they are")
	if err := c.MarkFlagRequired("dataset"); err != nil {
		panic(err) // the flag stands above
	}
	purposeFlags(c, workspaces.JointReidentify, &purpose, &reason)
	return c
}

// maxPseudonymFile is many times what the pseudonyms of one question take.
const maxPseudonymFile = 1 << 20

// readPseudonyms reads the pseudonyms of a file, which may be anything.
func readPseudonyms(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, gatehouse.Errorf(gatehouse.CodeUsage, "The list of pseudonyms cannot be read.").Because(err)
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxPseudonymFile+1))
	switch {
	case err != nil:
		return nil, gatehouse.Errorf(gatehouse.CodeUsage, "The list of pseudonyms cannot be read.").Because(err)
	case len(content) > maxPseudonymFile:
		return nil, gatehouse.Errorf(gatehouse.CodeTooLarge, "The list of pseudonyms is longer than a question may be.").
			WithAdvice("Ask about at most 1,000 pseudonyms at a time.")
	}
	return strings.Fields(string(content)), nil
}

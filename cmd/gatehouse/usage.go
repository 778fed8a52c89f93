package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gatehouse-tre/gatehouse"
)

// usageError is a mistake on the command line, in cobra's own words.
func usageError(c *cobra.Command, err error) error {
	var known *gatehouse.Error
	if err == nil || errors.As(err, &known) || errors.Is(err, pflag.ErrHelp) {
		return err
	}
	return gatehouse.Errorf(gatehouse.CodeUsage, "%s.", strings.TrimSuffix(err.Error(), ".")).WithAdvice("See '%s --help'.", c.CommandPath())
}

// reportUsage makes every mistake in the use of root and the commands below it
// a usageError.
func reportUsage(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	root.SetFlagErrorFunc(usageError)
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error {
		// cobra checks these again, but gives its errors to nobody else first.
		return usageError(c, errors.Join(c.ValidateRequiredFlags(), c.ValidateFlagGroups()))
	}
	reportArguments(root)
}

func reportArguments(c *cobra.Command) {
	if c.HasSubCommands() && !c.Runnable() {
		c.Args = subcommandOnly
		c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	} else if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error { return usageError(c, check(c, args)) }
	}
	for _, sub := range c.Commands() {
		reportArguments(sub)
	}
}

// subcommandOnly prints the help of a group of commands, or says that what was
// named is none of them. cobra would print the help and report success.
func subcommandOnly(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return pflag.ErrHelp
	}
	c.SuggestionsMinimumDistance = 2
	err := fmt.Sprintf("unknown command %q for %q.", args[0], c.CommandPath())
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		err += fmt.Sprintf(" Did you mean '%s %s'?", c.CommandPath(), strings.Join(near, "' or '"))
	}
	return gatehouse.Errorf(gatehouse.CodeUsage, "%s", err).WithAdvice("See '%s --help'.", c.CommandPath())
}

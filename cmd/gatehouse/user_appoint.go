package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// newAppointmentCommands are those by which roles that were asked for are seen and
// decided.
func newAppointmentCommands() []*cobra.Command {
	var f serverFlags
	list := &cobra.Command{
		Use: "appointments", Short: "List the roles that were asked for, newest first", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := f.client()
			if err != nil {
				return err
			}
			all, err := client.Appointments(c.Context())
			if err != nil {
				return err
			}
			return f.show(c.OutOrStdout(), all, func() {
				for _, a := range all {
					printAppointment(c.OutOrStdout(), a)
				}
			})
		},
	}
	f.add(list)
	return []*cobra.Command{
		list,
		newAppointmentCommand("confirm", "Confirm, as a custodian, a role that another asked for: look at the accounts first", "confirm", "%s is %s now.\n"),
		newAppointmentCommand("decline", "Decline it, or withdraw what you asked for yourself", "decline", "%s does not become %s.\n"),
	}
}

func newAppointmentCommand(name, short, verdict, done string) *cobra.Command {
	var f serverFlags
	c := &cobra.Command{
		Use: name + " APPOINTMENT", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := f.client()
			if err != nil {
				return err
			}
			a, err := client.DecideRole(c.Context(), args[0], verdict)
			if err != nil {
				return err
			}
			return f.show(c.OutOrStdout(), a, func() { fmt.Fprintf(c.OutOrStdout(), done, a.User, a.Role) })
		},
	}
	f.add(c)
	return c
}

func printAppointment(w io.Writer, a workspaces.Appointment) {
	fmt.Fprintf(w, "%s  %s  %s to be %s, asked by %s on %s", a.ID, a.State, a.User, a.Role, a.AskedBy, a.Asked.Format("2006-01-02"))
	if a.DecidedBy != "" {
		fmt.Fprintf(w, ", %s by %s", a.State, a.DecidedBy)
	}
	fmt.Fprintln(w)
	for _, who := range a.Accounts {
		fmt.Fprintf(w, "    signs in as %s of %s\n", who.Subject, who.Issuer)
	}
	if len(a.Accounts) == 0 {
		fmt.Fprintln(w, "    has no account to sign in with")
	}
}

package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// readFile reads a text file that a user names.
func readFile(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", gatehouse.Errorf(gatehouse.CodeConfig, "The file %s cannot be read.", path).Because(err)
	}
	return string(text), nil
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

func newProjectStatusCommand() *cobra.Command {
	var l place
	var inJSON bool
	c := &cobra.Command{
		Use: "status PROJECT", Short: "Show whose turn it is with a project, what was decided, and what one can do", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return l.at(c.Context(), func(d projectDesk) error {
				r, err := d.Review(c.Context(), args[0])
				if err != nil {
					return err
				}
				if inJSON {
					return writeJSON(c.OutOrStdout(), r)
				}
				printReview(c.OutOrStdout(), r)
				return nil
			})
		},
	}
	l.flags(c, "token of whoever asks")
	c.Flags().BoolVar(&inJSON, "json", false, "answer in JSON")
	return c
}

func printReview(w io.Writer, r workspaces.ProjectReview) {
	fmt.Fprintf(w, "%s: %s, until %s. Turn of its %s: %s\n", r.Project.ID, r.Project.State, r.Project.Expires.Format(time.RFC3339), r.Owner, orDash(strings.Join(r.Turn, ", ")))
	if r.Missing != "" {
		fmt.Fprintf(w, "  %s\n", r.Missing)
	}
	if r.Project.StoppedWhy != "" {
		fmt.Fprintf(w, "  stopped because: %s\n", oneLine(r.Project.StoppedWhy))
	}
	if r.Since != nil {
		for _, c := range r.Since.Changes {
			fmt.Fprintf(w, "  since round %d: %s [%s]\n    - %s\n    + %s\n", r.Since.Round, c.Field, strings.Join(c.Datasets, ", "), oneLine(cmp.Or(c.From, "(nothing)")), oneLine(cmp.Or(c.To, "(nothing)")))
		}
	}
	for _, d := range r.Datasets {
		state := "open"
		if d.Decision != nil {
			state = fmt.Sprintf("%s by %s", d.Decision.Verdict, d.Decision.Custodian)
			if d.Decision.Comment != "" {
				state += ": " + oneLine(d.Decision.Comment)
			}
		} else if !d.Open {
			state = "-"
		}
		fmt.Fprintf(w, "  %s@%d (custodians: %s): %s\n    fingerprint %s\n", d.Dataset, d.Version, orDash(strings.Join(d.Custodians, ", ")), state, d.Digest)
	}
	for _, d := range r.History {
		if d.Amendment == "" && d.Round < r.Project.Round || r.Project.State == workspaces.ProjectDraft && d.Amendment == "" {
			fmt.Fprintf(w, "  round %d, %s: %s by %s: %s\n", d.Round, d.Dataset, d.Verdict, d.Custodian, orDash(oneLine(d.Comment)))
		}
	}
	for _, c := range r.Conditions {
		fmt.Fprintf(w, "  condition of %s for %s: %s\n", c.Custodian, c.Dataset, oneLine(c.Text))
	}
	for _, m := range r.Project.Members {
		agreement := "not signed"
		if m.Agreement > 0 {
			agreement = fmt.Sprintf("version %d signed, until %s", m.Agreement, m.AgreementUntil.Format(time.RFC3339))
		}
		fmt.Fprintf(w, "  %s %s: trained until %s; agreement %s\n", m.Role, m.User, m.TrainingUntil.Format(time.RFC3339), agreement)
	}
	for _, a := range r.Amendments {
		fmt.Fprintf(w, "  amendment %s: %s, %d changes\n", a.ID, a.State, len(a.Changes))
	}
	var steps []string
	for _, s := range r.Steps {
		steps = append(steps, string(s))
	}
	fmt.Fprintf(w, "  you can: %s\n", orDash(strings.Join(steps, ", ")))
}

func newProjectTasksCommand() *cobra.Command {
	var l place
	c := &cobra.Command{
		Use: "tasks", Short: "List what waits for you: decisions, signatures, training", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return l.at(c.Context(), func(d projectDesk) error {
				tasks, err := d.Tasks(c.Context())
				for _, t := range tasks {
					due := ""
					if !t.Due.IsZero() {
						due = "  until " + t.Due.Format(time.RFC3339)
					}
					fmt.Fprintf(c.OutOrStdout(), "%-18s %-24s %s%s\n", t.Kind, t.Project, t.Subject, due)
				}
				return err
			})
		},
	}
	l.flags(c, "token of whoever asks")
	return c
}

func newProjectFiveSafesCommand() *cobra.Command {
	var l place
	c := &cobra.Command{
		Use: "five-safes PROJECT", Short: "Show a project by the Five Safes, as JSON", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return l.at(c.Context(), func(d projectDesk) error {
				v, err := d.FiveSafes(c.Context(), args[0])
				if err != nil {
					return err
				}
				return writeJSON(c.OutOrStdout(), v)
			})
		},
	}
	l.flags(c, "token of whoever asks")
	return c
}

func newProjectRegisterCommand() *cobra.Command {
	var l local
	c := &cobra.Command{
		Use: "register --dir DIR", Short: "Print the public register of approved projects, as JSON", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return l.open(c.Context(), func(in *installation) error {
				all, err := in.workspaces.Register(c.Context())
				if err != nil {
					return err
				}
				return writeJSON(c.OutOrStdout(), all)
			})
		},
	}
	l.flags(c, "")
	return c
}

func newProjectSweepCommand() *cobra.Command {
	var l local
	c := &cobra.Command{
		Use: "sweep --dir DIR", Short: "Tell people now what of theirs lapses soon, and end what is over (the server does it every hour)", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return l.open(c.Context(), func(in *installation) error {
				done, err := in.workspaces.Sweep(c.Context())
				if err == nil {
					fmt.Fprintf(c.OutOrStdout(), "%d warned, %d lapsed, %d projects expired.\n", done.Warned, done.Lapsed, done.Expired)
				}
				return err
			})
		},
	}
	l.flags(c, "")
	return c
}

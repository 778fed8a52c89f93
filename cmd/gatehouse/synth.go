package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse/catalog/synth"
)

func newSynthCommand() *cobra.Command {
	o := synth.Options{People: 20_000, Seed: 1}
	var progress bool
	c := &cobra.Command{
		Use:   "synth --out DIR",
		Short: "Write made-up identifiable extracts, with deliberate faults, to try publication on",
		Long: `Write made-up identifiable extracts as a shared care record would export them: patients, events, admissions,
social care, codes and three opt-out lists, with a small share of faults that faults.json lists by line.
The same people and seed give the same bytes. The folder must be new, empty, or filled by an earlier run, which is replaced.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			terminal := isatty.IsTerminal(os.Stderr.Fd())
			if progress || terminal {
				o.Progress = progressTo(c.ErrOrStderr(), terminal)
			}
			start := time.Now()
			s, err := synth.Write(c.Context(), o)
			if o.Progress != nil && terminal {
				fmt.Fprintln(c.ErrOrStderr())
			}
			if err != nil {
				return err
			}
			printSynth(c.OutOrStdout(), s, o.Dir, time.Since(start))
			return nil
		},
	}
	c.Flags().IntVar(&o.People, "people", o.People, fmt.Sprintf("number of people, %d to %d", synth.MinPeople, synth.MaxPeople))
	c.Flags().Uint64Var(&o.Seed, "seed", o.Seed, "the same seed gives the same bytes")
	c.Flags().StringVar(&o.Dir, "out", "", "folder to write to")
	c.Flags().BoolVar(&progress, "progress", false, "tell the progress even when standard error is no terminal")
	if err := c.MarkFlagRequired("out"); err != nil {
		panic(err) // the flag stands above
	}
	return c
}

// progressTo writes each whole per cent on one line of a terminal, and each
// tenth on a line of its own elsewhere.
func progressTo(w io.Writer, terminal bool) func(done, total int) {
	last := -1
	return func(done, total int) {
		percent := int(int64(done) * 100 / int64(total))
		if !terminal {
			percent -= percent % 10
		}
		if percent == last {
			return
		}
		last = percent
		if terminal {
			fmt.Fprintf(w, "\r%3d %% of %d people", percent, total)
		} else {
			fmt.Fprintf(w, "%d %% of %d people\n", percent, total)
		}
	}
}

func printSynth(w io.Writer, s synth.Summary, dir string, took time.Duration) {
	fmt.Fprintf(w, "%d people, seed %d, in %s (%.1f s)\n", s.People, s.Seed, dir, took.Seconds())
	names := make([]string, 0, len(s.Files))
	for name := range s.Files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		f := s.Files[name]
		faults := 0
		for _, l := range f.Faults {
			faults += l.Count
		}
		fmt.Fprintf(w, "  %-22s %12d rows", name, f.Rows)
		if faults > 0 {
			fmt.Fprintf(w, "  %8d deliberate faults", faults)
		}
		fmt.Fprintln(w)
	}
}

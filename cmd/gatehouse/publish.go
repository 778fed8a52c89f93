package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

func newPublishCommand() *cobra.Command {
	var dir, definition, extracts, as string
	var age time.Duration
	var changes bool
	cmd := &cobra.Command{
		Use:   "publish --dir DIR --definition FILE --extracts DIR",
		Short: "Publish the next version of a dataset from identifiable extracts",
		Long: `Publish the next version of a dataset from identifiable extracts. Every row is published, counted as opted out, or rejected
with a reason in DIR/custodian/reports; identifiers are dropped or coarsened as the definition says; the version appears whole
or not at all. With --changes the extracts hold new, changed and deleted people alone, all rows of each; everybody else stays as in
the version before (docs/life-of-a-version.md). --definition is a file, or the name of a definition that comes with Gatehouse (shared_care,
omop, fhir, hes, gdppr).

An opt-out list is as old as the earliest of: its sidecar FILE.dated (one line, a day or RFC 3339 time), 'dated' in the
definition, and the file's own time. The strictest of --max-list-age, the installation's and the definition's limit holds.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := catalog.ReadDefinition(definition)
			if err != nil {
				return err
			}
			in, err := openInstallation(cmd.Context(), dir)
			if err != nil {
				return err
			}
			defer in.close()
			if age > 0 {
				in.settings.MaxListAge = min(in.settings.MaxListAge, age)
			}
			var tell func(catalog.Progress)
			if isatty.IsTerminal(os.Stderr.Fd()) {
				tell = progressLine(cmd.ErrOrStderr())
			}
			start := time.Now()
			v, err := in.publish(cmd.Context(), gatehouse.Principal{User: as}, d, extracts, changes, tell)
			if tell != nil {
				fmt.Fprint(cmd.ErrOrStderr(), clearLine)
			}
			if err != nil {
				return in.whyNotPublisher(cmd.Context(), as, err)
			}
			printVersion(cmd.OutOrStdout(), v)
			rows := int64(0)
			for _, a := range v.Accounts {
				rows += a.Read
			}
			fmt.Fprintf(cmd.OutOrStdout(), "\n%d rows in %.1f s; rejected rows are listed in %s\n", rows, time.Since(start).Seconds(),
				filepath.Join(in.dir, "custodian", "reports", v.Name(), "rejects.csv"))
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&dir, "dir", "", "folder of the installation")
	f.StringVar(&definition, "definition", "", "dataset definition: a file, or the name of a shipped one")
	f.StringVar(&extracts, "extracts", "", "folder of the extracts and opt-out lists")
	f.StringVar(&as, "as", "custodian", "user who publishes; must be a custodian")
	f.BoolVar(&changes, "changes", false, "the extracts hold only people who are new or have changed: all rows of each")
	f.DurationVar(&age, "max-list-age", 0, "how old an opt-out list may be, for example 720h; only stricter than the installation's own limit")
	for _, name := range []string{"dir", "definition", "extracts"} {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // the flag stands above
		}
	}
	return cmd
}

// whyNotPublisher says what the user of --as lacks, where the rules refused
// the publication; to the owner of the machine nothing need be hidden.
func (in *installation) whyNotPublisher(ctx context.Context, user string, refusal error) error {
	if code := gatehouse.CodeOf(refusal); code != gatehouse.CodeNotFound && code != gatehouse.CodeDenied {
		return refusal
	}
	d, err := in.policy.Explain(ctx, gatehouse.Principal{User: user}, gatehouse.ActionDatasetPublish, gatehouse.Everywhere)
	if err != nil || d.Allowed {
		return refusal
	}
	if gatehouse.CodeOf(in.requireUser(ctx, user)) == gatehouse.CodeNotFound {
		return gatehouse.Errorf(gatehouse.CodeNotFound, "There is no user %s.", user).Because(refusal).
			WithAdvice("Add one with 'gatehouse user add --dir DIR NAME' and 'gatehouse user grant --dir DIR NAME custodian', and name that user with --as.")
	}
	return gatehouse.Errorf(gatehouse.CodeDenied, "%s is not a custodian.", user).Because(refusal).
		WithAdvice("Name a custodian with --as, or make one with 'gatehouse user grant --dir DIR NAME custodian'.")
}

const clearLine = "\r\x1b[K"

// progressLine keeps one line of a terminal up to date.
func progressLine(w io.Writer) func(catalog.Progress) {
	words := map[catalog.Stage]string{catalog.StageSurvey: "looking through", catalog.StageRead: "checking", catalog.StageWrite: "sorting and writing"}
	return func(p catalog.Progress) {
		switch {
		case p.Stage == catalog.StageSeal:
			fmt.Fprintf(w, clearLine+"sealing the version")
		case p.Total > 0 && p.Stage == catalog.StageRead:
			fmt.Fprintf(w, clearLine+"%s %s: %d %%", words[p.Stage], p.Table, p.Done*100/p.Total)
		default:
			fmt.Fprintf(w, clearLine+"%s %s", words[p.Stage], p.Table)
		}
	}
}

// printVersion tells what a version holds and what became of every row.
func printVersion(out io.Writer, v catalog.Version) {
	fmt.Fprintf(out, "%s  %s (%s), published %s by %s: %d people\n\n", v.Name(), v.Title, v.Custodian,
		v.Published.Format(time.DateTime+" MST"), v.PublishedBy, v.Units)
	w := tabwriter.NewWriter(out, 2, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "extract\tread\tpublished\topted out\trejected\t")
	for _, a := range v.Accounts {
		rejected := int64(0)
		for _, n := range a.Rejected {
			rejected += n
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t\n", a.Extract, a.Read, a.Published, a.OptedOut, rejected)
	}
	w.Flush()
	for _, a := range v.Accounts {
		if len(a.Rejected) == 0 {
			continue
		}
		fmt.Fprintf(out, "\n%s, rejected rows:\n", a.Extract)
		for _, reason := range slices.Sorted(maps.Keys(a.Rejected)) {
			fmt.Fprintf(out, "  %8d  %-26s %s\n", a.Rejected[reason], reason, catalog.Reason(reason).Explanation())
		}
	}
	fmt.Fprintln(out)
	for _, r := range v.Receipts {
		fmt.Fprintf(out, "opt-out list %s of %s: %d entries, %d people affected\n", r.List, r.Dated.Format(time.DateOnly), r.Entries, r.Affected)
	}
	if v.NoOptOuts != "" {
		fmt.Fprintf(out, "no opt-out lists: %s\n", v.NoOptOuts)
	}
}

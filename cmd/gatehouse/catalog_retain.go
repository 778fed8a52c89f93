package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/infra/keys"
	"github.com/gatehouse-tre/gatehouse/infra/state"
)

// retention builds the service that deletes versions.
func (in *installation) retention() (catalog.Retention, error) {
	signer, public, err := in.manifestSigner()
	return catalog.Retention{Dir: in.dir, Public: public, Signer: signer, Authorizer: in.policy, Store: state.Catalogue{DB: in.state}, Now: time.Now}, err
}

// retain runs do with the service, as the holder of the token.
func (l *local) retain(c *cobra.Command, do func(r catalog.Retention, actor gatehouse.Principal) error) error {
	return l.as(c.Context(), func(in *installation, actor gatehouse.Principal) error {
		r, err := in.retention()
		if err != nil {
			return err
		}
		return do(r, actor)
	})
}

func (l *local) custodian(c *cobra.Command) { l.flags(c, "token of a custodian of the dataset") }

// retainVersion makes a command that does something with one version, by its name.
func retainVersion(l *local, use, short string, do func(c *cobra.Command, r catalog.Retention, actor gatehouse.Principal, dataset string, number int) error) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
		dataset, number, err := parseVersionName(args[0])
		if err != nil {
			return err
		}
		return l.retain(c, func(r catalog.Retention, actor gatehouse.Principal) error { return do(c, r, actor, dataset, number) })
	}}
	l.custodian(c)
	return c
}

func newCatalogRetainCommand() *cobra.Command {
	var l local
	var rule catalog.Rule
	var apply bool
	c := &cobra.Command{
		Use:   "retain --dir DIR DATASET",
		Short: "See or set how long versions are kept, and delete those that need not be (a custodian)",
		Long: `See what becomes of each version of a dataset and why. --keep and --days set the rule: so many newest versions are kept, and all
that are not older. Without a rule every version is kept. --apply deletes what the rule lets go: never the newest version, one that is held,
or one that a live project uses. Each deletion leaves a signed record in versions/DATASET/deleted.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return l.retain(c, func(r catalog.Retention, actor gatehouse.Principal) error {
				if c.Flags().Changed("keep") || c.Flags().Changed("days") {
					if err := r.SetRule(c.Context(), actor, args[0], rule); err != nil {
						return err
					}
				}
				_, fates, err := r.Fates(c.Context(), actor, args[0])
				if err != nil {
					return err
				}
				w := tabwriter.NewWriter(c.OutOrStdout(), 2, 0, 2, ' ', 0)
				for _, f := range fates {
					what := "kept"
					if f.Delete {
						if what = "may go"; apply {
							what = "deleted"
							if _, err := r.Delete(c.Context(), actor, args[0], f.Version.Number, f.Why); err != nil {
								return err
							}
						}
					}
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", f.Version.Name(), f.Version.Published.Format(time.DateOnly), what, f.Why)
				}
				return w.Flush()
			})
		},
	}
	l.custodian(c)
	c.Flags().IntVar(&rule.Keep, "keep", 1, "set the rule: keep so many newest versions")
	c.Flags().IntVar(&rule.Days, "days", 0, "set the rule: keep all versions that are not older than so many days")
	c.Flags().BoolVar(&apply, "apply", false, "delete what the rule lets go")
	return c
}

func newCatalogHoldCommand() *cobra.Command {
	var l local
	var reason string
	var lift bool
	c := retainVersion(&l, "hold --dir DIR DATASET@NUMBER", "Keep a version whatever the rule says, or lift that (a custodian)",
		func(c *cobra.Command, r catalog.Retention, actor gatehouse.Principal, dataset string, number int) error {
			what, err := "held", error(nil)
			if lift {
				what, err = "no longer held", r.Lift(c.Context(), actor, dataset, number)
			} else {
				err = r.Hold(c.Context(), actor, dataset, number, reason)
			}
			if err == nil {
				fmt.Fprintf(c.OutOrStdout(), "%s@%d is %s.\n", dataset, number, what)
			}
			return err
		})
	c.Flags().StringVar(&reason, "reason", "", "why; it stands in the journal")
	c.Flags().BoolVar(&lift, "lift", false, "end the hold")
	return c
}

func newCatalogRecallCommand() *cobra.Command {
	var l local
	var reason string
	var lift bool
	c := retainVersion(&l, "recall --dir DIR --reason TEXT DATASET@NUMBER", "Have a version that is wrong used by nobody, or lift that (a custodian)",
		func(c *cobra.Command, r catalog.Retention, actor gatehouse.Principal, dataset string, number int) error {
			what, err := "recalled: no project asks about it. Move projects with 'gatehouse project use-version'", error(nil)
			if lift {
				what, err = "reinstated", r.Reinstate(c.Context(), actor, dataset, number, reason)
			} else {
				err = r.Recall(c.Context(), actor, dataset, number, reason)
			}
			if err == nil {
				fmt.Fprintf(c.OutOrStdout(), "%s@%d is %s.\n", dataset, number, what)
			}
			return err
		})
	c.Flags().StringVar(&reason, "reason", "", "why; everybody who reads the catalogue sees it")
	c.Flags().BoolVar(&lift, "lift", false, "end the recall")
	return c
}

func newCatalogDeleteCommand() *cobra.Command {
	var l local
	var reason string
	c := retainVersion(&l, "delete --dir DIR --reason TEXT DATASET@NUMBER", "Delete a version and keep a signed record of it (a custodian)",
		func(c *cobra.Command, r catalog.Retention, actor gatehouse.Principal, dataset string, number int) error {
			d, err := r.Delete(c.Context(), actor, dataset, number, reason)
			if err == nil {
				printDeletion(c, d)
			}
			return err
		})
	c.Flags().StringVar(&reason, "reason", "", "why; it stands in the record")
	return c
}

func newCatalogDeletionCommand() *cobra.Command {
	var key string
	c := &cobra.Command{
		Use:   "deletion --key FILE RECORD",
		Short: "Verify the record of a deletion, without an installation",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			text, err := os.ReadFile(key)
			if err != nil {
				return gatehouse.Errorf(gatehouse.CodeConfig, "The public key %s cannot be read.", key).Because(err)
			}
			public, err := keys.ParsePublic(text)
			if err != nil {
				return err
			}
			d, err := catalog.ReadDeletion(args[0], public)
			if err != nil {
				return err
			}
			printDeletion(c, d)
			return nil
		},
	}
	c.Flags().StringVar(&key, "key", "", "public key of manifests: keys/manifest.pub.pem of the installation")
	_ = c.MarkFlagRequired("key")
	return c
}

func printDeletion(c *cobra.Command, d catalog.Deletion) {
	out := c.OutOrStdout()
	fmt.Fprintf(out, "%s was deleted on %s by %s: %s\nmanifest %s\n", d.Name(), d.Deleted.Format(time.RFC3339), d.By, d.Reason, d.Manifest)
	for _, f := range d.Files {
		kept := ""
		if len(f.SharedWith) > 0 {
			kept = "  (the same file was then in " + strings.Join(f.SharedWith, ", ") + ")"
		}
		fmt.Fprintf(out, "%s  %s%s\n", f.SHA256, f.Path, kept)
	}
}

// verifyChain checks the chain of a dataset's manifests and deletions.
func verifyChain(c *cobra.Command, dir, dataset string) error {
	public, err := manifestKey(dir)
	if err != nil {
		return err
	}
	records, err := catalog.Deletions(dir, dataset, public)
	if err != nil {
		return err
	}
	if err := catalog.VerifyChain(dir, dataset, public, records); err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "%s: the manifests are one chain, %s\n", dataset, plural(len(records), "deletion is recorded", "deletions are recorded"))
	return nil
}

func newCatalogDiffCommand() *cobra.Command {
	var dir string
	var shown bool
	var threshold int64
	c := &cobra.Command{
		Use:   "diff --dir DIR DATASET@FROM DATASET[@TO]",
		Short: "Show how a version differs from an earlier one",
		Long: `Show, as JSON, how a version differs from an earlier one: tables, columns, rows, people, opt-out lists. The counts are exact and belong to
the custodian; --shown leaves out and rounds what others may not see.`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			catalogue, err := openCatalogue(dir)
			if err != nil {
				return err
			}
			var versions [2]catalog.Version
			for i, name := range args {
				dataset, number, err := parseVersionName(name)
				if err != nil {
					return err
				}
				if versions[i], err = catalogue.Version(c.Context(), dataset, number); err != nil {
					return err
				}
			}
			d := catalog.Compare(versions[0], versions[1])
			if shown {
				d = d.Shown(threshold)
			}
			out := json.NewEncoder(c.OutOrStdout())
			out.SetIndent("", "  ")
			return out.Encode(d)
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "folder of the installation")
	_ = c.MarkFlagRequired("dir")
	c.Flags().BoolVar(&shown, "shown", false, "only what anybody but a custodian may see")
	c.Flags().Int64Var(&threshold, "threshold", 10, "with --shown: the least number of people by which a count must differ")
	return c
}

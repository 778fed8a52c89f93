package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/catalog/optout"
	"github.com/gatehouse-tre/gatehouse/infra/mesh"
	"github.com/gatehouse-tre/gatehouse/infra/state"
)

// meshSettings say how the check service for national data opt-outs is reached.
// Secrets stand in files, which only the owner of the machine reads.
type meshSettings struct {
	URL           string `yaml:"url,omitempty"`
	Mailbox       string `yaml:"mailbox,omitempty"`         // ours
	To            string `yaml:"to,omitempty"`              // the check service's
	PasswordFile  string `yaml:"password_file,omitempty"`   // of the mailbox
	SharedKeyFile string `yaml:"shared_key_file,omitempty"` // of the environment
	Certificate   string `yaml:"certificate,omitempty"`     // PEM, ours
	Key           string `yaml:"key,omitempty"`             // PEM, of the certificate
	Authorities   string `yaml:"authorities,omitempty"`     // PEM, of the service
	Compress      bool   `yaml:"compress,omitempty"`
	// MostRemoved is the largest share of people who may be missing in an answer.
	MostRemoved float64 `yaml:"most_removed,omitempty"`
}

// client makes the mailbox's client. Paths are below the installation's folder.
func (s meshSettings) client(dir string) (*mesh.Client, error) {
	if s.URL == "" || s.To == "" {
		return nil, gatehouse.Errorf(gatehouse.CodeConfig, "MESH is not configured.").
			WithAdvice("Give url, mailbox, to, password_file, shared_key_file, certificate, key and authorities under 'mesh' in gatehouse.yaml; docs/opt-outs.md says what they are.")
	}
	if s.MostRemoved < 0 || s.MostRemoved > 1 {
		return nil, gatehouse.Errorf(gatehouse.CodeConfig, "most_removed of mesh is a share from 0 to 1.")
	}
	at := func(path string) string {
		if path == "" || filepath.IsAbs(path) {
			return path
		}
		return filepath.Join(dir, path)
	}
	c := mesh.Config{URL: s.URL, Mailbox: s.Mailbox, Compress: s.Compress, Roots: x509.NewCertPool()}
	for _, secret := range []struct {
		path string
		to   *string
	}{{s.PasswordFile, &c.Password}, {s.SharedKeyFile, &c.SharedKey}} {
		if info, err := os.Stat(at(secret.path)); err == nil && info.Mode().Perm()&0o077 != 0 {
			return nil, gatehouse.Errorf(gatehouse.CodeConfig, "Others can read %s, which holds a secret.", secret.path).WithAdvice("Make it readable by its owner only: chmod 600.")
		}
		text, err := readToken(at(secret.path))
		if err != nil || secret.path == "" {
			return nil, gatehouse.Errorf(gatehouse.CodeConfig, "A secret of MESH cannot be read.").Because(err)
		}
		*secret.to = text
	}
	var err error
	if c.Certificate, err = tls.LoadX509KeyPair(at(s.Certificate), at(s.Key)); err != nil {
		return nil, gatehouse.Errorf(gatehouse.CodeConfig, "The certificate of MESH and its key cannot be read.").Because(err)
	}
	roots, err := os.ReadFile(at(s.Authorities))
	if err != nil || !c.Roots.AppendCertsFromPEM(roots) {
		return nil, gatehouse.Errorf(gatehouse.CodeConfig, "The authorities of MESH cannot be read.").Because(err)
	}
	return mesh.New(c)
}

// optOuts is the service of checks; without a mailbox it only tells of them.
func (in *installation) optOuts(mailbox optout.Mailbox) *optout.Service {
	return &optout.Service{Dir: in.dir, Store: state.OptOuts{DB: in.state}, Authorizer: in.policy, Mailbox: mailbox, To: in.settings.Mesh.To, MostRemoved: in.settings.Mesh.MostRemoved}
}

func newOptOutsCommand() *cobra.Command {
	c := &cobra.Command{Use: "optouts", Short: "Fetch the list of the national data opt-out from the check service, over MESH"}
	c.AddCommand(newOptOutsFetchCommand(), newOptOutsStatusCommand(), newOptOutsGiveUpCommand())
	return c
}

// withOptOuts opens the installation for the custodian.
func withOptOuts(ctx context.Context, dir, as string, do func(in *installation, actor gatehouse.Principal) error) error {
	in, err := openInstallation(ctx, dir)
	if err != nil {
		return err
	}
	defer in.close()
	if err := do(in, gatehouse.Principal{User: as}); err != nil {
		return in.whyNotPublisher(ctx, as, err)
	}
	return nil
}

func newOptOutsFetchCommand() *cobra.Command {
	var dir, definition, extracts, list, as string
	var wait time.Duration
	c := &cobra.Command{
		Use:   "fetch --dir DIR --definition FILE --extracts DIR",
		Short: "Ask which people of the extracts have not opted out, and keep the answer as their list",
		Long: `Ask the check service which people of the extracts have not opted out, and put its answer into the extracts folder as the list
that 'gatehouse publish' reads, with its date and its receipt. The service takes up to an hour: run the command again, or let it --wait. It goes on
from wherever it was stopped, and never asks the same question twice.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			d, err := catalog.ReadDefinition(definition)
			if err != nil {
				return err
			}
			if extracts, err = filepath.Abs(extracts); err != nil {
				return err
			}
			return withOptOuts(c.Context(), dir, as, func(in *installation, actor gatehouse.Principal) error {
				mailbox, err := in.settings.Mesh.client(in.dir)
				if err != nil {
					return err
				}
				return fetchList(c.Context(), c.OutOrStdout(), in.optOuts(mailbox), actor, d, list, extracts, wait)
			})
		},
	}
	f := c.Flags()
	f.StringVar(&dir, "dir", "", "folder of the installation")
	f.StringVar(&definition, "definition", "", "dataset definition: a file, or the name of a shipped one")
	f.StringVar(&extracts, "extracts", "", "folder of the extracts, where the list is put")
	f.StringVar(&list, "list", "national", "name of the list in the definition")
	f.StringVar(&as, "as", "custodian", "user who asks; must be a custodian")
	f.DurationVar(&wait, "wait", 0, "how long to wait for the answer, for example 2h; 0: come back later")
	for _, name := range []string{"dir", "definition", "extracts"} {
		_ = c.MarkFlagRequired(name)
	}
	return c
}

// pollEvery is how often the inbox is looked at while waiting.
const pollEvery = time.Minute

func fetchList(ctx context.Context, out io.Writer, s *optout.Service, actor gatehouse.Principal, d *catalog.Definition, list, extracts string, wait time.Duration) error {
	until := time.Now().Add(wait)
	for {
		check, err := s.Fetch(ctx, actor, d, list, extracts)
		switch {
		case err != nil:
			return err
		case check.State == optout.StateAnswered:
			fmt.Fprintf(out, "%s of %s: asked about %s, %d remain. The list stands in %s.\n", check.ID, d.Dataset, plural(int(check.Asked), "person", "people"), check.Returned, filepath.Join(extracts, check.File))
			return nil
		case time.Now().Add(pollEvery).After(until):
			fmt.Fprintf(out, "%s of %s: asked about %s; there is no answer yet. Run the command again.\n", check.ID, d.Dataset, plural(int(check.Asked), "person", "people"))
			return nil
		}
		t := time.NewTimer(pollEvery)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return gatehouse.Errorf(gatehouse.CodeCancelled, "Waiting was stopped; the check goes on.").Because(ctx.Err())
		}
	}
}

func newOptOutsStatusCommand() *cobra.Command {
	var dir, dataset, as string
	c := &cobra.Command{
		Use: "status --dir DIR", Short: "Show the checks, the newest first", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return withOptOuts(c.Context(), dir, as, func(in *installation, actor gatehouse.Principal) error {
				all, err := in.optOuts(nil).Checks(c.Context(), actor, dataset)
				if err != nil {
					return err
				}
				w := tabwriter.NewWriter(c.OutOrStdout(), 2, 0, 2, ' ', 0)
				for _, check := range all {
					state := string(check.State)
					if check.State == optout.StateAwaiting && time.Since(check.Sent) > optout.Overdue {
						state += ", overdue"
					}
					if check.Reason != "" {
						state += ": " + check.Reason
					}
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\tasked %d, %d remain\t%s\n", check.Prepared.Format(time.DateTime), check.Dataset, check.List, check.ID, check.Asked, check.Returned, state)
				}
				return w.Flush()
			})
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "folder of the installation")
	c.Flags().StringVar(&dataset, "dataset", "", "of this dataset only")
	c.Flags().StringVar(&as, "as", "custodian", "user who asks; must be a custodian")
	_ = c.MarkFlagRequired("dir")
	return c
}

func newOptOutsGiveUpCommand() *cobra.Command {
	var dir, as string
	c := &cobra.Command{
		Use: "give-up --dir DIR DATASET", Short: "End the open check of a dataset; an answer that comes later is not taken", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return withOptOuts(c.Context(), dir, as, func(in *installation, actor gatehouse.Principal) error {
				check, err := in.optOuts(nil).GiveUp(c.Context(), actor, args[0])
				if err == nil {
					fmt.Fprintf(c.OutOrStdout(), "%s was given up.\n", check.ID)
				}
				return err
			})
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "folder of the installation")
	c.Flags().StringVar(&as, "as", "custodian", "user who gives up; must be a custodian")
	_ = c.MarkFlagRequired("dir")
	return c
}

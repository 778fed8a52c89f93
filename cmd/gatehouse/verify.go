package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/journal"
	"github.com/gatehouse-tre/gatehouse/infra/keys"
)

func newVerifyCommand() *cobra.Command {
	var key, journalPublic string
	var asJSON bool
	c := &cobra.Command{
		Use:   "verify BUNDLE --key FILE [--journal-key FILE]",
		Short: "Check a released bundle, without a network",
		Long: `Check that a bundle is, byte for byte, one that the owner of the key released: nothing
changed, missing, added, renamed or hidden. With --journal-key, check as well that the
conclusion of its review is in the installation's journal.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := verifyBundle(args[0], key)
			if err != nil {
				return err
			}
			if journalPublic != "" {
				if err := verifyConclusion(m, journalPublic); err != nil {
					return err
				}
			}
			f := serverFlags{json: asJSON}
			return f.show(cmd.OutOrStdout(), m, func() { printManifest(cmd, m, journalPublic != "") })
		},
	}
	c.Flags().StringVar(&key, "key", "", "PEM file of the public key that signs the installation's releases")
	c.Flags().StringVar(&journalPublic, "journal-key", "", "PEM file of the public key that signs its journal")
	c.Flags().BoolVar(&asJSON, "json", false, "print the manifest in JSON")
	_ = c.MarkFlagRequired("key")
	return c
}

func verifyBundle(path, key string) (egress.Manifest, error) {
	text, err := os.ReadFile(key)
	if err != nil {
		return egress.Manifest{}, gatehouse.Errorf(gatehouse.CodeKeys, "The public key %s cannot be read.", key).WithAdvice("Give the file release.pub.pem of the installation.").Because(err)
	}
	public, err := keys.ParsePublic(text)
	if err != nil {
		return egress.Manifest{}, err
	}
	bundle, err := os.Open(path)
	if err != nil {
		return egress.Manifest{}, gatehouse.Errorf(gatehouse.CodeBundle, "The bundle %s cannot be read.", path).WithAdvice("Correct its name.").Because(err)
	}
	defer bundle.Close()
	info, err := bundle.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return egress.Manifest{}, gatehouse.Errorf(gatehouse.CodeBundle, "The bundle %s is not a file.", path).WithAdvice("Correct its name.").Because(err)
	}
	return egress.VerifyBundle(bundle, info.Size(), public)
}

// verifyConclusion checks the proof that the bundle's request was concluded.
func verifyConclusion(m egress.Manifest, key string) error {
	if len(m.Journal) == 0 {
		return gatehouse.Errorf(gatehouse.CodeBundle, "The bundle carries no proof from the journal.")
	}
	var proof journal.Inclusion
	if err := json.Unmarshal(m.Journal, &proof); err != nil {
		return gatehouse.Errorf(gatehouse.CodeBundle, "The bundle's proof from the journal is malformed.").Because(err)
	}
	verifier, err := journalKey("", key)
	if err != nil {
		return err
	}
	event, err := proof.Check(verifier)
	if err != nil {
		return err
	}
	if event.Action != "request.concluded" || event.Subject != m.Request || event.Project != m.Project {
		return gatehouse.Errorf(gatehouse.CodeBundle, "The bundle's proof from the journal is of another event.")
	}
	return nil
}

func printManifest(cmd *cobra.Command, m egress.Manifest, proved bool) {
	fmt.Fprintf(cmd.OutOrStdout(), "The bundle verifies: release %s, key %s.\n", m.Release, m.Key)
	if proved {
		fmt.Fprintln(cmd.OutOrStdout(), "The conclusion of its review is in the journal.")
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%q, project %s, by %s, released %s by %s\n", m.Title, m.Project, m.Author, minute(m.Released), m.ReleasedBy)
	for _, f := range m.Files {
		fmt.Fprintf(cmd.OutOrStdout(), "  %s  %s, sha256 %s\n", f.Name, humanize.IBytes(uint64(f.Bytes)), f.SHA256)
		for _, v := range f.Votes {
			fmt.Fprintf(cmd.OutOrStdout(), "    %s: %s (round %d, %s, %s)\n", v.Checker, v.Verdict, v.Round, v.Stage, minute(v.Cast))
		}
	}
	fmt.Fprintf(cmd.OutOrStdout(), "Disclosure policy %s, threshold %d.\n", m.Disclosure.Policy, m.Disclosure.Threshold)
	for _, d := range m.Disclosure.Datasets {
		fmt.Fprintf(cmd.OutOrStdout(), "Data of %s%s\n", d.Name, optOuts(d))
	}
	if m.Withheld > 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "Left out, since it was not approved: %s of the request.\n", counted(m.Withheld, "file"))
	}
}

// optOuts says which lists a dataset leaves out.
func optOuts(d egress.DatasetRecord) string {
	if d.NoOptOuts != "" {
		return ": no opt-out list, since " + d.NoOptOuts
	}
	text := ""
	for i, r := range d.OptOuts {
		sep := ", "
		if i == 0 {
			sep = ", without the people of the opt-out lists "
		}
		text += sep + r.List + " of " + day(r.Dated)
	}
	return text
}

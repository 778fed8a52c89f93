package main

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/journal"
	"github.com/gatehouse-tre/gatehouse/infra/keys"
	"github.com/gatehouse-tre/gatehouse/infra/state"
)

func newJournalCommand() *cobra.Command {
	c := &cobra.Command{Use: "journal", Short: "Read and verify the log of everything that happened"}
	c.AddCommand(newJournalVerifyCommand(), newJournalListCommand(), newJournalProofCommand(), newJournalConsistencyCommand())
	return c
}

// openJournal opens an installation's journal as it is, without changing a byte.
func openJournal(dir string) (*sql.DB, error) {
	path := filepath.Join(dir, "state", "gatehouse.db")
	if _, err := os.Stat(path); err != nil {
		return nil, gatehouse.Errorf(gatehouse.CodeConfig, "There is no journal in %s.", dir).Because(err)
	}
	return state.OpenReader(path)
}

// journalKey reads the public key that checkpoints are verified with.
func journalKey(dir, file string) (note.Verifier, error) {
	if file == "" {
		file = filepath.Join(dir, "keys", keys.Journal+".pub.pem")
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, gatehouse.Errorf(gatehouse.CodeKeys, "The journal's public key %s cannot be read.", file).Because(err)
	}
	public, err := keys.ParsePublic(text)
	if err != nil {
		return nil, err
	}
	return journal.NewVerifier(public)
}

func newJournalVerifyCommand() *cobra.Command {
	var dir, checkpoint, key string
	c := &cobra.Command{
		Use:   "verify --dir DIR [--checkpoint FILE] [--key FILE]",
		Short: "Find any event that was changed, removed, added or moved",
		Long: `Read every event of the journal, build its Merkle tree anew, and compare it with the stored hashes, the signed
checkpoint in the database and a checkpoint file. Use a checkpoint and a key that were kept where the service cannot
write: only they tell whether a whole history was put back to an earlier state, or written anew.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			verifier, err := journalKey(dir, key)
			if err != nil {
				return err
			}
			db, err := openJournal(dir)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, db.Close()) }()
			if checkpoint == "" {
				checkpoint = filepath.Join(dir, "journal", "checkpoint")
			}
			report, err := journal.Verify(c.Context(), db, verifier, checkpoint)
			if report != nil {
				for _, f := range report.Findings {
					fmt.Fprintln(c.OutOrStdout(), f)
				}
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "The journal is in order: %d events, root %s.\n", report.Events, report.Root)
			return nil
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "folder of the installation")
	c.Flags().StringVar(&checkpoint, "checkpoint", "", "a checkpoint that was kept (default: DIR/journal/checkpoint)")
	c.Flags().StringVar(&key, "key", "", "the journal's public key (default: DIR/keys/journal.pub.pem)")
	_ = c.MarkFlagRequired("dir")
	return c
}

func newJournalListCommand() *cobra.Command {
	var dir string
	var filter journal.Filter
	var asJSON bool
	c := &cobra.Command{
		Use:   "list --dir DIR",
		Short: "Show the newest events",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			db, err := openJournal(dir)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, db.Close()) }()
			entries, err := journal.List(c.Context(), db, filter)
			if err != nil {
				return err
			}
			out := c.OutOrStdout()
			for _, e := range slices.Backward(entries) {
				if asJSON {
					if err := json.NewEncoder(out).Encode(e); err != nil {
						return err
					}
					continue
				}
				var detail strings.Builder
				for _, k := range slices.Sorted(maps.Keys(e.Event.Detail)) {
					fmt.Fprintf(&detail, "  %s=%s", k, e.Event.Detail[k])
				}
				fmt.Fprintf(out, "%6d  %s  %-12s %-26s %-20s %s%s\n", e.Index, e.Event.Time.Format(time.RFC3339),
					orDash(e.Event.Actor), e.Event.Action, orDash(e.Event.Project), e.Event.Subject, detail.String())
			}
			return nil
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "folder of the installation")
	c.Flags().StringVar(&filter.Actor, "actor", "", "only what this user did")
	c.Flags().StringVar(&filter.Action, "action", "", "only this action, e.g. query.decided")
	c.Flags().StringVar(&filter.Project, "project", "", "only this project")
	c.Flags().StringVar(&filter.Subject, "subject", "", "only what happened to this id")
	c.Flags().IntVar(&filter.Limit, "limit", 50, "at most so many events, the newest; 0 for all")
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object on each line")
	_ = c.MarkFlagRequired("dir")
	return c
}

func newJournalProofCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:   "proof --dir DIR ACTION SUBJECT",
		Short: "Prove that an event is in the journal, to anybody who has its public key",
		Args:  cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) (err error) {
			db, err := openJournal(dir)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, db.Close()) }()
			proof, err := journal.Proof(c.Context(), db, args[0], args[1])
			if err != nil {
				return err
			}
			enc := json.NewEncoder(c.OutOrStdout())
			enc.SetIndent("", "  ")
			return enc.Encode(proof)
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "folder of the installation")
	_ = c.MarkFlagRequired("dir")
	return c
}

func newJournalConsistencyCommand() *cobra.Command {
	var dir, checkpoint string
	c := &cobra.Command{
		Use:   "consistency --dir DIR --checkpoint KEPT",
		Short: "Prove that the journal begins with what a checkpoint that was kept was signed for",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			verifier, err := journalKey(dir, "")
			if err != nil {
				return err
			}
			text, err := os.ReadFile(checkpoint)
			if err != nil {
				return gatehouse.Errorf(gatehouse.CodeJournal, "The checkpoint %s cannot be read.", checkpoint).Because(err)
			}
			kept, err := journal.OpenCheckpoint(text, verifier)
			if err != nil {
				return gatehouse.Errorf(gatehouse.CodeJournal, "The checkpoint %s is not valid: %v.", checkpoint, err)
			}
			db, err := openJournal(dir)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, db.Close()) }()
			proof, err := journal.ProveConsistency(c.Context(), db, kept.Size)
			if err != nil {
				return err
			}
			if err := proof.Check(kept, verifier); err != nil {
				return err
			}
			enc := json.NewEncoder(c.OutOrStdout())
			enc.SetIndent("", "  ")
			return enc.Encode(proof)
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "folder of the installation")
	c.Flags().StringVar(&checkpoint, "checkpoint", "", "a checkpoint that was kept")
	_ = c.MarkFlagRequired("dir")
	_ = c.MarkFlagRequired("checkpoint")
	return c
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

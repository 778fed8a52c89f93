package main

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

func newInitCommand() *cobra.Command {
	var dir string
	var age time.Duration
	cmd := &cobra.Command{
		Use:   "init --dir DIR --max-list-age DURATION",
		Short: "Make the folders, keys and settings of an installation",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if age <= 0 {
				return gatehouse.Errorf(gatehouse.CodeConfig, "The greatest age of opt-out lists is not set.").
					WithAdvice("Decide how old an opt-out list may be, for example --max-list-age 720h; no default is safe.")
			}
			if err := keepsListAge(dir, age); err != nil {
				return err
			}
			if err := initialise(dir, settings{MaxListAge: age}); err != nil {
				return err
			}
			in, err := openInstallation(cmd.Context(), dir)
			if err != nil {
				return err
			}
			defer in.close()
			cmd.Printf("An installation stands in %s.\n", in.dir)
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "folder of the installation")
	cmd.Flags().DurationVar(&age, "max-list-age", 0, "how old an opt-out list may be before queries and publication stop")
	_ = cmd.MarkFlagRequired("dir")
	return cmd
}

// keepsListAge refuses to seem to change the limit of an installation that
// stands already: initialise leaves what is there.
func keepsListAge(dir string, age time.Duration) error {
	if _, err := os.Stat(settingsFile(dir)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	there, err := readSettings(dir)
	if err != nil || there.MaxListAge == age {
		return err
	}
	return gatehouse.Errorf(gatehouse.CodeConflict, "The installation in %s is set to opt-out lists of at most %s, not %s; nothing was changed.", dir, catalog.Span(there.MaxListAge), catalog.Span(age)).
		WithAdvice("To change the limit, set max_list_age in %s.", settingsFile(dir))
}

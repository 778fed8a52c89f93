package main

import (
	"github.com/spf13/cobra"
)

func newServeCommand() *cobra.Command {
	var dir, httpAddr, flightAddr string
	var signIn signInFlags
	cmd := &cobra.Command{
		Use:   "serve --dir DIR",
		Short: "Serve an installation: the HTTP API and Flight SQL",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			in, err := openInstallation(cmd.Context(), dir)
			if err != nil {
				return err
			}
			defer in.close()
			if err := signIn.apply(cmd, in); err != nil {
				return err
			}
			release, err := holdServing(in.dir)
			if err != nil {
				return err
			}
			defer release()
			h, err := newHouse(cmd.Context(), in, httpAddr, flightAddr)
			if err != nil {
				return err
			}
			cmd.Printf("HTTP API   %s\nFlight SQL %s\nCA         %s\n", h.httpURL(), h.flightURL(), h.ca)
			if at := in.settings.Identity; at.configured() {
				cmd.Printf("Sign in    %s/sign-in, with an account of %s\n", at.publicURL(h.httpURL()), at.Issuer)
			}
			return h.serve(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "folder of the installation")
	cmd.Flags().StringVar(&httpAddr, "http", "127.0.0.1:8443", "address of the HTTP API")
	cmd.Flags().StringVar(&flightAddr, "flight", "127.0.0.1:8815", "address of Flight SQL")
	signIn.add(cmd)
	_ = cmd.MarkFlagRequired("dir")
	return cmd
}

package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/identity/development"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// The demonstration's accounts have these subjects: one for each of its people,
// and two that are turned away.
const (
	demoSubject   = "demo-"
	demoOneFactor = demoSubject + "researcher-one-factor"
	demoOutsider  = demoSubject + "outsider"
)

// demoSecretFile holds the secret that Gatehouse and the demonstration's provider
// share, new at each start.
const demoSecretFile = "keys/development-client-secret"

// demoAccounts are the accounts of people, by user, with what each is.
func demoAccounts() []development.Account {
	both := []string{"pwd", "mfa"}
	what := map[string]string{}
	for name, role := range demoRoles {
		what[name] = fmt.Sprintf("%s of the house", role)
	}
	for name, role := range demoMembers {
		what[name] = fmt.Sprintf("%s of the project %s", role, demoProject)
	}
	var all []development.Account
	for _, name := range slices.Sorted(maps.Keys(what)) {
		all = append(all, development.Account{Subject: demoSubject + name, Title: name, Note: what[name], AMR: both})
	}
	return append(all,
		development.Account{Subject: demoOneFactor, Title: "researcher, without a second factor", Note: "is turned away", AMR: []string{"pwd"}},
		development.Account{Subject: demoOutsider, Title: "outsider", Note: "an account that no user of Gatehouse has; is turned away", AMR: both})
}

// listenIdentity opens the address of the demonstration's provider and makes it
// the one where people sign in. It is nil if the installation has another.
func (d *demo) listenIdentity(in *installation, last demoMemory) (net.Listener, error) {
	if in.settings.Identity.configured() {
		d.say("People sign in at %s, as gatehouse.yaml says", in.settings.Identity.Issuer)
		return nil, nil
	}
	if err := os.WriteFile(filepath.Join(in.dir, demoSecretFile), []byte(rand.Text()+"\n"), 0o600); err != nil {
		return nil, gatehouse.Errorf(gatehouse.CodeStorage, "The secret of the provider for development cannot be written.").Because(err)
	}
	l, err := listen(d.address("Provider for development", "", last.Identity))
	if err != nil {
		return nil, err
	}
	return l, in.admit(signInSettings{Issuer: "https://" + l.Addr().String(), ClientID: "gatehouse", ClientSecretFile: demoSecretFile, CAFile: "ca.pem", RequireAMR: []string{"mfa"}})
}

// startIdentity serves the provider on l, with an account linked to each of the
// demonstration's people.
func (d *demo) startIdentity(ctx context.Context, h *house, l net.Listener) (*development.Provider, error) {
	slog.SetDefault(h.log) // the provider's library writes there
	cert, _, err := ownCertificate(h.dir, time.Now())
	if err != nil {
		return nil, err
	}
	secret, err := os.ReadFile(filepath.Join(h.dir, demoSecretFile))
	if err != nil {
		return nil, err
	}
	provider, err := development.Start(development.Options{
		Listener: l, TLS: &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}, Accounts: demoAccounts(),
		ClientID: h.settings.Identity.ClientID, ClientSecret: strings.TrimSpace(string(secret)), RedirectURL: h.httpURL() + "/sign-in/callback",
	})
	if err != nil {
		return nil, err
	}
	if err := linkDemo(ctx, h.installation, provider.Issuer()); err != nil {
		return nil, err
	}
	return provider, nil
}

// linkDemo links the accounts of this run's provider to the demonstration's
// people, and unlinks those of earlier runs at other addresses.
func linkDemo(ctx context.Context, in *installation, issuer string) error {
	accounts := map[string]string{demoOneFactor: "researcher"}
	for name := range demoRoles {
		accounts[demoSubject+name] = name
	}
	for name := range demoMembers {
		accounts[demoSubject+name] = name
	}
	for _, subject := range slices.Sorted(maps.Keys(accounts)) {
		user, who := accounts[subject], workspaces.Identity{Issuer: issuer, Subject: subject}
		held, err := in.workspaces.Identities(ctx, workspaces.System, user)
		if err != nil {
			return err
		}
		for _, old := range held {
			if old.Issuer != issuer && old.Subject == subject {
				if err := in.workspaces.UnlinkIdentity(ctx, workspaces.System, user, old); err != nil {
					return err
				}
			}
		}
		if slices.Contains(held, who) {
			continue
		}
		if err := in.workspaces.LinkIdentity(ctx, workspaces.System, user, who); err != nil {
			return err
		}
	}
	return nil
}

package identity

import (
	"errors"
	"net/http"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// providerEnded hears from the provider that somebody signed out there, or was
// put out (OpenID Connect Back-Channel Logout). Only what the provider has signed
// counts.
func (b *Browser) providerEnded(w http.ResponseWriter, r *http.Request) {
	err := b.endFor(r)
	switch gatehouse.CodeOf(err) {
	case gatehouse.CodeProvider, gatehouse.CodeJournal, gatehouse.CodeBusy, gatehouse.CodeSignInOff:
		w.WriteHeader(http.StatusServiceUnavailable) // it may be told again
	default:
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
		}
	}
	if err != nil && b.warnings.AllowN(b.now(), 1) { // anybody can send it
		e := gatehouse.Public(err)
		b.log.WarnContext(r.Context(), "the provider's word that a session has ended was refused", "code", e.Code, "cause", e.Err)
	}
}

func (b *Browser) endFor(r *http.Request) error {
	if b.provider == nil {
		return gatehouse.Errorf(gatehouse.CodeSignInOff, "Signing in is not configured here.")
	}
	f, err := b.provider.look(r.Context())
	if err != nil {
		return err
	}
	told, err := f.verifier.VerifyLogout(b.provider.through(r.Context()), r.PostFormValue("logout_token"))
	if err == nil && told.IssuedAt.IsZero() {
		err = errors.New("it does not say when it was issued")
	}
	if err != nil {
		return gatehouse.Errorf(gatehouse.CodeSignInFailed, "What ends a session does not verify.").Because(err)
	}
	// The provider tells whole seconds, and its clock may be behind.
	issued := told.IssuedAt.Add(clockSkew)
	return b.people.ProviderSignOut(r.Context(), workspaces.Identity{Issuer: b.provider.Issuer, Subject: told.Subject}, told.SessionID, issued)
}

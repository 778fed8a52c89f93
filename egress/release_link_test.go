package egress_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func (h *house) link(user, release string) egress.Link {
	h.t.Helper()
	l, err := h.MakeLink(h.t.Context(), as(user), release)
	if err != nil {
		h.t.Fatal(err)
	}
	return l
}

// state changes people and sessions behind everybody's back.
func (h *house) state(change func(workspaces.Tx) error) {
	h.t.Helper()
	if err := state.Workspaces(h.db).Update(h.t.Context(), change); err != nil {
		h.t.Fatal(err)
	}
}

// follow uses a link as somebody who has nothing else.
func (h *house) follow(secret string) ([]byte, error) {
	_, r, err := h.DownloadByLink(h.t.Context(), secret)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func TestALinkWorksOnceForItsMaker(t *testing.T) {
	h := newHouse(t)
	release := h.released("a.csv")
	link := h.link("ada", release.ID)
	if len(link.Secret) != 43 || link.Expires.Sub(link.Created) != 10*time.Minute {
		t.Errorf("%+v", link)
	}
	got, err := h.follow(link.Secret)
	if err != nil || !bytes.Equal(got, h.download("ann", release.ID)) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	_, err = h.follow(link.Secret)
	want(t, "a second use", err, gatehouse.CodeLinkUsed)

	for what, secret := range map[string]string{"another secret": h.link("ada", release.ID).Secret[1:], "none": "", "the id": link.ID, "the hash": strings.Repeat("0", 64)} {
		_, err := h.follow(secret)
		want(t, what, err, gatehouse.CodeNotFound)
	}
	for _, user := range []string{"bob", "chris", "cora", "olga", "aud"} {
		if _, err := h.MakeLink(t.Context(), as(user), release.ID); err == nil {
			t.Errorf("%s, who may not download, makes a link", user)
		}
	}
	seen, err := h.Release(t.Context(), as("aud"), release.ID)
	if err != nil || len(seen.Downloads) != 2 || seen.Downloads[0].By != "ada" {
		t.Errorf("downloads %+v, %v", seen.Downloads, err)
	}
	if events := h.events(release.ID); !slices.Contains(events, "ada release.link.made") || events[1] != "ada release.downloaded" || !slices.Contains(events, "ada release.download.refused") {
		t.Errorf("journal %q", events)
	}
}

func TestLinksAreDeadOnceTheirReasonIs(t *testing.T) {
	for what, c := range map[string]struct {
		end  func(h *house, release string)
		code gatehouse.Code
	}{
		"recalled": {func(h *house, release string) {
			if _, err := h.RecallRelease(h.t.Context(), as("cora"), release, "wrong"); err != nil {
				h.t.Fatal(err)
			}
		}, gatehouse.CodeRequestState},
		"too late": {func(h *house, _ string) { h.later(10 * time.Minute) }, gatehouse.CodeLinkExpired},
		"project over": {func(h *house, _ string) {
			h.project("a", func(p *workspaces.Project) { p.State = workspaces.ProjectClosed })
		}, gatehouse.CodeProjectNotActive},
		"maker has left": {func(h *house, _ string) {
			h.project("a", func(p *workspaces.Project) {
				p.Members = slices.DeleteFunc(p.Members, func(m workspaces.Member) bool { return m.User == "ada" })
			})
		}, gatehouse.CodeNotFound},
		"token revoked": {func(h *house, _ string) {
			h.state(func(tx workspaces.Tx) error {
				token := workspaces.Token{ID: as("ada").Session, User: "ada", IssuedBy: "ann", Issued: h.clock(), Expires: h.clock().Add(time.Hour)}
				return errors.Join(tx.AddToken(h.t.Context(), token, "hash"), tx.RevokeToken(h.t.Context(), token.ID))
			})
		}, gatehouse.CodeLinkExpired},
		"session ended": {func(h *house, _ string) {
			h.state(func(tx workspaces.Tx) error {
				session := workspaces.SignIn{ID: as("ada").Session, User: "ada", Kind: workspaces.SignInBrowser, Started: h.clock(), Seen: h.clock(), Expires: h.clock().Add(time.Hour)}
				return errors.Join(tx.AddSignIn(h.t.Context(), session, "hash"), tx.EndSignIn(h.t.Context(), session.ID, "olga"))
			})
		}, gatehouse.CodeLinkExpired},
		"maker is locked": {func(h *house, _ string) {
			h.state(func(tx workspaces.Tx) error { return tx.SetLocked(h.t.Context(), "ada", true) })
		}, gatehouse.CodeLinkExpired},
		"training lapsed": {func(h *house, _ string) {
			h.project("a", func(p *workspaces.Project) {
				for i := range p.Members {
					p.Members[i].TrainingUntil = h.clock()
				}
			})
		}, gatehouse.CodeTrainingLapsed},
	} {
		h := newHouse(t)
		release := h.released("a.csv")
		link := h.link("ada", release.ID)
		c.end(h, release.ID)
		_, err := h.follow(link.Secret)
		want(t, what, err, c.code)
	}
}

// Whoever is quick gets it; nobody gets it twice.
func TestALinkIsUsedByOneOfMany(t *testing.T) {
	h := newHouse(t)
	link := h.link("ada", h.released("a.csv").ID)
	var mu sync.Mutex
	won := 0
	var wait sync.WaitGroup
	for range 12 {
		wait.Go(func() {
			_, err := h.follow(link.Secret)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won++
			} else if gatehouse.CodeOf(err) != gatehouse.CodeLinkUsed {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if won != 1 {
		t.Errorf("%d of 12 downloaded with one link", won)
	}
}

// A recall reaches downloads that are under way, with a token or a link.
func TestARecallEndsDownloadsUnderWay(t *testing.T) {
	h := newHouse(t)
	release := h.released("a.csv", "b.csv")
	link := h.link("ada", release.ID)
	_, byToken, err := h.DownloadRelease(t.Context(), as("ann"), release.ID)
	if err != nil {
		t.Fatal(err)
	}
	_, byLink, err := h.DownloadByLink(t.Context(), link.Secret)
	if err != nil {
		t.Fatal(err)
	}
	defer byToken.Close()
	defer byLink.Close()
	for _, r := range []io.Reader{byToken, byLink} {
		if _, err := io.ReadFull(r, make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
	}
	recalled, err := h.RecallRelease(t.Context(), as("chris"), release.ID, "wrong")
	if err != nil || len(recalled.Downloads) != 2 {
		t.Fatalf("%+v, %v", recalled.Downloads, err)
	}
	for what, r := range map[string]io.Reader{"with a token": byToken, "with a link": byLink} {
		n, err := io.Copy(io.Discard, r)
		if n != 0 || gatehouse.CodeOf(err) != gatehouse.CodeRequestState {
			t.Errorf("%s: %d more bytes after the recall, %v", what, n, err)
		}
		var e *gatehouse.Error
		if !errors.As(err, &e) || !strings.Contains(e.Advice, "Delete") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

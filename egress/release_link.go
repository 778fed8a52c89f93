package egress

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces/strangers"
)

// Link is a way to download one release once, without a token: for a browser, or
// for another machine of the same person. Whoever has it can use it, so it works
// once, for minutes, and the download is its maker's, who must still be allowed
// it at that moment.
type Link struct {
	ID      string    `json:"id"`
	Release string    `json:"release"`
	By      string    `json:"made_by"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
	// Secret is what the address ends in. It is shown once, to its maker: the
	// database keeps its hash.
	Secret string `json:"secret" doc:"What /v1/downloads/… ends in; shown once"`
}

// KeptLink is a link as it is kept.
type KeptLink struct {
	Link
	Hash      string // SHA-256 of the secret, lower-case hex
	Principal gatehouse.Principal
	Used      time.Time // zero: never
	// Ended is that the session in which it was made was ended, or the token revoked,
	// or its maker locked.
	Ended bool
}

// LinkReader finds links.
type LinkReader interface {
	// LinkByHash is GH-103 if there is none.
	LinkByHash(ctx context.Context, hash string) (KeptLink, error)
}

// LinkTx keeps links.
type LinkTx interface {
	AddLink(ctx context.Context, l KeptLink) error
	// UseLink marks a link as used now. It fails with GH-430 if it was before.
	UseLink(ctx context.Context, id string) error
}

// MakeLink makes a link for somebody who may download the release now.
func (s *Requests) MakeLink(ctx context.Context, p gatehouse.Principal, release string) (Link, error) {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails
	l := KeptLink{Principal: p, Link: Link{ID: gatehouse.NewID("lnk"), Release: release, By: p.User, Secret: base64.RawURLEncoding.EncodeToString(secret[:])}}
	l.Hash = linkHash(l.Secret)
	refused := gatehouse.Event{Actor: p.User, Action: "release.link", Subject: release}
	err := s.Store.Update(ctx, func(tx RequestTx) error {
		r, request, err := s.downloadable(ctx, tx, p, release)
		refused.Project = r.Project
		if err != nil {
			return err
		}
		l.Created, l.Expires = tx.Now().Truncate(time.Microsecond), tx.Now().Add(s.LinkTime).Truncate(time.Microsecond)
		if r.Expires.Before(l.Expires) {
			l.Expires = r.Expires
		}
		tx.Record(gatehouse.Event{Time: tx.Now(), Actor: p.User, Action: "release.link.made", Project: r.Project, Subject: r.ID,
			Detail: map[string]string{"request": request.ID, "link": l.ID, "session": p.Session, "expires": l.Expires.Format(time.RFC3339)}})
		return tx.AddLink(ctx, l)
	})
	if err != nil {
		return Link{}, s.journalRefusal(ctx, refused, err)
	}
	return l.Link, nil
}

func linkHash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// DownloadByLink gives the bundle that a link is for, once. A recall, the end of
// the release, or its maker's leaving the project end the link, and so does the end
// of the session in which it was made: who is put out has no way left.
func (s *Requests) DownloadByLink(ctx context.Context, secret string) (Release, io.ReadCloser, error) {
	hash := linkHash(secret)
	var l KeptLink
	find := func(tx RequestReader) (err error) {
		if l, err = tx.LinkByHash(ctx, hash); gatehouse.CodeOf(err) == gatehouse.CodeNotFound {
			return notFound("link")
		} else if err != nil {
			return err
		}
		switch {
		case !l.Used.IsZero():
			return gatehouse.Errorf(gatehouse.CodeLinkUsed, "The link was used before.")
		case l.Ended:
			return gatehouse.Errorf(gatehouse.CodeLinkExpired, "The session in which the link was made has ended.")
		case !tx.Now().Before(l.Expires):
			return gatehouse.Errorf(gatehouse.CodeLinkExpired, "The link has expired.")
		}
		return nil
	}
	if err := s.Store.View(ctx, find); err != nil {
		e := gatehouse.Event{Actor: l.By, Action: "release.download", Subject: l.Release}
		if l.ID == "" {
			e.Subject = "link"
		}
		return Release{}, nil, s.turnAway(ctx, e, l.ID, err)
	}
	return s.takeOut(ctx, l.Principal, l.Release, func(tx RequestTx) (map[string]string, error) {
		if err := find(tx); err != nil { // somebody may have been faster
			return nil, err
		}
		return map[string]string{"link": l.ID}, tx.UseLink(ctx, l.ID)
	}, func(ctx context.Context, e gatehouse.Event, err error) error { return s.turnAway(ctx, e, l.ID, err) })
}

// turnAway is journalRefusal for a link, which anybody can follow: link is its id,
// "" where there is none.
func (s *Requests) turnAway(ctx context.Context, e gatehouse.Event, link string, err error) error {
	switch gatehouse.Public(err).Kind() {
	case gatehouse.KindInternal, gatehouse.KindUnavailable:
		return err // a fault of ours
	}
	journal, err := s.Strangers.Refuse(ctx, strangers.Attempt{Action: e.Action, Known: link}, err)
	if !journal {
		return err
	}
	return s.journalRefusal(ctx, e, err)
}

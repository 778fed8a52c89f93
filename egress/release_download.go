package egress

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"maps"

	"github.com/gatehouse-tre/gatehouse"
)

// DownloadRelease gives a member of the project the bundle. Who took it out is
// committed to the journal before the first byte is given, and the bundle is
// read through once before that, so that a damaged one is not given at all. If
// the release is recalled meanwhile, no further byte is given.
func (s *Requests) DownloadRelease(ctx context.Context, p gatehouse.Principal, id string) (Release, io.ReadCloser, error) {
	return s.takeOut(ctx, p, id, nil, s.journalRefusal)
}

// takeOut is a download by p. use, if there is one, acts in the transaction that
// commits to it, and adds to what the journal is told. refuse journals a refusal.
func (s *Requests) takeOut(ctx context.Context, p gatehouse.Principal, id string, use func(tx RequestTx) (detail map[string]string, err error),
	refuse func(context.Context, gatehouse.Event, error) error,
) (Release, io.ReadCloser, error) {
	var release Release
	refused := func(err error) error {
		return refuse(ctx, gatehouse.Event{Actor: p.User, Action: "release.download", Project: release.Project, Subject: id}, err)
	}
	err := s.Store.View(ctx, func(tx RequestReader) (err error) { release, _, err = s.downloadable(ctx, tx, p, id); return err })
	if err != nil {
		return release, nil, refused(err)
	}
	if err := s.intact(ctx, release); err != nil {
		return release, nil, err
	}
	bundle, err := s.Objects.Open(ctx, release.SHA256)
	if err != nil {
		return release, nil, err
	}
	err = s.Store.Update(ctx, func(tx RequestTx) error {
		var r Request
		var err error
		if release, r, err = s.downloadable(ctx, tx, p, id); err != nil {
			return err
		}
		detail := map[string]string{"request": r.ID, "bundle": release.SHA256, "session": p.Session}
		if use != nil {
			more, err := use(tx)
			if err != nil {
				return err
			}
			maps.Copy(detail, more)
		}
		tx.Record(gatehouse.Event{Time: tx.Now(), Actor: p.User, Action: "release.downloaded", Project: r.Project, Subject: release.ID, Detail: detail})
		return tx.AddDownload(ctx, release.ID, Download{By: p.User, Session: p.Session, At: tx.Now()})
	})
	if err != nil {
		bundle.Close()
		return release, nil, refused(err)
	}
	return release, &unrecalled{ReadCloser: bundle, ctx: ctx, store: s.Store, release: release.ID}, nil
}

// downloadable gives a release that p may take out now.
func (s *Requests) downloadable(ctx context.Context, tx RequestReader, p gatehouse.Principal, id string) (Release, Request, error) {
	release, r, project, err := s.readRelease(ctx, tx, p, gatehouse.ActionRequestDownload, id)
	if err != nil {
		return release, r, err
	}
	if _, err := r.State.next(StepDownload); err != nil || release.Recalled != nil {
		return release, r, errRecalled()
	}
	if !tx.Now().Before(release.Expires) {
		return release, r, gatehouse.Errorf(gatehouse.CodeReleaseExpired, "The release can be downloaded no more.")
	}
	return release, r, live(project, p.User, tx.Now())
}

func errRecalled() error {
	return gatehouse.Errorf(gatehouse.CodeRequestState, "The release was recalled.").WithAdvice("Delete the copies that you have.")
}

// unrecalled gives the bytes of a bundle for as long as the release stands.
type unrecalled struct {
	io.ReadCloser
	ctx     context.Context
	store   RequestStore
	release string
}

// Read asks each time: a recall commits before anything that is read after it.
func (u *unrecalled) Read(b []byte) (int, error) {
	err := u.store.View(u.ctx, func(tx RequestReader) error {
		release, err := tx.Release(u.ctx, u.release)
		if err == nil && release.Recalled != nil {
			err = errRecalled()
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	return u.ReadCloser.Read(b)
}

// intact reads a bundle through.
func (s *Requests) intact(ctx context.Context, release Release) error {
	bundle, err := s.Objects.Open(ctx, release.SHA256)
	if err == nil {
		defer bundle.Close()
		h := sha256.New()
		if _, err = io.Copy(h, bundle); err == nil && hex.EncodeToString(h.Sum(nil)) != release.SHA256 {
			err = ErrObjectDamaged
		}
	}
	if errors.Is(err, ErrObjectDamaged) || errors.Is(err, ErrObjectMissing) {
		return gatehouse.Errorf(gatehouse.CodeBundle, "The bundle is not what was released, and is not given out.").
			WithAdvice("The operator must restore the object store from a backup.").Because(err)
	}
	return err
}

package site

import (
	"context"
	"io"
	"mime"
	"net/http"
	"strconv"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
)

func (s *server) routeReleases(mux *http.ServeMux) {
	mux.HandleFunc("POST /requests/{request}/release", s.signedIn(s.release))
	mux.HandleFunc("GET /releases/{release}", s.signedIn(s.showRelease))
	mux.HandleFunc("POST /releases/{release}/bundle", s.signedIn(s.download))
	mux.HandleFunc("POST /releases/{release}/recall", s.signedIn(s.recall))
}

// release seals what two checkers approved, which may take a while.
func (s *server) release(v *visit) error {
	who, id := v.who, v.r.PathValue("request")
	return v.start("Sealing the approved files", func(ctx context.Context, _ *work) (string, error) {
		release, err := s.Requests.ReleaseRequest(ctx, who, id)
		return "/releases/" + release.ID + "?done=released", err
	})
}

// RecallReason is why the release was recalled.
func (p releasePage) RecallReason() string { return p.Release.Reason }

// releasePage is a release as its page shows it.
type releasePage struct {
	egress.Release
	Expired     bool
	MayDownload bool
	MayRecall   bool
	Reason      string // as it was given in a form that was refused
}

func (v *visit) releasePage() (releasePage, error) {
	release, err := v.Requests.Release(v.r.Context(), v.who, v.r.PathValue("release"))
	if err != nil {
		return releasePage{}, err
	}
	p := releasePage{Release: release, Expired: !v.Now().Before(release.Expires)}
	p.MayDownload = release.Recalled == nil && !p.Expired && v.may(gatehouse.ActionRequestDownload, release.Project)
	p.MayRecall = release.Recalled == nil && v.may(gatehouse.ActionRequestRecall, release.Project)
	return p, nil
}

func (s *server) showRelease(v *visit) error {
	p, err := v.releasePage()
	if err != nil {
		return err
	}
	v.render(http.StatusOK, "release", "Release: "+p.Title, p)
	return nil
}

// download gives the bundle. It is asked for by a form, so that nothing that
// follows links ahead of a reader is ever journaled as having taken it.
func (s *server) download(v *visit) error {
	release, bundle, err := v.Requests.DownloadRelease(v.r.Context(), v.who, v.r.PathValue("release"))
	if err != nil {
		return err
	}
	defer bundle.Close()
	h := v.w.Header()
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Length", strconv.FormatInt(release.Bytes, 10))
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": release.ID + ".zip"}))
	v.sent = true
	if _, err := io.Copy(v.w, bundle); err != nil {
		panic(http.ErrAbortHandler) // half a bundle must not look whole
	}
	return nil
}

func (s *server) recall(v *visit) error {
	reason := v.r.PostFormValue("reason")
	release, err := v.Requests.RecallRelease(v.r.Context(), v.who, v.r.PathValue("release"), reason)
	if err != nil {
		p, more := v.releasePage()
		if more != nil {
			return err
		}
		p.Reason = reason
		return v.again("release", "Release: "+p.Title, p, err)
	}
	return v.see("/releases/"+release.ID, "recalled")
}

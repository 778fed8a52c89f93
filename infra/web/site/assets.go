package site

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

//go:embed assets
var embedded embed.FS

// assets are the site's own files: style sheets, scripts, icons. Their address
// holds a hash of all of them, so that browsers keep them until they change.
type assets struct {
	hash  string
	files map[string][]byte
}

func loadAssets() (assets, error) {
	a := assets{files: map[string][]byte{}}
	sum := sha256.New()
	err := fs.WalkDir(embedded, "assets", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := embedded.ReadFile(name)
		a.files[strings.TrimPrefix(name, "assets/")] = content
		sum.Write([]byte(name))
		sum.Write(content)
		return err
	})
	a.hash = hex.EncodeToString(sum.Sum(nil))[:16]
	return a, err
}

func (a assets) url(name string) string { return "/assets/" + a.hash + "/" + name }

func (s *server) serveAsset(w http.ResponseWriter, r *http.Request) {
	content, ok := s.assets.files[r.PathValue("path")]
	if !ok {
		s.open(notThere)(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", assetPolicy)
	h.Set("Content-Type", mime.TypeByExtension(path.Ext(r.PathValue("path"))))
	h.Set("Cross-Origin-Resource-Policy", "cross-origin") // the frames of viewers have no origin, and need the style sheet
	if r.PathValue("hash") == s.assets.hash {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	_, _ = w.Write(content) // the client may have gone
}

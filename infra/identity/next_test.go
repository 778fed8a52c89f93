package identity

import (
	"net/url"
	"strings"
	"testing"
)

// Wherever somebody is asked to go after signing in, they stay on this site, also
// by how browsers read addresses: backslashes are slashes to them, and they skip
// tabs and line ends.
func FuzzNext(f *testing.F) {
	for _, seed := range []string{"/", "/projects?x=1#y", "//e.example", "/\\e.example", "https://e.example", "/%2f/e.example", "/..//e.example", "/\u2028x", "/\t/e.example", "/;//e"} {
		f.Add(seed)
	}
	here := &url.URL{Scheme: "https", Host: "tre.example", Path: "/sign-in/callback"}
	f.Fuzz(func(t *testing.T, next string) {
		to := localPath(next)
		if to != next && to != "/" {
			t.Errorf("%q became %q", next, to)
		}
		read := strings.NewReplacer("\\", "/", "\t", "", "\n", "", "\r", "").Replace(to)
		at, err := here.Parse(read)
		if err != nil || at.Scheme != "https" || at.Host != "tre.example" || strings.HasPrefix(strings.TrimSpace(read), "//") {
			t.Errorf("%q leads to %s, %v", next, at, err)
		}
	})
}

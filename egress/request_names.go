package egress

import (
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/gatehouse-tre/gatehouse"
)

// maxNameBytes bounds a file's name; most file systems stop at 255.
const maxNameBytes = 200

// cleanFileName gives the name under which a file is kept and released, in
// Unicode normal form C, or a GH-404 error. A name is one path element that
// every common operating system can hold and that reads as what it is: nothing
// that walks folders, hides, reverses the direction of text, or addresses a
// device. The name is refused, never repaired, so that nobody is surprised by
// what a release holds. It does not stand in the error: it may be unprintable.
func cleanFileName(name string) (string, error) {
	refuse := func(why string) (string, error) {
		return "", gatehouse.Errorf(gatehouse.CodeFileRefused, "A file's name %s.", why).
			WithAdvice("Rename the file: letters, digits, spaces, '.', '-' and '_' are safe.")
	}
	if !utf8.ValidString(name) {
		return refuse("is not valid UTF-8")
	}
	name = norm.NFC.String(name)
	switch {
	case name == "":
		return refuse("is missing")
	case len(name) > maxNameBytes:
		return refuse("is longer than 200 bytes")
	case name != strings.TrimSpace(name):
		return refuse("begins or ends with a space")
	case strings.HasPrefix(name, "."), strings.HasPrefix(name, "-"), strings.HasPrefix(name, "~"):
		return refuse("begins with '.', '-' or '~'")
	case strings.HasSuffix(name, "."):
		return refuse("ends with '.'")
	case strings.ContainsAny(name, `/\`):
		return refuse("holds a folder separator")
	case strings.ContainsAny(name, `<>:"|?*`):
		return refuse(`holds one of < > : " | ? *`)
	}
	for _, r := range name {
		// Space is the only white space that reads as itself.
		if r != ' ' && !unicode.IsGraphic(r) || unicode.Is(unicode.Cf, r) || r != ' ' && unicode.IsSpace(r) || r == utf8.RuneError {
			return refuse("holds a character that cannot be seen")
		}
	}
	stem := strings.ToUpper(strings.TrimSpace(strings.SplitN(name, ".", 2)[0]))
	if reservedNames[stem] {
		return refuse("is the name of a device on some systems")
	}
	if filepath.Base(name) != name {
		return refuse("holds a folder separator")
	}
	return name, nil
}

var reservedNames = func() map[string]bool {
	m := map[string]bool{"CON": true, "PRN": true, "AUX": true, "NUL": true}
	for _, d := range "123456789" {
		m["COM"+string(d)], m["LPT"+string(d)] = true, true
	}
	return m
}()

// foldName is what two names share that a case-insensitive file system could
// not tell apart.
func foldName(name string) string {
	return norm.NFKC.String(cases.Fold().String(name))
}

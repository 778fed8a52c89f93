package keys

import (
	"context"
	"errors"
	"io/fs"
	"os"
)

// Recogniser gives a function that reports whether 32 letters and digits are a
// pseudonym of the project: of anybody, in any version, also of people who have
// withdrawn. The key itself says so, so that no list of people is kept. It tells
// nothing of who they are. A project that never had a key has no pseudonyms: nil.
// One whose key was destroyed is CodeKeys, because nobody can tell any more.
func (k *Keys) Recogniser(_ context.Context, project string) (func([]byte) bool, error) {
	if _, err := os.Stat(k.path(projectKey(project))); errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(k.tombstone(project)); errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
	}
	p, err := k.ProjectPseudonyms(project)
	if err != nil {
		return nil, err
	}
	return func(name []byte) bool {
		var sealed [20]byte
		if len(name) != encoding.EncodedLen(len(sealed)) {
			return false
		}
		if n, err := encoding.Decode(sealed[:], name); err != nil || n != len(sealed) {
			return false
		}
		plain, err := p.aead.DecryptDeterministically(sealed[:], p.data)
		return err == nil && len(plain) == 4
	}, nil
}

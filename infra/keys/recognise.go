package keys

import (
	"context"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Recogniser gives a function that reports whether 32 letters and digits are a
// pseudonym of the project: of anybody, in any version and epoch, also of people who
// have withdrawn. The keys themselves say so, so that no list of people is kept. It
// tells nothing of who they are. A project that never had a key has no pseudonyms:
// nil. One whose key was destroyed is CodeKeys, because nobody can tell any more.
func (k *Keys) Recogniser(_ context.Context, project string) (func([]byte) bool, error) {
	if !gatehouse.ValidName(project) {
		return nil, unreadable(nil, "%q is not a project's name.", project)
	}
	if err := k.mayMake(project, projectKey(project, 1)); err != nil {
		return nil, err
	}
	all, err := k.all(project)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return func(name []byte) bool {
		var sealed [sealedSize]byte
		if len(name) != workspaces.PseudonymLength {
			return false
		}
		if n, err := encoding.Decode(sealed[:], name); err != nil || n != len(sealed) {
			return false
		}
		for _, p := range all {
			plain, err := p.aead.DecryptDeterministically(sealed[:], p.data)
			if err == nil && len(plain) == 4 {
				return true
			}
		}
		return false
	}, nil
}

package identity

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// beginTime is how long a sign-in in a browser may take from its begin to its end.
const beginTime = 10 * time.Minute

// sealer encrypts what a browser or a command line keeps of a sign-in under way,
// so that nothing is kept here for those that never come back. The key is made at
// each start and never written down: a restart ends what is under way.
type sealer struct{ aead tink.AEAD }

func newSealer() (sealer, error) {
	handle, err := keyset.NewHandle(aead.XChaCha20Poly1305KeyTemplate())
	if err != nil {
		return sealer{}, err
	}
	primitive, err := aead.New(handle)
	return sealer{primitive}, err
}

// seal gives text that opens with the same purpose only.
func (s sealer) seal(v any, purpose string) (string, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	sealed, err := s.aead.Encrypt(plain, []byte(purpose))
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

// sealedBytes is more than anything that seal gives.
const sealedBytes = 4096

func (s sealer) open(text, purpose string, v any) error {
	if len(text) > sealedBytes {
		return errors.New("identity: too long")
	}
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return err
	}
	plain, err := s.aead.Decrypt(sealed, []byte(purpose))
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, v)
}

package keys

import (
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// ledgerKey is the keyset that the ledger's cohorts are encrypted with.
const ledgerKey = "ledger"

// Sealer encrypts with AES-256-GCM under a key of its own in the store. It is
// made the first time.
type Sealer struct{ aead tink.AEAD }

// Sealer gives the ledger's.
func (k *Keys) Sealer() (Sealer, error) {
	if err := k.create(ledgerKey, aead.AES256GCMKeyTemplate()); err != nil {
		return Sealer{}, err
	}
	handle, err := k.read(ledgerKey)
	if err != nil {
		return Sealer{}, err
	}
	primitive, err := aead.New(handle)
	if err != nil {
		return Sealer{}, unreadable(err, "The key %q does not open.", ledgerKey)
	}
	return Sealer{primitive}, nil
}

// Seal encrypts. What is sealed opens under the same context only.
func (s Sealer) Seal(plain, context []byte) ([]byte, error) { return s.aead.Encrypt(plain, context) }

// Open decrypts.
func (s Sealer) Open(sealed, context []byte) ([]byte, error) { return s.aead.Decrypt(sealed, context) }

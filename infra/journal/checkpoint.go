package journal

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Origin names the log in its checkpoints and their signatures.
const Origin = "gatehouse-journal"

// Checkpoint is the signed statement that the journal had Size events whose
// tree has the root Root.
type Checkpoint struct {
	Size int64
	Root tlog.Hash
}

// signCheckpoint writes a checkpoint in the format of C2SP tlog-checkpoint.
func signCheckpoint(signer note.Signer, size int64, root tlog.Hash) ([]byte, error) {
	return note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", Origin, size, root)}, signer)
}

// OpenCheckpoint checks the signature of a checkpoint and reads it.
func OpenCheckpoint(text []byte, verifier note.Verifier) (Checkpoint, error) {
	n, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("its signature does not verify: %w", err)
	}
	for _, signature := range n.Sigs {
		// The last character has bits that are not part of the signature.
		if _, err := base64.StdEncoding.Strict().DecodeString(signature.Base64); err != nil || strings.ContainsAny(signature.Base64, "\r\n") {
			return Checkpoint{}, errors.New("its signature is malformed")
		}
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 4 || lines[0] != Origin || lines[3] != "" {
		return Checkpoint{}, errors.New("it is not a checkpoint of this journal")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return Checkpoint{}, errors.New("its size is malformed")
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return Checkpoint{}, errors.New("its root is malformed")
	}
	return Checkpoint{Size: size, Root: root}, nil
}

// NewVerifier makes the verifier of checkpoints signed with the private half of
// key.
func NewVerifier(key ed25519.PublicKey) (note.Verifier, error) {
	text, err := note.NewEd25519VerifierKey(Origin, key)
	if err != nil {
		return nil, err
	}
	return note.NewVerifier(text)
}

// NewSigner makes a signer of checkpoints from an Ed25519 key, which may be one
// that a key service holds.
func NewSigner(key crypto.Signer) (note.Signer, error) {
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		return nil, errors.New("journal: the key is not an Ed25519 key")
	}
	verifier, err := NewVerifier(public)
	if err != nil {
		return nil, err
	}
	return signer{key, verifier.KeyHash()}, nil
}

type signer struct {
	key  crypto.Signer
	hash uint32
}

func (s signer) Name() string    { return Origin }
func (s signer) KeyHash() uint32 { return s.hash }
func (s signer) Sign(message []byte) ([]byte, error) {
	return s.key.Sign(rand.Reader, message, crypto.Hash(0))
}

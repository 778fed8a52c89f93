// Package keys keeps the installation's secret keys: one AES-SIV keyset for
// each project's pseudonyms, and Ed25519 keys that sign manifests, the journal
// and releases. Each lies in a Tink keyset of its own, encrypted with the key
// encryption key (KEK), which is a file that only this service's user can read.
package keys

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/keyset"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"github.com/tink-crypto/tink-go/v2/signature"
	tinked25519 "github.com/tink-crypto/tink-go/v2/signature/ed25519"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/gatehouse-tre/gatehouse"
)

// The signing keys.
const (
	Manifest = "manifest" // manifests of published versions
	Journal  = "journal"  // checkpoints of the journal
	Release  = "release"  // bundles of released files
)

var signing = []string{Manifest, Journal, Release}

// Keys is an open key store. It may be used by many goroutines and processes.
type Keys struct {
	dir string
	kek tink.AEAD
}

// unreadable is every failure of the store: without keys, nothing works on.
func unreadable(err error, format string, args ...any) *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.CodeKeys, format, args...).Because(err)
}

// Create makes a key store in dir with a new KEK and the signing keys, beside
// the public halves as PEM files. If there is one already, it is opened.
func Create(dir string) (*Keys, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, unreadable(err, "The folder of keys cannot be made.")
	}
	if _, err := os.Stat(filepath.Join(dir, "kek")); errors.Is(err, fs.ErrNotExist) {
		if left, _ := filepath.Glob(filepath.Join(dir, "*.keyset")); len(left) > 0 {
			return nil, unreadable(err, "The key encryption key is missing, and there are keys that only it can open.").
				WithAdvice("Restore the file 'kek' from its backup.")
		}
		handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
		if err != nil {
			return nil, unreadable(err, "A key cannot be made.")
		}
		var text bytes.Buffer
		if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&text)); err != nil {
			return nil, unreadable(err, "A key cannot be written.")
		}
		if err := writeNew(filepath.Join(dir, "kek"), text.Bytes(), 0o600); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, unreadable(err, "The key encryption key cannot be written.")
		}
	}
	k, err := Open(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range signing {
		public := filepath.Join(dir, name+".pub.pem")
		if _, err := os.Stat(public); err == nil { // made before there were markers
			if err := k.mark("sign-" + name); err != nil {
				return nil, err
			}
		}
		if err := k.create("sign-"+name, signature.ED25519KeyWithoutPrefixTemplate()); err != nil {
			return nil, err
		}
		verifier, err := k.Verifier(name)
		if err != nil {
			return nil, err
		}
		text, err := MarshalPublic(verifier)
		if err != nil {
			return nil, err
		}
		if err := writeNew(public, text, 0o644); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, unreadable(err, "A public key cannot be written.")
		}
	}
	return k, nil
}

// Open opens the key store in dir.
func Open(dir string) (*Keys, error) {
	path := filepath.Join(dir, "kek")
	info, err := os.Stat(path)
	if err != nil {
		return nil, unreadable(err, "The key encryption key cannot be read.")
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, unreadable(nil, "The key encryption key can be read by other users.").
			WithAdvice("Make the file 'kek' readable by its owner only, and replace the keys if others have had access.")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, unreadable(err, "The key encryption key cannot be read.")
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(text)))
	if err != nil {
		return nil, unreadable(err, "The key encryption key is damaged.")
	}
	kek, err := aead.New(handle)
	if err != nil {
		return nil, unreadable(err, "The key encryption key is damaged.")
	}
	return &Keys{dir: dir, kek: kek}, nil
}

func (k *Keys) path(name string) string { return filepath.Join(k.dir, name+".keyset") }

// context binds an encrypted keyset to its name: a file under another's name
// does not open.
func (k *Keys) context(name string) []byte { return []byte("gatehouse keyset v1 " + name) }

// create makes a keyset unless there is one of this name.
// One that was made before and is not there any more is an error: what it made
// cannot be made again with another.
func (k *Keys) create(name string, template *tinkpb.KeyTemplate) error {
	if _, err := os.Stat(k.path(name)); err == nil {
		return k.mark(name)
	}
	if err := k.neverMade(name); err != nil {
		return err
	}
	handle, err := keyset.NewHandle(template)
	if err != nil {
		return unreadable(err, "A key cannot be made.")
	}
	var text bytes.Buffer
	if err := handle.WriteWithAssociatedData(keyset.NewJSONWriter(&text), k.kek, k.context(name)); err != nil {
		return unreadable(err, "A key cannot be encrypted.")
	}
	if err := writeNew(k.path(name), text.Bytes(), 0o600); err != nil && !errors.Is(err, fs.ErrExist) {
		return unreadable(err, "A key cannot be written.")
	}
	return k.mark(name)
}

// neverMade refuses to go on without a key that was made and is not there any more.
func (k *Keys) neverMade(name string) error {
	if _, err := os.Stat(k.marker(name)); !errors.Is(err, fs.ErrNotExist) {
		return unreadable(err, "The key %q was lost.", name).WithAdvice("Restore the folder of keys from its backup; a new key in its place would give everybody other names.")
	}
	return nil
}

// marker is a file that says that a key was made, or that a project's people of an
// index have names.
func (k *Keys) marker(name string) string { return filepath.Join(k.dir, name+".made") }

func (k *Keys) mark(name string) error {
	if _, err := os.Stat(k.marker(name)); err == nil {
		return nil
	}
	if err := writeNew(k.marker(name), nil, 0o600); err != nil && !errors.Is(err, fs.ErrExist) {
		return unreadable(err, "That the key %q was made cannot be written.", name)
	}
	return nil
}

// read opens the keyset of this name.
func (k *Keys) read(name string) (*keyset.Handle, error) {
	text, err := os.ReadFile(k.path(name))
	if err != nil {
		return nil, unreadable(err, "The key %q cannot be read.", name)
	}
	handle, err := keyset.ReadWithAssociatedData(keyset.NewJSONReader(bytes.NewReader(text)), k.kek, k.context(name))
	if err != nil {
		return nil, unreadable(err, "The key %q does not open.", name)
	}
	return handle, nil
}

// Signer gives the Ed25519 key of this name: Manifest, Journal or Release.
func (k *Keys) Signer(name string) (crypto.Signer, error) {
	handle, err := k.read("sign-" + name)
	if err != nil {
		return nil, err
	}
	entry, err := handle.Primary()
	if err != nil {
		return nil, unreadable(err, "The key %q is damaged.", name)
	}
	private, ok := entry.Key().(*tinked25519.PrivateKey)
	if !ok {
		return nil, unreadable(nil, "The key %q is not one that signs.", name)
	}
	return ed25519.NewKeyFromSeed(private.PrivateKeyBytes().Data(insecuresecretdataaccess.Token{})), nil
}

// Verifier gives the public half of the key of this name.
func (k *Keys) Verifier(name string) (ed25519.PublicKey, error) {
	signer, err := k.Signer(name)
	if err != nil {
		return nil, err
	}
	return signer.Public().(ed25519.PublicKey), nil
}

// MarshalPublic writes a public key as PEM.
func MarshalPublic(key ed25519.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, unreadable(err, "A public key cannot be written.")
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// ParsePublic reads a public key that MarshalPublic wrote.
func ParsePublic(text []byte) (ed25519.PublicKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, unreadable(nil, "This is not a public key in PEM form.")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, unreadable(err, "This is not a public key in PEM form.")
	}
	public, ok := key.(ed25519.PublicKey)
	if !ok {
		return nil, unreadable(nil, "This is not an Ed25519 public key.")
	}
	return public, nil
}

// writeNew writes a file whole, and only if there is none: else fs.ErrExist.
func writeNew(path string, content []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	if err == nil {
		err = errors.Join(f.Chmod(mode), f.Sync())
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes new and removed names in a folder durable.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

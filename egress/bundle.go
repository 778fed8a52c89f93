package egress

import (
	"archive/zip"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"github.com/gatehouse-tre/gatehouse/egress/inspect"
)

// ManifestFormat names the first form of a bundle's manifest.
const ManifestFormat = "gatehouse-release-1"

// The entries of a bundle, in this order: manifest.json, manifest.sig, and the
// files by name under files/.
const (
	manifestEntry  = "manifest.json"
	signatureEntry = "manifest.sig"
	filesFolder    = "files/"
)

// Manifest says what a bundle holds and why it may leave. It is signed.
type Manifest struct {
	Format     string           `json:"format"`
	Release    string           `json:"release"`
	Request    string           `json:"request"`
	Project    string           `json:"project"`
	Title      string           `json:"title"`
	Context    RequestContext   `json:"context"`
	Author     string           `json:"author"`
	Submitted  time.Time        `json:"submitted"`
	Released   time.Time        `json:"released"`
	ReleasedBy string           `json:"released_by"`
	Expires    time.Time        `json:"expires"`
	Files      []ManifestFile   `json:"files"`
	Withheld   int              `json:"files_withheld"` // files of the request that were not approved
	Disclosure DisclosureRecord `json:"disclosure"`
	// Journal proves that the request's conclusion is in the journal, in the
	// form that docs/journal-format.md describes.
	Journal json.RawMessage `json:"journal,omitempty"`
	Key     string          `json:"key"`
}

// DisclosureRecord says by which rules the files were let out.
type DisclosureRecord struct {
	Policy    string   `json:"policy"`
	Threshold int      `json:"threshold"`
	Checkers  int      `json:"checkers"` // that approved each file
	Datasets  []string `json:"datasets"` // name@version, that the project may use
}

// ManifestFile is one file of a bundle.
type ManifestFile struct {
	Name     string            `json:"name"`
	Type     inspect.Type      `json:"type"`
	SHA256   string            `json:"sha256"`
	Bytes    int64             `json:"bytes"`
	Origin   FileOrigin        `json:"origin"`
	Decision string            `json:"decision,omitempty"`
	Findings []inspect.Finding `json:"findings"`
	Votes    []ManifestVote    `json:"votes"` // every one that was cast on it, a rejection that was lifted too
}

// ManifestVote is a checker's vote. Comments stay inside: they may speak of
// what was taken out.
type ManifestVote struct {
	Checker string    `json:"checker"`
	Round   int       `json:"round"`
	Stage   VoteStage `json:"stage"`
	Verdict Verdict   `json:"verdict"`
	Cast    time.Time `json:"cast"`
}

// KeyID names an Ed25519 public key: the first 16 hex digits of its SHA-256.
func KeyID(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:8])
}

// signatureText is what manifest.sig holds: algorithm, key and signature of the
// bytes of manifest.json.
func signatureText(keyID string, signature []byte) string {
	return fmt.Sprintf("ed25519 %s %s\n", keyID, base64.StdEncoding.EncodeToString(signature))
}

// WriteBundle writes the bundle that m describes; open gives the bytes of a
// file by their hash. The same manifest gives the same bytes, whoever writes
// it. Each file is read twice and must have its hash both times: what is not
// byte for byte what was reviewed fails with ErrObjectDamaged.
func WriteBundle(ctx context.Context, w io.Writer, m Manifest, signer crypto.Signer, open func(sha256 string) (io.ReadCloser, error)) error {
	manifest, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	manifest = append(manifest, '\n')
	public, ok := signer.Public().(ed25519.PublicKey)
	if !ok {
		return errors.New("the key that signs releases is not an Ed25519 key")
	}
	signature, err := signer.Sign(rand.Reader, manifest, crypto.Hash(0))
	if err != nil {
		return fmt.Errorf("signing a release: %w", err)
	}
	parts := []bundlePart{
		bytesPart(manifestEntry, manifest),
		bytesPart(signatureEntry, []byte(signatureText(KeyID(public), signature))),
	}
	for _, f := range m.Files {
		part := bundlePart{name: filesFolder + f.Name, open: func() (io.ReadCloser, error) { return open(f.SHA256) }}
		sum := crc32.NewIEEE()
		if part.size, err = readVerified(ctx, part.open, f, sum); err != nil {
			return err
		}
		part.crc = sum.Sum32()
		part.copy = func(w io.Writer) error {
			_, err := readVerified(ctx, part.open, f, w)
			return err
		}
		parts = append(parts, part)
	}
	return writeParts(w, parts)
}

// readVerified copies a file to w and fails if it is not f.
func readVerified(ctx context.Context, open func() (io.ReadCloser, error), f ManifestFile, w io.Writer) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	r, err := open()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(h, w), io.LimitReader(r, f.Bytes+1))
	if err != nil {
		return n, err
	}
	if n != f.Bytes || hex.EncodeToString(h.Sum(nil)) != f.SHA256 {
		return n, ErrObjectDamaged
	}
	return n, nil
}

// bundlePart is an entry of a bundle before it is written.
type bundlePart struct {
	name string
	size int64
	crc  uint32
	open func() (io.ReadCloser, error)
	copy func(io.Writer) error // writes the content
}

func bytesPart(name string, content []byte) bundlePart {
	return bundlePart{name: name, size: int64(len(content)), crc: crc32.ChecksumIEEE(content), copy: func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	}}
}

// writeParts is the one layout of a bundle: stored entries without compression,
// times, comments or extra fields, so that nothing can hide in it and a
// verifier can write it again and compare.
func writeParts(w io.Writer, parts []bundlePart) error {
	z := zip.NewWriter(w)
	for _, part := range parts {
		h := &zip.FileHeader{
			Name: part.name, Method: zip.Store, Flags: 0x800, // the name is UTF-8
			CRC32: part.crc, CompressedSize64: uint64(part.size), UncompressedSize64: uint64(part.size),
			ReaderVersion: 20,
			//lint:ignore SA1019 the only way to give a raw entry a date that every program can read: 1 January 1980
			ModifiedDate: 0x21,
		}
		h.SetMode(0o644)
		entry, err := z.CreateRaw(h)
		if err != nil {
			return err
		}
		if err := part.copy(entry); err != nil {
			return err
		}
	}
	return z.Close()
}

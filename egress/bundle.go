package egress

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A bundle is a ZIP file of one folder, named after the release. The folder is a
// BagIt bag (RFC 8493) whose payload is an RO-Crate of the Five Safes profile;
// docs/release-format.md describes it for those who read it without Gatehouse.
//
// The signature is of the tag manifest, which holds the hash of the payload
// manifest, which holds those of everything else.
const (
	bagEntry         = "bagit.txt"
	infoEntry        = "bag-info.txt"
	payloadEntry     = "manifest-sha512.txt"
	tagEntry         = "tagmanifest-sha512.txt"
	signatureEntry   = "signature.txt"
	payloadFolder    = "data/"
	recordPart       = "release.json"
	proofPart        = "journal-proof.json"
	cratePart        = "ro-crate-metadata.json"
	outputsFolder    = "outputs/"
	workflowFolder   = "workflow/"
	bagDeclaration   = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
	hashesLineLength = 128 + 2 // of a manifest's line, without the path
)

// tagEntries are the entries before the payload, in order.
var tagEntries = []string{bagEntry, infoEntry, payloadEntry, tagEntry, signatureEntry}

var releaseName = regexp.MustCompile(`^rel_[0-9a-z]{1,40}$`)

// KeyID names an Ed25519 public key: the first 16 hex digits of its SHA-256.
func KeyID(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:8])
}

// signatureText is what signature.txt holds: algorithm, key and signature of the
// bytes of tagmanifest-sha512.txt.
func signatureText(keyID string, signature []byte) string {
	return fmt.Sprintf("ed25519 %s %s\n", keyID, base64.StdEncoding.EncodeToString(signature))
}

// WriteBundle writes the bundle that m describes; open gives the bytes of a
// file by their hash. The same manifest gives the same bytes, whoever writes
// it. Each file is read twice and must have its hash both times: what is not
// byte for byte what was reviewed fails with ErrObjectDamaged.
func WriteBundle(ctx context.Context, w io.Writer, m Manifest, signer crypto.Signer, open func(sha256 string) (io.ReadCloser, error)) error {
	public, ok := signer.Public().(ed25519.PublicKey)
	if !ok {
		return errors.New("the key that signs releases is not an Ed25519 key")
	}
	payload, err := payloadParts(ctx, m, open)
	if err != nil {
		return err
	}
	tags := []bundlePart{bytesPart(bagEntry, []byte(bagDeclaration)), bytesPart(infoEntry, bagInfo(m, payload)), bytesPart(payloadEntry, hashes(payload))}
	manifest := hashes(tags)
	signature, err := signer.Sign(rand.Reader, manifest, crypto.Hash(0))
	if err != nil {
		return fmt.Errorf("signing a release: %w", err)
	}
	tags = append(tags, bytesPart(tagEntry, manifest), bytesPart(signatureEntry, []byte(signatureText(KeyID(public), signature))))
	return writeParts(w, m.Release+"/", append(tags, payload...))
}

// payloadParts are the parts of the crate, in the order of their paths.
func payloadParts(ctx context.Context, m Manifest, open func(sha256 string) (io.ReadCloser, error)) ([]bundlePart, error) {
	record, err := marshalFixed(m)
	if err != nil {
		return nil, err
	}
	small := map[string][]byte{recordPart: record}
	if m.Journal != nil {
		var proof bytes.Buffer
		if err := json.Indent(&proof, m.Journal, "", "  "); err != nil {
			return nil, err
		}
		proof.WriteByte('\n')
		small[proofPart] = proof.Bytes()
	}
	if err := describe(m, small); err != nil {
		return nil, err
	}
	var parts []bundlePart
	for path, content := range small {
		parts = append(parts, bytesPart(payloadFolder+path, content))
	}
	for _, f := range m.Files {
		part := bundlePart{name: payloadFolder + outputsFolder + f.Name}
		sum, long := crc32.NewIEEE(), sha512.New()
		if part.size, err = readVerified(ctx, open, f, io.MultiWriter(sum, long)); err != nil {
			return nil, err
		}
		part.crc, part.sha512 = sum.Sum32(), hex.EncodeToString(long.Sum(nil))
		part.copy = func(w io.Writer) error {
			_, err := readVerified(ctx, open, f, w)
			return err
		}
		parts = append(parts, part)
	}
	slices.SortFunc(parts, func(a, b bundlePart) int { return strings.Compare(a.name, b.name) })
	return parts, nil
}

// bagInfo says what is in the bag, for those who know bags and not Gatehouse.
func bagInfo(m Manifest, payload []bundlePart) []byte {
	size := int64(0)
	for _, p := range payload {
		size += p.size
	}
	return fmt.Appendf(nil, "Bagging-Date: %s\nExternal-Identifier: urn:uuid:%s\nInternal-Sender-Identifier: %s\nPayload-Oxum: %d.%d\n",
		m.Released.UTC().Format(time.DateOnly), m.uuid(), m.Release, size, len(payload))
}

// hashes is a bag's manifest: the SHA-512 and the path of each part, by path.
func hashes(parts []bundlePart) []byte {
	var lines []string
	for _, p := range parts {
		lines = append(lines, p.sha512+"  "+bagPath.Replace(p.name)+"\n")
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[hashesLineLength:], b[hashesLineLength:]) })
	return []byte(strings.Join(lines, ""))
}

// bagPath writes a path as a bag's manifest does (RFC 8493, 2.1.3). Names with
// line breaks are refused long before.
var bagPath = strings.NewReplacer("%", "%25")

// readVerified copies a file to w and fails if it is not f.
func readVerified(ctx context.Context, open func(sha256 string) (io.ReadCloser, error), f ManifestFile, w io.Writer) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	r, err := open(f.SHA256)
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
	name   string // path below the bundle's folder
	size   int64
	crc    uint32
	sha512 string                // lower-case hex
	copy   func(io.Writer) error // writes the content
}

func bytesPart(name string, content []byte) bundlePart {
	sum := sha512.Sum512(content)
	return bundlePart{name: name, size: int64(len(content)), crc: crc32.ChecksumIEEE(content), sha512: hex.EncodeToString(sum[:]), copy: func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	}}
}

// writeParts is the one layout of a bundle: stored entries without compression,
// times, comments or extra fields, so that nothing can hide in it and a
// verifier can write it again and compare.
func writeParts(w io.Writer, folder string, parts []bundlePart) error {
	z := zip.NewWriter(w)
	for _, part := range parts {
		h := &zip.FileHeader{
			Name: folder + part.name, Method: zip.Store, Flags: 0x800, // the name is UTF-8
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

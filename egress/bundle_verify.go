package egress

import (
	"archive/zip"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
)

// maxManifest bounds what a verifier reads before it has checked a signature.
const maxManifest = 64 << 20

// VerifyBundle checks, without a network, that the size bytes of r are a bundle
// that the owner of key released, and gives its manifest. Anything else fails
// with GH-406 and says what is wrong: a changed, missing, extra, renamed or
// doubled entry, another key, bytes before, between or after the entries.
func VerifyBundle(r io.ReaderAt, size int64, key ed25519.PublicKey) (Manifest, error) {
	var m Manifest
	if len(key) != ed25519.PublicKeySize {
		return m, broken("the key is not an Ed25519 public key")
	}
	z, err := zip.NewReader(r, size)
	if err != nil {
		return m, broken("it is not a whole ZIP file").Because(err)
	}
	entries := map[string]*zip.File{}
	for _, f := range z.File {
		if entries[f.Name] != nil {
			return m, broken("it holds %q twice", f.Name)
		}
		entries[f.Name] = f
	}
	manifest, err := smallEntry(entries, manifestEntry, maxManifest)
	if err != nil {
		return m, err
	}
	signature, err := smallEntry(entries, signatureEntry, 1024)
	if err != nil {
		return m, err
	}
	if err := checkSignature(manifest, signature, key); err != nil {
		return m, err
	}
	if err := json.Unmarshal(manifest, &m); err != nil || m.Format != ManifestFormat {
		return m, broken("its manifest is signed, but is not one of a release that this program knows").Because(err)
	}

	parts := []bundlePart{bytesPart(manifestEntry, manifest), bytesPart(signatureEntry, signature)}
	var wrong []string
	expected := map[string]bool{manifestEntry: true, signatureEntry: true}
	for _, f := range m.Files {
		name := filesFolder + f.Name
		expected[name] = true
		entry := entries[name]
		if entry == nil {
			wrong = append(wrong, fmt.Sprintf("%q is missing", f.Name))
			continue
		}
		if problem := checkEntry(entry, f); problem != "" {
			wrong = append(wrong, fmt.Sprintf("%q %s", f.Name, problem))
			continue
		}
		parts = append(parts, bundlePart{name: name, size: f.Bytes, crc: entry.CRC32, copy: func(w io.Writer) error {
			content, err := entry.Open()
			if err != nil {
				return err
			}
			defer content.Close()
			_, err = io.Copy(w, content)
			return err
		}})
	}
	for _, f := range z.File {
		if !expected[f.Name] {
			wrong = append(wrong, fmt.Sprintf("%q does not belong to it", f.Name))
		}
	}
	if len(wrong) > 0 {
		return m, broken("%s", strings.Join(wrong, "; "))
	}

	// All content is what was signed. A bundle has one layout: write it again,
	// and every byte must be the same.
	same := &comparison{r: r}
	if err := writeParts(same, parts); err != nil {
		if errors.Is(err, errDiffers) {
			return m, broken("its bytes differ from what was released, outside of the files' content")
		}
		return m, broken("it cannot be read to its end").Because(err)
	}
	if same.at != size {
		return m, broken("data follows its end")
	}
	return m, nil
}

func broken(format string, args ...any) *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.CodeBundle, "The bundle does not verify: %s.", fmt.Sprintf(format, args...))
}

func smallEntry(entries map[string]*zip.File, name string, limit uint64) ([]byte, error) {
	f := entries[name]
	if f == nil {
		return nil, broken("%q is missing", name)
	}
	if f.Method != zip.Store || f.UncompressedSize64 > limit || f.CompressedSize64 != f.UncompressedSize64 {
		return nil, broken("%q is not stored as a bundle stores it", name)
	}
	r, err := f.Open()
	if err != nil {
		return nil, broken("%q cannot be read", name).Because(err)
	}
	defer r.Close()
	content, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err != nil {
		return nil, broken("%q was changed", name).Because(err)
	}
	return content, nil
}

func checkSignature(manifest, text []byte, key ed25519.PublicKey) error {
	fields := strings.Fields(string(text))
	if len(fields) != 3 || fields[0] != "ed25519" {
		return broken("its signature is malformed")
	}
	signature, err := base64.StdEncoding.DecodeString(fields[2])
	if err != nil || signatureText(fields[1], signature) != string(text) {
		return broken("its signature is malformed")
	}
	if id := KeyID(key); fields[1] != id {
		return broken("it was signed with the key %.32q, and the one given is %q", fields[1], id)
	}
	if !ed25519.Verify(key, manifest, signature) {
		return broken("the signature is not of this manifest")
	}
	return nil
}

// checkEntry says what is wrong with the content of a file, or "".
func checkEntry(entry *zip.File, f ManifestFile) string {
	if entry.Method != zip.Store || entry.UncompressedSize64 != uint64(f.Bytes) || entry.CompressedSize64 != uint64(f.Bytes) {
		return "was changed"
	}
	r, err := entry.Open()
	if err != nil {
		return "cannot be read"
	}
	defer r.Close()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil || hex.EncodeToString(h.Sum(nil)) != f.SHA256 {
		return "was changed"
	}
	return ""
}

var errDiffers = errors.New("the bytes differ")

// comparison is a writer that compares what is written with what r holds.
type comparison struct {
	r   io.ReaderAt
	at  int64
	buf []byte
}

func (c *comparison) Write(b []byte) (int, error) {
	if len(c.buf) < len(b) {
		c.buf = make([]byte, len(b))
	}
	n, err := c.r.ReadAt(c.buf[:len(b)], c.at)
	if n < len(b) {
		if err == nil || errors.Is(err, io.EOF) {
			err = errDiffers
		}
		return 0, err
	}
	if !bytes.Equal(c.buf[:n], b) {
		return 0, errDiffers
	}
	c.at += int64(n)
	return n, nil
}

package egress

import (
	"archive/zip"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Bounds of what a verifier holds in memory. What is within them takes time and
// memory in proportion to the bundle's own size: nothing is compressed, and
// entries cannot overlap.
const (
	maxSignature = 1 << 10 // of tag files other than the payload manifest
	maxListed    = 4 << 20 // of the payload manifest
	maxRecord    = 64 << 20
	maxEntries   = 10_000
	maxDirectory = 16 << 20 // of the ZIP file's list of entries
)

// VerifyBundle checks, without a network, that the size bytes of r are a bundle
// that the owner of key released, and gives its manifest. Anything else fails
// with GH-406 and says what is wrong: a changed, missing, extra, renamed or
// doubled entry, another key, bytes before, between or after the entries.
func VerifyBundle(r io.ReaderAt, size int64, key ed25519.PublicKey) (Manifest, error) {
	var m Manifest
	if len(key) != ed25519.PublicKeySize {
		return m, broken("the key is not an Ed25519 public key")
	}
	b, err := openBundle(r, size)
	if err != nil {
		return m, err
	}
	// From the signature inwards: nothing is believed before what signs it.
	tags := map[string][]byte{}
	for _, name := range tagEntries {
		limit := uint64(maxSignature)
		if name == payloadEntry {
			limit = maxListed
		}
		if tags[name], err = b.small(name, limit); err != nil {
			return m, err
		}
	}
	if err := checkSignature(tags[tagEntry], tags[signatureEntry], key); err != nil {
		return m, err
	}
	listed := []bundlePart{bytesPart(bagEntry, tags[bagEntry]), bytesPart(infoEntry, tags[infoEntry]), bytesPart(payloadEntry, tags[payloadEntry])}
	if string(hashes(listed)) != string(tags[tagEntry]) {
		return m, broken("%s", b.changed(listed, tags[tagEntry]))
	}
	payload, err := b.payload(tags[payloadEntry])
	if err != nil {
		return m, err
	}
	if m, err = b.record(payload); err != nil {
		return m, err
	}

	// All content is what was signed. A bundle has one layout: write it again,
	// and every byte must be the same.
	parts := append(listed, bytesPart(tagEntry, tags[tagEntry]), bytesPart(signatureEntry, tags[signatureEntry]))
	same := &comparison{r: r}
	if err := writeParts(same, b.folder, append(parts, payload...)); err != nil {
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

// openedBundle is a ZIP file whose entries have names and sizes that a bundle's
// can have.
type openedBundle struct {
	folder  string // of the bundle, with '/'
	entries map[string]*zip.File
	order   []string
}

func openBundle(r io.ReaderAt, size int64) (*openedBundle, error) {
	if err := checkDirectory(r, size); err != nil {
		return nil, err
	}
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, broken("it is not a whole ZIP file").Because(err)
	}
	b := &openedBundle{entries: map[string]*zip.File{}}
	total := uint64(0)
	for _, f := range z.File {
		folder, name, found := strings.Cut(f.Name, "/")
		if b.folder == "" {
			b.folder = folder + "/"
		}
		if !found || folder+"/" != b.folder || !releaseName.MatchString(folder) {
			return nil, broken("%q does not belong to it", printable(f.Name))
		}
		if b.entries[name] != nil {
			return nil, broken("it holds %q twice", printable(name))
		}
		if f.Method != zip.Store || f.CompressedSize64 != f.UncompressedSize64 {
			return nil, broken("%q is not stored as a bundle stores it", printable(name))
		}
		// Entries that overlap would have more bytes than the file.
		if total += f.CompressedSize64; f.CompressedSize64 > uint64(size) || total > uint64(size) {
			return nil, broken("its entries are larger than it is")
		}
		b.entries[name], b.order = f, append(b.order, name)
	}
	return b, nil
}

// checkDirectory bounds the list of entries before it is read into memory.
func checkDirectory(r io.ReaderAt, size int64) error {
	// A bundle has no comment: its end is the record of 22 bytes that says where
	// the list is. (A bundle of more than 4 GiB has another one before it, and
	// 0xff… here; the limits of requests are far below that.)
	var end [22]byte
	if size < int64(len(end)) {
		return broken("it is not a whole ZIP file")
	}
	if _, err := r.ReadAt(end[:], size-int64(len(end))); err != nil {
		return broken("it is not a whole ZIP file").Because(err)
	}
	if !bytes.HasPrefix(end[:], []byte("PK\x05\x06")) {
		return broken("it is not a whole ZIP file, or data follows its end")
	}
	entries := int(end[10]) | int(end[11])<<8
	directory := int64(end[12]) | int64(end[13])<<8 | int64(end[14])<<16 | int64(end[15])<<24
	at := int64(end[16]) | int64(end[17])<<8 | int64(end[18])<<16 | int64(end[19])<<24
	if entries > maxEntries || directory > maxDirectory {
		return broken("it has more entries than a release can have")
	}
	if at+directory != size-int64(len(end)) {
		return broken("its bytes differ from what was released, outside of the files' content")
	}
	return nil
}

// printable is a name from an untrusted file, as an error may hold it.
func printable(name string) string {
	if len(name) > 120 {
		name = name[:120] + "…"
	}
	return strings.ToValidUTF8(name, "?")
}

// small reads an entry into memory.
func (b *openedBundle) small(name string, limit uint64) ([]byte, error) {
	f := b.entries[name]
	if f == nil {
		return nil, broken("%q is missing", name)
	}
	if f.UncompressedSize64 > limit {
		return nil, broken("%q is larger than it can be", name)
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

// changed says which tag files are not those that were signed.
func (b *openedBundle) changed(parts []bundlePart, signed []byte) string {
	for _, p := range parts {
		if !bytes.Contains(signed, []byte(p.sha512+"  "+p.name+"\n")) {
			return fmt.Sprintf("%q was changed", p.name)
		}
	}
	return "its tag manifest is not one of a release"
}

// payload gives the entries that the payload manifest lists, in its order, each
// with the hash that it lists, and nothing beside them.
func (b *openedBundle) payload(manifest []byte) ([]bundlePart, error) {
	var parts []bundlePart
	var wrong []string
	expected := map[string]bool{}
	for _, name := range tagEntries {
		expected[name] = true
	}
	for line := range strings.Lines(string(manifest)) {
		line = strings.TrimSuffix(line, "\n")
		if len(line) <= hashesLineLength {
			return nil, broken("its list of files is malformed")
		}
		name := strings.ReplaceAll(line[hashesLineLength:], "%25", "%")
		if expected[name] || !strings.HasPrefix(name, payloadFolder) {
			return nil, broken("its list of files is malformed")
		}
		expected[name] = true
		entry := b.entries[name]
		if entry == nil {
			wrong = append(wrong, fmt.Sprintf("%q is missing", said(name)))
			continue
		}
		part := bundlePart{name: name, size: int64(entry.UncompressedSize64), crc: entry.CRC32, sha512: line[:128]}
		part.copy = func(w io.Writer) error {
			content, err := entry.Open()
			if err != nil {
				return err
			}
			defer content.Close()
			_, err = io.Copy(w, content)
			return err
		}
		h := sha512.New()
		if err := part.copy(h); err != nil || hex.EncodeToString(h.Sum(nil)) != part.sha512 {
			wrong = append(wrong, fmt.Sprintf("%q was changed", said(name)))
			continue
		}
		parts = append(parts, part)
	}
	for _, name := range b.order {
		if !expected[name] {
			wrong = append(wrong, fmt.Sprintf("%q does not belong to it", said(name)))
		}
	}
	if len(wrong) > 20 {
		wrong = append(wrong[:20], fmt.Sprintf("and %d more", len(wrong)-20))
	}
	if len(wrong) > 0 {
		return nil, broken("%s", strings.Join(wrong, "; "))
	}
	if string(hashes(parts)) != string(manifest) {
		return nil, broken("its list of files is not in the form of a release")
	}
	return parts, nil
}

// said is a path of the payload as people know it.
func said(path string) string {
	return printable(strings.TrimPrefix(strings.TrimPrefix(path, payloadFolder), outputsFolder))
}

// record reads what the release says of itself, and compares it with what there
// is: the outputs are exactly the files that were reviewed.
func (b *openedBundle) record(payload []bundlePart) (Manifest, error) {
	var m Manifest
	text, err := b.small(payloadFolder+recordPart, maxRecord)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, broken("it is signed, but its record is not one of a release").Because(err)
	}
	if err := m.check(); err != nil {
		return m, err
	}
	if m.Release+"/" != b.folder {
		return m, broken("its folder is not named after the release")
	}
	if b.entries[payloadFolder+proofPart] != nil {
		if m.Journal, err = b.small(payloadFolder+proofPart, maxRecord); err != nil {
			return m, err
		}
	}
	outputs := 0
	for _, p := range payload {
		name, isOutput := strings.CutPrefix(p.name, payloadFolder+outputsFolder)
		if !isOutput {
			continue
		}
		outputs++
		i := slices.IndexFunc(m.Files, func(f ManifestFile) bool { return f.Name == name })
		h := sha256.New()
		if i < 0 || p.size != m.Files[i].Bytes || p.copy(h) != nil || hex.EncodeToString(h.Sum(nil)) != m.Files[i].SHA256 {
			return m, broken("%q is not a file that was reviewed", printable(name))
		}
	}
	if outputs != len(m.Files) {
		return m, broken("files that were reviewed are missing")
	}
	return m, nil
}

func checkSignature(signed, text []byte, key ed25519.PublicKey) error {
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
	if !ed25519.Verify(key, signed, signature) {
		return broken("the signature is not of this bundle")
	}
	return nil
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

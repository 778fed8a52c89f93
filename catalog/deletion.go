package catalog

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-tre/gatehouse"
)

// Deletion is the proof that a version was deleted: what it was, by its hashes,
// when, by whom and why. It is signed with the key of manifests.
type Deletion struct {
	Dataset  string        `json:"dataset"`
	Number   int           `json:"number"`
	Manifest string        `json:"manifest"`         // SHA-256 of the manifest
	Before   *Link         `json:"before,omitempty"` // what the manifest named, so that the chain stays whole
	Units    int64         `json:"units"`            // people who were in it
	Files    []DeletedFile `json:"files"`
	Deleted  time.Time     `json:"deleted"`
	By       string        `json:"by"`
	Reason   string        `json:"reason"`
}

// DeletedFile is a file of a deleted version.
type DeletedFile struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
	// SharedWith names the versions that stood and held the same file: its bytes
	// stay until the last of them is deleted.
	SharedWith []string `json:"shared_with,omitempty"`
}

// Name is the name of the version that was deleted.
func (d Deletion) Name() string { return d.Dataset + "@" + strconv.Itoa(d.Number) }

// deletionPrefix keeps a deletion's signature from being one of anything else.
const deletionPrefix = "gatehouse version deletion v1\n"

// SignedDeletion is a deletion's record and its signature, as they are kept: a JSON
// file of record and signature, which anybody who has the public key can verify.
type SignedDeletion struct {
	Record    string `json:"record"`    // the Deletion as JSON, byte for byte
	Signature string `json:"signature"` // Ed25519, base64, of deletionPrefix and Record
}

// Verify gives the record if its signature is right.
func (s SignedDeletion) Verify(public ed25519.PublicKey) (Deletion, error) {
	var d Deletion
	signature, err := base64.StdEncoding.DecodeString(s.Signature)
	if err != nil || len(public) != ed25519.PublicKeySize || !ed25519.Verify(public, []byte(deletionPrefix+s.Record), signature) {
		return d, gatehouse.Errorf(gatehouse.CodeManifest, "The signature of the deletion record does not verify.").
			WithAdvice("Do not believe the record.")
	}
	if err := json.Unmarshal([]byte(s.Record), &d); err != nil {
		return d, gatehouse.Errorf(gatehouse.CodeManifest, "The deletion record is damaged.").Because(err)
	}
	return d, nil
}

// ReadDeletion reads a deletion record from a file, as it stands in
// versions/DATASET/deleted, and verifies it. It needs nothing else.
func ReadDeletion(path string, public ed25519.PublicKey) (Deletion, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Deletion{}, gatehouse.Errorf(gatehouse.CodeNotFound, "The deletion record cannot be read.").Because(err)
	}
	var s SignedDeletion
	if err := json.Unmarshal(b, &s); err != nil {
		return Deletion{}, gatehouse.Errorf(gatehouse.CodeManifest, "The deletion record is damaged.").Because(err)
	}
	return s.Verify(public)
}

func (i installation) deletions(dataset string) string {
	return filepath.Join(i.versions(dataset), "deleted")
}

// Deletions reads and verifies all deletion records of a dataset.
func Deletions(dir, dataset string, public ed25519.PublicKey) ([]Deletion, error) {
	folder := installation(dir).deletions(dataset)
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, storageFailure(err)
	}
	var out []Deletion
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".json") {
			continue
		}
		d, err := ReadDeletion(filepath.Join(folder, e.Name()), public)
		if err != nil {
			return nil, err
		}
		if d.Dataset != dataset || e.Name() != strconv.Itoa(d.Number)+".json" {
			return nil, unverified(dataset, "the deletion record %s is that of another version.", e.Name())
		}
		out = append(out, d)
	}
	return out, nil
}

// remove takes a version away whose deletion is recorded. It may be done again
// after a crash at any moment: the record's file comes first, then the version
// leaves its place by one rename, then its files go.
func (i installation) remove(d Deletion, s SignedDeletion) error {
	folder := i.deletions(d.Dataset)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return storageFailure(err)
	}
	path := filepath.Join(folder, strconv.Itoa(d.Number)+".json")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		b, err := json.MarshalIndent(s, "", "  ")
		if err != nil {
			return err
		}
		fresh := path + ".new"
		if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return storageFailure(err)
		}
		if err := errors.Join(writeSynced(fresh, append(b, '\n'), 0o444), os.Rename(fresh, path), syncFolder(folder), syncFolder(i.versions(d.Dataset))); err != nil {
			return storageFailure(err)
		}
	}
	from, to := i.version(d.Dataset, d.Number), filepath.Join(i.work(), workPrefix+"deleted-"+d.Dataset+"-"+strconv.Itoa(d.Number))
	switch err := os.Rename(from, to); {
	case errors.Is(err, fs.ErrNotExist): // it was before
	case err != nil:
		return storageFailure(err)
	default:
		if err := syncFolder(i.versions(d.Dataset)); err != nil {
			return storageFailure(err)
		}
	}
	if err := errors.Join(os.RemoveAll(to), syncFolder(i.work())); err != nil {
		return storageFailure(err)
	}
	return nil
}

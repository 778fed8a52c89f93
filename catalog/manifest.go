package catalog

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/gatehouse-tre/gatehouse"
)

// The files of a version beside its Parquet. The manifest is the Version as
// JSON; the signature is that of the manifest's exact bytes after manifestPrefix,
// in base64.
const (
	manifestFile  = "manifest.json"
	signatureFile = "manifest.sig"
	unitsFile     = "units.parquet"
	// supersededFile is there where files are shared with an earlier version.
	supersededFile = "superseded.parquet"
)

// manifestPrefix keeps a manifest's signature from being one of anything else.
const manifestPrefix = "gatehouse version manifest v1\n"

// writeManifest writes and signs the manifest into the version's folder.
func writeManifest(ctx context.Context, v Version, signer Signer, dir string) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	b = append(b, '\n')
	signature, err := signer.Sign(ctx, append([]byte(manifestPrefix), b...))
	if err != nil {
		return gatehouse.Errorf(gatehouse.CodeKeys, "The manifest cannot be signed.").Because(err)
	}
	if err := writeSynced(filepath.Join(dir, manifestFile), b, 0o444); err != nil {
		return storageFailure(err)
	}
	text := base64.StdEncoding.EncodeToString(signature) + "\n"
	if err := writeSynced(filepath.Join(dir, signatureFile), []byte(text), 0o444); err != nil {
		return storageFailure(err)
	}
	return nil
}

func unverified(v string, format string, args ...any) *gatehouse.Error {
	e := gatehouse.Errorf(gatehouse.CodeManifest, format, args...)
	e.Message = v + ": " + e.Message
	return e
}

// readManifest reads the manifest in a version's folder and checks its signature
// and that it is of this version.
func readManifest(dir, dataset string, number int, public ed25519.PublicKey) (Version, error) {
	name := dataset + "@" + strconv.Itoa(number)
	b, err := os.ReadFile(filepath.Join(dir, manifestFile))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return Version{}, gatehouse.Errorf(gatehouse.CodeNotFound, "There is no version %s.", name)
		}
	}
	if err != nil {
		return Version{}, unverified(name, "the manifest cannot be read.").Because(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, signatureFile))
	if err != nil {
		return Version{}, unverified(name, "the manifest's signature cannot be read.").Because(err)
	}
	signature, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil || len(public) != ed25519.PublicKeySize || !ed25519.Verify(public, append([]byte(manifestPrefix), b...), signature) {
		return Version{}, unverified(name, "the manifest's signature does not verify.").Because(err)
	}
	var v Version
	if err := json.Unmarshal(b, &v); err != nil {
		return Version{}, unverified(name, "the manifest is damaged.").Because(err)
	}
	if v.Dataset != dataset || v.Number != number {
		return Version{}, unverified(name, "the manifest is that of another version.")
	}
	v.Folder = dir
	return v, nil
}

// linkTo names a version by its manifest's hash.
func linkTo(v Version) (*Link, error) {
	f, err := describeFile(v.Folder, manifestFile)
	if err != nil {
		return nil, unverified(v.Name(), "the manifest cannot be read.").Because(err)
	}
	return &Link{Number: v.Number, Manifest: f.SHA256}, nil
}

// Files are all Parquet files of a version.
func (v Version) Files() []File {
	files := []File{v.UnitsFile}
	if v.Superseded != nil {
		files = append(files, *v.Superseded)
	}
	for _, t := range v.Tables {
		files = append(files, t.Files...)
	}
	return files
}

// describeFile hashes a file of a version.
func describeFile(dir, path string) (File, error) {
	f, err := os.Open(filepath.Join(dir, path))
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	return File{Path: path, SHA256: hex.EncodeToString(sum.Sum(nil)), Bytes: n}, err
}

package egress

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress/inspect"
	"pgregory.net/rapid"
)

var testKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))

func testPublic() ed25519.PublicKey { return testKey.Public().(ed25519.PublicKey) }

// testBundle seals files of these names and contents.
func testBundle(t interface{ Fatal(...any) }, files ...string) []byte {
	m := Manifest{
		Format: ManifestFormat, Release: "rel_1", Request: "req_1", Project: "p", Title: "T", Author: "ada", Key: KeyID(testPublic()),
		Released: time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC), Files: []ManifestFile{},
	}
	content := map[string]string{}
	for i := 0; i < len(files); i += 2 {
		sum := sha256.Sum256([]byte(files[i+1]))
		sha := hex.EncodeToString(sum[:])
		content[sha] = files[i+1]
		m.Files = append(m.Files, ManifestFile{Name: files[i], SHA256: sha, Bytes: int64(len(files[i+1])), Findings: []inspect.Finding{}, Votes: []ManifestVote{}})
	}
	var b bytes.Buffer
	err := WriteBundle(context.Background(), &b, m, testKey, func(sha string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(content[sha])), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func verifyBytes(b []byte, key ed25519.PublicKey) error {
	_, err := VerifyBundle(bytes.NewReader(b), int64(len(b)), key)
	return err
}

func TestABundleVerifies(t *testing.T) {
	b := testBundle(t, "a.csv", "n\n12\n", "Größe.txt", strings.Repeat("x", 100_000))
	m, err := VerifyBundle(bytes.NewReader(b), int64(len(b)), testPublic())
	if err != nil {
		t.Fatal(err)
	}
	if m.Release != "rel_1" || len(m.Files) != 2 {
		t.Errorf("%+v", m)
	}
	if !bytes.Equal(b, testBundle(t, "a.csv", "n\n12\n", "Größe.txt", strings.Repeat("x", 100_000))) {
		t.Error("the same release has other bytes the second time")
	}
}

// The layout of bundles that people hold must not change with a toolchain:
// verification writes them again.
func TestTheLayoutOfBundlesIsFixed(t *testing.T) {
	sum := sha256.Sum256(testBundle(t, "a.csv", "n\n12\n"))
	if got, want := hex.EncodeToString(sum[:]), "e4a3ac8fad01ac9fa03a9adbb12b0a1b5fc5e8157e5a80f90a009c7abd2b96b5"; got != want {
		t.Errorf("the bytes of a bundle have changed (%s): bundles of earlier versions would not verify", got)
	}
}

func TestAnyChangedByteIsFound(t *testing.T) {
	good := testBundle(t, "a.csv", "region,n\nLondon,120\n", "plot.svg", "<svg></svg>")
	if err := verifyBytes(good, testPublic()); err != nil {
		t.Fatal(err)
	}
	for at := range good { // every byte, one bit each; rapid below for the rest
		bad := bytes.Clone(good)
		bad[at] ^= 1 << (at % 8)
		if err := verifyBytes(bad, testPublic()); gatehouse.CodeOf(err) != gatehouse.CodeBundle {
			t.Fatalf("byte %d of %d: %v", at, len(good), err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		bad := bytes.Clone(good)
		at := rapid.IntRange(0, len(bad)-1).Draw(t, "at")
		switch rapid.SampledFrom([]string{"flip", "cut", "insert", "delete", "append", "swap"}).Draw(t, "how") {
		case "flip":
			bad[at] ^= rapid.ByteRange(1, 255).Draw(t, "bits")
		case "cut":
			bad = bad[:at]
		case "insert":
			bad = append(bad[:at:at], append(rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(t, "bytes"), good[at:]...)...)
		case "delete":
			bad = append(bad[:at:at], good[at+1:]...)
		case "append":
			bad = append(bad, rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(t, "bytes")...)
		case "swap":
			other := rapid.IntRange(0, len(bad)-1).Draw(t, "other")
			bad[at], bad[other] = bad[other], bad[at]
		}
		if bytes.Equal(bad, good) {
			return
		}
		if err := verifyBytes(bad, testPublic()); gatehouse.CodeOf(err) != gatehouse.CodeBundle {
			t.Fatalf("%v", err)
		}
	})
}

// repack writes the entries of a bundle again as change says: nil leaves one out.
func repack(t *testing.T, b []byte, change func(name string, content []byte) map[string][]byte, comment string) []byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		for name, content := range change(f.Name, content) {
			e, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := e.Write(content); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.SetComment(comment); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestTamperingIsNamed(t *testing.T) {
	good := testBundle(t, "a.csv", "n\n12\n", "b.csv", "n\n15\n")
	keep := func(name string, content []byte) map[string][]byte { return map[string][]byte{name: content} }
	other := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, 32)).Public().(ed25519.PublicKey)
	for what, c := range map[string]struct {
		bundle []byte
		key    ed25519.PublicKey
		says   string
	}{
		"a changed file": {repack(t, good, func(n string, c []byte) map[string][]byte {
			if n == "rel_1/data/outputs/a.csv" {
				c = []byte("n\n13\n")
			}
			return keep(n, c)
		}, ""), nil, `"a.csv" was changed`},
		"a longer file": {repack(t, good, func(n string, c []byte) map[string][]byte {
			if n == "rel_1/data/outputs/a.csv" {
				c = append(c, '9')
			}
			return keep(n, c)
		}, ""), nil, `"a.csv" was changed`},
		"a missing file": {repack(t, good, func(n string, c []byte) map[string][]byte {
			if n == "rel_1/data/outputs/a.csv" {
				return nil
			}
			return keep(n, c)
		}, ""), nil, `"a.csv" is missing`},
		"an extra file": {repack(t, good, func(n string, c []byte) map[string][]byte {
			if n == "rel_1/data/outputs/a.csv" {
				return map[string][]byte{n: c, "rel_1/data/outputs/c.csv": []byte("rows")}
			}
			return keep(n, c)
		}, ""), nil, `"c.csv" does not belong to it`},
		"a renamed file": {repack(t, good, func(n string, c []byte) map[string][]byte {
			if n == "rel_1/data/outputs/a.csv" {
				n = "rel_1/data/outputs/z.csv"
			}
			return keep(n, c)
		}, ""), nil, `"a.csv" is missing; "z.csv" does not belong`},
		"a changed record": {repack(t, good, func(n string, c []byte) map[string][]byte {
			return keep(n, bytes.Replace(c, []byte(`"author": "ada"`), []byte(`"author": "eve"`), 1))
		}, ""), nil, `"release.json" was changed`},
		"a changed description": {repack(t, good, func(n string, c []byte) map[string][]byte {
			return keep(n, bytes.Replace(c, []byte(`by two output checkers`), []byte(`by ten output checkers`), 1))
		}, ""), nil, `"ro-crate-metadata.json" was changed`},
		"a changed list of files": {repack(t, good, func(n string, c []byte) map[string][]byte {
			if n == "rel_1/manifest-sha512.txt" {
				c = append(bytes.Clone(c), c...)
			}
			return keep(n, c)
		}, ""), nil, `"manifest-sha512.txt" was changed`},
		"a changed list of lists": {repack(t, good, func(n string, c []byte) map[string][]byte {
			if n == "rel_1/tagmanifest-sha512.txt" {
				c = bytes.Replace(c, []byte("bagit"), []byte("begit"), 1)
			}
			return keep(n, c)
		}, ""), nil, "not of this bundle"},
		"no signature": {repack(t, good, func(n string, c []byte) map[string][]byte {
			if n == "rel_1/signature.txt" {
				return nil
			}
			return keep(n, c)
		}, ""), nil, `"signature.txt" is missing`},
		"another folder": {repack(t, good, func(n string, c []byte) map[string][]byte {
			return keep(strings.Replace(n, "rel_1/", "rel_2/", 1), c)
		}, ""), nil, "not named after the release"},
		"two folders": {repack(t, good, func(n string, c []byte) map[string][]byte {
			return keep(strings.Replace(n, "rel_1/data/o", "rel_2/data/o", 1), c)
		}, ""), nil, "does not belong to it"},
		"a file that climbs out": {repack(t, good, func(n string, c []byte) map[string][]byte {
			return keep(strings.Replace(n, "outputs/b", "../../b", 1), c)
		}, ""), nil, "is missing"},
		"a malformed signature": {repack(t, good, func(n string, c []byte) map[string][]byte {
			if n == "rel_1/signature.txt" {
				c = append([]byte(" "), c...)
			}
			return keep(n, c)
		}, ""), nil, "malformed"},
		"another packing": {repack(t, good, keep, ""), nil, "its bytes differ"},
		"a comment":       {repack(t, good, keep, "hidden"), nil, "data follows its end"},
		"data behind":     {append(bytes.Clone(good), "hidden"...), nil, ""},
		"data before":     {append([]byte("hidden"), good...), nil, "its bytes differ"},
		"another key":     {good, other, "and the one given is"},
		"no ZIP":          {[]byte("hello"), nil, "not a whole ZIP"},
		"nothing":         {nil, nil, "not a whole ZIP"},
		"two bundles":     {append(bytes.Clone(good), good...), nil, ""},
	} {
		key := c.key
		if key == nil {
			key = testPublic()
		}
		err := verifyBytes(c.bundle, key)
		if gatehouse.CodeOf(err) != gatehouse.CodeBundle || !strings.Contains(fmt.Sprint(err), c.says) {
			t.Errorf("%s: %v, want %q", what, err, c.says)
		}
	}

	var double bytes.Buffer
	w := zip.NewWriter(&double)
	for range 2 {
		if _, err := w.CreateHeader(&zip.FileHeader{Name: "rel_1/bagit.txt", Method: zip.Store}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := verifyBytes(double.Bytes(), testPublic()); !strings.Contains(fmt.Sprint(err), "twice") {
		t.Errorf("a doubled entry: %v", err)
	}
}

func TestABundleIsNotWrittenFromOtherBytes(t *testing.T) {
	m := Manifest{Format: ManifestFormat, Files: []ManifestFile{{Name: "a.csv", SHA256: strings.Repeat("0", 64), Bytes: 5}}}
	m.Release = "rel_1"
	err := WriteBundle(t.Context(), io.Discard, m, testKey, func(string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("other")), nil
	})
	if err == nil {
		t.Error("a file that was not reviewed was sealed")
	}
}

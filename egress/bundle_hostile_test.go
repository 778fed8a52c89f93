package egress

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
)

// packed is a ZIP file whose entries are these, in order; deflated ones are
// compressed.
func packed(t *testing.T, deflated bool, entries ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(entries); i += 2 {
		h := &zip.FileHeader{Name: entries[i], Method: zip.Store}
		if deflated {
			h.Method = zip.Deflate
		}
		e, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(e, entries[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// overlapping lists one entry of content under n names: each reader of a name
// gets all of it, and the file is hardly larger than one.
func overlapping(n int, content []byte) []byte {
	var b bytes.Buffer
	write := func(v any) { _ = binary.Write(&b, binary.LittleEndian, v) }
	name := func(i int) string { return fmt.Sprintf("rel_1/data/%05d", i) }
	header := func() []any {
		return []any{uint16(20), uint16(0x800), uint16(0), uint16(0), uint16(0x21), crc32.ChecksumIEEE(content), uint32(len(content)), uint32(len(content)), uint16(len(name(0)))}
	}
	b.WriteString("PK\x03\x04")
	for _, v := range header() {
		write(v)
	}
	write(uint16(0))
	b.WriteString(name(0))
	b.Write(content)
	at := b.Len()
	for i := range n {
		b.WriteString("PK\x01\x02")
		write(uint16(20))
		for _, v := range header() {
			write(v)
		}
		b.Write(make([]byte, 16)) // extra, comment, disk, attributes, and the offset 0
		b.WriteString(name(i))
	}
	size := b.Len() - at
	b.WriteString("PK\x05\x06\x00\x00\x00\x00")
	write(uint16(n))
	write(uint16(n))
	write(uint32(size))
	write(uint32(at))
	write(uint16(0))
	return b.Bytes()
}

// Whoever verifies holds a file from anywhere: it must cost no more than its own
// size, and it must not be believed before its signature is.
func TestHostileFilesAreRefusedCheaply(t *testing.T) {
	zeros := strings.Repeat("\x00", 64<<20)
	for what, hostile := range map[string][]byte{
		"a compressed entry":               packed(t, true, "rel_1/bagit.txt", zeros),
		"a compressed entry among others":  packed(t, true, "rel_1/bagit.txt", bagDeclaration, "rel_1/data/x", zeros),
		"entries that share their bytes":   overlapping(5_000, make([]byte, 1<<20)),
		"more entries than a release has":  overlapping(20_000, []byte("x")),
		"a large tag file":                 packed(t, false, "rel_1/bagit.txt", zeros[:2<<20]),
		"a path that climbs out":           packed(t, false, "../bagit.txt", "x"),
		"an absolute path":                 packed(t, false, "/etc/bagit.txt", "x"),
		"no folder":                        packed(t, false, "bagit.txt", bagDeclaration),
		"a name of any length":             packed(t, false, "rel_1/"+strings.Repeat("x", 60_000), "x"),
		"a name that is not text":          packed(t, false, "rel_1/\xff\xfe\x00", "x"),
		"a Windows path":                   packed(t, false, `rel_1\bagit.txt`, "x"),
		"a list that begins elsewhere":     append([]byte("GARBAGE"), packed(t, false, "rel_1/bagit.txt", "x")...),
		"an end without anything before":   []byte("PK\x05\x06" + strings.Repeat("\x00", 18)),
		"an end that promises 4 GiB":       []byte("PK\x05\x06\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00"),
		"many files and no signature":      packed(t, false, many(3_000)...),
		"everything but a valid signature": packed(t, false, "rel_1/bagit.txt", bagDeclaration, "rel_1/bag-info.txt", "x", "rel_1/manifest-sha512.txt", "x", "rel_1/tagmanifest-sha512.txt", "x", "rel_1/signature.txt", "x"),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := verifyBytes(hostile, testPublic())
		runtime.ReadMemStats(&after)
		if gatehouse.CodeOf(err) != gatehouse.CodeBundle {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > uint64(4*len(hostile)+8<<20) {
			t.Errorf("%s: %d bytes of memory for a file of %d", what, n, len(hostile))
		}
		if len(err.Error()) > 4_000 || strings.ContainsRune(err.Error(), '\x00') {
			t.Errorf("%s: what is said is as long as whoever made the file likes: %d bytes", what, len(err.Error()))
		}
	}
}

func many(n int) []string {
	var entries []string
	for i := range n {
		entries = append(entries, fmt.Sprintf("rel_1/data/%d", i), "x")
	}
	return entries
}

func FuzzVerifyBundle(f *testing.F) {
	f.Add(testBundle(f, "a.csv", "n\n12\n"))
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	f.Add(overlapping(3, []byte("x")))
	good := testBundle(f, "a.csv", "n\n12\n")
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := verifyBytes(b, testPublic()); err == nil && !bytes.Equal(b, good) {
			t.Error("a bundle that nobody signed verifies")
		}
	})
}

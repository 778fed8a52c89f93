package source

import (
	"bytes"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Compression is how a file is packed.
type Compression string

// The ways in which a file may be packed.
const (
	CompressionDetect Compression = ""     // as its first bytes say: gzip, zstd, or none
	CompressionNone   Compression = "none" // not packed, whatever its first bytes look like
	CompressionGzip   Compression = "gzip" // RFC 1952, also of several members
	CompressionZstd   Compression = "zstd" // RFC 8878, also of several frames
)

// Encoding is how a file's bytes are text.
type Encoding string

// The encodings. Windows1252 is left as it is in the file, for whoever reads
// rows to decode; everything else is read as UTF-8.
const (
	EncodingUTF8        Encoding = "utf-8"        // with or without a byte-order mark
	EncodingWindows1252 Encoding = "windows-1252" //
	EncodingUTF16       Encoding = "utf-16"       // the byte-order mark, which must be there, says which
	EncodingUTF16LE     Encoding = "utf-16le"     // with or without a byte-order mark
	EncodingUTF16BE     Encoding = "utf-16be"     // with or without a byte-order mark
)

// Form is what is declared of a file.
type Form struct {
	Compression Compression
	Encoding    Encoding
	// UnpackedLimit is how many bytes a packed file may unpack to. 0 stands for
	// DefaultRatio times its packed size, and SmallUnpacked more.
	UnpackedLimit int64
}

// What a packed file may unpack to where nothing is declared. Tables of text
// pack to a third or a twentieth; a bomb to a thousandth.
const (
	DefaultRatio  = 200
	SmallUnpacked = 64 << 20
)

// maxWindow is how much of what went before a zstd frame may refer to: that of
// "zstd --long", the most that its own tool unpacks without being told.
const maxWindow = 128 << 20

// Cause says what is wrong with a file.
type Cause string

// The causes of a Fault.
const (
	CauseNotPacked  Cause = "is not the %s file that it is declared to be"
	CauseArchive    Cause = "is a %s archive; unpack it, or pack each file alone with gzip or zstd"
	CauseDamaged    Cause = "is cut off or damaged: its %s stream cannot be unpacked to the end"
	CauseTooLarge   Cause = "unpacks to more than the %s bytes that are allowed"
	CauseNoMark     Cause = "is declared utf-16 and has no byte-order mark; declare utf-16le or utf-16be"
	CauseOtherMark  Cause = "has the byte-order mark of another encoding than it is declared to have"
	CauseHalfLetter Cause = "is cut off: it ends within a UTF-16 character"
)

// Fault is what makes a file unfit as a whole.
type Fault struct {
	Cause  Cause
	Detail string // for the Cause's %s
	Offset int64  // bytes of the file, as it stands, that had been read; -1 where that says nothing
	Err    error  // of the library that reads it; for logs
}

// Error is the rest of a sentence that begins with the file's name.
func (f *Fault) Error() string {
	s := string(f.Cause)
	if f.Detail != "" {
		s = fmt.Sprintf(s, f.Detail)
	}
	if f.Offset >= 0 {
		s += fmt.Sprintf(" (near byte %d of the file)", f.Offset)
	}
	return s
}

func (f *Fault) Unwrap() error { return f.Err }

// encoded reports whether the file is another kind of file than declared, rather
// than a damaged one.
func (f *Fault) encoded() bool {
	switch f.Cause {
	case CauseNotPacked, CauseArchive, CauseNoMark, CauseOtherMark:
		return true
	}
	return false
}

// IsEncoding reports whether err says that a file is not in its declared form.
func IsEncoding(err error) bool {
	var f *Fault
	return errors.As(err, &f) && f.encoded()
}

// Stream is the text of a file: unpacked, and as UTF-8 if it was UTF-16. Its
// errors are *Fault, or those of reading the file.
type Stream struct {
	in    io.Reader // what Read gives
	raw   *rawFile
	close func()
}

// Open opens the text of a file. What is read of the file is written to sum as it
// stands there, if sum is not nil; at the end of the text all of it has been. The
// file is closed with the stream.
func Open(f *os.File, form Form, sum hash.Hash) (*Stream, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	packing, err := detect(f, form.Compression)
	if err != nil {
		return nil, err
	}
	s := &Stream{raw: &rawFile{f: f, sum: sum}, close: func() {}}
	s.in = s.raw
	limit := form.UnpackedLimit
	if limit == 0 {
		limit = info.Size()*DefaultRatio + SmallUnpacked
	}
	switch packing {
	case CompressionGzip:
		s.in = &unpacked{raw: s.raw, kind: packing, left: limit, limit: limit, open: func() (io.Reader, error) { return gzip.NewReader(s.raw) }}
	case CompressionZstd:
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, err
		}
		s.close = d.Close
		s.in = &unpacked{raw: s.raw, kind: packing, left: limit, limit: limit, open: func() (io.Reader, error) { return d, d.Reset(s.raw) }}
	}
	switch form.Encoding {
	case EncodingUTF16, EncodingUTF16LE, EncodingUTF16BE:
		s.in = &utf16Reader{in: s.in, declared: form.Encoding, bigEndian: form.Encoding == EncodingUTF16BE, buf: make([]byte, 0, 64<<10)}
	}
	return s, nil
}

func (s *Stream) Read(p []byte) (int, error) { return s.in.Read(p) }

// Close closes the file.
func (s *Stream) Close() error {
	s.close()
	return s.raw.f.Close()
}

// Stat describes the file.
func (s *Stream) Stat() (fs.FileInfo, error) { return s.raw.f.Stat() }

// The first bytes of the forms that are known.
var (
	magicGzip = []byte{0x1f, 0x8b}
	magicZstd = []byte{0x28, 0xb5, 0x2f, 0xfd}
	archives  = []struct {
		magic []byte
		name  string
	}{
		{[]byte("PK\x03\x04"), "ZIP"},
		{[]byte("7z\xbc\xaf\x27\x1c"), "7z"},
		{[]byte("\xfd7zXZ\x00"), "xz"},
		{[]byte("Rar!\x1a\x07"), "RAR"},
	}
)

// detect finds how a file is packed, and whether that is as declared.
func detect(f *os.File, declared Compression) (Compression, error) {
	if declared == CompressionNone {
		return declared, nil
	}
	first := make([]byte, 8)
	n, err := f.ReadAt(first, 0)
	if err != nil && err != io.EOF {
		return "", err
	}
	first = first[:n]
	found := CompressionNone
	switch {
	case bytes.HasPrefix(first, magicGzip):
		found = CompressionGzip
	case bytes.HasPrefix(first, magicZstd), len(first) >= 4 && first[0]&0xf0 == 0x50 && bytes.Equal(first[1:4], []byte{0x2a, 0x4d, 0x18}): // a skippable frame
		found = CompressionZstd
	}
	for _, a := range archives {
		if bytes.HasPrefix(first, a.magic) {
			return "", &Fault{Cause: CauseArchive, Detail: a.name, Offset: -1}
		}
	}
	if declared != CompressionDetect && found != declared {
		return "", &Fault{Cause: CauseNotPacked, Detail: string(declared), Offset: -1}
	}
	return found, nil
}

// rawFile reads a file, hashes what it reads, and knows how much that was.
type rawFile struct {
	f   *os.File
	sum hash.Hash
	at  int64
}

func (r *rawFile) Read(p []byte) (int, error) {
	n, err := r.f.Read(p)
	if n > 0 && r.sum != nil {
		r.sum.Write(p[:n])
	}
	r.at += int64(n)
	return n, err
}

// unpacked bounds what a packed file unpacks to, and makes sure that its end is
// the end of the file.
type unpacked struct {
	raw         *rawFile
	kind        Compression
	open        func() (io.Reader, error)
	in          io.Reader
	left, limit int64
}

func (u *unpacked) Read(p []byte) (int, error) {
	if u.in == nil {
		in, err := u.open()
		if err != nil {
			return 0, u.damaged(err)
		}
		u.in = in
	}
	n, err := u.in.Read(p)
	if u.left -= int64(n); u.left < 0 {
		return 0, &Fault{Cause: CauseTooLarge, Detail: fmt.Sprint(u.limit), Offset: u.raw.at}
	}
	if err == io.EOF {
		var one [1]byte
		if more, _ := u.raw.Read(one[:]); more > 0 {
			return n, u.damaged(errors.New("data after the end"))
		}
		return n, io.EOF
	}
	if err != nil {
		return n, u.damaged(err)
	}
	return n, nil
}

// damaged names an error of unpacking; one of the file itself stays what it is.
func (u *unpacked) damaged(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return err
	}
	return &Fault{Cause: CauseDamaged, Detail: string(u.kind), Offset: u.raw.at, Err: err}
}

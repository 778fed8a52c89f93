// Package objectstest is what every egress.Objects must do, as a test.
package objectstest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/gatehouse-tre/gatehouse/egress"
)

// Store is an Objects under test, and how to harm it.
type Store struct {
	egress.Objects
	// Damage changes the stored bytes of an object behind the store's back.
	Damage func(sha256 string, change func([]byte) []byte)
	// Count gives the number of objects, whole or not.
	Count func() int
}

func name(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

func read(t interface{ Fatal(...any) }, s Store, sha string) ([]byte, error) {
	r, err := s.Open(context.Background(), sha)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// Test runs the suite on fresh, empty stores.
func Test(t *testing.T, open func(t *testing.T) Store) {
	ctx := context.Background()

	t.Run("what is stored is read back under its hash", func(t *testing.T) {
		s := open(t)
		rapid.Check(t, func(t *rapid.T) {
			content := rapid.SliceOfN(rapid.Byte(), 0, 70_000).Draw(t, "content")
			o, err := s.Put(ctx, iotest.HalfReader(bytes.NewReader(content)))
			if err != nil {
				t.Fatal(err)
			}
			if o.SHA256 != name(content) || o.Bytes != int64(len(content)) {
				t.Fatalf("stored as %+v", o)
			}
			got, err := read(t, s, o.SHA256)
			if err != nil || !bytes.Equal(got, content) {
				t.Fatalf("read %d bytes, %v", len(got), err)
			}
		})
	})

	t.Run("readers behave as readers must", func(t *testing.T) {
		s := open(t)
		content := []byte(strings.Repeat("0123456789", 5_000))
		if _, err := s.Put(ctx, bytes.NewReader(content)); err != nil {
			t.Fatal(err)
		}
		r, err := s.Open(ctx, name(content))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if err := iotest.TestReader(r, content); err != nil {
			t.Error(err)
		}
	})

	t.Run("the same bytes are kept once", func(t *testing.T) {
		s := open(t)
		for range 3 {
			if _, err := s.Put(ctx, strings.NewReader("twice")); err != nil {
				t.Fatal(err)
			}
		}
		if n := s.Count(); n != 1 {
			t.Errorf("%d objects", n)
		}
	})

	t.Run("a reader that fails leaves nothing", func(t *testing.T) {
		s := open(t)
		broken := errors.New("the line went dead")
		_, err := s.Put(ctx, io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) {
			t.Errorf("the reader's error is not in the chain of %v", err)
		}
		if n := s.Count(); n != 0 {
			t.Errorf("%d objects", n)
		}
	})

	t.Run("a cancelled Put leaves nothing", func(t *testing.T) {
		s := open(t)
		cancelled, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := s.Put(cancelled, strings.NewReader("late")); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		if n := s.Count(); n != 0 {
			t.Errorf("%d objects", n)
		}
	})

	t.Run("what is not there is missing, whatever the name", func(t *testing.T) {
		s := open(t)
		for _, sha := range []string{name([]byte("absent")), "", "..", "../../etc/passwd", strings.Repeat("A", 64), strings.Repeat("a", 63) + "/"} {
			if _, err := s.Open(ctx, sha); !errors.Is(err, egress.ErrObjectMissing) {
				t.Errorf("%q: %v", sha, err)
			}
		}
	})

	t.Run("damage is found before the last byte is given", func(t *testing.T) {
		content := []byte(strings.Repeat("what two checkers saw\n", 4_000))
		for how, change := range map[string]func([]byte) []byte{
			"a changed byte":   func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
			"a changed end":    func(b []byte) []byte { b[len(b)-1] ^= 0x80; return b },
			"a missing end":    func(b []byte) []byte { return b[:len(b)-1] },
			"a longer end":     func(b []byte) []byte { return append(b, 'x') },
			"nothing left":     func([]byte) []byte { return nil },
			"something else":   func([]byte) []byte { return []byte("else") },
			"twice the object": func(b []byte) []byte { return append(b, b...) },
		} {
			s := open(t)
			o, err := s.Put(ctx, bytes.NewReader(content))
			if err != nil {
				t.Fatal(err)
			}
			s.Damage(o.SHA256, func(b []byte) []byte { return change(bytes.Clone(b)) })
			got, err := read(t, s, o.SHA256)
			if !errors.Is(err, egress.ErrObjectDamaged) {
				t.Errorf("%s: %v", how, err)
			}
			if len(got) >= len(change(bytes.Clone(content))) && len(got) > 0 {
				t.Errorf("%s: all %d bytes were given", how, len(got))
			}
			if _, err := s.Put(ctx, bytes.NewReader(content)); err != nil {
				t.Fatal(err)
			}
			if _, err := read(t, s, o.SHA256); err != nil {
				t.Errorf("%s: storing it again did not heal it: %v", how, err)
			}
		}
	})

	t.Run("many at once", func(t *testing.T) {
		s := open(t)
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				content := []byte(strings.Repeat("x", 1_000*(i%4+1)))
				if _, err := s.Put(ctx, bytes.NewReader(content)); err != nil {
					t.Error(err)
				}
				if got, err := read(t, s, name(content)); err != nil || !bytes.Equal(got, content) {
					t.Errorf("read %d bytes, %v", len(got), err)
				}
			})
		}
		wg.Wait()
		if n := s.Count(); n != 4 {
			t.Errorf("%d objects", n)
		}
	})
}

package mesh

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"
)

// scheme is the name of MESH's own authorization scheme.
const scheme = "NHSMESH"

// signer makes the authorization of requests: the mailbox, a nonce that is one
// client's, how often it was used, the minute, and a signature of these and of
// the mailbox's password under the environment's shared key.
type signer struct {
	mailbox, password string
	key               []byte
	nonce             string
	used              atomic.Int64
	now               func() time.Time
}

func newSigner(c Config) (*signer, error) {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		return nil, err
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80 // a version 4 UUID
	return &signer{mailbox: c.Mailbox, password: c.Password, key: []byte(c.SharedKey), now: c.Now,
		nonce: fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])}, nil
}

// authorization makes that of one request; no two are the same.
func (s *signer) authorization() string {
	count := strconv.FormatInt(s.used.Add(1)-1, 10)
	minute := s.now().UTC().Format("200601021504")
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(s.mailbox + ":" + s.nonce + ":" + count + ":" + s.password + ":" + minute))
	return scheme + " " + s.mailbox + ":" + s.nonce + ":" + count + ":" + minute + ":" + hex.EncodeToString(mac.Sum(nil))
}

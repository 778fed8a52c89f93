package keys

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"errors"

	"github.com/tink-crypto/tink-go/v2/daead/aessiv"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"

	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// sealedSize is the size of a pseudonym before it is written in letters: 16 bytes
// of tag and 4 of unit, which make exactly 32 characters.
const sealedSize = aes.BlockSize + 4

const letters = "abcdefghijklmnopqrstuvwxyz234567"

// encoding of pseudonyms: safe in any file name, and compared alike in any locale.
var encoding = base32.NewEncoding(letters).WithPadding(base32.NoPadding)

// batchSIV is AES-256-SIV (RFC 5297) for many messages of four bytes under one
// associated data. Tink expands both keys, and authenticates the associated data,
// anew for each message: ten times the work. What does not depend on the message is
// kept here: both expanded keys, and the block that S2V has come to when only the
// message is missing (section 2.4: dbl(dbl(CMAC(zero)) xor CMAC(data))). AES is the
// standard library's; Tink reverses what is made here, and makes some of it again.
type batchSIV struct {
	mac, stream cipher.Block // of the two halves of the key
	state       [aes.BlockSize]byte
}

func newBatchSIV(key *aessiv.Key, data []byte) (*batchSIV, error) {
	secret := key.KeyBytes().Data(insecuresecretdataaccess.Token{})
	if len(secret) != 64 {
		return nil, errors.New("keys: not a key of AES-256-SIV")
	}
	defer clear(secret)
	var s batchSIV
	var err error
	if s.mac, err = aes.NewCipher(secret[:32]); err != nil {
		return nil, err
	}
	if s.stream, err = aes.NewCipher(secret[32:]); err != nil {
		return nil, err
	}
	var whole, part [aes.BlockSize]byte // CMAC's subkeys (RFC 4493, section 2.3)
	s.mac.Encrypt(whole[:], whole[:])
	double(&whole)
	part = whole
	double(&part)

	var zero [aes.BlockSize]byte
	s.state = s.cmac(zero[:], &whole, &part)
	double(&s.state)
	authenticated := s.cmac(data, &whole, &part)
	subtle.XORBytes(s.state[:], s.state[:], authenticated[:])
	double(&s.state)
	// The padding of every message (section 2.4: xor pad(Sn)), and the subkey of
	// the one block that CMAC then sees, which is whole.
	s.state[4] ^= 0x80
	subtle.XORBytes(s.state[:], s.state[:], whole[:])
	return &s, nil
}

// double multiplies by x in GF(2^128).
func double(b *[aes.BlockSize]byte) {
	high, low := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	carry := high >> 63
	binary.BigEndian.PutUint64(b[:8], high<<1|low>>63)
	binary.BigEndian.PutUint64(b[8:], low<<1^carry*0x87)
}

// cmac is CMAC (RFC 4493) of a message that is not empty.
func (s *batchSIV) cmac(message []byte, whole, part *[aes.BlockSize]byte) (mac [aes.BlockSize]byte) {
	for len(message) > aes.BlockSize {
		subtle.XORBytes(mac[:], mac[:], message[:aes.BlockSize])
		s.mac.Encrypt(mac[:], mac[:])
		message = message[aes.BlockSize:]
	}
	subtle.XORBytes(mac[:], mac[:], message)
	if len(message) == aes.BlockSize {
		subtle.XORBytes(mac[:], mac[:], whole[:])
	} else {
		mac[len(message)] ^= 0x80
		subtle.XORBytes(mac[:], mac[:], part[:])
	}
	s.mac.Encrypt(mac[:], mac[:])
	return mac
}

// appendAll appends the pseudonym of each unit.
func (s *batchSIV) appendAll(to []byte, units []uint32) []byte {
	// One set of blocks for all: what goes through an interface escapes.
	w := new(struct {
		block, counter [aes.BlockSize]byte
		sealed         [sealedSize]byte
	})
	from := len(to)
	to = append(to, make([]byte, len(units)*workspaces.PseudonymLength)...)
	first := binary.BigEndian.Uint32(s.state[:4])
	for i, unit := range units {
		w.block = s.state
		binary.BigEndian.PutUint32(w.block[:4], first^unit)
		s.mac.Encrypt(w.block[:], w.block[:]) // the synthetic IV
		w.counter = w.block
		w.counter[8] &= 0x7f // section 2.5
		w.counter[12] &= 0x7f
		s.stream.Encrypt(w.counter[:], w.counter[:])
		copy(w.sealed[:], w.block[:])
		binary.BigEndian.PutUint32(w.sealed[aes.BlockSize:], unit^binary.BigEndian.Uint32(w.counter[:4]))
		at := from + i*workspaces.PseudonymLength
		encodePseudonym((*[workspaces.PseudonymLength]byte)(to[at:]), &w.sealed)
	}
	return to
}

// encodePseudonym is encoding.Encode for this one size.
func encodePseudonym(to *[workspaces.PseudonymLength]byte, sealed *[sealedSize]byte) {
	for i := range sealedSize / 5 {
		five := uint64(sealed[5*i])<<32 | uint64(binary.BigEndian.Uint32(sealed[5*i+1:]))
		for j := range 8 {
			to[8*i+j] = letters[five>>(35-5*j)&31]
		}
	}
}

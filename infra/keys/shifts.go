package keys

import (
	"context"
	"encoding/binary"

	"github.com/tink-crypto/tink-go/v2/prf"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

// shifts moves people's dates.
type shifts struct {
	set  *prf.Set
	data []byte // the index
	most uint64
}

// DateShifts gives by how many days the dates of each person of an index move, most
// days at most either way: HMAC-SHA256 under a random key of the index's own, which
// is made once. One that was lost is CodeKeys: dates that move by other numbers in the
// next version would tell by how many they moved.
func (k *Keys) DateShifts(_ context.Context, family string, most int) (catalog.DateShifts, error) {
	if !gatehouse.ValidName(family) || most < 1 {
		return nil, unreadable(nil, "The dates of %q cannot move by %d days.", family, most)
	}
	name := "index-" + family + ".shift"
	if err := k.create(name, prf.HMACSHA256PRFKeyTemplate()); err != nil {
		return nil, err
	}
	handle, err := k.read(name)
	if err != nil {
		return nil, err
	}
	set, err := prf.NewPRFSet(handle)
	if err != nil {
		return nil, unreadable(err, "The key %q is damaged.", name)
	}
	return &shifts{set: set, data: []byte("shift v2\x00" + family + "\x00"), most: uint64(most)}, nil
}

// Days implements catalog.DateShifts.
func (s *shifts) Days(person []byte) (int, error) {
	out, err := s.set.ComputePrimaryPRF(append(s.data[:len(s.data):len(s.data)], person...), 8)
	if err != nil {
		return 0, unreadable(err, "A date cannot be moved.")
	}
	// Of 2^64, the part that favours some shift is too small to be seen.
	return int(binary.BigEndian.Uint64(out)%(2*s.most+1)) - int(s.most), nil
}

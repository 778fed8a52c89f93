package keys

import (
	"context"
	"encoding/binary"
	"strconv"

	"github.com/tink-crypto/tink-go/v2/prf"

	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// shifts moves people's dates.
type shifts struct {
	set  *prf.Set
	data []byte // project and epoch
	most uint64
}

// Shifts gives by how many days the dates of each person of a project move, most
// days at most either way: HMAC-SHA256 under a random key of the project's and
// epoch's own, which is no part of the one that makes pseudonyms.
func (k *Keys) Shifts(_ context.Context, project string, epoch, most int) (workspaces.Shifts, error) {
	name, err := k.ownKey(project, epoch)
	if err != nil {
		return nil, err
	}
	if most < 1 {
		return nil, unreadable(nil, "Dates cannot move by %d days.", most)
	}
	if err := k.mayMake(project, name); err != nil {
		return nil, err
	}
	name += ".shift"
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
	return &shifts{set: set, data: []byte("shift v1\x00" + project + "\x00" + strconv.Itoa(epoch) + "\x00"), most: uint64(most)}, nil
}

// Days implements workspaces.Shifts.
func (s *shifts) Days(unit uint32) (int, error) {
	var input [128]byte
	text := binary.BigEndian.AppendUint32(append(input[:0], s.data...), unit)
	out, err := s.set.ComputePrimaryPRF(text, 8)
	if err != nil {
		return 0, unreadable(err, "A date cannot be moved.")
	}
	// Of 2^64, the part that favours some shift is too small to be seen.
	return int(binary.BigEndian.Uint64(out)%(2*s.most+1)) - int(s.most), nil
}

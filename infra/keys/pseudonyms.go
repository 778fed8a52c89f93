package keys

import (
	"context"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/tink-crypto/tink-go/v2/daead"
	siv "github.com/tink-crypto/tink-go/v2/proto/aes_siv_go_proto"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"github.com/tink-crypto/tink-go/v2/tink"
	"google.golang.org/protobuf/proto"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// The first and so far only epoch: it would grow if a project's key were
// replaced while the project lives.
const epoch = 1

// encoding of pseudonyms: 16 bytes of tag and 4 of unit make exactly 32
// characters, which are safe in any file name and compare alike in any locale.
var encoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Pseudonyms are one project's.
type Pseudonyms struct {
	aead tink.DeterministicAEAD
	data []byte // associated data: version, project and epoch
}

var _ workspaces.Pseudonymiser = (*Keys)(nil)

func projectKey(project string) string { return "project-" + project }

// Pseudonyms opens the key of a project, and makes one for a project that never
// had any. A key that was destroyed is CodeKeys.
func (k *Keys) Pseudonyms(_ context.Context, project string) (workspaces.Pseudonyms, error) {
	return k.ProjectPseudonyms(project)
}

// ProjectPseudonyms is Pseudonyms with the type that can also reverse them,
// which takes two custodians and is no part of any service.
func (k *Keys) ProjectPseudonyms(project string) (*Pseudonyms, error) {
	if !gatehouse.ValidName(project) {
		return nil, unreadable(nil, "%q is not a project's name.", project)
	}
	name := projectKey(project)
	if _, err := os.Stat(k.path(name)); errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(k.tombstone(project)); !errors.Is(err, fs.ErrNotExist) {
			return nil, unreadable(err, "The key of project %q was destroyed.", project).
				WithAdvice("Its pseudonyms cannot be made again; apply for a new project.")
		}
		template, err := rawSIV()
		if err != nil {
			return nil, err
		}
		if err := k.create(name, template); err != nil {
			return nil, err
		}
	}
	handle, err := k.read(name)
	if err != nil {
		return nil, err
	}
	primitive, err := daead.New(handle)
	if err != nil {
		return nil, unreadable(err, "The key %q is damaged.", name)
	}
	// A valid name holds no zero byte, so the parts cannot run into each other.
	return &Pseudonyms{primitive, []byte("v1\x00" + project + "\x00" + strconv.Itoa(epoch))}, nil
}

// rawSIV is AES256-SIV whose ciphertexts carry no key id in front.
func rawSIV() (*tinkpb.KeyTemplate, error) {
	template := daead.AESSIVKeyTemplate()
	var format siv.AesSivKeyFormat
	if err := proto.Unmarshal(template.GetValue(), &format); err != nil || format.GetKeySize() != 64 {
		return nil, unreadable(err, "AES256-SIV is not available.")
	}
	template.OutputPrefixType = tinkpb.OutputPrefixType_RAW
	return template, nil
}

// Pseudonym gives the unit's pseudonym: 32 characters of a-z and 2-7.
func (p *Pseudonyms) Pseudonym(unit uint32) (string, error) {
	var plain [4]byte
	binary.BigEndian.PutUint32(plain[:], unit)
	sealed, err := p.aead.EncryptDeterministically(plain[:], p.data)
	if err != nil {
		return "", unreadable(err, "A pseudonym cannot be made.")
	}
	var name [32]byte
	if encoding.EncodedLen(len(sealed)) != len(name) {
		return "", unreadable(nil, "A pseudonym cannot be made.")
	}
	encoding.Encode(name[:], sealed)
	return string(name[:]), nil
}

// Unit gives the unit of a pseudonym. What is not one of this project's is
// CodeNotFound.
func (p *Pseudonyms) Unit(pseudonym string) (uint32, error) {
	sealed, err := encoding.DecodeString(pseudonym)
	if err == nil && encoding.EncodeToString(sealed) != pseudonym {
		err = errors.New("not in canonical form")
	}
	var plain []byte
	if err == nil {
		plain, err = p.aead.DecryptDeterministically(sealed, p.data)
	}
	if err != nil || len(plain) != 4 {
		return 0, gatehouse.Errorf(gatehouse.CodeNotFound, "This is not a pseudonym of the project.").Because(err)
	}
	return binary.BigEndian.Uint32(plain), nil
}

func (k *Keys) tombstone(project string) string {
	return filepath.Join(k.dir, projectKey(project)+".destroyed")
}

// DestroyProjectKey removes a project's key for good: nobody can reverse its
// pseudonyms or make them again. Copies of the key in backups must be destroyed
// there. It is idempotent.
func (k *Keys) DestroyProjectKey(_ context.Context, project string) error {
	if !gatehouse.ValidName(project) {
		return unreadable(nil, "%q is not a project's name.", project)
	}
	// The tombstone first: a key must not be made anew after a crash in between.
	if err := writeNew(k.tombstone(project), nil, 0o600); err != nil && !errors.Is(err, fs.ErrExist) {
		return unreadable(err, "The key of project %q cannot be destroyed.", project)
	}
	if err := os.Remove(k.path(projectKey(project))); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return unreadable(err, "The key of project %q cannot be destroyed.", project)
	}
	if err := syncFolder(k.dir); err != nil {
		return unreadable(err, "The key of project %q cannot be destroyed.", project)
	}
	return nil
}

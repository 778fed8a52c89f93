package keys

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/tink-crypto/tink-go/v2/daead"
	"github.com/tink-crypto/tink-go/v2/daead/aessiv"
	siv "github.com/tink-crypto/tink-go/v2/proto/aes_siv_go_proto"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"github.com/tink-crypto/tink-go/v2/tink"
	"google.golang.org/protobuf/proto"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Pseudonyms are one project's, of one epoch.
type Pseudonyms struct {
	aead tink.DeterministicAEAD
	data []byte // associated data: version, project, epoch and index
	fast *batchSIV

	family string
	epoch  int
}

var _ workspaces.Pseudonymiser = (*Keys)(nil)

// projectKey names the keyset of a project and epoch. A project's name holds no
// point, so that no two meet.
func projectKey(project string, epoch int) string {
	if epoch == 1 {
		return "project-" + project
	}
	return "project-" + project + ".epoch-" + strconv.Itoa(epoch)
}

// Pseudonyms opens the key of a project and epoch for the people of an index, and
// makes one at random for an epoch that never had any. A key that was destroyed, or
// lost, is CodeKeys.
func (k *Keys) Pseudonyms(_ context.Context, project, family string, epoch int) (workspaces.Pseudonyms, error) {
	return k.ProjectPseudonyms(project, family, epoch)
}

// ProjectPseudonyms is Pseudonyms with the type that can also reverse them,
// which takes two custodians.
func (k *Keys) ProjectPseudonyms(project, family string, epoch int) (*Pseudonyms, error) {
	if family != "" && !gatehouse.ValidName(family) { // "" is of versions from before they named their index
		return nil, unreadable(nil, "%q is not a person index's name.", family)
	}
	name, err := k.ownKey(project, epoch)
	if err != nil {
		return nil, err
	}
	if err := k.mayMake(project, name); err != nil {
		return nil, err
	}
	form, err := k.formOf(project, epoch)
	if err != nil {
		return nil, err
	}
	template, err := rawSIV()
	if err != nil {
		return nil, err
	}
	if err := k.create(name, template); err != nil {
		return nil, err
	}
	if form == formV1 { // the epoch's names are of before: they stay
		return k.openPseudonyms(project, "", epoch)
	}
	if family != "" { // before any name is made, so that every name is recognised
		if err := k.mark(familyMark(project, family)); err != nil {
			return nil, err
		}
	}
	return k.openPseudonyms(project, family, epoch)
}

// The forms of associated data. Of an epoch that has names of the first, which do not
// say the index, people keep them until the next epoch.
const (
	formV1 = "v1"
	formV2 = "v2"
)

// formOf gives the form of an epoch's names. It is decided once and stays: of epochs
// that have a key and say none, the first, unless names that say an index were made; of
// one that has no key yet, the second, which is written before the key is made.
func (k *Keys) formOf(project string, epoch int) (string, error) {
	epochs, err := k.keyed(project)
	if err != nil {
		return "", err
	}
	families, err := k.families(project)
	if err != nil {
		return "", err
	}
	older := formV1
	if len(families) > 1 {
		older = formV2
	}
	form := ""
	for _, e := range append(epochs, epoch) { // all, before this one says an index
		begin := older
		if !slices.Contains(epochs, e) {
			begin = formV2
		}
		path := filepath.Join(k.dir, "project-"+project+".form-"+strconv.Itoa(e))
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			if err = writeNew(path, []byte(begin), 0o600); err == nil || errors.Is(err, fs.ErrExist) {
				text, err = os.ReadFile(path)
			}
		}
		if form = string(text); err != nil || form != formV1 && form != formV2 {
			return "", unreadable(err, "The form of the names of project %q cannot be read.", project)
		}
	}
	return form, nil
}

// familyMark names what says that a project's people of an index have names.
func familyMark(project, family string) string { return "project-" + project + ".family-" + family }

// families are the indexes whose people have names in a project; "" stands for the
// names from before the index was part of them.
func (k *Keys) families(project string) ([]string, error) {
	prefix := k.marker(familyMark(project, "*"))
	names, err := filepath.Glob(prefix)
	if err != nil {
		return nil, unreadable(err, "The keys of project %q cannot be read.", project)
	}
	all := []string{""}
	for _, name := range names {
		all = append(all, strings.TrimSuffix(strings.TrimPrefix(filepath.Base(name), familyMark(project, "")), ".made"))
	}
	return all, nil
}

// all opens the keys of all epochs of a project, for all indexes.
func (k *Keys) all(project string) ([]*Pseudonyms, error) {
	epochs, err := k.epochs(project)
	if err != nil {
		return nil, err
	}
	families, err := k.families(project)
	if err != nil {
		return nil, err
	}
	var all []*Pseudonyms
	for _, epoch := range epochs {
		for _, family := range families {
			p, err := k.openPseudonyms(project, family, epoch)
			if err != nil {
				return nil, err
			}
			all = append(all, p)
		}
	}
	return all, nil
}

// ownKey names the key of a project and epoch.
func (k *Keys) ownKey(project string, epoch int) (string, error) {
	if !gatehouse.ValidName(project) || epoch < 1 {
		return "", unreadable(nil, "%q is not a project's name, or %d no epoch.", project, epoch)
	}
	return projectKey(project, epoch), nil
}

// mayMake refuses to make what the key store does not have, if the keys of its
// project were destroyed or the key was lost: nothing is written then that would stand
// beside the key when it is restored.
func (k *Keys) mayMake(project, name string) error {
	if _, err := os.Stat(k.tombstone(project)); !errors.Is(err, fs.ErrNotExist) {
		return unreadable(err, "The key of project %q was destroyed.", project).
			WithAdvice("Its pseudonyms cannot be made again; apply for a new project.")
	}
	_, err := os.Stat(k.path(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return k.neverMade(name)
	case err != nil:
		return unreadable(err, "The key %q cannot be read.", name)
	}
	return nil
}

// openPseudonyms opens a key that is there.
func (k *Keys) openPseudonyms(project, family string, epoch int) (*Pseudonyms, error) {
	name := projectKey(project, epoch)
	handle, err := k.read(name)
	if err != nil {
		return nil, err
	}
	primitive, err := daead.New(handle)
	if err != nil {
		return nil, unreadable(err, "The key %q is damaged.", name)
	}
	entry, err := handle.Primary()
	if err != nil {
		return nil, unreadable(err, "The key %q is damaged.", name)
	}
	key, ok := entry.Key().(*aessiv.Key)
	if !ok {
		return nil, unreadable(nil, "The key %q does not make pseudonyms.", name)
	}
	// A valid name holds no zero byte, so the parts cannot run into each other.
	p := &Pseudonyms{aead: primitive, data: []byte("v2\x00" + project + "\x00" + strconv.Itoa(epoch) + "\x00" + family), family: family, epoch: epoch}
	if family == "" {
		p.data = []byte("v1\x00" + project + "\x00" + strconv.Itoa(epoch))
	}
	if p.fast, err = newBatchSIV(key, p.data); err != nil {
		return nil, unreadable(err, "The key %q does not make pseudonyms.", name)
	}
	return p, nil
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
	sealed, err := p.sealed(unit)
	if err != nil {
		return "", err
	}
	var name [workspaces.PseudonymLength]byte
	encodePseudonym(&name, sealed)
	return string(name[:]), nil
}

// sealed is the tag and the encrypted unit, as Tink makes them.
func (p *Pseudonyms) sealed(unit uint32) (*[sealedSize]byte, error) {
	var plain [4]byte
	binary.BigEndian.PutUint32(plain[:], unit)
	sealed, err := p.aead.EncryptDeterministically(plain[:], p.data)
	if err != nil || len(sealed) != sealedSize {
		return nil, unreadable(err, "A pseudonym cannot be made.")
	}
	return (*[sealedSize]byte)(sealed), nil
}

// AppendPseudonyms implements workspaces.Pseudonyms. The first and the last of
// every batch are made by Tink as well; a batch in which they differ is CodeKeys.
func (p *Pseudonyms) AppendPseudonyms(to []byte, units []uint32) ([]byte, error) {
	from := len(to)
	to = p.fast.appendAll(to, units)
	for i := 0; i < len(units); i += max(len(units)-1, 1) {
		want, err := p.Pseudonym(units[i])
		if err != nil {
			return nil, err
		}
		at := from + i*workspaces.PseudonymLength
		if string(to[at:at+workspaces.PseudonymLength]) != want {
			return nil, unreadable(nil, "The processor or memory of this machine makes mistakes: a pseudonym came out wrong.")
		}
	}
	return to, nil
}

// Unit gives the unit of a pseudonym. What is not one of this project's and
// epoch's is CodeNotFound.
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

// keyed lists the epochs of which a project has a key, ascending.
func (k *Keys) keyed(project string) ([]int, error) {
	var found []int
	if _, err := os.Stat(k.path(projectKey(project, 1))); err == nil {
		found = append(found, 1)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, unreadable(err, "The keys of project %q cannot be read.", project)
	}
	prefix := k.path("project-" + project + ".epoch-*")
	names, err := filepath.Glob(prefix)
	if err != nil {
		return nil, unreadable(err, "The keys of project %q cannot be read.", project)
	}
	for _, name := range names {
		text := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(name), "project-"+project+".epoch-"), ".keyset")
		if n, err := strconv.Atoi(text); err == nil && n > 1 && strconv.Itoa(n) == text {
			found = append(found, n)
		}
	}
	slices.Sort(found)
	return found, nil
}

// epochs is keyed, and CodeKeys if a key that was made is not there any more.
func (k *Keys) epochs(project string) ([]int, error) {
	found, err := k.keyed(project)
	if err != nil {
		return nil, err
	}
	// A key that was made and is not there any more: its names would not be known.
	made, err := filepath.Glob(k.marker("project-" + project + "*"))
	if err != nil {
		return nil, unreadable(err, "The keys of project %q cannot be read.", project)
	}
	for _, name := range made {
		key := strings.TrimSuffix(filepath.Base(name), ".made")
		if key != projectKey(project, 1) && !strings.HasPrefix(key, "project-"+project+".epoch-") {
			continue
		}
		if _, err := os.Stat(k.path(key)); err != nil {
			return nil, unreadable(err, "The key %q was lost.", key).WithAdvice("Restore the folder of keys from its backup.")
		}
	}
	return found, nil
}

// Reverse gives the unit and the epoch of each pseudonym of a project, whatever
// the epoch in which it was made. One that is nobody's has the epoch 0.
func (k *Keys) Reverse(_ context.Context, project string, names []string) ([]workspaces.Reversed, error) {
	if !gatehouse.ValidName(project) {
		return nil, unreadable(nil, "%q is not a project's name.", project)
	}
	if err := k.mayMake(project, projectKey(project, 1)); err != nil {
		return nil, err
	}
	all, err := k.all(project)
	if err != nil {
		return nil, err
	}
	out := make([]workspaces.Reversed, len(names))
	for _, p := range all {
		for i, name := range names {
			if unit, err := p.Unit(name); err == nil {
				out[i] = workspaces.Reversed{Unit: unit, Epoch: p.epoch, Family: p.family}
			}
		}
	}
	return out, nil
}

func (k *Keys) tombstone(project string) string {
	return filepath.Join(k.dir, "project-"+project+".destroyed")
}

// DestroyProjectKey removes a project's keys of all epochs for good: nobody can
// reverse its pseudonyms or make them again. The files are overwritten before they
// are removed, which a file system that keeps old blocks may not honour; copies in
// backups must be destroyed there, or with the key encryption key. It is idempotent.
func (k *Keys) DestroyProjectKey(_ context.Context, project string) error {
	if !gatehouse.ValidName(project) {
		return unreadable(nil, "%q is not a project's name.", project)
	}
	// The tombstone first: a key must not be made anew after a crash in between.
	if err := writeNew(k.tombstone(project), nil, 0o600); err != nil && !errors.Is(err, fs.ErrExist) {
		return unreadable(err, "The key of project %q cannot be destroyed.", project)
	}
	var names []string
	for _, pattern := range []string{"project-" + project, "project-" + project + ".*"} {
		found, err := filepath.Glob(k.path(pattern))
		if err != nil {
			return unreadable(err, "The key of project %q cannot be destroyed.", project)
		}
		names = append(names, found...)
	}
	for _, name := range names {
		if err := erase(name); err != nil {
			return unreadable(err, "The key of project %q cannot be destroyed.", project)
		}
	}
	if err := syncFolder(k.dir); err != nil {
		return unreadable(err, "The key of project %q cannot be destroyed.", project)
	}
	return nil
}

// erase overwrites a file where it stands, then removes it.
func erase(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil {
		_, err = f.Write(make([]byte, info.Size()))
	}
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	return os.Remove(path)
}

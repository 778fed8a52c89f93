package main

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/catalog/codelist"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/journal"
	"github.com/gatehouse-tre/gatehouse/infra/keys"
	"github.com/gatehouse-tre/gatehouse/infra/notices"
	"github.com/gatehouse-tre/gatehouse/infra/policy"
	"github.com/gatehouse-tre/gatehouse/infra/sandbox"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// settings is DIR/gatehouse.yaml.
type settings struct {
	// MaxListAge is the operator's limit for opt-out lists; no default is safe.
	MaxListAge time.Duration `yaml:"max_list_age"`
	// MemoryMB is what the process that serves may take before it collects garbage all
	// the time; 0 for what is usual.
	MemoryMB int `yaml:"memory_mb,omitempty"`
	// AllowMissing are sandbox layers that may be missing: for development only.
	AllowMissing []sandbox.Layer `yaml:"allow_missing,omitempty"`
	// Identity is where people sign in; without it there are tokens only.
	Identity signInSettings `yaml:"identity,omitempty"`
	// Notices is how people are told by e-mail and webhook; without it they look themselves.
	Notices notices.Settings `yaml:"notices,omitempty"`
	// Mesh is how the check service for national data opt-outs is reached.
	Mesh meshSettings `yaml:"mesh,omitempty"`
}

func settingsFile(dir string) string { return filepath.Join(dir, "gatehouse.yaml") }

func readSettings(dir string) (settings, error) {
	var s settings
	text, err := os.ReadFile(settingsFile(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return s, gatehouse.Errorf(gatehouse.CodeConfig, "There is no installation in %s.", dir).WithAdvice("Make one with 'gatehouse init', or correct --dir.")
	}
	if err != nil {
		return s, gatehouse.Errorf(gatehouse.CodeConfig, "The settings of the installation cannot be read.").Because(err)
	}
	if err := yaml.UnmarshalWithOptions(text, &s, yaml.Strict()); err != nil {
		return s, gatehouse.Errorf(gatehouse.CodeConfig, "The settings in %s cannot be read: %s", settingsFile(dir), yaml.FormatError(err, false, false))
	}
	if s.MaxListAge <= 0 {
		return s, gatehouse.Errorf(gatehouse.CodeConfig, "The greatest age of opt-out lists (max_list_age) is not set.").WithAdvice("Set it in gatehouse.yaml, for example 'max_list_age: 720h'.")
	}
	if _, err := s.memory(); err != nil {
		return s, err
	}
	return s, nil
}

// initialise makes the folders, keys and settings of an installation, and
// leaves what is there.
func initialise(dir string, s settings) error {
	for path, mode := range map[string]os.FileMode{"": 0o711, "state": 0o700, "keys": 0o700, "custodian": 0o700, "custodian/extracts": 0o700, "custodian/index": 0o700,
		"custodian/reports": 0o700, "custodian/work": 0o700, "custodian/populations": 0o700, "versions": 0o700, "workspaces": 0o711, "objects": 0o700, "journal": 0o755, "run": 0o700} {
		if err := os.MkdirAll(filepath.Join(dir, path), mode); err != nil {
			return gatehouse.Errorf(gatehouse.CodeStorage, "The folder of the installation cannot be made.").Because(err)
		}
	}
	if _, err := keys.Create(filepath.Join(dir, "keys")); err != nil {
		return err
	}
	if _, err := os.Stat(settingsFile(dir)); err == nil {
		return nil
	}
	text, err := yaml.MarshalWithOptions(s, yaml.CustomMarshaler(func(d time.Duration) ([]byte, error) {
		if d%time.Hour == 0 {
			return []byte(strings.TrimSuffix(d.String(), "0m0s")), nil // as a person would write it
		}
		return []byte(d.String()), nil
	}))
	if err != nil {
		return err
	}
	if err := os.WriteFile(settingsFile(dir), text, 0o600); err != nil {
		return gatehouse.Errorf(gatehouse.CodeStorage, "The settings cannot be written.").Because(err)
	}
	return nil
}

// installation is an open installation: everything but engines and listeners.
type installation struct {
	dir        string
	settings   settings
	keys       *keys.Keys
	state      *state.DB
	journal    *journal.Log
	policy     *policy.Policy
	catalogue  *catalog.Catalogue
	policies   *egress.Policies
	workspaces *workspaces.Service
	codelists  *codelist.Service
}

// openInstallation opens what initialise made.
func openInstallation(ctx context.Context, dir string) (*installation, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	in := &installation{dir: dir}
	if in.settings, err = readSettings(dir); err != nil {
		return nil, err
	}
	if in.keys, err = keys.Open(filepath.Join(dir, "keys")); err != nil {
		return nil, err
	}
	key, err := in.keys.Signer(keys.Journal)
	if err != nil {
		return nil, err
	}
	signer, err := journal.NewSigner(key)
	if err != nil {
		return nil, err
	}
	in.journal = journal.New(signer, filepath.Join(dir, "journal", "checkpoint"))
	if in.state, err = state.Open(ctx, filepath.Join(dir, "state", "gatehouse.db"), state.Options{Journal: in.journal}); err != nil {
		return nil, err
	}
	if err := errors.Join(in.checkJournal(ctx), in.services()); err != nil {
		return nil, errors.Join(err, in.close())
	}
	return in, nil
}

// checkJournal refuses to work on a state from which events were cut off.
func (in *installation) checkJournal(ctx context.Context) error {
	public, err := in.keys.Verifier(keys.Journal)
	if err != nil {
		return err
	}
	verifier, err := journal.NewVerifier(public)
	if err != nil {
		return err
	}
	return in.journal.Check(ctx, in.state.Reader(), verifier)
}

// services builds the domain services over the open stores.
func (in *installation) services() error {
	store := state.Workspaces(in.state)
	var err error
	if in.policy, err = policy.New(store); err != nil {
		return err
	}
	public, err := in.keys.Verifier(keys.Manifest)
	if err != nil {
		return err
	}
	if in.catalogue, err = catalog.Open(in.dir, public); err != nil {
		return err
	}
	in.codelists = &codelist.Service{Dir: in.dir, Store: state.Codelists{DB: in.state}, Authorizer: in.policy}
	in.policies = &egress.Policies{Store: state.Policies{DB: in.state}, Authorizer: in.policy}
	in.workspaces, err = workspaces.New(workspaces.Config{Store: store, Authorizer: in.policy, Catalogue: in.catalogue, Pseudonymiser: in.keys, Policies: in.policies, Codelists: in.codelists, Index: indexIn{in.dir}, Dir: in.dir,
		MaxListAge: in.settings.MaxListAge})
	if err != nil {
		return err
	}
	return in.admit(in.settings.Identity)
}

func (in *installation) close() error { return in.state.Close() }

// manifestSigner signs manifests with the key store's key.
type manifestSigner struct {
	id  string
	key crypto.Signer
}

func (in *installation) manifestSigner() (manifestSigner, ed25519.PublicKey, error) {
	key, err := in.keys.Signer(keys.Manifest)
	if err != nil {
		return manifestSigner{}, nil, err
	}
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		return manifestSigner{}, nil, gatehouse.Errorf(gatehouse.CodeKeys, "The manifest key is not an Ed25519 key.")
	}
	sum := sha256.Sum256(public)
	return manifestSigner{id: hex.EncodeToString(sum[:8]), key: key}, public, nil
}

func (s manifestSigner) KeyID() string { return s.id }

func (s manifestSigner) Sign(_ context.Context, message []byte) ([]byte, error) {
	return s.key.Sign(nil, message, crypto.Hash(0))
}

// publish makes the next version of a dataset.
func (in *installation) publish(ctx context.Context, who gatehouse.Principal, definition *catalog.Definition, extracts string, changes bool, progress func(catalog.Progress)) (catalog.Version, error) {
	signer, public, err := in.manifestSigner()
	if err != nil {
		return catalog.Version{}, err
	}
	engines, err := newEngines(in)
	if err != nil {
		return catalog.Version{}, err
	}
	defer engines.close()
	extracts, err = filepath.Abs(extracts)
	if err != nil {
		return catalog.Version{}, err
	}
	return catalog.Publish(ctx, catalog.PublishOptions{Dir: in.dir, Definition: definition, Extracts: extracts, Changes: changes, MaxListAge: in.settings.MaxListAge,
		Principal: who, Authorizer: in.policy, Start: engines.publish, Signer: signer, Public: public, Shifts: in.keys.DateShifts, Store: state.Catalogue{DB: in.state}, Progress: progress})
}

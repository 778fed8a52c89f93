package egress

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
)

// PolicyVersion is a version of a disclosure policy: the file that says it, and
// since when it is there.
type PolicyVersion struct {
	Name    string
	Version int    // 1, 2, …
	SHA256  string // of Content, hex
	Content []byte // the policy file, as it was given
	Added   time.Time
	AddedBy string // "" for built-in ones
}

// FullName is name@version.
func (v PolicyVersion) FullName() string { return v.Name + "@" + strconv.Itoa(v.Version) }

// readPolicies are policies by the hash of their files: a file is read for every
// question otherwise. There are as many as versions were ever used.
var readPolicies sync.Map

// Policy reads the version's file. One that is not what was added refuses.
func (v PolicyVersion) Policy() (disclosure.Policy, error) {
	damaged := func(cause error) (disclosure.Policy, error) {
		return disclosure.Policy{}, gatehouse.Errorf(gatehouse.CodeConfig, "The disclosure policy %s is not as it was added.", v.FullName()).
			Because(cause).WithAdvice("Restore the state database from a backup, or add the policy again.")
	}
	sum := sha256.Sum256(v.Content)
	if hex.EncodeToString(sum[:]) != v.SHA256 {
		return damaged(errors.New("its hash is another"))
	}
	known, ok := readPolicies.Load(v.SHA256)
	if !ok {
		p, err := disclosure.ParsePolicy(v.Content)
		if err != nil {
			return damaged(err)
		}
		known, _ = readPolicies.LoadOrStore(v.SHA256, p)
	}
	p := known.(disclosure.Policy)
	if p.Name != v.Name {
		return damaged(errors.New("its name is another"))
	}
	p.Version = v.Version
	return p, nil
}

// PolicyStore keeps the policies that custodians wrote.
type PolicyStore interface {
	// Update runs change in a transaction that no other can overlap, and commits
	// what it did and recorded, durably, or nothing. An error of change is
	// returned as it is.
	Update(ctx context.Context, change func(PolicyTx) error) error
	// View reads the last committed state.
	View(ctx context.Context, read func(PolicyTx) error) error
}

// PolicyTx is a transaction of a PolicyStore. Versions are only ever added.
type PolicyTx interface {
	Now() time.Time
	Record(e gatehouse.Event)
	// PolicyVersion gives a version of a policy, its newest for 0; CodeNotFound
	// where there is none.
	PolicyVersion(ctx context.Context, name string, version int) (PolicyVersion, error)
	// PolicyVersions gives all, by name and version.
	PolicyVersions(ctx context.Context) ([]PolicyVersion, error)
	// AddPolicyVersion is CodeConflict for a version that is there.
	AddPolicyVersion(ctx context.Context, v PolicyVersion) error
}

// Policies are the disclosure policies that projects can name: the built-in ones,
// and those that custodians added. A nil *Policies knows the built-in ones.
type Policies struct {
	Store      PolicyStore
	Authorizer Authorizer
}

// Version gives a policy by name@version, or the newest by its name.
// CodeConfig where there is none.
func (s *Policies) Version(ctx context.Context, full string) (PolicyVersion, error) {
	name, version, err := disclosure.SplitPolicyName(full)
	if err != nil {
		return PolicyVersion{}, err
	}
	if s == nil || disclosure.IsBuiltIn(name) {
		b, err := disclosure.BuiltInNamed(full)
		return builtInVersion(b), err
	}
	var v PolicyVersion
	err = s.Store.View(ctx, func(tx PolicyTx) (err error) {
		v, err = tx.PolicyVersion(ctx, name, version)
		return err
	})
	if gatehouse.CodeOf(err) == gatehouse.CodeNotFound {
		err = disclosure.UnknownPolicy(full)
	}
	return v, err
}

func builtInVersion(b disclosure.BuiltIn) PolicyVersion {
	return PolicyVersion{Name: b.Name, Version: b.Policy.Version, SHA256: b.Hash, Content: b.Content}
}

// Named gives the rules of a policy by name@version, or of the newest by its
// name. CodeConfig where there is none.
func (s *Policies) Named(ctx context.Context, full string) (disclosure.Policy, error) {
	v, err := s.Version(ctx, full)
	if err != nil {
		return disclosure.Policy{}, err
	}
	return v.Policy()
}

// PinPolicy gives the full name of a policy that there is: it lets projects hold
// on to the version under which they were approved.
func (s *Policies) PinPolicy(ctx context.Context, full string) (string, error) {
	p, err := s.Named(ctx, full)
	if err != nil {
		return "", err
	}
	return p.FullName(), nil
}

// List gives all versions of all policies, built-in ones first.
func (s *Policies) List(ctx context.Context) ([]PolicyVersion, error) {
	var all []PolicyVersion
	for _, b := range disclosure.BuiltInPolicies() {
		all = append(all, builtInVersion(b))
	}
	if s == nil {
		return all, nil
	}
	err := s.Store.View(ctx, func(tx PolicyTx) error {
		added, err := tx.PolicyVersions(ctx)
		all = append(all, added...)
		return err
	})
	return all, err
}

// Add makes a policy file the next version of the policy that it names. Whoever
// may add policies may; a file that is the newest version already is CodeConflict,
// and so is the name of a built-in policy. Projects stay with the version that
// they were approved under.
func (s *Policies) Add(ctx context.Context, actor gatehouse.Principal, content []byte) (PolicyVersion, error) {
	var v PolicyVersion
	policy, err := disclosure.ParsePolicy(content)
	if err != nil {
		return v, err
	}
	e := gatehouse.Event{Actor: actor.User, Action: "policy.added", Subject: policy.Name}
	err = s.Store.Update(ctx, func(tx PolicyTx) error {
		if err := s.Authorizer.Authorize(ctx, actor, gatehouse.ActionPolicyAdd, ""); err != nil {
			return err
		}
		if disclosure.IsBuiltIn(policy.Name) {
			return gatehouse.Errorf(gatehouse.CodeConflict, "The policy %q is part of Gatehouse and is not changed.", policy.Name).WithAdvice("Give your policy a name of its own.")
		}
		newest, err := tx.PolicyVersion(ctx, policy.Name, 0)
		switch {
		case gatehouse.CodeOf(err) == gatehouse.CodeNotFound:
		case err != nil:
			return err
		case newest.SHA256 == policy.Hash:
			return gatehouse.Errorf(gatehouse.CodeConflict, "This file is the policy %s already.", newest.FullName()).WithAdvice("Nothing was changed.")
		}
		v = PolicyVersion{Name: policy.Name, Version: newest.Version + 1, SHA256: policy.Hash, Content: content, Added: tx.Now(), AddedBy: actor.User}
		e.Subject, e.Detail = v.FullName(), map[string]string{"sha256": v.SHA256, "threshold": strconv.Itoa(policy.Threshold)}
		tx.Record(e)
		return tx.AddPolicyVersion(ctx, v)
	})
	if gatehouse.CodeOf(err) == gatehouse.CodeDenied {
		refused := gatehouse.Event{Actor: actor.User, Action: "policy.added.refused", Subject: policy.Name, Detail: map[string]string{"code": string(gatehouse.CodeDenied)}}
		recording := s.Store.Update(context.WithoutCancel(ctx), func(tx PolicyTx) error {
			tx.Record(refused)
			return nil
		})
		if recording != nil {
			return PolicyVersion{}, recording
		}
	}
	if err != nil {
		return PolicyVersion{}, err
	}
	return v, nil
}

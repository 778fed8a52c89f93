package catalog

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-tre/gatehouse"
)

// Rule says how long versions of a dataset are kept: the Keep newest, and all that
// are not older than Days. Without a rule, every version is kept for ever.
type Rule struct {
	Keep int
	Days int
}

// Hold keeps a version whatever the rule says.
type Hold struct {
	Number int
	Reason string
	Actor  string
	Since  time.Time
}

// RetentionTx is one transaction of a RetentionStore.
type RetentionTx interface {
	// Custodians gives the custodians of a dataset.
	Custodians(ctx context.Context, dataset string) ([]string, error)
	// Rule gives the rule of a dataset, nil for none; SetRule sets it.
	Rule(ctx context.Context, dataset string) (*Rule, error)
	SetRule(ctx context.Context, actor, dataset string, r Rule) error
	// Holds gives the holds of a dataset by number; Hold adds one, Lift ends it.
	Holds(ctx context.Context, dataset string) ([]Hold, error)
	Hold(ctx context.Context, actor, dataset string, number int, reason string) error
	Lift(ctx context.Context, dataset string, number int) error
	// Recalls gives the recalled versions of a dataset by number; Recall adds one,
	// Reinstate ends it.
	Recalls(ctx context.Context, dataset string) ([]Recall, error)
	Recall(ctx context.Context, actor, dataset string, number int, reason string) error
	Reinstate(ctx context.Context, dataset string, number int) error
	// Users names the projects that live and use a version: by its number, as the
	// version that their population was made of, or by numbers that were released from
	// it, to them or to projects whose people they share, also if those have ended,
	// which the gate compares with later ones. The catalogue's projects are among them.
	Users(ctx context.Context, dataset string, number int) ([]string, error)
	// Deleted keeps the record of a deletion; Deletions gives all of a dataset.
	Deleted(ctx context.Context, d Deletion, s SignedDeletion) error
	Deletions(ctx context.Context, dataset string) ([]SignedDeletion, error)
	// Record adds an event, committed with the transaction.
	Record(e gatehouse.Event)
}

// RetentionStore keeps rules, holds and records of deletions.
type RetentionStore interface {
	// Retain runs change in one transaction; an error undoes all of it.
	Retain(ctx context.Context, change func(RetentionTx) error) error
}

// Retention deletes versions that need not be kept. Whoever does it is a custodian
// of the dataset; both is checked in the transaction that acts.
type Retention struct {
	Dir        string
	Public     ed25519.PublicKey
	Signer     Signer
	Authorizer Authorizer
	Store      RetentionStore
	Now        func() time.Time
}

// Fate says what becomes of a version under the rule.
type Fate struct {
	Version Version
	Delete  bool
	Why     string // in a sentence
}

func (r Retention) act(ctx context.Context, who gatehouse.Principal, dataset string, do func(RetentionTx) error) error {
	if !gatehouse.ValidName(dataset) {
		return gatehouse.Errorf(gatehouse.CodeNotFound, "There is no such dataset.")
	}
	if err := r.Authorizer.Authorize(ctx, who, gatehouse.ActionDatasetPublish, gatehouse.Everywhere); err != nil {
		return err
	}
	return r.Store.Retain(ctx, func(tx RetentionTx) error {
		named, err := tx.Custodians(ctx, dataset)
		if err != nil {
			return err
		}
		if !slices.Contains(named, who.User) {
			return gatehouse.Errorf(gatehouse.CodeDenied, "Only a custodian of %s may do this.", dataset)
		}
		return do(tx)
	})
}

// maxReason bounds the text of a reason, which stands in records for ever.
const maxReason = 500

func checkReason(reason string) error {
	if n := len(strings.TrimSpace(reason)); n == 0 || n > maxReason {
		return gatehouse.Errorf(gatehouse.CodeRetention, "A reason is needed, of at most %d characters.", maxReason)
	}
	return nil
}

// SetRule sets how long versions of a dataset are kept. It deletes nothing.
func (r Retention) SetRule(ctx context.Context, who gatehouse.Principal, dataset string, rule Rule) error {
	if rule.Keep < 1 || rule.Days < 0 {
		return gatehouse.Errorf(gatehouse.CodeRetention, "A rule keeps at least one version, and a number of days that is not negative.")
	}
	return r.act(ctx, who, dataset, func(tx RetentionTx) error {
		tx.Record(gatehouse.Event{Actor: who.User, Action: "retention.set", Subject: dataset,
			Detail: map[string]string{"keep": fmt.Sprint(rule.Keep), "days": fmt.Sprint(rule.Days)}})
		return tx.SetRule(ctx, who.User, dataset, rule)
	})
}

// Hold keeps a version until the hold is lifted.
func (r Retention) Hold(ctx context.Context, who gatehouse.Principal, dataset string, number int, reason string) error {
	if err := checkReason(reason); err != nil {
		return err
	}
	return r.act(ctx, who, dataset, func(tx RetentionTx) error {
		v, err := r.version(dataset, number)
		if err != nil {
			return err
		}
		tx.Record(gatehouse.Event{Actor: who.User, Action: "version.held", Subject: v.Name(), Detail: map[string]string{"reason": reason}})
		return tx.Hold(ctx, who.User, dataset, number, reason)
	})
}

// Lift ends a hold.
func (r Retention) Lift(ctx context.Context, who gatehouse.Principal, dataset string, number int) error {
	return r.act(ctx, who, dataset, func(tx RetentionTx) error {
		tx.Record(gatehouse.Event{Actor: who.User, Action: "version.hold-lifted", Subject: fmt.Sprintf("%s@%d", dataset, number)})
		return tx.Lift(ctx, dataset, number)
	})
}

func (r Retention) version(dataset string, number int) (Version, error) {
	return readManifest(installation(r.Dir).version(dataset, number), dataset, number, r.Public)
}

// Fates says of each version that stands whether the rule lets it go, and why not.
func (r Retention) Fates(ctx context.Context, who gatehouse.Principal, dataset string) (rule *Rule, fates []Fate, err error) {
	err = r.act(ctx, who, dataset, func(tx RetentionTx) error {
		if rule, err = tx.Rule(ctx, dataset); err != nil {
			return err
		}
		fates, err = r.fates(ctx, tx, dataset, rule)
		return err
	})
	return rule, fates, err
}

func (r Retention) fates(ctx context.Context, tx RetentionTx, dataset string, rule *Rule) ([]Fate, error) {
	numbers, err := installation(r.Dir).numbers(dataset)
	if err != nil {
		return nil, err
	}
	slices.Sort(numbers)
	var out []Fate
	for i, n := range numbers {
		v, err := r.version(dataset, n)
		if err != nil {
			return nil, err
		}
		f := Fate{Version: v}
		bound, err := r.bound(ctx, tx, v, i == len(numbers)-1)
		age := int(r.Now().Sub(v.Published) / (24 * time.Hour))
		switch {
		case err != nil:
			return nil, err
		case bound != "":
			f.Why = bound
		case rule == nil:
			f.Why = "There is no rule: every version is kept."
		case len(numbers)-i <= rule.Keep:
			f.Why = fmt.Sprintf("It is one of the %d newest.", rule.Keep)
		case age < rule.Days:
			f.Why = fmt.Sprintf("It is %d days old; the rule keeps %d.", age, rule.Days)
		default:
			f.Delete, f.Why = true, fmt.Sprintf("The rule keeps the %d newest and %d days.", rule.Keep, rule.Days)
		}
		out = append(out, f)
	}
	return out, nil
}

// bound says what keeps a version, whatever the rule; "" for nothing.
func (r Retention) bound(ctx context.Context, tx RetentionTx, v Version, newest bool) (string, error) {
	if newest {
		return "It is the newest version.", nil
	}
	holds, err := tx.Holds(ctx, v.Dataset)
	if err != nil {
		return "", err
	}
	for _, h := range holds {
		if h.Number == v.Number {
			return fmt.Sprintf("It is held by %s: %s", h.Actor, h.Reason), nil
		}
	}
	users, err := tx.Users(ctx, v.Dataset, v.Number)
	if err != nil || len(users) == 0 {
		return "", err
	}
	return "Projects use it: " + strings.Join(users, ", ") + ".", nil
}

// Delete deletes a version, and proves it: the record is signed, kept with its
// event in one transaction, and written beside the versions; then the files go.
// Bytes that other versions share stay until the last of these is deleted: the
// record says which. The newest version, one that is held and one that a live
// project uses are CodeVersionInUse.
//
// After a crash FinishAll ends what was recorded.
func (r Retention) Delete(ctx context.Context, who gatehouse.Principal, dataset string, number int, reason string) (Deletion, error) {
	if err := checkReason(reason); err != nil {
		return Deletion{}, err
	}
	dir, err := filepath.Abs(r.Dir)
	if err != nil {
		return Deletion{}, storageFailure(err)
	}
	root := installation(dir)
	if err := root.make(dataset); err != nil {
		return Deletion{}, err
	}
	unlock, err := root.lock() // no publication may begin to share the version's files
	if err != nil {
		return Deletion{}, err
	}
	defer unlock()
	var d Deletion
	var signed SignedDeletion
	err = r.act(ctx, who, dataset, func(tx RetentionTx) error {
		v, err := r.version(dataset, number)
		if err != nil {
			return err
		}
		numbers, err := root.numbers(dataset)
		if err != nil {
			return err
		}
		bound, err := r.bound(ctx, tx, v, number == slices.Max(numbers))
		if err != nil {
			return err
		}
		if bound != "" {
			return gatehouse.Errorf(gatehouse.CodeVersionInUse, "%s cannot be deleted. %s", v.Name(), bound)
		}
		if d, err = r.describe(root, v, numbers); err != nil {
			return err
		}
		d.By, d.Reason, d.Deleted = who.User, reason, r.Now().UTC().Truncate(time.Second)
		if signed, err = signDeletion(ctx, d, r.Signer); err != nil {
			return err
		}
		tx.Record(gatehouse.Event{Actor: who.User, Action: "version.deleted", Subject: v.Name(),
			Detail: map[string]string{"reason": reason, "manifest": d.Manifest, "files": fmt.Sprint(len(d.Files))}})
		return tx.Deleted(ctx, d, signed)
	})
	if err != nil {
		return Deletion{}, err
	}
	return d, root.remove(d, signed)
}

// describe says what a deletion takes away.
func (r Retention) describe(root installation, v Version, numbers []int) (Deletion, error) {
	link, err := linkTo(v)
	if err != nil {
		return Deletion{}, err
	}
	d := Deletion{Dataset: v.Dataset, Number: v.Number, Manifest: link.Manifest, Before: v.Before, Units: v.Units}
	holders := map[string][]string{} // versions by the hash of a file of theirs
	for _, n := range numbers {
		if n == v.Number {
			continue
		}
		other, err := readManifest(root.version(v.Dataset, n), v.Dataset, n, r.Public)
		if err != nil {
			return Deletion{}, err
		}
		for _, f := range other.Files() {
			if f.Masked {
				holders[f.SHA256] = append(holders[f.SHA256], other.Name())
			}
		}
		for _, f := range v.Files() {
			if f.Masked && slices.ContainsFunc(other.Files(), func(o File) bool { return o.SHA256 == f.SHA256 && !o.Masked }) {
				holders[f.SHA256] = append(holders[f.SHA256], other.Name())
			}
		}
	}
	for _, f := range v.Files() {
		d.Files = append(d.Files, DeletedFile{Path: f.Path, SHA256: f.SHA256, Bytes: f.Bytes, SharedWith: holders[f.SHA256]})
	}
	return d, nil
}

func signDeletion(ctx context.Context, d Deletion, signer Signer) (SignedDeletion, error) {
	b, err := json.Marshal(d)
	if err != nil {
		return SignedDeletion{}, err
	}
	signature, err := signer.Sign(ctx, append([]byte(deletionPrefix), b...))
	if err != nil {
		return SignedDeletion{}, gatehouse.Errorf(gatehouse.CodeKeys, "The deletion record cannot be signed.").Because(err)
	}
	return SignedDeletion{Record: string(b), Signature: base64.StdEncoding.EncodeToString(signature)}, nil
}

// FinishAll ends deletions that were recorded and not carried out, after a crash.
// A server does it when it starts.
func (r Retention) FinishAll(ctx context.Context) error {
	datasets, err := os.ReadDir(filepath.Join(r.Dir, "versions"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return storageFailure(err)
	}
	for _, d := range datasets {
		if !gatehouse.ValidName(d.Name()) {
			continue
		}
		if err := r.finish(ctx, d.Name()); err != nil {
			return err
		}
	}
	return nil
}

func (r Retention) finish(ctx context.Context, dataset string) error {
	root := installation(r.Dir)
	var all []SignedDeletion
	if err := r.Store.Retain(ctx, func(tx RetentionTx) (err error) {
		all, err = tx.Deletions(ctx, dataset)
		return err
	}); err != nil || len(all) == 0 {
		return err
	}
	if err := root.make(dataset); err != nil {
		return err
	}
	for _, s := range all {
		d, err := s.Verify(r.Public)
		if err != nil {
			return err
		}
		if err := root.remove(d, s); err != nil {
			return err
		}
	}
	return nil
}

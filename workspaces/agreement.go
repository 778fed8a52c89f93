package workspaces

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gatehouse-tre/gatehouse"
)

// Agreement is what each member of a project signs before working in it. A text
// is never changed: another text is another version. What was signed holds until
// it lapses; whoever signs afterwards signs the newest.
type Agreement struct {
	Version int       `json:"version"`
	Text    string    `json:"text"`
	SHA256  string    `json:"sha256"` // of the text
	Days    int       `json:"days"`   // for which a signature holds
	Added   time.Time `json:"added"`
}

// Signature is that a member of a project signed an agreement.
type Signature struct {
	Project string    `json:"project"`
	User    string    `json:"user"`
	Version int       `json:"version"`
	SHA256  string    `json:"sha256"`
	Signed  time.Time `json:"signed"`
	Until   time.Time `json:"until"`
}

// shippedAgreement is version 1, which an installation has from the beginning.
//
//go:embed agreement.txt
var shippedAgreement string

const shippedDays = 365

// firstAgreement is the text that comes with Gatehouse.
func firstAgreement() Agreement {
	return Agreement{Version: 1, Text: shippedAgreement, SHA256: textSum(shippedAgreement), Days: shippedDays}
}

func textSum(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// maxAgreement bounds an agreement's text, in bytes.
const maxAgreement = 200_000

// SetAgreement makes text the newest version of the agreement, which is what
// members sign from now on; a signature of it holds for days. Only System may.
func (s *Service) SetAgreement(ctx context.Context, actor gatehouse.Principal, text string, days int) (Agreement, error) {
	a := Agreement{Text: text, SHA256: textSum(text), Days: days}
	e := gatehouse.Event{Action: "agreement.added", Detail: map[string]string{"sha256": a.SHA256, "days": strconv.Itoa(days)}}
	err := s.actAsSystem(ctx, actor, e, func(tx Tx) error {
		switch {
		case strings.TrimSpace(text) == "", len(text) > maxAgreement, !utf8.ValidString(text):
			return gatehouse.Errorf(gatehouse.CodeConfig, "The agreement is empty, longer than %d bytes, or not UTF-8 text.", maxAgreement)
		case days < 1 || days > 3650:
			return gatehouse.Errorf(gatehouse.CodeConfig, "A signature holds for 1 to 3650 days.")
		}
		newest, err := newestAgreement(ctx, tx)
		if err != nil {
			return err
		}
		a.Version, a.Added = newest.Version+1, tx.Now()
		e.Detail["version"] = strconv.Itoa(a.Version)
		return tx.AddAgreement(ctx, a)
	})
	return a, err
}

func newestAgreement(ctx context.Context, tx Tx) (Agreement, error) {
	a, err := tx.Agreement(ctx)
	if gatehouse.CodeOf(err) == gatehouse.CodeNotFound {
		return firstAgreement(), nil
	}
	return a, err
}

// Agreement gives the newest version, to anybody: it is no secret.
func (s *Service) Agreement(ctx context.Context) (Agreement, error) {
	var a Agreement
	err := s.Store.View(ctx, func(tx Tx) (err error) {
		a, err = newestAgreement(ctx, tx)
		return err
	})
	return a, err
}

// SignAgreement signs the agreement for actor, a member of the project. version
// is the one that was read; if there is a newer one it is CodeEdited. Signing
// again renews the signature. The last signature that is missing makes an
// approved project active.
func (s *Service) SignAgreement(ctx context.Context, actor gatehouse.Principal, project string, version int) (Project, error) {
	e := gatehouse.Event{Action: "agreement.signed", Detail: map[string]string{}}
	return s.step(ctx, actor, project, gatehouse.ActionProjectSign, e, StepSign, func(tx Tx, p *Project) error {
		a, err := newestAgreement(ctx, tx)
		if err != nil {
			return err
		}
		if version != a.Version {
			return gatehouse.Errorf(gatehouse.CodeEdited, "The agreement's newest version is %d.", a.Version).WithAdvice("Read that one, then sign it.")
		}
		m := &p.Members[slices.IndexFunc(p.Members, func(m Member) bool { return m.User == actor.User })]
		m.Agreement, m.AgreementUntil = a.Version, tx.Now().AddDate(0, 0, a.Days)
		e.Detail["version"], e.Detail["sha256"], e.Detail["until"] = strconv.Itoa(a.Version), a.SHA256, m.AgreementUntil.Format(time.RFC3339)
		err = tx.AddSignature(ctx, Signature{Project: p.ID, User: m.User, Version: a.Version, SHA256: a.SHA256, Signed: tx.Now(), Until: m.AgreementUntil})
		if err != nil {
			return err
		}
		return p.activate(tx)
	})
}

// unsigned gives the members whose signature is missing or has lapsed at now.
func (p Project) unsigned(now time.Time) []string {
	var users []string
	for _, m := range p.Members {
		if !now.Before(m.AgreementUntil) {
			users = append(users, m.User)
		}
	}
	return users
}

// activate makes an approved project active if every member has signed.
func (p *Project) activate(tx Tx) error {
	if p.State != ProjectApproved || len(p.unsigned(tx.Now())) > 0 {
		return nil
	}
	if err := p.take(StepActivate); err != nil {
		return err
	}
	tx.Record(gatehouse.Event{Actor: System.User, Action: "project.activated", Project: p.ID, Subject: p.ID})
	for _, m := range p.Members {
		tx.Notify(gatehouse.Notice{Kind: "project.activated", To: m.User, Project: p.ID, Subject: p.ID})
	}
	return nil
}

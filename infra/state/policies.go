package state

import (
	"context"
	"database/sql"
	"errors"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
)

// Policies keeps disclosure policies; it is an egress.PolicyStore.
type Policies struct{ DB *DB }

var _ egress.PolicyStore = Policies{}

// Update implements egress.PolicyStore.
func (s Policies) Update(ctx context.Context, change func(egress.PolicyTx) error) error {
	return s.DB.Update(ctx, func(tx *Tx) error { return change(policyTx{tx}) })
}

// View implements egress.PolicyStore.
func (s Policies) View(ctx context.Context, read func(egress.PolicyTx) error) error {
	return s.DB.View(ctx, func(tx *Tx) error { return read(policyTx{tx}) })
}

// policyTx implements egress.PolicyTx.
type policyTx struct{ *Tx }

const policyColumns = `name, version, sha256, content, added, added_by`

func scanPolicy(scan func(...any) error) (egress.PolicyVersion, error) {
	var v egress.PolicyVersion
	var added string
	if err := scan(&v.Name, &v.Version, &v.SHA256, &v.Content, &added, &v.AddedBy); err != nil {
		return v, err
	}
	var err error
	v.Added, err = parseTime(added)
	return v, err
}

func (tx policyTx) PolicyVersion(ctx context.Context, name string, version int) (egress.PolicyVersion, error) {
	v, err := scanPolicy(tx.sql.QueryRowContext(ctx, `SELECT `+policyColumns+` FROM policies WHERE name = $1 AND (version = $2 OR $2 = 0)
		ORDER BY version DESC LIMIT 1`, name, version).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return v, absent("policy", name)
	}
	return v, err
}

func (tx policyTx) PolicyVersions(ctx context.Context) ([]egress.PolicyVersion, error) {
	var all []egress.PolicyVersion
	err := tx.each(ctx, func(scan func(...any) error) error {
		v, err := scanPolicy(scan)
		all = append(all, v)
		return err
	}, `SELECT `+policyColumns+` FROM policies ORDER BY name, version`)
	return all, err
}

func (tx policyTx) AddPolicyVersion(ctx context.Context, v egress.PolicyVersion) error {
	added, err := tx.affects(ctx, `INSERT INTO policies (`+policyColumns+`) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
		v.Name, v.Version, v.SHA256, string(v.Content), timeText(v.Added), v.AddedBy)
	if err == nil && !added {
		return gatehouse.Errorf(gatehouse.CodeConflict, "There is a policy %q already.", v.FullName())
	}
	return err
}

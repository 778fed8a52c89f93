package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog/codelist"
)

// Codelists keeps codelists; it is a codelist.Store.
type Codelists struct{ DB *DB }

var _ codelist.Store = Codelists{}

// ViewCodelists implements codelist.Store.
func (s Codelists) ViewCodelists(ctx context.Context, do func(codelist.Tx) error) error {
	return s.DB.View(ctx, func(tx *Tx) error { return do(codelistTx{tx}) })
}

// UpdateCodelists implements codelist.Store.
func (s Codelists) UpdateCodelists(ctx context.Context, do func(codelist.Tx) error) error {
	return s.DB.Update(ctx, func(tx *Tx) error { return do(codelistTx{tx}) })
}

type codelistTx struct{ *Tx }

const codelistColumns = `name, version, table_name, title, system, reference, codes, sha256, bytes, stored, actor, added`

func scanCodelist(scan func(...any) error) (codelist.Codelist, error) {
	var c codelist.Codelist
	var added string
	err := scan(&c.Name, &c.Version, &c.Table, &c.Title, &c.System, &c.Reference, &c.Codes, &c.SHA256, &c.Bytes, &c.Stored, &c.AddedBy, &added)
	if err != nil {
		return c, err
	}
	c.Table = codelist.Schema + "." + c.Table
	c.Added, err = parseTime(added)
	return c, err
}

func (tx codelistTx) Codelists(ctx context.Context) (out []codelist.Codelist, err error) {
	err = tx.each(ctx, func(scan func(...any) error) error {
		c, err := scanCodelist(scan)
		out = append(out, c)
		return err
	}, `SELECT `+codelistColumns+` FROM codelists ORDER BY name, added, version`)
	return out, err
}

func (tx codelistTx) Codelist(ctx context.Context, name, version string) (codelist.Codelist, error) {
	c, err := scanCodelist(tx.SQL().QueryRowContext(ctx, `SELECT `+codelistColumns+` FROM codelists WHERE name = $1 AND version = $2`, name, version).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return c, gatehouse.Errorf(gatehouse.CodeNotFound, "There is no such codelist.")
	}
	return c, err
}

func (tx codelistTx) AddCodelist(ctx context.Context, c codelist.Codelist, terms []codelist.Term) error {
	table := bareTable(c.Table)
	_, err := tx.SQL().ExecContext(ctx, `INSERT INTO codelists (`+codelistColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		c.Name, c.Version, table, c.Title, string(c.System), c.Reference, c.Codes, c.SHA256, c.Bytes, c.Stored, c.AddedBy, timeText(c.Added))
	if err != nil {
		return err
	}
	insert, err := tx.SQL().PrepareContext(ctx, `INSERT INTO codelist_terms (table_name, position, code, term, category, folded) VALUES ($1, $2, $3, $4, $5, $6)`)
	if err != nil {
		return err
	}
	defer insert.Close()
	for i, t := range terms {
		if _, err := insert.ExecContext(ctx, table, i, t.Code, t.Term, t.Category, strings.ToLower(t.Code+" "+t.Term+" "+t.Category)); err != nil {
			return err
		}
	}
	return nil
}

func bareTable(name string) string { return strings.TrimPrefix(name, codelist.Schema+".") }

func (tx codelistTx) Terms(ctx context.Context, table string) (out []codelist.Term, err error) {
	err = tx.each(ctx, func(scan func(...any) error) error {
		var t codelist.Term
		err := scan(&t.Code, &t.Term, &t.Category)
		out = append(out, t)
		return err
	}, `SELECT code, term, category FROM codelist_terms WHERE table_name = $1 ORDER BY position`, bareTable(table))
	return out, err
}

func (tx codelistTx) SearchTerms(ctx context.Context, words []string, most int) (out []codelist.Found, err error) {
	where := ""
	args := []any{most}
	for _, w := range words {
		args = append(args, w)
		where += fmt.Sprintf(" AND instr(t.folded, $%d) > 0", len(args))
	}
	err = tx.each(ctx, func(scan func(...any) error) error {
		var f codelist.Found
		err := scan(&f.Name, &f.Version, &f.System, &f.Code, &f.Term.Term, &f.Category)
		out = append(out, f)
		return err
	}, `SELECT c.name, c.version, c.system, t.code, t.term, t.category FROM codelists c JOIN codelist_terms t ON t.table_name = c.table_name
		WHERE NOT EXISTS (SELECT 1 FROM codelists o WHERE o.name = c.name AND (o.added > c.added OR (o.added = c.added AND o.version > c.version)))`+where+`
		ORDER BY c.name, t.position LIMIT $1`, args...)
	return out, err
}

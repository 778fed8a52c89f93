package state

import (
	"context"
	"database/sql"
	"errors"

	"github.com/gatehouse-tre/gatehouse/workspaces"
)

func (tx workspacesTx) AddDocument(ctx context.Context, d workspaces.Document, content []byte) error {
	_, err := tx.sql.ExecContext(ctx, `INSERT INTO project_documents (id, project, kind, user_name, name, sha256, bytes, added_by, added, content) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		d.ID, d.Project, string(d.Kind), d.User, d.Name, d.SHA256, d.Bytes, d.AddedBy, timeText(d.Added), content)
	return err
}

func (tx workspacesTx) Documents(ctx context.Context, project string) ([]workspaces.Document, error) {
	var all []workspaces.Document
	err := tx.each(ctx, func(scan func(...any) error) error {
		var d workspaces.Document
		var added string
		err := scan(&d.ID, &d.Project, &d.Kind, &d.User, &d.Name, &d.SHA256, &d.Bytes, &d.AddedBy, &added)
		if err == nil {
			d.Added, err = parseTime(added)
		}
		all = append(all, d)
		return err
	}, `SELECT id, project, kind, user_name, name, sha256, bytes, added_by, added FROM project_documents WHERE project = $1 ORDER BY added DESC, id`, project)
	return all, err
}

func (tx workspacesTx) DocumentContent(ctx context.Context, id string) ([]byte, error) {
	var content []byte
	err := tx.sql.QueryRowContext(ctx, `SELECT content FROM project_documents WHERE id = $1`, id).Scan(&content)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, absent("document", id)
	}
	return content, err
}

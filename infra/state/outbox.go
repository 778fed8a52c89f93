package state

import (
	"context"
	"regexp"

	"github.com/gatehouse-tre/gatehouse"
)

// Notify adds a notice to the outbox, to be committed with the transaction and
// sent afterwards. What is not an id is left out of it: a notice leaves the
// house, so it carries no text that anybody wrote.
func (tx *Tx) Notify(n gatehouse.Notice) { tx.notices = append(tx.notices, n) }

// Ids have neither spaces nor dots nor capitals, so titles and names of files
// are none.
var noticeSubject = regexp.MustCompile(`^[a-z][a-z0-9_@-]{0,127}$`)
var noticeKind = regexp.MustCompile(`^[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)*$`)

// post writes the notices of a transaction.
func (tx *Tx) post(ctx context.Context) error {
	for _, n := range tx.notices {
		if !gatehouse.ValidName(n.Project) {
			n.Project = ""
		}
		if !noticeSubject.MatchString(n.Subject) {
			n.Subject = ""
		}
		if !noticeKind.MatchString(n.Kind) {
			n.Kind = "notice"
		}
		_, err := tx.sql.ExecContext(ctx, `INSERT INTO notices (id, kind, user_name, project, subject, due, created) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			gatehouse.NewID("ntc"), n.Kind, n.To, n.Project, n.Subject, optional(n.Due), timeText(tx.now))
		if err != nil {
			return err
		}
	}
	return nil
}

// Holders gives the users who hold a role of the house, by name.
func (tx *Tx) Holders(ctx context.Context, role gatehouse.Role) ([]string, error) {
	var users []string
	err := tx.each(ctx, func(scan func(...any) error) error {
		var user string
		err := scan(&user)
		users = append(users, user)
		return err
	}, `SELECT user_name FROM house_roles WHERE role = $1 ORDER BY user_name`, string(role))
	return users, err
}

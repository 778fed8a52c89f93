package state

import "context"

// Users gives the names of all users, in order.
func (tx workspacesTx) Users(ctx context.Context) ([]string, error) {
	var names []string
	err := tx.each(ctx, func(scan func(...any) error) error {
		var name string
		err := scan(&name)
		names = append(names, name)
		return err
	}, `SELECT name FROM users ORDER BY name`)
	return names, err
}

// Custodies gives the datasets that each user is custodian of.
func (tx workspacesTx) Custodies(ctx context.Context) (map[string][]string, error) {
	datasets := map[string][]string{}
	err := tx.each(ctx, func(scan func(...any) error) error {
		var user, dataset string
		err := scan(&user, &dataset)
		datasets[user] = append(datasets[user], dataset)
		return err
	}, `SELECT user_name, dataset FROM custodians ORDER BY user_name, dataset`)
	return datasets, err
}

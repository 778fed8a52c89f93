package workspaces

import (
	"context"
	"slices"

	"github.com/gatehouse-tre/gatehouse"
)

// HouseRoles are the roles held for the whole house.
var HouseRoles = []gatehouse.Role{gatehouse.RoleCustodian, gatehouse.RoleChecker, gatehouse.RoleOperator, gatehouse.RoleAuditor}

// incompatible names the house roles that nobody may hold beside the given one.
// Who runs the machines must not see data or approve; who audits changes nothing.
var incompatible = map[gatehouse.Role][]gatehouse.Role{
	gatehouse.RoleOperator:  {gatehouse.RoleCustodian, gatehouse.RoleChecker, gatehouse.RoleAuditor},
	gatehouse.RoleAuditor:   {gatehouse.RoleCustodian, gatehouse.RoleChecker, gatehouse.RoleOperator},
	gatehouse.RoleCustodian: {gatehouse.RoleOperator, gatehouse.RoleAuditor},
	gatehouse.RoleChecker:   {gatehouse.RoleOperator, gatehouse.RoleAuditor},
}

// AddUser makes a user known, without any role. Operators may, and System.
func (s *Service) AddUser(ctx context.Context, actor gatehouse.Principal, name string) error {
	return s.inHouse(ctx, actor, gatehouse.ActionUserAdd, gatehouse.Event{Action: "user.added", Subject: name}, func(tx Tx) error {
		if !gatehouse.ValidName(name) || name == System.User {
			return gatehouse.Errorf(gatehouse.CodeConfig, "%q cannot be a user name.", name).
				WithAdvice("Use lower-case letters, digits, '-' and '_', beginning with a letter.")
		}
		return tx.AddUser(ctx, name)
	})
}

// GrantRole gives a user a house role. Only System may; everybody else asks, with
// AskRole, and another confirms. Roles that must not meet in one person are
// CodeSeparation.
func (s *Service) GrantRole(ctx context.Context, actor gatehouse.Principal, user string, role gatehouse.Role) error {
	e := gatehouse.Event{Action: "role.granted", Subject: user, Detail: map[string]string{"role": string(role)}}
	return s.actAsSystem(ctx, actor, e, func(tx Tx) error { return grantRole(ctx, tx, actor, user, role) })
}

// grantRole gives a role that a user may hold.
func grantRole(ctx context.Context, tx Tx, actor gatehouse.Principal, user string, role gatehouse.Role) error {
	held, err := grantable(ctx, tx, user, role)
	if err != nil {
		return err
	}
	if role == gatehouse.RoleCustodian && !slices.Contains(held, role) {
		// Who was custodian before is named for datasets anew.
		if err := dropCustody(ctx, tx, actor, user); err != nil {
			return err
		}
	}
	return tx.GrantRole(ctx, user, role)
}

// grantable gives the house roles of a user, or why they cannot hold one more.
func grantable(ctx context.Context, tx Tx, user string, role gatehouse.Role) ([]gatehouse.Role, error) {
	if !slices.Contains(HouseRoles, role) {
		return nil, gatehouse.Errorf(gatehouse.CodeConfig, "%q is not a role of the house; those are %v.", role, HouseRoles)
	}
	if err := requireUser(ctx, tx, user); err != nil {
		return nil, err
	}
	held, err := tx.HouseRoles(ctx, user)
	if err != nil {
		return nil, err
	}
	for _, other := range held {
		if slices.Contains(incompatible[role], other) {
			return nil, separation("%s is %s, and nobody is both %s and %s.", user, other, other, role)
		}
	}
	if role != gatehouse.RoleOperator && role != gatehouse.RoleAuditor {
		return held, nil
	}
	projects, err := tx.Projects(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range projects {
		if _, member := p.member(user); member {
			return nil, separation("%s is a member of project %q, which no %s may be.", user, p.ID, role)
		}
		if p.CreatedBy == user && p.State != ProjectArchived {
			return nil, separation("%s drafted the project %q, which no %s may have under way.", user, p.ID, role)
		}
	}
	return held, nil
}

// RevokeRole takes a house role from a user, at once; who is custodian no more is
// named for no dataset any more. Operators may, who can put people out and not let
// them in, and System.
func (s *Service) RevokeRole(ctx context.Context, actor gatehouse.Principal, user string, role gatehouse.Role) error {
	e := gatehouse.Event{Action: "role.revoked", Subject: user, Detail: map[string]string{"role": string(role)}}
	return s.inHouse(ctx, actor, gatehouse.ActionRoleRevoke, e, func(tx Tx) error {
		if err := requireUser(ctx, tx, user); err != nil {
			return err
		}
		if role == gatehouse.RoleCustodian {
			if err := dropCustody(ctx, tx, actor, user); err != nil {
				return err
			}
		}
		return tx.RevokeRole(ctx, user, role)
	})
}

// dropCustody takes a user's name from every dataset.
func dropCustody(ctx context.Context, tx Tx, actor gatehouse.Principal, user string) error {
	datasets, err := tx.CustodianOf(ctx, user)
	if err != nil {
		return err
	}
	for _, d := range datasets {
		tx.Record(gatehouse.Event{Actor: actor.User, Action: "custodian.removed", Subject: d, Detail: map[string]string{"user": user}})
		if err := tx.RemoveCustodian(ctx, d, user); err != nil {
			return err
		}
	}
	return nil
}

func requireUser(ctx context.Context, tx Tx, name string) error {
	known, err := tx.HasUser(ctx, name)
	if err == nil && !known {
		err = gatehouse.Errorf(gatehouse.CodeNotFound, "There is no user %q.", name)
	}
	return err
}

func separation(format string, args ...any) error {
	return gatehouse.Errorf(gatehouse.CodeSeparation, format, args...).
		WithAdvice("Somebody else must do this: duties are kept apart on purpose.")
}

// requireResearchers checks that members are users who may do research: neither
// operators nor auditors.
func requireResearchers(ctx context.Context, tx Tx, members []Member) error {
	for _, m := range members {
		known, err := tx.HasUser(ctx, m.User)
		if err != nil {
			return err
		}
		if !known {
			return invalid("The member %q is not a user of this house.", m.User)
		}
		roles, err := tx.HouseRoles(ctx, m.User)
		if err != nil {
			return err
		}
		for _, r := range roles {
			if r == gatehouse.RoleOperator || r == gatehouse.RoleAuditor {
				return separation("%s is %s of the house and cannot be a member of a project.", m.User, r)
			}
		}
	}
	return nil
}

// Package policy decides which role may do which action in which project, by
// the rules in rules.csv under the model in model.conf (casbin).
package policy

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"sync"

	"github.com/casbin/casbin/v2"
	"github.com/casbin/casbin/v2/model"
	stringadapter "github.com/casbin/casbin/v2/persist/string-adapter"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

//go:embed model.conf
var modelText string

//go:embed rules.csv
var rulesText string

// Roles tells who holds which role, as committed in the state of the house.
type Roles interface {
	// Assignments gives every role that a user holds, and where.
	Assignments(ctx context.Context, user string) ([]workspaces.Assignment, error)
	// ProjectOf gives the project of a workspace, or "" if there is none such.
	ProjectOf(ctx context.Context, workspace string) (string, error)
}

// Policy implements the Authorizer of the domains. Roles are read at each check,
// so a role that was taken away is gone at the next one.
type Policy struct {
	roles Roles
	rules model.Model // with the rules in it; copied, never changed

	mu      sync.Mutex
	decided map[string]verdict // what the rules say of the same roles, action and project
}

// verdict is a pure function of the rules and the roles held.
type verdict struct {
	allowed bool
	rule    []string
	known   bool
}

// maxDecided bounds the verdicts that are kept.
const maxDecided = 10_000

var _ workspaces.Authorizer = (*Policy)(nil)

// New makes the policy of the embedded rules over the given roles.
func New(roles Roles) (*Policy, error) {
	m, err := embedded()
	if err != nil {
		return nil, err
	}
	p := &Policy{roles: roles, rules: m, decided: map[string]verdict{}}
	if _, err := p.decide(nil, gatehouse.ActionDatasetRead, workspaces.HouseOnly); err != nil {
		return nil, err
	}
	return p, nil
}

// embedded is the model with the rules in it.
func embedded() (model.Model, error) {
	m, err := model.NewModelFromString(modelText)
	if err != nil {
		return nil, fmt.Errorf("policy: model.conf: %w", err)
	}
	if err := stringadapter.NewAdapter(rulesText).LoadPolicy(m); err != nil {
		return nil, fmt.Errorf("policy: rules.csv: %w", err)
	}
	return m, nil
}

// Actions gives the actions that the rules know, sorted: all that anybody may do.
func Actions() ([]gatehouse.Action, error) {
	m, err := embedded()
	if err != nil {
		return nil, err
	}
	rules, err := m.GetPolicy("p", "p")
	if err != nil {
		return nil, fmt.Errorf("policy: rules.csv: %w", err)
	}
	var actions []gatehouse.Action
	for _, r := range rules {
		actions = append(actions, gatehouse.Action(r[1]))
	}
	slices.Sort(actions)
	return slices.Compact(actions), nil
}

// somewhere stands for any project.
const somewhere = "project"

// there gives the roles that are held in a project or everywhere, and names for
// both in which every project is the same.
func there(held []workspaces.Assignment, project string) ([]workspaces.Assignment, string) {
	name := project
	if project != workspaces.HouseOnly && project != gatehouse.Everywhere {
		name = somewhere
	}
	var roles []workspaces.Assignment
	for _, a := range held {
		switch a.Scope {
		case project:
			roles = append(roles, workspaces.Assignment{Role: a.Role, Scope: name})
		case gatehouse.Everywhere:
			roles = append(roles, a)
		}
	}
	return roles, name
}

// decide asks the rules of whoever holds the given roles.
func (p *Policy) decide(held []workspaces.Assignment, action gatehouse.Action, project string) (verdict, error) {
	// Where else somebody holds a role has no part in it: see model.conf. Without that,
	// and whatever the project is called, there are few cases, and they are kept.
	held, project = there(held, project)
	key := fmt.Sprintf("%q %q %q", held, action, project)
	p.mu.Lock()
	defer p.mu.Unlock()
	if v, ok := p.decided[key]; ok {
		return v, nil
	}
	e, err := casbin.NewEnforcer(p.rules.Copy())
	if err != nil {
		return verdict{}, fmt.Errorf("policy: %w", err)
	}
	// Roles are names too, and casbin takes whoever has a role's name for a holder
	// of it: no role has this one.
	const holder = "user:"
	for _, a := range held {
		if _, err := e.AddGroupingPolicy(holder, string(a.Role), a.Scope); err != nil {
			return verdict{}, fmt.Errorf("policy: %w", err)
		}
	}
	var v verdict
	if v.allowed, v.rule, err = e.EnforceEx(holder, string(action), project); err != nil {
		return verdict{}, fmt.Errorf("policy: %w", err)
	}
	v.known = v.allowed || project == workspaces.HouseOnly
	if !v.known {
		if v.known, err = e.Enforce(holder, string(gatehouse.ActionProjectRead), project); err != nil {
			return verdict{}, fmt.Errorf("policy: %w", err)
		}
	}
	if len(p.decided) == maxDecided {
		clear(p.decided)
	}
	p.decided[key] = v
	return v, nil
}

// Authorize returns nil if the principal may do the action in the project ("" for
// the house). Else it is CodeUnauthenticated for nobody, CodeNotFound for a
// project that the principal may not see, and CodeDenied.
//
// A token that is bound to a workspace carries the roles of that workspace's
// project and no others, and of what they allow no more than a notebook needs.
func (p *Policy) Authorize(ctx context.Context, who gatehouse.Principal, action gatehouse.Action, project string) error {
	d, err := p.Explain(ctx, who, action, project)
	if err != nil {
		return err
	}
	return d.Err()
}

// Decision is what the rules say, and why.
type Decision struct {
	User    string
	Action  gatehouse.Action
	Project string // workspaces.HouseOnly for the house
	Allowed bool
	Rule    []string                // the rule that allows: role, action
	Held    []workspaces.Assignment // roles that were considered
	known   bool                    // the user may know that the project exists

	notebook bool // the user may, and a token for a notebook does not
}

// Err is the decision as Authorize returns it.
func (d Decision) Err() error {
	switch {
	case d.Allowed:
		return nil
	case d.User == "":
		return gatehouse.Errorf(gatehouse.CodeUnauthenticated, "Nobody is signed in.")
	case d.notebook:
		return gatehouse.Errorf(gatehouse.CodeDenied, "A token for a notebook does not allow %q.", d.Action).WithAdvice("Sign in on the web pages or with 'gatehouse login'.")
	case !d.known:
		return gatehouse.Errorf(gatehouse.CodeNotFound, "There is no project %q.", d.Project)
	case d.Project == workspaces.HouseOnly:
		return gatehouse.Errorf(gatehouse.CodeDenied, "Your roles do not allow %q.", d.Action)
	}
	return gatehouse.Errorf(gatehouse.CodeDenied, "Your roles do not allow %q in the project %q.", d.Action, d.Project)
}

// Among gives those of some projects in which the principal may do the action: those
// for which Authorize is nil. The principal's roles are read once.
func (p *Policy) Among(ctx context.Context, who gatehouse.Principal, action gatehouse.Action, projects []string) ([]string, error) {
	if who.Anonymous() {
		return nil, Decision{}.Err()
	}
	h, err := p.held(ctx, who)
	if err != nil {
		return nil, err
	}
	var may []string
	for _, project := range projects {
		if project == workspaces.HouseOnly {
			continue // is no project
		}
		d, err := p.explain(h, who, action, project)
		if err != nil {
			return nil, err
		}
		if d.Allowed {
			may = append(may, project)
		}
	}
	return may, nil
}

// Explain decides as Authorize does and says why.
func (p *Policy) Explain(ctx context.Context, who gatehouse.Principal, action gatehouse.Action, project string) (Decision, error) {
	if who.Anonymous() {
		return Decision{Action: action, Project: project}, nil
	}
	h, err := p.held(ctx, who)
	if err != nil {
		return Decision{User: who.User, Action: action, Project: project}, err
	}
	return p.explain(h, who, action, project)
}

// holding is what somebody holds, and the project of their token's workspace.
type holding struct {
	roles []workspaces.Assignment
	home  string
}

// held reads what counts of somebody's roles.
func (p *Policy) held(ctx context.Context, who gatehouse.Principal) (holding, error) {
	var h holding
	var err error
	if h.roles, err = p.roles.Assignments(ctx, who.User); err != nil || who.Workspace == "" {
		return h, err
	}
	if h.home, err = p.roles.ProjectOf(ctx, who.Workspace); err != nil {
		return h, err
	}
	h.roles = slices.DeleteFunc(h.roles, func(a workspaces.Assignment) bool { return h.home == "" || a.Scope != h.home })
	return h, nil
}

func (p *Policy) explain(h holding, who gatehouse.Principal, action gatehouse.Action, project string) (Decision, error) {
	d := Decision{User: who.User, Action: action, Project: project, Held: h.roles}
	if who.Workspace != "" && project == "" {
		d.Project = h.home
	}
	if d.Project == "" {
		d.Project = workspaces.HouseOnly
	}
	v, err := p.decide(h.roles, action, d.Project)
	d.Allowed, d.Rule, d.known = v.allowed, v.rule, v.known
	if err != nil || !d.Allowed || who.Workspace == "" {
		return d, err
	}
	most, err := p.decide([]workspaces.Assignment{{Role: workspaces.RoleNotebook, Scope: d.Project}}, action, d.Project)
	if !most.allowed {
		d.Allowed, d.Rule, d.notebook = false, nil, true
	}
	return d, err
}

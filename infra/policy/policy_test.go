package policy

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/casbin/casbin/v2"
	"pgregory.net/rapid"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// The rules know every action that package gatehouse names, and no other.
func TestEveryActionIsKnown(t *testing.T) {
	known, err := Actions()
	want := slices.Sorted(slices.Values(declaredActions(t)))
	if err != nil || !slices.Equal(known, want) {
		t.Errorf("got %v, %v; want %v", known, err, want)
	}
}

// declaredActions reads the actions from principal.go, in its order.
func declaredActions(t *testing.T) []gatehouse.Action {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../../principal.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var actions []gatehouse.Action
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Action" {
			text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			actions = append(actions, gatehouse.Action(text))
		}
		return true
	})
	return actions
}

var columns = []struct {
	role  gatehouse.Role
	scope string
}{
	{workspaces.RoleApplicant, workspaces.HouseOnly}, {workspaces.RoleCreator, "mine"}, {workspaces.RoleNotebook, "mine"},
	{gatehouse.RoleResearcher, "mine"}, {gatehouse.RoleLead, "mine"},
	{gatehouse.RoleCustodian, "*"}, {gatehouse.RoleChecker, "*"}, {gatehouse.RoleOperator, "*"}, {gatehouse.RoleAuditor, "*"},
}

// state is who holds what, as the database would say.
type state struct {
	held       map[string][]workspaces.Assignment
	workspaces map[string]string
}

func (s state) Assignments(_ context.Context, user string) ([]workspaces.Assignment, error) {
	return append([]workspaces.Assignment(nil), s.held[user]...), nil
}

func (s state) ProjectOf(_ context.Context, workspace string) (string, error) {
	return s.workspaces[workspace], nil
}

func newPolicy(t *testing.T, s state) *Policy {
	t.Helper()
	p, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Every role × action × (house, own project, other project) is as
// testdata/allowed.txt says, which people read and review.
func TestRulesAreTheReviewedOnes(t *testing.T) {
	var b strings.Builder
	fmt.Fprintf(&b, "# Where each role may do each action: h in the house, m in its own project,\n# o in another project; a role of the house has no project of its own.\n")
	fmt.Fprintf(&b, "%-18s", "")
	for _, c := range columns {
		fmt.Fprintf(&b, "%-12s", c.role)
	}
	b.WriteString("\n")
	for _, a := range declaredActions(t) {
		fmt.Fprintf(&b, "%-18s", a)
		for _, c := range columns {
			p := newPolicy(t, state{held: map[string][]workspaces.Assignment{"ada": {{Role: c.role, Scope: c.scope}}}})
			where := ""
			for mark, project := range map[string]string{"h": "", "m": "mine", "o": "other"} {
				err := p.Authorize(t.Context(), gatehouse.Principal{User: "ada"}, a, project)
				switch gatehouse.CodeOf(err) {
				case gatehouse.CodeDenied, gatehouse.CodeNotFound:
				default:
					if err != nil {
						t.Fatal(err)
					}
					where += mark
				}
			}
			ordered := ""
			for _, mark := range "hmo" {
				if strings.ContainsRune(where, mark) {
					ordered += string(mark)
				} else {
					ordered += "-"
				}
			}
			fmt.Fprintf(&b, "%-12s", ordered)
		}
		b.WriteString("\n")
	}
	got := strings.ReplaceAll(b.String(), " \n", "\n")
	for strings.Contains(got, " \n") {
		got = strings.ReplaceAll(got, " \n", "\n")
	}
	want, err := os.ReadFile("testdata/allowed.txt")
	if err != nil {
		t.Error(err)
	}
	if got != string(want) {
		t.Errorf("the rules are not the reviewed ones; if that is meant, review and keep this as testdata/allowed.txt:\n%s", got)
	}
}

func TestRolesCountOnlyWhereTheyAreHeld(t *testing.T) {
	p := newPolicy(t, state{
		held: map[string][]workspaces.Assignment{
			"ada":        {{Role: gatehouse.RoleResearcher, Scope: "asthma"}},
			"both":       {{Role: gatehouse.RoleResearcher, Scope: "asthma"}, {Role: gatehouse.RoleCustodian, Scope: "*"}},
			"custodian":  {{Role: gatehouse.RoleResearcher, Scope: "asthma"}}, // a user with the name of a role
			"researcher": nil,
		},
		workspaces: map[string]string{"asthma-ws": "asthma", "stroke-ws": "stroke"},
	})
	for _, c := range []struct {
		name    string
		who     gatehouse.Principal
		action  gatehouse.Action
		project string
		want    gatehouse.Code
	}{
		{"own project", gatehouse.Principal{User: "ada"}, gatehouse.ActionWorkspaceQuery, "asthma", ""},
		{"a project that must stay unknown", gatehouse.Principal{User: "ada"}, gatehouse.ActionWorkspaceQuery, "stroke", gatehouse.CodeNotFound},
		{"not allowed in a known project", gatehouse.Principal{User: "ada"}, gatehouse.ActionProjectApprove, "asthma", gatehouse.CodeDenied},
		{"project role is no role of the house", gatehouse.Principal{User: "ada"}, gatehouse.ActionWorkspaceQuery, "", gatehouse.CodeDenied},
		{"a project cannot be called everywhere", gatehouse.Principal{User: "ada"}, gatehouse.ActionWorkspaceQuery, "*", gatehouse.CodeNotFound},
		{"nobody", gatehouse.Principal{}, gatehouse.ActionDatasetRead, "", gatehouse.CodeUnauthenticated},
		{"unknown user", gatehouse.Principal{User: "eve"}, gatehouse.ActionDatasetRead, "", gatehouse.CodeDenied},
		{"named like a role", gatehouse.Principal{User: "custodian"}, gatehouse.ActionProjectApprove, "asthma", gatehouse.CodeDenied},
		{"named like a role, without any", gatehouse.Principal{User: "researcher"}, gatehouse.ActionWorkspaceQuery, "asthma", gatehouse.CodeNotFound},
		{"house role without a workspace", gatehouse.Principal{User: "both"}, gatehouse.ActionProjectApprove, "stroke", ""},
		{"workspace token leaves house roles behind", gatehouse.Principal{User: "both", Workspace: "asthma-ws"}, gatehouse.ActionProjectApprove, "asthma", gatehouse.CodeDenied},
		{"workspace token in its project", gatehouse.Principal{User: "both", Workspace: "asthma-ws"}, gatehouse.ActionWorkspaceQuery, "asthma", ""},
		{"workspace token, project implied", gatehouse.Principal{User: "ada", Workspace: "asthma-ws"}, gatehouse.ActionDatasetRead, "", ""},
		{"workspace token in another project", gatehouse.Principal{User: "both", Workspace: "stroke-ws"}, gatehouse.ActionWorkspaceQuery, "asthma", gatehouse.CodeNotFound},
		{"workspace that does not exist", gatehouse.Principal{User: "both", Workspace: "gone"}, gatehouse.ActionDatasetRead, "", gatehouse.CodeDenied},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := p.Authorize(t.Context(), c.who, c.action, c.project)
			if c.want == "" && err != nil || c.want != "" && gatehouse.CodeOf(err) != c.want {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// What is kept of decisions, and where else roles are held, changes none of them:
// each is what the rules say of all that is held, and Among agrees with Authorize.
func TestDecisionsAreThoseOfTheRules(t *testing.T) {
	roles := []gatehouse.Role{workspaces.RoleApplicant, workspaces.RoleCreator}
	for _, c := range columns {
		roles = append(roles, c.role)
	}
	scopes := []string{"asthma", "stroke", "project", gatehouse.Everywhere, workspaces.HouseOnly}
	places := state{held: map[string][]workspaces.Assignment{}, workspaces: map[string]string{"ws": "asthma"}}
	p, actions := newPolicy(t, places), declaredActions(t)
	rules, err := embedded()
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		held := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) workspaces.Assignment {
			return workspaces.Assignment{Role: rapid.SampledFrom(roles).Draw(t, "role"), Scope: rapid.SampledFrom(scopes).Draw(t, "scope")}
		}), 0, 5).Draw(t, "held")
		places.held["ada"] = held
		e, err := casbin.NewEnforcer(rules.Copy())
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range held {
			if _, err := e.AddGroupingPolicy("user:", string(a.Role), a.Scope); err != nil {
				t.Fatal(err)
			}
		}
		action := rapid.SampledFrom(actions).Draw(t, "action")
		ada := gatehouse.Principal{User: "ada"}
		var may []string
		projects := []string{"asthma", "stroke", "project", "elsewhere"}
		for _, project := range projects {
			want, err := e.Enforce("user:", string(action), project)
			if err != nil {
				t.Fatal(err)
			}
			got := p.Authorize(context.Background(), ada, action, project)
			if want != (got == nil) {
				t.Fatalf("%s in %s with %v: the rules say %v, and it is %v", action, project, held, want, got)
			}
			if want {
				may = append(may, project)
			}
		}
		among, err := p.Among(context.Background(), ada, action, projects)
		if err != nil || !slices.Equal(among, may) {
			t.Fatalf("%s with %v: allowed in %v, one by one in %v, %v", action, held, among, may, err)
		}
		bound := gatehouse.Principal{User: "ada", Workspace: "ws"}
		for _, project := range projects {
			alone := p.Authorize(context.Background(), bound, action, project) == nil
			if among, err := p.Among(context.Background(), bound, action, []string{project}); err != nil || (len(among) == 1) != alone {
				t.Fatalf("a notebook's %s in %s: %v and %v, %v", action, project, among, alone, err)
			}
		}
	})
	if _, err := p.Among(t.Context(), gatehouse.Principal{}, gatehouse.ActionProjectRead, nil); gatehouse.CodeOf(err) != gatehouse.CodeUnauthenticated {
		t.Errorf("nobody: %v", err)
	}
}

type failing struct{ state }

func (failing) Assignments(context.Context, string) ([]workspaces.Assignment, error) {
	return nil, gatehouse.Errorf(gatehouse.CodeJournal, "The state cannot be read.")
}

func TestNothingIsAllowedWhenRolesCannotBeRead(t *testing.T) {
	p, err := New(failing{})
	if err != nil {
		t.Fatal(err)
	}
	err = p.Authorize(t.Context(), gatehouse.Principal{User: "ada"}, gatehouse.ActionDatasetRead, "")
	if gatehouse.CodeOf(err) != gatehouse.CodeJournal {
		t.Errorf("got %v, want %s", err, gatehouse.CodeJournal)
	}
}

func BenchmarkAuthorize(b *testing.B) {
	p, err := New(state{held: map[string][]workspaces.Assignment{"ada": {{Role: gatehouse.RoleResearcher, Scope: "asthma"}}}})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := p.Authorize(b.Context(), gatehouse.Principal{User: "ada"}, gatehouse.ActionWorkspaceQuery, "asthma"); err != nil {
			b.Fatal(err)
		}
	}
}

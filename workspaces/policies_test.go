package workspaces_test

import (
	"strings"
	"testing"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/state"
)

const northPolicy = `name: north
source: the North's data access committee
threshold: 15
rounding: none
round_counts: 0
digits: 3
dominance: {n: 2, k: 0.85, p: 0.1}
degrees_of_freedom: 10
variance_extra: 1
quantile_grains: 1
`

func TestAProjectHoldsOnToTheVersionOfItsPolicy(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	const id = "diabetes-outcomes"
	named := func(policy string) string { return strings.Replace(projectText, "policy: sdap", "policy: "+policy, 1) }
	policy := func() string {
		t.Helper()
		p, err := h.Project(ctx, lead, id)
		h.must(err)
		return p.Policy
	}
	for _, unknown := range []string{"north", "sdap@2", "sdap@99999"} {
		_, err := h.CreateProject(ctx, lead, parse(t, named(unknown)))
		h.want(err, gatehouse.CodeInvalidProject)
	}
	policies := h.Policies.(*egress.Policies)
	_, err := policies.Add(ctx, lead, []byte(northPolicy))
	h.want(err, gatehouse.CodeDenied)
	_, err = policies.Add(ctx, custodian, []byte(northPolicy))
	h.must(err)

	_, err = h.CreateProject(ctx, lead, parse(t, named("north")))
	h.must(err)
	if got := policy(); got != "north@1" {
		t.Errorf("the project runs under %q", got)
	}
	// A changed file is another version, and not the project's.
	v, err := policies.Add(ctx, custodian, []byte(strings.Replace(northPolicy, "threshold: 15", "threshold: 5", 1)))
	h.must(err)
	if v.FullName() != "north@2" {
		t.Errorf("the second version is %s", v.FullName())
	}
	h.must(h.SubmitProject(ctx, lead, id))
	h.must(h.ApproveProject(ctx, custodian, id))
	if got := policy(); got != "north@1" {
		t.Errorf("approved, the project runs under %q", got)
	}
	rules, err := policies.Named(ctx, policy())
	h.must(err)
	if rules.Threshold != 15 || rules.FullName() != "north@1" {
		t.Errorf("the rules are %+v", rules)
	}
	h.want(h.SetPolicy(ctx, lead, id, "north"), gatehouse.CodeDenied)
	h.want(h.SetPolicy(ctx, custodian, id, "north@3"), gatehouse.CodeInvalidProject)
	h.must(h.SetPolicy(ctx, custodian, id, "north"))
	if e := h.last(); policy() != "north@2" || e.Action != "project.policy_set" || e.Detail["from"] != "north@1" || e.Detail["policy"] != "north@2" {
		t.Errorf("the project runs under %q: %+v", policy(), e)
	}
	h.must(h.SetPolicy(ctx, custodian, id, "nhs@1"))
	if policy() != "nhs@1" {
		t.Errorf("the project runs under %q", policy())
	}
}

// A policy in the database that is not what was added is not run.
func TestADamagedPolicyRefuses(t *testing.T) {
	h := newHouse(t)
	policies := h.Policies.(*egress.Policies)
	_, err := policies.Add(t.Context(), custodian, []byte(northPolicy))
	h.must(err)
	h.must(h.db.Update(t.Context(), func(tx *state.Tx) error {
		_, err := tx.SQL().ExecContext(t.Context(), `UPDATE policies SET content = replace(content, 'threshold: 15', 'threshold: 5')`)
		return err
	}))
	_, err = policies.Named(t.Context(), "north@1")
	h.want(err, gatehouse.CodeConfig)
}

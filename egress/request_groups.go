package egress

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
)

// OutputGroup is outputs of a request that belong together: one analysis, with a
// context of its own.
type OutputGroup struct {
	Name    string         `json:"name" doc:"Unique in the request" maxLength:"100"`
	Context RequestContext `json:"context"`
}

// Bounds of groups.
const (
	maxOutputGroups    = 50
	maxOutputGroupName = 100
)

// Basis is what checkers judge a file by. An approval outlives a resubmission
// only while all of it still stands: the title, the file's context, and every
// supporting file that lay beside it. More supporting files take nothing away.
type Basis struct {
	Context    string   `json:"context"` // fingerprint of title, group and context
	Supporting []string `json:"supporting,omitempty"`
}

// cleanGroups gives groups as they are kept.
func cleanGroups(groups []OutputGroup) ([]OutputGroup, error) {
	if len(groups) > maxOutputGroups {
		return nil, gatehouse.Errorf(gatehouse.CodeRequestInvalid, "A request has at most %d groups of outputs.", maxOutputGroups).WithAdvice("Put the rest into a second request.")
	}
	seen := map[string]bool{}
	out := make([]OutputGroup, 0, len(groups))
	for _, g := range groups {
		g.Name = strings.TrimSpace(g.Name)
		if g.Name == "" {
			return nil, gatehouse.Errorf(gatehouse.CodeRequestInvalid, "A group of outputs has no name.")
		}
		if err := checkText("name of a group", g.Name, maxOutputGroupName, false); err != nil {
			return nil, err
		}
		if seen[foldName(g.Name)] {
			return nil, gatehouse.Errorf(gatehouse.CodeRequestInvalid, "Two groups of outputs have one name.")
		}
		seen[foldName(g.Name)] = true
		if err := g.Context.check("A group of outputs", false, false); err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	return out, nil
}

// group gives the name of a group as the request has it; "" is none.
func (r *Request) group(name string) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" {
		return "", nil
	}
	for _, g := range r.Groups {
		if foldName(g.Name) == foldName(name) {
			return g.Name, nil
		}
	}
	return "", gatehouse.Errorf(gatehouse.CodeRequestInvalid, "The request has no group of outputs of that name.").WithAdvice("Add the group to the request first.")
}

// contextOf is the context of a group; of "" the request's own.
func (r *Request) contextOf(group string) RequestContext {
	for _, g := range r.Groups {
		if g.Name == group && group != "" {
			return g.Context
		}
	}
	return r.Context
}

// outputs gives the current files that are to leave.
func (r *Request) outputs() []RequestFile {
	return slices.DeleteFunc(r.current(), func(f RequestFile) bool { return f.Kind == KindSupporting })
}

// explained refuses a request that does not say all that its checkers need.
func (r *Request) explained() error {
	outputs := r.outputs()
	if len(outputs) == 0 {
		return gatehouse.Errorf(gatehouse.CodeRequestInvalid, "The request has no files that are to leave.").WithAdvice("Add at least one file, then submit.")
	}
	holds := map[string]bool{}
	for _, f := range outputs {
		holds[f.Group] = true
	}
	if holds[""] {
		if err := r.Context.check("The request", true, !r.holdsReferral()); err != nil {
			return err
		}
	}
	for _, g := range r.Groups {
		if !holds[g.Name] {
			return gatehouse.Errorf(gatehouse.CodeRequestInvalid, "The group %q has no outputs.", g.Name).WithAdvice("Put a file into it, or take the group out.")
		}
		if err := g.Context.check("The group "+g.Name, true, true); err != nil {
			return err
		}
	}
	return nil
}

// basis is what a checker who looks now judges f by. Supporting files of the
// request as a whole lie beside every output, those of a group beside its own.
func (r *Request) basis(f RequestFile) Basis {
	b, err := json.Marshal(struct {
		Title, Group string
		Context      RequestContext
	}{r.Title, f.Group, r.contextOf(f.Group)})
	if err != nil {
		panic("egress: strings cannot be written as JSON") // json.Marshal never fails on strings
	}
	sum := sha256.Sum256(b)
	basis := Basis{Context: hex.EncodeToString(sum[:])}
	for _, other := range r.current() {
		if other.Kind == KindSupporting && (other.Group == "" || other.Group == f.Group) {
			basis.Supporting = append(basis.Supporting, other.SHA256)
		}
	}
	return basis
}

// stands reports whether everything of an earlier basis is in this one.
func (b Basis) stands(earlier *Basis) bool {
	if earlier == nil || earlier.Context != b.Context {
		return false
	}
	for _, sha := range earlier.Supporting {
		if !slices.Contains(b.Supporting, sha) {
			return false
		}
	}
	return true
}

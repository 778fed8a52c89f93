package plan

import (
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"github.com/gatehouse-tre/gatehouse"
)

// Refused is a refusal with the place in the tree that it is about. Everything
// below the place, and what stands before it, has been checked.
type Refused struct {
	Err  error
	Node Node   // the operator; nil where only the statement as a whole is known
	Part string // the part of the statement, in its own terms; "" for all of it
}

func (e *Refused) Error() string { return e.Err.Error() }

// Unwrap gives the refusal itself to errors.As.
func (e *Refused) Unwrap() error { return e.Err }

// at adds to a refusal where it was found, unless that is known.
func at(err error, n Node) error {
	var known *Refused
	if err == nil || errors.As(err, &known) {
		return err
	}
	return &Refused{Err: err, Node: n, Part: (&Words{}).culprit(err, n)}
}

// culprit words the smallest part of a node that is refused by itself with the
// same words; the whole node where no single part is.
func (w *Words) culprit(err error, n Node) string {
	code, message := gatehouse.CodeOf(err), gatehouse.Public(err).Message
	same := func(err error) bool {
		return err != nil && gatehouse.CodeOf(err) == code && gatehouse.Public(err).Message == message
	}
	if join, ok := n.(*Join); ok {
		for _, c := range join.Conds {
			for _, side := range []struct {
				node Node
				e    Expr
			}{{join.L, c.L}, {join.R, c.R}} {
				if found := smallest(side.e, side.node.Columns(), same); found != nil {
					return w.Expr(found, side.node)
				}
			}
		}
		return w.Node(n)
	}
	inputs := n.Inputs()
	if len(inputs) != 1 {
		return w.Node(n)
	}
	in := inputs[0].Columns()
	for _, e := range Exprs(n) {
		if found := smallest(e, in, same); found != nil {
			return w.Expr(found, inputs[0])
		}
	}
	switch n := n.(type) {
	case *Aggregate:
		for _, g := range n.Groups {
			if k, err := derive(g, in); err == nil && same(groupKeyError(k)) {
				return w.Expr(g, inputs[0])
			}
		}
		for _, a := range n.Aggs {
			if same(checkFrontier(a, in)) {
				return w.Expr(a, inputs[0])
			}
		}
		if len(n.Aggs) > 0 && slices.Contains([]gatehouse.Code{gatehouse.CodeMeasure, gatehouse.CodeAggregate}, code) {
			return clipped(w.list(exprsOf(n.Aggs), w.Columns(inputs[0])), longestPart)
		}
	case *Window:
		for _, c := range n.Calls {
			one := &Window{Input: n.Input, Calls: []*WindowCall{c}}
			if same(checkWindow(one)) {
				return w.Expr(c, inputs[0])
			}
		}
	}
	return w.Node(n)
}

func exprsOf(aggs []*AggregateCall) []Expr {
	out := make([]Expr, len(aggs))
	for i, a := range aggs {
		out[i] = a
	}
	return out
}

// smallest finds the innermost expression that is refused with the same words;
// nil for none.
func smallest(e Expr, in []Column, same func(error) bool) Expr {
	var found Expr
	Walk(e, func(e Expr) bool {
		switch x := e.(type) {
		case *AggregateCall, *WindowCall:
			return true
		case *Call:
			if same(checkFunction(x)) {
				found = e
				return true
			}
		case *Cast:
			if same(checkDateLiteral(x)) {
				found = e
				return true
			}
		}
		if _, err := derive(e, in); same(err) {
			found = e
		}
		return true
	})
	return found
}

// Parameters lists the parameters that a bound plan asks for, also one that the
// reader refuses.
func Parameters(raw json.RawMessage) []*Param {
	var tree any
	if json.Unmarshal(raw, &tree) != nil {
		return nil
	}
	found := map[string]*Param{}
	var visit func(any)
	visit = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				visit(x)
			}
		case map[string]any:
			if name, ok := v["identifier"].(string); ok && v["expression_class"] == "BOUND_PARAMETER" {
				found[name] = &Param{Name: name}
				if text, err := json.Marshal(v["return_type"]); err == nil {
					found[name].T, _ = readType(text) // without one it is shown as text
				}
			}
			for _, x := range v {
				visit(x)
			}
		}
	}
	visit(tree)
	out := slices.Collect(maps.Values(found))
	slices.SortFunc(out, func(a, b *Param) int { // "2" before "10"
		return cmp.Or(cmp.Compare(len(a.Name), len(b.Name)), cmp.Compare(a.Name, b.Name))
	})
	return out
}

package plan

import (
	"math/big"
	"slices"
)

// An aggregate of people that asks for numbers of several kinds is taken apart
// into protected aggregates of the same groups, which are judged one after the
// other as if they had been asked in questions of their own, and put together
// again in the lobby:
//
//   - numbers of one measure, and counts beside the first of them;
//   - count(DISTINCT person_id) where people may have several rows, with a
//     condition or beside subtotals: one row for each person and group is made
//     first, so that nobody counts twice;
//   - count(DISTINCT x) of a dimension: the groups of x that at least as many
//     people have as the policy asks. Whether a value occurs for fewer does not
//     show: a count of all values would tell, with a condition that one person
//     meets, whether that person's value is among others.

// aside is a protected aggregate to be joined to the first one: the columns of
// node are the keys, then numbers, then (with subtotals) GROUPING() of all keys.
type aside struct {
	node    Node
	calls   []int // which aggregates of the original its numbers are
	missing bool  // a group that it does not have counts 0
}

// separate marks n protected, or replaces it in slot by several that are.
func separate(n *Aggregate, slot *Node) error {
	kinds, err := kindsOf(n)
	if err != nil {
		return err
	}
	if err := checkComputed(n); err != nil {
		return err
	}
	first := &Aggregate{Input: n.Input, Groups: n.Groups, Sets: n.Sets}
	var places []int // of first's aggregates in n
	var asides []aside
	for _, measure := range kinds.measures {
		if len(asides) == 0 && len(first.Aggs) == 0 {
			places = measure
			for _, i := range measure {
				first.Aggs = append(first.Aggs, n.Aggs[i])
			}
			continue
		}
		next := &Aggregate{Input: n.Input, Groups: n.Groups, Sets: n.Sets}
		for _, i := range measure {
			next.Aggs = append(next.Aggs, n.Aggs[i])
		}
		asides = append(asides, aside{node: protectedPart(next, len(n.Sets) > 1), calls: measure})
	}
	if len(kinds.people) > 0 {
		node, err := peoplePart(n, kinds.people)
		if err != nil {
			return err
		}
		asides = append(asides, aside{node: node, calls: kinds.people})
	}
	for _, i := range kinds.values {
		node, err := valuesPart(n, i)
		if err != nil {
			return err
		}
		asides = append(asides, aside{node: node, calls: []int{i}, missing: true})
	}
	if len(asides) == 0 {
		n.Protected = true
		return nil
	}
	first.Grouping = slices.Clone(n.Grouping)
	*slot = combine(n, protectedPart(first, len(n.Sets) > 1), places, asides)
	return nil
}

// protectedPart finishes an aggregate of the frontier: its columns, the
// grouping to join by, and the mark.
func protectedPart(n *Aggregate, subtotals bool) *Aggregate {
	if subtotals {
		n.Grouping = append(n.Grouping, finestSet(len(n.Groups)))
	}
	for _, g := range n.Groups {
		n.cols = append(n.cols, Column{Type: g.Type()})
	}
	for _, a := range n.Aggs {
		n.cols = append(n.cols, Column{Type: a.T})
	}
	for range n.Grouping {
		n.cols = append(n.cols, Column{Type: BigInt})
	}
	n.Protected = true
	return n
}

func finestSet(keys int) []int {
	all := make([]int, keys)
	for i := range all {
		all[i] = i
	}
	return all
}

// refTo is a column of a node.
func refTo(n Node, i int) *Ref { return &Ref{T: n.Columns()[i].Type, Index: i} }

func integer(n int64) *Const {
	value := new(big.Rat)
	value.SetInt64(n)
	return &Const{T: BigInt, Text: value.RatString(), Value: value}
}

// exactly answers what DuckDB estimates by the number itself.
func exactly(a *AggregateCall) {
	if a.Name == "approx_count_distinct" && len(a.Args) == 1 && a.T.ID == "BIGINT" {
		a.Name, a.Distinct = "count", true
	}
}

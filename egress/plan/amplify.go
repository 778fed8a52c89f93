package plan

import "github.com/gatehouse-tre/gatehouse"

// maxDegree bounds how often one question multiplies a person's rows with each
// other: n rows become n³ at most, as in a condition on three events. More would let
// the time, or the memory, that a question takes tell how many rows one person has.
const maxDegree = 3

// Degree is to which power a node of people raises the number of a person's rows:
// 0 where nobody has two, 1 for rows of a table, 2 for pairs of them.
func Degree(n Node) int {
	if n.node().once || !n.People() {
		return 0
	}
	switch n := n.(type) {
	case *Scan:
		return max(1, n.Table.Degree)
	case *WithRef:
		return Degree(n.Def)
	case *Correlated:
		return Degree(n.Of.L)
	case *Join:
		if n.Kind == SemiJoin || n.Kind == AntiJoin || n.Kind == MarkJoin || n.Kind == SingleJoin {
			return Degree(n.L)
		}
		return pairsDegree(n)
	}
	most := 0
	if _, ok := n.(*Concat); ok {
		most = 1 // a row for each branch
	}
	for _, in := range n.Inputs() {
		most = max(most, Degree(in))
	}
	return most
}

// pairsDegree is that of what a join looks at. The right side of a correlated one
// holds the left already.
func pairsDegree(n *Join) int {
	if n.Delim {
		return max(Degree(n.L), Degree(n.R))
	}
	return Degree(n.L) + Degree(n.R)
}

// checkDegree refuses joins that multiply a person's rows too often.
func checkDegree(n *Join) error {
	if n.L.People() && n.R.People() && pairsDegree(n) > maxDegree {
		return gatehouse.Errorf(gatehouse.CodeJoin, "The joins multiply each person's rows with each other more than twice.").
			WithAdvice("Bring all but three of the tables to one row for each person first: GROUP BY person_id, DISTINCT ON (person_id), or EXISTS.")
	}
	return nil
}

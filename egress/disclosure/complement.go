package disclosure

import (
	"math/big"
	"slices"
)

// Table is the groups of one table with subtotals: each group is made of atoms,
// the groups of the finest grouping.
type Table struct {
	Atoms  []int   // people of each atom, a lower bound or exact
	Groups [][]int // for each group, the atoms it is made of
	// Level orders groups from fine (0) to coarse; fine ones are given up first.
	Level []int
}

// Complete adds to withheld the groups that must go too, so that nothing of
// fewer than threshold people can be worked out from what is released:
// Gaussian elimination over the released groups' cohorts (Langsrud,
// GaussSuppression; Fischetti and Salazar 2001 for the problem). It returns
// false where the table is too large to be searched (maxAtoms).
func Complete(threshold int, t Table, withheld []bool) bool {
	if len(t.Atoms) > maxAtoms {
		return false
	}
	for {
		leak := findLeak(threshold, t, withheld)
		if leak == nil {
			return true
		}
		victim := chooseVictim(t, withheld, leak)
		if victim < 0 {
			return false
		}
		withheld[victim] = true
	}
}

// maxAtoms bounds the elimination, which is cubic in the atoms in doubt.
const maxAtoms = 5000

// findLeak gives the released groups of a combination that shows something of
// fewer than threshold people, or nil. Atoms that are themselves released are
// known, so only atoms in doubt are eliminated over.
func findLeak(threshold int, t Table, withheld []bool) []int {
	known := make([]bool, len(t.Atoms))
	inDoubt := map[int]int{}
	var columns []int
	for g, atoms := range t.Groups {
		if len(atoms) == 1 && !withheld[g] {
			known[atoms[0]] = true
		}
	}
	for a := range t.Atoms {
		if !known[a] {
			inDoubt[a] = len(columns)
			columns = append(columns, a)
		}
	}
	var rows []row
	for g, atoms := range t.Groups {
		if withheld[g] || len(atoms) == 1 {
			continue
		}
		r := row{coef: make([]*big.Rat, len(columns)), from: []int{g}}
		some := false
		for _, a := range atoms {
			if c, ok := inDoubt[a]; ok {
				r.coef[c] = big.NewRat(1, 1)
				some = true
			}
		}
		if some {
			rows = append(rows, r)
		}
	}
	rows = eliminate(rows, len(columns))
	for _, r := range rows {
		if people(r, t, columns) < threshold {
			return r.from
		}
	}
	// two reduced rows of which a combination has few people left
	for i := range rows {
		for j := i + 1; j < len(rows); j++ {
			if r, ok := cancel(rows[i], rows[j]); ok && people(r, t, columns) < threshold {
				return r.from
			}
		}
	}
	return nil
}

type row struct {
	coef []*big.Rat // nil for zero
	from []int      // the groups combined in it
}

func people(r row, t Table, columns []int) int {
	n := 0
	for c, v := range r.coef {
		if v != nil {
			n += max(1, t.Atoms[columns[c]])
		}
	}
	return n
}

// eliminate brings rows to reduced echelon form.
func eliminate(rows []row, width int) []row {
	done := 0
	for c := 0; c < width && done < len(rows); c++ {
		pivot := -1
		for i := done; i < len(rows); i++ {
			if rows[i].coef[c] != nil {
				pivot = i
				break
			}
		}
		if pivot < 0 {
			continue
		}
		rows[done], rows[pivot] = rows[pivot], rows[done]
		for i := range rows {
			if i != done && rows[i].coef[c] != nil {
				factor := new(big.Rat).Quo(rows[i].coef[c], rows[done].coef[c])
				rows[i] = subtract(rows[i], rows[done], factor)
			}
		}
		done++
	}
	return rows[:done]
}

func subtract(a, b row, factor *big.Rat) row {
	out := row{coef: make([]*big.Rat, len(a.coef)), from: slices.Clone(a.from)}
	for _, g := range b.from {
		if !slices.Contains(out.from, g) {
			out.from = append(out.from, g)
		}
	}
	for c := range a.coef {
		switch {
		case b.coef[c] == nil:
			out.coef[c] = a.coef[c]
		default:
			v := new(big.Rat).Mul(factor, b.coef[c])
			v.Neg(v)
			if a.coef[c] != nil {
				v.Add(v, a.coef[c])
			}
			if v.Sign() != 0 {
				out.coef[c] = v
			}
		}
	}
	return out
}

// cancel combines two rows so that a shared free column vanishes.
func cancel(a, b row) (row, bool) {
	for c := range a.coef {
		if a.coef[c] != nil && b.coef[c] != nil {
			return subtract(a, b, new(big.Rat).Quo(a.coef[c], b.coef[c])), true
		}
	}
	return row{}, false
}

// chooseVictim withholds the smallest of the finest released groups that touch
// the leak: a released atom inside one of its totals, else one of the totals.
func chooseVictim(t Table, withheld []bool, leak []int) int {
	touched := map[int]bool{}
	for _, g := range leak {
		for _, a := range t.Groups[g] {
			touched[a] = true
		}
	}
	size := func(g int) int {
		n := 0
		for _, a := range t.Groups[g] {
			n += t.Atoms[a]
		}
		return n
	}
	best := -1
	for g, atoms := range t.Groups {
		if withheld[g] || !slices.ContainsFunc(atoms, func(a int) bool { return touched[a] }) {
			continue
		}
		if best < 0 || t.Level[g] < t.Level[best] || (t.Level[g] == t.Level[best] && size(g) < size(best)) {
			best = g
		}
	}
	return best
}

package plan

import (
	"fmt"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// What cases say of conditions is so in every row: each row is of one of the sorts. The
// rows are looked at by an evaluation of its own, in SQL's logic of three values.
func TestEveryRowIsOfASortOfCases(t *testing.T) {
	integer := Type{ID: "INTEGER"}
	text := Type{ID: "VARCHAR"}
	number := func(n int) Expr {
		return &Const{T: integer, Text: fmt.Sprint(n), Value: big.NewRat(int64(n), 1)}
	}
	word := func(s string) Expr { return &Const{T: text, Text: s} }
	type row struct {
		number *int
		word   *string
		flag   *bool
	}
	type condition struct {
		e  Expr
		is func(row) truth3
	}
	var draw func(r *rapid.T, depth int) condition
	draw = func(r *rapid.T, depth int) condition {
		kind := rapid.IntRange(0, 4).Draw(r, "leaf")
		if depth > 0 && rapid.Bool().Draw(r, "deeper") {
			kind = rapid.IntRange(5, 8).Draw(r, "kind")
		}
		switch kind {
		case 0:
			op := rapid.SampledFrom([]string{"=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"}).Draw(r, "op")
			n := rapid.IntRange(1, 4).Draw(r, "n")
			turned := rapid.Bool().Draw(r, "turned")
			e := &Compare{Op: op, L: &Ref{T: integer, Index: 0}, R: number(n)}
			if turned {
				e.L, e.R = e.R, e.L
			}
			return condition{e, func(x row) truth3 {
				if x.number == nil {
					switch op {
					case "IS DISTINCT FROM":
						return isTrue
					case "IS NOT DISTINCT FROM":
						return isFalse
					}
					return isNull
				}
				l, h := *x.number, n
				if turned {
					l, h = h, l
				}
				return truthOf(map[string]bool{"=": l == h, "<>": l != h, "<": l < h, "<=": l <= h, ">": l > h, ">=": l >= h, "IS DISTINCT FROM": l != h, "IS NOT DISTINCT FROM": l == h}[op])
			}}
		case 1:
			s := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(r, "word")
			return condition{&Compare{Op: "=", L: &Ref{T: text, Index: 1}, R: word(s)}, func(x row) truth3 {
				if x.word == nil {
					return isNull
				}
				return truthOf(*x.word == s)
			}}
		case 2:
			return condition{&Ref{T: Boolean, Index: 2}, func(x row) truth3 {
				if x.flag == nil {
					return isNull
				}
				return truthOf(*x.flag)
			}}
		case 3:
			not := rapid.Bool().Draw(r, "not")
			e := &Op{T: Boolean, Name: "IS NULL", Args: []Expr{&Ref{T: integer, Index: 0}}}
			if not {
				e.Name = "IS NOT NULL"
			}
			return condition{e, func(x row) truth3 { return truthOf((x.number == nil) != not) }}
		case 4:
			from := rapid.SliceOfN(rapid.IntRange(1, 4), 1, 3).Draw(r, "in")
			e := &Op{T: Boolean, Name: "IN", Args: []Expr{&Ref{T: integer, Index: 0}}}
			not := rapid.Bool().Draw(r, "not")
			if not {
				e.Name = "NOT IN"
			}
			for _, n := range from {
				e.Args = append(e.Args, number(n))
			}
			return condition{e, func(x row) truth3 {
				if x.number == nil {
					return isNull
				}
				return truthOf(slices.Contains(from, *x.number) != not)
			}}
		case 5:
			a := draw(r, depth-1)
			return condition{&Op{T: Boolean, Name: "NOT", Args: []Expr{a.e}}, func(x row) truth3 { return not3(a.is(x)) }}
		case 6:
			a, b := draw(r, depth-1), draw(r, depth-1)
			return condition{&Op{T: Boolean, Name: "COALESCE", Args: []Expr{a.e, b.e}}, func(x row) truth3 {
				if y := a.is(x); y != isNull {
					return y
				}
				return b.is(x)
			}}
		}
		a, b := draw(r, depth-1), draw(r, depth-1)
		or := kind == 7
		return condition{&Logic{Or: or, Args: []Expr{a.e, b.e}}, func(x row) truth3 {
			y, z := a.is(x), b.is(x)
			switch {
			case y == truthOf(or) || z == truthOf(or):
				return truthOf(or)
			case y == isNull || z == isNull:
				return isNull
			}
			return truthOf(!or)
		}}
	}
	print := func(e Expr) string {
		p := &Printer{}
		return p.expr(e, func(i int) string { return fmt.Sprint("c", i) })
	}
	var rows []row
	for n := range 7 {
		for w := range 5 {
			for f := range 3 {
				var x row
				if n > 0 {
					x.number = &[]int{n - 1}[0]
				}
				if w > 0 {
					x.word = &[]string{"a", "b", "c", "z"}[w-1]
				}
				if f > 0 {
					x.flag = &[]bool{f == 1}[0]
				}
				rows = append(rows, x)
			}
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		var sets [][][]Expr
		var conditions []condition
		for range rapid.IntRange(1, 4).Draw(r, "sets") {
			c := draw(r, 3)
			conditions = append(conditions, c)
			sets = append(sets, [][]Expr{{c.e}})
		}
		of, count, ok := sortsOf(sets, print)
		if !ok {
			return // too many
		}
		sorts := make([]string, count)
		for i, in := range of {
			for _, s := range in {
				sorts[s] += fmt.Sprint(i, " ")
			}
		}
		for _, x := range rows {
			mine := "0 "
			for i, c := range conditions {
				if c.is(x) == isTrue {
					mine += fmt.Sprint(i+1, " ")
				}
			}
			if !slices.Contains(sorts, mine) {
				r.Fatalf("a row is in the sets %s, and no case is: %q", mine, sorts)
			}
		}
	})
}

// Conditions that exclude each other and leave nothing out are everything.
func TestExhaustiveConditionsAreEverything(t *testing.T) {
	x := &Ref{T: Type{ID: "INTEGER"}, Index: 0}
	cut := func(op string, n int64) Expr {
		return &Compare{Op: op, L: x, R: &Const{T: x.T, Text: fmt.Sprint(n), Value: big.NewRat(n, 1)}}
	}
	not := func(e Expr) Expr {
		return &Op{T: Boolean, Name: "COALESCE", Args: []Expr{&Op{T: Boolean, Name: "NOT", Args: []Expr{e}}, truth(true)}}
	}
	null := &Op{T: Boolean, Name: "IS NULL", Args: []Expr{x}}
	print := func(e Expr) string { return (&Printer{}).expr(e, func(int) string { return "x" }) }
	of, count, ok := sortsOf([][][]Expr{{{cut("<=", 3)}}, {{not(cut("<=", 3)), cut("<=", 6)}}, {{not(cut("<=", 3)), not(cut("<=", 6))}}, {{cut(">", 3)}}, {{null}}}, print)
	if !ok || len(of[0]) != count {
		t.Fatal(of, count, ok)
	}
	partition := func(sets ...int) bool {
		seen := map[int]int{}
		for _, s := range sets {
			for _, n := range of[s] {
				seen[n]++
			}
		}
		for _, n := range of[0] {
			if seen[n] != 1 {
				return false
			}
		}
		return true
	}
	if !partition(1, 2, 3) || !partition(1, 4, 5) || partition(1, 4) || partition(1, 2) {
		t.Error(of)
	}
}

package disclosure

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gatehouse-tre/gatehouse/test/attacker"
)

// The game.
//
// A database has 30 to 60 people in one row each, or 20 to 35 in one to three. The attacker
// knows of every row whose it is and everything that a question can put a condition
// on. Of one more attribute, the secret, a number between 0 and 1 in each row, he
// knows nothing, or he knows it of any k−2 people that he chooses. He asks for sums of the
// secret: by keys, with conditions, with totals, of all but somebody, of
// some and somebody, with band edges moved, with conditions that change nothing, of
// hashes of what he knows of people (Cohen and Nissim, Linear program reconstruction
// in practice, 2018), and the same again after people have left or come. Two
// who share a project are one to the history, and so are one attacker. He wins
//
//   - by elimination, if some multiples of what was released add up to something of
//     fewer than k people: with what he knows of the others it is one's secret,
//     whatever values secrets may have;
//   - by linear programming, if every assignment of numbers between 0 and 1 that agrees with
//     what was released gives some people the same secrets, and these are fewer than k.
//
// The second never works without the first: if x is fixed, so is, by complementary
// slackness, everybody in the combination that fixes it, at 0 or at 1, and those
// are k people or more. They are then all alike, and what is told is told of all of them
// together. That is not counted as his win, but measured. Measured too is what he gains if
// secrets are known to be whole numbers, 0 or 1: what is less than 1 is 0 then.
//
// Not in the game are conditions on the secret itself. Whether such a number is
// withheld depends on the secret, and tells of it (docs/gate.md, "What is not
// promised yet"). Nor does he make anything of which numbers are withheld: whatever
// the history withholds here follows from what he knows already, and a sum that is
// withheld because its secrets are nearly all alike tells him that they are.
type attacked struct {
	k     int
	rng   *rand.Rand
	sums  attacker.Sums // of the rows; a key of the history is a row's number
	known [][]int       // what the attacker knows of each row: attributes
	gone  []bool        // rows of people who have left

	weak  weakness
	h     *History
	asked []*sumQuestion
}

// weakness is what is wrong with a gate that the attacker must win against.
type weakness int

const (
	sound weakness = iota
	forgetful
	lenient // a threshold of one person
)

// attributeSizes are how many values the known attributes have. The last is a band of
// years; rows have more of their own.
var attributeSizes = []int{2, 3, 4, 6, 12}

func newAttacked(seed uint64, rows bool, weak weakness) *attacked {
	a := &attacked{rng: rand.New(rand.NewPCG(seed, 1)), weak: weak}
	a.sums.Most, a.sums.Rng = 1, a.rng
	a.k = 3 + a.rng.IntN(8)
	people := 30 + a.rng.IntN(31)
	if rows {
		people = 20 + a.rng.IntN(16)
	}
	often := []float64{0.5, 0.5, 0.3, 0.1}[a.rng.IntN(4)]
	for u := range people {
		mine := 1
		if rows {
			mine += a.rng.IntN(3)
		}
		of := make([]int, len(attributeSizes))
		for i, size := range attributeSizes {
			of[i] = a.rng.IntN(size)
		}
		for range mine {
			row := append([]int{}, of...)
			if rows {
				row = append(row, a.rng.IntN(3), a.rng.IntN(6))
			}
			a.sums.Unit, a.known, a.gone = append(a.sums.Unit, uint32(u)), append(a.known, row), append(a.gone, false)
			bit := 0
			if a.rng.Float64() < often {
				bit = 1
			}
			a.sums.Secret = append(a.sums.Secret, bit)
		}
	}
	k := a.k
	if weak == lenient {
		k = 1
	}
	a.h = NewHistory(k, rows)
	return a
}

// sumQuestion is SELECT keys, sum(secret) … WHERE conditions GROUP BY keys.
type sumQuestion struct {
	keys       []int
	total      bool
	conditions []func(row int) bool
}

// question draws one: new, or an earlier one with a change.
func (a *attacked) question() *sumQuestion {
	if len(a.asked) > 0 && a.rng.IntN(2) == 0 {
		q := *a.asked[a.rng.IntN(len(a.asked))]
		q.conditions = append([]func(int) bool{}, q.conditions...)
		switch a.rng.IntN(6) {
		case 0: // the same again: people may have left since
		case 1:
			q.keys = nil
		case 2:
			if len(q.conditions) > 0 {
				q.conditions = q.conditions[:len(q.conditions)-1]
				break
			}
			fallthrough
		default:
			q.conditions = append(q.conditions, a.condition())
		}
		return &q
	}
	q := &sumQuestion{total: a.rng.IntN(3) == 0}
	for range []int{0, 0, 1, 1, 2}[a.rng.IntN(5)] {
		q.keys = append(q.keys, a.rng.IntN(len(a.known[0])))
	}
	for range []int{0, 1, 1, 2}[a.rng.IntN(4)] {
		q.conditions = append(q.conditions, a.condition())
	}
	return q
}

func (a *attacked) condition() func(row int) bool {
	at := a.rng.IntN(len(a.known[0]))
	size := 0
	for _, row := range a.known {
		size = max(size, row[at]+1)
	}
	value, someone, salt := a.rng.IntN(size), a.sums.Unit[a.rng.IntN(len(a.sums.Unit))], a.rng.Uint64()
	switch a.rng.IntN(9) {
	case 0:
		return func(row int) bool { return a.known[row][at] == value }
	case 1:
		return func(row int) bool { return a.known[row][at] != value }
	case 2:
		return func(row int) bool { return a.known[row][at] <= value }
	case 3:
		return func(row int) bool { return a.known[row][at] <= value || a.sums.Unit[row] == someone } // padded
	case 4:
		return func(row int) bool { return a.known[row][at] == value || a.sums.Unit[row] == someone }
	case 5:
		return func(row int) bool { return a.sums.Unit[row] != someone }
	case 6:
		return func(row int) bool { return a.known[row][at] > -1 } // a clone: changes nothing
	case 7:
		return func(row int) bool { return mix(salt^uint64(a.sums.Unit[row]))%4 > 0 }
	default:
		return func(row int) bool { return mix(salt^uint64(a.sums.Unit[row]))%2 == 0 }
	}
}

// ask lets the gate answer: rules of single numbers, then the history.
func (a *attacked) ask(q *sumQuestion) {
	c := &Cohorts{}
	index := map[string]int{}
	total := -1
	if q.total {
		total, c.Numbers = 0, 1
	}
	var in [][]int // of each number, its rows
	if q.total {
		in = append(in, nil)
	}
	number := make([]int, len(a.sums.Unit))
rows:
	for row := range a.sums.Unit {
		number[row] = -1
		if a.gone[row] {
			continue
		}
		for _, meets := range q.conditions {
			if !meets(row) {
				continue rows
			}
		}
		key := ""
		for _, at := range q.keys {
			key += fmt.Sprint(a.known[row][at], " ")
		}
		n, ok := index[key]
		if !ok {
			n = len(in)
			index[key] = n
			in = append(in, nil)
		}
		number[row] = n
		in[n] = append(in[n], row)
		if total >= 0 {
			in[total] = append(in[total], row)
		}
	}
	c.Numbers = len(in)
	shown := make([]bool, len(in))
	for n, rows := range in {
		shown[n] = a.enough(rows)
	}
	patterns := map[int]uint32{}
	for row, n := range number {
		if n < 0 {
			continue
		}
		p, ok := patterns[n]
		if !ok {
			p = uint32(c.Patterns.Len())
			patterns[n] = p
			var terms []Term
			if total >= 0 && shown[total] {
				terms = append(terms, Term{int32(total), 1})
			}
			if n != total && shown[n] {
				terms = append(terms, Term{int32(n), 1})
			}
			c.Patterns.Add(terms)
		}
		c.Elements.Add(uint64(row), a.sums.Unit[row], p)
	}
	if a.weak == forgetful {
		a.h = NewHistory(a.k, a.h.rows)
	}
	j := a.h.Judge(c)
	a.h.Keep(j)
	a.asked = append(a.asked, q)
	for n, rows := range in {
		if shown[n] && !j.Withheld[n] {
			a.sums.Add(rows)
		}
	}
}

// enough is what the policy asks of one sum: k people in it, and k whose value is not
// the most common.
func (a *attacked) enough(rows []int) bool {
	if a.weak == lenient {
		return len(rows) > 0
	}
	people, with := map[uint32]bool{}, [2]map[uint32]bool{{}, {}}
	for _, row := range rows {
		people[a.sums.Unit[row]] = true
		with[a.sums.Secret[row]][a.sums.Unit[row]] = true
	}
	return len(people) >= a.k && min(len(with[0]), len(with[1])) >= a.k
}

// leave takes some people out of what is asked about.
func (a *attacked) leave() {
	for range 1 + a.rng.IntN(3) {
		someone := a.sums.Unit[a.rng.IntN(len(a.sums.Unit))]
		for row, u := range a.sums.Unit {
			if u == someone {
				a.gone[row] = !a.gone[row] // or lets them come back
			}
		}
	}
}

// session asks, and gives what the attacker makes of the answers.
func (a *attacked) session() attacker.Spoils {
	for range 8 + a.rng.IntN(25) {
		if a.rng.IntN(8) == 0 {
			a.leave()
		}
		a.ask(a.question())
	}
	return a.sums.Attack(a.k)
}

var sessions = flag.Int("sessions", 150, "sessions that the attacker plays of each kind")

// Nothing that the gate lets out in generated sessions gives the attacker a person.
// -args -sessions 5000 plays 10,000 in all.
func TestAnAttackerRecoversNobody(t *testing.T) {
	for name, rows := range map[string]bool{"people": false, "rows": true} {
		t.Run(name, func(t *testing.T) {
			sums, alike, whole, undecided := 0, 0, 0, 0
			for seed := range uint64(*sessions) {
				a := newAttacked(seed, rows, sound)
				s := a.session()
				if s.Won(a.k) {
					t.Errorf("session %d, k=%d: %+v of %d rows from %d sums", seed, a.k, s, len(a.sums.Unit), len(a.sums.Rows))
				}
				sums, undecided = sums+len(a.sums.Rows), undecided+s.Undecided
				if s.Determined > 0 {
					alike++
				}
				if s.Whole > 0 {
					whole++
				}
			}
			t.Logf("%d sums released; k people or more, all alike, follow in %d of %d sessions; somebody follows from whole numbers alone in %d; the solver could not say of %d unknowns",
				sums, alike, *sessions, whole, undecided)
			if whole*100 > 4**sessions+500 {
				t.Errorf("somebody follows from whole numbers in %d of %d sessions", whole, *sessions)
			}
			if undecided*100 > *sessions {
				t.Errorf("the solver could not say of %d unknowns in %d sessions", undecided, *sessions)
			}
		})
	}
}

// Against a gate with a fault the same attacker wins.
func TestAnAttackerWinsWhereTheGateIsWeak(t *testing.T) {
	for name, weak := range map[string]weakness{"no history": forgetful, "a threshold of one": lenient} {
		for _, rows := range []bool{false, true} {
			won := 0
			for seed := range uint64(50) {
				if a := newAttacked(seed, rows, weak); a.session().Won(a.k) {
					won++
				}
			}
			t.Logf("%s, rows %v: somebody recovered in %d of 50 sessions", name, rows, won)
			if won < 25 {
				t.Errorf("%s, rows %v: somebody recovered in only %d of 50 sessions", name, rows, won)
			}
		}
	}
}

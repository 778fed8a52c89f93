package keys_test

import (
	"fmt"
	"math"
	"math/bits"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/keys"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// What is made in batches is what Tink makes, one by one, and Tink reverses it.
func TestBatchesAreTinksPseudonyms(t *testing.T) {
	k, _ := create(t)
	rapid.Check(t, func(t *rapid.T) {
		project := rapid.StringMatching(`[a-z][a-z0-9_-]{0,30}`).Filter(gatehouse.ValidName).Draw(t, "project")
		p, err := k.ProjectPseudonyms(project, "people", rapid.IntRange(1, 3).Draw(t, "epoch"))
		if err != nil {
			t.Fatal(err)
		}
		units := rapid.SliceOfN(rapid.Uint32(), 0, 40).Draw(t, "units")
		names, err := p.AppendPseudonyms([]byte("before"), units)
		if err != nil || !strings.HasPrefix(string(names), "before") {
			t.Fatal(err)
		}
		names = names[len("before"):]
		if len(names) != len(units)*workspaces.PseudonymLength {
			t.Fatalf("%d bytes for %d people", len(names), len(units))
		}
		for i, unit := range units {
			name := string(names[i*workspaces.PseudonymLength:][:workspaces.PseudonymLength])
			if want, err := p.Pseudonym(unit); err != nil || name != want {
				t.Fatalf("unit %d is %s, and Tink says %s (%v)", unit, name, want, err)
			}
			if back, err := p.Unit(name); err != nil || back != unit {
				t.Fatalf("unit %d came back as %d (%v)", unit, back, err)
			}
		}
	})
}

// series are the pseudonyms of units 0 to n-1.
func series(t testing.TB, k *keys.Keys, project string, epoch, n int) []string {
	t.Helper()
	p, err := k.ProjectPseudonyms(project, "people", epoch)
	if err != nil {
		t.Fatal(err)
	}
	units := make([]uint32, n)
	for i := range units {
		units[i] = uint32(i)
	}
	text, err := p.AppendPseudonyms(nil, units)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]string, n)
	for i := range out {
		out[i] = string(text[i*workspaces.PseudonymLength:][:workspaces.PseudonymLength])
	}
	return out
}

// Two projects' pseudonyms of the same people share nothing, nor do two epochs of
// one project: no name, no bits, no first letters, no order, no length. With random
// keys each measure lies within six standard deviations of what chance gives, but
// for one run in a hundred million.
func TestPseudonymsOfTwoProjectsAreUnlinkable(t *testing.T) {
	const n = 50_000
	k, _ := create(t)
	for _, pair := range [][2]struct {
		project string
		epoch   int
	}{{{"asthma", 1}, {"stroke", 1}}, {{"asthma", 1}, {"asthma", 2}}, {{"asthma", 1}, {"asthma-1", 1}}} {
		a, b := series(t, k, pair[0].project, pair[0].epoch, n), series(t, k, pair[1].project, pair[1].epoch, n)
		seen := map[string]bool{}
		for i := range n {
			if len(a[i]) != len(b[i]) || len(a[i]) != workspaces.PseudonymLength {
				t.Fatal("the lengths differ")
			}
			seen[a[i]] = true
		}
		agree, position, prefix, neighbours := 0, [workspaces.PseudonymLength]int{}, 0, 0
		for i := range n {
			if seen[b[i]] {
				t.Fatalf("%v share a pseudonym", pair)
			}
			for j := range workspaces.PseudonymLength {
				x, y := strings.IndexByte(alphabet, a[i][j]), strings.IndexByte(alphabet, b[i][j])
				agree += 5 - bits.OnesCount8(uint8(x^y))
				if x == y {
					position[j]++
				}
			}
			if a[i][:2] == b[i][:2] {
				prefix++
			}
			if i > 0 && (a[i] < a[i-1]) == (b[i] < b[i-1]) {
				neighbours++
			}
		}
		within(t, pair, "bits that agree", float64(agree), n*160, 0.5)
		for j, same := range position {
			within(t, pair, fmt.Sprint("letters that agree at ", j), float64(same), n, 1.0/32)
		}
		within(t, pair, "first two letters that agree", float64(prefix), n, 1.0/1024)
		// Neighbouring comparisons share a name: their variance is a third more.
		within(t, pair, "neighbours in the same order", float64(neighbours), n-1, 0.5)
		if r := correlation(ranks(a), ranks(b)); math.Abs(r) > 6/math.Sqrt(n) {
			t.Errorf("%v: sorted alike, r = %f", pair, r)
		}
	}
}

const alphabet = "abcdefghijklmnopqrstuvwxyz234567"

func within(t *testing.T, of any, what string, got float64, n int, p float64) {
	t.Helper()
	mean, deviation := float64(n)*p, math.Sqrt(float64(n)*p*(1-p))
	if z := (got - mean) / deviation; math.Abs(z) > 6 {
		t.Errorf("%v: %s: %.0f, where chance gives %.0f (%.1f standard deviations)", of, what, got, mean, z)
	}
}

func ranks(names []string) []float64 {
	order := make([]int, len(names))
	for i := range order {
		order[i] = i
	}
	sort.Slice(order, func(i, j int) bool { return names[order[i]] < names[order[j]] })
	out := make([]float64, len(names))
	for rank, i := range order {
		out[i] = float64(rank)
	}
	return out
}

func correlation(a, b []float64) float64 {
	mean := float64(len(a)-1) / 2
	var ab, aa float64
	for i := range a {
		ab += (a[i] - mean) * (b[i] - mean)
		aa += (a[i] - mean) * (a[i] - mean)
	}
	return ab / aa
}

// Pseudonyms of one epoch are of no other; a project's are told from others' and
// traced whatever their epoch.
func TestEpochs(t *testing.T) {
	k, dir := create(t)
	ctx := t.Context()
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.Uint32().Draw(t, "unit")
		made, opens := rapid.IntRange(1, 4).Draw(t, "made in"), rapid.IntRange(1, 4).Draw(t, "opened in")
		p, err := k.ProjectPseudonyms("asthma", "people", made)
		if err != nil {
			t.Fatal(err)
		}
		q, err := k.ProjectPseudonyms("asthma", "people", opens)
		if err != nil {
			t.Fatal(err)
		}
		name, err := p.Pseudonym(unit)
		if err != nil {
			t.Fatal(err)
		}
		back, err := q.Unit(name)
		if (err == nil) != (made == opens) || err == nil && back != unit {
			t.Fatalf("made in %d, opened in %d: %d, %v", made, opens, back, err)
		}
		traced, err := k.Reverse(ctx, "asthma", []string{name, strings.Repeat("a", 32)})
		if err != nil || traced[0] != (workspaces.Reversed{Unit: unit, Epoch: made, Family: "people"}) || traced[1].Epoch != 0 {
			t.Fatalf("traced to %v, %v", traced, err)
		}
		recognise, err := k.Recogniser(ctx, "asthma")
		if err != nil || !recognise([]byte(name)) {
			t.Fatalf("not recognised: %v", err)
		}
		if others, err := k.Reverse(ctx, "stroke", []string{name}); err != nil || others[0].Epoch != 0 {
			t.Fatalf("traced in another project: %v, %v", others, err)
		}
	})
	if err := k.DestroyProjectKey(ctx, "asthma"); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*asthma*keyset*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	for epoch := 1; epoch < 6; epoch++ {
		_, err := k.Pseudonyms(ctx, "asthma", "people", epoch)
		want(t, err, gatehouse.CodeKeys)
	}
	_, err := k.Reverse(ctx, "asthma", nil)
	want(t, err, gatehouse.CodeKeys)
}

// A destroyed key is overwritten where it stood, so that whoever kept the file open
// finds nothing.
func TestADestroyedKeyIsOverwritten(t *testing.T) {
	k, dir := create(t)
	pseudonyms(t, k, "asthma")
	f, err := os.Open(filepath.Join(dir, "project-asthma.keyset"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := k.DestroyProjectKey(t.Context(), "asthma"); err != nil {
		t.Fatal(err)
	}
	content := make([]byte, 4096)
	n, _ := f.Read(content)
	if n == 0 || strings.Trim(string(content[:n]), "\x00") != "" {
		t.Errorf("%d bytes, not all zero", n)
	}
}

// Everybody's dates move by up to so many days, either way, evenly, by the same in
// each run, and otherwise in each index.
func TestShifts(t *testing.T) {
	const n, most = 30_000, 15
	k, _ := create(t)
	days := func(family string) []int {
		s, err := k.DateShifts(t.Context(), family, most)
		if err != nil {
			t.Fatal(err)
		}
		out := make([]int, n)
		for i := range out {
			if out[i], err = s.Days(fmt.Append(nil, i)); err != nil || out[i] < -most || out[i] > most {
				t.Fatalf("%d, %v", out[i], err)
			}
		}
		return out
	}
	first := days("north")
	count := map[int]int{}
	for i, d := range days("north") {
		if d != first[i] {
			t.Fatal("a shift changed")
		}
		count[d]++
	}
	for d := -most; d <= most; d++ {
		within(t, "north", fmt.Sprint(d, " days"), float64(count[d]), n, 1.0/(2*most+1))
	}
	same := 0
	for i, d := range days("south") {
		if first[i] == d {
			same++
		}
	}
	within(t, "north", "shifts that agree", float64(same), n, 1.0/(2*most+1))
	_, err := k.DateShifts(t.Context(), "north", 0)
	want(t, err, gatehouse.CodeKeys)
	_, err = k.DateShifts(t.Context(), "../north", 10)
	want(t, err, gatehouse.CodeKeys)
}

// BenchmarkPseudonyms is pseudonymising in batches, on one processor.
func BenchmarkPseudonyms(b *testing.B) {
	k, _ := create(b)
	p, err := k.ProjectPseudonyms("asthma", "people", 1)
	if err != nil {
		b.Fatal(err)
	}
	units := make([]uint32, 122_880)
	for i := range units {
		units[i] = uint32(i) * 7
	}
	var to []byte
	before := cpu()
	for b.Loop() {
		if to, err = p.AppendPseudonyms(to[:0], units); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(units)*b.N)/(cpu()-before), "people/cpu-s")
	b.ReportMetric((cpu()-before)*1e9/float64(len(units)*b.N), "cpu-ns/person")
}

func cpu() float64 {
	var r syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return float64(r.Utime.Nano()+r.Stime.Nano()) / 1e9
}

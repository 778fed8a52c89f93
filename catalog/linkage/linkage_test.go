package linkage_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gatehouse-tre/gatehouse/catalog/linkage"
	"github.com/gatehouse-tre/gatehouse/catalog/synth"
)

// rules are those of the documentation: four passes, and a model for what is left.
func rules(model bool) linkage.Rules {
	on := func(parts ...string) (out []linkage.Part) {
		for _, p := range parts {
			field, of, _ := strings.Cut(p, ":")
			out = append(out, linkage.Part{Field: field, Of: of})
		}
		return out
	}
	r := linkage.Rules{
		Fields: []linkage.Field{
			{Name: "given", Kind: linkage.KindName, Frequency: true, Decisive: true, SwapWith: "family"},
			{Name: "family", Kind: linkage.KindName, Frequency: true, SwapWith: "given"},
			{Name: "born", Kind: linkage.KindDate},
			{Name: "postcode", Kind: linkage.KindPostcode, Frequency: true},
			{Name: "sex", Kind: linkage.KindCode},
		},
		Passes: []linkage.Pass{
			{Name: "exact", On: on("given", "family", "born", "postcode")},
			{Name: "initials", On: on("given:1", "family:1", "born", "sex", "postcode")},
			{Name: "moved", On: on("given", "family", "born", "sex", "postcode:outcode")},
			{Name: "sound", On: on("given:soundex", "family:soundex", "born", "postcode")},
		},
	}
	if model {
		r.Model = &linkage.Model{Threshold: 0.95, Blocks: [][]linkage.Part{on("born"), on("postcode"), on("family", "given"), on("family:soundex", "born:year"), on("given", "born:year", "postcode:outcode")}}
	}
	return r
}

type somebody struct{ values [5]string }

// population is people of the generator, and among them some twins who were not in it:
// of one family, birth, address and sex.
func population(t testing.TB, n int, r *rand.Rand) []somebody {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "extracts")
	if _, err := synth.Write(context.Background(), synth.Options{People: n, Seed: 5, Dir: dir}); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(dir, "patients.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in := csv.NewReader(f)
	in.LazyQuotes = true
	rows, err := in.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []somebody
	seen := map[[5]string]bool{}
	for _, row := range rows[1:] {
		v := [5]string{row[1], row[2], row[3], row[4], row[6]}
		if seen[v] || v[2] == "" {
			continue
		}
		seen[v] = true
		out = append(out, somebody{v})
		if r.IntN(50) == 0 { // a twin
			twin := v
			twin[0] = rows[1+r.IntN(len(rows)-1)][1]
			if !seen[twin] {
				seen[twin] = true
				out = append(out, somebody{twin})
			}
		}
	}
	return out
}

// spoil writes somebody down as clerks do.
func spoil(v [5]string, others []somebody, r *rand.Rand) [5]string {
	typo := func(s string) string {
		if len(s) < 3 {
			return s
		}
		at := 1 + r.IntN(len(s)-2)
		switch r.IntN(3) {
		case 0:
			return s[:at] + s[at+1:]
		case 1:
			return s[:at] + string(rune('a'+r.IntN(26))) + s[at+1:]
		}
		b := []byte(s)
		b[at], b[at+1] = b[at+1], b[at]
		return string(b)
	}
	chance := func(p float64) bool { return r.Float64() < p }
	if chance(0.15) {
		v[0] = typo(v[0])
	}
	if chance(0.10) {
		v[1] = typo(v[1])
	}
	if chance(0.03) {
		v[0], v[1] = v[1], v[0]
	}
	if chance(0.12) { // moved
		v[3] = others[r.IntN(len(others))].values[3]
	}
	if chance(0.05) { // day and month, or a digit
		if b := []byte(v[2]); chance(0.5) && string(b[8:]) <= "12" {
			v[2] = v[2][:5] + v[2][8:] + "-" + v[2][5:7]
		} else {
			b[9] = '0' + (b[9]-'0'+1)%10
			v[2] = string(b)
		}
	}
	for i, p := range []float64{0.02, 0.01, 0.02, 0.05, 0.05} {
		if chance(p) {
			v[i] = ""
		}
	}
	if chance(0.3) {
		v[0], v[1], v[3] = strings.ToUpper(v[0]), strings.ToUpper(v[1]), strings.ReplaceAll(strings.ToLower(v[3]), " ", "")
	}
	return v
}

func bytesOf(v [5]string) [][]byte {
	out := make([][]byte, len(v))
	for i := range v {
		out[i] = []byte(v[i])
	}
	return out
}

// quality links spoiled rows whose truth is known: one in four is of somebody who is
// not among the people.
func quality(t testing.TB, model bool, n int) (precision, recall float64, report linkage.Report) {
	r := rand.New(rand.NewPCG(7, 7))
	everybody := population(t, n, r)
	absent := make(map[int]bool)
	l, err := linkage.New(rules(model))
	if err != nil {
		t.Fatal(err)
	}
	truth := map[[5]string]int{}
	var rows [][5]string
	for len(rows) < len(everybody)/4 {
		who := r.IntN(len(everybody))
		v := spoil(everybody[who].values, everybody, r)
		if _, twice := truth[v]; twice {
			continue
		}
		truth[v] = who
		rows = append(rows, v)
		if r.IntN(4) == 0 {
			absent[who] = true
		}
		l.Ask(bytesOf(v))
	}
	for who, p := range everybody {
		if !absent[who] {
			l.Offer(uint32(who), bytesOf(p.values))
		}
	}
	report = l.Resolve(func(uint32) bool { return true })
	right, linked, possible := 0, 0, 0
	for _, v := range rows {
		d := l.Answer(bytesOf(v))
		if !absent[truth[v]] {
			possible++
		}
		if d.Linked {
			linked++
			if int(d.Person) == truth[v] {
				right++
			}
		}
	}
	var sum int64
	for _, n := range report.Outcomes {
		sum += n
	}
	if sum > int64(len(rows)) || report.Rows != sum { // some rows differ in case alone
		t.Errorf("%d rows, and %d outcomes of %d", len(rows), sum, report.Rows)
	}
	return float64(right) / float64(linked), float64(right) / float64(possible), report
}

// What the exact passes and the model make of rows with errors in every field, of
// twins, of people who moved, and of people who are not there.
func TestQualityOnKnownTruth(t *testing.T) {
	precision, recall, report := quality(t, false, 8000)
	t.Logf("passes: precision %.4f, recall %.4f, %v", precision, recall, report.Outcomes)
	if precision < 0.995 || recall < 0.65 {
		t.Errorf("the passes have precision %.4f and recall %.4f", precision, recall)
	}
	p2, r2, report := quality(t, true, 8000)
	t.Logf("model: precision %.4f, recall %.4f, estimated %.4f and %.4f, share %.3f, %d pairs, %d rounds, %v", p2, r2, report.Precision, report.Recall, report.Share, report.Compared, report.Rounds, report.Outcomes)
	for field, levels := range report.Parameters {
		t.Logf("%s %v", field, levels)
	}
	if p2 < 0.99 || r2 < 0.9 {
		t.Errorf("with the model, precision is %.4f and recall %.4f", p2, r2)
	}
	if r2 <= recall {
		t.Error("the model finds no more than the passes")
	}
	if report.Share < 0.65 || report.Share > 0.85 {
		t.Errorf("the share of rows whose person is there is estimated as %.3f; it is about 0.75", report.Share)
	}
}

// Who cannot be told apart is linked to neither.
func TestTwinsAreNotGuessed(t *testing.T) {
	l, err := linkage.New(rules(true))
	if err != nil {
		t.Fatal(err)
	}
	row := [5]string{"", "Okafor", "2001-02-03", "AA60 1AA", "F"}
	l.Ask(bytesOf(row))
	for i, p := range population(t, 300, rand.New(rand.NewPCG(1, 1))) {
		l.Offer(uint32(i+10), bytesOf(p.values))
	}
	l.Offer(1, bytesOf([5]string{"Ngozi", "Okafor", "2001-02-03", "AA60 1AA", "F"}))
	l.Offer(2, bytesOf([5]string{"Abena", "Okafor", "2001-02-03", "AA60 1AA", "F"}))
	l.Resolve(func(uint32) bool { return true })
	if d := l.Answer(bytesOf(row)); d.Linked || d.Outcome == linkage.NoCandidate {
		t.Errorf("%+v", d)
	}
}

// A row that fits somebody who may not be linked to is not given to another.
func TestWhoIsNotUsableIsNotReplaced(t *testing.T) {
	l, err := linkage.New(rules(true))
	if err != nil {
		t.Fatal(err)
	}
	row := [5]string{"Ngozi", "Okafor", "2001-02-03", "AA60 1AA", "F"}
	l.Ask(bytesOf(row))
	l.Offer(1, bytesOf(row))
	other := row
	other[3] = "AA60 2BB"
	l.Offer(2, bytesOf(other))
	l.Resolve(func(p uint32) bool { return p != 1 })
	if d := l.Answer(bytesOf(row)); d.Linked {
		t.Errorf("%+v", d)
	}
}

func TestRulesThatAreRefused(t *testing.T) {
	for name, spoil := range map[string]func(*linkage.Rules){
		"no fields":       func(r *linkage.Rules) { r.Fields = nil },
		"a field twice":   func(r *linkage.Rules) { r.Fields[1].Name = "given" },
		"a strange kind":  func(r *linkage.Rules) { r.Fields[1].Kind = "shape" },
		"nobody to swap":  func(r *linkage.Rules) { r.Fields[0].SwapWith = "born" },
		"no such field":   func(r *linkage.Rules) { r.Passes[0].On[0].Field = "height" },
		"no such part":    func(r *linkage.Rules) { r.Passes[0].On[0].Of = "outcode" },
		"an empty pass":   func(r *linkage.Rules) { r.Passes[0].On = nil },
		"a pass twice":    func(r *linkage.Rules) { r.Passes[1].Name = "exact" },
		"a low threshold": func(r *linkage.Rules) { r.Model.Threshold = 0.5 },
		"no blocks":       func(r *linkage.Rules) { r.Model.Blocks = nil },
	} {
		r := rules(true)
		spoil(&r)
		if _, err := linkage.New(r); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// BenchmarkLinkage links one spoiled row for every four people; GATEHOUSE_BENCH_PEOPLE
// sets how many there are.
func BenchmarkLinkage(b *testing.B) {
	n := 40_000
	if s := os.Getenv("GATEHOUSE_BENCH_PEOPLE"); s != "" {
		if _, err := fmt.Sscan(s, &n); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		var before, after syscall.Rusage
		syscall.Getrusage(syscall.RUSAGE_SELF, &before)
		precision, recall, report := quality(b, true, n)
		syscall.Getrusage(syscall.RUSAGE_SELF, &after)
		cpu := float64(after.Utime.Nano()-before.Utime.Nano()+after.Stime.Nano()-before.Stime.Nano()) / 1e9
		b.ReportMetric(cpu, "cpu-s")
		b.ReportMetric(float64(report.Compared), "pairs")
		b.ReportMetric(precision, "precision")
		b.ReportMetric(recall, "recall")
	}
}

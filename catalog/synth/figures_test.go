package synth

import (
	"cmp"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// cohort is what the extracts tell of each good patient.
type cohort struct {
	people   map[string]*subject
	stays    []line
	packages []line
	events   []line
}

type subject struct {
	line      line
	age       int // on the extract date, or at death
	adult     bool
	living    bool              // and on the list
	diagnosed map[string]string // first date by code
	last      map[string]float64
	smoking   string
	doses     int
}

// The cohort of the shared extracts, read once.
var sharedCohort struct {
	once sync.Once
	cohort
}

func cohortOfTwentyThousand(t *testing.T) cohort {
	t.Helper()
	e := twentyThousand(t)
	sharedCohort.once.Do(func() { sharedCohort.cohort = readCohort(t, e) })
	return sharedCohort.cohort
}

func readCohort(t *testing.T, e extracts) cohort {
	t.Helper()
	c := cohort{people: map[string]*subject{}}
	bad := recorded(t, e.summary.Files["patients.csv"])
	for i, l := range readTable(t, filepath.Join(e.dir, "patients.csv")).lines {
		if bad[i+2] != "" {
			continue
		}
		born, _ := date(l.get("date_of_birth"))
		end := extractDay.time()
		if died := l.get("date_of_death"); died != "" {
			end, _ = date(died)
		}
		age := int(end.Sub(born).Hours() / 24 / 365.25)
		c.people[l.get("nhs_number")] = &subject{
			line: l, age: age, adult: age >= 17, living: l.get("registered_to") == "",
			diagnosed: map[string]string{}, last: map[string]float64{},
		}
	}
	good := func(file string) []line {
		bad := recorded(t, e.summary.Files[file])
		var out []line
		for i, l := range readTable(t, filepath.Join(e.dir, file)).lines {
			if bad[i+2] == "" {
				out = append(out, l)
			}
		}
		return out
	}
	c.events, c.stays, c.packages = good("events.csv"), good("admissions.csv"), good("social_care.csv")
	for _, l := range c.events {
		s := c.people[l.get("nhs_number")]
		if s == nil {
			continue
		}
		code, day := l.get("code"), l.get("date")
		if first := s.diagnosed[code]; first == "" || day < first {
			s.diagnosed[code] = day
		}
		if v, err := strconv.ParseFloat(l.get("value"), 64); err == nil {
			s.last[code] = v
		}
		switch code {
		case "77176002", "8517006", "266919005":
			s.smoking = code
		case "1324681000000101":
			s.doses++
		}
	}
	return c
}

// share is the per cent of the people who are in the base for whom is holds.
func (c cohort) share(base, is func(*subject) bool) float64 {
	n, of := 0, 0
	for _, s := range c.people {
		if base(s) {
			of++
			if is(s) {
				n++
			}
		}
	}
	return 100 * float64(n) / float64(of)
}

func all(*subject) bool { return true }

func has(code string) func(*subject) bool {
	return func(s *subject) bool { return s.diagnosed[code] != "" }
}

func field(name, value string) func(*subject) bool {
	return func(s *subject) bool { return s.line.get(name) == value }
}

func onList(s *subject) bool      { return s.living }
func adultOnList(s *subject) bool { return s.living && s.adult }

func within(t *testing.T, what string, got, low, high float64) {
	t.Helper()
	if math.IsNaN(got) || got < low || got > high {
		t.Errorf("%s is %.2f, not between %.2f and %.2f", what, got, low, high)
	}
}

func TestFiguresAreThoseOfEngland(t *testing.T) {
	e, c := twentyThousand(t), cohortOfTwentyThousand(t)
	people := float64(e.summary.People)

	within(t, "events a person", float64(len(c.events))/people, 23, 27)
	within(t, "admissions a person", float64(len(c.stays))/people, 0.95, 1.15)
	within(t, "packages of care a person", float64(len(c.packages))/people, 0.05, 0.07)

	within(t, "women", c.share(all, field("sex", "F")), 48, 52)
	within(t, "indeterminate sex", c.share(all, field("sex", "I")), 2.6, 3.4)
	within(t, "under 18", c.share(onList, func(s *subject) bool { return s.age < 18 }), 19, 23)
	within(t, "65 and over", c.share(onList, func(s *subject) bool { return s.age >= 65 }), 17, 21)
	within(t, "died", c.share(all, func(s *subject) bool { return s.line.get("date_of_death") != "" }), 4.4, 6.3)
	within(t, "White British", c.share(all, field("ethnicity", "White British")), 67, 73)
	within(t, "unknown ethnicity", c.share(all, field("ethnicity", "unknown")), 3.8, 5.2)
	within(t, "White British in London", c.share(field("region", "London"), field("ethnicity", "White British")), 32, 39)
	for i := range regions {
		within(t, regions[i].name, c.share(all, field("region", regions[i].name)), regions[i].share-1, regions[i].share+1)
	}
	for decile := 1; decile <= 10; decile++ {
		within(t, "decile "+strconv.Itoa(decile), c.share(all, field("imd_decile", strconv.Itoa(decile))), 6.5, 13.5)
	}

	// Quality and Outcomes Framework 2023/24.
	within(t, "type 2 diabetes in adults", c.share(adultOnList, has("44054006")), 6.0, 8.2)
	within(t, "hypertension", c.share(onList, has("38341003")), 13, 17)
	within(t, "asthma", c.share(onList, has("195967001")), 5.8, 7.6)
	within(t, "COPD", c.share(onList, has("13645005")), 1.4, 2.4)
	within(t, "CKD 3 in adults", c.share(adultOnList, has("433144002")), 3.5, 5.4)
	within(t, "depression in adults", c.share(adultOnList, has("35489007")), 12, 15.5)
	within(t, "HIV", c.share(onList, has("86406008")), 0.08, 0.35)
	current := func(s *subject) bool { return s.smoking == "77176002" }
	within(t, "smokers among adults whose smoking is known",
		c.share(func(s *subject) bool { return adultOnList(s) && s.smoking != "" }, current), 12, 18.5)
	within(t, "65 and over with a COVID-19 vaccination",
		c.share(func(s *subject) bool { return s.living && s.age >= 70 }, has("1324681000000101")), 90, 98)

	// Gradients.
	old := func(s *subject) bool { return s.age >= 60 }
	young := func(s *subject) bool { return s.age >= 20 && s.age < 40 }
	poor := func(s *subject) bool { d := s.line.get("imd_decile"); return s.adult && (d == "1" || d == "2") }
	rich := func(s *subject) bool { d := s.line.get("imd_decile"); return s.adult && (d == "9" || d == "10") }
	southAsian := func(s *subject) bool {
		return s.age >= 40 && slices.Contains([]string{"Indian", "Pakistani", "Bangladeshi"}, s.line.get("ethnicity"))
	}
	white := func(s *subject) bool { return s.age >= 40 && s.line.get("ethnicity") == "White British" }
	for _, g := range []struct {
		what       string
		more, less func(*subject) bool
		is         func(*subject) bool
		times      float64
	}{
		{"diabetes by age", old, young, has("44054006"), 5},
		{"hypertension by age", old, young, has("38341003"), 10},
		{"COPD by deprivation", poor, rich, has("13645005"), 1.5},
		{"smoking by deprivation", poor, rich, current, 1.5},
		{"diabetes by ethnicity", southAsian, white, has("44054006"), 1.4},
		{"vaccination by ethnicity", white, southAsian, has("1324681000000101"), 1.05},
	} {
		if a, b := c.share(g.more, g.is), c.share(g.less, g.is); a < g.times*b {
			t.Errorf("%s: %.1f and %.1f per cent", g.what, a, b)
		}
	}
}

func TestMeasurementsLookLikeThoseOfPeople(t *testing.T) {
	c := cohortOfTwentyThousand(t)
	mean := func(code string, base func(*subject) bool) (mean, sd float64) {
		var n, sum, squares float64
		for _, s := range c.people {
			if v, ok := s.last[code]; ok && base(s) {
				n, sum, squares = n+1, sum+v, squares+v*v
			}
		}
		return sum / n, math.Sqrt(squares/n - sum/n*sum/n)
	}
	adults := func(s *subject) bool { return s.adult }
	diabetic := has("44054006")
	other := func(s *subject) bool { return !diabetic(s) }
	for _, m := range []struct {
		what, code string
		base       func(*subject) bool
		low, high  float64
		least      float64 // of the standard deviation
	}{
		{"BMI", "60621009", adults, 26.5, 29, 4},
		{"systolic pressure", "271649006", adults, 122, 132, 12},
		{"diastolic pressure", "271650006", adults, 71, 77, 7},
		{"cholesterol", "1005671000000105", adults, 4.6, 5.3, 0.7},
		{"HbA1c in diabetes", "1003671000000109", diabetic, 51, 60, 10},
		{"HbA1c in others", "1003671000000109", other, 34, 40, 2},
	} {
		got, sd := mean(m.code, m.base)
		within(t, m.what, got, m.low, m.high)
		within(t, "the standard deviation of "+m.what, sd, m.least, 3*m.least)
	}
}

func TestAdmissionsHaveSeasonsAndLengths(t *testing.T) {
	c := cohortOfTwentyThousand(t)
	methodCount, month, stays := map[string]int{}, map[time.Month]int{}, map[string][]int{}
	lastOut, again, emergencies := map[string]time.Time{}, 0, 0
	admissions := slices.Clone(c.stays)
	slices.SortFunc(admissions, func(a, b line) int {
		return cmp.Compare(a.get("admitted"), b.get("admitted"))
	})
	for _, l := range admissions {
		methodCount[l.get("method")]++
		in, _ := date(l.get("admitted"))
		if l.get("method") == "emergency" && in.Year() < 2025 { // whole years
			month[in.Month()]++
		}
		number := l.get("nhs_number")
		if in.Before(lastOut[number]) {
			t.Errorf("a person is admitted while in hospital: %s", l.text)
		}
		if out := l.get("discharged"); out != "" {
			n, _ := strconv.Atoi(l.get("length_of_stay"))
			stays[l.get("diagnosis")] = append(stays[l.get("diagnosis")], n)
			if before := lastOut[number]; l.get("method") == "emergency" && !before.IsZero() && in.Sub(before) <= 30*24*time.Hour {
				again++
			}
			if l.get("method") == "emergency" {
				emergencies++
				lastOut[number], _ = date(out)
			}
		}
	}
	n := float64(len(c.stays))
	within(t, "emergencies among admissions", float64(methodCount["emergency"])/n, 0.33, 0.47)
	within(t, "maternity among admissions", float64(methodCount["maternity"])/n, 0.02, 0.08)
	within(t, "others among admissions", float64(methodCount["other"])/n, 0.01, 0.08)
	within(t, "readmissions within 30 days of an emergency", float64(again)/float64(emergencies), 0.10, 0.20)
	winter, summer := month[12]+month[1]+month[2], month[6]+month[7]+month[8]
	within(t, "winter to summer emergencies", float64(winter)/float64(summer), 1.08, 1.45)
	median := func(d string) float64 {
		slices.Sort(stays[d])
		return float64(stays[d][len(stays[d])/2])
	}
	within(t, "median stay for a broken hip", median("S720"), 9, 17)
	within(t, "median stay for a cataract", median("H269"), 0, 0)
	within(t, "median stay for pneumonia", median("J189"), 3, 8)
}

func TestEveryCodeAndValueOccurs(t *testing.T) {
	e, c := twentyThousand(t), cohortOfTwentyThousand(t)
	used := map[string]int{}
	for _, l := range c.events {
		used[l.get("code")]++
	}
	services := map[string]bool{}
	for _, l := range c.packages {
		services[l.get("service")] = true
	}
	for _, l := range c.stays {
		used[l.get("diagnosis")]++
		used[l.get("procedure")]++
		used[l.get("method")]++
	}
	for _, code := range []string{
		"44054006", "38341003", "195967001", "13645005", "433144002", "35489007", "86406008", "77176002", "8517006",
		"266919005", "60621009", "271649006", "271650006", "1003671000000109", "1005671000000105", "1324681000000101",
		"86198006", "372912004",
		"I219", "I639", "J441", "E119", "N183", "C509", "F329", "S720", "O800", "J189", "K529", "U071",
		"elective", "emergency", "maternity", "other",
	} {
		if used[code] == 0 {
			t.Errorf("%s does not occur", code)
		}
	}
	for _, l := range readTable(t, filepath.Join(e.dir, "codes.csv")).lines {
		if used[l.get("code")] == 0 {
			t.Errorf("codes.csv has %s, which does not occur", l.get("code"))
		}
	}
	for _, s := range []string{"home care", "reablement", "residential", "nursing", "day care", "equipment"} {
		if !services[s] {
			t.Errorf("%s does not occur", s)
		}
	}
	for _, ethnicity := range ethnicities {
		if c.share(all, field("ethnicity", ethnicity)) == 0 {
			t.Errorf("%s does not occur", ethnicity)
		}
	}
}

// The rare code is there in any extract, so that questions about it can be asked.
func TestHIVOccursInTheSmallestExtract(t *testing.T) {
	for seed := range uint64(25) {
		c := readCohort(t, mustWrite(t, Options{People: MinPeople, Seed: seed}))
		if c.share(all, has("86406008")) == 0 {
			t.Errorf("seed %d: nobody", seed)
		}
	}
}

func TestPlacesHoldTogether(t *testing.T) {
	c := cohortOfTwentyThousand(t)
	regionOf, decileOf, sizes := map[string]string{}, map[string]string{}, map[string]int{}
	lone := map[[4]string]int{}
	for _, s := range c.people {
		l := s.line
		sizes[l.get("practice_id")]++
		lone[[4]string{l.get("sex"), l.get("date_of_birth")[:4], l.get("ethnicity"), l.get("practice_id")}]++
		for _, place := range []string{l.get("practice_id"), l.get("lsoa"), l.get("postcode")} {
			if r := regionOf[place]; r != "" && r != l.get("region") {
				t.Fatalf("%s lies in %s and in %s", place, r, l.get("region"))
			}
			regionOf[place] = l.get("region")
		}
		if d := decileOf[l.get("lsoa")]; d != "" && d != l.get("imd_decile") {
			t.Fatalf("%s is of decile %s and %s", l.get("lsoa"), d, l.get("imd_decile"))
		}
		decileOf[l.get("lsoa")] = l.get("imd_decile")
	}
	if len(sizes) < 20 {
		t.Errorf("only %d practices", len(sizes))
	}
	singles := 0
	for _, n := range lone {
		if n == 1 {
			singles++
		}
	}
	if singles < 100 {
		t.Errorf("only %d people are alone of their sex, year of birth, ethnicity and practice", singles)
	}
}

// Nothing is recorded of a person before birth, after death, or after the person left the list.
func TestRecordsLieWithinLives(t *testing.T) {
	c := cohortOfTwentyThousand(t)
	check := func(lines []line, first, last string) {
		t.Helper()
		for _, l := range lines {
			s := c.people[l.get("nhs_number")]
			if s == nil {
				continue
			}
			from, to := l.get(first), l.get(last)
			if died := s.line.get("date_of_death"); from < s.line.get("date_of_birth") || died != "" && max(from, to) > died {
				t.Fatalf("%q lies outside the life %q", l.text, s.line.text)
			}
			if left := s.line.get("registered_to"); left != "" && from > left {
				t.Fatalf("%q begins after %s", l.text, left)
			}
		}
	}
	check(c.events, "date", "date")
	check(c.stays, "admitted", "discharged")
	check(c.packages, "started", "ended")
}

package synth

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// validNumber checks modulus 11 the way the NHS Data Dictionary puts it, apart
// from the code under test: multiply by 10 down to 2, add, take from 11.
func validNumber(number string) bool {
	if len(number) != 10 || strings.Trim(number, "0123456789") != "" {
		return false
	}
	sum := 0
	for i := range 9 {
		sum += int(number[i]-'0') * (10 - i)
	}
	check := 11 - sum%11
	if check == 11 {
		check = 0
	}
	return check != 10 && check == int(number[9]-'0')
}

func TestValidNumberKnowsPublishedExamples(t *testing.T) {
	for number, want := range map[string]bool{
		"9434765919": true, "9876543210": true, "9876543211": false, "943476591": false, "94347659l9": false,
	} {
		if validNumber(number) != want {
			t.Errorf("%s: want %v", number, want)
		}
	}
}

func TestNHSNumbersAreValidAndInTheirRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		numbers := newNHSNumbers(rapid.Uint64().Draw(t, "seed"))
		person := rapid.IntRange(0, MaxPeople-1).Draw(t, "person")
		n := numbers.at(person)
		number := string(n[:])
		if !validNumber(number) {
			t.Fatalf("person %d has %s", person, number)
		}
		if inTest := strings.HasPrefix(number, "999"); inTest != (person < testRangeNumbers) || number[0] != '9' {
			t.Fatalf("person %d has %s, in the test range: %v", person, number, inTest)
		}
	})
}

func TestNHSNumbersAreUniqueAndScrambled(t *testing.T) {
	numbers := newNHSNumbers(3)
	seen := make(map[[10]byte]bool, 1_000_000)
	ascending := 0
	var last [10]byte
	for person := range 1_000_000 {
		n := numbers.at(person)
		if seen[n] {
			t.Fatalf("%s comes twice", n)
		}
		seen[n] = true
		if string(n[:]) > string(last[:]) {
			ascending++
		}
		last = n
	}
	if ascending < 490_000 || ascending > 510_000 {
		t.Errorf("%d of a million follow a smaller number", ascending)
	}
}

func TestPermutationIsABijection(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 3000).Draw(t, "n")
		p := newPermutation(uint64(n), rapid.Uint64().Draw(t, "key"))
		seen := make([]bool, n)
		for i := range n {
			k := p.at(uint64(i))
			if k >= uint64(n) || seen[k] {
				t.Fatalf("%d goes to %d", i, k)
			}
			seen[k] = true
		}
	})
}

func TestChoicePicksOneOfEachGroup(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := choice{rapid.Uint64().Draw(t, "key"), rapid.IntRange(1, 60).Draw(t, "size")}
		group, n := rapid.IntRange(0, 1000).Draw(t, "group"), 0
		for i := range c.size {
			if c.picks(group*c.size + i) {
				n++
			}
		}
		if n != 1 {
			t.Fatalf("%d of a group of %d", n, c.size)
		}
	})
}

func TestPlacesAtFullSize(t *testing.T) {
	p := newPlaces(1, MaxPeople)
	if n := len(p.lsoas); n < 32_000 || n > 35_000 {
		t.Errorf("%d LSOAs", n)
	}
	if n := len(p.practices); n < 5_900 || n > 6_400 {
		t.Errorf("%d practices", n)
	}
	codes, practices, postcodes := map[[9]byte]bool{}, map[[6]byte]bool{}, map[[8]byte]bool{}
	for i := range p.lsoas {
		l := &p.lsoas[i]
		if codes[l.code] {
			t.Fatalf("LSOA %s comes twice", l.code)
		}
		codes[l.code] = true
		for unit := range unitsPerLSOA {
			c := l.postcode(unit)
			if postcodes[c] {
				t.Fatalf("postcode %s lies in two LSOAs", c)
			}
			postcodes[c] = true
		}
		for _, practice := range l.practices {
			// The digit after X is the region's.
			if code := p.practices[practice]; int(code[1]-'1') != int(l.region) {
				t.Fatalf("practice %s serves region %d", code, l.region+1)
			}
		}
	}
	for _, code := range p.practices {
		if practices[code] {
			t.Fatalf("practice %s comes twice", code)
		}
		practices[code] = true
	}
}

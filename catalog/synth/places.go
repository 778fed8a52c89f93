package synth

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// region is one of the nine English regions. Its postcode areas are real, and
// hold no districts numbered 60 to 69, which are the ones used here.
type region struct {
	name  string
	share float64 // of England's people, per cent
	areas []string
	imd   [10]float64 // how its LSOAs spread over England's deprivation deciles, per cent
}

// Shares of people: ONS mid-2023 population estimates, English regions.
// Deprivation: MHCLG English indices of deprivation 2019, share of each region's
// LSOAs by national decile, rounded; newPlaces evens them out so that each
// decile holds a tenth of England.
var regions = [...]region{
	{"North East", 4.7, []string{"TS", "DL"}, [10]float64{20, 14, 11, 10, 9, 8, 7, 7, 7, 7}},
	{"North West", 13.2, []string{"PR", "OL", "BB"}, [10]float64{20, 12, 10, 8, 8, 8, 9, 9, 8, 8}},
	{"Yorkshire and The Humber", 9.7, []string{"HX", "HD", "LS"}, [10]float64{18, 12, 10, 8, 8, 9, 9, 9, 9, 8}},
	{"East Midlands", 8.6, []string{"LN", "NG"}, [10]float64{8, 9, 10, 9, 10, 10, 11, 11, 11, 11}},
	{"West Midlands", 10.5, []string{"WR", "WV", "DY"}, [10]float64{16, 12, 10, 10, 10, 10, 9, 9, 8, 6}},
	{"East of England", 11.2, []string{"NR", "IP", "CB"}, [10]float64{4, 6, 8, 10, 11, 12, 12, 12, 12, 13}},
	{"London", 15.5, []string{"SE", "SW", "TW"}, [10]float64{2, 14, 16, 14, 12, 11, 10, 8, 7, 6}},
	{"South East", 16.4, []string{"OX", "RG", "BN"}, [10]float64{3, 5, 6, 8, 8, 10, 11, 13, 16, 20}},
	{"South West", 10.2, []string{"EX", "TQ", "PL"}, [10]float64{5, 7, 8, 11, 13, 13, 12, 12, 11, 8}},
}

const (
	regionLondon    = 6
	regionSouthWest = 8

	unitsPerLSOA   = 20 // postcodes of one LSOA
	councilsRegion = 4  // councils of one region
)

type lsoa struct {
	code      [9]byte
	region    uint8
	decile    uint8
	council   uint8
	provider  uint16    // the trust that most of its people are taken to
	practices [3]uint16 // nearest first
	number    int32     // within the region: gives its postcodes
}

type span struct{ from, to int }

// places is the made-up geography: it grows with people until it is as fine as
// England's (about 6,100 practices of 9,800 people and 33,700 LSOAs).
type places struct {
	lsoas     []lsoa
	byRegion  [len(regions)]span // LSOAs
	share     shares             // of people, by region
	practices [][6]byte
	providers [][5]byte
	trusts    [len(regions)]span // providers
}

// newPlaces lays the places out for a number of people.
func newPlaces(seed uint64, people int) *places {
	r := newStream(seed, purposePlaces, 0)
	listSize := min(9_800, max(40, 4*math.Sqrt(float64(people))))
	practices := max(2*len(regions), int(float64(people)/listSize+0.5))
	// NHS Digital's list sizes and ONS's 33,755 LSOAs: five and a half to a practice.
	lsoas := float64(practices) * 5.5
	trusts := clamp(practices/3, 2*len(regions), 140)

	p := &places{}
	weights := make([]float64, len(regions))
	deciles := evenDeciles()
	for i := range regions {
		weights[i] = regions[i].share
		part := regions[i].share / 100
		p.addRegion(r, i,
			max(2, int(float64(practices)*part+0.5)),
			max(5, int(lsoas*part+0.5)),
			max(2, int(float64(trusts)*part+0.5)),
			deciles[i])
	}
	p.share = newShares(weights...)
	return p
}

func (p *places) addRegion(r stream, i, practices, lsoas, trusts int, deciles shares) {
	firstPractice, firstTrust, firstLSOA := len(p.practices), len(p.providers), len(p.lsoas)
	for k := range practices {
		var code [6]byte // X is no first letter of an English practice
		copy(code[:], fmt.Sprintf("X%d%04d", i+1, (k*7919+1234)%10_000))
		p.practices = append(p.practices, code)
	}
	for k := range trusts {
		var code [5]byte
		copy(code[:], fmt.Sprintf("TR%d%02d", i+1, k+1))
		p.providers = append(p.providers, code)
	}
	p.trusts[i] = span{firstTrust, firstTrust + trusts}

	// LSOAs stand in a rough order of deprivation, so that neighbours are alike
	// and practices differ.
	type placed struct {
		decile uint8
		order  float64
	}
	order := make([]placed, lsoas)
	for k := range order {
		q := (float64(k) + 0.5) / float64(lsoas)
		decile := 0
		for decile < 9 && q >= deciles[decile] {
			decile++
		}
		order[k] = placed{uint8(decile + 1), q + 0.15*r.NormFloat64()}
	}
	slices.SortFunc(order, func(a, b placed) int { return cmp.Compare(a.order, b.order) })

	sizes := make([]float64, practices) // list sizes vary about threefold
	for k := range sizes {
		sizes[k] = clamp(r.logNormal(1, 0.45), 0.4, 2.5)
	}
	sizeShares := newShares(sizes...)
	practice := 0
	for k, o := range order {
		q := (float64(k) + 0.5) / float64(lsoas)
		for practice < practices-1 && q >= sizeShares[practice] {
			practice++
		}
		l := lsoa{region: uint8(i), decile: o.decile, number: int32(k)}
		// 019 is no beginning of an LSOA in use.
		copy(l.code[:], fmt.Sprintf("E019%d%04d", i+1, (k*7919+567)%10_000))
		l.practices = [3]uint16{
			uint16(firstPractice + practice),
			uint16(firstPractice + (practice+1)%practices),
			uint16(firstPractice + (practice+practices-1)%practices),
		}
		l.provider = uint16(firstTrust + k*trusts/lsoas)
		l.council = uint8(i*councilsRegion + k*councilsRegion/lsoas)
		p.lsoas = append(p.lsoas, l)
	}
	p.byRegion[i] = span{firstLSOA, len(p.lsoas)}
}

// evenDeciles adjusts the regions' deprivation so that over England each decile
// holds a tenth of the people (iterative proportional fitting).
func evenDeciles() [len(regions)]shares {
	var w [len(regions)][10]float64
	for i := range regions {
		w[i] = regions[i].imd
	}
	for range 30 {
		for d := range 10 {
			total := 0.0
			for i := range w {
				total += w[i][d] * regions[i].share
			}
			for i := range w {
				w[i][d] *= 1000 / total
			}
		}
		for i := range w {
			total := 0.0
			for d := range 10 {
				total += w[i][d]
			}
			for d := range 10 {
				w[i][d] *= 100 / total
			}
		}
	}
	var out [len(regions)]shares
	for i := range w {
		out[i] = newShares(w[i][:]...)
	}
	return out
}

// Letters of the second half of a postcode.
const inwardLetters = "ABDEFGHJLNPQRSTUWXYZ"

// postcode is the unit-th (of unitsPerLSOA) postcode of an LSOA. No two LSOAs share one.
func (l *lsoa) postcode(unit int) [8]byte {
	areas := regions[l.region].areas
	// 40,000 in an area; 7919 shares no factor with the number of places, so that
	// neighbours scatter and none meet.
	n := int(l.number)*7919%(len(areas)*40_000/unitsPerLSOA)*unitsPerLSOA + unit
	area := areas[n/40_000]
	n %= 40_000
	return [8]byte{
		area[0], area[1], '6', byte('0' + n/4000), ' ',
		byte('0' + n/400%10), inwardLetters[n/20%20], inwardLetters[n%20],
	}
}

var councils = [len(regions) * councilsRegion]string{
	"Teesmoor Council", "Wearholm Council", "Northfell Council", "Coquetside Council",
	"Ribbledale Council", "Merseyham Council", "Pennineford Council", "Lunebank Council",
	"Calderwick Council", "Humbermouth Council", "Airebridge Council", "Dalesmere Council",
	"Trentholme Council", "Soarvale Council", "Wolds and Fen Council", "Peakshire Council",
	"Severnbrook Council", "Arrowdale Council", "Tamebridge Council", "Malvernside Council",
	"Broadsea Council", "Orwellham Council", "Fenbury Council", "Colneford Council",
	"Ravensborough Council", "Fleetgate Council", "Lambourne Hill Council", "Westmarsh Council",
	"Thamesmeadow Council", "Downsview Council", "Wealdstone Vale Council", "Solentham Council",
	"Tamarside Council", "Exmouthshire Council", "Mendipford Council", "Moorcombe Council",
}

var towns = [len(regions) * councilsRegion]string{
	"Testby", "Sampleholm", "Mockfell", "Specimen Bay",
	"Testdale", "Mockham", "Samplebridge", "Examplebank",
	"Testwick", "Mockmouth", "Sampleford", "Examplemere",
	"Testholme", "Mockvale", "Sample Fen", "Examplepeak",
	"Testbrook", "Mockdale", "Samplecote", "Examplehill",
	"Testsea", "Mockhampton", "Samplebury", "Exampleham",
	"Testborough", "Mockgate", "Sample Hill", "Examplemarsh",
	"Testmeadow", "Mockdown", "Samplestone", "Exampleport",
	"Testside", "Mockmouth St Example", "Samplecombe", "Examplemoor",
}

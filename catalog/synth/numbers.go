package synth

// The NHS numbers of made-up people. Nine numbers are used of each group of ten
// that share their first eight digits, because modulus 11 leaves either nine or
// ten valid: 900,000 in the test range 999 000 0000 to 999 999 9999, and
// 89,100,000 in 900 000 0000 to 998 999 9999, which lies outside every range that
// the health services of these islands issue (Scotland 010 to 311, Northern
// Ireland 320 to 399, England, Wales and the Isle of Man 400 to 499 and 600 to
// 799, Ireland 800 to 859).
const (
	testRangeNumbers = 100_000 * 9
	highRangeNumbers = 9_900_000 * 9
)

// nhsNumbers gives each person a number by index, all different, in an order
// that the seed scrambles. People 0 to 899,999 are in the test range.
type nhsNumbers struct {
	test, high permutation
}

func newNHSNumbers(seed uint64) nhsNumbers {
	return nhsNumbers{
		test: newPermutation(testRangeNumbers, mix(seed, purposeTestRange)),
		high: newPermutation(highRangeNumbers, mix(seed, purposeHighRange)),
	}
}

func (n nhsNumbers) at(person int) [10]byte {
	if person < testRangeNumbers {
		k := n.test.at(uint64(person))
		return nhsNumber(uint32(99_900_000+k/9), int(k%9))
	}
	k := n.high.at(uint64(person - testRangeNumbers))
	return nhsNumber(uint32(90_000_000+k/9), int(k%9))
}

// nhsNumber is the slot-th valid number (0 to 8) that begins with the eight
// digits of prefix.
func nhsNumber(prefix uint32, slot int) [10]byte {
	var n [10]byte
	sum := 0
	for i := 7; i >= 0; i-- {
		d := int(prefix % 10)
		prefix /= 10
		n[i] = byte('0' + d)
		sum += d * (10 - i)
	}
	// The ninth digit weighs two. The one for which the sum is 1 modulo 11 has
	// no check digit: it solves 2x = 1 - sum, and 6 is the inverse of 2.
	invalid := (6 * (12 - sum%11)) % 11
	ninth := slot
	if ninth >= invalid {
		ninth++
	}
	n[8] = byte('0' + ninth)
	n[9] = byte('0' + (11-(sum+2*ninth)%11)%11)
	return n
}

// permutation is a bijection of [0, n): a four-round Feistel network over the
// next even power of two, walked until it falls inside.
type permutation struct {
	n    uint64
	half uint
	keys [4]uint64
}

func newPermutation(n, key uint64) permutation {
	p := permutation{n: n, half: 1}
	for uint64(1)<<(2*p.half) < n {
		p.half++
	}
	for i := range p.keys {
		p.keys[i] = mix(key, uint64(i)+1)
	}
	return p
}

func (p permutation) at(i uint64) uint64 {
	mask := uint64(1)<<p.half - 1
	for {
		left, right := i>>p.half, i&mask
		for _, k := range p.keys {
			left, right = right, left^(mix(k, right)&mask)
		}
		if i = left<<p.half | right; i < p.n {
			return i
		}
	}
}

// What a hash is for, so that no two uses share a stream.
const (
	purposeTestRange uint64 = iota + 1
	purposeHighRange
	purposeBlocks
	purposePlaces
	purposeHospital
	purposeClient
	purposeNational
	purposeType1
	purposeWithdrawal
)

// mix hashes two words into one (the finaliser of SplitMix64, twice).
func mix(a, b uint64) uint64 {
	return scramble(scramble(a+0x9e3779b97f4a7c15) ^ (b+1)*0xd1342543de82ef95)
}

func scramble(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

package synth

import "slices"

// fault is a kind of deliberate fault; 0 is none.
type fault uint8

const (
	noFault fault = iota
	faultCheckDigit
	faultMissing
	faultMissingLinkable
	faultMissingUnlinkable
	faultDateImpossible
	faultDateInFuture
	faultDateBeforeBirth
	faultDeathBeforeBirth
	faultDischargedBeforeAdmitted
	faultEndedBeforeStarted
	faultDuplicateRow
	faultDuplicateNumber
	faultCodeUnknown
	faultNotNumeric
	faultEncoding
	faultTrailingSpaces
	faultCount
)

// Treatment is what ingestion should do with a faulty row.
type Treatment string

// The treatments.
const (
	TreatReject Treatment = "reject" // keep it out, and account for it
	TreatClean  Treatment = "clean"  // trim it and use it
	TreatLink   Treatment = "link"   // find its person by name, date of birth and postcode
)

var faultKinds = [faultCount]struct {
	name      string
	treatment Treatment
}{
	noFault:                       {},
	faultCheckDigit:               {"nhs_number_check_digit", TreatReject},
	faultMissing:                  {"nhs_number_missing", TreatReject},
	faultMissingLinkable:          {"nhs_number_missing_linkable", TreatLink},
	faultMissingUnlinkable:        {"nhs_number_missing_unlinkable", TreatReject},
	faultDateImpossible:           {"date_impossible", TreatReject},
	faultDateInFuture:             {"date_in_future", TreatReject},
	faultDateBeforeBirth:          {"date_before_birth", TreatReject},
	faultDeathBeforeBirth:         {"death_before_birth", TreatReject},
	faultDischargedBeforeAdmitted: {"discharged_before_admitted", TreatReject},
	faultEndedBeforeStarted:       {"ended_before_started", TreatReject},
	faultDuplicateRow:             {"duplicate_row", TreatReject},
	faultDuplicateNumber:          {"duplicate_nhs_number", TreatReject},
	faultCodeUnknown:              {"code_unknown", TreatReject},
	faultNotNumeric:               {"value_not_numeric", TreatReject},
	faultEncoding:                 {"encoding", TreatReject},
	faultTrailingSpaces:           {"trailing_spaces", TreatClean},
}

// mark is what is wrong with a row.
type mark struct {
	fault   fault
	variant uint8 // which of the ways of being wrong
	pair    uint8 // the same, above 0, in a copied row and its copy, within a block
}

func (m mark) free() bool { return m.fault == noFault && m.pair == 0 }

// plan is how often faults of a kind are planted in a file, in each block at
// places of their own.
type plan struct {
	fault     fault
	perPerson float64
}

// Shares of rows: 0.05 % of patients and events, 0.1 % of admissions and social
// care, for each kind; 4 % of social care lacks a number.
var plans = [...][]plan{
	filePatients: even(0.0005,
		faultDuplicateRow, faultDuplicateNumber, faultCheckDigit, faultMissing, faultDateImpossible, faultDateInFuture,
		faultDeathBeforeBirth, faultEncoding, faultTrailingSpaces),
	fileEvents: even(0.0125,
		faultDuplicateRow, faultCheckDigit, faultMissing, faultDateImpossible, faultDateInFuture, faultDateBeforeBirth,
		faultCodeUnknown, faultNotNumeric, faultTrailingSpaces),
	fileAdmissions: even(0.001,
		faultDuplicateRow, faultCheckDigit, faultMissing, faultDateImpossible, faultDateInFuture, faultDateBeforeBirth,
		faultDischargedBeforeAdmitted, faultCodeUnknown, faultNotNumeric, faultTrailingSpaces),
	fileCare: append([]plan{{faultMissingLinkable, 0.06 * 0.03}, {faultMissingUnlinkable, 0.06 * 0.01}}, even(0.06*0.001,
		faultDuplicateRow, faultCheckDigit, faultDateImpossible, faultDateInFuture, faultEndedBeforeStarted,
		faultNotNumeric, faultEncoding, faultTrailingSpaces)...),
}

func even(perPerson float64, kinds ...fault) []plan {
	var p []plan
	for _, k := range kinds {
		p = append(p, plan{k, perPerson})
	}
	return p
}

// due is how many faults of a plan fall to the people from first to before last: the
// first block has at least one of each.
func (p plan) due(first, last int) int {
	upTo := func(n int) int {
		k := int(float64(n) * p.perPerson)
		if n > 0 {
			k++
		}
		return k
	}
	return upTo(last) - upTo(first)
}

// plant marks rows of a block with a file's faults, and copies those that are to
// stand twice. may says whether a row can carry a fault; a fault for which no row
// is left is not planted.
func plant[T any](r stream, rows []T, plans []plan, first, last int, markOf func(*T) *mark, may func(*T, fault) bool) []T {
	pair := uint8(0)
	for _, p := range plans {
		for range p.due(first, last) {
			if len(rows) == 0 {
				return rows
			}
			// The next suitable row from a random place on.
			at, n := r.IntN(len(rows)), 0
			for n < len(rows) && !(markOf(&rows[at]).free() && may(&rows[at], p.fault)) {
				at, n = (at+1)%len(rows), n+1
			}
			if n == len(rows) {
				break
			}
			variant := uint8(r.IntN(256))
			if p.fault != faultDuplicateRow && p.fault != faultDuplicateNumber {
				*markOf(&rows[at]) = mark{fault: p.fault, variant: variant}
				continue
			}
			if pair == 255 {
				break
			}
			pair++
			markOf(&rows[at]).pair = pair
			again := rows[at]
			*markOf(&again) = mark{fault: p.fault, variant: variant, pair: pair}
			rows = slices.Insert(rows, at+1+r.IntN(len(rows)-at), again)
		}
	}
	return rows
}

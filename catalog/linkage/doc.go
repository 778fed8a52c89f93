// Package linkage decides to which person of an extract a row belongs that bears no
// identifier: by ordered passes of exact rules, each of which must fit one person
// alone, and, where it is configured, by the probability of Fellegi and Sunter. It
// is pure: values come in, decisions and figures go out. It holds identifying values
// in memory, so it runs in the custodian zone, and nothing of it is ever logged.
package linkage

// Kind says how two values of a field are compared, and what counts as the same.
type Kind string

// The kinds of fields.
const (
	KindText     Kind = "text"     // the same characters; case matters
	KindCode     Kind = "code"     // the same letters and digits, such as a sex or a telephone number
	KindName     Kind = "name"     // letters, without case, accents, blanks and hyphens
	KindDate     Kind = "date"     // YYYY-MM-DD
	KindPostcode Kind = "postcode" // without blanks and case
)

// Field is a value by which rows and people are compared.
type Field struct {
	Name      string
	Kind      Kind
	Frequency bool   // names and postcodes that few people have say more: term-frequency adjustment
	Decisive  bool   // people whose values differ outright are not the same: what tells twins and families apart
	SwapWith  string // the name field that it is sometimes exchanged with
}

// Part is a field, or what a rule takes of it: "" all, "year", "outcode", "soundex",
// or "1" to "9" for so many first characters.
type Part struct{ Field, Of string }

// Pass is an exact rule: everything named must be there, and be equal.
type Pass struct {
	Name string
	On   []Part
}

// Model is how rows are linked that no pass has linked.
type Model struct {
	Blocks    [][]Part // pairs that agree in all parts of any block are compared
	Threshold float64  // least probability of a link, above 0.5
}

// Rules say how to link.
type Rules struct {
	Fields []Field
	Passes []Pass
	Model  *Model
}

// Outcome is what became of a row.
type Outcome string

// The outcomes besides the name of the pass that linked.
const (
	Probabilistic Outcome = "probabilistic"
	NoCandidate   Outcome = "unlinked"           // fits nobody
	Ambiguous     Outcome = "unlinked_ambiguous" // fits several people
	Uncertain     Outcome = "unlinked_uncertain" // the best fit is below the threshold
	Excluded      Outcome = "unlinked_excluded"  // fits somebody to whom no row may be linked
)

package catalog

import (
	"github.com/gatehouse-tre/gatehouse/catalog/linkage"
	"github.com/gatehouse-tre/gatehouse/catalog/source"
)

// Reason is the code of why a row was rejected. A row has one reason: the first
// that is found, in the order: the file's structure, each column from left to
// right, the rules of the row, the person's dates, copies, the person.
type Reason string

// The reasons. A definition's own rules add theirs.
const (
	ReasonEncoding   Reason = "encoding"
	ReasonControl    Reason = "control_character"
	ReasonQuoting    Reason = "quoting"
	ReasonFieldCount Reason = "field_count"

	ReasonNHSNumberMissing    Reason = "nhs_number_missing"
	ReasonNHSNumberFormat     Reason = "nhs_number_format"
	ReasonNHSNumberCheckDigit Reason = "nhs_number_check_digit"
	ReasonIdentifierMissing   Reason = "identifier_missing"

	ReasonValueMissing    Reason = "value_missing"
	ReasonValueNotNumeric Reason = "value_not_numeric"
	ReasonValueNotWhole   Reason = "value_not_whole"
	ReasonValueRange      Reason = "value_out_of_range"
	ReasonValueUnknown    Reason = "value_unknown"
	ReasonCodeUnknown     Reason = "code_unknown"
	ReasonPostcodeFormat  Reason = "postcode_format"

	ReasonDateImpossible  Reason = "date_impossible"
	ReasonDatePartial     Reason = "date_partial"
	ReasonDateInFuture    Reason = "date_in_future"
	ReasonDateBeforeBirth Reason = "date_before_birth"
	ReasonDateAfterDeath  Reason = "date_after_death"

	ReasonDuplicateRow        Reason = "duplicate_row"
	ReasonDuplicateNHSNumber  Reason = "duplicate_nhs_number"
	ReasonDuplicateIdentifier Reason = "duplicate_identifier"

	// ReasonSuperseded is of a row of the people table whose person another row of it,
	// under the number that was kept, is about as well.
	ReasonSuperseded Reason = "superseded_number"

	ReasonUnlinked      Reason = "unlinked"
	ReasonUnknownPerson Reason = "unknown_person"

	ReasonAmbiguous     Reason = Reason(linkage.Ambiguous)
	ReasonUncertain     Reason = Reason(linkage.Uncertain)
	ReasonExcluded      Reason = Reason(linkage.Excluded)
	ReasonLocalConflict Reason = "local_number_conflict"
)

// The reasons of rows that are not lines of separated fields: see source.RowFault.
const (
	ReasonJSONSyntax       Reason = source.RowSyntax
	ReasonJSONDuplicateKey Reason = source.RowDuplicateKey
	ReasonJSONTrailing     Reason = source.RowTrailing
	ReasonJSONDepth        Reason = source.RowDepth
	ReasonJSONNumber       Reason = source.RowNumber
	ReasonResourceType     Reason = source.RowResource
	ReasonValueRepeated    Reason = source.RowRepeated
	ReasonValueStructured  Reason = source.RowStructured
	ReasonReferenceFormat  Reason = source.RowReference
)

var explanations = map[Reason]string{
	ReasonEncoding:   "The row holds bytes that are not text in the declared encoding.",
	ReasonControl:    "The row holds a control character that text never holds.",
	ReasonQuoting:    "A quotation mark stands where none may, or text follows a closing one.",
	ReasonFieldCount: "The row has more or fewer fields than the header.",

	ReasonJSONSyntax:       "The line is not one JSON object.",
	ReasonJSONDuplicateKey: "An object has two members of the same name.",
	ReasonJSONTrailing:     "Something follows the resource on its line.",
	ReasonJSONDepth:        "Values are nested too deep.",
	ReasonJSONNumber:       "A number is too long, or too large for any computer to hold.",
	ReasonResourceType:     "The resource is of another type than the table's.",
	ReasonValueRepeated:    "There are several values where the definition's path expects one.",
	ReasonValueStructured:  "There is an object where the definition's path expects a value.",
	ReasonReferenceFormat:  "The reference does not name a resource of the expected type.",

	ReasonNHSNumberMissing:    "The NHS number is missing.",
	ReasonNHSNumberFormat:     "The NHS number is not ten digits.",
	ReasonNHSNumberCheckDigit: "The NHS number's check digit is wrong.",
	ReasonIdentifierMissing:   "The person's identifier is missing.",

	ReasonValueMissing:    "A value that must be given is missing.",
	ReasonValueNotNumeric: "The value is not a number.",
	ReasonValueNotWhole:   "The value is not a whole number.",
	ReasonValueRange:      "The value lies outside the range that is possible.",
	ReasonValueUnknown:    "The value is none of those that the column may hold.",
	ReasonCodeUnknown:     "The reference table does not hold the code.",

	ReasonPostcodeFormat: "The value is not a postcode of the United Kingdom.",

	ReasonDateImpossible:  "There is no such date, or it is not written as the definition says (YYYY-MM-DD where it says nothing).",
	ReasonDatePartial:     "Only the year or the month of the date is known.",
	ReasonDateInFuture:    "The date lies in the future.",
	ReasonDateBeforeBirth: "The date lies before the person's birth.",
	ReasonDateAfterDeath:  "The date lies after the person's death.",

	ReasonDuplicateRow:        "The row is a copy of an earlier row.",
	ReasonDuplicateNHSNumber:  "Several rows that differ claim this NHS number; none is believed.",
	ReasonDuplicateIdentifier: "Several rows that differ claim this identifier; none is believed.",

	ReasonSuperseded: "The number was merged into another one, whose row is published; what other files say of it is the same person's.",

	ReasonUnlinked:      "The row names nobody, and what it says fits no one person.",
	ReasonAmbiguous:     "The row names nobody, and what it says fits several people.",
	ReasonUncertain:     "The row names nobody, and nobody fits what it says well enough.",
	ReasonExcluded:      "The row names nobody, and fits somebody of whom the table of people holds rows that differ.",
	ReasonLocalConflict: "The extracts and the person index say that the local number is several people's; if they are one, record it in the index.",
	ReasonUnknownPerson: "The person is not among the published people of this extract.",
}

// Explanation is the reason in plain English, for the custodian's report.
func (r Reason) Explanation() string {
	if s, ok := explanations[r]; ok {
		return s
	}
	return "The row breaks the definition's rule of this name."
}

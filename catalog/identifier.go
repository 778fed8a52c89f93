package catalog

// ParseNHSNumber checks a ten-digit NHS number (modulus 11) and gives its first
// nine digits, from which the tenth follows: valid numbers and keys are one to
// one. The reason is empty for a valid number.
func ParseNHSNumber(field []byte) (key uint32, why Reason) {
	if len(field) == 0 {
		return 0, ReasonNHSNumberMissing
	}
	if len(field) != 10 {
		return 0, ReasonNHSNumberFormat
	}
	sum := uint32(0)
	for i, c := range field[:9] {
		digit := uint32(c - '0')
		if digit > 9 {
			return 0, ReasonNHSNumberFormat
		}
		key = key*10 + digit
		sum += digit * uint32(10-i)
	}
	last := uint32(field[9] - '0')
	if last > 9 || key == 0 { // ten zeros satisfy the check, and stand for "unknown"
		return 0, ReasonNHSNumberFormat
	}
	check := 11 - sum%11
	if check == 11 {
		check = 0
	}
	if check != last { // 10 equals no digit
		return 0, ReasonNHSNumberCheckDigit
	}
	return key, ""
}

// FormatNHSNumber gives the ten digits of a key.
func FormatNHSNumber(key uint32) string {
	var b [10]byte
	sum := uint32(0)
	for i, rest := 8, key; i >= 0; i, rest = i-1, rest/10 {
		b[i] = byte('0' + rest%10)
		sum += rest % 10 * uint32(10-i)
	}
	b[9] = byte('0' + (11-sum%11)%11)
	return string(b[:])
}

// identifiers turns identifiers of one kind into dense or at least small keys.
type identifiers interface {
	// parse gives the key of an identifier. known is false for one that was never
	// added; it then has no key. why is set for what is no identifier.
	parse(field []byte) (key uint32, known bool, why Reason)
	// add is parse for identifiers that are to be known.
	add(field []byte) (key uint32, why Reason)
	// text gives the identifier of a key.
	text(key uint32) string
}

// nhsNumbers are their own keys.
type nhsNumbers struct{}

func (nhsNumbers) parse(field []byte) (uint32, bool, Reason) {
	key, why := ParseNHSNumber(field)
	return key, why == "", why
}

func (nhsNumbers) add(field []byte) (uint32, Reason) { return ParseNHSNumber(field) }

func (nhsNumbers) text(key uint32) string { return FormatNHSNumber(key) }

// opaqueIdentifiers are numbered as they come.
type opaqueIdentifiers struct {
	keys  map[string]uint32
	texts []string
}

func newOpaqueIdentifiers() *opaqueIdentifiers {
	return &opaqueIdentifiers{keys: make(map[string]uint32)}
}

func (o *opaqueIdentifiers) parse(field []byte) (uint32, bool, Reason) {
	if len(field) == 0 {
		return 0, false, ReasonIdentifierMissing
	}
	key, known := o.keys[string(field)]
	return key, known, ""
}

func (o *opaqueIdentifiers) add(field []byte) (uint32, Reason) {
	key, known, why := o.parse(field)
	if known || why != "" {
		return key, why
	}
	key = uint32(len(o.texts))
	text := string(field)
	o.keys[text] = key
	o.texts = append(o.texts, text)
	return key, ""
}

func (o *opaqueIdentifiers) text(key uint32) string { return o.texts[key] }

func newIdentifiers(kind IdentifierKind) identifiers {
	if kind == IdentifierNHSNumber {
		return nhsNumbers{}
	}
	return newOpaqueIdentifiers()
}

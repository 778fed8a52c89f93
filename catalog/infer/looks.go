package infer

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/gatehouse-tre/gatehouse/catalog"
)

// look is what a value looks like.
type look int

// The looks that identify somebody, or may.
const (
	lookNHSNumber look = iota
	lookPostcode
	lookEmail
	lookPhone
	lookName
	lookAddress
	lookArea // a small area of the census
	looks    // how many there are
)

var lookNames = [looks]string{"NHS numbers", "postcodes", "e-mail addresses", "phone numbers", "names of people", "addresses", "census areas"}

var (
	// A whole postcode of the United Kingdom (BS 7666).
	postcodePattern = regexp.MustCompile(`(?i)\b(GIR ?0AA|[A-PR-UWYZ]([0-9]{1,2}|[A-HK-Y][0-9]([0-9ABEHMNPRV-Y])?|[0-9][A-HJKPS-UW]) ?[0-9][ABD-HJLNP-UW-Z]{2})\b`)
	emailPattern    = regexp.MustCompile(`(?i)[a-z0-9._%+'-]+@[a-z0-9-]+(\.[a-z0-9-]+)+`)
	phonePattern    = regexp.MustCompile(`(\+44 ?\(?0?\)?|\b0)[1-37][0-9](?:[ ()-]?[0-9]){7,8}\b`)
	addressPattern  = regexp.MustCompile(`(?i)\b(street|road|lane|close|avenue|drive|gardens|terrace|crescent|court|way|flat|cottage)\b`)
	areaPattern     = regexp.MustCompile(`^[EWSN]0[0-9]{7}$`)
	numberPattern   = regexp.MustCompile(`\b[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4}\b`)
	wordPattern     = regexp.MustCompile(`^[\p{L}'’ -]{2,40}$`)
)

// lookAt finds what a value looks like, or holds within a text.
func lookAt(b []byte, found *[looks]bool) {
	*found = [looks]bool{}
	digits, letters, at := 0, 0, false
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c == '@':
			at = true
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= 0x80:
			letters++
		}
	}
	found[lookNHSNumber] = digits >= 10 && holdsNHSNumber(b)
	found[lookEmail] = at && emailPattern.Match(b)
	found[lookPhone] = digits >= 9 && !found[lookNHSNumber] && phonePattern.Match(b)
	if letters >= 3 && digits >= 2 {
		found[lookPostcode] = postcodePattern.Match(b)
	}
	found[lookArea] = letters == 1 && digits == 8 && areaPattern.Match(b)
	if letters >= 2 && digits == 0 && !at {
		found[lookName] = isName(b)
	}
	found[lookAddress] = letters >= 4 && digits >= 1 && addressPattern.Match(b)
}

// holdsNHSNumber finds ten digits, also in groups of 3, 3 and 4, that satisfy the
// check of NHS numbers. One number in eleven does by chance: only a share tells.
func holdsNHSNumber(b []byte) bool {
	for _, m := range numberPattern.FindAll(b, 4) {
		digits := bytes.Map(func(r rune) rune {
			if r == ' ' || r == '-' {
				return -1
			}
			return r
		}, m)
		if _, why := catalog.ParseNHSNumber(digits); why == "" {
			return true
		}
	}
	return false
}

// isName holds for one to three words one of which is a common name of people in
// England. A column of names has enough of them.
func isName(b []byte) bool {
	if !wordPattern.Match(b) {
		return false
	}
	words := strings.Fields(strings.ToLower(strings.ReplaceAll(string(b), "-", " ")))
	if len(words) > 4 {
		return false
	}
	for _, w := range words {
		if commonNames[w] {
			return true
		}
	}
	return false
}

// commonNames are given and family names that are common in England.
var commonNames = func() map[string]bool {
	out := make(map[string]bool)
	for _, w := range strings.Fields(`
amelia olivia isla ava lily freya florence ivy grace evelyn margaret susan patricia christine jean dorothy linda karen julie tracey sarah claire emma rebecca laura gemma
charlotte sophie hannah chloe aisha fatima maryam zainab priya anjali kiran nadia abena ngozi agnieszka katarzyna elena mary elizabeth ann anne helen jane barbara joan
sheila maureen pauline sandra carol angela jacqueline alison deborah sharon lisa nicola michelle louise victoria samantha jessica lauren megan bethany ella mia poppy alice
noah oliver george arthur leo harry jack oscar freddie charlie john david peter michael brian alan derek keith stephen andrew paul mark richard matthew james christopher
daniel thomas joshua luke mohammed muhammad ali yusuf ibrahim arjun rahul imran kwame emmanuel piotr tomasz andrei robert william ronald kenneth anthony colin graham ian kevin
gary philip simon jonathan adam benjamin samuel joseph edward henry alexander jacob ethan lewis ryan liam callum connor kyle
smith jones taylor brown williams wilson johnson davies robinson wright thompson evans walker white roberts green hall wood jackson clarke harris clark cooper king baker
turner martin morris ward hill moore harrison parker lee allen bennett cook shaw carter hughes patel khan singh kaur hussain begum ahmed shah okafor mensah campbell grant
chen wong nguyen kowalski nowak murphy kelly byrne silva santos garcia rossi edwards lewis scott young mitchell phillips collins murray watson rogers bell miller davis cox
marshall gray russell simpson stevens ellis adams fisher mills reid foster powell palmer holmes webb rose fox hunt barnes matthews lloyd richards butler price gibson`) {
		out[w] = true
	}
	return out
}()

// What the name of a column says.
var (
	namedBirth   = regexp.MustCompile(`(?i)(^|_|\b)(dob|birth|born)`)
	namedYear    = regexp.MustCompile(`(?i)(birth.*year|year.*birth)`)
	namedDeath   = regexp.MustCompile(`(?i)(death|died|deceased|(^|_)dod($|_))`)
	namedPerson  = regexp.MustCompile(`(?i)^(person|patient|subject|participant|client|member|study)_?(id|no|number|key|ref)$`)
	namedName    = regexp.MustCompile(`(?i)(fore|sur|given|family|first|last|middle|full|maiden|nick)_?name|^(given|family|name|patient_?name|title)$`)
	namedAddress = regexp.MustCompile(`(?i)(address|addr($|_|[0-9])|street|house_?(no|number|name)|postcode|post_code|zip)`)
	namedContact = regexp.MustCompile(`(?i)(e_?mail|phone|telephone|mobile|fax)`)
	namedRowID   = regexp.MustCompile(`(?i)((^|_)(id|key|uuid|guid|ref|number|no)$|epikey|aekey|attendkey)`)
	namedHuman   = regexp.MustCompile(`(?i)(birth|gender|(^|_)sex($|_)|ethnic|race|provider_name|address|location)`)
	namedSpan    = regexp.MustCompile(`(?i)(start|end|from|until|regist|onset|valid)`)
	namedText    = regexp.MustCompile(`(?i)(note|comment|free_?text|narrative|remarks|letter|description)`)
)

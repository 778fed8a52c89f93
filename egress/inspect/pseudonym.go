package inspect

// A project's pseudonyms are runs of this many letters a to z and digits 2 to 7.
const pseudonymLength = 32

// maxRecognised bounds how many runs of a file are tried; each costs a few
// microseconds.
const maxRecognised = 1_000_000

// inspectPseudonyms looks for the project's own pseudonyms in a line, also in
// capitals and inside of longer runs.
func inspectPseudonyms(c *collector, line int, text []byte, place func(int) int) {
	if c.options.Pseudonym == nil {
		return
	}
	var folded [pseudonymLength]byte
	for start := 0; start < len(text); {
		end := start
		for end < len(text) && inPseudonym(text[end]) {
			end++
		}
		for at := start; at+pseudonymLength <= end; at++ {
			if c.recognised++; c.recognised > maxRecognised {
				if c.recognised == maxRecognised+1 {
					c.add(Finding{RulePseudonym, Serious, line, place(at),
						"The file has too many texts that could be pseudonyms; from here on they were not looked at.", "Leave identifiers out, or split the file."})
				}
				return
			}
			for i := range folded {
				folded[i] = lower(text[at+i])
			}
			if c.options.Pseudonym(folded[:]) {
				c.add(Finding{RulePseudonym, Serious, line, place(at),
					"This is one of the project's pseudonyms: it stands for one person.", "Remove it, or aggregate so that no row is about one person."})
				at += pseudonymLength - 1
			}
		}
		start = end + 1
	}
}

func lower(b byte) byte {
	if b >= 'A' && b <= 'Z' {
		return b | 0x20
	}
	return b
}

func inPseudonym(b byte) bool { return b >= '2' && b <= '7' || letter(b) }

package plan

import "testing"

// Every reason to refuse a function has its advice, and every advice its reason.
func TestEveryReasonHasAnAdvice(t *testing.T) {
	reasons := map[string]bool{}
	for name, why := range refusedFunctions {
		reasons[why] = true
		if adviceOnFunctions[why] == "" {
			t.Errorf("%s is refused because %s, and nothing is advised", name, why)
		}
		if _, allowed := rowFunctions[name]; allowed {
			t.Errorf("%s is both allowed and refused", name)
		}
	}
	for why := range adviceOnFunctions {
		if !reasons[why] {
			t.Errorf("nothing is refused because %s", why)
		}
	}
}

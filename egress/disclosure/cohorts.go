package disclosure

// Cohorts is one table as the history sees it: of each of its numbers, the
// elements that it is made of.
type Cohorts struct {
	Numbers  int
	Patterns Patterns
	Elements Elements
}

package site

import (
	"net/http"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
)

// comparisonFrame is a file beside those of its name that left before.
type comparisonFrame struct {
	Name string
	List []egress.FileComparison
	Note string
}

// compareFile shows, in a viewer's frame, how a file differs from what left its
// project before: whoever has both can subtract them. It is journaled.
func (s *server) compareFile(v *visit) error {
	f := comparisonFrame{Name: v.r.PathValue("name")}
	status := http.StatusOK
	var err error
	if f.List, err = v.Requests.CompareFile(v.r.Context(), v.who, v.r.PathValue("request"), f.Name); err != nil {
		f.Name, f.Note, status = "", gatehouse.Public(err).Error(), v.problem(err).Status
	}
	return v.framed("comparison", f, status)
}

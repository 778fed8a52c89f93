package quality

import (
	"embed"
	"encoding/json"
	"html/template"
	"io"
)

//go:embed report.html
var page embed.FS

var reportPage = template.Must(template.New("report.html").Funcs(template.FuncMap{"share": share, "bars": bars}).ParseFS(page, "report.html"))

// WriteJSON writes the report for programs.
func (r Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// WriteHTML writes the report for people: one page without scripts, that loads nothing.
func (r Report) WriteHTML(w io.Writer) error { return reportPage.Execute(w, r) }

// share is what part of the rows passes, in per cent.
func share(r Result) float64 {
	if r.Total == 0 {
		return 100
	}
	return 100 * float64(r.Total-r.Failing) / float64(r.Total)
}

// bar is a month as a rectangle of a plot.
type bar struct {
	Month
	X, Y, Height float64
}

// Size of a plot's bars and of the plot, in pixels.
const (
	barWidth   = 6.0
	plotHeight = 80.0
)

// plot is the rows of each month.
type plot struct {
	Bars          []bar
	Width, Height float64
}

func bars(months []Month) plot {
	most := int64(1)
	for _, m := range months {
		most = max(most, m.Rows)
	}
	p := plot{Width: barWidth * float64(len(months)), Height: plotHeight}
	for i, m := range months {
		h := plotHeight * float64(m.Rows) / float64(most)
		p.Bars = append(p.Bars, bar{m, barWidth * float64(i), plotHeight - h, h})
	}
	return p
}

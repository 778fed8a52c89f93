package site

import (
	"fmt"
	"html/template"
	"strings"
)

// plot is a bar chart of whole numbers, drawn as SVG; the page shows its numbers
// as a table beneath. Series are stacked.
type plot struct {
	Title    string
	Category string
	Series   []string
	Bars     []bar
	Most     int // how many bars are drawn, the first; 0 for all
}

func (p plot) drawn() []bar {
	if p.Most > 0 && len(p.Bars) > p.Most {
		return p.Bars[:p.Most]
	}
	return p.Bars
}

type bar struct {
	Label  string
	Values []int64 // one for each series
}

const (
	barHeight  = 22
	barGap     = 8
	labelWidth = 190
	barWidth   = 420
	totalWidth = 110
)

// Drawing is the plot as SVG: bars that lie, so that labels of any length can be
// read. Colours come from the style sheet.
func (p plot) Drawing() template.HTML {
	most := int64(1)
	for _, b := range p.Bars {
		most = max(most, b.total())
	}
	legend := 0
	if len(p.Series) > 1 {
		legend = 28
	}
	width, height := labelWidth+barWidth+totalWidth, legend+len(p.drawn())*(barHeight+barGap)+4
	var s strings.Builder
	fmt.Fprintf(&s, `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="%s" width="%d" height="%d" viewBox="0 0 %d %d">`, template.HTMLEscapeString(p.describe()), width, height, width, height)
	if legend > 0 {
		x := 0
		for i, name := range p.Series {
			fmt.Fprintf(&s, `<rect class="gh-bar-%d" x="%d" y="4" width="14" height="14"/><text x="%d" y="16">%s</text>`, i%4, x, x+20, template.HTMLEscapeString(name))
			x += 40 + 8*len([]rune(name))
		}
	}
	for i, b := range p.drawn() {
		y := legend + i*(barHeight+barGap)
		fmt.Fprintf(&s, `<text x="%d" y="%d" text-anchor="end">%s</text>`, labelWidth-8, y+16, template.HTMLEscapeString(shorten(b.Label, 26)))
		x := float64(labelWidth)
		for series, n := range b.Values {
			w := float64(n) / float64(most) * barWidth
			if n > 0 {
				fmt.Fprintf(&s, `<rect class="gh-bar-%d" x="%.1f" y="%d" width="%.1f" height="%d"/>`, series%4, x, y, max(w, 1), barHeight)
			}
			x += w
		}
		fmt.Fprintf(&s, `<text x="%.1f" y="%d">%s</text>`, x+6, y+16, thousands(b.total()))
	}
	fmt.Fprintf(&s, `<line class="gh-axis" x1="%d" x2="%d" y1="%d" y2="%d"/></svg>`, labelWidth, labelWidth, legend, height)
	return template.HTML(s.String()) // every text in it was escaped above
}

func (b bar) total() int64 {
	n := int64(0)
	for _, v := range b.Values {
		n += v
	}
	return n
}

// describe is what the picture says to those who cannot see it; the numbers
// stand in the table.
func (p plot) describe() string {
	if len(p.Bars) == 0 {
		return p.Title
	}
	most := p.Bars[0]
	for _, b := range p.Bars {
		if b.total() > most.total() {
			most = b
		}
	}
	return fmt.Sprintf("%s: %d bars, the longest is %s with %s.", p.Title, len(p.Bars), most.Label, thousands(most.total()))
}

func shorten(s string, most int) string {
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return string(r[:most-1]) + "…"
}

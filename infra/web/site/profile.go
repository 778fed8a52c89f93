package site

import (
	"context"
	"fmt"
	"html/template"
	"strconv"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/egress"
)

// Profiles gives what the catalogue shows of variables, and has it made.
type Profiles interface {
	Profile(ctx context.Context, actor gatehouse.Principal, dataset string, number int) (catalog.Profile, error)
	Compare(ctx context.Context, actor gatehouse.Principal, dataset string, from, to int) (catalog.ProfileDiff, error)
	Begin(ctx context.Context, actor gatehouse.Principal, dataset string, number int, policy string) error
	Progress(ctx context.Context, actor gatehouse.Principal, dataset string) (egress.ProfileProgress, error)
}

// profiled is what a page shows of the profile of a version.
type profiled struct {
	*catalog.Profile                        // nil: none was made
	Progress         egress.ProfileProgress // of the dataset
	MayMake          bool
}

// withProfile adds what was asked through the gate of each variable.
func (v *visit) withProfile(d *datasetPage) error {
	if v.Profiles == nil || !v.may(gatehouse.ActionDatasetRead, "") {
		return nil
	}
	ctx := v.r.Context()
	made, err := v.Profiles.Profile(ctx, v.who, d.Dataset, d.Number)
	switch {
	case err == nil:
		d.Profile.Profile = &made
	case gatehouse.CodeOf(err) != gatehouse.CodeNotFound:
		return err
	}
	d.Profile.MayMake = d.MayVeto // its custodians
	if d.Profile.Progress, err = v.Profiles.Progress(ctx, v.who, d.Dataset); err != nil {
		return err
	}
	if d.Profile.Profile == nil {
		return nil
	}
	for i := range d.Tables {
		t := &d.Tables[i]
		shown := made.Table(t.Name)
		if shown == nil || shown.Public {
			continue
		}
		for c := range shown.Columns {
			t.Variables = append(t.Variables, variableOf(t.Name, shown, &shown.Columns[c]))
		}
	}
	return nil
}

// variable is one variable as its profile shows it.
type variable struct {
	Name, Type  string
	Class       catalog.Class
	Missing     string // share of the rows, in words; "" where it cannot be shown
	First, Last string
	Mean        string
	More        bool // there are, or may be, more values than are shown
	Refused     string
	Bars        *plot
	Years       *yearPlot
	Spread      *spreadPlot
}

func variableOf(table string, t *catalog.TableProfile, c *catalog.ColumnProfile) variable {
	out := variable{Name: c.Name, Type: c.Type, Class: c.Class, First: c.First, Last: c.Last, More: c.More, Refused: c.Refused}
	if c.Missing != nil && t.Rows != nil && *t.Rows > 0 {
		out.Missing = fmt.Sprintf("%.1f %%", 100*float64(*c.Missing)/float64(*t.Rows))
	}
	if c.Mean != nil {
		out.Mean = fmt.Sprintf("%g", *c.Mean)
	}
	name := table + "." + c.Name
	switch {
	case c.Class == catalog.ClassDate && len(c.Values) > 0:
		out.Years = &yearPlot{plot{Title: name + ": rows of each year", Category: "Year", Series: []string{"Rows"}, Bars: barsOf(c.Values)}}
	case len(c.Values) > 0:
		out.Bars = &plot{Title: name + ": rows of each value", Category: "Value", Series: []string{"Rows"}, Bars: barsOf(c.Values), Most: 20}
	case len(c.Quantiles) > 0:
		out.Spread = &spreadPlot{Title: name + ": how values are spread", Quantiles: c.Quantiles}
	}
	return out
}

func barsOf(values []catalog.ValueCount) []bar {
	out := make([]bar, len(values))
	for i, v := range values {
		out[i] = bar{v.Value, []int64{v.Rows}}
	}
	return out
}

// yearPlot is a plot whose bars stand beside each other, in the order of time.
type yearPlot struct{ plot }

const (
	yearsWidth  = 640
	yearsHeight = 140
)

// Drawing is the plot as SVG. The numbers stand in the table beneath.
func (p yearPlot) Drawing() template.HTML {
	most := int64(1)
	for _, b := range p.Bars {
		most = max(most, b.total())
	}
	var s strings.Builder
	fmt.Fprintf(&s, `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="%s" width="%d" height="%d" viewBox="0 0 %[2]d %[3]d">`, template.HTMLEscapeString(p.describe()), yearsWidth, yearsHeight+24)
	step := float64(yearsWidth) / float64(len(p.Bars))
	for i, b := range p.Bars {
		h := max(float64(b.total())/float64(most)*yearsHeight, 1)
		fmt.Fprintf(&s, `<rect class="gh-bar-0" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, float64(i)*step, yearsHeight-h, max(step-2, 1), h)
	}
	fmt.Fprintf(&s, `<line class="gh-axis" x1="0" x2="%d" y1="%d" y2="%[2]d"/><text x="0" y="%[3]d">%[4]s</text>`, yearsWidth, yearsHeight, yearsHeight+18, template.HTMLEscapeString(p.Bars[0].Label))
	if n := len(p.Bars); n > 1 {
		fmt.Fprintf(&s, `<text x="%d" y="%d" text-anchor="end">%s</text>`, yearsWidth, yearsHeight+18, template.HTMLEscapeString(p.Bars[n-1].Label))
	}
	s.WriteString("</svg>")
	return template.HTML(s.String()) // every text in it was escaped above
}

// spreadPlot shows quantiles: a line between the outer, a box between the inner, and
// where the middle is.
type spreadPlot struct {
	Title     string
	Quantiles []catalog.Quantile
}

// Drawing is the plot as SVG. The numbers stand in the table beneath.
func (p spreadPlot) Drawing() template.HTML {
	q := p.Quantiles
	low, high := q[0].Value, q[len(q)-1].Value
	x := func(v float64) float64 {
		if high <= low {
			return yearsWidth / 2
		}
		return 20 + (v-low)/(high-low)*(yearsWidth-40)
	}
	var s strings.Builder
	told := fmt.Sprintf("%s: from %g to %g.", p.Title, low, high)
	fmt.Fprintf(&s, `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="%s" width="%d" height="64" viewBox="0 0 %[2]d 64">`, template.HTMLEscapeString(told), yearsWidth)
	fmt.Fprintf(&s, `<line class="gh-axis" x1="%.1f" x2="%.1f" y1="20" y2="20"/>`, x(low), x(high))
	for _, at := range q {
		if at.P == 0.25 {
			for _, to := range q {
				if to.P == 0.75 {
					fmt.Fprintf(&s, `<rect class="gh-bar-0" x="%.1f" y="8" width="%.1f" height="24"/>`, x(at.Value), max(x(to.Value)-x(at.Value), 1))
				}
			}
		}
	}
	for _, at := range q {
		if at.P == 0.5 {
			fmt.Fprintf(&s, `<rect class="gh-bar-2" x="%.1f" y="4" width="4" height="32"/>`, x(at.Value)-2)
		}
	}
	fmt.Fprintf(&s, `<text x="%.1f" y="54">%g</text>`, x(low)-8, low)
	if high > low {
		fmt.Fprintf(&s, `<text x="%.1f" y="54" text-anchor="end">%g</text>`, x(high)+8, high)
	}
	s.WriteString("</svg>")
	return template.HTML(s.String()) // every text in it was escaped above
}

// Percent is a quantile's share as people say it.
func (p spreadPlot) Percent(q catalog.Quantile) string { return fmt.Sprintf("%g %%", q.P*100) }

// Number is a quantile's value.
func (p spreadPlot) Number(q catalog.Quantile) string { return fmt.Sprintf("%g", q.Value) }

// makeProfile has the profile of a version made.
func (s *server) makeProfile(v *visit) error {
	dataset := v.r.PathValue("dataset")
	number, err := strconv.Atoi(v.r.PathValue("number"))
	if err != nil || v.Profiles == nil {
		return notThere(v)
	}
	if err := v.Profiles.Begin(v.r.Context(), v.who, dataset, number, ""); err != nil {
		return err
	}
	return v.see(datasetPath(dataset, number), "profile-begun")
}

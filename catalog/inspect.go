package catalog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog/quality"
)

// QualityMark says whether a version passed a check of its definition: without the
// numbers, which are in the custodian's report.
type QualityMark struct {
	Name     string           `json:"name"`
	Table    string           `json:"table"`
	Severity quality.Severity `json:"severity"`
	Passed   bool             `json:"passed"`
}

// RiskRule says which published columns of the people table somebody outside could
// know of a person, and which they should not learn.
type RiskRule struct {
	QuasiIdentifiers []string `yaml:"quasi_identifiers" json:"quasi_identifiers"`
	Sensitive        []string `yaml:"sensitive" json:"sensitive,omitempty"`
}

// Risk is how alone people are by the declared quasi-identifiers: for custodians.
type Risk struct {
	RiskRule
	// K is how many people the smallest group with equal quasi-identifiers has
	// (k-anonymity, Samarati and Sweeney 1998); 0 where there are no people.
	K int64 `json:"k"`
	// Unique is how many people are alone in their group, and Few how many are in
	// groups of fewer than ten.
	Unique int64 `json:"unique"`
	Few    int64 `json:"few"`
	// L is, by sensitive column, how many different values the poorest group has
	// (distinct l-diversity, Machanavajjhala et al. 2007).
	L map[string]int64 `json:"l,omitempty"`
}

// fewPeople is how many people a group has that is not small.
const fewPeople = 10

// checkQuality notes what is wrong with the checks and the risk of a definition.
func (d *Definition) checkQuality(c *checker) {
	columns := map[string][]string{}
	for _, t := range d.Tables {
		for _, column := range t.columns() {
			columns[t.Name] = append(columns[t.Name], column.Name)
		}
	}
	for i := range d.Quality {
		d.Quality[i].Default()
		for _, fault := range d.Quality[i].Faults(columns) {
			c.fault(fmt.Sprintf("$.quality[%d]", i), "%s", fault)
		}
	}
	if d.Risk == nil {
		return
	}
	c.want(len(d.Risk.QuasiIdentifiers) > 0, "$.risk", "risk names no quasi_identifiers")
	for _, name := range append(append([]string{}, d.Risk.QuasiIdentifiers...), d.Risk.Sensitive...) {
		known := false
		for _, have := range columns[d.People.Table] {
			known = known || have == name
		}
		c.want(known, "$.risk", "the table %s publishes no column %q", d.People.Table, name)
	}
}

// inspect looks at the written tables before they are sealed: at the definition's
// checks, and at the risk. CodeQuality if a check fails for which nothing is published.
func (p *publication) inspect(ctx context.Context) error {
	var err error
	if p.version.Risk, err = p.risk(ctx); err != nil {
		return err
	}
	if len(p.Definition.Quality) == 0 {
		return nil
	}
	report := quality.Report{Version: p.version.Name(), Made: p.started.UTC()}
	if report.Results, err = quality.Run(ctx, unsealed{p}, p.Definition.Quality); err != nil {
		return err
	}
	p.quality = &report
	for _, r := range report.Results {
		p.version.Quality = append(p.version.Quality, QualityMark{r.Name, r.Table, r.Severity, r.Passed})
	}
	failed := report.Refused()
	if len(failed) == 0 {
		return nil
	}
	if err := p.report.close(); err != nil {
		return err
	}
	folder := filepath.Join(p.root.reports(), p.version.Name()+"-refused")
	if err := p.keepReport(folder); err != nil {
		return err
	}
	return gatehouse.Errorf(gatehouse.CodeQuality, "The data does not pass: %s. The report is in custodian/reports/%s.", strings.Join(failed, "; "), filepath.Base(folder))
}

// keepQuality writes the report of quality into a folder, for programs and people.
func (p *publication) keepQuality(folder string) error {
	if p.quality == nil {
		return nil
	}
	for name, write := range map[string]func(io.Writer) error{"quality.json": p.quality.WriteJSON, "quality.html": p.quality.WriteHTML} {
		f, err := os.OpenFile(filepath.Join(folder, name), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
		if err != nil {
			return storageFailure(err)
		}
		if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
			return storageFailure(err)
		}
	}
	return nil
}

// risk measures how alone people are; nil if the definition does not ask for it.
func (p *publication) risk(ctx context.Context) (*Risk, error) {
	rule := p.Definition.Risk
	if rule == nil {
		return nil, nil
	}
	keys := make([]string, len(rule.QuasiIdentifiers))
	for i, name := range rule.QuasiIdentifiers {
		keys[i] = quoteName(name)
	}
	inner := "count(*) AS n"
	outer := fmt.Sprintf("coalesce(min(n), 0)::BIGINT, coalesce(sum(n) FILTER (WHERE n = 1), 0)::BIGINT, coalesce(sum(n) FILTER (WHERE n < %d), 0)::BIGINT", fewPeople)
	for i, name := range rule.Sensitive {
		inner += fmt.Sprintf(", count(DISTINCT %s) AS l%d", quoteName(name), i)
		outer += fmt.Sprintf(", coalesce(min(l%d), 0)::BIGINT", i)
	}
	found, err := p.writer.numbers(ctx, fmt.Sprintf("SELECT %s FROM (SELECT %s FROM %s GROUP BY %s)", outer, inner, unsealed{p}.Relation(p.Definition.People.Table), strings.Join(keys, ", ")), 3+len(rule.Sensitive))
	if err != nil {
		return nil, err
	}
	r := &Risk{RiskRule: *rule, K: found[0], Unique: found[1], Few: found[2], L: map[string]int64{}}
	for i, name := range rule.Sensitive {
		r.L[name] = found[3+i]
	}
	return r, nil
}

// unsealed are the tables of a publication as they were written, before they are sealed.
type unsealed struct{ *publication }

// Query implements quality.Tables.
func (w unsealed) Query(ctx context.Context, sql string) (array.RecordReader, error) {
	return w.writer.engine.Query(ctx, sql)
}

// Relation implements quality.Tables.
func (w unsealed) Relation(table string) string {
	var parts []string
	for _, t := range w.version.Tables {
		if t.Name != table {
			continue
		}
		for _, f := range t.Files {
			if f.Masked { // shared with the version before
				parts = append(parts, fmt.Sprintf("SELECT * FROM read_parquet(%s) ANTI JOIN read_parquet(%s) USING (%s)",
					quoteText(filepath.Join(w.base.version.Folder, f.Path)), quoteText(filepath.Join(w.out, supersededFile)), UnitColumn))
				continue
			}
			parts = append(parts, "SELECT * FROM read_parquet("+quoteText(filepath.Join(w.out, f.Path))+")")
		}
	}
	return "(" + strings.Join(parts, " UNION ALL BY NAME ") + ")"
}

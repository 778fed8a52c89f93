package infer

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

// render writes the definition.
func (p *proposal) render() ([]byte, error) {
	if len(p.tables) == 0 {
		return p.renderFHIR()
	}
	p.findPeople()
	p.findReferences()
	if !slices.ContainsFunc(p.tables, func(t *table) bool { return t.key >= 0 }) {
		return nil, gatehouse.Errorf(gatehouse.CodeExtractMissing, "No column of any file looks like the key of a person.").
			WithAdvice("Give the column of the person a name such as person_id, or write the definition by hand (docs/run-your-own.md).")
	}
	var b bytes.Buffer
	p.preamble(&b)
	p.renderPeople(&b)
	b.WriteString("\ntables:\n")
	for _, t := range p.tables {
		p.renderTable(&b, t)
	}
	return b.Bytes(), nil
}

func (p *proposal) preamble(b *bytes.Buffer) {
	fmt.Fprintf(b, "# Proposed by 'gatehouse catalog infer' from at most %d rows of each file: a sample, in which what is\n", p.Rows)
	b.WriteString("# rare may be missing. Read every line. Direct identifiers and free text are dropped; check that nothing\n# that is kept identifies anybody, and that each class is right.\n")
	if len(p.resources) > 0 {
		p.remark("FHIR resources (%s) are left out: publish them as a dataset of their own, with the definition fhir.", strings.Join(p.resources, ", "))
	}
	for _, r := range p.remarks {
		fmt.Fprintf(b, "# - %s\n", r)
	}
	fmt.Fprintf(b, "dataset: %s\ntitle: %s\ncustodian: The custodian's organisation\nreject_limit: 0.05\nreject_floor: 20\n\n", p.Dataset, strconv.Quote("Dataset "+p.Dataset))
	p.renderLists(b)
}

func (p *proposal) renderLists(b *bytes.Buffer) {
	b.WriteString("# Whose opt-outs apply is for the custodian to say. A list that is not there stops a publication.\nopt_outs:\n")
	national := false
	taken := make(map[string]bool)
	for _, l := range p.lists {
		if l.kind == catalog.ListAllow {
			if p.kind != catalog.IdentifierNHSNumber {
				continue
			}
			national = true
			fmt.Fprintf(b, "  - {list: %s, file: %s, kind: allow, max_age: 720h}\n", publishedName("national", taken), strconv.Quote(l.file))
			continue
		}
		header := make([]string, len(l.header))
		for i, h := range l.header {
			header[i] = strconv.Quote(h)
		}
		fmt.Fprintf(b, "  - {list: %s, file: %s, kind: deny, header: [%s], column: %s, max_age: 720h}\n", publishedName(tableName(l.file), taken), strconv.Quote(l.file),
			strings.Join(header, ", "), strconv.Quote(l.column))
	}
	switch {
	case !national && p.kind == catalog.IdentifierNHSNumber:
		b.WriteString("  - {list: national, file: national-opt-out.dat, kind: allow, max_age: 720h} # not in the folder: put the check service's reply there\n")
	case p.kind != catalog.IdentifierNHSNumber && len(taken) == 0:
		b.WriteString("  - {list: objections, file: objections.csv, kind: deny, header: [person], column: person, max_age: 720h} # not in the folder\n")
	}
}

func (p *proposal) renderPeople(b *bytes.Buffer) {
	b.WriteString("\npeople:\n")
	if p.people == nil {
		fmt.Fprintf(b, "  from_rows: true # no table has one row per person\n  kind: %s\n", p.kind)
		return
	}
	t := p.people
	fmt.Fprintf(b, "  table: %s\n  identifier: %s\n  kind: %s\n", t.name, strconv.Quote(t.columns[t.key].name), p.kind)
	birth, death := false, false
	for i, d := range t.what {
		switch {
		case d.kind != catalog.FieldDate:
		case d.birth && !birth && d.treatment == catalog.TreatYear:
			birth = true
			fmt.Fprintf(b, "  birth: %s\n", strconv.Quote(t.columns[i].name))
		case d.death && !death && d.treatment == catalog.TreatMonth:
			death = true
			fmt.Fprintf(b, "  death: %s\n", strconv.Quote(t.columns[i].name))
		}
	}
}

func (p *proposal) renderTable(b *bytes.Buffer, t *table) {
	fmt.Fprintf(b, "  - name: %s\n    file: %s\n", t.name, strconv.Quote(t.file))
	if t.form.Format != catalog.FormatCSV {
		fmt.Fprintf(b, "    format: %s\n", t.form.Format)
	}
	if t.form.Encoding != catalog.EncodingUTF8 {
		fmt.Fprintf(b, "    encoding: %s\n", t.form.Encoding)
	}
	if t.form.Delimiter != "," {
		fmt.Fprintf(b, "    delimiter: %s\n", strconv.Quote(t.form.Delimiter))
	}
	if t.public {
		b.WriteString("    public: true # it looks like a list of codes: make sure that it holds nothing about people\n")
	}
	whole := "all of them"
	if !t.sample.Whole {
		whole = "not all"
	}
	fmt.Fprintf(b, "    # %d rows looked at, %s; %d could not be split into columns\n    columns:\n", t.sample.Rows, whole, t.sample.Broken)
	taken := map[string]bool{"_unit": true, "_row": true}
	for i, d := range t.what {
		b.WriteString("      - {" + d.render(t.columns[i].name, taken) + "}")
		if len(d.notes) > 0 {
			b.WriteString(" # " + strings.Join(d.notes, "; "))
		}
		b.WriteByte('\n')
	}
}

func (d *decision) render(name string, taken map[string]bool) string {
	parts := []string{"name: " + strconv.Quote(name)}
	add := func(key, value string) {
		if value != "" {
			parts = append(parts, key+": "+value)
		}
	}
	if d.kind != catalog.FieldText {
		add("type", string(d.kind))
	}
	if d.format != "" {
		add("format", strconv.Quote(d.format))
	}
	add("treatment", string(d.treatment))
	if d.treatment != catalog.TreatDrop && d.treatment != catalog.TreatUnit {
		as := d.as
		if as == "" {
			as = name
		}
		if as = publishedName(as, taken); as != name {
			add("as", as)
		}
		add("class", string(d.class))
		if d.grain != "" {
			add("grain", strconv.Quote(d.grain))
		}
	}
	return strings.Join(parts, ", ")
}

// renderFHIR proposes the definition that comes with Gatehouse.
func (p *proposal) renderFHIR() ([]byte, error) {
	text, ok := catalog.ShippedText("fhir")
	if !ok || !slices.Contains(p.resources, "Patient") {
		return nil, gatehouse.Errorf(gatehouse.CodeExtractMissing, "The folder holds FHIR resources and no patients.")
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Proposed by 'gatehouse catalog infer': the folder holds FHIR resources (%s), for which this definition\n# comes with Gatehouse. Types that it does not name are not read.\n", strings.Join(p.resources, ", "))
	for _, r := range p.remarks {
		fmt.Fprintf(&b, "# - %s\n", r)
	}
	b.Write(bytes.Replace(text, []byte("\ndataset: fhir\n"), []byte("\ndataset: "+p.Dataset+"\n"), 1))
	return b.Bytes(), nil
}

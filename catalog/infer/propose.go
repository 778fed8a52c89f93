package infer

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

// Options say how to look.
type Options struct {
	Dataset string // name of the dataset; default: the folder's
	Rows    int64  // rows of each file that are looked at; default: DefaultRows
}

// DefaultRows is how many rows of a file are looked at.
const DefaultRows = 100_000

// table is one table of the proposal.
type table struct {
	name    string
	file    string   // a name or a pattern
	files   []string //
	form    catalog.TableRule
	columns []*column
	what    []*decision
	sample  catalog.Sample
	key     int // column that names the person; -1: none
	public  bool
}

// Propose looks at a sample of every file of a folder and gives a definition, as
// YAML with remarks, that catalog.ParseDefinition takes. Neither it nor an error
// bears a value of a file. Memory is bounded by the widest file's columns, not by
// how long the files are.
func Propose(ctx context.Context, dir string, o Options) ([]byte, error) {
	if o.Rows <= 0 {
		o.Rows = DefaultRows
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, gatehouse.Errorf(gatehouse.CodeExtractMissing, "The folder cannot be read.").Because(err)
	}
	p := &proposal{Options: o, dir: dir}
	if p.Dataset == "" {
		p.Dataset = datasetName(dir)
	}
	if !gatehouse.ValidName(p.Dataset) {
		return nil, gatehouse.Errorf(gatehouse.CodeUsage, "The dataset's name must be made of lower-case letters, digits, '_' and '-'.")
	}
	for _, e := range entries {
		if e.Type().IsRegular() && !strings.HasPrefix(e.Name(), ".") {
			if err := p.look(ctx, e.Name()); err != nil {
				return nil, err
			}
		}
	}
	if len(p.tables) == 0 && len(p.resources) == 0 {
		return nil, gatehouse.Errorf(gatehouse.CodeExtractMissing, "No file of the folder could be read as a table.").WithAdvice("%s", strings.Join(p.remarks, " "))
	}
	text, err := p.render()
	if err != nil {
		return nil, err
	}
	if _, err := catalog.ParseDefinition(p.Dataset+".yaml", text); err != nil {
		return nil, gatehouse.Errorf(gatehouse.CodeInternal, "The proposed definition is not valid.").Because(err)
	}
	return text, nil
}

func datasetName(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "dataset"
	}
	s := strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(filepath.Base(abs)), "_"), "_")
	if !gatehouse.ValidName(s) {
		return "dataset"
	}
	return s
}

type proposal struct {
	Options
	dir       string
	tables    []*table
	lists     []list
	resources []string // types of FHIR resources
	remarks   []string
	people    *table // nil: from rows
	kind      catalog.IdentifierKind
}

// list is a file that looks like an opt-out list.
type list struct {
	file   string
	kind   catalog.ListKind
	header []string
	column string
}

func (p *proposal) remark(format string, args ...any) {
	p.remarks = append(p.remarks, fmt.Sprintf(format, args...))
}

var (
	replyPattern    = regexp.MustCompile(`^([0-9]{10},\n)+`)
	resourcePattern = regexp.MustCompile(`^\s*\{[^\n]*"resourceType"\s*:\s*"([A-Z][A-Za-z]+)"`)
	listNamed       = regexp.MustCompile(`(?i)(opt.?out|dissent|objection|withdraw|type.?1)`)
	headerPattern   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_ .()/#%-]{0,62}$`)
)

// look looks at one file.
func (p *proposal) look(ctx context.Context, name string) error {
	path := filepath.Join(p.dir, name)
	if strings.HasSuffix(name, catalog.DatedSuffix) {
		return nil
	}
	t, text, err := form(path)
	if err != nil {
		p.remark("%s is left out: it cannot be read.", name)
		return nil
	}
	if replyPattern.Match(text) {
		p.lists = append(p.lists, list{file: name, kind: catalog.ListAllow})
		return nil
	}
	if m := resourcePattern.FindSubmatch(text); m != nil {
		p.resource(name, string(m[1]))
		return nil
	}
	out := &table{file: name, files: []string{name}, form: t, key: -1}
	var header []string
	out.sample, err = catalog.ReadSample(ctx, path, t, p.Rows, func(names []string, fields [][]byte) {
		if out.columns == nil {
			header = names
			for _, n := range names {
				out.columns = append(out.columns, newColumn(n))
			}
		}
		for i, f := range fields {
			out.columns[i].take(f)
		}
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		p.remark("%s is left out: it cannot be read as a table (%s).", name, gatehouse.CodeOf(err))
		return nil
	case out.sample.Rows == 0 || len(header) < 1:
		p.remark("%s is left out: it has no rows.", name)
		return nil
	case !isHeader(out.columns):
		p.remark("%s is left out: its first line does not look like a header.", name)
		return nil
	}
	for _, c := range out.columns {
		out.what = append(out.what, c.decide())
	}
	if p.list(name, out) {
		return nil
	}
	p.add(out)
	return nil
}

// isHeader holds for names that are no values: a row of a file without a header
// must never be written down.
func isHeader(columns []*column) bool {
	seen := make(map[string]bool)
	names := 0
	for _, c := range columns {
		if !headerPattern.MatchString(c.name) || seen[c.name] {
			return false
		}
		if isName([]byte(c.name)) {
			names++
			if c.name != strings.ToLower(c.name) && c.name != strings.ToUpper(c.name) { // "Ward" may be one, and "ward" is none
				return false
			}
		}
		seen[c.name] = true
		value := newColumn("")
		value.take([]byte(c.name))
		for look := range lookArea + 1 {
			if look != lookName && value.looks[look] > 0 && look != lookAddress {
				return false
			}
		}
		again := newColumn("")
		again.remember([]byte(c.name))
		for h := range again.distinct {
			if _, value := c.distinct[h]; value {
				return false
			}
		}
	}
	return names*2 <= len(columns)
}

// list takes a file for an opt-out list, if its name and its columns say so.
func (p *proposal) list(name string, t *table) bool {
	if !listNamed.MatchString(name) || t.form.Delimiter != "," || len(t.columns) > 6 {
		return false
	}
	for _, c := range t.columns {
		if c.share(c.looks[lookNHSNumber]) >= 0.9 {
			l := list{file: name, kind: catalog.ListDeny, column: c.name}
			for _, c := range t.columns {
				l.header = append(l.header, c.name)
			}
			p.lists = append(p.lists, l)
			return true
		}
	}
	return false
}

func (p *proposal) resource(name, kind string) {
	if !slices.Contains(p.resources, kind) {
		p.resources = append(p.resources, kind)
	}
	if !strings.HasPrefix(name, kind) {
		p.remark("%s holds FHIR resources of type %s, and its name does not begin with that: rename it, or the definition's file.", name, kind)
	}
}

var numbered = regexp.MustCompile(`^(.*?)[_.-]?[0-9]+((?:\.[A-Za-z]+)*)$`)

// add joins a file to a table of which it is another part, by its name and header.
func (p *proposal) add(t *table) {
	t.name = tableName(t.file)
	if m := numbered.FindStringSubmatch(t.file); m != nil && m[1] != "" {
		for _, other := range p.tables {
			o := numbered.FindStringSubmatch(other.files[0])
			if o != nil && o[1] == m[1] && o[2] == m[2] && sameHeader(other, t) && sameForm(other.form, t.form) {
				other.files = append(other.files, t.file)
				other.file = m[1] + "*" + m[2]
				other.name = tableName(m[1])
				return
			}
		}
	}
	p.tables = append(p.tables, t)
}

func sameForm(a, b catalog.TableRule) bool {
	return a.Delimiter == b.Delimiter && a.Encoding == b.Encoding && a.Format == b.Format
}

func sameHeader(a, b *table) bool {
	return slices.EqualFunc(a.columns, b.columns, func(x, y *column) bool { return x.name == y.name })
}

func tableName(file string) string {
	name, _, _ := strings.Cut(file, ".")
	s := strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(name), "_"), "_")
	if !gatehouse.ValidName(s) || s == "units" {
		return "t_" + s
	}
	return s
}

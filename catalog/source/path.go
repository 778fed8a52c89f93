package source

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Path says where in a resource a value stands: the part of FHIRPath that the
// view definitions of SQL on FHIR must know
// (https://sql-on-fhir.org/ig/latest/StructureDefinition-ShareableViewDefinition.html).
//
//	a.b.c                      members; lists are gone through
//	a[0]                       one element of a list
//	a.first()                  the first of what there is
//	a.where(b = 'x' and c)     those of which it holds; = and != compare with a string, a number, true or false;
//	                           'or' binds weaker than 'and'
//	a.ofType(Quantity)         a value of one type: the member aQuantity
//	a.extension('url')         those extensions
//	a.exists(), a.empty()      true or false
//	getResourceKey()           the resource's id
//	a.getReferenceKey(Patient) the id of the resource of that type that a refers to
//	(a | b).first()            what a gives and what b gives
//
// A path must give one value, or none. What FHIR lets repeat is chosen from
// explicitly, with where() or first().
type Path struct {
	text  string
	steps []step
}

func (p *Path) String() string { return p.text }

type operation uint8

const (
	opMember operation = iota
	opIndex
	opFirst
	opWhere
	opOfType
	opExtension
	opExists
	opEmpty
	opResourceKey
	opReferenceKey
	opUnion
)

// step is one operation of a path.
type step struct {
	op    operation
	name  string // of a member or type; an extension's URL
	index int
	where [][]comparison // one of these lists must hold whole
	union []*Path
}

// comparison is a condition of where().
type comparison struct {
	path    *Path
	literal string
	exists  bool // the path must give something that is not false
	not     bool // !=
}

// ParsePath reads a path.
func ParsePath(text string) (*Path, error) {
	p := &pathParser{text: text}
	path, err := p.path()
	if err != nil {
		return nil, fmt.Errorf("the path %q: %w", text, err)
	}
	if p.blank(); p.at != len(text) {
		return nil, fmt.Errorf("the path %q: character %d begins nothing that is known", text, p.at+1)
	}
	return path, nil
}

type pathParser struct {
	text  string
	at    int
	depth int
}

var wordPattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*`)

func (p *pathParser) blank() {
	for p.at < len(p.text) && p.text[p.at] == ' ' {
		p.at++
	}
}

// take takes a token if it comes next.
func (p *pathParser) take(token string) bool {
	p.blank()
	if !strings.HasPrefix(p.text[p.at:], token) {
		return false
	}
	p.at += len(token)
	return true
}

func (p *pathParser) word() string {
	p.blank()
	w := wordPattern.FindString(p.text[p.at:])
	p.at += len(w)
	return w
}

func (p *pathParser) path() (*Path, error) {
	if p.depth++; p.depth > 8 {
		return nil, fmt.Errorf("it is nested too deep")
	}
	defer func() { p.depth-- }()
	from := p.at
	out := &Path{}
	if p.take("(") {
		s := step{op: opUnion}
		for {
			part, err := p.path()
			if err != nil {
				return nil, err
			}
			s.union = append(s.union, part)
			if p.take("|") {
				continue
			}
			if !p.take(")") {
				return nil, fmt.Errorf("a bracket is not closed")
			}
			break
		}
		out.steps = append(out.steps, s)
		if !p.take(".") {
			out.text = strings.TrimSpace(p.text[from:p.at])
			return out, nil
		}
	}
	for {
		s, err := p.step()
		if err != nil {
			return nil, err
		}
		if s.op == opOfType { // FHIR's JSON has the type in the name: valueQuantity
			last := len(out.steps) - 1
			if last < 0 || out.steps[last].op != opMember {
				return nil, fmt.Errorf("ofType must follow a member")
			}
			out.steps[last].name += strings.ToUpper(s.name[:1]) + s.name[1:]
		} else {
			out.steps = append(out.steps, s)
		}
		for p.take("[") {
			from := p.at
			for p.at < len(p.text) && p.text[p.at] >= '0' && p.text[p.at] <= '9' {
				p.at++
			}
			n, err := strconv.Atoi(p.text[from:p.at])
			if err != nil || n > 1000 || !p.take("]") {
				return nil, fmt.Errorf("[ ] must hold the number of an element")
			}
			out.steps = append(out.steps, step{op: opIndex, index: n})
		}
		if !p.take(".") {
			out.text = strings.TrimSpace(p.text[from:p.at])
			return out, nil
		}
	}
}

func (p *pathParser) step() (step, error) {
	name := p.word()
	if name == "" {
		return step{}, fmt.Errorf("a name is missing at character %d", p.at+1)
	}
	if !p.take("(") {
		return step{op: opMember, name: name}, nil
	}
	s := step{}
	var err error
	switch name {
	case "first":
		s.op = opFirst
	case "exists":
		s.op = opExists
	case "empty":
		s.op = opEmpty
	case "getResourceKey":
		s.op = opResourceKey
	case "where":
		s.op = opWhere
		s.where, err = p.conditions()
	case "ofType":
		s.op = opOfType
		if s.name = p.word(); s.name == "" {
			err = fmt.Errorf("ofType needs the name of a type")
		}
	case "getReferenceKey":
		s.op = opReferenceKey
		s.name = p.word()
	case "extension":
		s.op = opExtension
		s.name, err = p.quoted()
	default:
		err = fmt.Errorf("there is no function %s here", name)
	}
	if err == nil && !p.take(")") {
		err = fmt.Errorf("the bracket of %s is not closed", name)
	}
	return s, err
}

func (p *pathParser) conditions() ([][]comparison, error) {
	out := [][]comparison{nil}
	for {
		path, err := p.path()
		if err != nil {
			return nil, err
		}
		c := comparison{path: path}
		switch {
		case p.take("!="):
			c.not = true
			c.literal, err = p.literal()
		case p.take("="):
			c.literal, err = p.literal()
		default:
			c.exists = true
		}
		if err != nil {
			return nil, err
		}
		last := len(out) - 1
		out[last] = append(out[last], c)
		switch {
		case p.take("and "):
		case p.take("or "):
			out = append(out, nil)
		default:
			return out, nil
		}
	}
}

func (p *pathParser) literal() (string, error) {
	p.blank()
	if p.at < len(p.text) && p.text[p.at] == '\'' {
		return p.quoted()
	}
	from := p.at
	for p.at < len(p.text) && strings.IndexByte("-+.0123456789truefals", p.text[p.at]) >= 0 {
		p.at++
	}
	if from == p.at {
		return "", fmt.Errorf("a value to compare with is missing at character %d", p.at+1)
	}
	return p.text[from:p.at], nil
}

func (p *pathParser) quoted() (string, error) {
	if !p.take("'") {
		return "", fmt.Errorf("a text in single quotation marks is missing at character %d", p.at+1)
	}
	end := strings.IndexByte(p.text[p.at:], '\'')
	if end < 0 || strings.Contains(p.text[p.at:p.at+end], `\`) {
		return "", fmt.Errorf("a text in single quotation marks is not closed, or holds a backslash")
	}
	s := p.text[p.at : p.at+end]
	p.at += end + 1
	return s, nil
}

// value gives the one value of a path in a document, and nil where there is none.
func (d *document) valueOf(p *Path) (text []byte, present bool, fault *RowFault) {
	found, code := d.eval(p, []int32{0})
	switch {
	case code != "":
		return nil, false, &RowFault{Path: p.text, Code: code}
	case len(found) == 0:
		return nil, false, nil
	case len(found) > 1:
		return nil, false, &RowFault{Path: p.text, Code: RowRepeated}
	}
	n := &d.nodes[found[0]]
	if n.kind == '{' || n.kind == '[' {
		return nil, false, &RowFault{Path: p.text, Code: RowStructured}
	}
	return n.text, true, nil
}

// eval gives what a path finds from some nodes.
func (d *document) eval(p *Path, at []int32) ([]int32, string) {
	for i := range p.steps {
		s := &p.steps[i]
		var out []int32
		switch s.op {
		case opMember:
			for _, n := range at {
				out = d.member(n, s.name, out)
			}
		case opIndex:
			if s.index < len(at) {
				out = at[s.index : s.index+1]
			}
		case opFirst:
			out = at[:min(len(at), 1)]
		case opWhere, opExtension:
			if s.op == opExtension {
				at = d.members(at, "extension")
			}
			for _, n := range at {
				ok, code := d.holds(s, n)
				if code != "" {
					return nil, code
				}
				if ok {
					out = append(out, n)
				}
			}
		case opExists, opEmpty:
			text, kind := []byte("false"), byte('f')
			if (len(at) > 0) == (s.op == opExists) {
				text, kind = []byte("true"), 't'
			}
			out = append(out, d.add(kindOf(kind), text))
		case opResourceKey:
			out = d.members(at, "id")
		case opReferenceKey:
			for _, n := range d.members(at, "reference") {
				key, code := referenceKey(d.nodes[n].text, s.name)
				if code != "" {
					return nil, code
				}
				if key != nil {
					out = append(out, d.add('"', key))
				}
			}
		case opUnion:
			for _, part := range s.union {
				found, code := d.eval(part, at)
				if code != "" {
					return nil, code
				}
				out = append(out, found...)
			}
		}
		at = out
	}
	return at, ""
}

func (d *document) members(at []int32, name string) (out []int32) {
	for _, n := range at {
		out = d.member(n, name, out)
	}
	return out
}

// member appends a node's members of a name, each element of a list by itself.
func (d *document) member(n int32, name string, out []int32) []int32 {
	if d.nodes[n].kind != '{' {
		return out
	}
	for child := d.nodes[n].first; child != 0; child = d.nodes[child].next {
		if string(d.nodes[child].name) == name {
			return d.elements(child, out)
		}
	}
	return out
}

func (d *document) elements(n int32, out []int32) []int32 {
	switch d.nodes[n].kind {
	case 'n':
		return out
	case '[':
		for child := d.nodes[n].first; child != 0; child = d.nodes[child].next {
			out = d.elements(child, out)
		}
		return out
	}
	return append(out, n)
}

// holds reports whether the conditions of a step hold of a node.
func (d *document) holds(s *step, n int32) (bool, string) {
	if s.op == opExtension {
		url := d.member(n, "url", nil)
		return len(url) == 1 && string(d.nodes[url[0]].text) == s.name, ""
	}
	for _, all := range s.where {
		if ok, code := d.holdAll(all, n); ok || code != "" {
			return ok, code
		}
	}
	return false, ""
}

func (d *document) holdAll(all []comparison, n int32) (bool, string) {
	for i := range all {
		c := &all[i]
		found, code := d.eval(c.path, []int32{n})
		if code != "" {
			return false, code
		}
		switch {
		case c.exists && (len(found) == 0 || d.nodes[found[0]].kind == 'f'), !c.exists && len(found) != 1:
			return false, ""
		case !c.exists && (string(d.nodes[found[0]].text) == c.literal) == c.not:
			return false, ""
		}
	}
	return true, ""
}

// referenceKey gives the id of a literal reference
// (https://hl7.org/fhir/R4/references.html#literal): "Patient/ID", also behind a
// server's address and before a version. A reference to another type, or to
// something within the resource, gives none.
func referenceKey(reference []byte, resource string) ([]byte, string) {
	if i := bytes.Index(reference, []byte("/_history/")); i >= 0 {
		reference = reference[:i]
	}
	if bytes.HasPrefix(reference, []byte("#")) || bytes.HasPrefix(reference, []byte("urn:")) {
		return nil, "" // within the resource or a bundle: no resource of the export
	}
	parts := bytes.Split(reference, []byte{'/'})
	if len(parts) < 2 {
		return nil, RowReference
	}
	id, kind := parts[len(parts)-1], parts[len(parts)-2]
	switch {
	case !idPattern.Match(id):
		return nil, RowReference
	case resource != "" && string(kind) != resource:
		return nil, ""
	}
	return id, ""
}

var idPattern = regexp.MustCompile(`^[A-Za-z0-9.-]{1,64}$`)

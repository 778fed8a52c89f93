package egress

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress/inspect"
)

// Request is what a researcher asks to take out: files, why, and what the
// checkers said of each. It is never shown as it is: RequestView leaves out
// what its reader may not see yet.
type Request struct {
	ID      string
	Project string
	Title   string
	Context RequestContext // of outputs that are in no group
	Groups  []OutputGroup
	State   RequestState
	Author  string
	Round   int // submissions so far; votes belong to a round
	Version int // grows with every change; two changes cannot both follow the same one

	Created   time.Time
	Submitted time.Time // of the newest round; zero for a draft
	Concluded time.Time // when the votes of the newest round settled it; zero before

	// Vetoes are the datasets whose custodian must agree in this round, as they
	// asked for it when the checkers approved.
	Vetoes []string
	// Insiders are or were of the project since it was approved. They never check, even
	// after they have left it, and what they said before they joined does not count.
	Insiders []string

	Files      []RequestFile // in the order added; removed ones too
	Votes      []Vote        // all that were ever cast, in order
	Clearances []Clearance   // all that custodians ever said, in order
	Messages   []Message     // questions and answers, in order
	Claims     []Claim       // those that have run out too
	Turns      []Turn        // each time that it came to another state, in order
	Release    string        // id, once released
}

// RequestContext tells the checkers what they look at. Every field is required
// when the request is submitted; of a referred result the gate itself measures
// the people behind each number.
type RequestContext struct {
	What       string `json:"what,omitempty" doc:"What the files show, and how they were made"`
	Population string `json:"population,omitempty" doc:"Whom the numbers are about, and how they were selected"`
	Dates      string `json:"dates,omitempty" doc:"The period that the data covers"`
	People     string `json:"people,omitempty" doc:"How many people stand behind each number, or which supporting file says so"`
	Controls   string `json:"controls,omitempty" doc:"Disclosure controls applied: thresholds, rounding, suppression"`
}

// FileOrigin says where a request's file came from.
type FileOrigin string

// The origins.
const (
	OriginUpload FileOrigin = "upload" // handed in by the author
	OriginQuery  FileOrigin = "query"  // an answer that the gate referred to people
)

// FileKind says what a request's file is for.
type FileKind string

// The kinds.
const (
	KindOutput     FileKind = "output"     // is to leave
	KindSupporting FileKind = "supporting" // helps the checkers to judge the outputs, and never leaves
)

// RequestFile is one file of a request. Its bytes are kept once, under their
// hash, and are those that leave.
type RequestFile struct {
	ID       string
	Request  string
	Name     string // a plain file name, unique in the request whatever its case
	Kind     FileKind
	Group    string // name of its group of outputs; "" for none
	SHA256   string // lower-case hex
	Bytes    int64
	Origin   FileOrigin
	Decision string    // the gate's decision, for OriginQuery
	Referral *Referral // what is known of it, for OriginQuery
	Cohorts  string    // object of the rows and people that it is made of, sealed; "" for none
	Report   inspect.Report
	AddedBy  string
	Added    time.Time
	Removed  time.Time // zero while it belongs to the request
	// Round is the round whose votes decide the file: the newest, or an earlier
	// one whose outcome still stands.
	Round int
	// Basis is what the checkers of that round judge it by; nil before.
	Basis *Basis
	Proof *Proof // the gate's decision that let these bytes out already; nil for none
}

// RequestLimits bound what one request may hold.
type RequestLimits struct {
	FileBytes    int64 // of one file
	RequestBytes int64 // of all files of a request
	Files        int   // in a request at once
	Added        int   // ever added to a request, removed ones counted
}

// DefaultRequestLimits suit tables and plots.
var DefaultRequestLimits = RequestLimits{FileBytes: 32 << 20, RequestBytes: 256 << 20, Files: 100, Added: 500}

// Limits of the texts that people write, in bytes.
const (
	maxTitle   = 200
	maxText    = 8_000
	maxComment = 4_000
)

// current gives the files that belong to the request now.
func (r *Request) current() []RequestFile {
	var files []RequestFile
	for _, f := range r.Files {
		if f.Removed.IsZero() {
			files = append(files, f)
		}
	}
	return files
}

// file gives the current file of that name.
func (r *Request) file(name string) (RequestFile, error) {
	folded := foldName(name)
	for _, f := range r.current() {
		if foldName(f.Name) == folded {
			return f, nil
		}
	}
	return RequestFile{}, gatehouse.Errorf(gatehouse.CodeNotFound, "The request has no file of that name.")
}

// DiscountInsiders makes the votes of insiders void. Whoever reads a request with
// its votes and insiders calls it.
func (r *Request) DiscountInsiders() {
	for i := range r.Votes {
		r.Votes[i].Void = r.insider(r.Votes[i].Checker)
	}
}

func (r *Request) insider(user string) bool {
	for _, insider := range r.Insiders {
		if insider == user {
			return true
		}
	}
	return false
}

// checkTitle and the like refuse texts that cannot be shown as they are.
func checkTitle(title string) error { return checkText("title", title, maxTitle, false) }

// check refuses texts that cannot be shown and, if required, fields that are
// missing; whose names them.
func (c RequestContext) check(whose string, required, people bool) error {
	for _, f := range []struct {
		name, text string
		required   bool
	}{
		{"what", c.What, required}, {"population", c.Population, required}, {"dates", c.Dates, required},
		{"people", c.People, required && people}, {"controls", c.Controls, required},
	} {
		if f.required && strings.TrimSpace(f.text) == "" {
			return gatehouse.Errorf(gatehouse.CodeRequestInvalid, "%s does not say its %q.", whose, f.name).
				WithAdvice("Say what the files show, their population, the dates, how many people stand behind each number, and the controls applied; a checker decides by that.")
		}
		if err := checkText(f.name, f.text, maxText, true); err != nil {
			return err
		}
	}
	return nil
}

func checkText(name, text string, limit int, lines bool) error {
	switch {
	case !utf8.ValidString(text):
		return gatehouse.Errorf(gatehouse.CodeRequestInvalid, "The %s is not valid UTF-8.", name)
	case len(text) > limit:
		return gatehouse.Errorf(gatehouse.CodeRequestInvalid, "The %s is longer than %d bytes.", name, limit)
	}
	for _, r := range text {
		if unicode.IsControl(r) && (!lines || r != '\n' && r != '\t' && r != '\r') || unicode.Is(unicode.Cf, r) && r != '\u200d' {
			return gatehouse.Errorf(gatehouse.CodeRequestInvalid, "The %s holds a character that cannot be seen.", name)
		}
	}
	return nil
}

package synth

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gatehouse-tre/gatehouse"
)

// SummaryFile is written last: a folder that holds it is complete.
const SummaryFile = "faults.json"

// maxLines is how many lines of each kind are listed; all are counted.
const maxLines = 1000

// Summary tells what was written, and every deliberate fault. It is what
// faults.json holds.
type Summary struct {
	People      int                     `json:"people"`
	Seed        uint64                  `json:"seed"`
	ExtractDate string                  `json:"extract_date"` // nothing in the extracts is later
	Files       map[string]*FileSummary `json:"files"`        // by file name
}

// FileSummary is about one file.
type FileSummary struct {
	Rows   int               `json:"rows"` // the header left out
	Faults map[string]*Lines `json:"faults,omitempty"`
	// Orphans are good rows of people whose only row of patients.csv is to be
	// rejected: whether they are published depends on the definition.
	Orphans *Lines `json:"orphans,omitempty"`
}

// Lines are the places of one kind of fault. Line 1 is the header.
type Lines struct {
	Treatment Treatment `json:"treatment,omitempty"`
	Count     int       `json:"count"`
	Lines     []int     `json:"lines"`               // the first thousand, ascending
	Originals []int     `json:"originals,omitempty"` // of duplicates: the line that each repeats
}

func (l *Lines) add(line, original int) {
	l.Count++
	if len(l.Lines) == maxLines {
		return
	}
	l.Lines = append(l.Lines, line)
	if original > 0 {
		l.Originals = append(l.Originals, original)
	}
}

func newSummary(people int, seed uint64) Summary {
	return Summary{
		People: people, Seed: seed,
		ExtractDate: extractDay.time().Format("2006-01-02"),
		Files:       map[string]*FileSummary{},
	}
}

// add accounts for a section that was written at the end of a file.
func (f *FileSummary) add(s *section, firstLine int) {
	line := func(row int) int { return firstLine + f.Rows + row }
	for _, p := range s.faults {
		kind := faultKinds[p.fault]
		if f.Faults == nil {
			f.Faults = map[string]*Lines{}
		}
		l := f.Faults[kind.name]
		if l == nil {
			l = &Lines{Treatment: kind.treatment}
			f.Faults[kind.name] = l
		}
		original := 0
		if p.of >= 0 {
			original = line(p.of)
		}
		l.add(line(p.row), original)
	}
	for _, row := range s.orphans {
		if f.Orphans == nil {
			f.Orphans = &Lines{}
		}
		f.Orphans.add(line(row), 0)
	}
	f.Rows += s.rows
}

// Read gives the summary of extracts written earlier. Its error is
// CodeExtractMissing when dir holds no complete set.
func Read(dir string) (Summary, error) {
	text, err := os.ReadFile(filepath.Join(dir, SummaryFile))
	if err != nil {
		code := gatehouse.CodeStorage
		if errors.Is(err, fs.ErrNotExist) {
			code = gatehouse.CodeExtractMissing
		}
		return Summary{}, gatehouse.Errorf(code, "The folder %s holds no complete synthetic extracts.", dir).Because(err)
	}
	var s Summary
	if err := json.Unmarshal(text, &s); err != nil {
		return Summary{}, gatehouse.Errorf(gatehouse.CodeExtractBroken, "%s is not readable.", SummaryFile).Because(err)
	}
	return s, nil
}

package egress

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/gob"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/klauspost/compress/zstd"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress/disclosure"
	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// An answer that was released before is given again (docs/design/0007). What is
// kept of it is the protected table: what the lobby makes of it is made anew.

// KeptAnswer is a protected table in the ledger: sealed, for the gate only.
type KeptAnswer struct {
	Question   string // fingerprint of what was asked, of which versions, under which rules
	Population string // fingerprint of the populations that it was asked of
	Decision   string // that released it
	Decided    time.Time
	Sealed     []byte
}

// maxKeptAnswer bounds one kept answer, in bytes. What is larger is answered anew.
const maxKeptAnswer = 2 << 20

// EarlierNumbers says how many of an answer's numbers are those of an earlier
// decision.
type EarlierNumbers struct {
	Decision string    `json:"decision"`
	Decided  time.Time `json:"decided"`
	Numbers  int       `json:"numbers"`
}

// earlierAnswer is a protected table as it was released, and how many people its
// numbers rested on.
type earlierAnswer struct {
	Table    []byte              // Arrow stream: keys, numbers, GROUPING()
	Keys     int                 // columns that are keys
	Rolled   []int64             // of each row: which keys are rolled up, as gid
	Groups   []int               // of each row: people of the group
	People   [][][]int           // of each row and number: people of its channels
	Withheld [][]disclosure.Rule // of each row and number
	From     [][]int             // of each row and number: which of the sources decided it
	Sources  []earlierSource

	table arrow.RecordBatch
}

// earlierSource is a decision that numbers are from. The first is the one that kept them.
type earlierSource struct {
	Decision string
	Decided  time.Time
}

// asked names what a protected aggregate asks, and of whom.
type asked struct{ question, population string }

// asked fingerprints a release: equal ones have equal answers as long as nobody
// enters or leaves the populations.
func (q *question) asked(r *plan.Release) asked {
	rows, _ := r.Rows("", true, false)
	text := []string{"1", q.session.Project.ID, q.policy.FullName(), q.policy.Hash, r.SQL, rows, r.People(), fmt.Sprint(r.Node.Sets, r.Node.Grouping, r.AtomsAdded, r.Counted)}
	for _, c := range r.Cells {
		text = append(text, fmt.Sprint(c.Measure, c.Contributors, c.RowSets, c.Grain, c.Sums, c.Rows, c.People, c.Type.SQL()))
	}
	for _, s := range q.scratch {
		if strings.Contains(r.SQL, "scratch.main."+plan.Ident(s.Table.Name)) {
			text = append(text, q.session.Workspace.ID, s.Table.Name, s.SQL, s.Made.UTC().Format(time.RFC3339Nano))
		}
	}
	var people []string
	for _, m := range q.session.Mounts {
		text = append(text, m.Version.Name(), m.Version.Family)
		people = append(people, m.Version.Name(), m.Digest)
	}
	return asked{question: hashOf(text), population: hashOf(people)}
}

// hashOf is the SHA-256 of texts, each with its length.
func hashOf(texts []string) string {
	h := sha256.New()
	for _, t := range texts {
		fmt.Fprintf(h, "%d:%s", len(t), t) // a hash takes every byte
	}
	return hex.EncodeToString(h.Sum(nil))
}

// again gives the table that was released for the same question of the same
// people; nil if none is kept.
func (q *question) again(ctx context.Context, a asked, r *plan.Release) (*protected, error) {
	e, err := q.earlier(ctx, a.question, a.population)
	if e == nil || err != nil {
		return nil, err
	}
	p := &protected{source: r.SQL, table: e.table, rolled: e.Rolled, withheld: e.Withheld}
	p.tally(r)
	if p.earlier = e.given(0); len(p.earlier) == 0 { // no group is shown, as before
		p.earlier = []EarlierNumbers{{Decision: e.Sources[0].Decision, Decided: e.Sources[0].Decided}}
	}
	return p, nil
}

// given counts the numbers that are shown of each source after the first ones;
// where none is shown at all, it lists those that withheld them.
func (e *earlierAnswer) given(after int) []EarlierNumbers {
	shown, used, all := make([]int, len(e.Sources)), make([]bool, len(e.Sources)), 0
	for row, from := range e.From {
		for c, s := range from {
			used[s] = true
			if e.Withheld[row][c] == "" {
				shown[s]++
				all++
			}
		}
	}
	var out []EarlierNumbers
	for i, s := range e.Sources {
		if i >= after && (shown[i] > 0 || all == 0 && used[i]) {
			out = append(out, EarlierNumbers{Decision: s.Decision, Decided: s.Decided, Numbers: shown[i]})
		}
	}
	return out
}

// reuse notes that numbers of earlier decisions are in the answer.
func (d *Disclosure) reuse(earlier []EarlierNumbers) {
	for _, n := range earlier {
		if !d.Reused || n.Decided.Before(d.Decided) {
			d.Reused, d.Decided = true, n.Decided
		}
		if i := slices.IndexFunc(d.Earlier, func(o EarlierNumbers) bool { return o.Decision == n.Decision }); i >= 0 {
			d.Earlier[i].Numbers += n.Numbers
		} else {
			d.Earlier = append(d.Earlier, n)
		}
	}
}

// earlier reads a kept answer: of a population or, if it is "", of whichever was
// asked last. The caller releases its table.
func (q *question) earlier(ctx context.Context, question, population string) (*earlierAnswer, error) {
	h := q.gate.Histories
	if h == nil {
		return nil, nil
	}
	kept, err := q.gate.Ledger.Earlier(ctx, question, population)
	if kept == nil || err != nil {
		return nil, err
	}
	plain, err := h.Sealer.Open(kept.Sealed, answerContext(kept.Question, kept.Population))
	if err != nil {
		return nil, gatehouse.Errorf(gatehouse.CodeKeys, "What was released before cannot be read, so nothing more is.").Because(err)
	}
	e, err := openEarlier(plain)
	if err != nil {
		return nil, gatehouse.Errorf(gatehouse.CodeInternal, "What was released before cannot be read, so nothing more is.").Because(err)
	}
	e.Sources[0].Decided = kept.Decided // it is not known before the decision is committed
	return e, nil
}

func answerContext(question, population string) []byte {
	return []byte("gatehouse answer v1 " + question + " " + population)
}

// keepAnswer seals a table that is about to be released, to be given again; nil
// for one that is too large.
func (q *question) keepAnswer(a asked, e *earlierAnswer) (*KeptAnswer, error) {
	plain, err := e.pack()
	if err != nil || len(plain) > maxKeptAnswer {
		return nil, err
	}
	sealed, err := q.gate.Histories.Sealer.Seal(plain, answerContext(a.question, a.population))
	if err != nil {
		return nil, err
	}
	return &KeptAnswer{Question: a.question, Population: a.population, Decision: q.decision.ID, Sealed: sealed}, nil
}

// answerOfNow describes a table that was judged now.
func answerOfNow(r *plan.Release, t *groupTable, p *protected, decision string) *earlierAnswer {
	e := &earlierAnswer{Keys: r.Keys, Rolled: p.rolled, Withheld: p.withheld, Sources: []earlierSource{{Decision: decision}}, table: p.table}
	for row := range p.rolled {
		people := t.evidence[p.groups[row]].People
		e.Groups = append(e.Groups, people[0])
		of := make([][]int, len(r.Cells))
		for c, cell := range r.Cells {
			of[c] = behind(people, cell)
		}
		e.People, e.From = append(e.People, of), append(e.From, make([]int, len(r.Cells)))
	}
	return e
}

// behind is how many people are in each channel of a number.
func behind(people []int, cell plan.Cell) []int {
	if len(cell.Contributors) == 0 {
		return people[:1]
	}
	out := make([]int, len(cell.Contributors))
	for i, c := range cell.Contributors {
		out[i] = people[c]
	}
	return out
}

// tally fills in what a table's withheld numbers are counted and shown by.
func (p *protected) tally(r *plan.Release) {
	p.suppressed, p.cells, p.places, p.morePlaces, p.rolledUp = map[disclosure.Rule]int{}, 0, nil, false, nil
	for c := range r.Cells {
		for row := range p.withheld {
			rule := p.withheld[row][c]
			switch {
			case rule == "":
				p.cells++
				continue
			case len(p.places) < maxPlaces:
				p.places = append(p.places, place{cell: c, row: row})
			default:
				p.morePlaces = true
			}
			p.suppressed[rule]++
		}
	}
	for _, gid := range p.rolled {
		rolled := make([]bool, r.Keys)
		for k := range rolled {
			rolled[k] = gid>>(r.Keys-1-k)&1 == 1
		}
		p.rolledUp = append(p.rolledUp, rolled)
	}
}

func (e *earlierAnswer) pack() ([]byte, error) {
	var stream bytes.Buffer
	w := ipc.NewWriter(&stream, ipc.WithSchema(e.table.Schema()))
	if err := w.Write(e.table); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	e.Table = stream.Bytes()
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return nil, err
	}
	if err := gob.NewEncoder(z).Encode(e); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func openEarlier(packed []byte) (*earlierAnswer, error) {
	z, err := zstd.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	e := &earlierAnswer{}
	if err := gob.NewDecoder(z).Decode(e); err != nil {
		return nil, err
	}
	r, err := ipc.NewReader(bytes.NewReader(e.Table))
	if err != nil {
		return nil, err
	}
	defer r.Release()
	if !r.Next() {
		if err := r.Err(); err != nil {
			return nil, err
		}
		return nil, io.ErrUnexpectedEOF
	}
	e.table = r.RecordBatch()
	e.table.Retain()
	return e, nil
}

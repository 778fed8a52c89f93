package catalog

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/gatehouse-tre/gatehouse"
)

// Withdrawn is whom a list of identifiers names.
type Withdrawn struct {
	Units   []uint32 // ascending
	Unknown []int    // lines that name nobody of the person index
}

// maxWithdrawals bounds the entries of one list.
const maxWithdrawals = 10_000_000

// FindUnits finds the units of people by their identifiers, one on each line of
// list, in the person index that gave the units of v. It is for the custodian
// zone: what it gives is who is who. Spaces within NHS numbers, a comma at the end,
// empty lines and lines that begin with '#' do not matter. A line that is no
// identifier makes the whole list CodeListInvalid: a withdrawal that cannot be read
// cannot be honoured.
func FindUnits(ctx context.Context, dir string, v Version, list io.Reader) (Withdrawn, error) {
	var found Withdrawn
	lines := map[string]int{}
	in := bufio.NewScanner(list)
	for n := 1; in.Scan(); n++ {
		text := strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(strings.TrimPrefix(in.Text(), "\ufeff")), ","))
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		if digits := strings.ReplaceAll(text, " ", ""); len(digits) == 10 && strings.Trim(digits, "0123456789") == "" {
			if _, why := ParseNHSNumber([]byte(digits)); why == "" {
				text = digits
			}
		}
		if lines[text] == 0 {
			lines[text] = n
		}
		if len(lines) > maxWithdrawals {
			return found, gatehouse.Errorf(gatehouse.CodeListInvalid, "The list has more than %d entries.", maxWithdrawals).WithAdvice("Withdraw in parts.")
		}
	}
	if err := in.Err(); err != nil {
		return found, gatehouse.Errorf(gatehouse.CodeListInvalid, "The list cannot be read.").Because(err)
	}
	people, numbers, err := lookUp(ctx, installation(dir).index(v.Family), lines)
	if err != nil {
		return found, err
	}
	for text, n := range lines {
		if unit, ok := people[text]; ok {
			found.Units = append(found.Units, unit)
			continue
		}
		if numbers { // the index is of NHS numbers only
			if _, why := ParseNHSNumber([]byte(text)); why != "" {
				return Withdrawn{}, gatehouse.Errorf(gatehouse.CodeListInvalid, "Line %d of the list does not hold an NHS number: %s.", n, strings.TrimSuffix(why.Explanation(), ".")).
					WithAdvice("Nobody was withdrawn; correct the list.")
			}
		}
		found.Unknown = append(found.Unknown, n)
	}
	slices.Sort(found.Units)
	slices.Sort(found.Unknown)
	return found, nil
}

// lookUp reads the segments of an index for the identifiers wanted, and says
// whether all of the index are NHS numbers.
func lookUp(ctx context.Context, dir string, wanted map[string]int) (units map[string]uint32, numbers bool, err error) {
	units, numbers = map[string]uint32{}, true
	names, err := filepath.Glob(filepath.Join(dir, "*"+segmentSuffix))
	if err != nil || len(names) == 0 {
		return nil, false, indexFailure(errors.Join(err, errors.New("there are no segments")))
	}
	slices.Sort(names)
	next := uint32(0)
	for _, name := range names {
		if ctx.Err() != nil {
			return nil, false, ctx.Err()
		}
		if filepath.Base(name) != segmentName(next) {
			return nil, false, indexFailure(errors.New("segment " + segmentName(next) + " is missing"))
		}
		n, err := scanSegment(name, func(identifier string, unit uint32) {
			if _, ok := wanted[identifier]; ok {
				units[strings.Clone(identifier)] = unit
			}
			if numbers {
				_, why := ParseNHSNumber([]byte(identifier))
				numbers = why == ""
			}
		})
		if err != nil {
			return nil, false, indexFailure(err)
		}
		next += n
	}
	return units, numbers, nil
}

// scanSegment gives each entry of a segment, and how many there are.
func scanSegment(path string, each func(identifier string, unit uint32)) (entries uint32, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	r, err := ipc.NewFileReader(f)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	if !r.Schema().Equal(indexSchema) {
		return 0, errors.New("not a person index")
	}
	for i := range r.NumRecords() {
		batch, err := r.RecordBatch(i)
		if err != nil {
			return 0, err
		}
		identifier, unit := batch.Column(0).(*array.String), batch.Column(1).(*array.Uint32)
		for row := range int(batch.NumRows()) {
			each(identifier.Value(row), unit.Value(row))
			entries++
		}
	}
	return entries, nil
}

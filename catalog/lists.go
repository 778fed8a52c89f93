package catalog

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/gatehouse-tre/gatehouse"
)

// DatedSuffix names the sidecar of an opt-out list: FILE.dated holds one line,
// the day or time (RFC 3339) at which the list was made.
const DatedSuffix = ".dated"

// optOutList is a list as it was read.
type optOutList struct {
	rule    ListRule
	keys    *roaring.Bitmap
	receipt Receipt
	sha256  string        // of the file, for the custodian alone
	check   *CheckReceipt // of the check service, if it came from there
	lost    int64         // entries of dissent that name nobody whom the extracts know
}

// optsOut reports whether the list takes out the person with this key.
func (l *optOutList) optsOut(key uint32) bool {
	return l.keys.Contains(key) == (l.rule.Kind == ListDeny)
}

// listReader reads the opt-out lists of one publication.
type listReader struct {
	dir         string
	identifiers identifiers
	maxAge      time.Duration // the operator's; 0: none
	now         time.Time
	key         []byte // of receipts
}

// allowed is the greatest age of a list: the stricter of the definition's and the
// operator's.
func (r listReader) allowed(rule ListRule) time.Duration {
	if r.maxAge > 0 && (rule.MaxAge == 0 || r.maxAge < rule.MaxAge) {
		return r.maxAge
	}
	return rule.MaxAge
}

// coded begins a list whose entries are found in the events of files. It is as
// old as the oldest of them.
func (r listReader) coded(rule ListRule, files []string) (*optOutList, error) {
	l := &optOutList{rule: rule, keys: roaring.New()}
	l.receipt = Receipt{List: rule.List, Kind: rule.Kind, Source: SourceEvents, Allowed: Span(r.allowed(rule))}
	for _, name := range files {
		f, err := openExtract(filepath.Join(r.dir, name))
		if err != nil {
			return nil, err
		}
		file := rule
		file.File = name
		dated, err := r.date(file, filepath.Join(r.dir, name), f)
		f.Close()
		if err != nil {
			return nil, err
		}
		if l.receipt.Dated.IsZero() || dated.Before(l.receipt.Dated) {
			l.receipt.Dated = dated.UTC()
		}
	}
	if len(files) == 0 {
		return nil, gatehouse.Errorf(gatehouse.CodeExtractMissing, "The list %s is in the events of %s, and there is no file of them.", rule.List, rule.Coded.Table)
	}
	return l, nil
}

// read reads a list; nil, nil for an optional one that is not there.
func (r listReader) read(ctx context.Context, rule ListRule) (*optOutList, error) {
	path := filepath.Join(r.dir, rule.File)
	if rule.Optional {
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
	}
	f, err := openExtract(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	dated, err := r.date(rule, path, f)
	if err != nil {
		return nil, err
	}
	l := &optOutList{rule: rule, keys: roaring.New()}
	plain, sum := sha256.New(), keyed(r.key, "list")
	in := &listFile{rule: rule, identifiers: r.identifiers, keys: l.keys}
	if len(rule.Header) == 0 {
		err = in.readReply(ctx, io.TeeReader(f, io.MultiWriter(plain, sum)))
	} else {
		err = in.readCSV(ctx, io.TeeReader(f, io.MultiWriter(plain, sum)))
	}
	if err != nil {
		return nil, err
	}
	l.sha256 = hex.EncodeToString(plain.Sum(nil))
	l.receipt = Receipt{
		List: rule.List, Kind: rule.Kind, Source: SourceFile, Allowed: Span(r.allowed(rule)),
		Digest:  hex.EncodeToString(sum.Sum(nil)),
		Dated:   dated.UTC(),
		Entries: int64(l.keys.GetCardinality()),
	}
	if l.check, err = readCheckReceipt(path, rule, l.sha256); err != nil {
		return nil, err
	}
	if l.check != nil {
		l.receipt.Source, l.receipt.Asked, l.receipt.Returned = SourceCheck, l.check.Asked, l.check.Returned
		sent := keyed(r.key, "sent")
		sent.Write([]byte(l.check.SentSHA256))
		l.receipt.SentDigest = hex.EncodeToString(sent.Sum(nil))
	}
	if rule.Kind == ListAllow && l.receipt.Entries == 0 {
		return nil, gatehouse.Errorf(gatehouse.CodeListInvalid, "%s holds nobody: everybody would count as opted out.", rule.File)
	}
	return l, nil
}

// date is when a list was made: the earliest of what its sidecar, the definition
// and the file's own time say, since copying a file makes it look newer and never
// older. A list older than the stricter of the definition's and the operator's
// age is refused, and so is one without any allowed age.
func (r listReader) date(rule ListRule, path string, f *os.File) (time.Time, error) {
	info, err := f.Stat()
	if err != nil {
		return time.Time{}, readFailure(rule.File, err)
	}
	dated := info.ModTime()
	if !rule.Dated.IsZero() && rule.Dated.Before(dated) {
		dated = rule.Dated
	}
	switch b, err := os.ReadFile(path + DatedSuffix); {
	case err == nil:
		said, err := parseDated(strings.TrimSpace(string(b)))
		if err != nil {
			return time.Time{}, gatehouse.Errorf(gatehouse.CodeListInvalid, "%s%s does not hold a date.", rule.File, DatedSuffix)
		}
		if said.After(r.now.Add(24 * time.Hour)) {
			return time.Time{}, gatehouse.Errorf(gatehouse.CodeListInvalid, "%s is dated in the future.", rule.File)
		}
		if said.Before(dated) {
			dated = said
		}
	case !errors.Is(err, fs.ErrNotExist):
		return time.Time{}, gatehouse.Errorf(gatehouse.CodeListInvalid, "%s%s cannot be read.", rule.File, DatedSuffix).Because(err)
	}
	allowed := r.allowed(rule)
	if allowed == 0 {
		return time.Time{}, gatehouse.Errorf(gatehouse.CodeDefinition, "The list %s has no max_age, and no --max-list-age was given.", rule.List)
	}
	if r.now.Sub(dated) > allowed {
		return time.Time{}, gatehouse.Errorf(gatehouse.CodeListOld, "%s was made on %s, longer ago than the %s that are allowed.",
			rule.File, dated.UTC().Format(time.DateOnly), Span(allowed))
	}
	return dated, nil
}

func parseDated(s string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	return time.Parse(time.DateOnly, s)
}

// listFile reads the entries of a list. One that is no identifier makes the
// whole list invalid: an opt-out that cannot be read cannot be honoured.
type listFile struct {
	rule        ListRule
	identifiers identifiers
	keys        *roaring.Bitmap
	rows        int64
}

func (l *listFile) add(field []byte, line int64) error {
	key, why := l.identifiers.add(field)
	switch why {
	case "":
		l.keys.Add(key)
		l.rows++
		return nil
	case ReasonNHSNumberCheckDigit:
		return gatehouse.Errorf(gatehouse.CodeListInvalid, "%s line %d: the NHS number's check digit is wrong.", l.rule.File, line)
	case ReasonIdentifierMissing, ReasonNHSNumberMissing:
		return gatehouse.Errorf(gatehouse.CodeListInvalid, "%s line %d names nobody.", l.rule.File, line)
	}
	return gatehouse.Errorf(gatehouse.CodeListInvalid, "%s line %d does not hold an NHS number.", l.rule.File, line)
}

// What the check service sends over the same channel as lists, and is none.
var messages = []struct{ begin, is string }{
	{"The file contains", "the check service's error message"},
	{"Subject=", "a status message"},
	{"Status", "a status message"},
}

// notAList refuses a first line that is a message.
func (l *listFile) notAList(b []byte) error {
	for _, m := range messages {
		if bytes.HasPrefix(b, []byte(m.begin)) {
			return gatehouse.Errorf(gatehouse.CodeListInvalid, "%s is not a list but %s.", l.rule.File, m.is)
		}
	}
	return nil
}

// readReply reads a check service's reply: ten digits, a comma and a line feed
// per row, and nothing else.
func (l *listFile) readReply(ctx context.Context, in io.Reader) error {
	r := bufio.NewReaderSize(in, 256<<10)
	if start, _ := r.Peek(64); l.notAList(start) != nil {
		return l.notAList(start)
	}
	for line := int64(1); ; line++ {
		row, err := r.ReadSlice('\n')
		if err == io.EOF && len(row) == 0 {
			return nil
		}
		if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
			return readFailure(l.rule.File, err)
		}
		if len(row) != 12 || row[10] != ',' || row[11] != '\n' {
			return gatehouse.Errorf(gatehouse.CodeListInvalid, "%s line %d is not ten digits, a comma and a line feed.", l.rule.File, line)
		}
		if err := l.add(row[:10], line); err != nil {
			return err
		}
		if line%65536 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// readCSV reads a list with a header.
func (l *listFile) readCSV(ctx context.Context, in io.Reader) error {
	r := newRecords(&lineCounter{in: in, first: true}, ',')
	split := splitter{delimiter: ','}
	column := -1
	for i, name := range l.rule.Header {
		if name == l.rule.Column {
			column = i
		}
	}
	header, err := r.next()
	if err == io.EOF {
		return gatehouse.Errorf(gatehouse.CodeListInvalid, "%s is empty.", l.rule.File)
	}
	if err != nil || header.broken {
		return gatehouse.Errorf(gatehouse.CodeListInvalid, "%s has no header.", l.rule.File)
	}
	if err := l.notAList(header.raw); err != nil {
		return err
	}
	var found []string
	for _, f := range split.split(header, len(l.rule.Header)+64) {
		found = append(found, string(f))
	}
	var wrong *gatehouse.Error
	if errors.As(compareHeaders(l.rule.File, l.rule.Header, found), &wrong) {
		return gatehouse.Errorf(gatehouse.CodeListInvalid, "%s", wrong.Message)
	}
	for rows := 0; ; rows++ {
		rec, err := r.next()
		switch {
		case err == io.EOF:
			return nil
		case err == errQuoteOpen, err == errRecordLong:
			return gatehouse.Errorf(gatehouse.CodeListInvalid, "%s line %d: a quotation mark is opened and not closed.", l.rule.File, r.line)
		case err != nil:
			return readFailure(l.rule.File, err)
		case !rec.complete:
			return gatehouse.Errorf(gatehouse.CodeListInvalid, "%s is cut off: its last line has no line end.", l.rule.File)
		}
		var fields [][]byte
		if !rec.broken {
			fields = split.split(rec, len(l.rule.Header))
		}
		if len(fields) != len(l.rule.Header) {
			return gatehouse.Errorf(gatehouse.CodeListInvalid, "%s line %d has more or fewer fields than the header.", l.rule.File, rec.line)
		}
		if err := l.add(fields[column], rec.line); err != nil {
			return err
		}
		if rows%65536 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// Span writes a duration as people say it: "30 days", "36h", "1h30m".
func Span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d == day:
		return "1 day"
	case d > 0 && d%day == 0:
		return strconv.FormatInt(int64(d/day), 10) + " days"
	case d%time.Hour == 0 && d != 0:
		return strings.TrimSuffix(d.String(), "0m0s")
	case d%time.Minute == 0 && d != 0:
		return strings.TrimSuffix(d.String(), "0s")
	}
	return d.String()
}

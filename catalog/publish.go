package catalog

import (
	"context"
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog/quality"
)

// PublishOptions say what to publish, and with what.
type PublishOptions struct {
	Dir        string        // the installation
	Definition *Definition   //
	Extracts   string        // folder of the extracts and opt-out lists; it is only read
	Changes    bool          // the extracts hold new, changed and deleted people alone (see docs/life-of-a-version.md)
	MaxListAge time.Duration // the operator's limit; the stricter of it and the definition's holds; 0: the definition's

	Principal  gatehouse.Principal // who publishes
	Authorizer Authorizer
	Start      StartEngine
	Signer     Signer
	Shifts     OpenShifts        // nil: definitions that move dates are refused
	Public     ed25519.PublicKey // of Signer
	Store      Store
	Now        func() time.Time // nil: time.Now
	Progress   func(Progress)   // nil: nobody is told; called by one goroutine at a time
}

// Stage is a step of a publication.
type Stage string

// The stages, in their order; reading and writing come once for each table.
const (
	StageSurvey Stage = "survey" // is every file there, and whole?
	StageRead   Stage = "read"   // rows are checked, one by one
	StageWrite  Stage = "write"  // rows are sorted, written, and read back
	StageSeal   Stage = "seal"   // hashes, manifest, signature
)

// Progress tells how far a publication is. Done and Total count rows of Table;
// Total is 0 while it is not known.
type Progress struct {
	Stage       Stage
	Table       string
	Done, Total int64
}

// Publish makes the next version of a dataset from extracts: each row is
// published, counted as opted out, or rejected with a reason in the custodian's
// report; people get their units; identifiers are dropped and dates coarsened as
// the definition says; tables are written sorted by unit, and sealed with a
// signed manifest.
//
// A version appears whole or not at all, whatever happens on the way. On an error
// nothing was published, with one exception: if Store fails last, the version
// stands, and the next Publish or Recover records it.
//
// Errors are *gatehouse.Error: CodeDenied for those who may not, CodeBusy while
// another publication runs, the 300s for what is wrong with the extracts and
// lists. They name files, lines and columns, never a value.
func Publish(ctx context.Context, o PublishOptions) (Version, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	if err := o.Authorizer.Authorize(ctx, o.Principal, gatehouse.ActionDatasetPublish, gatehouse.Everywhere); err != nil {
		return Version{}, err
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return Version{}, storageFailure(err)
	}
	root := installation(dir)
	if err := root.make(o.Definition.Dataset); err != nil {
		return Version{}, err
	}
	unlock, err := root.lock()
	if err != nil {
		return Version{}, err
	}
	defer unlock()
	if err := root.sweep(); err != nil {
		return Version{}, err
	}
	if err := recoverDataset(ctx, root, o.Definition.Dataset, o.Public, o.Store); err != nil {
		return Version{}, err
	}
	work, err := os.MkdirTemp(root.work(), workPrefix)
	if err != nil {
		return Version{}, storageFailure(err)
	}
	defer os.RemoveAll(work)

	p := &publication{PublishOptions: o, root: root, work: work, started: o.Now(), applied: roaring.New()}
	defer p.close()
	v, err := p.run(ctx)
	if err != nil {
		return Version{}, classify(ctx, err)
	}
	return v, nil
}

// Recover records the newest version of each dataset that stands in dir, for the
// case that a publication died after its version had appeared. Publish does it
// for its dataset; a server does it when it starts.
func Recover(ctx context.Context, dir string, public ed25519.PublicKey, store Store) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return storageFailure(err)
	}
	root := installation(dir)
	entries, err := os.ReadDir(filepath.Join(dir, "versions"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return storageFailure(err)
	}
	for _, e := range entries {
		if gatehouse.ValidName(e.Name()) {
			if err := recoverDataset(ctx, root, e.Name(), public, store); err != nil {
				return err
			}
		}
	}
	return nil
}

func recoverDataset(ctx context.Context, root installation, dataset string, public ed25519.PublicKey, store Store) error {
	numbers, err := root.numbers(dataset)
	if err != nil || len(numbers) == 0 {
		return err
	}
	n := slices.Max(numbers)
	v, err := readManifest(root.version(dataset, n), dataset, n, public)
	if err != nil {
		return err
	}
	return store.RecordPublished(ctx, v.PublishedBy, v)
}

// classify turns what went wrong on the way into an error that may be shown.
func classify(ctx context.Context, err error) error {
	var failed *EngineFailure
	var known *gatehouse.Error
	switch {
	case ctx.Err() != nil:
		return gatehouse.Errorf(gatehouse.CodeCancelled, "The publication was stopped; nothing was published.").Because(err)
	case outOfSpace(err):
		return storageFailure(err)
	case errors.As(err, &known):
		return err
	case errors.As(err, &failed) && failed.Lost:
		return gatehouse.Errorf(gatehouse.CodeEngineLost, "The publishing engine died; nothing was published.").Because(err)
	case errors.As(err, &failed):
		return gatehouse.Errorf(gatehouse.CodeInternal, "The publishing engine failed; nothing was published.").Because(err)
	}
	return storageFailure(err)
}

// outOfSpace knows a full or unwritable volume, also when it was the engine that
// met it.
func outOfSpace(err error) bool {
	var failed *EngineFailure
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EROFS) ||
		errors.As(err, &failed) && engineOutOfSpace(failed.Cause)
}

// publication is one run of Publish.
type publication struct {
	PublishOptions
	root    installation
	work    string // folder in the custodian zone, removed at the end
	started time.Time

	number  int
	out     string // becomes the version's folder
	report  *report
	surveys map[string]*survey
	people  *people
	finder  *finder // of the people of rows that bear no identifier; nil: all rows do
	lists   []*optOutList
	applied *roaring.Bitmap           // units of people of the extract to whom the lists were applied, where one may come twice
	coded   map[string][]*codedEvents // lists in the events, by table
	secret  []byte                    // the key of receipts
	index   *personIndex
	segment string // new people of the index, not yet part of it
	writer  *writer
	codes   map[string]map[string]struct{} // values of public columns that others refer to
	version Version
	refused []string // files with too many rejected rows
	quality *quality.Report
	before  *Version // the newest version that stands; nil: this is the first
	base    *base    // what is kept of it, with an extract of changes
}

func (p *publication) run(ctx context.Context) (Version, error) {
	if err := p.prepare(ctx); err != nil {
		return Version{}, err
	}
	for _, t := range p.ordered() {
		if len(p.surveys[t.Name].files) == 0 { // optional, and not there
			continue
		}
		if !t.Public && p.Definition.People.FromRows && p.writer.known == nil {
			if err := p.collectPeople(ctx); err != nil {
				return Version{}, err
			}
		}
		if err := p.table(ctx, t); err != nil {
			return Version{}, err
		}
	}
	if len(p.refused) > 0 {
		return Version{}, p.refuse()
	}
	return p.seal(ctx)
}

// close ends what still runs or is open when a publication fails on the way.
func (p *publication) close() {
	if p.writer != nil {
		_ = p.writer.close()
	}
	if p.report != nil {
		_ = p.report.f.Close()
	}
}

// prepare finds out whether everything is there and in order, before anything is
// made of it.
func (p *publication) prepare(ctx context.Context) error {
	numbers, err := p.root.numbers(p.Definition.Dataset)
	if err != nil {
		return err
	}
	if err := p.follow(ctx, numbers); err != nil {
		return err
	}
	d := p.Definition
	if info, err := os.Stat(p.Extracts); err != nil || !info.IsDir() {
		return gatehouse.Errorf(gatehouse.CodeExtractMissing, "The extracts folder cannot be read.").Because(err)
	}
	files, err := findFiles(d, p.Extracts) // missing files first: it costs nothing
	if err != nil {
		return err
	}
	p.people = newPeople(d.People)
	p.people.apart = p.base != nil
	p.finder = newFinder(d, p.people)
	if err := p.readLists(ctx, files); err != nil {
		return err
	}
	p.surveys = make(map[string]*survey)
	for _, t := range d.Tables {
		p.Progress(Progress{Stage: StageSurvey, Table: t.Name})
		if p.surveys[t.Name], err = surveyTable(ctx, t, p.Extracts, files[t.Name], p.readers(t)); err != nil {
			return err
		}
	}
	if p.index, err = openIndex(ctx, p.root.index(d.Index), p.people.identifiers); err != nil {
		return err
	}
	if p.finder != nil {
		p.finder.index = p.index
	}
	if err := p.checkIndex(); err != nil {
		return err
	}
	if err := p.readDeleted(ctx); err != nil {
		return err
	}
	if p.report, err = newReport(filepath.Join(p.work, "rejects.csv")); err != nil {
		return err
	}
	p.out = filepath.Join(p.work, "out")
	temp := filepath.Join(p.work, "temp")
	for _, dir := range []string{p.out, temp} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return storageFailure(err)
		}
	}
	var read []string
	if p.base != nil {
		read = append(read, p.base.version.Folder)
	}
	engine, err := p.Start(ctx, read, p.out, temp)
	if err != nil {
		return err
	}
	p.writer = &writer{engine: engine, out: p.out}
	p.version = Version{
		Dataset: d.Dataset, Number: p.number, Title: d.Title, Custodian: d.Custodian,
		Published: p.started.UTC().Truncate(time.Second), NoOptOuts: d.OptOutsReason, Family: d.Index,
		DefinitionSHA256: d.SHA256, PublishedBy: p.Principal.User,
		Receipts: []Receipt{}, Listing: d.listing(), UnlinkedReason: d.People.UnlinkedReason,
	}
	if p.before != nil {
		if p.version.Before, err = linkTo(*p.before); err != nil {
			return err
		}
	}
	p.people.index = p.index
	return p.openShifts(ctx)
}

// readers are who wants to see a table's rows while it is surveyed.
func (p *publication) readers(t TableRule) (out []rowReader) {
	for _, c := range p.coded[t.Name] {
		out = append(out, c)
	}
	if p.finder != nil && t.Name != p.Definition.People.Table {
		if found := p.finder.tables[t.Name]; found != nil {
			out = append(out, found)
		}
	}
	return out
}

// follow finds the version before, and its link in the chain.
func (p *publication) follow(ctx context.Context, numbers []int) error {
	if p.number = 1; len(numbers) > 0 {
		n := slices.Max(numbers)
		v, err := readManifest(p.root.version(p.Definition.Dataset, n), p.Definition.Dataset, n, p.Public)
		if err != nil {
			return err
		}
		p.before, p.number = &v, n+1
	}
	if p.Changes {
		if err := p.notRecalled(ctx); err != nil {
			return err
		}
		return p.prepareChanges(ctx, p.before)
	}
	return nil
}

// checkIndex refuses to go on with an index that has lost units which a version
// already uses: their numbers would be given to other people. Withdrawals and consent
// are of the units of a dataset, so that it stays with its index.
func (p *publication) checkIndex() error {
	if p.before != nil && p.before.Family != p.Definition.Index {
		return gatehouse.Errorf(gatehouse.CodeDefinition, "%s knows people by the index %q, and this definition by %q: whoever withdrew would be somebody else.", p.before.Name(), p.before.Family, p.Definition.Index).
			WithAdvice("Name the same index, or publish it as another dataset.")
	}
	if p.before != nil && int64(p.index.end.next) < p.before.Units {
		return indexFailure(errors.New("it has fewer people than " + p.before.Name()))
	}
	return nil
}

// ordered gives the tables in the order to read them: reference tables, which
// others refer to, the people, and then what is about people.
func (p *publication) ordered() []TableRule {
	tables := slices.Clone(p.Definition.Tables)
	rank := func(t TableRule) int {
		switch {
		case t.Public:
			return 0
		case t.Name == p.Definition.People.Table:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(tables, func(a, b TableRule) int { return rank(a) - rank(b) })
	return tables
}

// table reads one file and writes its table.
func (p *publication) table(ctx context.Context, t TableRule) error {
	in := newIntake(ctx, p.Definition, t, p.surveys[t.Name], p.people, p.today())
	in.report = p.report
	in.optedOut = p.optedOut
	if p.finder != nil {
		if in.owner {
			in.finder = p.finder
		} else {
			in.found = p.finder.tables[t.Name]
		}
	}
	in.progress = func(rows int64) {
		p.Progress(Progress{Stage: StageRead, Table: t.Name, Done: rows, Total: in.survey.records})
	}
	p.refer(in)
	in.progress(0)
	if err := p.read(ctx, in); err != nil {
		return err
	}
	if in.owner {
		if err := p.decidePeople(ctx, in); err != nil {
			return err
		}
	}
	p.version.Accounts = append(p.version.Accounts, in.accounts...)
	if in.found != nil {
		p.version.Linkage = append(p.version.Linkage, in.found.count)
	}
	if err := in.balance(); err != nil {
		return err
	}
	if err := p.commonDates(in); err != nil {
		return err
	}
	for _, a := range in.accounts {
		if p.tooMany(t, a) {
			p.refused = append(p.refused, a.Extract)
		}
	}
	if total := in.total(); len(in.accounts) > 1 && p.tooMany(t, total) && len(p.refused) == 0 {
		p.refused = append(p.refused, t.File)
	}
	p.Progress(Progress{Stage: StageWrite, Table: t.Name, Total: in.total().Published})
	if t.Withheld != "" {
		return nil
	}
	if in.owner {
		if err := p.writer.unstage(ctx, t, in); err != nil {
			return err
		}
	}
	table, err := p.writer.finish(ctx, t, in)
	if err != nil {
		return err
	}
	p.version.Tables = append(p.version.Tables, table)
	return nil
}

// read streams a file's good rows into the engine: those of people wait until it
// is known who is published, all others are sorted and written as they come.
func (p *publication) read(ctx context.Context, in *intake) error {
	if err := in.open(); err != nil {
		return err
	}
	defer in.close()
	if in.table.Withheld != "" { // the engine sees nothing of it
		for in.Next() {
		}
		return in.err
	}
	var err error
	if in.owner {
		err = p.writer.engine.Load(ctx, stagedTable, in)
	} else {
		err = p.writer.stream(ctx, in.table, in)
	}
	if in.err != nil { // the reason why the engine got no more
		return in.err
	}
	return err
}

// today is the day of publication, in days since 1970.
func (p *publication) today() int64 {
	return floorDiv(p.started.Unix(), 24*60*60)
}

// refer connects columns with the reference columns that they must be in, and
// keeps a reference column's values for those to come.
func (p *publication) refer(in *intake) {
	if p.codes == nil {
		p.codes = make(map[string]map[string]struct{})
		for _, t := range p.Definition.Tables {
			for _, c := range t.Columns {
				if c.In != "" {
					p.codes[c.In] = make(map[string]struct{})
				}
			}
		}
	}
	for i, c := range in.table.Columns {
		if c.In != "" {
			in.fields[i].codes = p.codes[c.In]
		}
		if values, ok := p.codes[in.table.Name+"."+c.Name]; ok {
			in.keep = append(in.keep, kept{column: i, values: values})
		}
	}
}

package synth

import (
	"context"
	"encoding/json"
	"os"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/gatehouse-tre/gatehouse"
)

// The sizes that can be asked for.
const (
	MinPeople = 100
	MaxPeople = 60_000_000
)

// Options says what to write.
type Options struct {
	People   int                   // MinPeople to MaxPeople
	Seed     uint64                // the same seed and people give the same bytes
	Dir      string                // made if absent; empty, or filled by an earlier run
	Progress func(done, total int) // called with people now and then, from one goroutine; may be nil
}

// Write makes the extracts and their summary. They appear in Dir together, once
// they are complete; after an error Dir holds what it held before.
// Errors: CodeConfig for sizes out of range and for a folder that holds
// something else, CodeStorage when the folder cannot be written or the disk is full, CodeBusy
// when another run is writing there, and ctx's own.
func Write(ctx context.Context, o Options) (Summary, error) {
	if o.People < MinPeople || o.People > MaxPeople {
		return Summary{}, gatehouse.Errorf(gatehouse.CodeConfig, "The number of people must be between %d and %d.", MinPeople, MaxPeople).
			WithAdvice("Choose a number in that range.")
	}
	if o.Dir == "" {
		return Summary{}, gatehouse.Errorf(gatehouse.CodeConfig, "No folder was given for the extracts.").
			WithAdvice("Name the folder to write to.")
	}
	f, err := openFolder(o.Dir)
	if err != nil {
		return Summary{}, err
	}
	defer f.close()
	s, err := write(ctx, o, f)
	if err != nil {
		if ctx.Err() != nil {
			return Summary{}, context.Cause(ctx)
		}
		return Summary{}, storageError(o.Dir, err)
	}
	return s, nil
}

// write makes every file and publishes them. Its errors are of storage or of ctx.
func write(ctx context.Context, o Options, f *folder) (Summary, error) {
	summary := newSummary(o.People, o.Seed)
	out := &output{progress: o.Progress, total: o.People}
	for i, spec := range files {
		file, err := f.create(spec.name)
		if err != nil {
			return summary, err
		}
		out.files[i] = file
		out.summaries[i] = &FileSummary{}
		summary.Files[spec.name] = out.summaries[i]
		if spec.header != "" {
			if _, err := file.WriteString(spec.header + "\n"); err != nil {
				return summary, err
			}
		}
	}
	codes, err := f.create("codes.csv")
	if err != nil {
		return summary, err
	}
	if _, err := codes.Write(codesFile()); err != nil {
		return summary, err
	}
	summary.Files["codes.csv"] = &FileSummary{Rows: len(eventCodes) + len(diagnoses) + len(procedures) - 1}

	if err := run(ctx, newGenerator(o.Seed, o.People), out); err != nil {
		return summary, err
	}

	text, err := json.MarshalIndent(summary, "", " ")
	if err != nil {
		return summary, err
	}
	file, err := f.create(SummaryFile)
	if err != nil {
		return summary, err
	}
	if _, err := file.Write(append(text, '\n')); err != nil {
		return summary, err
	}
	return summary, f.publish()
}

// run makes all blocks on every core and hands them to out in order. A fixed
// number of blocks is in hand at any time.
func run(ctx context.Context, g *generator, out *output) error {
	workers := runtime.GOMAXPROCS(0)
	inHand := 2*workers + 1
	type job struct {
		n     int
		block *block
		done  chan *block
	}
	free := make(chan *block, inHand)
	for range inHand {
		free <- new(block)
	}
	todo := make(chan job)
	ordered := make(chan job, inHand)

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(todo)
		defer close(ordered)
		for n := range g.blocks() {
			var j job
			select {
			case b := <-free:
				j = job{n, b, make(chan *block, 1)}
			case <-ctx.Done():
				return ctx.Err()
			}
			ordered <- j // never full: it has room for every block in hand
			select {
			case todo <- j:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range workers {
		group.Go(func() error {
			for j := range todo {
				g.fill(j.block, j.n)
				j.done <- j.block
			}
			return nil
		})
	}
	group.Go(func() error {
		for j := range ordered {
			select {
			case b := <-j.done:
				if err := out.add(b); err != nil {
					return err
				}
				free <- b
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	return group.Wait()
}

// output appends blocks to the files, and counts.
type output struct {
	files     [fileCount]*os.File
	summaries [fileCount]*FileSummary
	progress  func(done, total int)
	done      int
	total     int
}

func (out *output) add(b *block) error {
	for i := range b.sections {
		s := &b.sections[i]
		if _, err := out.files[i].Write(s.text); err != nil {
			return err
		}
		firstLine := 1
		if files[i].header != "" {
			firstLine = 2
		}
		out.summaries[i].add(s, firstLine)
	}
	out.done += len(b.people)
	if out.progress != nil {
		out.progress(out.done, out.total)
	}
	return nil
}

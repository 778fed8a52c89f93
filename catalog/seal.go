package catalog

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"github.com/gatehouse-tre/gatehouse"
)

// tooMany reports whether a file's rejected rows are more than the definition allows.
func (p *publication) tooMany(t TableRule, a Account) bool {
	rejected := a.Read - a.Published - a.OptedOut - a.Withheld
	return rejected > p.Definition.RejectFloor && float64(rejected) > *t.RejectLimit*float64(a.Read)
}

// refuse ends a publication with too many rejected rows. The report is kept: it
// tells what is wrong.
func (p *publication) refuse() error {
	if err := p.report.close(); err != nil {
		return err
	}
	folder := filepath.Join(p.root.reports(), p.version.Name()+"-refused")
	if err := p.keepReport(folder); err != nil {
		return err
	}
	files := p.refused[0]
	for _, f := range p.refused[1:] {
		files += ", " + f
	}
	return gatehouse.Errorf(gatehouse.CodeTooManyRejects, "More rows of %s were rejected than the definition allows; they are listed in custodian/reports/%s.",
		files, filepath.Base(folder))
}

// keepReport moves the report to where the custodian finds it, in the place of
// one that an earlier attempt at the same version left.
func (p *publication) keepReport(folder string) error {
	if err := os.RemoveAll(folder); err != nil {
		return storageFailure(err)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return storageFailure(err)
	}
	if err := os.Rename(p.report.path, filepath.Join(folder, "rejects.csv")); err != nil {
		return storageFailure(err)
	}
	if err := p.keepQuality(folder); err != nil {
		return err
	}
	if err := p.keepLinkage(folder); err != nil {
		return err
	}
	if err := errors.Join(syncFolder(folder), syncFolder(p.root.reports())); err != nil {
		return storageFailure(err)
	}
	return nil
}

// seal makes the version durable, then makes it appear by one rename.
func (p *publication) seal(ctx context.Context) (Version, error) {
	p.Progress(Progress{Stage: StageSeal})
	if err := p.inspect(ctx); err != nil {
		return Version{}, err
	}
	if err := p.writer.close(); err != nil {
		return Version{}, err
	}
	v := &p.version
	var err error
	if v.UnitsFile, err = p.writer.seal(unitsFile); err != nil {
		return Version{}, err
	}
	if p.base != nil && p.base.share {
		mask, err := p.writer.seal(supersededFile)
		if err != nil {
			return Version{}, err
		}
		v.Superseded = &mask
	}
	for i := range v.Tables {
		for j, f := range v.Tables[i].Files {
			if f.Masked {
				err = p.share(f)
			} else {
				v.Tables[i].Files[j], err = p.writer.seal(f.Path)
			}
			if err != nil {
				return Version{}, err
			}
		}
	}
	if err := p.writer.sealFolder(v.Files()); err != nil {
		return Version{}, err
	}
	sortLike(v, p.Definition)
	if err := writeManifest(ctx, *v, p.Signer, p.out); err != nil {
		return Version{}, err
	}
	if err := syncFolder(p.out); err != nil {
		return Version{}, storageFailure(err)
	}
	if err := p.report.close(); err != nil {
		return Version{}, err
	}
	// From here on the order matters: a unit that a version bears must be in the
	// index, and a version must have its report. Either without the version is harmless.
	if err := p.index.commit(p.segment); err != nil {
		return Version{}, storageFailure(err)
	}
	reports := filepath.Join(p.root.reports(), v.Name())
	if err := p.keepReport(reports); err != nil {
		return Version{}, err
	}
	if err := p.keepReceipts(reports); err != nil {
		return Version{}, err
	}
	if err := ctx.Err(); err != nil {
		return Version{}, err
	}
	v.Folder = p.root.version(v.Dataset, v.Number)
	if err := os.Rename(p.out, v.Folder); err != nil {
		return Version{}, storageFailure(err)
	}
	if err := syncFolder(filepath.Dir(v.Folder)); err != nil {
		return Version{}, storageFailure(err)
	}
	// The version stands: what is told of it must not be lost to a late cancel.
	return *v, p.Store.RecordPublished(context.WithoutCancel(ctx), p.Principal.User, *v)
}

// sortLike brings tables and accounts into the definition's order.
func sortLike(v *Version, d *Definition) {
	at := make(map[string]int)
	for i, t := range d.Tables {
		at[t.Name] = i
	}
	slices.SortFunc(v.Tables, func(a, b Table) int { return at[a.Name] - at[b.Name] })
	slices.SortFunc(v.Linkage, func(a, b LinkageCount) int { return at[a.Table] - at[b.Table] })
	slices.SortFunc(v.Accounts, func(a, b Account) int { return at[a.Table] - at[b.Table] })
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/web/site"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// operating is the machinery as the pages show it, to operators and auditors.
// It tells sizes of files and processes; never what is in them.
type operating struct{ *house }

var _ site.Operations = operating{}

// serving is when this process began.
var serving = time.Now()

func (o operating) Status(ctx context.Context, p gatehouse.Principal) (site.Status, error) {
	if err := o.policy.Authorize(ctx, p, gatehouse.ActionSystemOperate, ""); err != nil {
		return site.Status{}, err
	}
	s := site.Status{Version: version, Since: serving, Processors: runtime.NumCPU(), Load: load(), Memory: memory()}
	var err error
	if s.Journal, err = o.head(ctx); err != nil {
		s.Faults = append(s.Faults, gatehouse.Public(err).Error())
	}
	if info, err := os.Stat(filepath.Join(o.dir, "journal", "checkpoint")); err == nil {
		s.Saved = info.ModTime()
	}
	err = o.workspaces.Store.View(ctx, func(tx workspaces.Tx) error { return o.inUse(ctx, tx, &s) })
	s.Storage = o.storage()
	for _, v := range s.Storage {
		if v.Of > 0 && v.Percent() >= 90 {
			s.Faults = append(s.Faults, fmt.Sprintf("The volume of the installation is %d %% full.", v.Percent()))
		}
	}
	return s, err
}

// inUse adds the workspaces, and the opt-out lists of the versions that live
// projects use.
func (o operating) inUse(ctx context.Context, tx workspaces.Tx, s *site.Status) error {
	all, err := tx.Workspaces(ctx)
	if err != nil {
		return err
	}
	pids := o.vaults.Pids()
	for _, w := range all {
		status := site.WorkspaceStatus{ID: w.ID, Project: w.Project, Scratch: sizeOf(filepath.Join(o.dir, "workspaces", w.ID))}
		if pid, running := pids[w.ID]; running {
			status.Running, status.Memory = true, resident(pid)
		}
		s.Workspaces = append(s.Workspaces, status)
	}
	projects, err := tx.Projects(ctx)
	if err != nil {
		return err
	}
	at := map[string]int{} // in s.Lists, by version and list
	for _, p := range projects {
		if p.State != workspaces.ProjectActive || !tx.Now().Before(p.Expires) {
			continue
		}
		for _, g := range p.Datasets {
			name := fmt.Sprintf("%s@%d", g.Dataset, g.Version)
			v, err := o.catalogue.Version(ctx, g.Dataset, g.Version)
			if err != nil {
				s.Faults = append(s.Faults, gatehouse.Public(err).Error())
				continue
			}
			if p.LacksNational(v) {
				s.Faults = append(s.Faults, fmt.Sprintf("%s was made without the national opt-out list: questions of projects to which the opt-out applies are refused.", name))
			}
			for _, r := range v.Receipts {
				key := name + " " + r.List
				i, known := at[key]
				if !known {
					i = len(s.Lists)
					at[key] = i
					s.Lists = append(s.Lists, site.ListStatus{Version: name, List: r.List, Dated: r.Dated, Until: r.Dated.Add(o.settings.MaxListAge)})
				}
				if p.ListTooOld(r, tx.Now(), o.settings.MaxListAge) && !s.Lists[i].Stale {
					s.Lists[i].Stale = true
					s.Faults = append(s.Faults, fmt.Sprintf("The opt-out list %s of %s is older than is allowed: questions are refused.", r.List, name))
				}
			}
		}
	}
	slices.Sort(s.Faults)
	s.Faults = slices.Compact(s.Faults)
	return nil
}

// storage is what the installation's folders take, and how full their volume is.
func (o operating) storage() []site.Volume {
	var volumes []site.Volume
	var disk syscall.Statfs_t
	if syscall.Statfs(o.dir, &disk) == nil {
		all := int64(disk.Blocks) * disk.Bsize
		volumes = append(volumes, site.Volume{Name: "the whole volume", Used: all - int64(disk.Bavail)*disk.Bsize, Of: all})
	}
	for _, folder := range []string{"state", "versions", "objects", "workspaces", "custodian"} {
		volumes = append(volumes, site.Volume{Name: folder, Used: sizeOf(filepath.Join(o.dir, folder))})
	}
	return volumes
}

// sizeOf is how many bytes the files below a folder have; what cannot be read
// counts for nothing.
func sizeOf(dir string) int64 {
	var total int64
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			if d != nil && d.IsDir() && !errors.Is(err, fs.ErrNotExist) {
				return fs.SkipDir
			}
			return nil
		}
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			total += info.Size()
		}
		return nil
	})
	return total
}

func load() (out [3]float64) {
	text, _ := os.ReadFile("/proc/loadavg")
	for i, field := range strings.Fields(string(text)) {
		if i < len(out) {
			out[i], _ = strconv.ParseFloat(field, 64)
		}
	}
	return out
}

func memory() site.Volume {
	text, _ := os.ReadFile("/proc/meminfo")
	all, available := kilobytes(text, "MemTotal:"), kilobytes(text, "MemAvailable:")
	return site.Volume{Name: "memory", Used: all - available, Of: all}
}

// resident is the memory that a process has; 0 if it is gone. The engine runs as
// a child of the process that was started, so that the children count too.
func resident(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	total := kilobytes(text, "VmRSS:")
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for _, child := range strings.Fields(string(children)) {
		if id, err := strconv.Atoi(child); err == nil {
			total += resident(id)
		}
	}
	return total
}

// kilobytes reads a line such as "VmRSS:  1234 kB", in bytes.
func kilobytes(text []byte, key string) int64 {
	_, rest, ok := bytes.Cut(text, []byte(key))
	if !ok {
		return 0
	}
	fields := bytes.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	n, _ := strconv.ParseInt(string(fields[0]), 10, 64)
	return n << 10
}

package gatehouse_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/gatehouse-tre/gatehouse"

// listedPackage is what `go list -deps` tells of a package, in the program that
// is built with the engine's tag. Tests are left out: they may use real parts.
type listedPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
	Standard   bool
}

// TestImports holds the rules of the house: who may import whom, and which
// program may link what. Each failure says why, and through which imports.
func TestImports(t *testing.T) {
	house := listPackages(t)

	t.Run("the shared words import nothing of ours, and only the standard library", func(t *testing.T) {
		for _, dep := range house[module].Deps {
			if !house[dep].Standard {
				t.Errorf("package gatehouse imports %s: it is what everybody else imports, so it stays free of everything but the standard library\n\t%s",
					dep, house.path(module, dep))
			}
		}
	})

	// Direct or not, these must not be reached.
	for _, rule := range []struct{ from, to, why string }{
		{"catalog", "workspaces", "catalog <- workspaces <- egress: a dataset knows nothing of the projects that use it"},
		{"catalog", "egress", "catalog <- workspaces <- egress: a dataset knows nothing of what leaves"},
		{"workspaces", "egress", "catalog <- workspaces <- egress: a project is approved without knowing the gate"},
		{"catalog", "infra", "a domain never imports an adapter: declare the interface beside its consumer, and let cmd join them"},
		{"workspaces", "infra", "a domain never imports an adapter: declare the interface beside its consumer, and let cmd join them"},
		{"egress", "infra", "a domain never imports an adapter: declare the interface beside its consumer, and let cmd join them"},
		{"catalog", "cmd", "only cmd sees everything, and nobody sees cmd"},
		{"workspaces", "cmd", "only cmd sees everything, and nobody sees cmd"},
		{"egress", "cmd", "only cmd sees everything, and nobody sees cmd"},
		{"infra", "cmd", "only cmd sees everything, and nobody sees cmd"},
	} {
		t.Run(rule.from+" does not reach "+rule.to, func(t *testing.T) {
			for path, pkg := range house {
				if !within(path, module+"/"+rule.from) {
					continue
				}
				for _, dep := range pkg.Deps {
					if within(dep, module+"/"+rule.to) {
						t.Errorf("%s must not reach %s: %s\n\t%s", path, dep, rule.why, house.path(path, dep))
					}
				}
			}
		})
	}

	t.Run("an adapter imports no other adapter", func(t *testing.T) {
		for path, pkg := range house {
			room, ok := adapter(path)
			if !ok {
				continue
			}
			for _, imported := range pkg.Imports {
				if other, ok := adapter(imported); ok && other != room {
					t.Errorf("%s imports %s: adapters meet in cmd, through the interfaces of the domains, so that each can be replaced alone", path, imported)
				}
			}
		}
	})

	t.Run("the rules of disclosure touch no files, network or processes", func(t *testing.T) {
		for path, pkg := range house {
			if !within(path, module+"/egress/disclosure") {
				continue
			}
			for _, imported := range pkg.Imports {
				if slices.ContainsFunc([]string{"os", "net", "database/sql", "syscall"}, func(room string) bool { return within(imported, room) }) {
					t.Errorf("%s imports %s: disclosure is data in, findings out, so that every rule can be tested by itself", path, imported)
				}
			}
		}
	})

	t.Run("each heavy library has its room", func(t *testing.T) {
		for _, heavy := range []struct {
			library string
			rooms   []string
			why     string
		}{
			{"github.com/casbin", []string{"infra/policy"}, "who may do what is asked of a domain's interface"},
			{"github.com/klippa-app/go-pdfium", []string{"infra/pdf"}, "documents are drawn in a process of their own, behind the sandbox's walls"},
			{"github.com/duckdb", []string{"infra/duck"}, "everything else speaks to an engine process"},
			{"github.com/aws", []string{"infra/objects", "infra/keys"}, "an installation without AWS must work"},
			{"github.com/apache/arrow-go/v18/arrow/flight", []string{"infra/flight"}, "the protocol is a detail of one door"},
			{"github.com/apache/arrow-go", []string{"catalog", "workspaces", "egress", "infra", "cmd"}, "the shared words are for programs without columns too"},
			{"modernc.org/sqlite", []string{"infra/state"}, "the state database is replaceable"},
			{"github.com/jackc/pgx", []string{"infra/state"}, "the state database is replaceable"},
			{"github.com/pressly/goose", []string{"infra/state"}, "the state database is replaceable"},
			{"github.com/coreos/go-oidc", []string{"infra/identity"}, "everything else sees a Principal"},
			{"github.com/zitadel/oidc", []string{"infra/identity"}, "everything else sees a Principal"},
			{"golang.org/x/oauth2", []string{"infra/identity", "cmd/gatehouse"}, "everything else sees a Principal"},
			{"github.com/danielgtaylor/huma", []string{"infra/web"}, "HTTP is a detail of one door"},
			{"github.com/wneessen/go-mail", []string{"infra/notices"}, "whoever tells somebody something leaves a notice in its transaction"},
			{"github.com/standard-webhooks", []string{"infra/notices"}, "whoever tells somebody something leaves a notice in its transaction"},
			{"github.com/landlock-lsm/go-landlock", []string{"infra/sandbox"}, "one place builds the wall"},
			{"github.com/elastic/go-seccomp-bpf", []string{"infra/sandbox"}, "one place builds the wall"},
		} {
			for path, pkg := range house {
				if !within(path, module) || slices.ContainsFunc(heavy.rooms, func(room string) bool { return within(path, module+"/"+room) }) {
					continue
				}
				for _, imported := range pkg.Imports {
					if within(imported, heavy.library) {
						t.Errorf("%s imports %s: it belongs in %s; %s", path, imported, strings.Join(heavy.rooms, ", "), heavy.why)
					}
				}
			}
		}
	})

	for _, program := range []struct {
		path      string
		forbidden []string
		why       string
	}{
		{"cmd/gatehouse", []string{"github.com/duckdb"},
			"the control plane holds keys and the ledger, so no database engine may ever run inside it: speak to an engine process (infra/engine)"},
		{"cmd/gatehouse-engine", []string{"modernc.org/sqlite", "github.com/jackc/pgx", "github.com/pressly/goose", "github.com/aws", "github.com/coreos/go-oidc", "github.com/zitadel/oidc", "golang.org/x/oauth2", "github.com/casbin"},
			"the engine runs what researchers ask, so it is given nothing with which to reach state, keys, the cloud or identities"},
	} {
		t.Run(program.path+" links only what it may", func(t *testing.T) {
			pkg, ok := house[module+"/"+program.path]
			if !ok {
				t.Fatalf("no package %s", program.path)
			}
			for _, dep := range pkg.Deps {
				if slices.ContainsFunc(program.forbidden, func(library string) bool { return within(dep, library) }) {
					t.Errorf("%s links %s: %s\n\t%s", program.path, dep, program.why, house.path(pkg.ImportPath, dep))
				}
			}
		})
	}

	t.Run("no library under a name that it has left", func(t *testing.T) {
		for path := range house {
			for old, now := range map[string]string{
				"github.com/marcboeker/go-duckdb": "github.com/duckdb/duckdb-go/v2",
				"github.com/apache/arrow/go":      "github.com/apache/arrow-go/v18",
			} {
				if within(path, old) {
					t.Errorf("%s is linked: the library lives on as %s", path, now)
				}
			}
		}
	})
}

type packages map[string]listedPackage

func listPackages(t *testing.T) packages {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-tags", "duckdb_arrow", "-json=ImportPath,Imports,Deps,Standard", "./...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	house := packages{}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var pkg listedPackage
		if err := decoder.Decode(&pkg); errors.Is(err, io.EOF) {
			return house
		} else if err != nil {
			t.Fatal(err)
		}
		house[pkg.ImportPath] = pkg
	}
}

// path is the shortest chain of imports from one package to another, for whoever
// has to find where to cut it.
func (p packages) path(from, to string) string {
	before := map[string]string{from: from}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		if queue[0] == to {
			break
		}
		for _, next := range p[queue[0]].Imports {
			if _, seen := before[next]; !seen {
				before[next] = queue[0]
				queue = append(queue, next)
			}
		}
	}
	if _, ok := before[to]; !ok {
		return fmt.Sprintf("(no chain of imports found from %s to %s)", from, to)
	}
	chain := []string{to}
	for at := to; at != from; {
		at = before[at]
		chain = append([]string{at}, chain...)
	}
	return strings.Join(chain, " -> ")
}

// within reports whether an import path is root or lies below it.
func within(path, root string) bool {
	return path == root || strings.HasPrefix(path, root+"/")
}

// adapter gives the room of an adapter: "flight" of ".../infra/flight/sub".
func adapter(path string) (string, bool) {
	rest, ok := strings.CutPrefix(path, module+"/infra/")
	room, _, _ := strings.Cut(rest, "/")
	return room, ok
}

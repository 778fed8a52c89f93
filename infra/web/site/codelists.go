package site

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog/codelist"
)

// Codelists gives lists of clinical codes.
type Codelists interface {
	List(ctx context.Context, who gatehouse.Principal) ([]codelist.Codelist, error)
	Codelist(ctx context.Context, who gatehouse.Principal, name, version string) (codelist.Codelist, []codelist.Term, error)
	Search(ctx context.Context, who gatehouse.Principal, text string) (found []codelist.Found, more bool, err error)
}

// codelistsPage is every list, or what a search of their terms found.
type codelistsPage struct {
	All   []codelist.Codelist // by name, the newest version first
	Text  string              // that was searched for
	Found []codelist.Found
	More  bool
	Note  string // why there was no search
}

func (s *server) listCodelists(v *visit) error {
	if v.Codelists == nil {
		return notThere(v)
	}
	p := codelistsPage{Text: strings.TrimSpace(v.r.FormValue("q"))}
	all, err := v.Codelists.List(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	slices.Reverse(all) // newest of each first
	slices.SortStableFunc(all, func(a, b codelist.Codelist) int { return strings.Compare(a.Name, b.Name) })
	p.All = all
	if p.Text != "" {
		p.Found, p.More, err = v.Codelists.Search(v.r.Context(), v.who, p.Text)
		if gatehouse.CodeOf(err) == gatehouse.CodeCodelist {
			p.Note, err = gatehouse.Public(err).Message, nil
		}
		if err != nil {
			return err
		}
	}
	v.render(http.StatusOK, "codelists", "Codelists", p)
	return nil
}

// codelistPage is one version with its codes.
type codelistPage struct {
	codelist.Codelist
	Terms      []codelist.Term
	Categories bool // some codes have one
}

func (s *server) showCodelist(v *visit) error {
	if v.Codelists == nil {
		return notThere(v)
	}
	c, terms, err := v.Codelists.Codelist(v.r.Context(), v.who, v.r.PathValue("codelist"), v.r.PathValue("version"))
	if err != nil {
		return err
	}
	p := codelistPage{Codelist: c, Terms: terms, Categories: slices.ContainsFunc(terms, func(t codelist.Term) bool { return t.Category != "" })}
	v.render(http.StatusOK, "codelist", c.Name+" "+c.Version, p)
	return nil
}

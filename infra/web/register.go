package web

import (
	"cmp"
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// Register is what the public may know: approved projects with what left them,
// and the datasets.
type Register struct {
	Projects []workspaces.PublicProject `json:"projects" nullable:"false"`
	Datasets []PublicDataset            `json:"datasets" nullable:"false"`
}

// PublicDataset is a dataset that projects can apply for, by its newest version.
type PublicDataset struct {
	Dataset   string       `json:"dataset"`
	Title     string       `json:"title"`
	Custodian string       `json:"custodian" doc:"The organisation that answers for it"`
	Version   int          `json:"version" doc:"The newest"`
	Published time.Time    `json:"published"`
	OptOuts   []OptOutList `json:"opt_out_lists" doc:"The opt-out lists that were applied" nullable:"false"`
}

// PublicDatasets gives the newest version of each dataset, as the public may know
// it, by name.
func PublicDatasets(versions []catalog.Version) []PublicDataset {
	newest := map[string]catalog.Version{}
	for _, v := range versions {
		if v.Number > newest[v.Dataset].Number {
			newest[v.Dataset] = v
		}
	}
	shown := []PublicDataset{}
	for _, v := range newest {
		d := PublicDataset{Dataset: v.Dataset, Title: v.Title, Custodian: v.Custodian, Version: v.Number, Published: v.Published, OptOuts: []OptOutList{}}
		for _, r := range v.Receipts {
			d.OptOuts = append(d.OptOuts, OptOutList{r.List, r.Dated})
		}
		shown = append(shown, d)
	}
	slices.SortFunc(shown, func(a, b PublicDataset) int { return strings.Compare(a.Dataset, b.Dataset) })
	return shown
}

// register gives the whole register. Versions that do not verify are left out.
func (s *server) register(ctx context.Context) (Register, error) {
	projects, err := s.Projects.Register(ctx)
	if err != nil {
		return Register{}, err
	}
	versions, err := s.Catalogue.List(ctx)
	if err != nil {
		s.Log.ErrorContext(ctx, "some versions do not verify and are not in the register", "cause", err, "request", requestID(ctx))
	}
	return Register{Projects: projects, Datasets: PublicDatasets(versions)}, nil
}

func (s *server) describeRegister(api huma.API) {
	tags := []string{"register"}
	handle(s, api, huma.Operation{
		OperationID: "register", Method: http.MethodGet, Path: "/v1/register", Summary: "The public register: approved projects, datasets, releases", Tags: tags,
	}, func(ctx context.Context, _ *struct{}) (*one[Register], error) {
		r, err := s.register(ctx)
		return &one[Register]{r}, err
	})

	handle(s, api, huma.Operation{
		OperationID: "register-feed", Method: http.MethodGet, Path: "/v1/register.atom", Summary: "What is new in the public register, as an Atom feed", Tags: tags,
		Responses: map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{atomType: {Schema: &huma.Schema{Type: "string"}}}}},
	}, func(ctx context.Context, _ *struct{}) (*feedAnswer, error) {
		r, err := s.register(ctx)
		if err != nil {
			return nil, err
		}
		body, err := r.Feed()
		return &feedAnswer{Type: atomType, Body: body}, err
	})
}

const atomType = "application/atom+xml"

type feedAnswer struct {
	Type string `header:"Content-Type"`
	Body []byte
}

// atomFeed and atomEntry are RFC 4287.
type atomFeed struct {
	XMLName xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	ID      string      `xml:"id"`
	Title   string      `xml:"title"`
	Updated string      `xml:"updated"`
	Author  string      `xml:"author>name"`
	Entries []atomEntry `xml:"entry"`
}

type atomEntry struct {
	ID      string     `xml:"id"`
	Title   string     `xml:"title"`
	Updated string     `xml:"updated"`
	Kind    atomTerm   `xml:"category"`
	Author  string     `xml:"author>name"`
	Content atomString `xml:"content"`
}

type atomTerm struct {
	Term string `xml:"term,attr"`
}

type atomString struct {
	Type string `xml:"type,attr"`
	Text string `xml:",chardata"`
}

// newsInFeed is how many entries a feed has at most: the newest.
const newsInFeed = 200

// Feed writes the register's news as an Atom feed, the newest first. The ids of
// its entries never change.
func (r Register) Feed() ([]byte, error) {
	feed := atomFeed{ID: "urn:gatehouse:register", Title: "Register of projects, datasets and releases", Author: "Gatehouse"}
	add := func(kind, id, title, author, text string, at time.Time) {
		feed.Entries = append(feed.Entries, atomEntry{
			ID: "urn:gatehouse:" + kind + ":" + id, Title: title, Updated: at.UTC().Format(time.RFC3339), Kind: atomTerm{kind}, Author: author, Content: atomString{"text", text},
		})
	}
	for _, p := range r.Projects {
		add("project", p.ID, "Project approved: "+p.Title, cmp.Or(p.Organisation, feed.Author), p.LaySummary, p.Approved)
		for _, left := range p.Releases {
			text := fmt.Sprintf("%d files were released.", left.Files)
			if left.Recalled {
				text += " They were called back since."
			}
			add("release", left.ID, "Released from the project: "+p.Title, cmp.Or(p.Organisation, feed.Author), text, left.Released)
		}
	}
	for _, d := range r.Datasets {
		add("dataset", fmt.Sprintf("%s:%d", d.Dataset, d.Version), fmt.Sprintf("Dataset published: %s, version %d", d.Title, d.Version), cmp.Or(d.Custodian, feed.Author), d.Title, d.Published)
	}
	slices.SortStableFunc(feed.Entries, func(a, b atomEntry) int { return strings.Compare(b.Updated, a.Updated) })
	feed.Entries = feed.Entries[:min(len(feed.Entries), newsInFeed)]
	feed.Updated = time.Unix(0, 0).UTC().Format(time.RFC3339)
	if len(feed.Entries) > 0 {
		feed.Updated = feed.Entries[0].Updated
	}
	body, err := xml.MarshalIndent(feed, "", "  ")
	return append([]byte(xml.Header), body...), err
}

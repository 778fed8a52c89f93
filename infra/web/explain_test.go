package web_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/web"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// door lets ada into the workspace w, and says what reached the gate.
type door struct {
	bent
	entered []gatehouse.Principal
	asked   []string
	params  []string
}

func (d *door) Authenticate(_ context.Context, token string) (gatehouse.Principal, error) {
	if token == "house" {
		return gatehouse.Principal{User: "ada"}, nil
	}
	return gatehouse.Principal{User: "ada", Workspace: "w"}, nil
}

func (d *door) MoveCatalogue(context.Context, gatehouse.Principal, string, int) error { return nil }

func (d *door) Recalls(context.Context, gatehouse.Principal, string) ([]catalog.Recall, error) {
	return nil, nil
}

func (d *door) Enter(_ context.Context, p gatehouse.Principal) (*workspaces.Session, error) {
	d.entered = append(d.entered, p)
	return &workspaces.Session{Principal: p}, nil
}

func (d *door) EnterSignedIn(_ context.Context, p gatehouse.Principal, _ string) (*workspaces.Session, error) {
	return d.Enter(context.Background(), p)
}

func (d *door) Explain(_ context.Context, _ *workspaces.Session, sql string, params arrow.RecordBatch) (*egress.Preflight, error) {
	d.asked = append(d.asked, sql)
	if params != nil {
		for i, c := range params.Columns() {
			d.params = append(d.params, params.ColumnName(i)+" "+c.DataType().Name()+" "+c.ValueStr(0))
		}
	}
	if strings.Contains(sql, "SELEC ") {
		return nil, gatehouse.Errorf(gatehouse.CodeSyntax, "It does not parse.")
	}
	return &egress.Preflight{ID: "qry_1", Policy: "sdap@1", Refused: &egress.Refusal{Code: gatehouse.CodeRowLevel, Sentence: "S.", Advice: "A.", Part: "*"},
		Steps: []egress.Step{{Step: 1, Kind: "refused", What: "*", Rule: "GH-204", Note: "S.", Advice: "A."}}}, nil
}

func TestAQuestionIsExplainedInItsWorkspaceOnly(t *testing.T) {
	d := &door{}
	server := httptest.NewServer(web.New(web.Config{Projects: d, Sessions: d, Gate: d, Requests: &egress.Requests{}, Log: slog.New(slog.DiscardHandler)}))
	defer server.Close()
	send := func(token, workspace, body string) (int, string) {
		t.Helper()
		req, err := http.NewRequest("POST", server.URL+"/v1/workspaces/"+workspace+"/explain", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(answer)
	}
	for _, c := range []struct {
		token, workspace, body string
		status                 int
		says                   string
	}{
		{"", "w", `{"sql": "SELECT 1"}`, 401, "GH-101"}, {"house", "w", `{"sql": "SELECT 1"}`, 403, "GH-108"}, {"t", "other", `{"sql": "SELECT 1"}`, 403, "GH-108"},
		{"t", "w", `{"sql": ""}`, 422, "GH-403"}, {"t", "w", `{}`, 422, "GH-403"}, {"t", "w", `{"sql": "SELECT 1", "user": "bob"}`, 422, "GH-403"},
		{"t", "w", `{"sql": "SELECT 1", "parameters": [[1]]}`, 422, "GH-202"}, {"t", "w", `{"sql": "SELECT 1", "parameters": [{"a": 1}]}`, 422, "GH-202"},
	} {
		if status, answer := send(c.token, c.workspace, c.body); status != c.status || !strings.Contains(answer, c.says) {
			t.Errorf("%s of %s: %d %s", c.body, c.workspace, status, answer)
		}
	}
	if len(d.entered)+len(d.asked) > 0 {
		t.Fatalf("the gate was asked %v", d.asked)
	}
	if status, answer := send("t", "w", `{"sql": "SELEC 1"}`); status != 422 || !strings.Contains(answer, "GH-201") {
		t.Errorf("%d %s", status, answer)
	}
	status, answer := send("t", "w", `{"sql": "SELECT * FROM patients WHERE a = ?", "parameters": ["x", 3, 2.5, true, null, -9007199254740993]}`)
	var p egress.Preflight
	if err := json.Unmarshal([]byte(answer), &p); err != nil || status != 200 || p.Refused == nil || p.Refused.Part != "*" || len(p.Steps) != 1 || p.Steps[0].Rule != "GH-204" {
		t.Errorf("%d %s", status, answer)
	}
	if got := strings.Join(d.params, ", "); got != "1 utf8 x, 2 int64 3, 3 float64 2.5, 4 bool true, 5 null (null), 6 float64 -9.007199254740992e+15" {
		t.Errorf("the parameters are %s", got)
	}
	if d.entered[0].Workspace != "w" || d.entered[0].User != "ada" {
		t.Errorf("%+v", d.entered)
	}
}

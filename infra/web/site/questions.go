package site

import (
	"context"
	"net/http"
	"net/url"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
)

// historyPage is what was asked in a workspace's project.
type historyPage struct {
	Workspace workspacePage
	Questions []question
	Plot      *plot
	Older     string
	MayRefer  bool
}

// question is one of them; its reader may put a result that was withheld before
// the checkers.
type question struct {
	egress.Decision
	Withheld bool // there may be something that a checker could let out
}

const questionsPerPage = 50

func (s *server) listQuestions(v *visit) error {
	w, err := v.workspace()
	if err != nil {
		return err
	}
	asked, err := v.Questions.Asked(v.r.Context(), v.who, w.Project.ID, v.r.URL.Query().Get("after"), questionsPerPage)
	if err != nil {
		return err
	}
	h := historyPage{Workspace: w, MayRefer: w.MayMake && v.may(gatehouse.ActionRequestCreate, w.Project.ID)}
	for _, d := range asked {
		h.Questions = append(h.Questions, question{d, d.Referable() == nil})
	}
	if len(asked) == questionsPerPage {
		h.Older = "?" + url.Values{"after": {asked[len(asked)-1].ID}}.Encode()
	}
	if len(asked) > 0 {
		h.Plot = outcomesPlot(asked)
	}
	v.render(http.StatusOK, "questions", "Questions asked in "+w.Project.Title, h)
	return nil
}

// referralPage is a question whose result is to be put before the checkers.
type referralPage struct {
	Workspace string
	Question  egress.Decision
	Form      requestForm
}

func (v *visit) referralPage() (referralPage, error) {
	w, err := v.workspace()
	if err != nil {
		return referralPage{}, err
	}
	d, err := v.Questions.Question(v.r.Context(), v.who, w.Project.ID, v.r.PathValue("question"))
	if err == nil && d.Workspace != w.ID {
		err = gatehouse.Errorf(gatehouse.CodeNotFound, "There is no such question.")
	}
	if err == nil {
		err = d.Referable()
	}
	return referralPage{Workspace: w.ID, Question: d, Form: requestForm{Project: w.Project.ID}}, err
}

const referralTitle = "Ask the checkers for a result"

func (s *server) newReferral(v *visit) error {
	p, err := v.referralPage()
	if err != nil {
		return err
	}
	if err := v.Authorizer.Authorize(v.r.Context(), v.who, gatehouse.ActionRequestCreate, p.Form.Project); err != nil {
		return err
	}
	v.render(http.StatusOK, "refer", referralTitle, p)
	return nil
}

// refer begins a request for the result of a question. The result is computed
// again, which may take as long as the question did.
func (s *server) refer(v *visit) error {
	p, err := v.referralPage()
	if err != nil {
		return err
	}
	p.Form = v.requestForm()
	who, n := v.who, egress.NewReferral{Decision: p.Question.ID, Title: p.Form.Title, Context: p.Form.Context}
	err = v.start("Computing the result again, for the checkers", func(ctx context.Context, _ *work) (string, error) {
		r, err := s.Requests.ReferDecision(ctx, who, n)
		return "/requests/" + r.ID + "?done=referred", err
	})
	if err != nil {
		return v.again("refer", referralTitle, p, err)
	}
	return nil
}

// outcomesPlot shows what became of the questions of each day.
func outcomesPlot(asked []egress.Decision) *plot {
	p := &plot{Title: "What became of these questions, by day", Category: "Day", Series: []string{"Released", "Suppressed in part", "Refused", "Other"}}
	place := map[egress.Outcome]int{egress.OutcomeReleased: 0, egress.OutcomeSuppressed: 1, egress.OutcomeRefused: 2}
	for i := len(asked) - 1; i >= 0; i-- {
		day := asked[i].Time.UTC().Format("2 Jan 2006")
		if n := len(p.Bars); n == 0 || p.Bars[n-1].Label != day {
			p.Bars = append(p.Bars, bar{Label: day, Values: make([]int64, len(p.Series))})
		}
		at, ok := place[asked[i].Outcome]
		if !ok {
			at = 3
		}
		p.Bars[len(p.Bars)-1].Values[at]++
	}
	return p
}

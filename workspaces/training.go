package workspaces

import (
	"context"
	"time"

	"github.com/gatehouse-tre/gatehouse"
)

// WarningDays are how many days before something lapses its people are told.
var WarningDays = []int{30, 14, 3}

// Warning is that somebody was told of a date, or that it had come.
type Warning struct {
	Project string
	User    string
	Kind    string    // training, agreement or project
	Due     time.Time // when it lapses
	Days    int       // one of WarningDays; 0 for the lapse itself
}

// Swept is what a sweep did.
type Swept struct {
	Warned  int // notices given of what will lapse
	Lapsed  int // trainings and agreements that have lapsed
	Expired int // projects that have
}

// Sweep tells people what of theirs lapses in 30, 14 and 3 days, and what has
// lapsed, each exactly once however often it runs and whenever it last ran; and
// makes projects expired whose time is over. Of several warnings that became due
// since it last ran, people get the nearest alone. Nobody's access depends on it:
// Enter looks at the dates themselves.
func (s *Service) Sweep(ctx context.Context) (Swept, error) {
	var done Swept
	err := s.Store.Update(ctx, func(tx Tx) error {
		done = Swept{}
		projects, err := tx.Projects(ctx)
		if err != nil {
			return err
		}
		for _, p := range projects {
			if err := sweepProject(ctx, tx, p, &done); err != nil {
				return err
			}
		}
		return nil
	})
	return done, err
}

func sweepProject(ctx context.Context, tx Tx, p Project, done *Swept) error {
	if p.State != ProjectActive && p.State != ProjectSuspended {
		return nil
	}
	for _, m := range p.Members {
		if err := warn(ctx, tx, Warning{p.ID, m.User, "training", m.TrainingUntil, 0}, done); err != nil {
			return err
		}
		if m.Agreement == 0 {
			continue // nothing was signed that could lapse
		}
		if err := warn(ctx, tx, Warning{p.ID, m.User, "agreement", m.AgreementUntil, 0}, done); err != nil {
			return err
		}
	}
	if tx.Now().Before(p.Expires) {
		for _, user := range p.applicants() {
			if err := warn(ctx, tx, Warning{p.ID, user, "project", p.Expires, 0}, done); err != nil {
				return err
			}
		}
		return nil
	}
	if p.State != ProjectActive {
		return nil
	}
	if err := p.take(StepExpire); err != nil {
		return err
	}
	done.Expired++
	tx.Record(gatehouse.Event{Actor: System.User, Action: "project.expired", Project: p.ID, Subject: p.ID, Detail: map[string]string{"expires": p.Expires.UTC().Format(time.RFC3339)}})
	for _, m := range p.Members {
		tx.Notify(gatehouse.Notice{Kind: "project.expired", To: m.User, Project: p.ID, Subject: p.ID, Due: p.Expires})
	}
	return tx.ChangeProject(ctx, p)
}

// warn gives the notice that is due for w now, unless it was given.
func warn(ctx context.Context, tx Tx, w Warning, done *Swept) error {
	now := tx.Now()
	if !now.Before(w.Due) {
		w.Days = 0
		added, err := tx.AddWarning(ctx, w)
		if err != nil || !added {
			return err
		}
		done.Lapsed++
		tx.Record(gatehouse.Event{Actor: System.User, Action: w.Kind + ".lapsed", Project: w.Project, Subject: w.User})
		tx.Notify(gatehouse.Notice{Kind: w.Kind + ".lapsed", To: w.User, Project: w.Project, Subject: w.User, Due: w.Due})
		return nil
	}
	nearest, isNew := 0, false
	for _, days := range WarningDays { // farthest first
		if now.Before(w.Due.AddDate(0, 0, -days)) {
			break
		}
		w.Days = days
		added, err := tx.AddWarning(ctx, w)
		if err != nil {
			return err
		}
		nearest, isNew = days, added
	}
	if nearest == 0 || !isNew {
		return nil
	}
	done.Warned++
	tx.Notify(gatehouse.Notice{Kind: w.Kind + ".lapses", To: w.User, Project: w.Project, Subject: w.User, Due: w.Due})
	return nil
}

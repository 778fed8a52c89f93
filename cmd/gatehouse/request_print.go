package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/gatehouse-tre/gatehouse/egress"
)

func day(t time.Time) string { return t.Local().Format("2 January 2006") }

func minute(t time.Time) string { return t.Local().Format("2 January 2006, 15:04") }

// counted is "1 file" or "2 files".
func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return humanize.Comma(int64(n)) + " " + noun
}

// stateInWords says where a request stands and whose turn it is.
func stateInWords(s egress.RequestSummary) string {
	state := strings.ReplaceAll(string(s.State), "_", " ")
	switch s.Turn {
	case egress.PartyAuthor:
		return state + ", the author's turn"
	case egress.PartyChecker:
		if s.State == egress.RequestDisputed {
			return state + ", the turn of the two checkers who disagree"
		}
		return state + ", the checkers' turn"
	case egress.PartyCustodian:
		return state + ", the turn of the data's custodian"
	case egress.PartyReleaser:
		return state + ", a checker can release it"
	case egress.PartyMember:
		return state + ", members of the project can download it"
	}
	return state
}

func printList(w io.Writer, found []egress.RequestSummary) {
	if len(found) == 0 {
		fmt.Fprintln(w, "No requests.")
		return
	}
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	defer table.Flush()
	fmt.Fprintln(table, "REQUEST\tPROJECT\tSTATE\tAUTHOR\tCREATED\tDUE\tTITLE")
	for _, r := range found {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.ID, r.Project, strings.ReplaceAll(string(r.State), "_", " "), r.Author, day(r.Created), dueInWords(r.Clock), r.Title)
	}
}

func printRequest(w io.Writer, v egress.RequestView) {
	fmt.Fprintf(w, "%s  %s\n%s\nproject %s, by %s, begun %s", v.ID, v.Title, stateInWords(v.RequestSummary), v.Project, v.Author, minute(v.Created))
	if v.Submitted != nil {
		fmt.Fprintf(w, ", submitted %s (round %d)", minute(*v.Submitted), v.Round)
	}
	fmt.Fprintln(w)
	printClock(w, v)
	if v.Release != "" {
		fmt.Fprintf(w, "release %s\n", v.Release)
	}
	for _, warning := range v.Warnings {
		fmt.Fprintf(w, "warning: %s\n", warning)
	}
	for _, c := range v.Clearances {
		fmt.Fprintf(w, "custodian %s of %s: %s", c.Custodian, c.Dataset, c.Verdict)
		if c.Reason != "" {
			fmt.Fprintf(w, " - %s", indented(c.Reason, 4))
		}
		fmt.Fprintln(w)
	}
	if len(v.Groups) == 0 || v.Context != (egress.RequestContext{}) {
		fmt.Fprintln(w)
		printContext(w, v.Context)
	}
	for _, g := range v.Groups {
		fmt.Fprintf(w, "\ngroup %s\n", g.Name)
		printContext(w, g.Context)
	}
	for _, f := range v.Files {
		fmt.Fprintf(w, "\n%s  %s", f.Name, f.Type)
		if f.Group != "" {
			fmt.Fprintf(w, ", of the group %s", f.Group)
		}
		if f.Bytes > 0 {
			fmt.Fprintf(w, ", %s", humanize.IBytes(uint64(f.Bytes)))
		}
		if f.Columns > 0 {
			fmt.Fprintf(w, ", %d rows of %d columns", f.Rows, f.Columns)
		}
		if f.Origin == egress.OriginQuery {
			fmt.Fprintf(w, ", from the query %s", f.Decision)
		}
		if f.Kind == egress.KindSupporting {
			fmt.Fprint(w, "\n  supporting: for the checkers, never released\n")
		} else {
			fmt.Fprintf(w, "\n  %s, %d of 2 votes\n", f.Outcome, f.Cast)
		}
		printFile(w, f)
	}
	for _, f := range v.Removed {
		fmt.Fprintf(w, "\n%s  (taken out by the author)\n", f.Name)
		printFile(w, f)
	}
	printDiscussion(w, v.Discussion)
}

func printContext(w io.Writer, c egress.RequestContext) {
	for _, f := range []struct{ name, text string }{
		{"what", c.What}, {"population", c.Population}, {"dates", c.Dates}, {"people", c.People}, {"controls", c.Controls},
	} {
		text := indented(f.text, 12)
		if text == "" {
			text = "(not said yet)"
		}
		fmt.Fprintf(w, "%-11s %s\n", f.name, text)
	}
}

// indented is a text of several lines, all but the first moved to the right.
func indented(text string, by int) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r", ""), "\n", "\n"+strings.Repeat(" ", by))
}

func printFile(w io.Writer, f egress.FileView) {
	if f.Referral != nil {
		printReferral(w, f.Referral)
	}
	if f.Proof != nil {
		fmt.Fprintf(w, "  proved: these are the bytes of the gate's answer %s, of %s\n", f.Proof.Decision, minute(f.Proof.Decided))
	}
	for _, vote := range f.Votes {
		fmt.Fprintf(w, "  %s: %s", vote.Checker, vote.Verdict)
		if vote.Stage == egress.StageDispute {
			fmt.Fprint(w, ", looking again")
		}
		if vote.Comment != "" {
			fmt.Fprintf(w, " - %s", indented(vote.Comment, 6))
		}
		fmt.Fprintln(w)
	}
	for _, request := range f.Elsewhere {
		fmt.Fprintf(w, "  a checker rejected the same bytes in %s\n", request)
	}
	printFindings(w, f)
}

func printReferral(w io.Writer, r *egress.Referral) {
	fmt.Fprintf(w, "  asked by %s, %s, of %s, under %s: %s", r.By, minute(r.Asked), strings.Join(r.Datasets, ", "), r.Policy, r.Outcome)
	if r.Code != "" {
		fmt.Fprintf(w, " (%s: %s)", r.Code, r.Sentence)
	}
	fmt.Fprintf(w, "\n    %s\n", strings.ReplaceAll(strings.TrimSpace(strings.ReplaceAll(r.Statement, "\r", "")), "\n", "\n    "))
	if len(r.Parameters) > 0 {
		fmt.Fprintf(w, "    with %s\n", strings.Join(r.Parameters, ", "))
	}
	found := r.Findings
	if found == nil {
		return
	}
	fmt.Fprintf(w, "  computed again %s: %s, of which the gate leaves %d out\n", minute(found.Computed), counted(found.Groups, "group"), found.Dropped)
	for _, rule := range slices.Sorted(maps.Keys(found.Withheld)) {
		fmt.Fprintf(w, "  the gate withholds %s more by %s\n", counted(found.Withheld[rule], "number"), rule)
	}
	for _, change := range found.Changed {
		fmt.Fprintf(w, "  %s\n", change)
	}
	fmt.Fprintln(w, "  the people behind each number: request file … --evidence")
}

func printFindings(w io.Writer, f egress.FileView) {
	for _, finding := range f.Findings {
		place := ""
		if finding.Line > 0 {
			place = fmt.Sprintf("line %d", finding.Line)
		}
		if finding.Column > 0 {
			place += fmt.Sprintf(" column %d", finding.Column)
		}
		if place != "" {
			place = strings.TrimSpace(place) + ": "
		}
		fmt.Fprintf(w, "  %-8s %s%s %s\n", finding.Severity, place, finding.What, finding.Do)
	}
}

func printRecall(w io.Writer, r egress.Release) {
	fmt.Fprintf(w, "%s was recalled.\n", r.ID)
	if len(r.Downloads) == 0 {
		fmt.Fprintln(w, "Nobody had downloaded it.")
		return
	}
	fmt.Fprintln(w, "These people hold a copy; tell them to delete it:")
	for _, d := range r.Downloads {
		fmt.Fprintf(w, "  %s, %s\n", d.By, minute(d.At))
	}
}

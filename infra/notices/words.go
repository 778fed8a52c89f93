package notices

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// wording is what a person is told of one kind of notice. It is written here
// and nowhere else; what it is filled with are ids and dates.
type wording struct {
	subject string // of the message
	text    string // of the notice, a sentence
	urgent  bool   // does not wait for a digest
}

// unknown says the least: that there is something to look at.
var unknown = wording{subject: "there is news", text: "There is news."}

func wordsOf(kind string) wording {
	if w, ok := words[kind]; ok {
		return w
	}
	return unknown
}

// letter is a parcel as a person reads it.
func letter(p workspaces.Parcel, public string) (subject, text string) {
	var b strings.Builder
	subject = "Gatehouse: " + wordsOf(p.Notices[0].Kind).subject
	if p.Digest {
		subject = "Gatehouse: your daily notices"
		fmt.Fprintf(&b, "%s since the last daily message:\n\n", counted(len(p.Notices), "notice"))
	}
	for _, n := range p.Notices {
		fmt.Fprintf(&b, "%s\n", wordsOf(n.Kind).text)
		for _, line := range [][2]string{{"What", n.Subject}, {"Project", n.Project}} {
			if line[1] != "" && (line[0] != "Project" || n.Project != n.Subject) {
				fmt.Fprintf(&b, "  %s: %s\n", line[0], line[1])
			}
		}
		if !n.Due.IsZero() {
			fmt.Fprintf(&b, "  Date: %s\n", n.Due.UTC().Format("2 January 2006, 15:04 UTC"))
		}
		if l := link(n, public); l != "" {
			fmt.Fprintf(&b, "  %s\n", l)
		}
		b.WriteString("\n")
	}
	b.WriteString("Sign in to see more: messages hold nothing but names of projects and ids.\n")
	return subject, b.String()
}

func counted(n int, what string) string {
	if n == 1 {
		return "One " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Describe says what a notice tells, and the path of the page that it leads to.
func Describe(n workspaces.KeptNotice) (text, path string) { return wordsOf(n.Kind).text, pathOf(n) }

// link leads to what a notice is about, or to its project.
func link(n workspaces.KeptNotice, public string) string {
	if public == "" {
		return ""
	}
	return strings.TrimSuffix(public, "/") + pathOf(n)
}

func pathOf(n workspaces.KeptNotice) string {
	for prefix, page := range map[string]string{"req_": "requests", "rel_": "releases"} {
		if strings.HasPrefix(n.Subject, prefix) {
			return "/" + page + "/" + url.PathEscape(n.Subject)
		}
	}
	if n.Kind == "role.asked" || n.Kind == "role.declined" {
		return "/appointments"
	}
	if n.Project != "" {
		return "/projects/" + url.PathEscape(n.Project)
	}
	return "/"
}

// words are the kinds of notices.
var words = map[string]wording{
	"request.submitted": {subject: "a request waits for checkers", text: "A request waits to be checked."},
	"request.disputed":  {subject: "two checkers disagree", text: "You and another checker disagree on a request; vote once more, knowing each other's vote."},
	"request.vetting":   {subject: "a request waits for its custodian", text: "Two checkers have agreed on a request; a custodian may still object."},
	"request.approved":  {subject: "a request was approved", text: "A request was approved and waits to be released."},
	"request.returned":  {subject: "a request came back to you", text: "A request came back: something is to be changed or explained."},
	"request.rejected":  {subject: "a request was rejected", text: "A request was rejected: none of its files may leave."},
	"request.released":  {subject: "a release is ready", text: "A release is ready to be downloaded."},
	"request.recalled":  {subject: "a release was recalled", text: "A release was called back. Delete the copies that you have.", urgent: true},
	"request.overdue":   {subject: "a request waits for too long", text: "A request has waited longer than its target."},
	"request.question":  {subject: "a checker asks you", text: "A checker asks something about a request of yours."},
	"request.answer":    {subject: "your question was answered", text: "What you asked about a request was answered."},
	"release.recalled":  {subject: "a release was recalled", text: "A release that you downloaded was called back. Delete the copies that you have.", urgent: true},

	"project.submitted": {subject: "an application waits for you", text: "An application waits for the decision of a dataset's custodian."},
	"project.returned":  {subject: "an application came back to you", text: "An application came back: something is to be changed or explained."},
	"project.approved":  {subject: "an application was approved", text: "An application was approved. It becomes active when its agreements are signed."},
	"project.rejected":  {subject: "an application was rejected", text: "An application was rejected."},
	"project.activated": {subject: "a project is active", text: "A project is active: its workspace can be used."},
	"project.suspended": {subject: "a project was suspended", text: "A project was suspended. Nobody can work in it now.", urgent: true},
	"project.resumed":   {subject: "a project goes on", text: "A project that was suspended goes on."},
	"project.expired":   {subject: "a project has expired", text: "A project has expired. Nobody can work in it any more.", urgent: true},
	"project.lapses":    {subject: "a project ends soon", text: "A project ends soon. If it needs more time, propose an amendment before then."},
	"project.closed":    {subject: "a project was closed", text: "A project was closed."},
	"project.archived":  {subject: "a project was archived", text: "A project was archived."},

	"amendment.proposed":  {subject: "an amendment waits for you", text: "A change to a project waits for the decision of a dataset's custodian."},
	"amendment.applied":   {subject: "an amendment was approved", text: "A change to a project was approved and is in force."},
	"amendment.returned":  {subject: "an amendment came back to you", text: "A change to a project came back: something is to be changed or explained."},
	"amendment.rejected":  {subject: "an amendment was rejected", text: "A change to a project was rejected."},
	"amendment.overtaken": {subject: "an amendment was overtaken", text: "The project was changed otherwise, or ended, before a proposed change was decided. Propose it again if it is still needed."},
	"amendment.withdrawn": {subject: "an amendment was withdrawn", text: "A change to a project was withdrawn."},

	"joint.asked":    {subject: "another custodian asks for your agreement", text: "Another custodian asks for what takes two: look at it, then approve or decline it."},
	"joint.approved": {subject: "a second custodian agreed", text: "What you asked for was approved by another custodian, and is done."},
	"joint.declined": {subject: "a second custodian declined", text: "What you asked for was declined."},

	"document.added": {subject: "a document was added to a project", text: "A document was added to a project, such as a new certificate of training: look at it, then say until when it holds."},

	"role.asked":    {subject: "an appointment waits for a custodian", text: "Somebody is to be given a role of the house: look at who it is, then confirm or decline it."},
	"role.granted":  {subject: "an appointment was confirmed", text: "A role of the house that was asked for was given."},
	"role.declined": {subject: "an appointment was declined", text: "A role of the house that you asked for was not given."},

	"agreement.to_sign": {subject: "an agreement waits for you", text: "A project's agreement waits for your signature."},
	"agreement.lapses":  {subject: "your agreement ends soon", text: "Your agreement ends soon, and your access with it. Sign a new one before then."},
	"agreement.lapsed":  {subject: "your agreement has ended", text: "Your agreement has ended, and your access with it.", urgent: true},
	"training.lapses":   {subject: "your training ends soon", text: "Your training certificate ends soon, and your access with it. Renew it before then."},
	"training.lapsed":   {subject: "your training has lapsed", text: "Your training certificate has lapsed, and your access with it.", urgent: true},
}

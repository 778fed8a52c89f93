package site

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/gatehouse-tre/gatehouse"
)

//go:embed templates
var templateFiles embed.FS

// page is one kind of page.
type page struct{ *template.Template }

// loadPages parses every page with the layout and the parts that pages share.
func (s *server) loadPages() (map[string]*page, error) {
	names, err := templateFiles.ReadDir("templates")
	if err != nil {
		return nil, err
	}
	shared := template.New("").Funcs(s.functions())
	for _, f := range []string{"layout.html", "parts.html"} {
		if shared, err = shared.ParseFS(templateFiles, "templates/"+f); err != nil {
			return nil, err
		}
	}
	pages := map[string]*page{}
	for _, f := range names {
		name := strings.TrimSuffix(f.Name(), ".html")
		if name == "layout" || name == "parts" {
			continue
		}
		t, err := shared.Clone()
		if err == nil {
			t, err = t.ParseFS(templateFiles, path.Join("templates", f.Name()))
		}
		if err != nil {
			return nil, err
		}
		pages[name] = &page{t}
	}
	return pages, nil
}

// view is what a template is given.
type view struct {
	Title   string
	User    string
	Nav     []link
	Done    string
	Problem *problem // what was wrong with the form on the page; nil for nothing
	Refresh int      // seconds after which the page is loaded again; 0 for never
	Data    any
}

type link struct {
	Text, Href string
	Current    bool
}

// render answers with a page.
func (v *visit) render(status int, name, title string, data any) {
	v.show(status, name, view{Title: title, Data: data})
}

// again answers with a page whose form could not be accepted.
func (v *visit) again(name, title string, data any, err error) error {
	p := v.problem(err)
	if kind := p.Kind(); kind == gatehouse.KindUnauthenticated || kind == gatehouse.KindNotFound || kind == gatehouse.KindInternal {
		return err
	}
	v.show(p.Status, name, view{Title: title, Data: data, Problem: p})
	return nil
}

func (v *visit) show(status int, name string, content view) {
	content.User = v.who.User
	content.Nav = v.nav()
	content.Done = doneSentences[v.r.URL.Query().Get("done")]
	var b bytes.Buffer
	if err := v.pages[name].ExecuteTemplate(&b, "layout", content); err != nil {
		v.Log.ErrorContext(v.r.Context(), "a page could not be rendered", "page", name, "cause", err, "request", v.id)
		v.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		v.w.WriteHeader(http.StatusInternalServerError)
		v.sent = true
		fmt.Fprintf(v.w, "Something went wrong inside Gatehouse. Tell your operator the request id %s.\n", v.id)
		return
	}
	if content.Refresh > 0 {
		v.w.Header().Set("Refresh", fmt.Sprint(content.Refresh))
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(status)
	v.sent = true
	_, _ = b.WriteTo(v.w) // the client may have gone
}

// nav is the menu, as far as it leads somewhere for this reader.
func (v *visit) nav() []link {
	var links []link
	add := func(text, href string, shown bool) {
		if shown {
			at := v.r.URL.Path
			links = append(links, link{text, href, at == href || strings.HasPrefix(at, href+"/")})
		}
	}
	known := !v.who.Anonymous()
	research := known && !v.may(gatehouse.ActionSystemOperate, "")
	add("Projects", "/projects", research || v.may(gatehouse.ActionProjectRead, ""))
	add("Inbox", "/inbox", v.may(gatehouse.ActionProjectApprove, ""))
	add("Queue", "/queue", v.may(gatehouse.ActionRequestReview, ""))
	add("Requests", "/requests", research || v.may(gatehouse.ActionRequestRead, ""))
	add("Datasets", "/datasets", research || v.may(gatehouse.ActionDatasetRead, ""))
	add("People", "/people", v.may(gatehouse.ActionSessionRead, ""))
	add("Appointments", "/appointments", v.may(gatehouse.ActionRolePropose, "") || v.may(gatehouse.ActionSessionRead, ""))
	add("Operations", "/operations", v.may(gatehouse.ActionSystemOperate, ""))
	add("Journal", "/journal", v.may(gatehouse.ActionJournalRead, ""))
	add("Register", "/register", true)
	return links
}

// doneSentences are what a page can say after something was done. They are
// chosen by name, so that no link can put words into our mouth.
var doneSentences = map[string]string{
	"created":             "The request was begun. Add its files, then submit it.",
	"saved":               "Your changes were saved.",
	"submitted":           "It was submitted.",
	"withdrawn":           "It was withdrawn.",
	"added":               "The file was added.",
	"removed":             "The file was taken out.",
	"voted":               "Your vote was cast.",
	"released":            "The approved files were released.",
	"recalled":            "The release was recalled. The page names who had downloaded it.",
	"decided":             "Your decision was recorded.",
	"signed":              "You have signed the agreement.",
	"proposed":            "The amendment was proposed. Its custodians decide.",
	"amendment-withdrawn": "The amendment was withdrawn.",
	"archived":            "The project was archived.",
	"said":                "Your message was added.",
	"claimed":             "Others see that you are looking at this request.",
	"unclaimed":           "Others see that you are not looking at this request any more.",
	"cleared":             "Your word was recorded.",
	"moved":               "The file was moved.",
	"drafted":             "The application was saved as a draft. Submit it when it is complete.",
	"approved":            "The project was approved.",
	"returned":            "It was returned to its author.",
	"suspended":           "The project was suspended.",
	"resumed":             "The project is active again.",
	"closed":              "The project was closed.",
	"opened":              "The workspace is open.",
	"referred":            "The result was computed for the checkers. Look at the request, and submit it.",
	"mail-chosen":         "Your choice was kept.",
	"session-ended":       "The session was ended.",
	"person-revoked":      "Every session and token of that person was ended.",
	"person-locked":       "That person was put out, and cannot sign in any more.",
	"person-added":        "That person is known now. Link their account, and ask for a role if they are to have one.",
	"account-linked":      "They can sign in with that account.",
	"role-taken":          "The role was taken away.",
	"role-asked":          "It was asked for. A custodian who confirms it was told.",
	"role-given":          "It was confirmed: they have the role now.",
	"role-declined":       "The role is not given.",
	"document-added":      "The document was added. Whoever decides can read it.",
	"retried":             "The message is sent again.",
	"profile-begun":       "The questions of the profile are being asked. Come back in a while.",
	"veto-asked":          "From now on, what checkers approve waits for a custodian of the dataset.",
	"veto-lifted":         "What checkers approve does not wait for a custodian any more.",
	"token-revoked":       "The token was revoked.",
}

func (s *server) functions() template.FuncMap {
	return template.FuncMap{
		"asset":    s.assets.url,
		"day":      func(t any) string { return timeText(t, "2 January 2006") },
		"lastday":  func(t time.Time) string { return timeText(t.Add(-time.Nanosecond), "2 January 2006") },
		"instant":  func(t any) string { return timeText(t, "2 January 2006, 15:04 MST") },
		"iso":      func(t any) string { return timeText(t, time.RFC3339) },
		"bytes":    byteText,
		"thousand": thousands,
		"words":    func(s any) string { return strings.ReplaceAll(strings.ReplaceAll(fmt.Sprint(s), "_", " "), "-", " ") },
		"sentence": sentence,
		"colour":   colour,
		"join":     strings.Join,
		"task":     taskWords,
		"add":      func(a, b int) int { return a + b },
		"dict":     dict,
		"percent":  func(n *float64) string { return fmt.Sprintf("%.1f %%", 100**n) },
		"plain":    func(n *float64) string { return fmt.Sprintf("%g", *n) },
		"field":    fieldWords,
		"ordinal":  ordinal,
		"said":     saidWords,
	}
}

// taskWords say what waits for somebody.
func taskWords(kind string) string {
	words := map[string]string{
		"decide": "decide about the application", "decide-amendment": "decide about an amendment", "sign": "sign the agreement",
		"complete": "complete and submit the application", "train": "renew the training",
	}
	if w, known := words[kind]; known {
		return w
	}
	return strings.ReplaceAll(kind, "-", " ")
}

// fieldWords say which part of an application has changed; names stay as they are.
func fieldWords(path string) string {
	name, rest, inside := strings.Cut(path, "/")
	switch {
	case !inside:
		return sentence(name)
	case name == "outputs":
		return "An output expected"
	case name == "members":
		return "Member " + rest
	}
	words := "Dataset"
	for part := range strings.SplitSeq(rest, "/") {
		switch part {
		case "tables":
			words += ", table"
		case "columns":
			words += ", column"
		case "why":
			words += ": why"
		default:
			words += " " + part
		}
	}
	if strings.HasSuffix(words, ", column") {
		words += "s"
	}
	return words
}

// midnights are how a change writes dates.
var midnights = regexp.MustCompile(`\d{4}-\d\d-\d\dT00:00:00Z`)

// saidWords writes the dates of a change as forms have them: what lasts until a
// midnight lasts until the day before.
func saidWords(field, text string) string {
	return midnights.ReplaceAllStringFunc(text, func(found string) string {
		t, err := time.Parse(time.RFC3339, found)
		if err != nil {
			return found
		}
		if field != "starts" {
			t = t.Add(-time.Nanosecond)
		}
		return t.Format("2 January 2006")
	})
}

// ordinal writes 1st, 2nd, 3rd, 4th …
func ordinal(n int) string {
	end := "th"
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			end = "st"
		case 2:
			end = "nd"
		case 3:
			end = "rd"
		}
	}
	return fmt.Sprint(n) + end
}

// timeText writes a time or a pointer to one; "" for none.
func timeText(t any, layout string) string {
	switch t := t.(type) {
	case time.Time:
		if !t.IsZero() {
			return t.UTC().Format(layout)
		}
	case *time.Time:
		if t != nil && !t.IsZero() {
			return t.UTC().Format(layout)
		}
	}
	return ""
}

func byteText(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d bytes", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}

// thousands writes a whole number with a comma at each thousand.
func thousands(n any) string {
	s := fmt.Sprint(n)
	for at := len(s) - 3; at > 0 && s[at-1] != '-'; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return s
}

// sentence makes a name the beginning of a sentence: "in_review", "In review".
func sentence(s any) string {
	text := strings.NewReplacer("_", " ", "-", " ").Replace(fmt.Sprint(s))
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// colour is the tag that a state, verdict, outcome or severity wears. The word
// stands in it too: nothing is told by colour alone.
func colour(s any) string {
	switch fmt.Sprint(s) {
	case "active", "approved", "approve", "approve-with-conditions", "applied", "clear", "cleared", "released", "proved", "signed":
		return "nhsuk-tag--green"
	case "submitted", "in_review", "pending", "claimed", "proposed", "vetting":
		return "nhsuk-tag--blue"
	case "draft", "withdrawn", "closed", "archived", "kept", "notice":
		return "nhsuk-tag--grey"
	case "returned", "return", "suppressed", "suspended", "warning", "referred", "disputed":
		return "nhsuk-tag--yellow"
	case "rejected", "reject", "recalled", "refused", "expired", "serious", "veto", "overdue", "locked":
		return "nhsuk-tag--red"
	}
	return "nhsuk-tag--grey"
}

// dict makes what a shared part is given, from names and values in turn.
func dict(pairs ...any) map[string]any {
	m := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		m[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return m
}

func notThere(*visit) error {
	return gatehouse.Errorf(gatehouse.CodeNotFound, "There is no such page.")
}

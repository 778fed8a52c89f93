package development

import (
	"context"
	"html/template"
	"net/http"

	"github.com/zitadel/oidc/v3/pkg/op"
)

// Where accounts are chosen: for a browser, and for a command line.
const (
	accountsPath = "/accounts"
	devicePath   = "/device"
)

type pages struct {
	storage  *storage
	callback func(context.Context, string) string // where a browser goes once an account was chosen
	issuer   *op.IssuerInterceptor
}

func (p *pages) serve(mux *http.ServeMux) {
	for pattern, page := range map[string]http.HandlerFunc{
		"GET " + accountsPath: p.accounts, "POST " + accountsPath: p.chosen,
		"GET " + devicePath: p.device, "POST " + devicePath: p.confirmed,
	} {
		mux.Handle(pattern, secured(http.NewCrossOriginProtection().Handler(p.issuer.HandlerFunc(page))))
	}
}

func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		// No form-action: the answer of the form sends the browser back to Gatehouse.
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		r.Body = http.MaxBytesReader(w, r.Body, 4096)
		next.ServeHTTP(w, r)
	})
}

// shown is what a page is made of.
type shown struct {
	Title, Message string
	Request, Code  string // of the browser, or the command line
	Accounts       []Account
	Device, Done   bool
}

func (p *pages) accounts(w http.ResponseWriter, r *http.Request) {
	show(w, http.StatusOK, shown{Title: "Choose an account", Request: r.FormValue("id"), Accounts: p.storage.accounts})
}

func (p *pages) chosen(w http.ResponseWriter, r *http.Request) {
	id := r.PostFormValue("id")
	if err := p.storage.choose(id, r.PostFormValue("account")); err != nil {
		show(w, http.StatusBadRequest, shown{Title: "Begin again", Message: "This sign-in was answered already, or took too long. Go back to Gatehouse and sign in again.", Done: true})
		return
	}
	http.Redirect(w, r, p.callback(r.Context(), id), http.StatusSeeOther)
}

func (p *pages) device(w http.ResponseWriter, r *http.Request) {
	show(w, http.StatusOK, shown{Title: "Sign in a command line", Code: r.FormValue("user_code"), Accounts: p.storage.accounts, Device: true})
}

func (p *pages) confirmed(w http.ResponseWriter, r *http.Request) {
	subject := r.PostFormValue("account")
	switch err := p.storage.confirm(r.PostFormValue("code"), subject); {
	case err != nil:
		show(w, http.StatusBadRequest, shown{Title: "Sign in a command line", Message: "No command line waits with this code.", Accounts: p.storage.accounts, Device: true})
	case subject == "":
		show(w, http.StatusOK, shown{Title: "Refused", Message: "The command line was not signed in.", Done: true})
	default:
		show(w, http.StatusOK, shown{Title: "Signed in", Message: "Go back to the command line.", Done: true})
	}
}

func show(w http.ResponseWriter, status int, s shown) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = page.Execute(w, s) // the client may have gone
}

var page = template.Must(template.New("").Parse(`<!DOCTYPE html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}} - provider for development</title>
<style>
body { font: 1.1rem/1.5 sans-serif; color: #212b32; background: #f0f4f5; margin: 0 }
main { max-width: 40rem; margin: 0 auto; padding: 1rem }
.warning { background: #ffeb3b; padding: .5rem 1rem }
ul { list-style: none; padding: 0 }
li { margin: .75rem 0 }
button { font: inherit; width: 100%; text-align: left; padding: .75rem 1rem; background: #fff; border: 2px solid #005eb8; cursor: pointer }
button:focus-visible, input:focus-visible { outline: 4px solid #212b32; background: #ffeb3b }
button span { display: block; color: #4c6272 }
input { font: inherit; padding: .5rem; letter-spacing: .1em }
</style>
</head>
<body>
<main>
<h1>{{.Title}}</h1>
<p class="warning">This provider is for development. It asks for no password: whoever can open this page can be anybody below.</p>
{{with .Message}}<p role="alert">{{.}}</p>{{end}}
{{if not .Done}}
<form method="post">
{{if .Device}}<p><label for="code">Compare this code with the one that the command line shows</label><br><input id="code" name="code" value="{{.Code}}" autocomplete="off" required></p>
{{else}}<input type="hidden" name="id" value="{{.Request}}">{{end}}
<ul>
{{range .Accounts}}<li><button name="account" value="{{.Subject}}">{{.Title}}<span>{{.Note}}</span></button></li>
{{end}}{{if .Device}}<li><button name="account" value="">Nobody<span>I did not begin this</span></button></li>{{end}}
</ul>
</form>
{{end}}
</main>
</body>
</html>
`))

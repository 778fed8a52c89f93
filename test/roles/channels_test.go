package roles

import (
	"bytes"
	"context"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/web"
)

// channel is a way into the house.
type channel string

const (
	viaAPI  channel = "API"
	viaCLI  channel = "CLI"
	viaSite channel = "site"
)

// try is one thing that somebody may try, by each channel; nil where a channel
// does not offer it.
type try struct {
	api  func(context.Context, *web.Client) error
	cli  []string // arguments of the command line
	site *form
}

// form is what a browser sends from a page of the site.
type form struct {
	path   string
	values []string // name, value, …
	file   []string // name and content of a file that goes with it
	page   bool     // there is nothing to send: it is a page
}

// outcome is "done", or the code of a refusal.
type outcome string

const done outcome = "done"

// offers reports whether a channel offers something to an actor: the site knows
// people, not tokens.
func offers(c channel, actor string, t try) bool {
	switch c {
	case viaAPI:
		return t.api != nil
	case viaCLI:
		return t.cli != nil
	}
	_, person := people[actor]
	return t.site != nil && (person || actor == "nobody")
}

// by tries as an actor over a channel that offers it.
func (w *world) by(c channel, actor string, t try) outcome {
	w.t.Helper()
	switch c {
	case viaAPI:
		return outcomeOf(t.api(w.t.Context(), w.client(actor)))
	case viaCLI:
		return w.runInLine(actor, t.cli...)
	}
	return w.post(actor, *t.site)
}

func outcomeOf(err error) outcome {
	if err == nil {
		return done
	}
	return outcome(gatehouse.CodeOf(err))
}

var code = regexp.MustCompile(`GH-\d{3}`)

// post sends a form, or asks for a page, with an actor's session.
func (w *world) post(actor string, f form) outcome {
	w.t.Helper()
	if f.page {
		return w.send(actor, http.MethodGet, f.path, "", "")
	}
	if f.file != nil {
		var body bytes.Buffer
		parts := multipart.NewWriter(&body)
		for i := 0; i+1 < len(f.values); i += 2 {
			w.must(parts.WriteField(f.values[i], f.values[i+1]))
		}
		part, err := parts.CreateFormFile("file", f.file[0])
		w.must(err)
		_, err = io.WriteString(part, f.file[1])
		w.must(err)
		w.must(parts.Close())
		return w.send(actor, http.MethodPost, f.path, parts.FormDataContentType(), body.String())
	}
	values := url.Values{}
	for i := 0; i+1 < len(f.values); i += 2 {
		values.Add(f.values[i], f.values[i+1])
	}
	return w.send(actor, http.MethodPost, f.path, "application/x-www-form-urlencoded", values.Encode())
}

func (w *world) send(actor, method, path, kind, sent string) outcome {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	w.must(err)
	at, err := url.Parse(w.site.URL)
	w.must(err)
	if secret := w.cookies[actor]; secret != "" {
		jar.SetCookies(at, []*http.Cookie{{Name: "__Host-gatehouse-session", Value: secret, Secure: true, Path: "/"}})
	}
	browser := &http.Client{Transport: w.site.Client().Transport, Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.site.URL+path, strings.NewReader(sent))
	w.must(err)
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	resp, err := browser.Do(req)
	w.must(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	w.must(err)
	if work := resp.Header.Get("Location"); strings.HasPrefix(work, "/work/") {
		return w.awaited(actor, work)
	}
	if strings.HasPrefix(path, "/work/") && resp.StatusCode == http.StatusOK {
		return "" // still at it
	}
	if resp.StatusCode < 400 {
		return done
	}
	found := code.FindString(string(body))
	if found == "" {
		w.t.Errorf("%s: %s %s: %d without a code\n%.2000s", actor, method, path, resp.StatusCode, body)
	}
	return outcome(found)
}

// awaited is the outcome of work that the site goes on with after it has answered.
func (w *world) awaited(actor, work string) outcome {
	w.t.Helper()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for range look.C {
		if o := w.send(actor, http.MethodGet, work, "", ""); o != "" {
			return o
		}
		if w.t.Context().Err() != nil {
			break
		}
	}
	return "no outcome"
}

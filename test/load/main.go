// Command load asks a demonstration's API for mixed reads and journaled writes at
// a fixed rate, and says how long they took.
//
// The load is open: each request has its time, whether or not earlier ones are
// answered, and its latency counts from that time. A server that stalls is
// charged for everything that should have been asked meanwhile.
//
// Beside it, in the same run and on the same volume, plain SQLite commits one row
// at a time as durably (WAL, synchronous=FULL): what no journaled write can beat.
package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

func main() {
	log := flag.String("gatehouse", "bin/gatehouse", "program to serve with")
	rate := flag.Int("rate", 500, "requests a second")
	seconds := flag.Int("seconds", 20, "how long")
	writes := flag.Int("writes", 20, "journaled writes, in percent")
	flag.Parse()
	if err := run(*log, *rate, *seconds, *writes); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// ready is what the demonstration says once it serves.
type ready struct {
	HTTP   string            `json:"http"`
	CA     string            `json:"ca"`
	Tokens map[string]string `json:"tokens"`
}

func run(program string, rate, seconds, writes int) error {
	dir, err := os.MkdirTemp("", "gatehouse-load-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	server := exec.Command(program, "demo", "--dir", filepath.Join(dir, "house"), "--people", "300", "--http", "127.0.0.1:0", "--flight", "127.0.0.1:0", "--ready", filepath.Join(dir, "ready.json"))
	if err := server.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	defer func() {
		_ = server.Process.Signal(os.Interrupt)
		<-ended
	}()
	r, err := awaitReady(filepath.Join(dir, "ready.json"), ended)
	if err != nil {
		return err
	}
	l, err := newLoad(r)
	if err != nil {
		return err
	}
	if err := l.prepare(); err != nil {
		return err
	}
	fmt.Printf("machine: %d cores, load %s\n", runtime.NumCPU(), loadAverage())
	before, err := commits(filepath.Join(dir, "plain.db"))
	if err != nil {
		return err
	}
	l.warm()
	used := processorTime(server.Process.Pid)
	start := time.Now()
	l.offer(rate, time.Duration(seconds)*time.Second, writes)
	took := time.Since(start)
	used = processorTime(server.Process.Pid) - used
	after, err := commits(filepath.Join(dir, "plain.db"))
	if err != nil {
		return err
	}
	l.report(rate, seconds, took, used)
	fmt.Printf("plain SQLite commits of one row: p50 %s, p95 %s before; p50 %s, p95 %s after; at most %.0f a second\n",
		ms(quantile(before, .5)), ms(quantile(before, .95)), ms(quantile(after, .5)), ms(quantile(after, .95)), 1/mean(after).Seconds())
	w := l.took["write"]
	fmt.Printf("journaled write ÷ plain commit: p50 %.1f, p95 %.1f\n", ratio(quantile(w, .5), quantile(after, .5)), ratio(quantile(w, .95), quantile(after, .95)))
	fmt.Printf("load %s at the end\n", loadAverage())
	return nil
}

// awaitReady waits for the file that the server writes once it serves.
func awaitReady(path string, ended <-chan error) (ready, error) {
	var r ready
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return r, fmt.Errorf("the demonstration ended before it served: %w", cmp.Or(err, io.ErrUnexpectedEOF))
		case <-tick.C:
			if text, err := os.ReadFile(path); err == nil {
				return r, json.Unmarshal(text, &r)
			}
		}
	}
}

// load is a way to ask, and what came of it.
type load struct {
	ready
	clients  []*http.Client // connections
	requests []string       // of the researcher's, to read and to edit

	mu     sync.Mutex
	took   map[string][]time.Duration // by kind
	by     map[string][]time.Duration // by operation
	failed map[string]int
}

func newLoad(r ready) (*load, error) {
	l := &load{ready: r, took: map[string][]time.Duration{}, by: map[string][]time.Duration{}, failed: map[string]int{}}
	pem, err := os.ReadFile(r.CA)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	for range 16 { // as many browsers and notebooks
		l.clients = append(l.clients, &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}, Timeout: 30 * time.Second})
	}
	return l, nil
}

// ask makes one request and reads all of its answer.
func (l *load) ask(client *http.Client, who, method, path string, body any) ([]byte, error) {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, l.HTTP+path, content)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+l.Tokens[who])
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := client.Do(req)
	if failed := (*url.Error)(nil); errors.As(err, &failed) {
		return nil, failed.Err // without the address, so that the same failures count as one
	} else if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode/100 != 2 {
		err = fmt.Errorf("%s", resp.Status)
	}
	return answer, err
}

// prepare makes requests to read and to edit.
func (l *load) prepare() error {
	for i := range 50 {
		answer, err := l.ask(l.clients[0], "researcher", http.MethodPost, "/v1/requests", map[string]any{"project": "diabetes-outcomes", "title": "Table " + strconv.Itoa(i)})
		if err != nil {
			return fmt.Errorf("preparing: %w: %s", err, answer)
		}
		var made struct{ ID string }
		if err := json.Unmarshal(answer, &made); err != nil {
			return err
		}
		l.requests = append(l.requests, made.ID)
	}
	return nil
}

func (l *load) warm() {
	for _, c := range l.clients {
		_, _ = l.ask(c, "lead", http.MethodGet, "/v1/me", nil)
	}
}

// operation is something to ask for.
type operation struct{ kind, name, who, method, path string }

var reads = []operation{
	{"read", "who am I", "lead", http.MethodGet, "/v1/me"},
	{"read", "projects", "lead", http.MethodGet, "/v1/projects"},
	{"read", "requests", "lead", http.MethodGet, "/v1/requests?limit=20"},
	{"read", "a request", "lead", http.MethodGet, "/v1/requests/REQUEST"},
	{"read", "a checker's requests", "checker1", http.MethodGet, "/v1/requests?limit=20"},
	{"read", "datasets", "custodian", http.MethodGet, "/v1/datasets"},
	{"read", "the journal's newest", "auditor", http.MethodGet, "/v1/journal/events?limit=20"},
}

// offer asks at the given rate for a time, and waits for the answers.
func (l *load) offer(rate int, length time.Duration, writes int) {
	random := rand.New(rand.NewPCG(1, 1))
	var wait sync.WaitGroup
	start := time.Now()
	for i := range int(length.Seconds() * float64(rate)) {
		due := start.Add(time.Duration(float64(i) / float64(rate) * float64(time.Second)))
		op := reads[random.IntN(len(reads))]
		if random.IntN(100) < writes {
			op = operation{"write", "edit a request", "researcher", http.MethodPatch, "/v1/requests/REQUEST"}
			if random.IntN(2) == 0 {
				op = operation{"write", "begin a request", "researcher", http.MethodPost, "/v1/requests"}
			}
		}
		path := strings.Replace(op.path, "REQUEST", l.requests[random.IntN(len(l.requests))], 1)
		client := l.clients[i%len(l.clients)]
		if ahead := time.Until(due); ahead > 0 {
			pause(ahead)
		}
		wait.Go(func() {
			var body any
			if op.kind == "write" {
				body = map[string]any{"title": "Table " + strconv.Itoa(i)}
				if op.method == http.MethodPost {
					body = map[string]any{"title": "Table " + strconv.Itoa(i), "project": "diabetes-outcomes"}
				}
			}
			_, err := l.ask(client, op.who, op.method, path, body)
			took := time.Since(due)
			l.mu.Lock()
			defer l.mu.Unlock()
			l.took[op.kind], l.by[op.name] = append(l.took[op.kind], took), append(l.by[op.name], took)
			if err != nil {
				l.failed[op.name+": "+err.Error()]++
			}
		})
	}
	wait.Wait()
}

// pause is how the generator keeps its times.
func pause(d time.Duration) {
	timer := time.NewTimer(d)
	<-timer.C
}

func (l *load) report(rate, seconds int, took, used time.Duration) {
	all := slices.Concat(l.took["read"], l.took["write"])
	fmt.Printf("%d requests in %.1f s (offered: %d a second for %d s), %d of them writes; processor of the server: %.1f s, %s a request\n",
		len(all), took.Seconds(), rate, seconds, len(l.took["write"]), used.Seconds(), ms(used/time.Duration(max(1, len(all)))))
	fmt.Printf("%-24s %6s %9s %9s %9s %9s\n", "", "n", "p50", "p95", "p99", "most")
	line := func(name string, d []time.Duration) {
		fmt.Printf("%-24s %6d %9s %9s %9s %9s\n", name, len(d), ms(quantile(d, .5)), ms(quantile(d, .95)), ms(quantile(d, .99)), ms(quantile(d, 1)))
	}
	line("all", all)
	line("reads", l.took["read"])
	line("journaled writes", l.took["write"])
	var names []string
	for name := range l.by {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		line("  "+name, l.by[name])
	}
	for what, n := range l.failed {
		fmt.Printf("FAILED %d times: %s\n", n, what)
	}
	goal := "reached"
	if quantile(all, .95) > 50*time.Millisecond || len(l.failed) > 0 {
		goal = "missed"
	}
	fmt.Printf("goal: p95 of at most 50 ms: %s\n", goal)
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }

func ratio(a, b time.Duration) float64 { return float64(a) / float64(max(1, b)) }

func mean(d []time.Duration) time.Duration {
	var sum time.Duration
	for _, v := range d {
		sum += v
	}
	return sum / time.Duration(max(1, len(d)))
}

// quantile is the smallest value that q of all do not exceed.
func quantile(d []time.Duration, q float64) time.Duration {
	if len(d) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(d))
	return sorted[max(0, min(len(sorted)-1, int(q*float64(len(sorted)))))]
}

package notices

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Settings are what the installation's owner writes under "notices" in
// gatehouse.yaml. Nobody else can name a place where notices go.
type Settings struct {
	// PublicURL is where people reach the site, for links; none: no links.
	PublicURL string `yaml:"public_url,omitempty"`
	// Digest is the time of day, by the machine's clock, at which digests leave: "07:00" if none is given.
	Digest string `yaml:"digest,omitempty"`
	// Timeout is how long an attempt may take: 20 s if none is given.
	Timeout time.Duration `yaml:"timeout,omitempty"`
	// Mail is how e-mail is sent; nil: none is.
	Mail *Mail `yaml:"mail,omitempty"`
	// Webhooks are called, by name.
	Webhooks map[string]Webhook `yaml:"webhooks,omitempty"`
}

// Mail is an SMTP server.
type Mail struct {
	Server string `yaml:"server"` // HOST:PORT
	From   string `yaml:"from"`   // address of the sender
	// TLS is "starttls" (if none is given), "implicit", or "none", which a server on this machine alone may have.
	TLS          string `yaml:"tls,omitempty"`
	CA           string `yaml:"ca,omitempty"` // PEM file of the authority of its certificate; none: the system's
	User         string `yaml:"user,omitempty"`
	PasswordFile string `yaml:"password_file,omitempty"`
}

// Webhook is an HTTPS address that is told of notices.
type Webhook struct {
	URL string `yaml:"url"`
	// SecretFile holds the secret that it verifies signatures with, "whsec_" and base64; while the secret is being
	// changed, one on each line: each message is signed with all of them.
	SecretFile string   `yaml:"secret_file"`
	CA         string   `yaml:"ca,omitempty"`
	Kinds      []string `yaml:"kinds,omitempty"` // of notices; none: all
}

// Resolved gives the settings with files that are named relative to dir.
func (s Settings) Resolved(dir string) Settings {
	at := func(file string) string {
		if file == "" || filepath.IsAbs(file) {
			return file
		}
		return filepath.Join(dir, file)
	}
	if s.Mail != nil {
		m := *s.Mail
		m.CA, m.PasswordFile = at(m.CA), at(m.PasswordFile)
		s.Mail = &m
	}
	hooks := map[string]Webhook{}
	for name, w := range s.Webhooks {
		w.CA, w.SecretFile = at(w.CA), at(w.SecretFile)
		hooks[name] = w
	}
	s.Webhooks = hooks
	return s
}

func (s Settings) digestTime() (time.Duration, error) {
	if s.Digest == "" {
		return 7 * time.Hour, nil
	}
	at, err := time.Parse("15:04", s.Digest)
	if err != nil {
		return 0, configured("The time of digests, %q, is not a time of day such as 07:00.", s.Digest)
	}
	return time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute, nil
}

// httpsURL is an address that can be called: https, with a host, without a
// password in it.
func httpsURL(what, text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" {
		return nil, configured("%s is not a plain https address.", what)
	}
	return u, nil
}

// secure is TLS with the authority in a file, or the system's.
func secure(ca, host string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	if ca == "" {
		return c, nil
	}
	text, err := os.ReadFile(ca)
	if err != nil {
		return nil, configured("The authority's file %s cannot be read.", ca).Because(err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(text) {
		return nil, configured("The file %s holds no certificate.", ca)
	}
	return c, nil
}

// secrets reads the lines of a file that nobody else may read.
func secrets(what, file string) ([]string, error) {
	if file == "" {
		return nil, configured("%s has no file of its secret.", what)
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, configured("The file of %s cannot be read.", what).Because(err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, configured("The file of %s, %s, can be read by others.", what, file).WithAdvice("Make it its owner's alone: chmod 600.")
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, configured("The file of %s cannot be read.", what).Because(err)
	}
	lines := strings.Fields(string(text))
	if len(lines) == 0 {
		return nil, configured("The file of %s is empty.", what)
	}
	return lines, nil
}

// loopback reports whether a host is this machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

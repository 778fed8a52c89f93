package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/web"
)

// keptLogin is what 'gatehouse login' keeps of a session, in a file of its own in
// the user's configuration folder.
type keptLogin struct {
	Server  string    `json:"server"`
	CA      string    `json:"ca,omitempty"` // PEM
	Token   string    `json:"token"`
	User    string    `json:"user"`
	Expires time.Time `json:"expires"`
}

// loginFolder is where sessions are kept.
func loginFolder() (string, error) {
	config, err := os.UserConfigDir()
	if err != nil {
		return "", gatehouse.Errorf(gatehouse.CodeConfig, "There is no configuration folder to keep the session in.").WithAdvice("Set XDG_CONFIG_HOME, or HOME.").Because(err)
	}
	return filepath.Join(config, "gatehouse", "sessions"), nil
}

// loginFile is the file of the session at a server.
func loginFile(server string) (string, error) {
	folder, err := loginFolder()
	if err != nil {
		return "", err
	}
	u, err := url.Parse(server)
	if err != nil || u.Host == "" {
		return "", gatehouse.Errorf(gatehouse.CodeConfig, "The server's address is not an https URL.").WithAdvice("Give it as https://HOST:PORT.")
	}
	name := strings.Map(func(r rune) rune {
		if r == '.' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' {
			return r
		}
		return '_'
	}, strings.ToLower(u.Host+u.Path))
	return filepath.Join(folder, strings.TrimRight(name, "_")+".json"), nil
}

func (k keptLogin) save() error {
	path, err := loginFile(k.Server)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return gatehouse.Errorf(gatehouse.CodeStorage, "The session cannot be kept.").Because(err)
	}
	return writePrivate(path, k)
}

func (k keptLogin) forget() error {
	path, err := loginFile(k.Server)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return gatehouse.Errorf(gatehouse.CodeStorage, "The session's file cannot be removed.").Because(err)
	}
	return nil
}

func (k keptLogin) client() (*web.Client, error) {
	var ca []byte
	if k.CA != "" {
		ca = []byte(k.CA)
	}
	return web.NewClient(k.Server, ca, k.Token)
}

// findLogin gives the session kept for a server; for "", the only one that is
// kept. None, or one that others can read, is an error.
func findLogin(server string) (keptLogin, error) {
	none := gatehouse.Errorf(gatehouse.CodeUnauthenticated, "Nobody is signed in.").WithAdvice("Sign in with 'gatehouse login --server URL', or give --token-file or GATEHOUSE_TOKEN.")
	path := ""
	if server != "" {
		var err error
		if path, err = loginFile(server); err != nil {
			return keptLogin{}, err
		}
	} else {
		folder, err := loginFolder()
		if err != nil {
			return keptLogin{}, err
		}
		kept, err := filepath.Glob(filepath.Join(folder, "*.json"))
		switch {
		case err != nil || len(kept) == 0:
			return keptLogin{}, none
		case len(kept) > 1:
			return keptLogin{}, gatehouse.Errorf(gatehouse.CodeConfig, "You are signed in to several servers.").WithAdvice("Say which with --server or GATEHOUSE_SERVER.")
		}
		path = kept[0]
	}
	var k keptLogin
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return k, none
	}
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		return k, gatehouse.Errorf(gatehouse.CodeConfig, "Others can read your session in %s, so it is not used.", path).WithAdvice("Remove the file and sign in again.")
	}
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &k)
	}
	if err != nil || k.Token == "" || server != "" && k.Server != server {
		return keptLogin{}, gatehouse.Errorf(gatehouse.CodeConfig, "The session kept in %s cannot be read.", path).WithAdvice("Remove the file and sign in again.").Because(err)
	}
	return k, nil
}

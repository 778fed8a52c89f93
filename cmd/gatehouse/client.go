package main

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/web"
)

// serverFlags say which server a command talks to, as whom, and how it answers.
type serverFlags struct {
	server, ca, tokenFile string
	json                  bool
}

func (f *serverFlags) add(c *cobra.Command) {
	f.addServer(c)
	flags := c.PersistentFlags()
	flags.StringVar(&f.tokenFile, "token-file", "", "file that holds your token (or the token in $GATEHOUSE_TOKEN; else the session of 'gatehouse login')")
	flags.BoolVar(&f.json, "json", false, "answer in JSON")
}

// addServer adds the flags of who does not act as anybody yet.
func (f *serverFlags) addServer(c *cobra.Command) {
	flags := c.PersistentFlags()
	flags.StringVar(&f.server, "server", os.Getenv("GATEHOUSE_SERVER"), "address of the HTTP API, https://HOST:PORT (or $GATEHOUSE_SERVER)")
	flags.StringVar(&f.ca, "ca", os.Getenv("GATEHOUSE_CA"), "PEM file of the authority that signed its certificate (or $GATEHOUSE_CA)")
}

func noServer() error {
	return gatehouse.Errorf(gatehouse.CodeConfig, "No server is named.").WithAdvice("Give --server or set GATEHOUSE_SERVER; after 'gatehouse login' it is remembered.")
}

// client makes the client. The token comes from a file, the environment or the
// session of 'gatehouse login', never from the command line, which others can read.
func (f *serverFlags) client() (*web.Client, error) {
	if f.tokenFile == "" && os.Getenv("GATEHOUSE_TOKEN") == "" {
		kept, err := findLogin(f.server)
		if err != nil {
			if f.server == "" && gatehouse.CodeOf(err) == gatehouse.CodeUnauthenticated {
				return nil, noServer()
			}
			return nil, err
		}
		return kept.client()
	}
	if f.server == "" {
		return nil, noServer()
	}
	token := os.Getenv("GATEHOUSE_TOKEN")
	if f.tokenFile != "" {
		text, err := os.ReadFile(f.tokenFile)
		if err != nil {
			return nil, gatehouse.Errorf(gatehouse.CodeConfig, "The token's file %s cannot be read.", f.tokenFile).Because(err)
		}
		token = string(text)
	}
	if token = strings.TrimSpace(token); token == "" {
		return nil, gatehouse.Errorf(gatehouse.CodeUnauthenticated, "There is no token.").WithAdvice("Give --token-file or set GATEHOUSE_TOKEN.")
	}
	ca, err := f.authority()
	if err != nil {
		return nil, err
	}
	return web.NewClient(f.server, ca, token)
}

// authority is the PEM of --ca; nil if there is none.
func (f *serverFlags) authority() ([]byte, error) {
	if f.ca == "" {
		return nil, nil
	}
	ca, err := os.ReadFile(f.ca)
	if err != nil {
		return nil, gatehouse.Errorf(gatehouse.CodeConfig, "The authority's file %s cannot be read.", f.ca).Because(err)
	}
	return ca, nil
}

// show writes v as JSON, or calls text.
func (f *serverFlags) show(w io.Writer, v any, text func()) error {
	if !f.json {
		text()
		return nil
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// saveNew writes what write gives to a new file at path: whole or not at all,
// and never over another file.
func saveNew(path string, write func(io.Writer) error) error {
	if _, err := os.Lstat(path); err == nil {
		return gatehouse.Errorf(gatehouse.CodeConflict, "There is a file %s already.", path).WithAdvice("Move it away, or give another name with --output.")
	}
	unwritable := func(err error) error {
		return gatehouse.Errorf(gatehouse.CodeStorage, "The file %s cannot be written.", path).WithAdvice("Choose a folder that you can write to, with space enough.").Because(err)
	}
	part, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return unwritable(err)
	}
	defer os.Remove(part.Name())
	defer part.Close()
	if err := write(part); err != nil {
		var known *gatehouse.Error
		if errors.As(err, &known) {
			return err
		}
		return unwritable(err)
	}
	if err := errors.Join(part.Sync(), part.Close()); err != nil {
		return unwritable(err)
	}
	if err := os.Link(part.Name(), path); errors.Is(err, fs.ErrExist) {
		return gatehouse.Errorf(gatehouse.CodeConflict, "There is a file %s already.", path)
	} else if err != nil {
		return unwritable(err)
	}
	return nil
}

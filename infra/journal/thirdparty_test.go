package journal_test

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/journal"
)

// thirdParty is somebody with docs/verify_journal.py, the public key and nothing
// of Gatehouse's.
type thirdParty struct {
	t      *testing.T
	folder string
	key    string
}

func newThirdParty(t *testing.T, public ed25519.PublicKey) *thirdParty {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Fatal("there is no python3, which the third party's program needs")
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	p := &thirdParty{t: t, folder: t.TempDir()}
	p.key = p.file("journal.pub.pem", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	return p
}

func (p *thirdParty) file(name string, content []byte) string {
	p.t.Helper()
	path := filepath.Join(p.folder, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		p.t.Fatal(err)
	}
	return path
}

func (p *thirdParty) json(name string, v any) string {
	p.t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.file(name, text)
}

// says runs the script and gives whether it verifies, and what it says.
func (p *thirdParty) says(args ...string) (bool, string) {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), "python3", append([]string{filepath.Join("..", "..", "docs", "verify_journal.py"), "--key", p.key}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState.ExitCode() != 1 {
		p.t.Fatalf("%v\n%s", err, out)
	}
	return err == nil, string(out)
}

// Journals and proofs can be checked by people who have the format's description
// and no line of Gatehouse, and they find what Gatehouse finds.
func TestThirdPartiesCanVerify(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	l := newLog(t)
	l.Close()
	path := filepath.Join(t.TempDir(), "state", "gatehouse.db")
	if l.signer, err = journal.NewSigner(private); err != nil {
		t.Fatal(err)
	}
	if l.verifier, err = journal.NewVerifier(public); err != nil {
		t.Fatal(err)
	}
	l.open(t, path, l.signer)
	p := newThirdParty(t, public)
	if ok, out := p.says("database", path); !ok || !strings.HasPrefix(out, "0 events") {
		t.Errorf("an empty journal: %s", out)
	}
	checkpoints := map[int64]string{}
	for _, n := range []int{1, 1, 1, 4, 1, 9, 3} { // 1 2 3 7 8 17 20
		l.record(t, n)
		text, err := os.ReadFile(l.checkpoint)
		if err != nil {
			t.Fatal(err)
		}
		c, err := journal.OpenCheckpoint(text, l.verifier)
		if err != nil {
			t.Fatal(err)
		}
		checkpoints[c.Size] = string(text)
	}
	if ok, out := p.says("database", path, "--checkpoint", l.checkpoint); !ok || !strings.HasPrefix(out, "20 events") {
		t.Errorf("the journal: %s", out)
	}
	for size, text := range checkpoints {
		kept := p.file("kept", []byte(text))
		proof, err := journal.ProveConsistency(t.Context(), l.Reader(), size)
		if err != nil {
			t.Fatal(err)
		}
		older, err := journal.OpenCheckpoint([]byte(text), l.verifier)
		if err != nil {
			t.Fatal(err)
		}
		if err := proof.Check(older, l.verifier); err != nil {
			t.Errorf("from %d: %v", size, err)
		}
		if ok, out := p.says("consistency", p.json("proof.json", proof), kept); !ok {
			t.Errorf("from %d: %s", size, out)
		}
		if size == 7 {
			if ok, out := p.says("database", path, "--checkpoint", kept); !ok {
				t.Errorf("with the checkpoint of %d: %s", size, out)
			}
		}
		// A proof for another history is refused by both.
		if len(proof.Proof) > 0 {
			bad := *proof
			bad.Proof = append(tlog.TreeProof{}, proof.Proof...)
			bad.Proof[rand.IntN(len(bad.Proof))][rand.IntN(32)] ^= 1
			if err := bad.Check(older, l.verifier); gatehouse.CodeOf(err) != gatehouse.CodeJournal {
				t.Errorf("a changed proof from %d: %v", size, err)
			}
			if ok, _ := p.says("consistency", p.json("proof.json", bad), kept); ok {
				t.Errorf("a changed proof from %d verifies", size)
			}
		}
	}
	for _, index := range []int64{0, 15, 16, 19} {
		proof, err := journal.ProofAt(t.Context(), l.Reader(), index)
		if err != nil {
			t.Fatal(err)
		}
		if ok, out := p.says("inclusion", p.json("proof.json", proof)); !ok || !strings.Contains(out, `"action":"query.decided"`) {
			t.Errorf("event %d: %s", index, out)
		}
		bad := *proof
		bad.Index ^= 1
		if ok, out := p.says("inclusion", p.json("proof.json", bad)); ok {
			t.Errorf("event %d in another place: %s", index, out)
		}
	}
	for _, index := range []int64{-1, 20} {
		if _, err := journal.ProofAt(t.Context(), l.Reader(), index); gatehouse.CodeOf(err) != gatehouse.CodeNotFound {
			t.Errorf("event %d: %v", index, err)
		}
	}

	// Tampering is found by both.
	for what, c := range map[string][2]string{
		"an event":       {`UPDATE journal_events SET event = CAST(replace(CAST(event AS TEXT), 'ada', 'eve') AS BLOB) WHERE idx = 4`, `UPDATE journal_events SET event = CAST(replace(CAST(event AS TEXT), 'eve', 'ada') AS BLOB) WHERE idx = 4`},
		"an event moved": {`UPDATE journal_events SET idx = 100 WHERE idx = 4`, `UPDATE journal_events SET idx = 4 WHERE idx = 100`},
		"a hash moved":   {`UPDATE journal_hashes SET idx = 100 WHERE idx = 4`, `UPDATE journal_hashes SET idx = 4 WHERE idx = 100`},
		"the size":       {`UPDATE journal_checkpoint SET size = 19`, `UPDATE journal_checkpoint SET size = 20`},
	} {
		l.tamper(t, c[0])
		if ok, out := p.says("database", path); ok {
			t.Errorf("%s: not found: %s", what, out)
		}
		if _, err := l.verify(""); gatehouse.CodeOf(err) != gatehouse.CodeJournal {
			t.Errorf("%s: not found by Gatehouse: %v", what, err)
		}
		l.tamper(t, c[1])
	}
	if ok, out := p.says("database", path); !ok {
		t.Errorf("turned back: %s", out)
	}
	other, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	if ok, _ := newThirdParty(t, other).says("database", path); ok {
		t.Error("it verifies with another journal's key")
	}
	if ok, out := p.says("database", path, "--checkpoint", p.file("kept", []byte("gatehouse-journal\n20\n"+base64.StdEncoding.EncodeToString(make([]byte, 32))+"\n\n— gatehouse-journal AAAA\n"))); ok {
		t.Errorf("with a forged checkpoint: %s", out)
	}
}

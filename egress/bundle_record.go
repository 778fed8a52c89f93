package egress

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress/inspect"
)

// ManifestFormat names the form of a bundle's record of the release.
const ManifestFormat = "gatehouse-release-2"

// Manifest says what a bundle holds and why it may leave: release.json. Like
// everything in a bundle it is covered by the bundle's signature.
type Manifest struct {
	Format     string           `json:"format"`
	Release    string           `json:"release"`
	Request    string           `json:"request"`
	Project    string           `json:"project"`
	About      ProjectRecord    `json:"about_project"`
	Title      string           `json:"title"`
	Context    RequestContext   `json:"context"`
	Author     string           `json:"author"`
	Submitted  time.Time        `json:"submitted"`
	Released   time.Time        `json:"released"`
	ReleasedBy string           `json:"released_by"`
	Expires    time.Time        `json:"expires"`
	Files      []ManifestFile   `json:"files"`
	Withheld   int              `json:"files_withheld"` // files of the request that were not approved
	Disclosure DisclosureRecord `json:"disclosure"`
	// Clearances are the custodians' words, for the datasets that ask for them.
	Clearances []ManifestClearance `json:"clearances,omitempty"`
	Key        string              `json:"key"`

	// Journal proves that the request's conclusion is in the journal, in the form
	// that docs/journal-format.md describes; nil for none. It is an entry of its
	// own, journal-proof.json.
	Journal json.RawMessage `json:"-"`
}

// ProjectRecord is the project as it was when the files left.
type ProjectRecord struct {
	Title       string `json:"title"`
	Purpose     string `json:"purpose"`
	ApprovedBy  string `json:"approved_by,omitempty"`
	OptOutBasis string `json:"opt_out_basis"`
	OptOutRef   string `json:"opt_out_ref,omitempty"` // document that supports a basis other than "applies"
}

// DisclosureRecord says by which rules the files were let out, and from which
// data they come.
type DisclosureRecord struct {
	Policy    string          `json:"policy"`
	Threshold int             `json:"threshold"`
	Checkers  int             `json:"checkers"` // that approved each file
	Datasets  []DatasetRecord `json:"datasets"` // that the project may use
}

// DatasetRecord is a published version, and the opt-outs that it left out.
type DatasetRecord struct {
	Name      string          `json:"name"` // such as shared_care@3
	Title     string          `json:"title,omitempty"`
	Custodian string          `json:"custodian,omitempty"`
	Published time.Time       `json:"published,omitzero"`
	OptOuts   []OptOutReceipt `json:"opt_outs"`
	NoOptOuts string          `json:"no_opt_outs,omitempty"` // why no list was applied
}

// OptOutReceipt says which list's people were left out of a version. How many
// they are is for custodians alone.
type OptOutReceipt struct {
	List  string    `json:"list"`
	Dated time.Time `json:"dated"`
	// Digest and Root are the receipt's: keyed, they tell nobody who is on the list,
	// and the custodian that it was this one.
	Digest string `json:"digest,omitempty"`
	Root   string `json:"root,omitempty"`
	SHA256 string `json:"sha256,omitempty"` // of versions from before receipts were keyed
}

// ManifestFile is one file of a bundle.
type ManifestFile struct {
	Name     string            `json:"name"`
	Type     inspect.Type      `json:"type"`
	SHA256   string            `json:"sha256"`
	Bytes    int64             `json:"bytes"`
	Origin   FileOrigin        `json:"origin"`
	Decision string            `json:"decision,omitempty"`
	Question string            `json:"question,omitempty"` // SQL of a referred result
	Findings []inspect.Finding `json:"findings"`
	Votes    []ManifestVote    `json:"votes"` // every one that was cast on it, a rejection that was lifted too
}

// ManifestVote is a checker's vote. Comments stay inside: they may speak of
// what was taken out.
type ManifestVote struct {
	Checker string    `json:"checker"`
	Round   int       `json:"round"`
	Stage   VoteStage `json:"stage"`
	Verdict Verdict   `json:"verdict"`
	Cast    time.Time `json:"cast"`
}

// ManifestClearance is a custodian's agreement. Reasons stay inside.
type ManifestClearance struct {
	Dataset   string    `json:"dataset"`
	Custodian string    `json:"custodian"`
	At        time.Time `json:"at"`
}

// uuid names a release where a UUID is wanted (RFC 9562, version 8).
func (m Manifest) uuid() string {
	sum := sha256.Sum256([]byte("gatehouse release " + m.Release))
	b := sum[:16]
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// check refuses a record that no release of ours can have. It is signed, but
// names become paths on the reader's machine.
func (m Manifest) check() error {
	if m.Format != ManifestFormat {
		return broken("its record is of the form %.40q, which this program does not know", m.Format)
	}
	if !releaseName.MatchString(m.Release) {
		return broken("its record names no release")
	}
	seen := map[string]bool{}
	for _, f := range m.Files {
		name, err := cleanFileName(f.Name)
		if err != nil || name != f.Name || seen[foldName(name)] || f.Bytes < 0 {
			return broken("its record names a file as no release does")
		}
		seen[foldName(name)] = true
	}
	return nil
}

// marshalFixed writes JSON for people to read, in one form.
func marshalFixed(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(v)
	return b.Bytes(), err
}

func broken(format string, args ...any) *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.CodeBundle, "The bundle does not verify: %s.", fmt.Sprintf(format, args...))
}

package catalog

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"golang.org/x/mod/sumdb/tlog"
)

// Where a list came from.
const (
	SourceFile   = "file"          // a file that somebody put there
	SourceCheck  = "check service" // its reply
	SourceEvents = "events"        // codes in the extracts themselves
)

// Receipt tells which opt-out list was applied to a version, bound to it by the
// manifest's signature. Whatever it says of a list's content is keyed with a key
// of the custodian zone: there are so few NHS numbers that the plain hash of a
// short list is the list.
type Receipt struct {
	List   string   `json:"list"` // "national", "type1", "withdrawals"
	Kind   ListKind `json:"kind,omitempty"`
	Source string   `json:"source,omitempty"`
	// Digest is the HMAC-SHA-256 of the list's file, in hex; of a list in the events
	// there is no file but the extract, whose hash is in the accounts.
	Digest string `json:"digest,omitempty"`
	// SentDigest is that of what the check service was asked.
	SentDigest string `json:"sent_digest,omitempty"`
	Asked      int64  `json:"asked,omitempty"`    // people, of the check service
	Returned   int64  `json:"returned,omitempty"` // of them
	// Root is the root of a Merkle tree (RFC 6962) of the people on the list: their
	// identifiers' HMACs, ordered by identifier.
	Root  string    `json:"root,omitempty"`
	Dated time.Time `json:"dated"`
	// Allowed is how old the list could be at publication.
	Allowed  string `json:"allowed,omitempty"`
	Entries  int64  `json:"entries"`            // people on the list
	Nobody   int64  `json:"nobody,omitempty"`   // entries that name nobody whom the extracts know
	InDoubt  int64  `json:"in_doubt,omitempty"` // entries that may be several people's, and so count for each of them
	In       int64  `json:"in,omitempty"`       // people of the extracts to whom it was applied
	Affected int64  `json:"affected"`           // of them, whom it removed
	// SHA256 is the plain hash of the list's file, in versions from before there was
	// a key.
	SHA256 string `json:"sha256,omitempty"`
}

// receiptKeyBytes is the length of the key of receipts.
const receiptKeyBytes = 32

// receiptKey gives the installation's key of receipts, and makes it at first use.
func (i installation) receiptKey() ([]byte, error) {
	path := filepath.Join(i.custodian(), "receipts.key")
	key, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key = make([]byte, receiptKeyBytes)
		if _, err := rand.Read(key); err != nil {
			return nil, err
		}
		// Publications hold the installation's lock: nobody else makes one now.
		if err := writeSynced(path+".new", key, 0o600); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, storageFailure(err)
		} else if err != nil { // left by a publication that died
			if err := os.Remove(path + ".new"); err != nil {
				return nil, storageFailure(err)
			}
			return i.receiptKey()
		}
		if err := errors.Join(os.Rename(path+".new", path), syncFolder(i.custodian())); err != nil {
			return nil, storageFailure(err)
		}
		return key, nil
	}
	if err == nil && len(key) != receiptKeyBytes {
		err = errors.New("the key of receipts is damaged")
	}
	if err != nil {
		return nil, storageFailure(err)
	}
	return key, nil
}

// keyed begins an HMAC under the key, with one label for each use of the key.
func keyed(key []byte, label string) hash.Hash {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(label + "\n"))
	return h
}

// listRoot is the root of the tree of the people on a list.
func listRoot(key []byte, list string, people *roaring.Bitmap, ids identifiers) string {
	leaf := hmac.New(sha256.New, key)
	var sum []byte
	// The roots of whole subtrees, the largest first, as the tree of RFC 6962 has them.
	type subtree struct {
		leaves int64
		root   tlog.Hash
	}
	var stack []subtree
	fold := func() {
		a, b := stack[len(stack)-2], stack[len(stack)-1]
		stack = append(stack[:len(stack)-2], subtree{a.leaves + b.leaves, tlog.NodeHash(a.root, b.root)})
	}
	for each := people.Iterator(); each.HasNext(); {
		leaf.Reset()
		leaf.Write([]byte("entry of the list " + list + "\n" + ids.text(each.Next())))
		sum = leaf.Sum(sum[:0])
		stack = append(stack, subtree{1, tlog.RecordHash(sum)})
		for len(stack) > 1 && stack[len(stack)-1].leaves == stack[len(stack)-2].leaves {
			fold()
		}
	}
	if len(stack) == 0 {
		empty := sha256.Sum256(nil)
		return hex.EncodeToString(empty[:])
	}
	for len(stack) > 1 {
		fold()
	}
	return hex.EncodeToString(stack[0].root[:])
}

// listRecord is what the custodian's own report says of a list: what its receipt
// says, and its plain hashes.
type listRecord struct {
	Receipt Receipt       `json:"receipt"`
	SHA256  string        `json:"sha256,omitempty"`
	Check   *CheckReceipt `json:"check,omitempty"`
}

// receiptsFile stands beside the list of rejected rows.
const receiptsFile = "opt-outs.json"

// keepReceipts writes the custodian's record of the lists.
func (p *publication) keepReceipts(folder string) error {
	var records []listRecord
	for _, l := range p.appliedLists() {
		records = append(records, listRecord{Receipt: l.receipt, SHA256: l.sha256, Check: l.check})
	}
	text, err := json.MarshalIndent(records, "", "  ")
	if err != nil {
		return err
	}
	if err := writeSynced(filepath.Join(folder, receiptsFile), append(text, '\n'), 0o600); err != nil {
		return storageFailure(err)
	}
	return nil
}

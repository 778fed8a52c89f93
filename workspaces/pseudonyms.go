package workspaces

import "context"

// PseudonymLength is how many characters, of a-z and 2-7, each pseudonym has.
const PseudonymLength = 32

// Pseudonymiser holds secret keys for each project: random ones for each epoch,
// none made of another.
type Pseudonymiser interface {
	// Pseudonyms gives those of the people of an index in a project and epoch, from 1
	// on, and makes the epoch's key if it never had one. A key that was destroyed, or
	// lost, is CodeKeys: it does not come back.
	Pseudonyms(ctx context.Context, project, family string, epoch int) (Pseudonyms, error)
	// Reverse gives whom pseudonyms of a project name, whatever their epoch. It is
	// for what two custodians decided.
	Reverse(ctx context.Context, project string, names []string) ([]Reversed, error)
	// DestroyProjectKey destroys the keys of all epochs, for good. It is idempotent.
	DestroyProjectKey(ctx context.Context, project string) error
}

// Pseudonyms are one project's names for people: different for different units,
// unlinkable to those of other projects and epochs, reversible only with the key.
type Pseudonyms interface {
	// AppendPseudonyms appends the pseudonym of each unit, PseudonymLength bytes
	// each. Many goroutines may call it at once.
	AppendPseudonyms(to []byte, units []uint32) ([]byte, error)
	// Pseudonym gives that of one.
	Pseudonym(unit uint32) (string, error)
}

// Reversed is whom a pseudonym names; Epoch 0 stands for nobody.
type Reversed struct {
	Unit   uint32
	Epoch  int
	Family string // the index whose unit it is; "" for names from before they told
}

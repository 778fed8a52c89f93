package workspaces

import "context"

// PseudonymLength is how many characters, of a-z and 2-7, each pseudonym has.
const PseudonymLength = 32

// Pseudonymiser holds secret keys for each project: random ones for each epoch,
// none made of another.
type Pseudonymiser interface {
	// Pseudonyms gives those of a project and epoch, from 1 on, and makes its key
	// if the epoch never had one. A key that was destroyed is CodeKeys: it does not
	// come back.
	Pseudonyms(ctx context.Context, project string, epoch int) (Pseudonyms, error)
	// Shifts gives by how many days people's dates move in a project and epoch: most
	// at most.
	Shifts(ctx context.Context, project string, epoch, most int) (Shifts, error)
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

// Shifts say by how many days a person's dates move: the same in all tables.
type Shifts interface {
	// Days may be called by many goroutines at once.
	Days(unit uint32) (int, error)
}

// Reversed is whom a pseudonym names; Epoch 0 stands for nobody.
type Reversed struct {
	Unit  uint32
	Epoch int
}

package catalog

import (
	"crypto/ed25519"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/gatehouse-tre/gatehouse"
)

// VerifyChain checks that the versions of a dataset are the ones that were
// published, one after the other: every manifest is signed and names the one before
// it by its hash, and no number is missing but those that a deletion record in
// records accounts for. It reads manifests, no data, and needs nothing but the
// folder and the public key.
func VerifyChain(dir, dataset string, public ed25519.PublicKey, records []Deletion) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return storageFailure(err)
	}
	root := installation(dir)
	numbers, err := root.numbers(dataset)
	if err != nil {
		return err
	}
	slices.Sort(numbers)
	deleted := map[int]Deletion{}
	for _, r := range records {
		if r.Dataset == dataset {
			deleted[r.Number] = r
		}
	}
	if len(numbers) == 0 && len(deleted) == 0 {
		return gatehouse.Errorf(gatehouse.CodeNotFound, "There is no version of dataset %s.", dataset)
	}
	last := 0
	for n := range deleted {
		last = max(last, n)
	}
	if len(numbers) > 0 {
		last = max(last, numbers[len(numbers)-1])
	}
	var before *Link
	for n := 1; n <= last; n++ {
		var link, follows *Link
		switch _, gone := deleted[n]; {
		case slices.Contains(numbers, n):
			v, err := readManifest(root.version(dataset, n), dataset, n, public)
			if err != nil {
				return err
			}
			if link, err = linkTo(v); err != nil {
				return err
			}
			follows = v.Before
			if gone && link.Manifest != deleted[n].Manifest {
				return brokenChain(dataset, n, "is not the version that its deletion record names")
			}
		case gone:
			link, follows = &Link{Number: n, Manifest: deleted[n].Manifest}, deleted[n].Before
		default:
			return brokenChain(dataset, n, "is missing, and no record says that it was deleted")
		}
		// Versions of before the chain name nobody.
		if follows != nil && (before == nil || *follows != *before) {
			return brokenChain(dataset, n, "does not follow the version before it")
		}
		before = link
	}
	return nil
}

func brokenChain(dataset string, number int, what string) error {
	return gatehouse.Errorf(gatehouse.CodeManifest, "%s %s.", fmt.Sprintf("%s@%d", dataset, number), what)
}

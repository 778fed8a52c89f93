// Package codelist keeps codelists: lists of clinical codes that define a condition, a
// medicine or a procedure, as OpenCodelists (opencodelists.org) publishes them. They are
// reference data, about nobody: everybody who reads the catalogue reads them, and every
// workspace has each as a public table, named like codelists.asthma_v2024_01_31.
package codelist

import (
	"strings"
	"time"

	"github.com/gatehouse-tre/gatehouse"
)

// Schema is the schema of the tables in a workspace.
const Schema = "codelists"

// System is a system of codes.
type System string

// The systems whose codes are checked, and Other, whose codes are not.
const (
	SNOMED System = "snomedct"
	DMD    System = "dmd" // dictionary of medicines and devices: identifiers of SNOMED CT
	ICD10  System = "icd10"
	OPCS4  System = "opcs4"
	CTV3   System = "ctv3"
	Read2  System = "readv2"
	BNF    System = "bnf"
	Other  System = "other"
)

// Systems are all of them.
var Systems = []System{SNOMED, DMD, ICD10, OPCS4, CTV3, Read2, BNF, Other}

// Codelist is one version of a list. It never changes.
type Codelist struct {
	Name      string    `json:"name"`
	Version   string    `json:"version"`
	Title     string    `json:"title,omitempty"`
	System    System    `json:"system"`
	Reference string    `json:"reference,omitempty"` // where it was published
	Table     string    `json:"table"`               // in a workspace, with the schema
	Codes     int       `json:"codes"`
	SHA256    string    `json:"sha256"` // of the file that was added, lower-case hex
	Bytes     int64     `json:"bytes"`  // of that file
	Added     time.Time `json:"added"`
	AddedBy   string    `json:"added_by"`
	// Stored is the SHA-256 of the file that workspaces read.
	Stored string `json:"-"`
}

// Term is one code of a list.
type Term struct {
	Code     string `json:"code"`
	Term     string `json:"term,omitempty"`
	Category string `json:"category,omitempty"`
}

// Found is a term that a search found, and the list that it is in.
type Found struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	System  System `json:"system"`
	Term
}

// versionBytes bounds the name of a version.
const versionBytes = 40

// tableOf gives the bare name of a version's table, or says what is wrong with its name.
func tableOf(name, version string) (string, error) {
	if !gatehouse.ValidName(name) {
		return "", invalid("The codelist's name is not one.").WithAdvice("Use a lower-case letter, then at most 62 lower-case letters, digits, '-' and '_', such as asthma-diagnosis.")
	}
	if version == "" || len(version) > versionBytes || strings.Trim(version, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" || strings.Trim(version, "-_.") != version {
		return "", invalid("The codelist's version is not a name.").WithAdvice("Use what the publisher calls it, of lower-case letters, digits, '-', '_' and '.', such as 2024-01-31 or 4a3b2c1d.")
	}
	return strings.NewReplacer("-", "_", ".", "_").Replace(name + "_v" + version), nil
}

func invalid(format string, args ...any) *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.CodeCodelist, format, args...)
}

package catalog

import (
	"encoding/json"
	"path/filepath"

	"github.com/gatehouse-tre/gatehouse/catalog/linkage"
)

// linkageFile stands beside the list of rejected rows, where definitions link.
const linkageFile = "linkage.json"

// linkageReport is what the custodian's report says of linkage. It holds no value of
// anybody.
type linkageReport struct {
	Tables       []LinkageCount   `json:"tables"`
	LocalNumbers map[string]int64 `json:"local_numbers,omitempty"` // by what each number came to
	OwnUnits     int64            `json:"own_units"`               // people
	Rows         *linkage.Report  `json:"rows,omitempty"`          // rows that differ, and the quality of their links
}

// keepLinkage writes the quality of linkage into a folder.
func (p *publication) keepLinkage(folder string) error {
	if p.finder == nil {
		return nil
	}
	report := linkageReport{Tables: p.version.Linkage, LocalNumbers: make(map[string]int64), OwnUnits: p.version.OwnUnits}
	for _, cases := range p.finder.cases {
		for _, c := range cases {
			report.LocalNumbers[c.outcome]++
		}
	}
	if p.finder.linker != nil {
		report.Rows = &p.finder.report
	}
	text, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	if err := writeSynced(filepath.Join(folder, linkageFile), append(text, '\n'), 0o600); err != nil {
		return storageFailure(err)
	}
	return nil
}

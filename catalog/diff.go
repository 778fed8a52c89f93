package catalog

import "slices"

// Diff says how a version differs from an earlier one. Counts are exact: they are
// the custodian's. What others may see of it is Shown.
type Diff struct {
	From   string       `json:"from"`
	To     string       `json:"to"`
	People Count        `json:"people"`
	Tables []TableDiff  `json:"tables"`          // that either has, in the later one's order
	Lists  []ListChange `json:"lists,omitempty"` // opt-out lists
	Rules  bool         `json:"rules"`           // the definition is another
}

// Count is a number before and after. Known is false where it may not be shown.
type Count struct {
	Before int64 `json:"before"`
	After  int64 `json:"after"`
	Known  bool  `json:"known"`
}

// TableDiff is how a table differs.
type TableDiff struct {
	Name    string   `json:"name"`
	Change  string   `json:"change"` // "added", "removed", "kept"
	Rows    Count    `json:"rows"`
	People  Count    `json:"people"`
	Added   []string `json:"added,omitempty"`   // columns
	Removed []string `json:"removed,omitempty"` //
	Changed []string `json:"changed,omitempty"` // of another type, class or grain
}

// ListChange is an opt-out list's date in both versions; "" where it was not applied.
type ListChange struct {
	List   string `json:"list"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// Compare gives what is different in to, from its manifest and from's.
func Compare(from, to Version) Diff {
	d := Diff{From: from.Name(), To: to.Name(), People: Count{from.Units, to.Units, true}, Rules: from.DefinitionSHA256 != to.DefinitionSHA256}
	find := func(v Version, name string) *Table {
		for i := range v.Tables {
			if v.Tables[i].Name == name {
				return &v.Tables[i]
			}
		}
		return nil
	}
	for i := range to.Tables {
		d.Tables = append(d.Tables, compareTables(find(from, to.Tables[i].Name), &to.Tables[i]))
	}
	for i := range from.Tables {
		if find(to, from.Tables[i].Name) == nil {
			d.Tables = append(d.Tables, compareTables(&from.Tables[i], nil))
		}
	}
	dates := func(v Version, list string) string {
		for _, r := range v.Receipts {
			if r.List == list {
				return r.Dated.Format("2006-01-02")
			}
		}
		return ""
	}
	for _, r := range slices.Concat(to.Receipts, from.Receipts) {
		if !slices.ContainsFunc(d.Lists, func(l ListChange) bool { return l.List == r.List }) {
			d.Lists = append(d.Lists, ListChange{r.List, dates(from, r.List), dates(to, r.List)})
		}
	}
	return d
}

func compareTables(from, to *Table) TableDiff {
	switch {
	case from == nil:
		return TableDiff{Name: to.Name, Change: "added", Rows: Count{0, to.Rows, true}, People: Count{0, to.People, true}}
	case to == nil:
		return TableDiff{Name: from.Name, Change: "removed", Rows: Count{from.Rows, 0, true}, People: Count{from.People, 0, true}}
	}
	d := TableDiff{Name: to.Name, Change: "kept", Rows: Count{from.Rows, to.Rows, true}, People: Count{from.People, to.People, true}}
	column := func(t *Table, name string) (Column, bool) {
		i := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == name })
		if i < 0 {
			return Column{}, false
		}
		return t.Columns[i], true
	}
	for _, c := range to.Columns {
		switch earlier, ok := column(from, c.Name); {
		case !ok:
			d.Added = append(d.Added, c.Name)
		case earlier.Type != c.Type || earlier.Class != c.Class || earlier.Grain != c.Grain:
			d.Changed = append(d.Changed, c.Name)
		}
	}
	for _, c := range from.Columns {
		if _, ok := column(to, c.Name); !ok {
			d.Removed = append(d.Removed, c.Name)
		}
	}
	return d
}

// Shown is what anybody but a custodian may see: counts about people as the
// catalogue shows them (About), and none at all where the two differ by something
// that so many people, threshold, or fewer may have made. Two rounded numbers that
// differ would tell beside each other that a step was crossed, and so would two
// that are missing only where something changed: where nothing has changed the
// count is left out as well.
func (d Diff) Shown(threshold int64) Diff {
	veil := func(c Count) Count {
		if change := max(c.After-c.Before, c.Before-c.After); change < threshold || About(c.Before) == About(c.After) {
			return Count{}
		}
		return Count{About(c.Before), About(c.After), true}
	}
	d.People = veil(d.People)
	d.Tables = slices.Clone(d.Tables)
	for i, t := range d.Tables {
		if t.People.Before == 0 && t.People.After == 0 && (t.Rows.Before > 0 || t.Rows.After > 0) {
			continue // a reference table
		}
		d.Tables[i].People = veil(t.People)
		if !d.Tables[i].People.Known && t.Change == "kept" {
			d.Tables[i].Rows = Count{} // few people, or as many as before, may have made the rows differ
		} else {
			d.Tables[i].Rows = veil(t.Rows)
		}
	}
	return d
}

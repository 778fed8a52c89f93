package inspect

import (
	"bytes"
	"encoding/json"
	"hash/maphash"
	"maps"
	"slices"
)

var seed = maphash.MakeSeed()

func hash(s string) uint64 { return maphash.String(seed, s) }

// inspectJSON looks at every array of flat objects in a JSON value as a table,
// whose places are given as item and key number, keys in the order of the
// alphabet; and at the names of all keys.
func inspectJSON(c *collector, data []byte) (rows, columns int, err error) {
	dec := json.NewDecoder(bytes.NewReader(trimBOM(data)))
	dec.UseNumber()
	var value any
	if err := dec.Decode(&value); err != nil {
		return 0, 0, &Refusal{"The file is not one valid JSON value.", "Export it again."}
	}
	cells, tooWide := maxCells, false
	var walk func(v any, depth int)
	walk = func(v any, depth int) {
		switch v := v.(type) {
		case map[string]any:
			for _, key := range slices.Sorted(maps.Keys(v)) {
				if identifies(key) {
					c.add(Finding{RuleIdentifierColumn, Serious, 0, 0, "A key's name says that it identifies people.", "Leave the key out, or aggregate over it."})
				}
				if text, ok := v[key].(string); ok && isBirthName(key) && dayOnly.MatchString(text) {
					c.add(Finding{RuleBirthDate, Serious, 0, 0, "A date of birth gives the day.", "Give the year of birth or an age band."})
				}
				walk(v[key], depth+1)
			}
		case []any:
			if header := flatKeys(v); len(header) > 0 {
				if cells -= len(header) * len(v); len(header) > maxColumns || cells < 0 {
					tooWide = true
				}
				if tooWide {
					return
				}
				records := flatRecords(v, header)
				t := newTable(c, header, 0)
				for i, record := range records {
					t.row(record, i+1)
				}
				t.finish()
				rows, columns = max(rows, t.rows), max(columns, len(header))
				return
			}
			for _, item := range v {
				walk(item, depth+1)
			}
		}
	}
	walk(value, 0)
	if tooWide {
		return 0, 0, &Refusal{"The items of the file have too many different keys to be inspected.", "Give every item the same keys, or export it as a table."}
	}
	return rows, columns, nil
}

// maxCells bounds the tables of one file, fields that an item leaves out counted:
// items of a key each that no other has are as many cells as their square.
const maxCells = 8 << 20

// flatKeys gives the keys of items, sorted, if they are objects of scalars.
func flatKeys(items []any) []string {
	keys := map[string]bool{}
	for _, item := range items {
		object, ok := item.(map[string]any)
		if !ok {
			return nil
		}
		for key, value := range object {
			switch value.(type) {
			case map[string]any, []any:
				return nil
			}
			keys[key] = true
		}
	}
	return slices.Sorted(maps.Keys(keys))
}

// flatRecords gives items as the rows of a table.
func flatRecords(items []any, header []string) (records [][]string) {
	for _, item := range items {
		record := make([]string, len(header))
		for i, key := range header {
			switch value := item.(map[string]any)[key].(type) {
			case string:
				record[i] = value
			case json.Number:
				record[i] = value.String()
			case bool:
				record[i] = "true"
			}
		}
		records = append(records, record)
	}
	return records
}

package gate

import (
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gatehouse-tre/gatehouse/egress/plan"
)

// unjudged answers a checked statement as the gate does, with nothing withheld or
// rounded: protected aggregates in the vault, what is made of them in the lobby.
// What it says must be what DuckDB says of the statement.
func (w *world) unjudged(s *plan.Statement, names []string) (rows [][]string, aggregates int, err error) {
	vault, done, err := w.vaults.Vault(w.Context(), w.session)
	must(w, err)
	defer done()
	ask := func(sql string) arrow.RecordBatch {
		reader, queryErr := vault.Query(w.Context(), sql)
		if queryErr != nil {
			err = fmt.Errorf("%w\n%s", queryErr, sql)
			return nil
		}
		defer reader.Release()
		var batches []arrow.RecordBatch
		for reader.Next() {
			b := reader.RecordBatch()
			b.Retain()
			batches = append(batches, b)
		}
		if err = reader.Err(); err != nil {
			return nil
		}
		return merged(reader.Schema(), batches)
	}
	lobby := &plan.Printer{Protected: map[*plan.Aggregate]string{}}
	tables := map[string]arrow.RecordBatch{}
	found, back, public := plan.Frontier(s.Root)
	for i, agg := range found {
		if _, err := plan.NewRelease(agg); err != nil {
			return nil, 0, err
		}
		agg.Protected = false
		cols := make([]string, len(agg.Columns()))
		for c := range cols {
			cols[c] = fmt.Sprint("c", c)
		}
		sql, err2 := (&plan.Printer{Vault: true}).Statement(agg, cols)
		if err2 != nil {
			return nil, 0, err2
		}
		agg.Protected = true
		table := ask(sql)
		if err != nil {
			return nil, 0, err
		}
		name := fmt.Sprint("p", i)
		tables[name], lobby.Protected[agg] = table, name
		if back[agg] {
			agg.Released = literalTable(table)
		}
	}
	for _, t := range public {
		if tables[t.Name] = ask("SELECT * FROM " + t.Source); err != nil {
			return nil, 0, err
		}
	}
	sql, err := lobby.Statement(s.Root, names)
	if err != nil {
		return nil, 0, err
	}
	reader, err := w.gate.Lobby.Run(w.Context(), tables, sql)
	if err != nil {
		return nil, 0, fmt.Errorf("%w\n%s", err, sql)
	}
	defer reader.Release()
	for reader.Next() {
		rows = append(rows, texts(reader.RecordBatch())...)
	}
	return rows, len(found), reader.Err()
}

func merged(schema *arrow.Schema, batches []arrow.RecordBatch) arrow.RecordBatch {
	columns := make([]arrow.Array, schema.NumFields())
	rows := int64(0)
	for _, b := range batches {
		rows += b.NumRows()
	}
	for i := range columns {
		var parts []arrow.Array
		for _, b := range batches {
			parts = append(parts, b.Column(i))
		}
		if len(parts) == 0 {
			columns[i] = array.MakeArrayOfNull(memory.DefaultAllocator, schema.Field(i).Type, 0)
			continue
		}
		columns[i], _ = array.Concatenate(parts, memory.DefaultAllocator)
	}
	return array.NewRecordBatch(schema, columns, rows)
}

func literalTable(b arrow.RecordBatch) string {
	var rows []string
	for _, row := range texts(b) {
		for i, v := range row {
			if b.Column(i).IsNull(len(rows)) {
				row[i] = "NULL"
			} else {
				row[i] = plan.Text(v)
			}
		}
		rows = append(rows, "("+strings.Join(row, ", ")+")")
	}
	names := make([]string, b.NumCols())
	for i := range names {
		names[i] = fmt.Sprint("c", i)
	}
	return "(VALUES " + strings.Join(rows, ", ") + ") AS v(" + strings.Join(names, ", ") + ")"
}

package site

import (
	"bytes"
	"context"
	"encoding/csv"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-tre/gatehouse/egress"
)

// heat are the steps of the heat-map of contributors: fewer people than Below.
var heat = []struct {
	Below int64
	Words string
}{{1, "nobody"}, {5, "1–4 people"}, {10, "5–9"}, {20, "10–19"}, {50, "20–49"}, {100, "50–99"}, {1 << 62, "100 or more"}}

func heatOf(people int64) string {
	for i, h := range heat {
		if people < h.Below {
			return "gh-heat-" + strconv.Itoa(i)
		}
	}
	return ""
}

// viewEvidence shows what the gate measured of a referred result: each number
// with the people behind it, shaded by how few they are, and the rule that
// withholds it.
func (s *server) viewEvidence(v *visit) error {
	return v.refusedFrame(v.read(func(ctx context.Context) (egress.RequestFile, io.ReadCloser, error) {
		return v.Requests.OpenEvidence(ctx, v.who, v.r.PathValue("request"), v.r.PathValue("name"))
	}, func(f egress.RequestFile, data []byte) error {
		shown := frame{Name: "People behind each number of " + f.Name}
		shown.heatMap(data, v.asked("line"))
		return v.framed("frame", shown, http.StatusOK)
	}))
}

// heatMap reads the evidence table: keys, people, whether the group is left out,
// then three columns for each number.
func (f *frame) heatMap(data []byte, asked int) {
	start, left := first(asked, linesPerFrame), room(frameBytes)
	r := csv.NewReader(bytes.NewReader(data))
	r.FieldsPerRecord = -1
	header, err := r.Read()
	if err != nil {
		f.Note = "The evidence cannot be read."
		return
	}
	at := slices.Index(header, "group left out")
	if at < 1 || (len(header)-at-1)%3 != 0 {
		f.Note = "There is no table of evidence: it would be larger than one file may be."
		return
	}
	for _, name := range header[:at] {
		f.Head = append(f.Head, cell{Text: strings.ReplaceAll(name, `"`, "")})
	}
	for i := at + 1; i < len(header); i += 3 {
		f.Head = append(f.Head, cell{Text: strings.ReplaceAll(header[i], `"`, "")})
	}
	for _, h := range heat {
		f.Legend = append(f.Legend, h.Words)
	}
	for line := 2; ; line++ {
		record, err := r.Read()
		if err != nil || len(record) != len(header) {
			return
		}
		size := 0
		for _, text := range record {
			size += len(text) + 20
		}
		show, over := f.begins(line, start, asked, size, &left)
		if over {
			return
		}
		if !show {
			continue
		}
		shown := row{Line: line}
		for _, key := range record[:at-1] {
			shown.Cells = append(shown.Cells, cell{Text: key})
		}
		people, _ := strconv.ParseInt(record[at-1], 10, 64)
		shown.Cells = append(shown.Cells, cell{Text: record[at-1], Class: heatOf(people)})
		if record[at] == "yes" {
			shown.Why = []string{"The gate leaves the whole group out."}
		}
		for i := at + 1; i < len(record); i += 3 {
			behind, _ := strconv.ParseInt(record[i+1], 10, 64)
			c := cell{Text: record[i], Class: heatOf(behind), Why: []string{thousands(behind) + " people"}}
			if record[i+2] != "" {
				c.Why = append(c.Why, "withheld: "+record[i+2])
			}
			shown.Cells = append(shown.Cells, c)
		}
		f.Rows = append(f.Rows, shown)
	}
}

package catalog_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// BenchmarkPublish publishes synthetic extracts end to end, and has plain DuckDB
// turn the same CSV files into Parquet, sorted by NHS number, with the same codec:
// once each, on two threads. cpu-ratio is our CPU time ÷ plain DuckDB's.
// GATEHOUSE_BENCH_PEOPLE sets the size (25 events a person).
func BenchmarkPublish(b *testing.B) {
	people := 80_000
	if s := os.Getenv("GATEHOUSE_BENCH_PEOPLE"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			b.Fatal(err)
		}
		people = n
	}
	h := newHouse(b)
	h.synthesize(people)
	d := sharedCare(b)
	for b.Loop() {
		plainWall, plainCPU := measure(func() { plainDuckDB(b, h) })
		var rows int64
		engineCPU := -cpuTime(syscall.RUSAGE_CHILDREN)
		wall, cpu := measure(func() {
			v := h.mustPublish(d)
			for _, a := range v.Accounts {
				rows += a.Read
			}
		})
		engineCPU += cpuTime(syscall.RUSAGE_CHILDREN)
		b.ReportMetric(float64(rows)/wall.Seconds(), "rows/s")
		b.ReportMetric(float64(rows)/plainWall.Seconds(), "plain-rows/s")
		b.ReportMetric(cpu.Seconds(), "cpu-s")
		b.ReportMetric((cpu - engineCPU).Seconds(), "own-cpu-s")
		b.ReportMetric(plainCPU.Seconds(), "plain-cpu-s")
		b.ReportMetric(cpu.Seconds()/plainCPU.Seconds(), "cpu-ratio")
		b.ReportMetric(0, "ns/op")
	}
}

// measure gives wall and CPU time of f, with those of processes that it waited for.
func measure(f func()) (wall, cpu time.Duration) {
	start, used := time.Now(), cpuTime(syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN)
	f()
	return time.Since(start), cpuTime(syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN) - used
}

func cpuTime(of ...int) time.Duration {
	var total int64
	for _, who := range of {
		var r syscall.Rusage
		if syscall.Getrusage(who, &r) == nil {
			total += r.Utime.Nano() + r.Stime.Nano()
		}
	}
	return time.Duration(total)
}

func plainDuckDB(b *testing.B, h *house) {
	ctx := context.Background()
	e, err := h.start(ctx, nil, h.extracts, b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	types := map[string]string{
		"events": "{'nhs_number':'BIGINT','date':'DATE','code':'VARCHAR','value':'DOUBLE'}",
		"admissions": "{'hospital_number':'VARCHAR','nhs_number':'BIGINT','admitted':'DATE','discharged':'DATE','method':'VARCHAR'," +
			"'diagnosis':'VARCHAR','procedure':'VARCHAR','provider':'VARCHAR','length_of_stay':'INTEGER'}",
		"patients": "{'nhs_number':'BIGINT','given_name':'VARCHAR','family_name':'VARCHAR','date_of_birth':'DATE','postcode':'VARCHAR'," +
			"'address':'VARCHAR','sex':'VARCHAR','ethnicity':'VARCHAR','region':'VARCHAR','lsoa':'VARCHAR','imd_decile':'INTEGER'," +
			"'practice_id':'VARCHAR','registered_from':'DATE','registered_to':'DATE','date_of_death':'DATE'}",
		"social_care": "{'client_number':'VARCHAR','nhs_number':'BIGINT','given_name':'VARCHAR','family_name':'VARCHAR','date_of_birth':'DATE'," +
			"'postcode':'VARCHAR','started':'DATE','ended':'DATE','service':'VARCHAR','hours_per_week':'DOUBLE','council':'VARCHAR'}",
	}
	for _, name := range []string{"patients", "events", "admissions", "social_care"} {
		in := filepath.Join(h.extracts, name)
		sql := "COPY (SELECT * FROM read_csv('" + in + ".csv', header=true, delim=',', auto_detect=false, ignore_errors=true, columns=" + types[name] +
			") ORDER BY nhs_number) TO '" + in + ".parquet' (FORMAT parquet, COMPRESSION zstd)"
		if err := e.Exec(ctx, sql); err != nil {
			b.Fatal(causeOf(err))
		}
	}
	if err := e.Close(); err != nil {
		b.Fatal(err)
	}
}

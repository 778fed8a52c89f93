package synth

import (
	"context"
	"path/filepath"
	"testing"
)

// BenchmarkWrite writes 100,000 people to disk.
func BenchmarkWrite(b *testing.B) {
	const people = 100_000
	dir := filepath.Join(b.TempDir(), "out")
	for b.Loop() {
		if _, err := Write(context.Background(), Options{People: people, Seed: 1, Dir: dir}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(people*float64(b.N)/b.Elapsed().Minutes(), "people/min")
}

// BenchmarkMake makes 100,000 people and throws them away.
func BenchmarkMake(b *testing.B) {
	const people = 100_000
	for b.Loop() {
		if err := discard(context.Background(), people, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(people*float64(b.N)/b.Elapsed().Minutes(), "people/min")
}

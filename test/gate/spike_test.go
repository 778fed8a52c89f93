package gate

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

func TestSpike(t *testing.T) {
	w := newWorld(t)
	text, _ := os.ReadFile(os.Getenv("SPIKE"))
	for _, q := range strings.Split(string(text), ";\n") {
		q = strings.TrimSpace(q)
		if q == "" {
			continue
		}
		t0 := time.Now()
		r, err := w.ask(strings.TrimSuffix(q, ";"))
		d := time.Since(t0)
		fmt.Println("###", d, q)
		if err != nil {
			fmt.Println("   ", err)
			continue
		}
		fmt.Println("   ", r.disclosure.Outcome, r.disclosure.Suppressed, r.disclosure.Groups, r.columns)
		for i, row := range r.rows {
			if i < 6 {
				fmt.Println("     ", row)
			}
		}
	}
}

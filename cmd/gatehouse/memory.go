package main

import (
	"os"
	"runtime/debug"

	"github.com/gatehouse-tre/gatehouse"
)

// Memory of the process that serves and judges, in MiB. Below the least it would do
// little but collect garbage.
const (
	usualMemoryMB = 1024
	leastMemoryMB = 256
)

// memory is the setting, or what is usual.
func (s settings) memory() (mb int, err error) {
	switch {
	case s.MemoryMB == 0:
		return usualMemoryMB, nil
	case s.MemoryMB < leastMemoryMB:
		return 0, gatehouse.Errorf(gatehouse.CodeConfig, "The memory of the service (memory_mb) is less than %d MiB.", leastMemoryMB).WithAdvice("Leave it out for %d.", usualMemoryMB)
	}
	return s.MemoryMB, nil
}

// limitMemory has garbage collected sooner as the process nears its memory. The limit is
// soft: what is in use stays. GOMEMLIMIT in the environment goes first.
func (s settings) limitMemory() error {
	mb, err := s.memory()
	if err != nil || os.Getenv("GOMEMLIMIT") != "" {
		return err
	}
	debug.SetMemoryLimit(int64(mb) << 20)
	return nil
}

package catalog

import (
	"testing"

	"github.com/gatehouse-tre/gatehouse"
)

// A code that everybody bears ends the publication with a message, and not for want
// of memory.
func TestDissentsAreBounded(t *testing.T) {
	c := &codedEvents{list: &optOutList{rule: ListRule{List: "type1"}}, byKey: map[string]dissent{"a": {}, "b": {}}, most: 2}
	if err := c.bounded(); err != nil {
		t.Error(err)
	}
	c.byLink = map[linkKey]dissent{{}: {}}
	if err := c.bounded(); gatehouse.CodeOf(err) != gatehouse.CodeTooLarge {
		t.Error(err)
	}
	c.byLink, c.held = nil, maxDissentBytes+1
	if err := c.bounded(); gatehouse.CodeOf(err) != gatehouse.CodeTooLarge {
		t.Error(err)
	}
}

package plan

// Weight tells what one row adds to a sum or mean. Where every value is a literal
// or an indicator (FormIndicator), the number is a count in another dress: counts
// is true, and largest the size of the largest literal. Else step is the step
// between values, as a decimal, where it is known ("1" for integers); "" for none.
func (c Cell) Weight(n *Aggregate) (largest float64, step string, counts bool) {
	parts, err := CellParts(c.Call)
	if err != nil {
		return 0, "", false
	}
	in := n.Input.Columns()
	counts = true
	for _, p := range parts {
		if p.Neutral() {
			continue
		}
		col, err := derive(p.Value, in)
		if err != nil {
			return 0, "", false
		}
		if col.Form == FormConst || col.Form == FormIndicator {
			largest = max(largest, col.Size)
			continue
		}
		counts = false
		if ref, ok := p.Value.(*Ref); ok && in[ref.Index].Grain != "" {
			step = in[ref.Index].Grain
		} else if p.Value.Type().Integer() {
			step = "1"
		}
	}
	return largest, step, counts && largest > 0
}

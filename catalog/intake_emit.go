package catalog

// emit hands the row that judge read last to the engine's stream.
func (in *intake) emit(owner uint32) {
	b := in.builder
	columns := b.columns
	if in.key >= 0 {
		columns[0].units = append(columns[0].units, owner)
		columns = columns[1:]
	}
	for i := range in.outputs {
		out, to := &in.outputs[i], &columns[i]
		c := &in.cells[out.from]
		if c.null || (out.as == formDays || out.as == formYears) && in.cells[out.to].null {
			to.null()
			continue
		}
		to.mark(b.rows)
		if out.shifted {
			out.days[int32(c.days(out.kind))]++
		}
		in.emitCell(to, out, c)
	}
	b.rows++
}

func (in *intake) emitCell(to *columnBuilder, out *output, c *cell) {
	if out.coarse {
		in.emitCoarse(to, out, c)
		return
	}
	switch out.kind {
	case kindText:
		to.text(c.text)
	case kindInteger, kindDate:
		to.whole32 = append(to.whole32, int32(c.whole))
	case kindNumber:
		to.reals = append(to.reals, c.real)
	default:
		to.whole64 = append(to.whole64, c.whole)
	}
}

// emitCoarse is emitCell for what is not published as it is.
func (in *intake) emitCoarse(to *columnBuilder, out *output, c *cell) {
	var n int64
	switch {
	case out.as == formOutcode:
		var room [8]byte
		half, _ := outcode(room[:], c.text) // judge has made sure of it
		to.text(half)
		return
	case out.as == formAsIs && out.kind == kindNumber:
		to.reals = append(to.reals, out.cut.real(c.real))
		return
	case out.as == formDays:
		n = in.cells[out.to].days(out.toKind) - c.days(out.kind)
	case out.as == formYears:
		n = completedYears(c.days(out.kind), in.cells[out.to].days(out.toKind))
	case out.as == formAsIs && out.kind == kindTimestamp:
		n = c.whole + in.shift*microsPerDay
	case out.kind == kindDate || out.kind == kindTimestamp:
		if n = c.days(out.kind); out.shifted {
			n += in.shift
		}
	default:
		n = c.whole
	}
	if out.cut != nil {
		n = out.cut.whole(n)
	}
	switch out.as {
	case formMonth:
		_, _, d := civilFromDays(n)
		n += 1 - d
	case formYear:
		n, _, _ = civilFromDays(n)
	}
	if out.as == formAsIs && (out.kind == kindBigint || out.kind == kindTimestamp) {
		to.whole64 = append(to.whole64, n)
		return
	}
	to.whole32 = append(to.whole32, int32(n))
}

package kernel

// pack copies lines [from, to) over [k0, k0+k) into panels of width lines: all
// values of one k lie side by side. The last panel is filled up with zeros.
func (o operand) pack(t *tier, dst []float32, width, from, to, k0, k int) {
	if !o.along {
		packAcross(dst, width, o.x[k0*o.ld+from:], o.ld, to-from, k)
		return
	}
	for ; from < to; from += width {
		packAlong(t, dst[:k*width], width, o.x[from*o.ld+k0:], o.ld, min(width, to-from), k)
		dst = dst[k*width:]
	}
}

// packAcross packs lines whose values lie ld apart. It reads whole rows of src
// once, since rows are often a multiple of the cache's own stride apart.
func packAcross(dst []float32, width int, src []float32, ld, lines, k int) {
	whole := lines / width * width
	if whole < lines {
		clear(dst[whole*k:][:width*k])
	}
	for p := range k {
		row := src[p*ld:][:lines]
		at := p * width
		for ; len(row) >= width; row = row[width:] {
			copyValues(dst[at:][:width], row)
			at += k * width
		}
		if len(row) > 0 {
			copy(dst[at:], row)
		}
	}
}

// copyValues is copy(dst, src); a call would cost more than eight values do.
func copyValues(dst, src []float32) {
	if len(dst) == 8 {
		*(*[8]float32)(dst) = [8]float32(src)
		return
	}
	copy(dst, src)
}

// packAlong packs one panel of contiguous lines, ld apart.
func packAlong(t *tier, dst []float32, width int, src []float32, ld, lines, k int) {
	if lines < width {
		clear(dst)
	}
	line := 0
	if width%8 == 0 {
		for ; line+8 <= lines; line += 8 {
			t.transpose8(&dst[line], width, &src[line*ld], ld, k)
		}
	}
	for ; line < lines; line++ {
		for p, x := range src[line*ld:][:k] {
			dst[p*width+line] = x
		}
	}
}

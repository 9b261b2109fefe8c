package quant

// What Unpack's helpers take apart, these put together; dst is zero before.

// packNibbles is the inverse of nibbles: codes of the first half in the lower
// four bits, those of the second in the upper ones. Higher bits are left out.
func packNibbles(dst []byte, q []uint8) {
	for i := range dst {
		dst[i] = q[i]&15 | q[len(dst)+i]<<4
	}
}

// packPairs is the inverse of pair: the lower two bits of 128 codes in 32 bytes.
func packPairs(dst []byte, q []uint8) {
	for i, v := range q {
		dst[i/128*32+i%32] |= v & 3 << (i % 128 / 32 * 2)
	}
}

// packPlanes keeps the bit of that number of each code: plane i/32 of 32 bits.
func packPlanes(dst []byte, q []uint8, bit int) {
	for i, v := range q {
		dst[i%32] |= v >> bit & 1 << (i / 32)
	}
}

// packFifths is the inverse of fifths.
func packFifths(q []uint8) uint32 {
	var bits uint32
	for i, v := range q {
		bits |= uint32(v>>4&1) << i
	}
	return bits
}

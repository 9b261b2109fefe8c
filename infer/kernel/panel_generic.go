package kernel

import "unsafe"

// tileFunc multiplies n steps of a panel with a tile of 1, 2, 4, 8 or 16
// vectors (see Activations): dst[t*ld+lane] becomes
//
//	sum over steps s and groups g of a step of
//	scale[s][g][lane] * d[s][t] * (codes of the group . the vector's bytes)
//
// added, with add, to what was there. The integer sum is exact; a float32
// product of both scales, and one fused or unfused multiply-add follow for
// each group, in the order of the columns. half is the tile's plane of sums of
// 16, nil for groups of 32.
type tileFunc func(dst *float32, ld int, panel, x *byte, half *int32, n int, add bool)

// spanFunc does the same for a tier's span of panels, distance bytes apart, of
// rows that follow one another, so that dst[t*ld] to dst[t*ld+span*lanes-1] are
// written, and for a tile of 4, 8 or 16 vectors.
type spanFunc func(dst *float32, ld int, panel *byte, distance int, x *byte, half *int32, vectors, n int, add bool)

// batchFunc does what a tileFunc does with tiles of 16 vectors, for some panels,
// distance bytes apart, of rows that follow one another, and for some tiles, whose
// steps lie xdistance bytes apart.
type batchFunc func(dst *float32, ld int, panel *byte, distance, panels int, x *byte, xdistance, tiles, n int, add bool)

// minusFunc subtracts minima: dst[t*ld+lane] -= sum over n groups g of
// mins[g][lane] * sums[g][t], in the order of the groups.
type minusFunc func(dst *float32, ld int, mins, sums *float32, n int)

// tileSizes are the numbers of vectors that tiles have, in the order of a
// tier's tables.
var tileSizes = [...]int{1, 2, 4, 8, 16}

const genericLanes = 8

func tileGeneric32(vectors int) tileFunc {
	return func(dst *float32, ld int, panel, x *byte, _ *int32, n int, add bool) {
		tileGenericGroups(vectors, 1, dst, ld, panel, x, n, add)
	}
}

func tileGeneric16(vectors int) tileFunc {
	return func(dst *float32, ld int, panel, x *byte, _ *int32, n int, add bool) {
		tileGenericGroups(vectors, 2, dst, ld, panel, x, n, add)
	}
}

// tileGenericGroups has the offset of its tier, 0, so that it needs no sums.
func tileGenericGroups(vectors, groups int, dst *float32, ld int, panel, x *byte, n int, add bool) {
	size := genericLanes * (stepCols + 4*groups)
	ps := unsafe.Slice(panel, n*size)
	xs := unsafe.Slice(x, n*vectors*stepBytesX)
	ds := unsafe.Slice(dst, (vectors-1)*ld+genericLanes)
	for t := range vectors {
		out := ds[t*ld:][:genericLanes]
		if !add {
			clear(out)
		}
		for s := range n {
			step, xStep := ps[s*size:][:size], xs[s*vectors*stepBytesX:]
			q, d := xStep[t*stepCols:][:stepCols], floats(xStep[vectors*stepCols:])[t]
			scales := floats(step[genericLanes*stepCols:])
			for g := range groups {
				for lane := range out {
					dot := dotQuads(step, q, lane, g*8/groups, (g+1)*8/groups)
					out[lane] += float32(scales[g*genericLanes+lane]*d) * float32(dot)
				}
			}
		}
	}
}

// dotQuads is the product of a lane's codes and q over quads of columns.
func dotQuads(step, q []byte, lane, from, to int) (sum int32) {
	for i := from; i < to; i++ {
		w, x := step[(i*genericLanes+lane)*4:][:4], q[i*4:][:4]
		sum += int32(int8(w[0]))*int32(int8(x[0])) + int32(int8(w[1]))*int32(int8(x[1])) +
			int32(int8(w[2]))*int32(int8(x[2])) + int32(int8(w[3]))*int32(int8(x[3]))
	}
	return sum
}

func minusGeneric(vectors int) minusFunc {
	return func(dst *float32, ld int, mins, sums *float32, n int) {
		ms, ss := unsafe.Slice(mins, n*genericLanes), unsafe.Slice(sums, n*vectors)
		ds := unsafe.Slice(dst, (vectors-1)*ld+genericLanes)
		for t := range vectors {
			for g := range n {
				for lane, m := range ms[g*genericLanes:][:genericLanes] {
					ds[t*ld+lane] -= m * ss[g*vectors+t]
				}
			}
		}
	}
}

// floats sees bytes as float32; kernels keep both in one allocation.
func floats(b []byte) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/4)
}

//go:build cuda

package kernels_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/a472be26/cusp/infer/cuda/driver"
	"github.com/a472be26/cusp/infer/cuda/kernels"
	"github.com/a472be26/cusp/infer/kernel"
	"github.com/a472be26/cusp/infer/quant"
)

var (
	blockTypes = []quant.Type{quant.Q4_0, quant.Q4_1, quant.Q5_0, quant.Q5_1, quant.Q8_0, quant.Q2_K, quant.Q3_K, quant.Q4_K, quant.Q5_K, quant.Q6_K, quant.IQ4_NL, quant.IQ4_XS, quant.MXFP4}
	denseTypes = []quant.Type{quant.F16, quant.BF16, quant.F32}
)

func name(t quant.Type) string { return strings.ToLower(t.String()) }

// scalesAt are where a block's float16 lie.
var scalesAt = map[quant.Type][]int{
	quant.Q4_0: {0}, quant.Q4_1: {0, 2}, quant.Q5_0: {0}, quant.Q5_1: {0, 2}, quant.Q8_0: {0}, quant.Q2_K: {80, 82},
	quant.Q3_K: {108}, quant.Q4_K: {0, 2}, quant.Q5_K: {0, 2}, quant.Q6_K: {208}, quant.IQ4_NL: {0}, quant.IQ4_XS: {0},
}

// weights are rows of any bytes, with scales that are numbers.
func weights(r *rand.Rand, kind quant.Type, rows, cols int) []byte {
	size, err := kind.RowBytes(cols)
	if err != nil {
		panic(err)
	}
	data := make([]byte, rows*size)
	if kind.BlockSize() == 1 {
		for i := range rows {
			if err := quant.Encode(kind, data[i*size:][:size], random(r, cols)); err != nil {
				panic(err)
			}
		}
		return data
	}
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	for b := data; len(b) > 0; b = b[kind.BlockBytes():] {
		for _, at := range scalesAt[kind] {
			binary.LittleEndian.PutUint16(b[at:], quant.ToF16(float32(r.NormFloat64()*0.01)))
		}
		if kind == quant.MXFP4 {
			b[0] = byte(118 + r.IntN(8))
		}
	}
	return data
}

// decode is a matrix as floats.
func decode(kind quant.Type, data []byte, rows, cols int) []float32 {
	out := make([]float32, rows*cols)
	size := len(data) / rows
	for i := range rows {
		if err := quant.Decode(kind, out[i*cols:][:cols], data[i*size:][:size]); err != nil {
			panic(err)
		}
	}
	return out
}

// planes are quantized activations on the device.
type planes struct {
	q, d, halves buffer
	n, cols      int
}

func (d *device) quantize(values []float32, n, cols int) planes {
	p := planes{room[int8](d, n*cols), room[float32](d, n*cols/32), room[int32](d, n*cols/32), n, cols}
	d.launch("quantize", driver.Dim{X: ceil(cols, 256), Y: n}, x(256), 0, put(d, values), p.q, p.d, p.halves, n, cols)
	return p
}

// values are what the activations became.
func (p planes) values() []float32 {
	q, d := take[int8](p.q), take[float32](p.d)
	out := make([]float32, len(q))
	for i := range out {
		out[i] = d[i/32] * float32(q[i])
	}
	return out
}

// matrices are the descriptors of a launch.
func (d *device) matrices(kind quant.Type, cols int, parts []part) buffer {
	var raw []byte
	for _, p := range parts {
		bias := uint64(0)
		if p.bias != nil {
			bias = uint64(put(d, p.bias).at)
		}
		raw = binary.LittleEndian.AppendUint64(raw, uint64(d.upload(p.data, p.offset).at))
		raw = binary.LittleEndian.AppendUint64(raw, bias)
		raw = binary.LittleEndian.AppendUint64(raw, uint64(p.dst.at))
		raw = binary.LittleEndian.AppendUint32(raw, uint32(p.rows))
		raw = binary.LittleEndian.AppendUint32(raw, uint32(p.ld))
	}
	if len(raw) != kernels.MatrixBytes*len(parts) {
		d.t.Fatalf("a Matrix takes %d bytes", len(raw)/len(parts))
	}
	return d.upload(raw, 0)
}

// part is one of the matrices of a launch.
type part struct {
	data     []byte
	offset   int // bytes by which it misses the alignment of memory
	bias     []float32
	rows, ld int
	dst      buffer
}

// blocks of a launch in which a block has some rows.
func blocks(parts []part, rows int) (n int) {
	for _, p := range parts {
		n += ceil(p.rows, rows)
	}
	return n
}

// shape of a product of some matrices with n vectors.
type shape struct {
	rows []int
	cols int
	n    int
}

func shapes(kind quant.Type) []shape {
	all := []shape{{[]int{1}, 256, 1}, {[]int{5, 3}, 512, 2}, {[]int{67}, 256, 9}, {[]int{64, 1}, 768, 8}, {[]int{66}, 256, 65}}
	if kind.BlockSize() <= 32 {
		all = append(all, shape{[]int{9}, 32, 3}, shape{[]int{66, 2}, 288, 17}, shape{[]int{33}, 896, 5})
	}
	if kind.BlockSize() == 1 {
		all = append(all, shape{[]int{3}, 1, 2}, shape{[]int{18, 7}, 77, 9}, shape{[]int{7}, 300, 17})
	}
	r := rand.New(rand.NewPCG(uint64(kind), 4))
	for range 2 {
		all = append(all, shape{[]int{1 + r.IntN(40), 1 + r.IntN(9)}, kind.BlockSize() * (1 + r.IntN(600/kind.BlockSize())), 1 + r.IntN(12)})
	}
	return all
}

// products runs a kernel on new room, or on top of what is there.
func (d *device) products(r *rand.Rand, kind quant.Type, s shape, seed uint64, run func(m buffer, parts []part)) (results [][]float32) {
	r = rand.New(rand.NewPCG(seed, 1))
	var parts []part
	for i, rows := range s.rows {
		p := part{data: weights(r, kind, rows, s.cols), rows: rows, ld: rows + i}
		p.offset = (i + len(s.rows) - 1) % 2 * alignment[kind]
		if i%2 == 0 {
			p.bias = random(r, rows)
		}
		p.dst = put(d, random(r, s.n*p.ld))
		parts = append(parts, p)
	}
	run(d.matrices(kind, s.cols, parts), parts)
	for _, p := range parts {
		results = append(results, take[float32](p.dst))
	}
	return results
}

// alignment of the weights' rows; see README.md.
var alignment = map[quant.Type]int{
	quant.Q4_0: 2, quant.Q4_1: 4, quant.Q5_0: 2, quant.Q5_1: 4, quant.Q8_0: 2, quant.Q2_K: 4, quant.Q3_K: 2, quant.Q4_K: 16,
	quant.Q5_K: 16, quant.Q6_K: 2, quant.IQ4_NL: 2, quant.IQ4_XS: 8, quant.MXFP4: 1, quant.F16: 2, quant.BF16: 2, quant.F32: 4,
}

// expected is the product of the first matrix with values, and a bound of its error.
func expected(kind quant.Type, data []byte, rows, cols int, values []float32, bias []float32) (want, sizes []float64) {
	w := decode(kind, data, rows, cols)
	for t := range len(values) / cols {
		for i := range rows {
			var sum, size float64
			for c := range cols {
				v := float64(w[i*cols+c]) * float64(values[t*cols+c])
				sum, size = sum+v, size+math.Abs(v)
			}
			if bias != nil {
				sum += float64(bias[i])
			}
			want, sizes = append(want, sum), append(sizes, size+math.Abs(sum))
		}
	}
	return want, sizes
}

// The three kernels for a type agree bit for bit, on every processor, with each
// other, and nearly with a reference.
func TestProducts(t *testing.T) {
	t.Parallel()
	for _, kind := range blockTypes {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			var before [][][]float32
			for _, c := range capabilities() {
				d := newDevice(t, c)
				for i, s := range shapes(kind) {
					results := testProduct(t, d, kind, s, uint64(i))
					if len(before) <= i {
						before = append(before, results)
					}
					for j := range results {
						same(t, fmt.Sprintf("sm_%d, %v, matrix %d", c, s, j), results[j], before[i][j])
					}
				}
			}
		})
	}
}

func testProduct(t *testing.T, d *device, kind quant.Type, s shape, seed uint64) [][]float32 {
	r := rand.New(rand.NewPCG(seed, 2))
	in := d.quantize(random(r, s.n*s.cols), s.n, s.cols)
	args := func(m buffer, parts []part, add int) []any {
		return []any{m, len(parts), in.q, in.d, in.halves, s.n, s.cols, add}
	}
	var data [][]byte
	var biases [][]float32
	many := d.products(r, kind, s, seed, func(m buffer, parts []part) {
		for _, p := range parts {
			data, biases = append(data, p.data), append(biases, p.bias)
		}
		d.launch("product_many_"+name(kind), driver.Dim{X: blocks(parts, kernels.TileRows), Y: ceil(s.n, 64)}, x(256), 0, args(m, parts, 0)...)
	})
	one := d.products(r, kind, s, seed, func(m buffer, parts []part) {
		d.launch("product_one_"+name(kind), driver.Dim{X: blocks(parts, kernels.RowsPerBlock), Y: s.n}, x(128), 0, append(args(m, parts, 0), nil, int64(0), 1)...)
	})
	compare := [][][]float32{one}
	if s.n <= kernels.FewVectors {
		compare = append(compare, d.products(r, kind, s, seed, func(m buffer, parts []part) {
			d.launch("product_few_"+name(kind), x(blocks(parts, kernels.RowsPerBlock)), x(128), 0, args(m, parts, 0)...)
		}))
	}
	for i := range many {
		for _, other := range compare {
			same(t, fmt.Sprintf("%v, matrix %d, kernels", s, i), other[i], many[i])
		}
		want, sizes := expected(kind, data[i], s.rows[i], s.cols, in.values(), biases[i])
		near(t, fmt.Sprintf("%v, matrix %d", s, i), rowsOf(many[i], s.rows[i], s.rows[i]+i), want, func(k int) float64 { return sizes[k] * float64(s.cols/16+8) * 0x1p-24 })
		testAgainstCPU(t, kind, data[i], s, i, in, biases[i], many[i])
	}
	return many
}

// rowsOf leaves out what lies between rows.
func rowsOf(v []float32, width, ld int) (out []float32) {
	for ; len(v) >= ld; v = v[ld:] {
		out = append(out, v[:width]...)
	}
	return out
}

// testAgainstCPU compares with infer/kernel, whose activations are the same.
func testAgainstCPU(t *testing.T, kind quant.Type, data []byte, s shape, i int, in planes, bias, got []float32) {
	var a kernel.Activations
	values := in.values()
	a.Set(values, s.n, s.cols)
	want := make([]float32, s.n*s.rows[i])
	kernel.MatMul(nil, &a, kernel.Product{W: &kernel.Weights{Kind: kind, Rows: s.rows[i], Cols: s.cols, Data: data}, Dst: want})
	w := decode(kind, data, s.rows[i], s.cols)
	got = rowsOf(got, s.rows[i], s.rows[i]+i)
	for k, v := range want {
		row, vector := k%s.rows[i], k/s.rows[i]
		var size float64
		for c := range s.cols {
			size += math.Abs(float64(w[row*s.cols+c] * values[vector*s.cols+c]))
		}
		b := float32(0)
		if bias != nil {
			b = bias[row]
		}
		// Twice rounded activations differ from once rounded ones by less than a step.
		if off := math.Abs(float64(got[k] - (v + b))); off > size*0.02+1e-5 {
			t.Fatalf("%v, matrix %d, value %d: %v, infer/kernel has %v", s, i, k, got[k], v+b)
		}
	}
}

// add puts products on top of what is there.
func TestProductsAdd(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *device) {
		r := rand.New(rand.NewPCG(3, 3))
		s := shape{[]int{70}, 512, 3}
		in := d.quantize(random(r, s.n*s.cols), s.n, s.cols)
		run := func(kernel string, grid driver.Dim, block, add int) []float32 {
			return d.products(r, quant.Q8_0, s, 4, func(m buffer, parts []part) {
				all := []any{m, 1, in.q, in.d, in.halves, s.n, s.cols, add}
				if strings.HasPrefix(kernel, "product_one") {
					all = append(all, nil, int64(0), 1)
				}
				d.launch(kernel, grid, x(block), 0, all...)
			})[0]
		}
		before := d.products(r, quant.Q8_0, s, 4, func(buffer, []part) {})[0]
		want := run("product_many_q8_0", driver.Dim{X: 2, Y: 1}, 256, 0)
		for i := range want {
			want[i] += before[i]
		}
		same(t, "many", run("product_many_q8_0", driver.Dim{X: 2, Y: 1}, 256, 1), want)
		same(t, "few", run("product_few_q8_0", x(18), 128, 1), want)
		same(t, "one", run("product_one_q8_0", driver.Dim{X: 18, Y: 3}, 128, 1), want)
	})
}

// Vectors are multiplied with the experts that are chosen for them.
func TestProductsOfExperts(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *device) {
		for _, kind := range []quant.Type{quant.Q4_K, quant.F16} {
			r := rand.New(rand.NewPCG(5, 5))
			const rows, cols, experts, n, used = 10, 256, 4, 3, 2
			data, bias := weights(r, kind, experts*rows, cols), random(r, experts*rows)
			values := random(r, n*cols)
			chosen := []int32{1, 3, 0, 2, 0, 3}
			dst := room[float32](d, n*used*rows)
			m := d.matrices(kind, cols, []part{{data: data, bias: bias, rows: rows, ld: rows, dst: dst}})
			stride := int64(len(data) / experts)
			grid := driver.Dim{X: ceil(rows, 4), Y: n * used}
			if kind == quant.F16 {
				d.launch("dense_one_f16", grid, x(128), 0, m, 1, put(d, values), n, cols, 0, put(d, chosen), stride, used)
			} else {
				in := d.quantize(values, n, cols)
				values = in.values()
				d.launch("product_one_"+name(kind), grid, x(128), 0, m, 1, in.q, in.d, in.halves, n, cols, 0, put(d, chosen), stride, used)
			}
			got := take[float32](dst)
			for i, e := range chosen {
				from := int(e) * int(stride)
				want, sizes := expected(kind, data[from:from+int(stride)], rows, cols, values[i/used*cols:][:cols], bias[int(e)*rows:][:rows])
				near(t, fmt.Sprintf("%v, vector %d", kind, i), got[i*rows:][:rows], want, func(k int) float64 { return sizes[k] * 64 * 0x1p-24 })
			}
		}
	})
}

// Products of dense weights, aligned or not: both kernels agree bit for bit.
func TestDense(t *testing.T) {
	t.Parallel()
	for _, kind := range denseTypes {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, d *device) {
				for i, s := range shapes(kind) {
					testDense(t, d, kind, s, uint64(i))
				}
			})
		})
	}
}

func testDense(t *testing.T, d *device, kind quant.Type, s shape, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 3))
	values := random(r, s.n*s.cols)
	in := put(d, values)
	var data [][]byte
	var biases [][]float32
	few := d.products(r, kind, s, seed, func(m buffer, parts []part) {
		for _, p := range parts {
			data, biases = append(data, p.data), append(biases, p.bias)
		}
		d.launch("dense_few_"+name(kind), driver.Dim{X: blocks(parts, kernels.DenseRows), Y: ceil(s.n, 8)}, x(128), 0, m, len(parts), in, s.n, s.cols, 0)
	})
	one := d.products(r, kind, s, seed, func(m buffer, parts []part) {
		d.launch("dense_one_"+name(kind), driver.Dim{X: blocks(parts, 4), Y: s.n}, x(128), 0, m, len(parts), in, s.n, s.cols, 0, nil, int64(0), 1)
	})
	for i := range few {
		same(t, fmt.Sprintf("%v, matrix %d, kernels", s, i), one[i], few[i])
		want, sizes := expected(kind, data[i], s.rows[i], s.cols, values, biases[i])
		near(t, fmt.Sprintf("%v, matrix %d", s, i), rowsOf(few[i], s.rows[i], s.rows[i]+i), want, func(k int) float64 { return sizes[k] * float64(s.cols+8) * 0x1p-24 })
	}
}

// Activations are rounded as infer/kernel rounds them: a matrix of ones on a
// diagonal brings to light what it made of them.
func TestQuantize(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *device) {
		const cols, n = 320, 7
		r := rand.New(rand.NewPCG(8, 8))
		values := random(r, n*cols)
		for i := range 32 {
			values[i] = 0
			values[32+i] = float32(i) - 0.5        // ties
			values[64+i] = 1e-37 * float32(i)      // below 2^-119 at most
			values[96+i] = 0x1p-119 * float32(1+i) // just above
			values[128+i] = math.MaxFloat32 / float32(1+i)
		}
		values[32] = 127
		values[cols+3], values[cols+40] = float32(math.NaN()), float32(math.Inf(-1))
		p := d.quantize(values, n, cols)

		diagonal := make([]byte, cols*cols/32*34)
		for i := range cols {
			block := diagonal[(i*cols/32+i/32)*34:]
			binary.LittleEndian.PutUint16(block, quant.ToF16(1))
			block[2+i%32] = 1
		}
		var a kernel.Activations
		a.Set(values, n, cols)
		want := make([]float32, n*cols)
		kernel.MatMul(nil, &a, kernel.Product{W: &kernel.Weights{Kind: quant.Q8_0, Rows: cols, Cols: cols, Data: diagonal}, Dst: want})
		got := p.values()
		for i := range got {
			// A NaN spoils all products of its vector.
			if i/cols != 1 && got[i] != want[i] {
				t.Errorf("%v became %v, in infer/kernel %v", values[i], got[i], want[i])
			}
		}
		scales, q, halves := take[float32](p.d), take[int8](p.q), take[int32](p.halves)
		if s := scales[cols/32]; s == s || scales[cols/32+1] == scales[cols/32+1] {
			t.Errorf("groups that are not finite have the scales %v, %v", s, scales[cols/32+1])
		}
		for g, h := range halves {
			var low, high int32
			for i := range 16 {
				low, high = low+int32(q[g*32+i]), high+int32(q[g*32+16+i])
			}
			if int32(int16(h)) != low || h>>16 != high {
				t.Fatalf("group %d: halves %d and %d, want %d and %d", g, int16(h), h>>16, low, high)
			}
		}
	})
}

// Rows of a table are decoded as infer/quant decodes them.
func TestEmbed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *device) {
		for _, kind := range append(append([]quant.Type{}, blockTypes...), denseTypes...) {
			r := rand.New(rand.NewPCG(6, uint64(kind)))
			const rows = 5
			cols := 1280
			if kind.BlockSize() == 32 {
				cols = 1056
			} else if kind.BlockSize() == 1 {
				cols = 1037
			}
			data := weights(r, kind, rows, cols)
			ids := []int32{4, 0, 4, 2}
			dst := room[float32](d, len(ids)*cols)
			table, numbers := put(d, data), put(d, ids)
			grid := driver.Dim{X: ceil(cols, 1024), Y: len(ids)}
			d.launch("embed_"+name(kind), grid, x(128), 0, table, numbers, dst, len(ids), cols, float32(1), 0)
			all := decode(kind, data, rows, cols)
			var want []float32
			for _, id := range ids {
				want = append(want, all[int(id)*cols:][:cols]...)
			}
			same(t, kind.String(), take[float32](dst), want)
			d.launch("embed_"+name(kind), grid, x(128), 0, table, numbers, dst, len(ids), cols, float32(2), 1)
			for i := range want {
				want[i] *= 3
			}
			near(t, kind.String()+" added", take[float32](dst), wide(want), func(i int) float64 { return math.Abs(float64(want[i])) * 0x1p-22 })
		}
	})
}

func wide(v []float32) []float64 {
	out := make([]float64, len(v))
	for i := range v {
		out[i] = float64(v[i])
	}
	return out
}

package train

import (
	"fmt"

	"gorgonia.org/tensor"

	// Without this the tensor library's start-up check panics on newer Go versions.
	_ "go4.org/unsafe/assume-no-moving-gc"

	"github.com/a472be26/cusp/infer/kernel"
)

// Engine is a tensor engine whose float32 matrix product runs on the project's own SIMD kernels. Everything else is the
// library's standard engine.
type Engine struct {
	tensor.StdEng
	mixed   bool    // round operands to bfloat16 where the processor multiplies those faster
	workers workers // of mixed products; the float32 kernel has threads of its own
}

var _ tensor.MatMuler = Engine{}

// MatMul writes a × b into prealloc. All three must be dense float32 matrices, stored by rows; a and b may be
// transposed views.
func (e Engine) MatMul(a, b, prealloc tensor.Tensor) error {
	x, err := operandOf(a)
	if err != nil {
		return fmt.Errorf("matrix product: left operand: %w", err)
	}
	y, err := operandOf(b)
	if err != nil {
		return fmt.Errorf("matrix product: right operand: %w", err)
	}
	z, err := operandOf(prealloc)
	if err != nil {
		return fmt.Errorf("matrix product: result: %w", err)
	}
	if z.transposed || x.cols != y.rows || z.rows != x.rows || z.cols != y.cols {
		return fmt.Errorf("matrix product: %v by %v does not give a plain %v", a.Shape(), b.Shape(), prealloc.Shape())
	}
	if e.mixed && hasBF16 {
		e.multiplyBF16(x, y, z)
		return nil
	}
	kernel.Gemm(x.transposed, y.transposed, x.rows, y.cols, x.cols, x.data, x.stride, y.data, y.stride, z.data, z.stride, false)
	return nil
}

func (e Engine) multiplyBF16(x, y, z operand) {
	g := productBF16{
		m: x.rows, n: y.cols, k: x.cols, c: z.data, ldc: z.stride,
		a: side{x: x.data, ld: x.stride, along: !x.transposed},
		b: side{x: y.data, ld: y.stride, along: y.transposed},
	}
	g.run(e.workers)
}

// operand is a matrix as the kernel takes it.
type operand struct {
	rows, cols int // as the product sees it
	data       []float32
	stride     int // between stored rows
	transposed bool
}

func operandOf(t tensor.Tensor) (operand, error) {
	data, ok := t.Data().([]float32)
	shape, strides := t.Shape(), t.Strides()
	if !ok || len(shape) != 2 || len(strides) != 2 {
		return operand{}, fmt.Errorf("want a float32 matrix, got %v of %v", t.Dtype(), shape)
	}
	o := operand{rows: shape[0], cols: shape[1], data: data}
	switch {
	case strides[1] == 1 && strides[0] >= shape[1]:
		o.stride = strides[0]
	case strides[0] == 1 && strides[1] >= shape[0]:
		o.stride, o.transposed = strides[1], true
	default:
		return operand{}, fmt.Errorf("strides %v of shape %v are neither rows nor a transposed view of rows", strides, shape)
	}
	return o, nil
}

// newMatrix names data[:rows*cols] as a matrix for exact products; it does not copy.
func newMatrix(data []float32, rows, cols int) *tensor.Dense {
	return Engine{}.matrix(data, rows, cols)
}

// matrix names data[:rows*cols] as a matrix whose products, as a left operand, run on e; it does not copy.
func (e Engine) matrix(data []float32, rows, cols int) *tensor.Dense {
	return tensor.New(tensor.WithShape(rows, cols), tensor.WithBacking(data[:rows*cols]), tensor.WithEngine(e))
}

// values are the elements of a matrix made by newMatrix, row by row.
func values(t *tensor.Dense) []float32 { return t.Data().([]float32) }

// transposed is another view of the same elements, for use as an operand of multiply.
func transposed(t *tensor.Dense) *tensor.Dense {
	view := t.Engine().(Engine).matrix(values(t), t.Shape()[0], t.Shape()[1])
	if err := view.T(); err != nil {
		panic(fmt.Sprintf("train: transpose %v: %v", t.Shape(), err))
	}
	return view
}

// multiply writes a × b into dst. Shapes are fixed by the Config, so a mismatch is a bug of this package.
func multiply(dst, a, b *tensor.Dense) {
	if _, err := a.MatMul(b, tensor.WithReuse(dst)); err != nil {
		panic(fmt.Sprintf("train: multiply %v by %v into %v: %v", a.Shape(), b.Shape(), dst.Shape(), err))
	}
}

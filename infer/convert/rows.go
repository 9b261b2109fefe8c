package convert

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/quant"
)

// job rounds one tensor, row by row.
type job struct {
	from, to gguf.Tensor
	out      []byte
	done     func(bytes int)
}

// run returns the new data, at the beginning of the buffer.
func (j *job) run(ctx context.Context, buffer []byte) ([]byte, error) {
	cols := j.from.Dims[0]
	rows := j.from.Elements() / cols
	size, err := j.to.Type.RowBytes(cols)
	if err != nil {
		return nil, err
	}
	j.out = buffer[:rows*size]

	// Every processor takes a share of the rows; the first error wins.
	n := min(rows, runtime.GOMAXPROCS(0))
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = j.rows(ctx, rows*i/n, rows*(i+1)/n) })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return j.out, nil
}

func (j *job) rows(ctx context.Context, first, end int) error {
	cols := j.from.Dims[0]
	in, out := len(j.from.Data)/(j.from.Elements()/cols), len(j.out)/(j.from.Elements()/cols)
	x := make([]float32, cols)
	for r := first; r < end; r++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := quant.Decode(j.from.Type, x, j.from.Data[r*in:][:in]); err != nil {
			return fmt.Errorf("row %d: %w", r, err)
		}
		if err := quant.Encode(j.to.Type, j.out[r*out:][:out], x); err != nil {
			return fmt.Errorf("row %d: %w", r, err)
		}
		j.done(in)
	}
	return nil
}

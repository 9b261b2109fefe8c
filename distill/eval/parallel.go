package eval

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"
)

// parallel runs f(0..n-1) on the given number of goroutines and returns the
// first error. After an error or the end of ctx no new calls begin.
func parallel(ctx context.Context, n, workers int, progress Progress, f func(i int) error) error {
	var (
		mu   sync.Mutex // guards done, and makes the calls of progress come one by one
		done int
	)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(workers)
	for i := range n {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			err := f(i)
			mu.Lock()
			defer mu.Unlock()
			done++
			if progress != nil {
				progress(done, n)
			}
			return err
		})
	}
	return g.Wait()
}

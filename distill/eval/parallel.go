package eval

import (
	"context"
	"sync"
)

// parallel runs f(0..n-1) on the given number of goroutines and returns the
// first error. After an error or the end of ctx no new calls begin.
func parallel(ctx context.Context, n, workers int, progress Progress, f func(i int) error) error {
	var (
		mu    sync.Mutex // guards next, done and first
		next  int
		done  int
		first error
		wg    sync.WaitGroup
	)
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		if first == nil {
			first = ctx.Err()
		}
		if first != nil || next >= n {
			return 0, false
		}
		next++
		return next - 1, true
	}
	finish := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		done++
		if first == nil {
			first = err
		}
		if progress != nil {
			progress(done, n)
		}
	}
	for range workers {
		wg.Go(func() {
			for i, ok := take(); ok; i, ok = take() {
				finish(f(i))
			}
		})
	}
	wg.Wait()
	return first
}

package s3io

import (
	"context"
	"iter"
)

// inOrder calls do for 0 to n-1, at most ahead at once, and yields the results in their order. It goes no further than that
// beyond what was taken, so that what is held in memory is bounded too. It ends after yielding an error, and returns when all
// calls have.
func inOrder[T any](ctx context.Context, n, ahead int, do func(ctx context.Context, i int) (T, error)) iter.Seq2[T, error] {
	type result struct {
		v   T
		err error
	}
	return func(yield func(T, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		results := make(chan chan result, max(1, ahead)-1) // and one more in the hand of whoever takes
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer close(results)
			for i := range n {
				r := make(chan result, 1)
				select {
				case results <- r:
				case <-ctx.Done():
					return
				}
				if ctx.Err() != nil { // whoever took it only waits for the end: nothing more is begun
					r <- result{err: context.Cause(ctx)}
					return
				}
				go func() {
					v, err := do(ctx, i)
					r <- result{v, err}
				}()
			}
		}()
		defer func() {
			cancel()
			for r := range results {
				<-r
			}
			<-done
		}()
		taken := 0
		for r := range results {
			got := <-r
			if !yield(got.v, got.err) || got.err != nil {
				return
			}
			taken++
		}
		if taken < n { // ctx ended before the others were begun
			var zero T
			yield(zero, context.Cause(ctx))
		}
	}
}

// all collects what inOrder yields.
func all[T any](ctx context.Context, n, ahead int, do func(ctx context.Context, i int) (T, error)) ([]T, error) {
	vs := make([]T, 0, n)
	for v, err := range inOrder(ctx, n, ahead, do) {
		if err != nil {
			return nil, err
		}
		vs = append(vs, v)
	}
	return vs, nil
}

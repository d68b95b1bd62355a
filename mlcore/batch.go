package mlcore

import (
	"context"
	"runtime"
	"slices"
	"sync"

	"retrain"
)

// A batcher runs a network for many who ask at once. Who comes while there is a free run computes at once, in their own
// goroutine, as soon as those have asked too who are just about to: a run of a few rows costs hardly more than one of a single row.
// Nobody waits for company that is not there. Who comes while all runs are at work waits in line, and the run that ends next hands
// its place to the first in line, who takes along as many of the others as fit: the busier, the larger the batches. Answers are
// those of each row by itself, bit for bit, see rows.go.
type batcher struct {
	run    func(x []float32, rows int, y []float32) error // computes rows of in numbers into rows of out numbers
	in     int
	out    int
	atOnce int  // runs
	most   int  // rows of a run
	queue  int  // who may wait
	alone  bool // nobody is computed together with somebody else

	mu        sync.Mutex // guards the following three fields
	busy      int        // runs at work, or about to be
	line      []*asker   // who waits, first come first
	gathering bool       // somebody with a free run looks who else is there, and takes them along

	askers  sync.Pool // of *asker
	buffers sync.Pool // of *buffers
}

// An asker is a question in line: rows to answer, and where the answers go.
type asker struct {
	ctx   context.Context //nolint:containedctx // it is the caller's, who waits
	x, y  []float32
	rows  int
	taken bool          // somebody computes it; guarded by the batcher's mu
	batch []*asker      // whom to compute, when it is called to do so
	err   error         // how it went, when somebody else has computed it
	call  chan struct{} // tells that one of the two is there
}

// Buffers are what a run needs, kept for the next one.
type buffers struct{ x, y []float32 }

// answer computes y [rows, out] from x [rows, in], in parts where they are more than fit into one run. It returns an
// OverloadedError where too many wait, and the cause of ctx's end where that came before it was computed.
func (b *batcher) answer(ctx context.Context, x []float32, rows int, y []float32) error {
	for rows > 0 {
		n := min(rows, b.most)
		if err := b.part(ctx, x[:n*b.in], n, y[:n*b.out]); err != nil {
			return err
		}
		x, y, rows = x[n*b.in:], y[n*b.out:], rows-n
	}
	return nil
}

func (b *batcher) part(ctx context.Context, x []float32, rows int, y []float32) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	b.mu.Lock()
	if b.busy < b.atOnce && (!b.gathering || rows >= company) {
		b.busy++
		return b.gather(ctx, x, rows, y)
	}
	if len(b.line) >= b.queue {
		b.mu.Unlock()
		return retrain.Errorf(retrain.OverloadedError, "%d questions wait for this model already", b.queue).WithHint("ask less often, or start more prediction workers")
	}
	t := b.asker(ctx, x, rows, y)
	b.line = append(b.line, t)
	b.mu.Unlock()
	err := b.wait(t)
	b.forget(t)
	return err
}

func (b *batcher) asker(ctx context.Context, x []float32, rows int, y []float32) *asker {
	t, ok := b.askers.Get().(*asker)
	if !ok {
		t = &asker{call: make(chan struct{}, 1)}
	}
	t.ctx, t.x, t.y, t.rows = ctx, x, y, rows
	return t
}

func (b *batcher) forget(t *asker) {
	*t = asker{call: t.call, batch: t.batch[:0]}
	b.askers.Put(t)
}

// So many rows are worth a run of their own: a run costs about as much as forty more rows in it.
const company = 32

// gather computes rows, together with those who ask while every goroutine that can go on does so. b.mu is held, and a run is taken.
func (b *batcher) gather(ctx context.Context, x []float32, rows int, y []float32) error {
	defer b.next()
	if rows >= company || b.alone {
		b.mu.Unlock()
		return b.run(x, rows, y)
	}
	b.gathering = true
	b.mu.Unlock()
	runtime.Gosched()
	t := b.asker(ctx, x, rows, y)
	defer b.forget(t)
	b.mu.Lock()
	b.gathering = false
	t.batch = b.take(append(t.batch[:0], t), company)
	more := len(b.line) > 0 && b.busy < b.atOnce
	if more {
		b.busy++
	}
	b.mu.Unlock()
	if more {
		b.next()
	}
	return b.lead(t.batch)
}

// wait waits until t is answered, or called to answer itself and others. What is computed already is waited for, whatever the
// time.
func (b *batcher) wait(t *asker) error {
	select {
	case <-t.call:
	case <-t.ctx.Done():
		if b.leave(t) {
			return context.Cause(t.ctx)
		}
		<-t.call
	}
	if len(t.batch) == 0 {
		return t.err
	}
	defer b.next()
	return b.lead(t.batch)
}

// leave takes t out of the line, and reports false where somebody took it before.
func (b *batcher) leave(t *asker) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t.taken {
		return false
	}
	for i, other := range b.line {
		if other == t {
			b.line = append(b.line[:i], b.line[i+1:]...)
			break
		}
	}
	return true
}

// next hands a run that has ended to the first in line with whoever fits in beside them.
func (b *batcher) next() {
	b.mu.Lock()
	var first *asker
	if batch := b.take(nil, b.most); len(batch) > 0 {
		first = batch[0]
		first.batch = batch
	} else {
		b.busy--
	}
	b.mu.Unlock()
	if first != nil {
		first.call <- struct{}{}
	}
}

// take adds those to a batch who are first in line, as far as it has no more than most rows then. Whose time is over is not computed.
// b.mu is held.
func (b *batcher) take(batch []*asker, most int) []*asker {
	rows, seen := 0, 0
	for _, t := range batch {
		rows += t.rows
	}
	for _, t := range b.line {
		if rows+t.rows > most || b.alone && len(batch) > 0 {
			break
		}
		seen++
		if t.ctx.Err() == nil { // the others leave by themselves
			t.taken = true
			batch, rows = append(batch, t), rows+t.rows
		}
	}
	b.line = slices.Delete(b.line, 0, seen)
	return batch
}

// lead computes a batch and tells all but the first, who is the caller.
func (b *batcher) lead(batch []*asker) error {
	first := batch[0]
	if len(batch) == 1 {
		return b.run(first.x, first.rows, first.y)
	}
	rows := 0
	for _, t := range batch {
		rows += t.rows
	}
	buf, ok := b.buffers.Get().(*buffers)
	if !ok {
		buf = new(buffers)
	}
	defer b.buffers.Put(buf)
	buf.x, buf.y = resized(buf.x, rows*b.in), resized(buf.y, rows*b.out)
	x := buf.x
	for _, t := range batch {
		x = x[copy(x, t.x):]
	}
	err := b.run(buf.x, rows, buf.y)
	y := buf.y
	for _, t := range batch {
		y = y[copy(t.y, y):]
		if t != first {
			t.err = err
			t.call <- struct{}{}
		}
	}
	return err
}

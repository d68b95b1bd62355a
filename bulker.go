package retrain

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"log/slog"
	"time"
)

// A BulkStore is what asking needs of the bulks in S3.
type BulkStore interface {
	// PutQuestions stores a chunk's records, unless they are there.
	PutQuestions(ctx context.Context, c Chunk, records []Record) error
	// Answers returns what was answered, or a NotFoundError.
	Answers(ctx context.Context, c Chunk) ([]Answered, error)
	// Answered returns the numbers of the chunks that are answered.
	Answered(ctx context.Context, b Bulk) (map[int]bool, error)
}

// A ChunkState says what has become of a chunk's task.
type ChunkState string

// The states of a chunk's task.
const (
	ChunkWaits  ChunkState = "waits"  // for a worker
	ChunkFails  ChunkState = "fails"  // it went wrong, and waits to be tried again
	ChunkWorks  ChunkState = "works"  // at a worker that lives
	ChunkLost   ChunkState = "lost"   // at a worker that seems to be dead
	ChunkGone   ChunkState = "gone"   // done, or forgotten
	ChunkFailed ChunkState = "failed" // nobody tries it any more
)

// A ChunkQueue hands chunks to prediction workers.
type ChunkQueue interface {
	// EnqueueChunk puts an attempt at a chunk into the queue. The same attempt again changes nothing.
	EnqueueChunk(ctx context.Context, c Chunk, rows, attempt int) error
	// AwaitChunk returns the number of a chunk of the bulk that was just answered, or false when none was for a second or so.
	AwaitChunk(ctx context.Context, bulk string) (number int, ok bool, err error)
	// ChunkState returns what has become of an attempt, and with ChunkFails and ChunkFailed why.
	ChunkState(ctx context.Context, c Chunk, attempt int) (ChunkState, error)
}

// A Bulker asks bulks.
type Bulker struct {
	Store BulkStore
	Queue ChunkQueue
	Ahead int           // chunks on their way at once; 16
	Look  time.Duration // how long nothing may be heard of a chunk before its task is looked at; 2 s
	Now   func() time.Time
	Log   *slog.Logger
}

// Do asks for predictions of the records, which must be those of b, and gives each chunk's answers to take, in their order. At most
// Ahead chunks are held in memory. What was answered before, in another life, is not asked again.
func (k *Bulker) Do(ctx context.Context, b Bulk, records iter.Seq2[Record, error], take func([]Answered) error) error {
	answered, err := k.Store.Answered(ctx, b)
	if err != nil {
		return err
	}
	w := &window{Bulker: k, bulk: b, answered: answered, take: take}
	var chunk []Record
	n := 0
	for r, err := range records {
		if err != nil {
			return err
		}
		if chunk = append(chunk, r); len(chunk) == b.Rows {
			if err := w.push(ctx, n, chunk); err != nil {
				return err
			}
			chunk, n = nil, n+1
		}
	}
	if len(chunk) > 0 {
		if err := w.push(ctx, n, chunk); err != nil {
			return err
		}
	}
	for len(w.asked) > 0 {
		if err := w.pop(ctx); err != nil {
			return err
		}
	}
	if had := n*b.Rows + len(chunk); had != b.Records {
		return Errorf(DataValidationError, "there are %d records, and were %d when the bulk was begun", had, b.Records)
	}
	return nil
}

// A window is the chunks that are on their way.
type window struct {
	*Bulker

	bulk     Bulk
	answered map[int]bool // by chunk, as far as was heard
	asked    []asked      // in their order
	take     func([]Answered) error
	waited   int    // looks at chunks that nobody had taken
	why      string // the last chunk that went wrong did
}

// So many looks at chunks that nobody takes are worth a word.
const lonely = 5

// An asked is a chunk on its way.
type asked struct {
	Chunk

	records []Record // in case that it has to be asked again
	attempt int
	lost    int       // how often in a row its worker seemed to be dead
	seen    time.Time // when its task was looked at last
}

// push asks a chunk, when there is room for it.
func (w *window) push(ctx context.Context, number int, records []Record) error {
	for len(w.asked) >= cmp.Or(w.Ahead, 16) {
		if err := w.pop(ctx); err != nil {
			return err
		}
	}
	a := asked{Chunk: w.bulk.Chunk(number), records: records, seen: w.Now()}
	if !w.answered[number] {
		if err := w.ask(ctx, &a); err != nil {
			return err
		}
	}
	w.asked = append(w.asked, a)
	return nil
}

func (w *window) ask(ctx context.Context, a *asked) error {
	if err := w.Store.PutQuestions(ctx, a.Chunk, a.records); err != nil {
		return err
	}
	return w.Queue.EnqueueChunk(ctx, a.Chunk, w.bulk.Rows, a.attempt)
}

// pop waits for the first chunk's answers and gives them away.
func (w *window) pop(ctx context.Context) error {
	first := &w.asked[0]
	for {
		if w.answered[first.Number] || w.Now().Sub(first.seen) >= cmp.Or(w.Look, 2*time.Second) {
			delete(w.answered, first.Number)
			answers, err := w.Store.Answers(ctx, first.Chunk)
			if err == nil {
				w.asked = w.asked[1:]
				return w.take(answers)
			}
			if !errors.Is(err, NotFoundError) {
				return err
			}
			if err := w.look(ctx, first); err != nil {
				return err
			}
		}
		number, ok, err := w.Queue.AwaitChunk(ctx, w.bulk.ID)
		if err != nil {
			return err
		}
		if ok {
			w.answered[number] = true
		}
	}
}

// look sees to it that somebody cares for a chunk of which nothing was heard.
func (w *window) look(ctx context.Context, a *asked) error {
	a.seen = w.Now()
	state, err := w.Queue.ChunkState(ctx, a.Chunk, a.attempt)
	if state == ChunkFails {
		if why := err.Error(); why != w.why {
			w.why = why
			w.Log.WarnContext(ctx, "a chunk is tried again", "chunk", a.String(), "why", why)
		}
		return nil
	}
	if err != nil {
		return err
	}
	if state != ChunkLost {
		a.lost = 0
	}
	switch state {
	case ChunkWaits:
		if w.waited++; w.waited == lonely {
			w.Log.WarnContext(ctx, "no prediction worker has taken a chunk for a while: is one running?", "chunk", a.String())
		}
		return nil
	case ChunkLost: // perhaps its worker has only just begun
		if a.lost++; a.lost < 2 {
			return nil
		}
		w.Log.WarnContext(ctx, "the worker of a chunk is gone: it is asked again", "chunk", a.String())
		a.attempt, a.lost = a.attempt+1, 0
		return w.ask(ctx, a)
	case ChunkGone:
		if _, err := w.Store.Answers(ctx, a.Chunk); !errors.Is(err, NotFoundError) {
			w.answered[a.Number] = true
			return err
		}
		return w.ask(ctx, a)
	}
	return nil
}

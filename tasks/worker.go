package tasks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/hibiken/asynq"

	"retrain"
)

// A Worker serves the queues for which it has a function. Start it once, and Shutdown it before the program ends.
type Worker struct {
	Conn    *Conn
	Train   func(ctx context.Context, id retrain.RunID) error // retrain.Training.Do; nil: it trains nothing
	Cancel  func(ctx context.Context, id retrain.RunID) error // ends a run whose task is cancelled in asynq's pages; nil: it is tried again
	Predict Predict                                           // retrain.Live.Ask; nil: it predicts nothing
	Chunk   Chunk                                             // retrain.Chunks.Do; nil: it answers no chunks of bulks
	Lanes   []string                                          // of the models that it trains, as retrain.Model.Lane names them; nil: all
	Slots   int                                               // trainings at once, one per device; 1
	Answers int                                               // predictions at once; 8
	Grace   time.Duration                                     // how long a Shutdown waits for trainings to stop; 4 s
	Ended   func(kind string, took time.Duration, err error)  // is told of each task that a handler ended, of the kind unknown where it is none of ours; nil: nobody is
	Tracer  retrain.Tracer                                    // nil: nothing is followed
	Log     *slog.Logger

	slots   chan struct{}   // as many as trainings may run at once
	closing context.Context //nolint:containedctx // the life of the worker: close ends it
	close   context.CancelFunc
	servers []*asynq.Server
	hears   sync.WaitGroup

	mu sync.Mutex          // guards the following
	at map[string]struct{} // ids of the tasks that train here
}

// Start begins to serve and returns. It returns an UnavailableError where Redis does not answer, and a ModelConfigError for
// a lane that does not exist.
func (w *Worker) Start(ctx context.Context) error {
	if err := w.Conn.Ping(ctx); err != nil {
		return err
	}
	w.closing, w.close = context.WithCancel(context.WithoutCancel(ctx))
	w.slots = make(chan struct{}, cmp.Or(w.Slots, 1))
	if w.Train != nil {
		queues, err := w.trainQueues()
		if err != nil {
			return err
		}
		if err := w.serve(typeTrain, w.train, cap(w.slots), trainLook, queues); err != nil {
			return err
		}
	}
	if w.Chunk != nil {
		if err := w.serve(typeChunk, w.chunk, chunksAtOnce, trainLook, map[string]int{chunkQueue: 1}); err != nil {
			return err
		}
	}
	if w.Train != nil && w.Cancel != nil {
		w.hears.Go(w.pressed)
	}
	if w.Predict != nil {
		return w.serve(typePredict, w.answer, cmp.Or(w.Answers, 8), predictLook, map[string]int{predictQueue: 1})
	}
	return nil
}

// trainQueues returns the queues of the worker's lanes, and how often each is looked at first.
func (w *Worker) trainQueues() (map[string]int, error) {
	queues := make(map[string]int, len(lanes))
	for lane, weight := range lanes {
		if w.Lanes == nil || slices.Contains(w.Lanes, lane) {
			queues[trainQueue(lane)] = weight
		}
	}
	for _, lane := range w.Lanes {
		if lanes[lane] == 0 {
			return nil, retrain.Errorf(retrain.ModelConfigError, "there is no lane %q", lane)
		}
	}
	return queues, nil
}

// Shutdown asks what is at work to stop and waits until it has handed its tasks back, a moment longer than Grace at most:
// while Redis does not answer nothing can be handed back, and others notice anyhow that the leases end.
func (w *Worker) Shutdown() {
	if w.close == nil {
		return
	}
	w.close()
	var all sync.WaitGroup
	for _, s := range w.servers {
		all.Go(s.Shutdown)
	}
	all.Go(w.hears.Wait)
	w.servers = nil
	done := make(chan struct{})
	go func() {
		defer close(done)
		all.Wait()
	}()
	select {
	case <-done:
	case <-time.After(w.grace() + 500*time.Millisecond):
		w.Log.Warn("shut down without waiting any longer for what is at work, or for Redis")
	}
}

func (w *Worker) grace() time.Duration { return cmp.Or(w.Grace, 4*time.Second) }

// How often idle queues are looked at.
const (
	trainLook   = 100 * time.Millisecond
	predictLook = 20 * time.Millisecond // somebody waits for the answer
)

// How much longer it is between two looks at a queue to which nothing came for a while. Who asks first after that waits that long.
var rests = map[string]time.Duration{typePredict: 200 * time.Millisecond, typeChunk: 500 * time.Millisecond}

// serve starts a server of its own for one type of task: asynq limits what runs at once per server, not per queue. It has
// connections of its own as well: one that could not be shut down in time would panic when ours are closed.
func (w *Worker) serve(kind string, handle asynq.HandlerFunc, atOnce int, look time.Duration, queues map[string]int) error {
	server := asynq.NewServer(resting{w.Conn, rests[kind]}, asynq.Config{
		Concurrency:              atOnce,
		Queues:                   queues,
		TaskCheckInterval:        look,
		DelayedTaskCheckInterval: time.Second,
		RetryDelayFunc:           retryDelay,
		IsFailure:                IsFailure,
		ShutdownTimeout:          w.grace(),
		Logger:                   asynqLog{w.Log},
		LogLevel:                 asynq.InfoLevel,
	})
	mux := asynq.NewServeMux()
	mux.Use(w.traced, w.logged, decided)
	mux.HandleFunc(kind, handle)
	if err := server.Start(mux); err != nil {
		return fmt.Errorf("serve %s: %w", kind, err)
	}
	w.servers = append(w.servers, server)
	return nil
}

// train serves a run. It waits for a slot of its own: asynq gives its place to the next task when a handler outlives its
// time, while the training still occupies the device.
func (w *Worker) train(ctx context.Context, t *asynq.Task) error {
	id, err := decodeTrain(t.Payload())
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUndecodable, err)
	}
	if task, ok := asynq.GetTaskID(ctx); ok {
		w.comes(task)
		defer w.goes(task)
	}
	ctx, cancel := w.untilShutdown(ctx)
	defer cancel()
	select {
	case w.slots <- struct{}{}:
		defer func() { <-w.slots }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return w.Train(ctx, id)
}

func (w *Worker) comes(task string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.at == nil {
		w.at = make(map[string]struct{})
	}
	w.at[task] = struct{}{}
}

func (w *Worker) goes(task string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.at, task)
}

// here reports whether a task trains here.
func (w *Worker) here(task string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, is := w.at[task]
	return is
}

// untilShutdown returns a context that ends when the worker is shut down. asynq's own must not: it would hand the task to
// others at once, while this worker still has the run's lease.
func (w *Worker) untilShutdown(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	closed := context.AfterFunc(w.closing, func() { cancel(errShutdown) })
	return ctx, func() {
		closed()
		cancel(nil)
	}
}

// errShutdown is why a training stops that did nothing wrong.
var errShutdown = fmt.Errorf("the worker shuts down: %w", context.Canceled)

// ErrUndecodable is the error of a task that nobody can understand.
var ErrUndecodable = errors.New("undecodable payload")

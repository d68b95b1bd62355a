package tasks_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"retrain"
	"retrain/tasks"
)

// work starts a worker that is shut down at the test's end.
func work(t *testing.T, w *tasks.Worker) *tasks.Worker {
	t.Helper()
	if w.Log == nil {
		w.Log = quiet
	}
	must(t, w.Start(t.Context()))
	t.Cleanup(w.Shutdown)
	return w
}

func enqueue(t *testing.T, c *tasks.Conn, n, attempt int) {
	t.Helper()
	q := &tasks.Queue{Conn: c}
	must(t, q.Enqueue(t.Context(), run7(n), attempt, "default", retrain.ByHand))
}

func depth(t *testing.T, c *tasks.Conn, queue string) tasks.QueueDepth {
	t.Helper()
	depths, err := c.Depths(t.Context())
	must(t, err)
	i := slices.IndexFunc(depths, func(d tasks.QueueDepth) bool { return d.Queue == queue })
	return depths[i]
}

func TestAWorkerTrainsWhatIsEnqueued(t *testing.T) {
	c := connect(t)
	served := make(chan retrain.RunID, 10)
	work(t, &tasks.Worker{Conn: c, Train: func(_ context.Context, id retrain.RunID) error {
		served <- id
		return nil
	}})
	began := time.Now()
	enqueue(t, c, 1, 0)
	if got, want := <-served, run7(1); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("it waited %v in an idle queue", took)
	}
	eventually(t, "the task has ended", func() bool { return depth(t, c, "train-default").Completed == 1 })
}

// Whatever is in the queue, what is told of has one of a few kinds.
func TestKindsThatAreToldOfAreFew(t *testing.T) {
	c := connect(t)
	ended := make(chan string, 10)
	work(t, &tasks.Worker{Conn: c, Train: func(context.Context, retrain.RunID) error { return nil },
		Ended: func(kind string, _ time.Duration, _ error) { ended <- kind }})
	raw := asynq.NewClientFromRedisClient(c.Redis)
	for _, kind := range []string{"nonsense-1", "nonsense-2", "train:3", "trains"} {
		_, err := raw.EnqueueContext(t.Context(), asynq.NewTask(kind, []byte("?")), asynq.Queue("train-default"))
		must(t, err)
		if got := <-ended; got != "unknown" {
			t.Errorf("%s: got %q", kind, got)
		}
	}
	enqueue(t, c, 1, 0)
	if got := <-ended; got != "train" {
		t.Errorf("got %q", got)
	}
}

func TestWhatFailsIsTriedAgainSoon(t *testing.T) {
	t.Parallel()
	c := connect(t)
	var tries atomic.Int32
	done := make(chan bool)
	work(t, &tasks.Worker{Conn: c, Train: func(context.Context, retrain.RunID) error {
		switch tries.Add(1) {
		case 1:
			return retrain.Errorf(retrain.UnavailableError, "S3 is away")
		case 2:
			panic("a moment's weakness")
		}
		close(done)
		return nil
	}})
	enqueue(t, c, 1, 0)
	eventually(t, "the first attempt has failed", func() bool { return depth(t, c, "train-default").Retry == 1 })
	if q := (&tasks.Queue{Conn: c}); !waiting(t, q, 0) {
		t.Error("it waits to be tried again, but that is not seen")
	}
	<-done
}

func TestATrainingPerSlot(t *testing.T) {
	c := connect(t)
	var mu sync.Mutex // guards the following two
	at, most := 0, 0
	go1 := make(chan struct{})
	work(t, &tasks.Worker{Conn: c, Slots: 2, Train: func(context.Context, retrain.RunID) error {
		mu.Lock()
		at++
		most = max(most, at)
		mu.Unlock()
		<-go1
		mu.Lock()
		at--
		mu.Unlock()
		return nil
	}})
	for n := range 6 {
		enqueue(t, c, n+1, 0)
	}
	eventually(t, "two are at work", func() bool { mu.Lock(); defer mu.Unlock(); return at == 2 })
	close(go1)
	eventually(t, "all have ended", func() bool { return depth(t, c, "train-default").Completed == 6 })
	if most != 2 {
		t.Errorf("%d at once, want 2", most)
	}
}

func TestShutdownHandsTheTrainingOn(t *testing.T) {
	c := connect(t)
	leases := &tasks.Leases{Conn: c}
	at := make(chan string, 10)
	train := func(name string) func(ctx context.Context, id retrain.RunID) error {
		return func(ctx context.Context, id retrain.RunID) error {
			held, release, err := leases.Acquire(ctx, id)
			if err != nil {
				return err
			}
			defer release()
			at <- name
			if name == "second" {
				return nil
			}
			<-held.Done()
			return context.Cause(held)
		}
	}
	first := work(t, &tasks.Worker{Conn: c, Train: train("first")})
	enqueue(t, c, 1, 0)
	<-at
	began := time.Now()
	first.Shutdown()
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("the shutdown took %v", took)
	}
	if isHeld(t, leases) {
		t.Error("the lease is still held")
	}
	work(t, &tasks.Worker{Conn: c, Train: train("second")})
	if got := <-at; got != "second" {
		t.Errorf("served by the %s", got)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it went on after %v", took)
	}
	info, err := asynq.NewInspectorFromRedisClient(c.Redis).GetTaskInfo("train-default", "price-1.0")
	must(t, err)
	if info.Retried != 0 {
		t.Errorf("it cost %d retries", info.Retried)
	}
}

func TestWhatNoRetryMendsIsArchived(t *testing.T) {
	c := connect(t)
	work(t, &tasks.Worker{Conn: c, Train: func(context.Context, retrain.RunID) error { return nil }})
	client := asynq.NewClientFromRedisClient(c.Redis)
	for _, task := range []*asynq.Task{
		asynq.NewTask("train", []byte(`{"run":`)),
		asynq.NewTask("train", []byte(`{"run":"no run"}`)),
		asynq.NewTask("unheard of", nil),
	} {
		_, err := client.Enqueue(task, asynq.Queue("train-default"))
		must(t, err)
	}
	enqueue(t, c, 1, 0)
	eventually(t, "three are archived, and the good one was served", func() bool {
		d := depth(t, c, "train-default")
		return d.Archived == 3 && d.Completed == 1
	})
}

// Whatever lies in asynq's keys, the good task behind it is served, and what is bad is seen.
func TestPoisonNeitherBlocksNorCrashes(t *testing.T) {
	c := connect(t)
	const key = "asynq:{train-default}:"
	r, ctx := c.Redis, t.Context()
	enqueue(t, c, 1, 0) // enters the queue into asynq's list
	must(t, r.HSet(ctx, key+"t:junk", "msg", "\x00no message", "state", "pending").Err())
	must(t, r.LPush(ctx, key+"pending", "junk", "without a message").Err())
	must(t, r.HSet(ctx, key+"t:orphan", "msg", "\xffno message", "state", "active").Err())
	must(t, r.LPush(ctx, key+"active", "orphan", "orphan without a message").Err())
	must(t, r.ZAdd(ctx, key+"lease", redis.Z{Score: 1, Member: "leased long ago"}).Err())
	must(t, r.ZAdd(ctx, key+"retry", redis.Z{Score: 1, Member: "tried again"}).Err())
	served := make(chan retrain.RunID, 10)
	work(t, &tasks.Worker{Conn: c, Train: func(_ context.Context, id retrain.RunID) error {
		served <- id
		return nil
	}})
	<-served
	enqueue(t, c, 2, 0)
	<-served
	eventually(t, "both have ended", func() bool { return depth(t, c, "train-default").Completed == 2 })
	d := depth(t, c, "train-default")
	t.Logf("%+v", d)
	if d.Orphans < 2 {
		t.Errorf("seen are %+v, want at least two orphans", d)
	}
}

// asynq gives a place to the next task when a handler does not end with its context.
func TestASlotIsTakenUntilTheTrainingHasReallyEnded(t *testing.T) {
	c := connect(t)
	began, end := make(chan int, 10), make(chan struct{})
	work(t, &tasks.Worker{Conn: c, Train: func(_ context.Context, id retrain.RunID) error {
		began <- id.Number
		<-end
		return nil
	}})
	enqueue(t, c, 1, 0)
	<-began
	inspector := asynq.NewInspectorFromRedisClient(c.Redis)
	eventually(t, "asynq has given it up", func() bool {
		must(t, inspector.CancelProcessing("price-1.0"))
		return depth(t, c, "train-default").Retry == 1
	})
	enqueue(t, c, 2, 0)
	eventually(t, "asynq has begun the next", func() bool { return depth(t, c, "train-default").Active == 1 })
	select {
	case n := <-began:
		t.Errorf("run %d was begun beside the first", n)
	case <-time.After(200 * time.Millisecond):
	}
	close(end)
	<-began
}

func TestEachTaskIsLoggedOnce(t *testing.T) {
	c := connect(t)
	var text lines
	work(t, &tasks.Worker{Conn: c, Log: slog.New(slog.NewTextHandler(&text, nil)), Train: func(_ context.Context, id retrain.RunID) error {
		if id.Number == 2 {
			return retrain.Errorf(retrain.UnavailableError, "S3 is away")
		}
		return nil
	}})
	enqueue(t, c, 1, 0)
	enqueue(t, c, 2, 0)
	eventually(t, "both are logged", func() bool { return len(text.with("msg=task")) >= 2 })
	for _, want := range []struct{ id, level, also string }{
		{"price-1.0", "level=INFO", "reason=manual"},
		{"price-2.0", "level=WARN", "S3 is away"},
	} {
		got := text.with(want.id)
		if len(got) != 1 || !strings.Contains(got[0], want.level) || !strings.Contains(got[0], want.also) {
			t.Errorf("of %s: %q", want.id, got)
		}
	}
}

// lines collects what is logged.
type lines struct {
	mu  sync.Mutex // guards all
	all []string
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, string(b))
	return len(b), nil
}

func (l *lines) with(part string) (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.all {
		if strings.Contains(line, part) {
			found = append(found, line)
		}
	}
	return found
}

func TestAWorkerIsSeenWhileItServes(t *testing.T) {
	c := connect(t)
	w := work(t, &tasks.Worker{Conn: c, Train: func(context.Context, retrain.RunID) error { return nil }, Slots: 3})
	eventually(t, "it is listed", func() bool {
		servers, err := c.Servers(t.Context())
		must(t, err)
		return len(servers) == 1 && servers[0].AtOnce == 3 && strings.Contains(strings.Join(servers[0].Queues, " "), "train-critical train-default train-gpu-critical")
	})
	w.Shutdown()
	if servers, err := c.Servers(t.Context()); err != nil || len(servers) != 0 {
		t.Errorf("after its shutdown: %v, %v", servers, err)
	}
}

func TestAWorkerNeedsRedisToStart(t *testing.T) {
	w := &tasks.Worker{Conn: open(t, tasks.Config{Addr: "127.0.0.1:1"}), Log: quiet}
	if err := w.Start(t.Context()); !errors.Is(err, retrain.UnavailableError) {
		t.Errorf("got %v, want an UnavailableError", err)
	}
	w.Shutdown()
}

func TestAWorkerGoesOnAfterARestartOfRedis(t *testing.T) {
	s := own(t)
	c := open(t, tasks.Config{Addr: s.addr})
	served := make(chan retrain.RunID, 10)
	work(t, &tasks.Worker{Conn: c, Train: func(_ context.Context, id retrain.RunID) error {
		served <- id
		return nil
	}})
	enqueue(t, c, 1, 0)
	<-served
	s.restart(t)
	enqueue(t, c, 2, 0)
	if got, want := <-served, run7(2); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestShutdownIsQuickWhenRedisIsAway(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]func(s *server){
		"dead":  (*server).kill,
		"stuck": func(s *server) { s.cmd.Process.Signal(syscall.SIGSTOP) },
	} {
		t.Run(name, func(t *testing.T) {
			s := own(t)
			w := work(t, &tasks.Worker{Conn: open(t, tasks.Config{Addr: s.addr}), Train: func(context.Context, retrain.RunID) error { return nil }})
			away(s)
			began := time.Now()
			w.Shutdown()
			t.Logf("took %v", time.Since(began))
			if took := time.Since(began); took > 6*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

package sim

import (
	"context"
	"errors"
	"iter"
	"time"

	"retrain"
	"retrain/s3io"
	"retrain/tasks/taskstest"
)

// A node is one life of a process.
type node struct {
	*world
	name   string
	ctx    context.Context //nolint:containedctx // it is the life of the process
	cancel context.CancelFunc
	dead   bool
	asleep time.Time            // it stands still until then
	cut    map[string]time.Time // it does not reach a server until then
	skew   time.Duration        // how far its clock is off

	bucket  s3io.Bucket
	catalog *retrain.Catalog
	ledger  *taskstest.Ledger
	queue   *taskstest.Queue
	leases  *taskstest.Leases
	stream  *taskstest.Stream
	runs    *s3io.Runs
	records *s3io.Records
	shelf   *s3io.Registry
}

var (
	errDied = errors.New("the process died")
	errLost = retrain.Errorf(retrain.UnavailableError, "the connection broke")
)

// What is compacted soon is deleted late: as in life, where a grace of an hour is far more than anybody's clock is off, or a call takes. Nothing
// is compressed, since the decoders of packages last longer than a story.
var tuning = s3io.Tuning{Objects: 4, Age: 10 * time.Second, Grace: 40 * time.Second, Packs: time.Minute, Plain: true}

func (w *world) node(name string) *node {
	n := &node{world: w, name: name, cut: make(map[string]time.Time)}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.bucket = &wire{n}
	n.catalog = &retrain.Catalog{Store: &s3io.Specs{Bucket: w.vault.Memory}, MaxAge: 2 * time.Second, Now: time.Now}
	n.ledger = &taskstest.Ledger{Server: w.redis, Do: n.toRedis, Now: time.Now}
	n.queue, n.leases = &taskstest.Queue{Server: w.redis, Do: n.toRedis}, &taskstest.Leases{Server: w.redis, Do: n.toRedis}
	n.stream = &taskstest.Stream{Server: w.redis, Do: n.toRedis}
	n.runs, n.shelf = &s3io.Runs{Bucket: n.bucket}, &s3io.Registry{Bucket: n.bucket}
	n.records = &s3io.Records{Bucket: n.bucket, Tuning: tuning, Pinned: func(ctx context.Context, resource string) (int, error) {
		return retrain.OldestRead(ctx, n.runs, models(), resource)
	}}
	return n
}

// now is what the process takes for the time.
func (n *node) now() time.Time { return time.Now().Add(n.skew) }

func (n *node) toRedis(what string, do func() error) error { return n.do("redis", what, do) }

// do does a call as the schedule says.
func (n *node) do(server, what string, do func() error) error {
	switch n.park(&call{node: n, server: server, what: what}) {
	case diesWithout:
		return errDied
	case failsBefore:
		return errLost
	case failsAfter:
		_ = do() // nobody will know
		return errLost
	case comesTwice:
		_ = do()
	case happens:
	}
	return do()
}

// A wire is a process's connection to the bucket.
type wire struct{ *node }

func (w *wire) Get(ctx context.Context, key string) (body []byte, e s3io.ETag, err error) {
	err = w.do("s3", "get "+key, func() (err error) {
		body, e, err = w.vault.Get(ctx, key)
		return err
	})
	return body, e, err
}

func (w *wire) GetChanged(ctx context.Context, key string, was s3io.ETag) (body []byte, e s3io.ETag, err error) {
	err = w.do("s3", "get "+key, func() (err error) {
		body, e, err = w.vault.GetChanged(ctx, key, was)
		return err
	})
	return body, e, err
}

func (w *wire) GetObject(ctx context.Context, key string) (o s3io.Object, err error) {
	err = w.do("s3", "get "+key, func() (err error) {
		o, err = w.vault.GetObject(ctx, key)
		return err
	})
	return o, err
}

func (w *wire) GetRange(ctx context.Context, key string, offset, n int64) (body []byte, e s3io.ETag, err error) {
	err = w.do("s3", "get "+key, func() (err error) {
		body, e, err = w.vault.GetRange(ctx, key, offset, n)
		return err
	})
	return body, e, err
}

func (w *wire) Put(ctx context.Context, key string, body []byte, cond s3io.Cond) (e s3io.ETag, err error) {
	err = w.do("s3", "put "+key, func() (err error) {
		e, err = w.vault.put(ctx, w.node, key, body, cond)
		return err
	})
	return e, err
}

func (w *wire) Delete(ctx context.Context, key string) error {
	return w.do("s3", "delete "+key, func() error { return w.vault.remove(ctx, key) })
}

func (w *wire) List(ctx context.Context, l s3io.Listing) iter.Seq2[s3io.ObjectInfo, error] {
	return func(yield func(s3io.ObjectInfo, error) bool) {
		var found []s3io.ObjectInfo
		err := w.do("s3", "list "+l.Prefix, func() error {
			found = nil
			for o, err := range w.vault.List(ctx, l) {
				if err != nil {
					return err
				}
				found = append(found, o)
			}
			return nil
		})
		if err != nil {
			yield(s3io.ObjectInfo{}, err)
			return
		}
		for _, o := range found {
			if !yield(o, nil) {
				return
			}
		}
	}
}

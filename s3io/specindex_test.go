package s3io_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"retrain"
	"retrain/s3io"
)

const together = "resources/.specs.json"

// tally counts what a bucket is asked, and the bytes that come.
type tally struct {
	s3io.Bucket

	gets, lists, bytes atomic.Int64
}

func (c *tally) got(body []byte, e s3io.ETag, err error) ([]byte, s3io.ETag, error) {
	c.gets.Add(1)
	c.bytes.Add(int64(len(body)))
	return body, e, err
}

func (c *tally) Get(ctx context.Context, key string) ([]byte, s3io.ETag, error) {
	return c.got(c.Bucket.Get(ctx, key))
}

func (c *tally) GetChanged(ctx context.Context, key string, was s3io.ETag) ([]byte, s3io.ETag, error) {
	return c.got(c.Bucket.GetChanged(ctx, key, was))
}

func (c *tally) List(ctx context.Context, l s3io.Listing) iter.Seq2[s3io.ObjectInfo, error] {
	c.lists.Add(1)
	return c.Bucket.List(ctx, l)
}

// reset returns what was counted, and begins anew.
func (c *tally) reset() (gets, lists, bytes int64) {
	return c.gets.Swap(0), c.lists.Swap(0), c.bytes.Swap(0)
}

func many(n int) (specs retrain.Specs) {
	specs.Resources = []retrain.Resource{products}
	for i := range n {
		specs.Models = append(specs.Models, &retrain.Model{Name: fmt.Sprintf("m%05d", i), Type: retrain.Regression, Resource: "products",
			Features: []string{"cost", "demand"}, Target: retrain.Names{"price"}, Filter: "price > 0 && price < 10000", AutoTrain: true, TrainAfterInserts: 100})
	}
	return specs
}

func mustApply(t *testing.T, s *s3io.Specs, specs retrain.Specs) {
	t.Helper()
	if _, _, err := s.Apply(t.Context(), specs); err != nil {
		t.Fatal(err)
	}
}

func mustGather(t *testing.T, s *s3io.Specs) {
	t.Helper()
	if err := s.Gather(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func mustSpecs(t *testing.T, s *s3io.Specs) retrain.Specs {
	t.Helper()
	specs, err := s.Specs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return specs
}

func putSpec(t *testing.T, b s3io.Bucket, folder, body string) {
	t.Helper()
	if _, err := b.Put(t.Context(), folder+"/spec.json", []byte(body), s3io.Always); err != nil {
		t.Fatal(err)
	}
}

// alone reads the specs one by one, as whoever knows of no index.
func alone(b s3io.Bucket) *s3io.Specs {
	return &s3io.Specs{Bucket: &s3io.Faulty{Bucket: b, Before: func(_ s3io.Op, key string) error {
		if key == together {
			return retrain.NotFoundError
		}
		return nil
	}}}
}

func truth(t *testing.T, b s3io.Bucket) retrain.Specs {
	t.Helper()
	return mustSpecs(t, alone(b))
}

// Looking at all models costs two requests, and no bytes as long as nothing has changed.
func TestALookCostsTwoRequestsHoweverManyModels(t *testing.T) {
	c := &tally{Bucket: new(s3io.Memory)}
	s := &s3io.Specs{Bucket: c}
	specs := many(1000)
	mustApply(t, s, specs)

	c.reset()
	began := time.Now()
	one := truth(t, c)
	gets, lists, bytes := c.reset()
	t.Logf("one by one: %d GET, %d LIST, %d bytes, %v", gets, lists, bytes, time.Since(began))

	reader := &s3io.Specs{Bucket: c}
	for _, first := range []bool{true, false} {
		began = time.Now()
		got := mustSpecs(t, reader)
		took := time.Since(began)
		gets, lists, bytes = c.reset()
		t.Logf("together: %d GET, %d LIST, %d bytes, %v", gets, lists, bytes, took)
		if gets != 2 || lists != 0 || (bytes > 0) != first {
			t.Errorf("%d GET, %d LIST, %d bytes, want 2, 0, and bytes the first time alone", gets, lists, bytes)
		}
		if !reflect.DeepEqual(got, one) || !reflect.DeepEqual(got, specs) {
			t.Error("what is read together differs from what is read one by one")
		}
	}
	mustGather(t, reader)
	c.reset()
	mustGather(t, reader)
	if gets, lists, _ = c.reset(); gets > 210 || lists != 2 {
		t.Errorf("gathering again: %d GET, %d LIST, want about 200 and 2", gets, lists)
	}
}

// A bucket of before the index is read as it is, and becomes one with an index by whoever may write.
func TestSpecsWithoutAnIndex(t *testing.T) {
	b := new(s3io.Memory)
	putSpec(t, b, "models/price", `{"name": "price", "resource": "products", "filter": "a > 0 && b < 1"}`)
	putSpec(t, b, "resources/products", `{"name": "products"}`)
	s := &s3io.Specs{Bucket: b}
	want := mustSpecs(t, s)
	if len(want.Models) != 1 || len(want.Resources) != 1 || want.Models[0].Filter != "a > 0 && b < 1" {
		t.Fatalf("got %+v", want)
	}
	if _, _, err := b.Get(t.Context(), together); !errors.Is(err, retrain.NotFoundError) {
		t.Errorf("reading has written: %v", err)
	}
	mustGather(t, s)
	_, e, err := b.Get(t.Context(), together)
	if err != nil {
		t.Fatal(err)
	}
	mustGather(t, s)
	if _, again, err := b.Get(t.Context(), together); again != e || err != nil {
		t.Errorf("nothing has changed, and the index has: %v", err)
	}
	if got := mustSpecs(t, s); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// Programs that know of no index add, change and remove specs: it is found out, at once where they are new.
func TestWhatOthersWriteIsGathered(t *testing.T) {
	b := new(s3io.Memory)
	s := &s3io.Specs{Bucket: b}
	mustApply(t, s, many(450))
	mustGather(t, s)

	putSpec(t, b, "models/new", `{"name": "new"}`)
	putSpec(t, b, "models/m00003", `{"name": "m00003", "disposed": "2026-11-23T12:00:00Z"}`)
	if err := b.Delete(t.Context(), "models/m00400/spec.json"); err != nil {
		t.Fatal(err)
	}
	mustGather(t, s)
	if got := mustSpecs(t, s); got.Models[len(got.Models)-1].Name != "new" {
		t.Errorf("the last model is %s", got.Models[len(got.Models)-1].Name)
	}
	for range 3 { // of 452, 200 each time
		mustGather(t, s)
	}
	if got := mustSpecs(t, s); len(got.Models) != 449 || !reflect.DeepEqual(got.Disposed, []string{"m00003"}) {
		t.Errorf("%d models, disposed %v", len(got.Models), got.Disposed)
	}
	if another := (&s3io.Specs{Bucket: b}); !reflect.DeepEqual(mustSpecs(t, another), truth(t, b)) {
		t.Error("the index differs from the specs")
	}
}

func TestManyWritersOfSpecs(t *testing.T) {
	b := new(s3io.Memory)
	var all sync.WaitGroup
	for i := range 24 {
		all.Go(func() {
			s := &s3io.Specs{Bucket: b}
			specs := retrain.Specs{Resources: []retrain.Resource{products}, Models: []*retrain.Model{
				{Name: "shared", Resource: "products", Seed: uint64(i)}, {Name: fmt.Sprint("own", i), Resource: "products"}}}
			if _, _, err := s.Apply(t.Context(), specs); err != nil {
				t.Error(err)
			}
			if i%3 == 0 {
				if err := s.Dispose(t.Context(), fmt.Sprint("own", i), time.Now()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	got := mustSpecs(t, &s3io.Specs{Bucket: b})
	if !reflect.DeepEqual(got, truth(t, b)) || len(got.Models) != 17 || len(got.Disposed) != 8 {
		t.Errorf("%d models, %d disposed; or the index differs from the specs", len(got.Models), len(got.Disposed))
	}
}

// Whoever dies at whatever call of an apply: the next one mends it.
func TestADeathWhileApplying(t *testing.T) {
	broken := errors.New("died")
	for at := range 40 {
		for _, after := range []bool{false, true} {
			memory := new(s3io.Memory)
			mustApply(t, &s3io.Specs{Bucket: memory}, many(2))
			calls := 0
			var mu sync.Mutex
			die := func(s3io.Op, string) error {
				mu.Lock()
				defer mu.Unlock()
				if calls++; calls > at {
					return broken
				}
				return nil
			}
			faulty := &s3io.Faulty{Bucket: memory, Before: die}
			if after {
				faulty.Before, faulty.After = nil, die
			}
			specs := many(3)
			specs.Models[0].Seed = 7
			_, _, err := (&s3io.Specs{Bucket: faulty}).Apply(t.Context(), specs)
			mustApply(t, &s3io.Specs{Bucket: memory}, specs)
			if got := mustSpecs(t, &s3io.Specs{Bucket: memory}); !reflect.DeepEqual(got, specs) {
				t.Errorf("after a death at call %d (%v): %+v", at, err, got)
			}
		}
	}
}

// An index of a newer program is left to it; the specs are read one by one then.
func TestAnIndexOfALaterFormat(t *testing.T) {
	s := &s3io.Specs{Bucket: new(s3io.Memory)}
	mustApply(t, s, many(2))
	later := `{"format": 2, "specs": ["otherwise"]}`
	if _, err := s.Bucket.Put(t.Context(), together, []byte(later), s3io.Always); err != nil {
		t.Fatal(err)
	}
	mustApply(t, s, many(3))
	mustGather(t, s)
	if got := mustSpecs(t, s); !reflect.DeepEqual(got, many(3)) {
		t.Errorf("got %+v", got)
	}
	if body, _, err := s.Bucket.Get(t.Context(), together); string(body) != later || err != nil {
		t.Errorf("it was overwritten: %s, %v", body, err)
	}
}

// Something that is no spec is said, and does not keep the others from changing.
func TestABrokenSpec(t *testing.T) {
	s := &s3io.Specs{Bucket: new(s3io.Memory)}
	mustApply(t, s, many(2))
	putSpec(t, s.Bucket, "models/m00000", `{"name": 5`)
	putSpec(t, s.Bucket, "models/another", `{"name": "another"}`)
	if err := s.Gather(t.Context()); !errors.Is(err, retrain.DataValidationError) || !strings.Contains(err.Error(), "models/m00000/spec.json") {
		t.Errorf("got %v, want a DataValidationError that names the object", err)
	}
	if got := mustSpecs(t, s); len(got.Models) != 3 || got.Models[1].Name != "m00000" {
		t.Errorf("got %+v", got.Models)
	}
}

// What a look at ten thousand models costs on a real server: one by one, the first time together, and again.
func BenchmarkALookAtTenThousandModels(b *testing.B) {
	c := &tally{Bucket: open(b, gateway(b))}
	s := &s3io.Specs{Bucket: c}
	began := time.Now()
	if _, _, err := s.Apply(b.Context(), many(10_000)); err != nil {
		b.Fatal(err)
	}
	b.Logf("applied in %v", time.Since(began).Round(time.Millisecond))
	look := func(s *s3io.Specs) {
		specs, err := s.Specs(b.Context())
		if err != nil || len(specs.Models) != 10_000 {
			b.Fatalf("%d models, %v", len(specs.Models), err)
		}
	}
	reader := &s3io.Specs{Bucket: c}
	for _, way := range []struct {
		name string
		look func()
	}{
		{"one by one", func() { look(alone(c)) }},
		{"together, the first time", func() { look(&s3io.Specs{Bucket: c}) }},
		{"together, unchanged", func() { look(reader) }},
	} {
		b.Run(way.name, func(b *testing.B) {
			way.look()
			c.reset()
			for b.Loop() {
				way.look()
			}
			gets, lists, bytes := c.reset()
			b.ReportMetric(float64(gets)/float64(b.N), "GET/op")
			b.ReportMetric(float64(lists)/float64(b.N), "LIST/op")
			b.ReportMetric(float64(bytes)/float64(b.N), "bytes/op")
		})
	}
}

// Command ingest sends many small inserts at once to a running producer, by HTTP, some of them twice, and looks whether everything that
// was acknowledged is stored once. It prints how long they took, how many rows a second that makes, and how many objects of S3.
//
//	go run ./bench/ingest -config DATA/client.yaml [-url http://127.0.0.1:8080] [-inserts 10000] [-at-once 10000] [-rows 1]
//
// RETRAIN_API_KEY is the key, where one is needed. The records go into a resource of their own, ingest-bench, which stays.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"retrain"
	"retrain/client"
	"retrain/internal/app"
	"retrain/s3io"
)

const resource = "ingest-bench"

// A bench is what is sent, and what came of it.
type bench struct {
	inserts, atOnce, rows int
	client                *client.Client
	bucket                s3io.Bucket

	mu     sync.Mutex // guards the following
	took   []time.Duration
	failed map[string]int // by error
	acked  atomic.Int64   // rows of new batches
	again  atomic.Int64   // rows of batches that were sent again
}

func main() {
	log.SetFlags(0)
	b := &bench{failed: make(map[string]int)}
	config := flag.String("config", "", "the connection, a `FILE` as standalone writes it")
	url := flag.String("url", "http://127.0.0.1:8080", "the producer's `ADDRESS`")
	flag.IntVar(&b.inserts, "inserts", 10_000, "how many inserts")
	flag.IntVar(&b.atOnce, "at-once", 10_000, "how many at once")
	flag.IntVar(&b.rows, "rows", 1, "records of each")
	flag.Parse()
	transport := &http.Transport{MaxIdleConnsPerHost: b.atOnce}
	b.client = &client.Client{URL: *url, Key: os.Getenv("RETRAIN_API_KEY"), HTTP: &http.Client{Transport: transport}}
	if err := b.run(context.Background(), *config); err != nil {
		log.Fatal(err)
	}
}

func (b *bench) run(ctx context.Context, config string) error {
	c, err := app.LoadFile(config)
	if err != nil {
		return err
	}
	s3 := c.S3
	b.bucket, err = s3io.Open(ctx, s3io.Config{Bucket: s3.Bucket, Prefix: s3.Prefix, Endpoint: s3.Endpoint, Region: s3.Region, PathStyle: s3.PathStyle,
		AccessKeyID: s3.AccessKeyID, SecretAccessKey: s3.SecretAccessKey})
	if err != nil {
		return err
	}
	if _, err := b.client.DeclareResource(ctx, &retrain.Resource{Name: resource}); err != nil {
		return err
	}
	before, err := b.stand(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	b.send(ctx, began.UnixNano())
	took := time.Since(began)
	after, err := b.stand(ctx)
	if err != nil {
		return err
	}
	return b.tell(before, after, took)
}

// send sends all inserts, every twentieth of them again while others are on their way.
func (b *bench) send(ctx context.Context, run int64) {
	work := make(chan int)
	var all sync.WaitGroup
	for range b.atOnce {
		all.Go(func() {
			for i := range work {
				b.insert(ctx, run, i, &b.acked)
				if i%20 == 0 {
					b.insert(ctx, run, i, &b.again)
				}
			}
		})
	}
	for i := range b.inserts {
		work <- i
	}
	close(work)
	all.Wait()
}

func (b *bench) insert(ctx context.Context, run int64, i int, rows *atomic.Int64) {
	records := make([]retrain.Record, b.rows)
	for n := range records {
		records[n] = retrain.Record{"id": fmt.Sprintf("%d-%d-%d", run, i, n), "cost": float64(i), "category": "electronics"}
	}
	began := time.Now()
	_, err := b.client.Insert(ctx, resource, fmt.Sprintf("ingest-%d-%d", run, i), records...)
	took := time.Since(began)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		b.failed[err.Error()]++
		return
	}
	b.took = append(b.took, took)
	rows.Add(int64(b.rows))
}

// A stand is what is stored.
type stand struct{ rows, objects int }

func (b *bench) stand(ctx context.Context) (s stand, err error) {
	if s.rows, err = b.client.Count(ctx, resource, nil); err != nil {
		return s, err
	}
	for _, err := range b.bucket.List(ctx, s3io.Listing{Prefix: "resources/" + resource + "/log/"}) {
		if err != nil {
			return s, err
		}
		s.objects++
	}
	return s, nil
}

func (b *bench) tell(before, after stand, took time.Duration) error {
	for why, n := range b.failed {
		fmt.Printf("%d failed: %s\n", n, why)
	}
	if len(b.took) == 0 {
		return fmt.Errorf("nothing was acknowledged")
	}
	slices.Sort(b.took)
	at := func(share float64) time.Duration {
		return b.took[int(share*float64(len(b.took)-1))].Round(100 * time.Microsecond)
	}
	stored := after.rows - before.rows
	fmt.Println("| inserts at once | rows acknowledged | rows stored | objects | p50 | p99 | rows/s |")
	fmt.Println("| --- | --- | --- | --- | --- | --- | --- |")
	fmt.Printf("| %d | %d, %d of them twice | %d | %d | %v | %v | %.0f |\n", b.atOnce, b.acked.Load(), b.again.Load(), stored,
		after.objects-before.objects, at(0.5), at(0.99), float64(b.acked.Load())/took.Seconds())
	if int64(stored) < b.acked.Load() || len(b.failed) == 0 && int64(stored) != b.acked.Load() {
		return fmt.Errorf("%d rows were acknowledged, and %d are stored", b.acked.Load(), stored)
	}
	return nil
}

package s3io_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"retrain"
	"retrain/s3io"
)

// productRows returns rows as people insert them, without ids.
func productRows(from, n int) []retrain.Record {
	categories := []string{"electronics", "garden", "toys", "books", "music"}
	rows := make([]retrain.Record, n)
	for i := range rows {
		k := from + i
		rows[i] = retrain.Record{"category": categories[k%5], "cost": float64(k%977) * 1.37, "demand": float64(k % 101),
			"price": float64(k%1999) * 2.11, "available": k%3 == 0, "createdAt": "2026-01-01T00:00:00Z"}
	}
	return rows
}

func BenchmarkAppend(b *testing.B) {
	log := &s3io.Records{Bucket: new(s3io.Memory)}
	rows := productRows(0, 1000)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if _, err := log.Append(b.Context(), retrain.Batch{ID: strconv.Itoa(n), Resource: "products", At: time.Now(), Records: rows}); err != nil {
			b.Fatal(err)
		}
		n++
	}
	b.ReportMetric(float64(n*len(rows))/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkTables(b *testing.B) {
	for _, c := range []struct {
		name    string
		batches int
		bucket  func(b *testing.B) s3io.Bucket
	}{
		{"10k/memory", 10, func(*testing.B) s3io.Bucket { return new(s3io.Memory) }},
		{"100k/memory", 100, func(*testing.B) s3io.Bucket { return new(s3io.Memory) }},
		{"1M/memory", 1000, func(*testing.B) s3io.Bucket { return new(s3io.Memory) }},
		{"10k/gateway", 10, func(b *testing.B) s3io.Bucket { return open(b, gateway(b)) }},
		{"100k/gateway", 100, func(b *testing.B) s3io.Bucket { return open(b, gateway(b)) }},
		{"1M/gateway", 1000, func(b *testing.B) s3io.Bucket { return open(b, gateway(b)) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			log := &s3io.Records{Bucket: c.bucket(b)}
			began := time.Now()
			for i := range c.batches {
				appendNew(b, log, batch(fmt.Sprintf("batch-%06d", i), begin.Add(time.Duration(i)), productRows(i*1000, 1000)...))
			}
			insert := time.Since(began)
			d := snapshot(b, log, "products", nil)
			b.ReportAllocs()
			rows, peak := 0, uint64(0)
			for b.Loop() {
				rows = 0
				for t, err := range log.Tables(b.Context(), d) {
					if err != nil {
						b.Fatal(err)
					}
					rows += t.Rows
					if rows%(200*1000) == 0 {
						var m runtime.MemStats
						runtime.ReadMemStats(&m)
						peak = max(peak, m.HeapAlloc)
					}
				}
			}
			b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(float64(c.batches*1000)/insert.Seconds(), "inserted/s")
			b.ReportMetric(float64(peak)/(1<<20), "heapMiB")
		})
	}
}

// BenchmarkCompacted reads what was compacted: all of it, and a partition of a twentieth.
func BenchmarkCompacted(b *testing.B) {
	for _, c := range []struct {
		name    string
		batches int
		bucket  func(b *testing.B) s3io.Bucket
	}{
		{"10k/memory", 10, func(*testing.B) s3io.Bucket { return new(s3io.Memory) }},
		{"100k/memory", 100, func(*testing.B) s3io.Bucket { return new(s3io.Memory) }},
		{"1M/memory", 1000, func(*testing.B) s3io.Bucket { return new(s3io.Memory) }},
		{"1M/gateway", 1000, func(b *testing.B) s3io.Bucket { return open(b, gateway(b)) }},
	} {
		r := retrain.Resource{Name: "products", Partitions: map[string][]string{"byCategory": {"category"}}}
		counted := &weighing{Bucket: c.bucket(b)}
		log := &s3io.Records{Bucket: counted, Tuning: always}
		rng := rand.New(rand.NewPCG(1, 2))
		for i := range c.batches {
			rows := productRows(i*1000, 1000)
			for k := range rows {
				rows[k]["category"] = fmt.Sprint("category ", (i*1000+k)%20)
				rows[k]["cost"], rows[k]["price"] = math.Round(rng.Float64()*1e6)/100, math.Round(rng.Float64()*1e6)/100
				rows[k]["createdAt"] = begin.Add(time.Duration(i*1000+k) * 731 * time.Millisecond).Format(time.RFC3339)
			}
			appendNew(b, log, batch(fmt.Sprintf("batch-%06d", i), begin.Add(time.Duration(i)), rows...))
		}
		began := time.Now()
		compact(b, log, r)
		took := time.Since(began)
		all, part := int64(0), int64(0)
		for name, p := range map[string]*retrain.PartitionRef{"all": nil, "twentieth": {Name: "byCategory", Values: map[string]any{"category": "category 7"}}} {
			b.Run(c.name+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				rows, peak := 0, uint64(0)
				for b.Loop() {
					rows = 0
					counted.bytes.Store(0)
					for t, err := range log.Tables(b.Context(), snapshot(b, log, "products", p)) {
						if err != nil {
							b.Fatal(err)
						}
						if rows += t.Rows; rows%(5*groupRows) < t.Rows {
							var m runtime.MemStats
							runtime.ReadMemStats(&m)
							peak = max(peak, m.HeapAlloc)
						}
					}
				}
				if p == nil {
					all = counted.bytes.Load()
				} else {
					part = counted.bytes.Load()
				}
				b.ReportMetric(float64(rows), "rows")
				b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
				b.ReportMetric(float64(counted.bytes.Load()), "bytes")
				b.ReportMetric(float64(peak)/(1<<20), "heapMiB")
			})
		}
		b.Logf("%s: compacted in %v; the partition reads %.1f %% of %d bytes", c.name, took, 100*float64(part)/float64(all), all)
	}
}

const groupRows = 1 << 15

// weighing counts the bytes that are read.
type weighing struct {
	s3io.Bucket

	bytes atomic.Int64
}

func (c *weighing) Get(ctx context.Context, key string) ([]byte, s3io.ETag, error) {
	b, e, err := c.Bucket.Get(ctx, key)
	c.bytes.Add(int64(len(b)))
	return b, e, err
}

func (c *weighing) GetRange(ctx context.Context, key string, offset, n int64) ([]byte, s3io.ETag, error) {
	b, e, err := c.Bucket.GetRange(ctx, key, offset, n)
	c.bytes.Add(int64(len(b)))
	return b, e, err
}

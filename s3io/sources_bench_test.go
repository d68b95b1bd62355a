package s3io_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"retrain"
	"retrain/s3io"
)

const bigDB = `{"resources":{"products":{"currentVersion":"v1","partitions":{},"versions":{"v1":{"attributes":
	{"name":"string","category":"string","cost":"number","demand":"number|integer","price":"number","createdAt":"datetime"}}}}}}`

// shop returns a database with so many records.
func shop(records int) *s3io.Memory {
	b := new(s3io.Memory)
	b.PutObject("s3db.json", s3io.Object{Body: []byte(bigDB)})
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range records {
		b.PutObject(fmt.Sprintf("resource=products/data/id=%011x%011x", random.Uint64()>>20, i), s3io.Object{
			Metadata:     map[string]string{"0": "u:Produto%20" + strconv.Itoa(i), "1": "electronics", "2": "7r.21", "3": "9d", "4": "bO.12", "5": "vBLjplY", "_v": "v1"},
			LastModified: at.Add(time.Duration(i) * time.Millisecond),
		})
	}
	return b
}

func BenchmarkS3DB(b *testing.B) {
	for _, records := range []int{10_000, 100_000} {
		theirs := shop(records)
		r := retrain.Resource{Name: "old", Source: "s3db", S3DB: &retrain.S3DBSource{Bucket: "old", Resource: "products"}}
		read := func(b *testing.B, s *s3io.Sources) {
			d, err := s.Snapshot(b.Context(), r, nil)
			if err != nil {
				b.Fatal(err)
			}
			rows := 0
			for t, err := range s.Tables(b.Context(), d) {
				if err != nil {
					b.Fatal(err)
				}
				rows += t.Rows
			}
			if rows != records {
				b.Fatalf("got %d rows", rows)
			}
		}
		b.Run(fmt.Sprintf("cold/%d", records), func(b *testing.B) {
			for b.Loop() {
				read(b, sourcesOver(theirs, new(s3io.Memory)))
			}
			b.ReportMetric(float64(records*b.N)/b.Elapsed().Seconds(), "rows/s")
		})
		ours := new(s3io.Memory)
		read(b, sourcesOver(theirs, ours))
		b.Run(fmt.Sprintf("another process/%d", records), func(b *testing.B) {
			for b.Loop() {
				read(b, sourcesOver(theirs, ours))
			}
			b.ReportMetric(float64(records*b.N)/b.Elapsed().Seconds(), "rows/s")
		})
		s := sourcesOver(theirs, ours)
		b.Run(fmt.Sprintf("warm/%d", records), func(b *testing.B) {
			for b.Loop() {
				read(b, s)
			}
			b.ReportMetric(float64(records*b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func BenchmarkFiles(b *testing.B) {
	const rows = 200_000
	type flight struct {
		Carrier string  `parquet:"carrier,dict"`
		Delay   float64 `parquet:"delay"`
		Miles   int64   `parquet:"miles"`
		Late    bool    `parquet:"late"`
	}
	var flights []flight
	var csv, lines strings.Builder
	csv.WriteString("carrier,delay,miles,late\n")
	for i := range rows {
		f := flight{[]string{"AA", "BA", "LH"}[i%3], float64(i%977) * 0.25, int64(i % 5000), i%7 == 0}
		flights = append(flights, f)
		fmt.Fprintf(&csv, "%s,%v,%d,%v\n", f.Carrier, f.Delay, f.Miles, f.Late)
		fmt.Fprintf(&lines, `{"carrier":%q,"delay":%v,"miles":%d,"late":%v}`+"\n", f.Carrier, f.Delay, f.Miles, f.Late)
	}
	for name, body := range map[string]string{"f.csv": csv.String(), "f.jsonl": lines.String(), "f.parquet": parquetOf(b, flights)} {
		s := sourcesOver(filled(b, map[string]string{name: body}), new(s3io.Memory))
		d, err := s.Snapshot(b.Context(), filesResource(name, ""), nil)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				for t, err := range s.Tables(b.Context(), d) {
					if err != nil {
						b.Fatal(err)
					}
					n += t.Rows
				}
				if n != rows {
					b.Fatalf("got %d rows", n)
				}
			}
			b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

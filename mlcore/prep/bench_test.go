package prep_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"retrain"
	"retrain/mlcore/prep"
)

func products(n int) []retrain.Record {
	categories := []string{"electronics", "home", "toys", "sports", "books"}
	records := make([]retrain.Record, n)
	for i := range records {
		records[i] = retrain.Record{"id": fmt.Sprintf("p%08d", i), "name": fmt.Sprint("product ", i), "category": categories[i%5], "cost": float64(i%997) + 1,
			"demand": float64(i % 1000), "rating": float64(i%50) / 10, "price": float64(i % 1777), "createdAt": "2023-01-01T00:00:00Z"}
	}
	return records
}

// price is a model as people write it.
func price() retrain.Model {
	m := regression("logCost", "demand", "rating", "category")
	m.Map = map[string]string{"logCost": "log(cost)"}
	m.Filter = `price > 0 && price < 10000 && category != "books"`
	return m
}

func BenchmarkPrepare(b *testing.B) {
	const n = 100_000
	t := retrain.NewTable(products(n))
	tables := func(yield func(*retrain.Table, error) bool) { yield(t, nil) }
	for name, m := range map[string]retrain.Model{"plain": regression("cost", "demand", "rating", "category"), "filter and map": price()} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := prep.Prepare(m, tables); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/row")
		})
	}
}

func BenchmarkAccepts(b *testing.B) {
	records, m := products(1000), price()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := prep.Accepts(&m, records); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/row")
}

func BenchmarkEncode(b *testing.B) {
	records := products(1000)
	p, _, err := prep.Prepare(price(), blocks(records))
	if err != nil {
		b.Fatal(err)
	}
	e := encoder(b, p)
	for _, n := range []int{1, 100} {
		x := make([]float32, n*e.Width())
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := e.Encode(records[:n], x); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEncodeJSON(b *testing.B) {
	p := &prep.Preparation{Format: 1}
	record := make([]string, 8)
	for j := range record {
		name := fmt.Sprint("f", j)
		p.Features = append(p.Features, prep.Feature{Name: name, Form: prep.Numeric, Max: 1})
		record[j] = fmt.Sprintf(`"%s":0.%04d`, name, 1234+j)
	}
	e, err := p.Encoder()
	if err != nil {
		b.Fatal(err)
	}
	one := "{" + strings.Join(record, ",") + "}"
	text := []byte(`{"instances":[` + strings.Repeat(one+",", 99) + one + `]}`)
	var x []float32
	for b.Loop() {
		var ok bool
		if x, _, ok = e.EncodeJSON(text, x[:0], 100); !ok {
			b.Fatal("not read")
		}
	}
}

func TestEncoderIsForMany(t *testing.T) {
	records := products(200)
	p, _ := prepare(t, price(), records)
	e := encoder(t, p)
	want := make([]float32, len(records)*e.Width())
	if err := e.Encode(records, want); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			m, x := price(), make([]float32, len(want))
			if err := e.Encode(records, x); err != nil {
				t.Error(err)
			}
			for i := range x {
				if x[i] != want[i] {
					t.Errorf("column %d: got %v, want %v", i, x[i], want[i])
					return
				}
			}
			if n, err := prep.Accepts(&m, records); n != 159 || err != nil {
				t.Errorf("got %d, %v", n, err)
			}
		})
	}
	wg.Wait()
}

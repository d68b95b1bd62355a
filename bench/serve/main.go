// Command serve asks Retrain, and what people would use otherwise, for predictions of the same model, in one run on one machine,
// and prints a table as Markdown.
//
//	make build && go run ./bench/serve -python PYTHON [-rounds 3] [-time 3s] [-json serve.json]
//	make build && go run ./bench/serve -served 20
//
// PYTHON is one that has what requirements.txt names; without it only Retrain and the yardstick are measured. The yardstick is a Go
// server over net/http that reads the request and answers a constant: what a request costs there before anything is computed.
//
// All servers run at the same time and take turns, in rounds; the median of the rounds counts. The load comes from this program
// over connections that stay open, all in one thread. For most requests per second it asks again as soon as it is answered; at a
// given rate it asks at set times, whatever became of what it asked before, and counts from the set time.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"time"
)

func main() {
	log.SetFlags(0)
	b := &bench{}
	flag.StringVar(&b.python, "python", "", "a Python that has the peers")
	flag.IntVar(&b.rounds, "rounds", 3, "how often everyone has a turn")
	flag.DurationVar(&b.time, "time", 3*time.Second, "how long a turn is")
	flag.StringVar(&b.only, "only", "", "a part of the names of those who are measured; Retrain is always")
	path := flag.String("json", "", "write the results to this file")
	constant := flag.String("constant", "", "answer a constant at this address: what this program calls itself for")
	times := flag.Int("served", 0, "measure instead, so many times, how long it takes from an insert to an answer of the version that it brings about")
	flag.Parse()
	if *constant != "" {
		log.Fatal(serveConstant(*constant))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := b.run(ctx, *path, *times)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

// A bench is a run of all.
type bench struct {
	python string
	rounds int
	time   time.Duration
	only   string // what the names of the servers have in common that are measured
	dir    string // for everything that is written

	control string // the address of the standalone's control
}

func (b *bench) run(ctx context.Context, path string, served int) (err error) {
	if b.dir, err = os.MkdirTemp("", "bench-serve-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	if served > 0 {
		return b.served(ctx, served)
	}
	servers, stop, err := b.servers(ctx)
	defer stop()
	if err != nil {
		return err
	}
	results := make([]Result, len(servers))
	for i, s := range servers {
		results[i] = Result{Name: s.name, FirstAnswer: s.first.Seconds()}
	}
	for round := range b.rounds {
		for i, s := range servers {
			log.Printf("round %d of %d: %s", round+1, b.rounds, s.name)
			if err := b.measure(ctx, s, &results[i]); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	for i, s := range servers {
		results[i].Memory = s.memory()
	}
	show(results, machine())
	if path == "" {
		return nil
	}
	out, err := json.MarshalIndent(results, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(out, '\n'), 0o600)
}

// measure gives one server its turn.
func (b *bench) measure(ctx context.Context, s *server, r *Result) error {
	one, many := s.requests(1), s.requests(manyRows)
	if _, _, err := closed(ctx, s.address, one, 8, b.time/4); err != nil { // warm
		return err
	}
	before := s.processor()
	n, _, err := closed(ctx, s.address, one, 32, b.time)
	if err != nil {
		return err
	}
	r.Processor = append(r.Processor, (s.processor()-before).Seconds()*1e6/float64(n))
	r.PerSecond = append(r.PerSecond, float64(n)/b.time.Seconds())
	for i, rate := range rates {
		l, err := open(ctx, s.address, one, rate, b.time)
		if err != nil {
			return err
		}
		r.AtRate[i] = append(r.AtRate[i], l)
	}
	if _, r.last, err = closed(ctx, s.address, many, 1, b.time); err != nil {
		return err
	}
	r.Many = append(r.Many, r.last)
	before = s.processor()
	n, _, err = closed(ctx, s.address, many, 8, b.time)
	r.ManyProcessor = append(r.ManyProcessor, (s.processor()-before).Seconds()*1e6/float64(max(n, 1)))
	r.ManyPerSecond = append(r.ManyPerSecond, float64(n)/b.time.Seconds())
	return err
}

// The requests per second at which latencies are measured, and the rows of a large request.
var rates = [2]int{500, 2000}

const manyRows = 100

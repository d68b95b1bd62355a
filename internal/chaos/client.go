package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"sync"
	"time"
)

// A row is one record that a client inserts. Its id tells who, when and which.
type row struct {
	ID     string    `json:"id"`
	Cost   float64   `json:"cost"`
	Demand float64   `json:"demand"`
	Kind   string    `json:"kind"`
	Region string    `json:"region"`
	At     time.Time `json:"at"`
	Price  float64   `json:"price"`
}

func newRow(r *rand.Rand, id string) row {
	w := row{ID: id, Cost: math.Round(r.Float64()*1000) / 10, Demand: float64(r.IntN(50)), Kind: "small", Region: []string{"north", "south", "west"}[r.IntN(3)],
		At: time.Now().UTC()}
	if w.Cost+w.Demand > 75 {
		w.Kind = "big"
	}
	w.Price = 3*w.Cost + 2*w.Demand + math.Round(r.NormFloat64()*10)
	return w
}

// Acks are what clients were told.
type acks struct {
	mu   sync.Mutex        // guards the following
	rows map[string]string // batch by row that was acknowledged
	open int               // batches of which nobody knows
}

func (a *acks) add(batch string, rows []row) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.rows == nil {
		a.rows = make(map[string]string)
	}
	for _, r := range rows {
		a.rows[r.ID] = batch
	}
}

// clients starts those who use the system, until stopClients.
func (s *stage) clients(ctx context.Context) {
	ctx, s.stop = context.WithCancel(ctx)
	inserts, stop := context.WithCancel(ctx)
	s.stopInserting = stop
	for i, servers := range [][2]string{{"serve-1", "serve-2"}, {"serve-2", "serve-1"}} {
		r := rand.New(rand.NewPCG(s.Seed, uint64(10+i)))
		s.inserts.Go(func() { s.inserter(inserts, fmt.Sprint("http", i), r, s.overHTTP(servers)) })
	}
	s.inserts.Go(func() { s.inserter(inserts, "cli", rand.New(rand.NewPCG(s.Seed, 20)), s.byCommand) })
	s.use.Go(func() { s.asker(ctx, rand.New(rand.NewPCG(s.Seed, 30))) })
	s.use.Go(func() { s.moves.follow(ctx, s) })
}

// stopInserts ends the inserts; what was not acknowledged by then is left open.
func (s *stage) stopInserts() {
	s.stopInserting()
	s.inserts.Wait()
}

func (s *stage) stopClients() {
	if s.stop != nil {
		s.stop()
	}
	s.use.Wait()
}

// inserter inserts batches, each again and again until it is acknowledged. One in ten is given up after the first try.
func (s *stage) inserter(ctx context.Context, name string, r *rand.Rand, insert func(ctx context.Context, batch string, try int, rows []row) error) {
	for n := 0; ; n++ {
		batch := fmt.Sprintf("%s-%05d", name, n)
		rows := make([]row, 1+r.IntN(30))
		for i := range rows {
			rows[i] = newRow(r, fmt.Sprintf("%s-%d", batch, i))
		}
		patient, pause := r.IntN(10) > 0, time.Duration(100+r.IntN(900))*time.Millisecond
		for try := 0; ; try++ {
			err := insert(ctx, batch, try, rows)
			if err == nil {
				s.acks.add(batch, rows)
				break
			}
			if !patient || ctx.Err() != nil {
				s.acks.mu.Lock()
				s.acks.open++
				s.acks.mu.Unlock()
				break
			}
			if !sleep(ctx, 200*time.Millisecond) {
				return
			}
		}
		if !sleep(ctx, pause) {
			return
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// overHTTP inserts through one server, or the other one at every second try.
func (s *stage) overHTTP(servers [2]string) func(ctx context.Context, batch string, try int, rows []row) error {
	return func(ctx context.Context, batch string, try int, rows []row) error {
		body, err := json.Marshal(rows)
		if err != nil {
			return err
		}
		url := "http://" + s.named(servers[try%2]).Listen + "/v1/resources/items/records"
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		_, _, err = post(ctx, url, body, "Idempotency-Key", batch)
		return err
	}
}

// post returns the header and body of an answer that is OK.
func post(ctx context.Context, url string, body []byte, header ...string) (http.Header, []byte, error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	q.Header.Set("Authorization", "Bearer "+apiKey) // where there is none, nobody looks at it
	for i := 0; i+1 < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode/100 != 2 {
		err = fmt.Errorf("%s: %s", answer.Status, text)
	}
	return answer.Header, text, err
}

// byCommand inserts with the program, through a server's own bad connections. It dies sometimes.
func (s *stage) byCommand(ctx context.Context, batch string, try int, rows []row) error {
	var lines bytes.Buffer
	for _, r := range rows {
		b, err := json.Marshal(r)
		if err != nil {
			return err
		}
		lines.Write(append(b, '\n'))
	}
	patience := 15 * time.Second
	if try == 0 && len(rows)%5 == 0 { // killed in the middle of it, perhaps
		patience = time.Duration(10*len(rows)) * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c := s.command(ctx, s.dir+"/serve-1.yaml", "insert", "items", "-", "--format", "jsonl", "--batch-id", batch)
	c.Env = append(os.Environ(), s.named("serve-1").clock.env())
	c.Stdin = &lines
	out, err := c.Output()
	if err == nil && !json.Valid(out) {
		err = fmt.Errorf("not JSON: %s", out)
	}
	return err
}

// Answers are what the predictors said.
type answers struct {
	mu   sync.Mutex // guards the following
	all  []answered
	fail int
}

// An answered is a question and what a version said to it.
type answered struct {
	Model, Version string
	Rows           []row
	Predictions    []any
	At             time.Time
}

// asker asks the predictors, once in a while.
func (s *stage) asker(ctx context.Context, r *rand.Rand) {
	models := []string{"price", "kind", "north", "slow", "careful"}
	for sleep(ctx, 250*time.Millisecond) {
		a := answered{Model: models[r.IntN(len(models))], Rows: []row{newRow(r, "q1"), newRow(r, "q2")}, At: time.Now()}
		err := s.ask(ctx, &a, fmt.Sprint("predict-", 1+r.IntN(s.Workers)))
		s.asked.mu.Lock()
		if err != nil {
			s.asked.fail++
		} else {
			s.asked.all = append(s.asked.all, a)
		}
		s.asked.mu.Unlock()
	}
}

func (s *stage) ask(ctx context.Context, a *answered, who string) error {
	body, err := json.Marshal(map[string]any{"instances": a.Rows})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	header, text, err := post(ctx, "http://"+s.named(who).Listen+"/v1/models/"+a.Model+":predict", body)
	if err != nil {
		return err
	}
	a.Version = header.Get("X-Model-Version")
	var answer struct {
		Predictions []any `json:"predictions"`
	}
	err = json.Unmarshal(text, &answer)
	a.Predictions = answer.Predictions
	return err
}

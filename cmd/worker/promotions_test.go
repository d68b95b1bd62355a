package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"retrain"
	"retrain/internal/testenv"
	"retrain/mlcore"
)

var (
	promotions = flag.Int("promotions", 20, "champions that change under load; 200 take half a minute")
	pace       = flag.Duration("pace", 150*time.Millisecond, "the time between two of them")
)

// The load does not wait for answers: so many requests come each second, whatever becomes of those before.
const perSecond = 500

// Champions change under load, and Redis dies meanwhile: nobody who asks over HTTP is refused, and every answer is exactly what
// the version that it names answers by itself.
func TestPromotionsUnderLoad(t *testing.T) {
	w := newWorld(t)
	c := newContest(w, 8)
	url := w.predictor()
	c.promote(1)
	w.eventually(answersWith(url, 1))
	during := time.Duration(*promotions) * *pace
	aside := min(during/2, 15*time.Second)
	steady := c.load(url, aside, func() {})
	var memory []float64 // MiB, before each of them
	swaps := c.load(url, during, func() {
		tick := time.NewTicker(*pace)
		defer tick.Stop()
		for i := range *promotions {
			<-tick.C
			memory = append(memory, c.resident(url))
			if i == *promotions/2 {
				w.redis.Kill()
			}
			c.promote(1 + (i*3+1)%c.versions)
			if i == *promotions*3/4 {
				if err := w.redis.Start(t.Context()); err != nil {
					t.Error(err)
				}
			}
		}
	})
	c.promote(c.versions)
	testenv.Eventually(t, 2*time.Minute, answersWith(url, c.versions))
	t.Logf("rollbacks to the version before, which is warm, from the pointer to the answer: %s ms at p50, p99, max", c.rollbacks(url))
	steady = append(steady, c.load(url, aside, func() {})...)
	half := memory[len(memory)/2:]
	t.Logf("resident memory: %.0f MiB at first, %.0f in the middle, %.0f at the end; in the second half %+.1f KiB for each promotion", memory[0], half[0], half[len(half)-1], 1024*slope(half))
	t.Logf("%d promotions; ms at p50, p99, max: steady %s, with promotions %s; versions that answered: %v", *promotions, steady, swaps, c.answered)
	if *promotions >= 20 && len(c.answered) < 2 { // on a busy machine loading takes its time, as answers go first
		t.Errorf("only versions %v answered", c.answered)
	}
}

// rollbacks returns how long it takes until the version before answers, and that after it again, several times.
func (c *contest) rollbacks(url string) (l latencies) {
	c.Helper()
	before := c.versions - 1
	c.promote(before)
	testenv.Eventually(c.T, 2*time.Minute, answersWith(url, before))
	for i := range 20 {
		to := before + (i+1)%2
		began := time.Now()
		c.promote(to)
		testenv.Eventually(c.T, time.Minute, answersWith(url, to))
		l = append(l, time.Since(began))
	}
	return l
}

// A contest is several versions of one model, and what each of them answers to some questions.
type contest struct {
	*world
	versions int
	bodies   [][]byte
	want     [][]float64 // [version - 1][question]
	answered map[int]bool
}

// newContest trains versions of different weights and publishes them.
func newContest(w *world, versions int) *contest {
	w.Helper()
	c := &contest{world: w, versions: versions, answered: map[int]bool{}}
	random := rand.New(rand.NewPCG(1, 2))
	records := make([]retrain.Record, 64)
	for i := range records {
		records[i] = retrain.Record{"id": strconv.Itoa(i), "cost": float64(random.IntN(100)), "price": random.Float64()}
	}
	for _, r := range records {
		c.bodies = append(c.bodies, fmt.Appendf(nil, `{"instances":[{"cost":%v}]}`, r["cost"]))
	}
	engine := new(mlcore.Engine)
	defer engine.Close()
	for n := 1; n <= versions; n++ {
		m := retrain.Model{Name: "price", Type: retrain.NeuralNetwork, Resource: "products", Features: []string{"cost"}, Target: retrain.Names{"price"}, Seed: uint64(n),
			ModelConfig: retrain.ModelConfig{Epochs: 1, Layers: []retrain.Layer{{Units: 64}, {Units: 32}}}}.WithDefaults()
		dir := w.TempDir()
		fit, err := engine.Fit(w.Context(), retrain.Job{Model: m, Dir: dir, Data: table(records)})
		if err != nil {
			w.Fatal(err)
		}
		mf := retrain.Manifest{Format: 1, Model: m.Name, Version: n, Spec: m, Fit: fit}
		if mf, err = w.app.Registry.Publish(w.Context(), mf, os.DirFS(dir)); err != nil {
			w.Fatal(err)
		}
		s, err := mlcore.Load(retrain.Version{Dir: dir, Manifest: &mf})
		if err != nil {
			w.Fatal(err)
		}
		predictions, err := s.Predict(w.Context(), records)
		if err != nil {
			w.Fatal(err)
		}
		want := make([]float64, len(records))
		for i, p := range predictions {
			want[i], _ = p.Prediction.(float64)
		}
		c.want = append(c.want, want)
		if err := s.Close(); err != nil {
			w.Fatal(err)
		}
	}
	return c
}

func table(records []retrain.Record) iter.Seq2[*retrain.Table, error] {
	return func(yield func(*retrain.Table, error) bool) { yield(retrain.NewTable(records), nil) }
}

// promote moves the pointer and tells those who follow, if Redis lives.
func (c *contest) promote(version int) {
	_, err := c.app.Registry.MoveChampion(c.Context(), "price", func(p retrain.Champion) (retrain.Champion, bool) {
		return p.Moved(version, time.Now(), "a test")
	})
	if err != nil {
		c.Error(err)
	}
	_ = c.app.Stream.Announce(c.Context(), retrain.Event{Type: retrain.ChampionMoved, Model: "price", Version: version, At: time.Now()})
}

// resident returns how many MiB of memory the worker has.
func (c *contest) resident(url string) float64 {
	r, err := http.Get(url + "/metrics")
	if err != nil {
		c.Error(err)
		return 0
	}
	defer r.Body.Close()
	const name = "process_resident_memory_bytes "
	for lines := bufio.NewScanner(r.Body); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), name); ok {
			bytes, err := strconv.ParseFloat(text, 64)
			if err != nil {
				c.Error(err)
			}
			return bytes / (1 << 20)
		}
	}
	c.Error("no " + name)
	return 0
}

// slope returns by how much y grows from one to the next, as the line of least squares does.
func slope(y []float64) float64 {
	n, sx, sy, sxx, sxy := float64(len(y)), 0.0, 0.0, 0.0, 0.0
	for i, v := range y {
		x := float64(i)
		sx, sy, sxx, sxy = sx+x, sy+v, sxx+x*x, sxy+x*v
	}
	return (n*sxy - sx*sy) / (n*sxx - sx*sx)
}

// Latencies of many requests.
type latencies []time.Duration

// String returns p50, p99 and the most, in milliseconds.
func (l latencies) String() string {
	slices.Sort(l)
	at := func(q float64) float64 { return l[int(q*float64(len(l)-1))].Seconds() * 1000 }
	return fmt.Sprintf("%.2f %.2f %.2f", at(.5), at(.99), at(1))
}

// load asks while do goes on, and checks every answer.
func (c *contest) load(url string, d time.Duration, do func()) (l latencies) {
	c.Helper()
	var asked atomic.Int64
	targets := func(t *vegeta.Target) error {
		i := int(asked.Add(1))
		t.Method, t.URL = http.MethodPost, url+"/v1/models/price:predict?q="+strconv.Itoa(i%len(c.bodies))
		t.Body = c.bodies[i%len(c.bodies)]
		return nil
	}
	attacker := vegeta.NewAttacker()
	results := attacker.Attack(targets, vegeta.Rate{Freq: perSecond, Per: time.Second}, d, "")
	done := make(chan struct{})
	go func() { do(); close(done) }()
	wrong := 0
	for r := range results {
		if err := c.check(r); err != nil {
			if wrong++; wrong < 5 {
				c.Error(err)
			}
		}
		l = append(l, r.Latency)
	}
	<-done
	if wrong > 0 {
		c.Errorf("%d of %d answers are wrong", wrong, len(l))
	}
	return l
}

// check returns an error unless the answer is exactly that of the version that it names.
func (c *contest) check(r *vegeta.Result) error {
	if r.Code != http.StatusOK {
		return fmt.Errorf("%d %s: %s", r.Code, r.Error, r.Body)
	}
	version, err := strconv.Atoi(r.Headers.Get("X-Model-Version"))
	if err != nil || version < 1 || version > c.versions {
		return fmt.Errorf("version %q", r.Headers.Get("X-Model-Version"))
	}
	c.answered[version] = true
	question, err := strconv.Atoi(r.URL[strings.LastIndexByte(r.URL, '=')+1:])
	if err != nil {
		return err
	}
	var answer struct{ Predictions []float64 }
	if err := json.Unmarshal(r.Body, &answer); err != nil {
		return err
	}
	if want := c.want[version-1][question]; len(answer.Predictions) != 1 || answer.Predictions[0] != want {
		return fmt.Errorf("version %d answers %v, by itself %v", version, answer.Predictions, want)
	}
	return nil
}

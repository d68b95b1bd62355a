package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
	"golang.org/x/sys/unix"

	"retrain"
	"retrain/internal/app"
	"retrain/internal/testenv"
	"retrain/mlcore"
)

const quick = 20

var (
	promotions = flag.Int("promotions", quick, "champions that change under load; 200 take half a minute")
	pace       = flag.Duration("pace", 150*time.Millisecond, "the time between two of them")
	perSecond  = flag.Int("rate", 500, "requests that come each second, whatever becomes of those before; 0: none")
)

// Champions change under load, and Redis dies meanwhile: nobody who asks over HTTP is refused, and every answer is exactly what
// the version that it names answers by itself.
func TestPromotionsUnderLoad(t *testing.T) {
	w := newWorld(t)
	c := newContest(w, 8)
	url := w.predictor()
	c.others()
	t.Logf("rollbacks to the version before, which is warm, from the pointer to the answer: %s ms at p50, p99, max", c.rollbacks(url))
	if *promotions > quick && *perSecond > 0 { // otherwise latencies say little, and on a busy machine those would hardly move
		giveWay(c.promoting)
		giveWay(c.s3.Pid())
	}
	c.promote(1)
	testenv.Eventually(t, 2*time.Minute, answersWith(url, 1))
	during := time.Duration(*promotions) * *pace
	aside := min(during/2, 15*time.Second)
	steady := c.load(url, aside, func() {})
	var memory []float64 // MiB, before each of them
	spent := c.spent()
	swaps := c.load(url, during, func() {
		tick := time.NewTicker(*pace)
		defer tick.Stop()
		for i := range *promotions {
			<-tick.C
			memory = append(memory, c.resident())
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
	after := c.spent()
	for name, before := range spent {
		t.Logf("%s: %.2f ms of a processor for each promotion and the requests meanwhile", name, (after[name]-before).Seconds()*1000/float64(*promotions))
	}
	c.promote(c.versions)
	testenv.Eventually(t, 2*time.Minute, answersWith(url, c.versions))
	steady = append(steady, c.load(url, aside, func() {})...)
	half := memory[len(memory)/2:]
	t.Logf("resident memory: %.1f MiB at first, %.1f in the middle, %.1f at the end; in the second half %+.1f KiB for each promotion", memory[0], half[0], half[len(half)-1], 1024*slope(half))
	t.Logf("%d promotions; ms at p50, p99, max: steady %s, with promotions %s; versions that answered: %v", *promotions, steady, swaps, c.answered)
	if *perSecond > 0 && *promotions >= quick && len(c.answered) < 2 { // on a busy machine loading takes its time, as answers go first
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

	promoter  io.Writer // takes versions to promote, and says each when it is done
	promoted  *bufio.Reader
	promoting int // its process
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

// others starts who promotes, as a process of its own.
func (c *contest) others() {
	c.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "RETRAIN_TEST_PROMOTER="+c.client)
	in, err := cmd.StdinPipe()
	if err != nil {
		c.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		c.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			c.Error(err)
		}
	})
	c.promoter, c.promoted, c.promoting = in, bufio.NewReader(out), cmd.Process.Pid
}

// giveWay lets others go before a process, wherever the system has it so. S3 and who promotes would have other machines: what they take
// of these processors, more than the worker does, is not what answers should wait for.
func giveWay(pid int) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	for _, task := range tasks {
		id, _ := strconv.Atoi(filepath.Base(task))
		const nice, slice = 10, 100_000 // ns
		_ = unix.SchedSetAttr(id, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_BATCH, Nice: nice, Runtime: slice}, 0)
	}
}

// promotes moves pointers as it is told on stdin, version by version, and tells those who follow, if Redis lives. It is the process
// that others starts.
func promotes(client string) error {
	ctx := context.Background()
	config, err := app.LoadFile(client)
	if err != nil {
		return err
	}
	a, err := app.Open(ctx, config, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer a.Close()
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		version, err := strconv.Atoi(lines.Text())
		if err != nil {
			return err
		}
		if err := promote(ctx, a, version); err != nil {
			return err
		}
		fmt.Println(version)
	}
	return nil
}

// promote moves the pointer and tells those who follow, if Redis lives.
func promote(ctx context.Context, a *app.App, version int) error {
	_, err := a.Registry.MoveChampion(ctx, "price", func(p retrain.Champion) (retrain.Champion, bool) {
		return p.Moved(version, time.Now(), "a test")
	})
	_ = a.Stream.Announce(ctx, retrain.Event{Type: retrain.ChampionMoved, Model: "price", Version: version, At: time.Now()})
	return err
}

// promote has the other process promote a version.
func (c *contest) promote(version int) {
	c.Helper()
	if _, err := fmt.Fprintln(c.promoter, version); err != nil {
		c.Error(err)
	}
	if answer, err := c.promoted.ReadString('\n'); err != nil || strings.TrimSpace(answer) != strconv.Itoa(version) {
		c.Errorf("promote %d: %q, %v", version, answer, err)
	}
}

// resident returns how many MiB of memory the worker has of its own: the pages of programs and libraries come and go as the system likes.
// The worker is not asked for that, which would be work beside that of the promotions.
func (c *contest) resident() float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.predicting))
	if err != nil {
		c.Error(err)
	}
	for line := range strings.Lines(string(text)) {
		if kib, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			n, err := strconv.Atoi(strings.Fields(kib)[0])
			if err != nil {
				c.Error(err)
			}
			return float64(n) / 1024
		}
	}
	return 0
}

// spent returns how much of a processor has been spent on what takes part.
func (c *contest) spent() map[string]time.Duration {
	of := map[string]int{"worker": c.predicting, "S3": c.s3.Pid(), "who asks": os.Getpid(), "who promotes": c.promoting}
	spent := make(map[string]time.Duration, len(of))
	for name, pid := range of {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		for _, path := range tasks {
			text, _ := os.ReadFile(path) // a thread may have ended
			var nanoseconds int64
			_, _ = fmt.Sscan(string(text), &nanoseconds)
			spent[name] += time.Duration(nanoseconds)
		}
	}
	return spent
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
	if len(l) == 0 {
		return "none"
	}
	slices.Sort(l)
	at := func(q float64) float64 { return l[int(q*float64(len(l)-1))].Seconds() * 1000 }
	return fmt.Sprintf("%.2f %.2f %.2f", at(.5), at(.99), at(1))
}

// load asks while do goes on, and checks every answer.
func (c *contest) load(url string, d time.Duration, do func()) (l latencies) {
	c.Helper()
	if *perSecond == 0 {
		do()
		return nil
	}
	var asked atomic.Int64
	targets := func(t *vegeta.Target) error {
		i := int(asked.Add(1))
		t.Method, t.URL = http.MethodPost, url+"/v1/models/price:predict?q="+strconv.Itoa(i%len(c.bodies))
		t.Body = c.bodies[i%len(c.bodies)]
		return nil
	}
	attacker := vegeta.NewAttacker()
	results := attacker.Attack(targets, vegeta.Rate{Freq: *perSecond, Per: time.Second}, d, "")
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

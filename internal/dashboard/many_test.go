package dashboard_test

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"retrain"
	"retrain/internal/app"
)

// How much the page is measured with: make bench-page.
var (
	manyModels = flag.Int("page-models", 0, "measure the page with so many models; 0: not")
	manyRuns   = flag.Int("page-runs", 10_000, "runs of one of them")
	updates    = flag.Int("page-updates", 100, "updates of progress a second")
	watched    = flag.Duration("page-for", 10*time.Second, "how long it is watched")
)

// What the page costs with many models, many runs and many changes. It asserts little: it prints what was measured.
func TestManyModels(t *testing.T) {
	if *manyModels == 0 {
		t.Skip("-page-models says how many")
	}
	b := browser(t)
	a := crowd(t)
	url := serve(t, a, "")
	stop := stir(t, a)
	defer stop()
	b.size(1280, 900)

	b.value("performance.now()") // the browser is up
	for _, visit := range []string{"first visit", "second visit"} {
		b.open(url + "/")
		b.until("rows are there", "document.querySelectorAll('table.models tbody tr').length > 0")
		t.Logf("%s: first paint %s ms, first row by %s ms after the navigation began", visit, b.value("Math.round(performance.getEntriesByName('first-contentful-paint')[0]?.startTime)"),
			b.value("Math.round(performance.getEntriesByName('first-row')[0]?.startTime ?? performance.now())"))
	}
	t.Logf("first load: %s", b.value(loaded))
	b.value("window.words = document.querySelector('table.models').innerText")
	b.until("rows move", "document.querySelector('table.models').innerText !== window.words")
	b.watch("all models")
	b.value("[...document.querySelectorAll('button.more')].forEach((e) => { for (let i = 0; i < 10; i++) e.click(); })")
	b.until("all rows are there", fmt.Sprintf("document.querySelectorAll('table.models tbody tr').length === %d", *manyModels))
	b.watch("all models, all rows shown")
	b.types()

	b.value("window.began = performance.now(), location.hash = '#/models/m0000'")
	b.until("its runs are there", "document.querySelectorAll('section table.list tbody tr').length >= 25")
	t.Logf("a model of %d runs: shown by %s ms", *manyRuns, b.value("Math.round(performance.now() - window.began)"))
	b.value("window.began = performance.now()")
	b.press("button", "Earlier runs")
	b.until("earlier runs are there", "document.querySelectorAll('section table.list tbody tr').length >= 75")
	t.Logf("50 earlier ones by %s ms", b.value("Math.round(performance.now() - window.began)"))
	b.watch("a model")
	b.quiet()
}

// How far frames were apart, where the page draws each that it can.
const frames = `(() => { cancelAnimationFrame(window.beat); const f = window.frames_.slice(1).sort((a, b) => a - b), at = (q) => Math.round(f[Math.floor(q * (f.length - 1))] ?? 0);
	return Math.round(1000 * f.length / f.reduce((a, b) => a + b, 0)) + ' a second, p50 ' + at(0.5) + ' p99 ' + at(0.99) + ' max ' + at(1) + ' ms apart'; })()`

// What came over the network until the first rows: bytes as sent and unpacked, without the stream.
const loaded = `(() => { const all = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')].filter((e) => !e.name.includes('/stream'));
	const sum = (of) => Math.round(all.reduce((n, e) => n + e[of], 0) / 102.4) / 10; return all.length + ' requests, ' + sum('encodedBodySize') + ' kB, unpacked ' + sum('decodedBodySize') + ' kB'; })()`

// types prints how long the page takes from a key to what it shows: its interactions, as the browser counts them.
func (b *tab) types() {
	b.Helper()
	b.value("window.events = [], new PerformanceObserver((l) => window.events.push(...l.getEntries().filter((e) => e.name === 'keydown' || e.name === 'input').map((e) => e.duration))).observe({type: 'event', durationThreshold: 16})")
	b.value("document.querySelector('input[type=search]').focus()")
	for _, key := range "m00 regr" {
		b.keys(string(key))
	}
	b.until("the search is done", "document.querySelectorAll('table.models tbody tr').length < 200")
	for range 8 {
		b.keys(kb.Backspace)
	}
	b.until("all rows are back", "document.querySelectorAll('table.models tbody tr').length >= 100")
	b.Logf("typing into the search: %s", b.value("'slow (16 ms and more): ' + window.events.length + '; ms: ' + window.events.sort((a, b) => a - b).join(' ')"))
}

// watch prints what looking at the page costs.
func (b *tab) watch(what string) {
	b.Helper()
	b.value("window.frames_ = [], window.last = performance.now(), window.beat = requestAnimationFrame(function f(t) { frames_.push(t - last); last = t; beat = requestAnimationFrame(f); })")
	b.value("window.long = [], new PerformanceObserver((l) => window.long.push(...l.getEntries().map((e) => e.duration))).observe({entryTypes: ['longtask']})")
	before, server, began := b.costs(), cpu(), time.Now()
	select {
	case <-time.After(*watched): // this is a measurement of so long
	case <-b.Context().Done():
	}
	after, took := b.costs(), time.Since(began).Seconds()
	share := func(name string) float64 { return 100 * (after[name] - before[name]) / took }
	b.Logf("%s: of one core the page takes %.1f %% (scripts %.1f %%, layout %.1f %%, styles %.1f %%), the server with what stirs it %.1f %%; long tasks: %s; frames %s; heap %.1f MB, %.0f nodes",
		what, share("TaskDuration"), share("ScriptDuration"), share("LayoutDuration"), share("RecalcStyleDuration"), 100*(cpu()-server)/took,
		b.value("window.long.length + ' (' + Math.round(Math.max(0, ...window.long)) + ' ms at most)'"), b.value(frames), after["JSHeapUsedSize"]/1e6, after["Nodes"])
}

// costs returns what the browser has counted.
func (b *tab) costs() map[string]float64 {
	b.Helper()
	costs := make(map[string]float64)
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		if _, err := cdp.Call(ctx, t, performance.Enable, performance.EnableParams{}); err != nil {
			return err
		}
		all, err := cdp.Call(ctx, t, performance.GetMetrics, cdp.Empty{})
		if err != nil {
			return err
		}
		for _, m := range all.Metrics {
			costs[m.Name] = m.Value
		}
		return nil
	}))
	return costs
}

// cpu returns the seconds that this process has computed.
func cpu() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// crowd returns a system of many models, of which the first has many runs and the others are at work.
func crowd(t *testing.T) *app.App {
	t.Helper()
	var text strings.Builder
	text.WriteString("resources: {products: {}}\nmodels:\n")
	for i := range *manyModels {
		fmt.Fprintf(&text, "  m%04d: {type: regression, resource: products, features: [cost], target: price, autoTrain: true, trainAfterInserts: 100}\n", i)
	}
	a := open(t, text.String())
	t.Logf("%d models are declared", *manyModels)
	g, ctx := errgroup.WithContext(t.Context())
	g.SetLimit(16)
	for n := range *manyRuns {
		g.Go(func() error {
			id := retrain.RunID{Model: "m0000", Number: n + 1}
			if err := a.Runs.CreateRun(ctx, retrain.Run{ID: id, Reason: retrain.ByInserts, RequestedAt: time.Now()}); err != nil {
				return err
			}
			_, err := a.Runs.FinishRun(ctx, id, retrain.Result{State: retrain.Failed, EndedAt: time.Now(), Error: retrain.Errorf(retrain.TrainingError, "of no consequence")})
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d runs are stored", *manyRuns)
	for i := range *manyModels {
		s := retrain.State{Latest: 1, Running: 1, Inserted: i % 100}
		if i == 0 {
			s = retrain.State{Latest: *manyRuns}
		}
		model := fmt.Sprintf("m%04d", i)
		if err := a.Redis.Redis.Del(t.Context(), "retrain:{"+model+"}:state").Err(); err != nil { // what is known already would stay
			t.Fatal(err)
		}
		if err := a.Ledger.Reset(t.Context(), model, s, nil, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// stir shows progress of one model after another, so many times a second, until it is stopped.
func stir(t *testing.T, a *app.App) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	pace := rate.NewLimiter(rate.Limit(*updates), 1)
	go func() {
		defer close(ended)
		for n := 0; pace.Wait(ctx) == nil; n++ {
			model := fmt.Sprintf("m%04d", 1+n%(*manyModels-1))
			epoch := 1 + n / *manyModels
			p := retrain.Progress{Run: model + "-1", State: retrain.Running, CurrentEpoch: epoch, TotalEpochs: 1000, ProgressPercentage: float64(epoch) / 10,
				EstimatedRemainingSeconds: 100, Samples: 1000, TrainMetrics: map[string]float64{"loss": 1 / float64(n+1)}, EvalMetrics: map[string]float64{"loss": 2 / float64(n+1)}}
			if err := a.Ledger.SetProgress(ctx, model, p); err != nil && ctx.Err() == nil {
				t.Error(err)
				return
			}
		}
	}()
	return func() { cancel(); <-ended }
}

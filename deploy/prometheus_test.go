package deploy_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"retrain/internal/testenv"
)

// How long Prometheus may take until it knows something. Nothing waits for that time to pass.
const scraped = 2 * time.Minute

// A scraper is a real Prometheus that scrapes processes of ours, by their pods' names.
type scraper struct {
	*testing.T
	*process
	url string
}

// newScraper starts one that has the chart's rules.
func newScraper(t *testing.T, pods map[string]string, flags ...string) *scraper {
	t.Helper()
	program, dir, addr := debian(t, "prometheus"), t.TempDir(), freeAddress()
	var targets []any
	for pod, target := range pods {
		targets = append(targets, map[string]any{"targets": []string{target}, "labels": map[string]string{"namespace": "ml", "pod": pod}})
	}
	writeYAML(t, filepath.Join(dir, "rules.yaml"), chartRules(t))
	writeYAML(t, filepath.Join(dir, "prometheus.yaml"), map[string]any{
		"global":         map[string]any{"scrape_interval": "2s", "scrape_timeout": "2s", "evaluation_interval": "1s"},
		"rule_files":     []string{"rules.yaml"},
		"scrape_configs": []any{map[string]any{"job_name": "retrain", "static_configs": targets}},
	})
	p := start(t, program, append([]string{"--config.file=" + filepath.Join(dir, "prometheus.yaml"), "--storage.tsdb.path=" + filepath.Join(dir, "data"),
		"--web.listen-address=" + addr}, flags...)...)
	return &scraper{T: t, process: p, url: "http://" + addr}
}

// get asks its API.
func (p *scraper) get(path string, query url.Values, into any) error {
	r, err := http.Get(p.url + "/api/v1/" + path + "?" + query.Encode())
	if err != nil {
		return err
	}
	defer r.Body.Close()
	var answer struct {
		Status, Error string
		Data          json.RawMessage
	}
	if err := json.NewDecoder(r.Body).Decode(&answer); err != nil {
		return err
	}
	if answer.Status != "success" {
		return fmt.Errorf("%s %v: %s", path, query, answer.Error)
	}
	return json.Unmarshal(answer.Data, into)
}

// answers waits until an expression has a value.
func (p *scraper) answers(expr string) {
	p.Helper()
	testenv.Eventually(p.T, scraped, func() error {
		var data struct{ Result []json.RawMessage }
		err := p.get("query", url.Values{"query": {expr}}, &data)
		if err == nil && len(data.Result) == 0 {
			err = fmt.Errorf("no data: %s", expr)
		}
		return err
	})
}

// reaches waits until every target and rule has been looked at, and fails the test where one is not as it should be.
func (p *scraper) reaches(targets int) {
	p.Helper()
	testenv.Eventually(p.T, scraped, func() error {
		var all struct {
			ActiveTargets []struct{ ScrapeURL, Health, LastError string }
		}
		if err := p.get("targets", nil, &all); err != nil {
			return err
		}
		for _, t := range all.ActiveTargets {
			if t.Health != "up" {
				return fmt.Errorf("%s is %s: %s", t.ScrapeURL, t.Health, t.LastError)
			}
		}
		if len(all.ActiveTargets) != targets {
			return fmt.Errorf("%d targets, want %d", len(all.ActiveTargets), targets)
		}
		return nil
	})
	var rules struct {
		Groups []struct {
			Rules []struct{ Name, Health, LastError string }
		}
	}
	if err := p.get("rules", nil, &rules); err != nil {
		p.Fatal(err)
	}
	for _, r := range rules.Groups[0].Rules {
		if r.Health == "err" {
			p.Errorf("%s: %s", r.Name, r.LastError)
		}
	}
}

var loud = regexp.MustCompile(`(?i)level="?(warn|error)`)

// quiet ends the server and fails the test where it complained.
func (p *scraper) quiet() {
	p.Helper()
	p.signal(syscall.SIGTERM)
	if !strings.Contains(p.log.String(), "Server is ready to receive web requests") {
		p.Error("it was never ready")
	}
	for line := range strings.Lines(p.log.String()) {
		if loud.MatchString(line) && !strings.Contains(line, "Received SIGTERM") {
			p.Errorf("Prometheus complains: %s", line)
		}
	}
}

// stumbling is a server of S3 that answers 503 as often as it is told to.
func (s *system) stumbling() (w *watcher, times *atomic.Int32) {
	s.Helper()
	times = new(atomic.Int32)
	w = watch(s.T, s.store.Endpoint, s.store.Bucket)
	to := w.Config.Handler
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if times.Add(-1) >= 0 {
			http.Error(w, "later", http.StatusServiceUnavailable)
			return
		}
		to.ServeHTTP(w, r)
	}))
	s.Cleanup(front.Close)
	return &watcher{Server: front}, times
}

const twoModels = lineModel + `
  long: {type: regression, resource: line, features: [x], target: y, modelConfig: {epochs: 1000000, batchSize: 2, learningRate: 0.0001}}
`

// A real Prometheus scrapes every role, each a process of its own, from an insert to predictions and through what may go wrong: it finds
// nothing to complain of, knows all that is documented, and has data for every picture of the dashboard.
func TestPrometheusScrapesEveryRole(t *testing.T) {
	t.Parallel()
	debian(t, "prometheus")
	redis := testenv.Redis(t)
	s := newSystem(t, map[string]any{"addr": redis})
	pods := map[string]string{"producer": freeAddress(), "scheduler": freeAddress(), "trainer": freeAddress(), "predictor": s.url,
		"standalone": freeAddress(), "standalone-predicts": freeAddress()}
	s3, stumbles := s.stumbling()
	s.run("producer", "serve", "--listen", pods["producer"])
	s.as(s3, "scheduler", "--listen", pods["scheduler"])
	trainer := s.run("worker", "train", "--listen", pods["trainer"])
	s.predictor()
	alone := start(t, filepath.Join(s.bin, "standalone"), "--data", t.TempDir(), "--listen", pods["standalone"], "--predict-listen", pods["standalone-predicts"])
	t.Cleanup(func() { alone.signal(syscall.SIGTERM) })
	for _, addr := range pods {
		testenv.Eventually(t, scraped, func() error { return answered(http.Get("http://" + addr + "/healthz")) })
	}
	p := newScraper(t, pods)
	native := newScraper(t, pods, "--enable-feature=native-histograms")

	s.asked(pods["producer"])
	s.poisoned(redis)
	p.answers(`increase(retrain_tasks_total{outcome="poisoned"}[1h])`) // it is forgotten with its worker
	s.do(nil, "train", "long")
	p.answers(`retrain_training_progress_ratio{model="long"}`)
	trainer.signal(syscall.SIGKILL)
	trainer.start(t)
	p.answers("retrain_training_orphans_total")
	stumbles.Store(3)
	p.answers(`retrain_training_epoch{model="long"}`) // it goes on

	p.reaches(len(pods))
	for _, expr := range panels(t) {
		p.answers(expr)
	}
	for name := range exported(t) {
		if name != "retrain_model_refused_info" { // nothing was refused
			p.answers(fmt.Sprintf(`last_over_time({__name__=~"%s(_count)?"}[1h])`, name)) // also of the worker that is gone
		}
	}
	p.quiet()
	native.answers(`histogram_count(retrain_http_request_duration_seconds)`)
	native.reaches(len(pods))
	native.quiet()
}

func answered(r *http.Response, err error) error {
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", r.Request.URL, r.Status)
	}
	return nil
}

// asked has a model trained, and asked by people and programs until its drift can be told.
func (s *system) asked(producer string) {
	s.Helper()
	insert := s.declare(twoModels)
	insert()
	insert()
	s.counted(20)
	s.flow(1, 20)
	for i := range 2 {
		rows := strings.Repeat(`{"x":3},`, 499) + fmt.Sprintf(`{"x":%d}`, i)
		if err := answered(http.Post("http://"+s.url+"/v1/models/line:predict", "application/json", strings.NewReader(`{"instances":[`+rows+`]}`))); err != nil {
			s.Fatal(err)
		}
	}
	for id := range 3 {
		text := fmt.Sprintf(`[{"id":"http-%d","x":1,"y":2}]`, id)
		if err := answered(http.Post("http://"+producer+"/v1/resources/line/records", "application/json", strings.NewReader(text))); err != nil {
			s.Fatal(err)
		}
	}
}

// poisoned hands a worker a task that nobody understands, and waits until it is put aside.
func (s *system) poisoned(redis string) {
	s.Helper()
	to := asynq.RedisClientOpt{Addr: redis}
	client, inspector := asynq.NewClient(to), asynq.NewInspector(to)
	defer client.Close()
	defer inspector.Close()
	if _, err := client.Enqueue(asynq.NewTask("of-another-release", nil), asynq.Queue("train-default")); err != nil {
		s.Fatal(err)
	}
	testenv.Eventually(s.T, scraped, func() error {
		q, err := inspector.GetQueueInfo("train-default")
		if err == nil && q.Archived != 1 {
			err = fmt.Errorf("the queue has %+v", q)
		}
		return err
	})
}

// panels returns the expressions of the dashboard, in the namespace ml, by their panels' titles.
func panels(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("helm/files/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr, RefID string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			all[p.Title+" "+target.RefID] = strings.ReplaceAll(target.Expr, "$namespace", "ml")
		}
	}
	if len(all) < 25 {
		t.Errorf("only %d expressions", len(all))
	}
	return all
}

package deploy_test

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"retrain/internal/testenv"
)

// What the roles ask of Redis and S3 while nothing happens, by the number of models and of runs that were: docs/scale.md
// multiplies it. It takes five minutes.
func TestWhatIdlingCosts(t *testing.T) {
	if !*long {
		t.Skip("-long measures it")
	}
	addr := testenv.Redis(t)
	c := redis.NewClient(&redis.Options{Addr: addr})
	t.Cleanup(func() { _ = c.Close() })
	s := newSystem(t, map[string]any{"addr": addr})
	s.declare(models(1, "line"))()
	before := s.idle(c, "scheduler", "1 model, no runs", "scheduler", "--listen", "127.0.0.1:0")
	s.idle(c, "trainer", "all lanes", "worker", "train")
	s.idle(c, "trainer", "3 lanes", "worker", "train", "--device", "gpu")
	s.idle(c, "predictor", "1 model", "worker", "predict", "--listen", s.url)

	w := s.trainer()
	for range 8 {
		s.do(nil, "train", "line", "--wait")
	}
	w.signal(syscall.SIGTERM)
	after := s.idle(c, "scheduler", "1 model, 8 runs", "scheduler", "--listen", "127.0.0.1:0")
	if after > before+4 {
		t.Errorf("%d requests to S3 a minute with 8 runs, %d without: they grow with history", after, before)
	}
	s.declare(models(20, "more"))
	s.idle(c, "scheduler", "21 models", "scheduler", "--listen", "127.0.0.1:0")
	s.idle(c, "predictor", "21 models", "worker", "predict", "--listen", s.url)
}

func models(n int, name string) string {
	var b strings.Builder
	b.WriteString("resources: {line: {}}\nmodels:\n")
	for i := range n {
		as := name
		if n > 1 {
			as += strconv.Itoa(i)
		}
		fmt.Fprintf(&b, "  %s: {type: regression, resource: line, features: [x], target: y, autoTrain: true, trainAfterInserts: 100000, modelConfig: {epochs: 2}}\n", as)
	}
	return b.String()
}

// idle runs one program alone for a minute, and returns how often it asked S3.
func (s *system) idle(c *redis.Client, role, what, program string, args ...string) int {
	s.Helper()
	w := watch(s.T, s.store.Endpoint, s.store.Bucket)
	p := s.as(w, program, args...)
	pause(s.T, 8*time.Second) // to start
	requests, commands, began := w.counts(), processed(s.T, c), time.Now()
	pause(s.T, time.Minute)
	took := time.Since(began)
	redisRate := float64(processed(s.T, c)-commands) / took.Seconds()
	after := w.counts()
	total := 0
	var parts []string
	for _, action := range []string{"s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"} {
		n := after[action] - requests[action]
		total += n
		parts = append(parts, fmt.Sprintf("%s %d", strings.TrimPrefix(action, "s3:"), n))
	}
	p.signal(syscall.SIGTERM)
	s.Logf("%-10s %-16s Redis %.1f commands/s; S3 in a minute: %s", role, what, redisRate, strings.Join(parts, ", "))
	return total
}

// counts returns how often each action was asked for.
func (w *watcher) counts() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := map[string]int{}
	for a, n := range w.asked {
		action, _, _ := strings.Cut(a, " ")
		all[action] += n
	}
	return all
}

// processed returns how many commands a server has run.
func processed(t *testing.T, c *redis.Client) int {
	t.Helper()
	info, err := c.Info(t.Context(), "stats").Result()
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(info, "total_commands_processed:")
	n, err := strconv.Atoi(strings.TrimSpace(strings.SplitN(after, "\n", 2)[0]))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

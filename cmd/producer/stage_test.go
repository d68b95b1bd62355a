package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"retrain"
	"retrain/internal/app"
	"retrain/internal/embedded"
	"retrain/internal/testenv"
	"retrain/tasks"
)

// A stage is a system of its own for one test: a redis-server, a bucket, and the file that says where they are.
type stage struct {
	*testing.T
	redis  *embedded.Redis
	config app.Config
	file   string
}

func newStage(t *testing.T) *stage {
	t.Helper()
	t.Parallel()
	store := testenv.S3(t)
	s := &stage{T: t, redis: testenv.StartRedis(t), file: filepath.Join(t.TempDir(), "client.yaml")}
	s.config = app.Config{Redis: app.Redis{Addr: s.redis.Addr()}, S3: app.S3{Bucket: store.Bucket, Endpoint: store.Endpoint,
		Region: store.Region, PathStyle: true, AccessKeyID: store.AccessKeyID, SecretAccessKey: store.SecretAccessKey}}
	if err := s.config.WriteClient(s.file); err != nil {
		t.Fatal(err)
	}
	return s
}

const declared = `
resources:
  products: {partitions: {byColour: [colour]}}
models:
  price:
    type: regression
    resource: products
    features: [cost]
    target: price
    filter: "price > 0"
    autoTrain: true
    trainAfterInserts: 5
    minTrainingSamples: 3
  never: {type: regression, resource: products, features: [cost], target: price}
`

// applied declares what the tests are about.
func (s *stage) applied() *stage {
	s.Helper()
	s.ok("apply", "-f", s.write("retrain.yaml", declared))
	return s
}

// write writes a file and returns its path.
func (s *stage) write(name, text string) string {
	s.Helper()
	path := filepath.Join(s.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
	return path
}

// A result is what came of a command.
type result struct {
	code           int
	stdout, stderr string
}

// run types a command, in this process.
func (s *stage) run(args ...string) result {
	s.Helper()
	return s.typed(s.Context(), "", args...)
}

func (s *stage) typed(ctx context.Context, stdin string, args ...string) result {
	s.Helper()
	return typed(ctx, stdin, append(args, "--config", s.file)...)
}

// The library that reads command lines keeps the help flag in a variable: one reads at a time.
var reading sync.Mutex

func typed(ctx context.Context, stdin string, args ...string) result {
	return (&program{Stdin: strings.NewReader(stdin)}).typed(ctx, args...)
}

// typed runs a program, one command line being read at a time.
func (p *program) typed(ctx context.Context, args ...string) result {
	var stdout, stderr bytes.Buffer
	reading.Lock()
	read := sync.OnceFunc(reading.Unlock)
	defer read()
	p.Stdout, p.Stderr, p.parsed = &stdout, &stderr, read
	code := p.Run(ctx, append([]string{"producer"}, args...))
	return result{code, stdout.String(), stderr.String()}
}

// ok types a command that must go well, and returns its stdout.
func (s *stage) ok(args ...string) string {
	s.Helper()
	r := s.run(args...)
	if r.code != 0 {
		s.Fatalf("producer %s: exit %d\n%s%s", strings.Join(args, " "), r.code, r.stdout, r.stderr)
	}
	return r.stdout
}

// json types a command with --json and decodes the one value that it must print.
func (s *stage) json(into any, args ...string) {
	s.Helper()
	decodeOne(s.T, s.ok(append(args, "--json")...), into)
}

func decodeOne(t *testing.T, text string, into any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	if err := d.Decode(into); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if d.More() {
		t.Fatalf("more than one JSON value: %s", text)
	}
}

// fails types a command that must fail with a code and words in its message, on stderr and, with --json, on stdout.
func (s *stage) fails(code retrain.Code, words string, args ...string) {
	s.Helper()
	r := s.run(args...)
	if r.code != 1 || !strings.HasPrefix(lastError(r.stderr), string(code)+": ") || !strings.Contains(r.stderr, words) || r.stdout != "" {
		s.Errorf("producer %s: exit %d, want 1 and %s … %s\nstdout: %sstderr: %s", strings.Join(args, " "), r.code, code, words, r.stdout, r.stderr)
	}
	r = s.run(append(args, "--json")...)
	var answer struct{ Error failure }
	decodeOne(s.T, r.stdout, &answer)
	if r.code != 1 || answer.Error.Code != code || !strings.Contains(answer.Error.Message+answer.Error.Hint, words) {
		s.Errorf("producer %s --json: exit %d, %+v, want %s … %s", strings.Join(args, " "), r.code, answer.Error, code, words)
	}
}

// lastError returns stderr from the line that names an error class on.
func lastError(stderr string) string {
	lines := strings.SplitAfter(stderr, "\n")
	for i, line := range lines {
		if strings.Contains(strings.SplitN(line, ":", 2)[0], "Error") {
			return strings.Join(lines[i:], "")
		}
	}
	return stderr
}

// works starts a worker that trains and predicts, with a learner in plain Go: what TensorFlow does is tested elsewhere.
func (s *stage) works() *stage {
	s.Helper()
	return s.worksBy(meanFitter{})
}

func (s *stage) worksBy(f retrain.Fitter) *stage {
	s.Helper()
	log := slog.New(slog.DiscardHandler)
	a, err := app.Open(s.Context(), &s.config, log)
	if err != nil {
		s.Fatal(err)
	}
	live := a.Live(loadMean, s.TempDir())
	live.Poll = 100 * time.Millisecond
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- live.Run(ctx) }()
	w := &tasks.Worker{Conn: a.Redis, Train: a.Training(f).Do, Predict: live.Ask, Chunk: a.Chunks(live).Do, Log: log}
	if err := w.Start(ctx); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		w.Shutdown()
		stop()
		<-done
		_ = a.Close() // nobody needs it any more
	})
	return s
}

// eventually runs f until it returns nil.
func (s *stage) eventually(f func() error) {
	s.Helper()
	testenv.Eventually(s.T, 20*time.Second, f)
}

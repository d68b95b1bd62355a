package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"retrain"
	"retrain/internal/testenv"
)

// asProducer says to the binary of the tests that it is the producer itself.
const asProducer = "RETRAIN_TEST_AS_PRODUCER"

func TestMain(m *testing.M) {
	if os.Getenv(asProducer) != "" {
		main()
	}
	os.Exit(m.Run())
}

// process returns a command as a process of its own.
func (s *stage) process(args ...string) *exec.Cmd {
	s.Helper()
	cmd := exec.CommandContext(s.Context(), os.Args[0], append(args, "--config", s.file)...)
	cmd.Env = append(os.Environ(), asProducer+"=1", "TERM=xterm", "NO_COLOR=")
	return cmd
}

// A terminal is a process on a terminal, and what it has shown so far.
type terminal struct {
	*stage
	cmd   *exec.Cmd
	keys  *os.File
	mu    sync.Mutex // guards shown
	shown strings.Builder
	ended chan error
}

// terminal starts a command on a terminal of its own.
func (s *stage) terminal(args ...string) *terminal {
	s.Helper()
	x := &terminal{stage: s, cmd: s.process(args...), ended: make(chan error, 1)}
	var err error
	if x.keys, err = pty.StartWithSize(x.cmd, &pty.Winsize{Rows: 30, Cols: 110}); err != nil {
		s.Fatal(err)
	}
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := x.keys.Read(b)
			x.mu.Lock()
			x.shown.Write(b[:n])
			x.mu.Unlock()
			if err != nil { // a terminal whose process has ended cannot be read
				x.ended <- x.cmd.Wait()
				return
			}
		}
	}()
	s.Cleanup(func() { _ = x.keys.Close() })
	return x
}

func (x *terminal) text() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.shown.String()
}

// sees waits until all words have been shown since the last time.
func (x *terminal) sees(words ...string) {
	x.Helper()
	testenv.Eventually(x.T, 30*time.Second, func() error {
		for _, w := range words {
			if !strings.Contains(x.text(), w) {
				return fmt.Errorf("%q is not in %q", w, x.text())
			}
		}
		return nil
	})
}

// forget forgets what was shown.
func (x *terminal) forget() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.shown.Reset()
}

// end types keys and returns the exit code.
func (x *terminal) end(keys string) int {
	x.Helper()
	if _, err := x.keys.WriteString(keys); err != nil {
		x.Fatal(err)
	}
	return x.code()
}

// code waits for the end and returns the exit code.
func (x *terminal) code() int {
	x.Helper()
	select {
	case err := <-x.ended:
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			return exit.ExitCode()
		}
		return 0
	case <-time.After(30 * time.Second):
		x.Fatalf("it does not end: %q", x.text())
		return -1
	}
}

// A slowFitter shows three of ten epochs and goes on when it is told to.
type slowFitter struct{ goOn chan struct{} }

func (f slowFitter) Fit(ctx context.Context, job retrain.Job) (retrain.Fit, error) {
	job.Progress(retrain.Progress{CurrentEpoch: 3, TotalEpochs: 10, ProgressPercentage: 30, EstimatedRemainingSeconds: 7, TrainMetrics: map[string]float64{"loss": 0.25},
		Curve: &retrain.Curve{Epochs: []int{1, 2, 3}, Losses: []float64{1, 0.5, 0.25}}})
	select {
	case <-f.goOn:
	case <-ctx.Done():
		return retrain.Fit{}, ctx.Err()
	}
	return meanFitter{}.Fit(ctx, job)
}

// What a person sees who watches a training.
func TestWatchOnATerminal(t *testing.T) {
	f := slowFitter{make(chan struct{})}
	s := newStage(t).applied().worksBy(f)
	x := s.terminal("status", "--watch", "--interval", "100ms")
	x.sees(otherScreen, "2 models", "price", "untrained")
	s.ok("insert", "products", s.write("six.csv", sixRows))
	s.ok("train", "price")
	x.sees("1 running", "epoch 3/10", "loss 0.25", "7s left", "█▄▁", strings.Repeat("█", 12)+"░", "1 of ", "at work", "train-default 1 at work", "trains all")
	s.redis.Kill()
	x.sees("redis ")
	if err := s.redis.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	close(f.goOn)
	x.sees("trained")
	x.forget()
	if code := x.end("\x03"); code != 0 {
		t.Errorf("exit %d", code)
	}
	if _, after, ok := strings.Cut(x.text(), firstScreen); !ok || !strings.Contains(after, "price") {
		t.Errorf("the terminal is not as it was: %q", x.text())
	}
}

// A command that is ended by a signal leaves nothing half done, and says so.
func TestSignals(t *testing.T) {
	s := newStage(t).applied()
	const rows = 40_000
	var text strings.Builder
	text.WriteString("cost,price\n")
	for i := range rows {
		fmt.Fprintf(&text, "%d,-1\n", i)
	}
	file := s.write("many.csv", text.String())
	x := s.terminal("insert", "products", file, "--batch-id", "many")
	x.sees("insert", "%") // the bar
	if err := x.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if code := x.code(); code == 1 {
		x.sees("interrupted", "--batch-id many goes on")
	} // else it had ended
	var n struct{ Count int }
	if s.json(&n, "records", "products", "--count"); n.Count%portion != 0 {
		t.Errorf("half a batch: %d records", n.Count)
	}
	s.ok("insert", "products", file, "--batch-id", "many")
	if s.json(&n, "records", "products", "--count"); n.Count != rows {
		t.Errorf("%d records, want %d", n.Count, rows)
	}
}

// A bulk that is ended by a signal leaves no half file, and the same command goes on.
func TestABulkIsInterrupted(t *testing.T) {
	s := newStage(t).applied().works()
	s.ok("insert", "products", s.write("six.csv", sixRows))
	s.ok("train", "price", "--wait")
	const rows = 20_000
	var text strings.Builder
	text.WriteString("cost\n")
	for i := range rows {
		fmt.Fprintf(&text, "%d\n", i)
	}
	file, out := s.write("many.csv", text.String()), s.write("answers.jsonl", "as before\n")
	x := s.terminal("predict", "price", "-f", file, "-o", out, "--chunk", "200")
	x.sees("predict", "%")
	if err := x.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := x.code(); code == 1 {
		x.sees("interrupted", "the same command goes on")
		if b, err := os.ReadFile(out); err != nil || string(b) != "as before\n" {
			t.Errorf("%v, %d bytes", err, len(b))
		}
	} // else it had ended
	if _, err := os.Stat(out + ".part"); err == nil {
		t.Error("a part of the answers is left")
	}
	s.ok("predict", "price", "-f", file, "-o", out, "--chunk", "200")
	if b, err := os.ReadFile(out); err != nil || strings.Count(string(b), "\n") != rows {
		t.Errorf("%v, %d answers, want %d", err, strings.Count(string(b), "\n"), rows)
	}
}

// Files come from stdin and go to stdout.
func TestDash(t *testing.T) {
	s := newStage(t).applied().works()
	s.typed(t.Context(), sixRows, "insert", "products", "-", "--format", "csv")
	s.ok("train", "price", "--wait")
	model := s.ok("export", "price", "--format", "json", "-o", "-")
	if r := s.typed(t.Context(), model, "import", "-", "--as", "copy", "--apply", "--wait", "--json"); r.code != 0 {
		t.Errorf("import: %+v", r)
	}
	if r := s.typed(t.Context(), "{", "import", "-", "--as", "copy"); r.code != 1 || !strings.Contains(r.stderr, "DataValidationError") {
		t.Errorf("import of half a file: %+v", r)
	}
	r := s.typed(t.Context(), "cost,price\n1,2\n2,4\n3,6.5\n", "init", "-", "--format", "csv", "-o", "-")
	if r.code != 0 || !strings.Contains(r.stdout, "records: {}") {
		t.Errorf("init: %+v", r)
	}
	if r := s.typed(t.Context(), r.stdout, "apply", "-f", "-"); r.code != 0 {
		t.Errorf("apply: %+v", r)
	}
	if r := s.typed(t.Context(), `{"cost":3}`, "predict", "price", "-f", "-", "--json"); r.code != 0 || !strings.Contains(r.stdout, `"prediction"`) {
		t.Errorf("predict: %+v", r)
	}
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"retrain"
	"retrain/internal/app"
	"retrain/internal/embedded"
	"retrain/internal/testenv"
)

// The test binary is also the program, so that the tests can kill it.
func TestMain(m *testing.M) {
	if os.Getenv("RETRAIN_TEST_STANDALONE") != "" {
		main()
	}
	os.Exit(m.Run())
}

// A process is standalone on a data directory, with addresses that stay the same from start to start.
type process struct {
	*testing.T
	dir             string
	listen, predict string
	flags, env      []string
	cmd             *exec.Cmd
	log             *bytes.Buffer // of the last start
}

// standalone declares models and starts the program.
func standalone(t *testing.T, models string, env ...string) *process {
	t.Helper()
	t.Parallel() // they mostly wait for timeouts of what was killed
	p := &process{T: t, dir: t.TempDir(), listen: freeAddress(), predict: freeAddress(), env: env}
	config := filepath.Join(p.dir, "retrain.yaml")
	if err := os.WriteFile(config, []byte("resources: {products: {}}\nmodels:\n"+models), 0o600); err != nil {
		t.Fatal(err)
	}
	p.flags = []string{"--data", filepath.Join(p.dir, "data"), "--config", config, "--listen", p.listen, "--predict-listen", p.predict}
	t.Cleanup(p.finish)
	p.start()
	return p
}

func freeAddress() string { return fmt.Sprint("127.0.0.1:", embedded.FreePort(0)) }

// start starts the program and returns when it is ready.
func (p *process) start() {
	p.Helper()
	p.launch()
	for _, addr := range []string{p.listen, p.predict} {
		p.eventually(func() error { return p.get("http://"+addr+"/readyz", nil) })
	}
}

// launch starts the program and returns at once.
func (p *process) launch() {
	p.Helper()
	p.log = new(bytes.Buffer)
	p.cmd = exec.Command(os.Args[0], p.flags...)
	p.cmd.Env = append(append(os.Environ(), "RETRAIN_TEST_STANDALONE=1"), p.env...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		p.Fatal(err)
	}
}

// kill ends the program without a chance to do anything.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	_ = p.cmd.Wait()
}

// finish waits for the program's redis-server as well, which writes into the test's folder until it has ended.
func (p *process) finish() {
	p.kill()
	if h, err := embedded.Open(filepath.Join(p.dir, "data")); err == nil {
		last := embedded.Redis{Dir: filepath.Join(h.Dir, "redis"), Password: h.Keys.RedisPassword}
		_ = last.Start(context.Background()) // which ends the other one first
		last.Stop()
	}
	if p.Failed() {
		p.Logf("the log of the last start:\n%s", p.log)
	}
}

// stop asks the program to end, and returns how long it took.
func (p *process) stop() time.Duration {
	p.Helper()
	began := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		p.Fatalf("after SIGTERM: %v\n%s", err, p.log)
	}
	return time.Since(began)
}

func (p *process) eventually(f func() error) {
	p.Helper()
	testenv.Eventually(p.T, time.Minute, f)
}

// get asks for JSON.
func (p *process) get(url string, into any) error { return answered(into)(http.Get(url)) }

// post sends JSON, and reads the answer's.
func (p *process) post(url, body string, into any, header ...string) error {
	r, err := http.NewRequestWithContext(p.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return answered(into)(http.DefaultClient.Do(r))
}

func answered(into any) func(*http.Response, error) error {
	return func(r *http.Response, err error) error {
		if err != nil {
			return err
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		if r.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", r.Status, b)
		}
		if into == nil {
			return nil
		}
		return json.Unmarshal(b, into)
	}
}

// insert inserts a batch of rows, once: the same number again is the same batch.
func (p *process) insert(batch, rows int) error {
	var records bytes.Buffer
	for i := range rows {
		cost := float64(batch*rows + i)
		fmt.Fprintf(&records, `{"id":"%d-%d","cost":%g,"price":%g}`+"\n", batch, i, cost, 3*cost+7)
	}
	return p.post("http://"+p.listen+"/v1/resources/products/records", records.String(), nil, "Idempotency-Key", fmt.Sprint("batch-", batch))
}

func (p *process) status() (s retrain.ModelStatus, err error) {
	return s, p.get("http://"+p.listen+"/v1/models/price", &s)
}

// awaitStatus waits until the model's status is as wanted.
func (p *process) awaitStatus(what string, want func(s retrain.ModelStatus) bool) (s retrain.ModelStatus) {
	p.Helper()
	p.eventually(func() (err error) {
		if s, err = p.status(); err == nil && !want(s) {
			err = fmt.Errorf("not %s: %+v", what, s)
		}
		return err
	})
	return s
}

func (p *process) train() (run string) {
	p.Helper()
	var answer struct{ Run string }
	if err := p.post("http://"+p.listen+"/v1/models/price/train", "", &answer); err != nil {
		p.Fatal(err)
	}
	return answer.Run
}

// runs returns the model's runs, newest first.
func (p *process) runs() []app.ListedRun {
	p.Helper()
	var answer struct{ Runs []app.ListedRun }
	if err := p.get("http://"+p.listen+"/v1/models/price/runs", &answer); err != nil {
		p.Fatal(err)
	}
	return answer.Runs
}

// predictsWell waits until a version answers that knows that the price is about three times the cost.
func (p *process) predictsWell(wantVersion int) {
	p.Helper()
	p.eventually(func() error {
		var answer struct {
			Predictions []struct{ Prediction float64 }
			Version     int
		}
		err := p.post("http://"+p.predict+"/v1/models/price:predict?details=true", `{"instances":[{"cost":50}]}`, &answer)
		if err != nil {
			return err
		}
		if got := answer.Predictions[0].Prediction; answer.Version != wantVersion || got < 100 || got > 220 {
			return fmt.Errorf("version %d predicts %g, want version %d and about 157", answer.Version, got, wantVersion)
		}
		return nil
	})
}

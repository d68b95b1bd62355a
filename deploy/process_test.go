package deploy_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"retrain/internal/embedded"
	"retrain/internal/testenv"
)

var bin = flag.String("bin", "", "folder of the programs; built where it is empty")

// A process is a program that may be killed, and started again as it was.
type process struct {
	program string
	args    []string
	env     []string
	log     bytes.Buffer
	cmd     *exec.Cmd
}

// start runs a program until the test's end.
func start(t *testing.T, program string, args ...string) *process {
	t.Helper()
	return startWith(t, nil, program, args...)
}

// startWith adds to the environment.
func startWith(t *testing.T, env []string, program string, args ...string) *process {
	t.Helper()
	p := &process{program: program, args: args, env: env}
	p.start(t)
	t.Cleanup(func() {
		p.signal(syscall.SIGKILL)
		if t.Failed() {
			t.Logf("%s %v said\n%s", filepath.Base(program), args, tail(p.log.Bytes(), 3000))
		}
	})
	return p
}

func (p *process) start(t *testing.T) {
	t.Helper()
	p.cmd = exec.Command(p.program, p.args...)
	p.cmd.Env = append(os.Environ(), p.env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
}

// signal sends one and waits for the end.
func (p *process) signal(s syscall.Signal) {
	_ = p.cmd.Process.Signal(s) // it may have ended
	_ = p.cmd.Wait()
}

func tail(b []byte, n int) []byte { return b[max(0, len(b)-n):] }

// programs builds the programs and returns their folder. What has not changed since the last test is not
// built again.
var programs = sync.OnceValues(func() (string, error) {
	if *bin != "" {
		return *bin, nil
	}
	cache, _ := os.UserCacheDir() // a machine without one has a folder for temporary files
	dir := filepath.Join(cmp.Or(cache, os.TempDir()), "retrain-testenv", "deploy")
	out, err := exec.Command("go", "build", "-buildvcs=false", "-o", dir+"/", "retrain/cmd/producer", "retrain/cmd/scheduler", "retrain/cmd/worker", "retrain/cmd/standalone").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return dir, nil
})

// A system is the programs on one Redis and one bucket.
type system struct {
	*testing.T
	bin, config string
	url         string   // of predictions
	env         []string // of the producer's commands, besides this process'
	store       testenv.Store
}

// newSystem writes the configuration; redis is that section of it. Nothing is started.
func newSystem(t *testing.T, redis any) *system {
	t.Helper()
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	s := &system{T: t, bin: bin, config: filepath.Join(t.TempDir(), "retrain.yaml"), url: freeAddress(), store: testenv.S3(t)}
	store := s.store
	text, err := json.Marshal(map[string]any{"redis": redis, "predictUrl": "http://" + s.url, "s3": map[string]any{"bucket": store.Bucket,
		"endpoint": store.Endpoint, "region": store.Region, "pathStyle": true, "accessKeyId": store.AccessKeyID, "secretAccessKey": store.SecretAccessKey}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.config, text, 0o600); err != nil { // JSON is YAML too
		t.Fatal(err)
	}
	return s
}

func freeAddress() string { return fmt.Sprint("127.0.0.1:", embedded.FreePort(0)) }

// run starts a program of ours.
func (s *system) run(program string, args ...string) *process {
	s.Helper()
	return start(s.T, filepath.Join(s.bin, program), append(args, "--config", s.config)...)
}

// as runs a program of ours that reaches S3 by a watcher.
func (s *system) as(w *watcher, program string, args ...string) *process {
	s.Helper()
	return startWith(s.T, []string{"RETRAIN_S3_ENDPOINT=" + w.URL}, filepath.Join(s.bin, program), append(args, "--config", s.config)...)
}

func (s *system) scheduler() *process { return s.run("scheduler", "--listen", "127.0.0.1:0") }
func (s *system) trainer() *process   { return s.run("worker", "train", "--verbose") }
func (s *system) predictor() *process { return s.run("worker", "predict", "--listen", s.url) }

// try runs a command of the producer and reads its JSON into v, unless that is nil.
func (s *system) try(v any, args ...string) error {
	command := exec.Command(filepath.Join(s.bin, "producer"), append([]string{"--json", "--quiet", "--config", s.config}, args...)...)
	command.Env = append(os.Environ(), s.env...)
	out, err := command.Output()
	if err != nil {
		return fmt.Errorf("producer %v: %w: %s", args, err, out)
	}
	if v == nil {
		return nil
	}
	return json.Unmarshal(out, v)
}

// do tries until it succeeds, as people and clients do, and returns how long that took.
func (s *system) do(v any, args ...string) time.Duration {
	s.Helper()
	began := time.Now()
	testenv.Eventually(s.T, 2*time.Minute, func() error { return s.try(v, args...) })
	return time.Since(began)
}

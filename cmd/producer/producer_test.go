package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"retrain"
	"retrain/api"
	"retrain/internal/app"
	"retrain/internal/testenv"
)

const sixRows = "id,cost,price,colour\n1,10,20,red\n2,11,22,blue\n3,12,24,red\n4,13,26,red\n5,14,28,blue\n6,15,-1,red\n"

func TestTheMainJob(t *testing.T) {
	s := newStage(t).applied().works()
	var in inserted
	s.json(&in, "insert", "products", s.write("six.csv", sixRows), "--batch-id", "day1")
	if in.Inserted.Inserted != 6 || in.Batches != 1 || in.Batch != "day1" || !slices.Equal(in.Triggered, []string{"price"}) {
		t.Errorf("inserted %+v", in)
	}
	var st statuses
	s.eventually(func() error {
		if s.json(&st, "status", "price"); st.Models[0].State != retrain.ModelTrained {
			return fmt.Errorf("status %+v", st.Models[0])
		}
		return nil
	})
	if m := st.Models[0]; !m.Trained || m.Version != 1 || m.TrainAfterInserts != 5 || m.InsertsSinceTraining != 0 {
		t.Errorf("status %+v", m)
	}
	var one answered
	s.eventually(func() error {
		r := s.run("predict", "price", "--features", `{"cost": 3}`, "--json")
		if r.code != 0 {
			return errors.New(r.stderr)
		}
		decodeOne(t, r.stdout, &one)
		return nil
	})
	if one.Model != "price" || one.Version != 1 || one.Prediction.Prediction != 24.0 {
		t.Errorf("predicted %+v, want the mean of the five that the filter accepts", one)
	}

	s.json(&in, "insert", "products", s.write("one.jsonl", `{"id":"6","cost":15,"price":30}`))
	var run requested
	s.json(&run, "train", "price", "--wait")
	if run.State != retrain.Published || run.Version != 2 || run.Samples != 6 || run.Metrics["mae"] != 0.25 || run.Epochs != 2 {
		t.Errorf("trained %+v", run)
	}
	s.pointer(2, 1)
}

// pointer tries what moves the champion and what lists the versions.
func (s *stage) pointer(version, before int) {
	s.Helper()
	var list struct{ Versions []app.ListedVersion }
	s.json(&list, "versions", "price")
	if len(list.Versions) != 2 || list.Versions[0].Version != version || !list.Versions[0].Champion || list.Versions[1].Champion {
		s.Errorf("versions %+v", list.Versions)
	}
	var moved struct{ Version, Previous int }
	if s.json(&moved, "rollback", "price"); moved.Version != before || moved.Previous != version {
		s.Errorf("rolled back to %+v, want %d", moved, before)
	}
	s.fails(retrain.NotFoundError, "cannot go back by 1", "rollback", "price")
	if s.json(&moved, "promote", "price", fmt.Sprint(version)); moved.Version != version {
		s.Errorf("promoted %+v, want %d", moved, version)
	}
	s.fails(retrain.NotFoundError, "no version 9", "promote", "price", "9")
	var v api.Version
	if s.json(&v, "show", "price", "--version", "1"); v.Version != 1 || v.Champion || v.TotalParameters != 1 || v.Samples != 5 {
		s.Errorf("shown %+v", v)
	}
	var runs struct{ Runs []app.ListedRun }
	if s.json(&runs, "runs", "price", "--limit", "1"); len(runs.Runs) != 1 || runs.Runs[0].State != retrain.Published || runs.Runs[0].Reason != retrain.ByHand {
		s.Errorf("runs %+v", runs.Runs)
	}
	var stat api.Stat
	if s.json(&stat, "stats", "price"); stat.Trainings != 2 || stat.Failures != 0 || stat.Metrics["mae"] != 0.25 {
		s.Errorf("stats %+v", stat)
	}
	var models struct{ Models []listed }
	if s.json(&models, "models"); len(models.Models) != 2 || models.Models[1].Version != version || models.Models[0].Trained {
		s.Errorf("models %+v", models.Models)
	}
	for _, args := range [][]string{{"versions", "price"}, {"models"}, {"runs", "price"}, {"show", "price"}, {"status"}, {"stats"}} {
		if out := s.ok(args...); !strings.Contains(out, "price") && !strings.Contains(out, "champion") {
			s.Errorf("%s: %s", args[0], out)
		}
	}
}

func TestApply(t *testing.T) {
	s := newStage(t)
	file := s.write("retrain.yaml", declared)
	var a struct{ Applied, Unchanged []string }
	s.json(&a, "apply", "-f", file)
	if want := []string{"resources/products", "models/never", "models/price"}; !slices.Equal(a.Applied, want) || a.Unchanged == nil {
		t.Errorf("applied %+v, want %v", a, want)
	}
	s.json(&a, "apply", "-f", file)
	if len(a.Applied) != 0 || len(a.Unchanged) != 3 {
		t.Errorf("again: %+v", a)
	}
	if r := s.typed(t.Context(), "models: {late: {type: regression, resource: products, features: [a], target: b}}", "apply", "-f", "-"); r.code != 0 {
		t.Errorf("a resource that was applied before: %s", r.stderr)
	}
	s.fails(retrain.ModelConfigError, `unknown key "modles", did you mean "models"?`, "apply", "-f", s.write("bad.yaml", "modles: {}\n"))
	s.fails(retrain.ModelConfigError, `no resource "goods" is declared`, "apply", "-f",
		s.write("bad.yaml", "models: {m: {type: regression, resource: goods, features: [a], target: b}}"))
	s.fails(retrain.ModelConfigError, "no such file", "apply", "-f", "nowhere.yaml")
}

func TestInsertIsAllOrNothing(t *testing.T) {
	s := newStage(t).applied()
	broken := strings.Repeat("1,2,red\n", 2500) + "1,2,red,4\n" + "1,2,red\n"
	s.fails(retrain.DataValidationError, "broken.csv: line 2502: 4 fields, the header has 3", "insert", "products", s.write("broken.csv", "cost,price,colour\n"+broken))
	s.fails(retrain.DataValidationError, "b.jsonl: line 2: ", "insert", "products", s.write("b.jsonl", "{\"cost\":1}\n{\"cost\":\n"))
	s.fails(retrain.DataValidationError, "has no records", "insert", "products", s.write("empty.csv", "cost,price\n"))
	s.fails(retrain.DataValidationError, "stdin is empty", "insert", "products", "-")
	s.fails(retrain.NotFoundError, `no resource "goods"`, "insert", "goods", s.write("six.csv", sixRows))
	s.ok("apply", "-f", s.write("lake.yaml", "resources: {lake: {source: files, files: {prefix: lake/}}}"))
	s.fails(retrain.DataValidationError, `resource "lake" is read from files`, "insert", "lake", s.write("six.csv", sixRows))
	var n struct{ Count int }
	if s.json(&n, "records", "products", "--count"); n.Count != 0 {
		t.Errorf("%d records stored by inserts that failed", n.Count)
	}
}

// A field that a model learns from and no record has is said while it can still be mended.
func TestInsertWithoutAField(t *testing.T) {
	s := newStage(t).applied()
	r := s.run("insert", "products", s.write("misspelt.csv", "csot,price\n1,2\n3,4\n"))
	if want := "misspelt.csv: no record has cost, from which never, price learn\n"; r.code != 0 || !strings.Contains(r.stderr, want) {
		t.Errorf("exit %d, %s, want %q", r.code, r.stderr, want)
	}
}

func TestInsertInPortionsOnce(t *testing.T) {
	s := newStage(t).applied()
	var text strings.Builder
	for i := range 2500 {
		fmt.Fprintf(&text, "{\"id\":\"%d\",\"cost\":%d,\"price\":-5}\n", i, i)
	}
	file := s.write("many.jsonl", text.String())
	var in inserted
	if s.json(&in, "insert", "products", file, "--batch-id", "b"); in.Inserted.Inserted != 2500 || in.Batches != 3 || in.Duplicates != 0 {
		t.Errorf("first %+v", in)
	}
	if s.json(&in, "insert", "products", file, "--batch-id", "b"); in.Inserted.Inserted != 0 || in.Batches != 0 || in.Duplicates != 2500 {
		t.Errorf("again %+v", in)
	}
	var n struct{ Count int }
	if s.json(&n, "records", "products", "--count"); n.Count != 2500 {
		t.Errorf("%d records, want 2500", n.Count)
	}
	r := s.typed(t.Context(), sixRows, "insert", "products", "-", "--format", "csv")
	if r.code != 0 || !strings.Contains(r.stdout, "6 records inserted into products") || !strings.Contains(r.stderr, "batch ") {
		t.Errorf("from stdin: %+v", r)
	}
	var list []retrain.Record
	if s.json(&list, "records", "products", "--partition", "byColour", "--values", "colour=blue"); len(list) != 2 || list[0].ID() != "2" {
		t.Errorf("blue records %v", list)
	}
	if got := strings.Count(s.ok("records", "products", "--limit", "3"), "\n"); got != 3 {
		t.Errorf("%d lines, want 3", got)
	}
}

func TestWhatIsNotThere(t *testing.T) {
	s := newStage(t).applied().works()
	s.fails(retrain.ModelNotFoundError, `no model "cost"`, "predict", "cost", "--features", "{}")
	s.fails(retrain.ModelNotFoundError, "declared models: never, price", "train", "cost")
	s.fails(retrain.ModelNotFoundError, "declared models: never, price", "status", "cost")
	s.fails(retrain.ModelNotTrainedError, "producer train never", "predict", "never", "--features", `{"cost": 1}`)
	s.fails(retrain.ModelNotTrainedError, "never", "show", "never")
	s.fails(retrain.ModelNotTrainedError, "never", "rollback", "never")
	s.fails(retrain.InsufficientDataError, "Insufficient training data: 0 samples (minimum: 3)", "train", "price", "--wait")
	s.fails(retrain.DataValidationError, "--features", "predict", "price", "--features", "{cost: 1}")
	s.ok("insert", "products", s.write("six.csv", sixRows))
	s.ok("train", "price", "--wait")
	s.eventually(func() error {
		if r := s.run("predict", "price", "--features", `{"cost": 3}`); r.code != 0 {
			return errors.New(r.stderr)
		}
		return nil
	})
	s.fails(retrain.DataValidationError, "Missing features: cost", "predict", "price", "--features", `{"demand": 3}`)
}

func TestPredictMany(t *testing.T) {
	s := newStage(t).applied().works()
	s.ok("insert", "products", s.write("six.csv", sixRows))
	s.eventually(func() error {
		if r := s.run("predict", "price", "--features", `{"cost": 3}`); r.code != 0 {
			return errors.New(r.stderr)
		}
		return nil
	})
	var list []answered
	if s.json(&list, "predict", "price", "-f", s.write("two.csv", "cost\n1\n2\n")); len(list) != 2 || list[1].Version != 1 {
		t.Errorf("answers %+v", list)
	}
	if s.json(&list, "predict", "price", "--features", `[{"cost":1}]`); len(list) != 1 {
		t.Errorf("a list asked, answers %+v", list)
	}
	if out := s.ok("predict", "price", "--features", `{"cost":1}`); !strings.Contains(out, "PREDICTION") || !strings.Contains(out, "24") {
		t.Errorf("for people: %s", out)
	}
	s.fails(retrain.UnavailableError, "127.0.0.1:1", "predict", "price", "--features", `{"cost":1}`, "--url", "http://127.0.0.1:1")
	worker := httptest.NewServer(predictions(s))
	defer worker.Close()
	if s.json(&list, "predict", "price", "--features", `[{"cost":1},{"cost":2}]`, "--url", worker.URL); len(list) != 2 || list[0].Prediction.Prediction != 24.0 {
		t.Errorf("by HTTP %+v", list)
	}
	s.fails(retrain.DataValidationError, "Missing features: cost", "predict", "price", "--features", `{"demand": 3}`, "--url", worker.URL)
}

func TestRedisDown(t *testing.T) {
	s := newStage(t).applied()
	addr := s.redis.Addr()
	s.redis.Kill()
	for _, args := range [][]string{{"status"}, {"train", "price"}, {"events", "--count", "1"}, {"predict", "price", "--features", "{}"}} {
		began := time.Now()
		s.fails(retrain.UnavailableError, addr, args...)
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s took %v twice", args[0], took/2)
		}
	}
	r := s.run("insert", "products", s.write("six.csv", sixRows))
	if r.code != 0 || !strings.Contains(r.stderr, "stored, not counted yet") {
		t.Errorf("an insert must not need Redis: %+v", r)
	}
	s.ok("models")
	if err := s.redis.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	var st statuses
	s.ok("insert", "products", s.write("one.jsonl", `{"id":"7","cost":15,"price":-30}`))
	s.eventually(func() error {
		a, err := s.open()
		if err != nil {
			return err
		}
		defer a.Close()
		if err := a.Sweeper.Reconcile(t.Context()); err != nil {
			return err
		}
		if s.json(&st, "status", "price"); st.Models[0].InsertsSinceTraining != 5 {
			return fmt.Errorf("status %+v", st.Models[0])
		}
		return nil
	})
}

func TestS3Down(t *testing.T) {
	t.Parallel()
	server, store := testenv.StartS3(t)
	s := &stage{T: t, redis: testenv.StartRedis(t)}
	s.config.Redis.Addr = s.redis.Addr()
	s.config.S3.Bucket, s.config.S3.Endpoint, s.config.S3.PathStyle = store.Bucket, store.Endpoint, true
	s.config.S3.AccessKeyID, s.config.S3.SecretAccessKey = store.AccessKeyID, store.SecretAccessKey
	s.file = t.TempDir() + "/client.yaml"
	if err := s.config.WriteClient(s.file); err != nil {
		t.Fatal(err)
	}
	s.applied()
	server.Kill()
	for _, args := range [][]string{{"models"}, {"insert", "products", s.write("six.csv", sixRows)}} {
		began := time.Now()
		r := s.run(args...)
		if took := time.Since(began); took > 8*time.Second {
			t.Errorf("%s took %v", args[0], took)
		}
		if r.code != 1 || !strings.HasPrefix(r.stderr, "UnavailableError: s3: ") || !strings.Contains(r.stderr, store.Endpoint) {
			t.Errorf("%s: %+v", args[0], r)
		}
	}
	var d struct {
		Checks []struct {
			Name, Detail string
			OK           bool
		}
	}
	r := s.run("doctor", "--json")
	decodeOne(t, r.stdout, &d)
	if r.code != 1 || d.Checks[0].Name != "redis" || !d.Checks[0].OK {
		t.Errorf("doctor: exit %d %+v", r.code, d)
	}
}

func TestInterrupted(t *testing.T) {
	s := newStage(t).applied()
	s.ok("insert", "products", s.write("six.csv", sixRows))
	cmd := s.process("train", "price", "--wait", "--json")
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	talk, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(talk); lines.Scan(); {
		if strings.HasSuffix(lines.Text(), "queued") { // nobody works: it waits for ever
			_ = cmd.Process.Signal(os.Interrupt) // it is there
		}
	}
	_ = cmd.Wait() // its code is looked at
	r := result{code: cmd.ProcessState.ExitCode(), stdout: stdout.String()}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var answer struct{ Error failure }
	decodeOne(t, r.stdout, &answer)
	if r.code != 1 || answer.Error.Message != "interrupted" || !strings.Contains(answer.Error.Hint, "goes on") {
		t.Errorf("exit %d: %s%s", r.code, r.stdout, r.stderr)
	}
	if r := s.typed(ctx, "", "insert", "products", s.write("six.csv", sixRows)); r.code != 1 {
		t.Errorf("an insert after Ctrl-C: %+v", r)
	}
	r = s.run("train", "price", "--wait", "--timeout", "100ms")
	if r.code != 1 || !strings.Contains(r.stderr, "UnavailableError: run price-1 has no verdict after 100ms") {
		t.Errorf("%+v", r)
	}
}

func TestEvents(t *testing.T) {
	s := newStage(t)
	heard := make(chan result, 1)
	go func() { heard <- s.run("events", "--count", "1", "--json") }()
	for i := 0; ; i++ {
		s.ok("apply", "-f", s.write("more.yaml", fmt.Sprintf("resources: {r%d: {}}", i)))
		select {
		case r := <-heard:
			var e retrain.Event
			decodeOne(t, r.stdout, &e)
			if e.Type != retrain.SpecsApplied {
				t.Errorf("heard %+v", e)
			}
			return
		case <-time.After(50 * time.Millisecond):
		}
		if i > 200 {
			t.Fatal("nothing heard")
		}
	}
}

func TestDoctor(t *testing.T) {
	s := newStage(t)
	var d struct {
		OK     bool
		Checks []struct {
			Name, Detail string
			OK           bool
		}
	}
	worker := s.write("worker", "#!/bin/sh\necho '{\"checks\":[{\"name\":\"libtensorflow\",\"ok\":true,\"detail\":\"2.21.0\"}]}'\n")
	chmod(t, worker)
	s.json(&d, "doctor", "--worker", worker)
	if !d.OK || len(d.Checks) < 6 {
		t.Errorf("doctor %+v", d)
	}
	broken := s.write("worker", "#!/bin/sh\necho 'worker: error while loading shared libraries: libtensorflow_framework.so.2' >&2\nexit 127\n")
	chmod(t, broken)
	r := s.run("doctor", "--worker", broken)
	if r.code != 1 || !strings.Contains(r.stdout, "TensorFlowDependencyError") || !strings.Contains(r.stdout, "loading shared libraries") || !strings.Contains(r.stdout, "make libtensorflow") {
		t.Errorf("without TensorFlow: %+v", r)
	}
}

package deploy_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"retrain"
	"retrain/internal/testenv"
)

const lineModel = `
resources:
  line: {}
models:
  line: {type: regression, resource: line, features: [x], target: y, modelConfig: {epochs: 5}}
`

// declare applies the model, and returns a function that inserts the next ten records.
func (s *system) declare(specs string) (insert func()) {
	s.Helper()
	file := filepath.Join(s.TempDir(), "specs.yaml")
	if err := os.WriteFile(file, []byte(specs), 0o600); err != nil {
		s.Fatal(err)
	}
	s.do(nil, "apply", "-f", file)
	batch := 0
	return func() {
		s.Helper()
		var text strings.Builder
		text.WriteString("id,x,y\n")
		for i := range 10 {
			fmt.Fprintf(&text, "%d-%d,%d,%d\n", batch, i, i, 2*i+batch)
		}
		file := filepath.Join(s.TempDir(), "records.csv")
		if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
			s.Fatal(err)
		}
		s.do(nil, "insert", "line", file, "--batch-id", fmt.Sprint("batch-", batch)) // the same batch however often it is tried
		batch++
	}
}

// flow trains, and asks until the answer is that of the new version.
func (s *system) flow(version, rows int) {
	s.Helper()
	var trained struct{ Version, Samples int }
	s.do(&trained, "train", "line", "--wait", "--timeout", "60s")
	if trained.Version < version || trained.Samples != rows {
		s.Errorf("trained version %d with %d rows, want at least %d with %d", trained.Version, trained.Samples, version, rows)
	}
	// It follows the events; one that was lost with its server it makes up for by reading the pointers, every half minute.
	testenv.Eventually(s.T, time.Minute, func() error {
		var answer struct{ Version int }
		err := s.try(&answer, "predict", "line", "--features", `{"x": 3}`, "--queue")
		if err == nil && answer.Version < trained.Version {
			err = fmt.Errorf("version %d answers, want %d", answer.Version, trained.Version)
		}
		return err
	})
}

// counted waits until every record counts once. What was inserted while Redis was away is in S3 alone, until the scheduler
// finds it.
func (s *system) counted(rows int) {
	s.Helper()
	testenv.Eventually(s.T, time.Minute, func() error {
		var status struct{ Models []retrain.ModelStatus }
		if err := s.try(&status, "status", "line"); err != nil {
			return err
		}
		if got := status.Models[0].InsertsSinceTraining; got != rows {
			return fmt.Errorf("%d rows are counted since the last training, want %d", got, rows)
		}
		return nil
	})
}

// The whole system, on each kind of Redis, over TLS and as a user who may do no more than it needs: a record's way from the
// insertion to a prediction, before and after a server is lost.
func TestTheFlowOnEachKindOfRedis(t *testing.T) {
	for name, servers := range map[string]func(*rack) (map[string]any, func()){"single": (*rack).single, "sentinel": (*rack).sentinels, "cluster": (*rack).cluster} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config, fail := servers(newRack(t))
			s := newSystem(t, config)
			s.scheduler()
			s.trainer()
			s.predictor()
			insert := s.declare(lineModel)
			insert()
			insert()
			s.counted(20)
			s.flow(1, 20)
			s.counted(0)
			insert()
			began := time.Now()
			fail()
			insert()
			t.Logf("the next batch was taken %v after the server was killed", time.Since(began).Round(10*time.Millisecond))
			s.counted(20)
			s.flow(2, 40)
			t.Logf("trained and answered %v after", time.Since(began).Round(10*time.Millisecond))
			s.counted(0)
		})
	}
}

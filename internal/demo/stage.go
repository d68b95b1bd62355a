package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"retrain"
)

// A stage is a standalone process and the producer that talks to it.
type stage struct {
	listen, predict string
	process         *exec.Cmd
	ended           chan error
}

// start starts standalone on a fresh folder and waits until both its servers are ready.
func start(ctx context.Context) (*stage, error) {
	log, err := os.Create(filepath.Join(folder, "standalone.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s := &stage{listen: address("127.0.0.1:8080"), predict: address("127.0.0.1:8501"), ended: make(chan error, 1)}
	s.process = exec.Command("bin/standalone", "--data", folder+"/data", "--config", config, "--listen", s.listen, "--predict-listen", s.predict)
	s.process.Stdout, s.process.Stderr = log, log
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	go func() { s.ended <- s.process.Wait() }()
	for _, address := range []string{s.listen, s.predict} {
		if err := s.await(ctx, "http://"+address+"/readyz"); err != nil {
			s.stop()
			return nil, fmt.Errorf("%w; see %s", err, log.Name())
		}
	}
	return s, nil
}

// address returns the usual address where it is free, and any free one otherwise.
func address(usual string) string {
	for _, a := range []string{usual, "127.0.0.1:0"} {
		if l, err := net.Listen("tcp", a); err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	return usual
}

func (s *stage) await(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		if answer, err := http.Get(url); err == nil { //nolint:gosec // our own address
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: not ready: %w", url, ctx.Err())
		case err := <-s.ended:
			s.ended <- err
			return fmt.Errorf("standalone ended: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (s *stage) stop() {
	_ = s.process.Process.Signal(syscall.SIGTERM) // it may have ended
	<-s.ended
}

// producer runs a command as a person would, with its output shown.
func (s *stage) producer(ctx context.Context, args ...string) error {
	fmt.Printf("$ producer %s\n", strings.Join(args, " "))
	cmd := s.command(ctx, args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}

// ask runs a command with --json and reads its answer into v.
func (s *stage) ask(ctx context.Context, v any, args ...string) error {
	cmd := s.command(ctx, append(args, "--json")...)
	var talk bytes.Buffer
	cmd.Stderr = &talk
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("producer %s: %w: %s%s", args[0], err, out, talk.Bytes())
	}
	return json.Unmarshal(out, v)
}

func (s *stage) command(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "bin/producer", append([]string{"--config", folder + "/data/client.yaml"}, args...)...)
}

// insert names the batch after its file: the cars have no ids of their own and get them from the batch, and the same ids make
// the same model in every demo.
func (s *stage) insert(ctx context.Context, file string) (triggered bool, err error) {
	batch := strings.TrimSuffix(filepath.Base(file), ".csv")
	var answer retrain.Inserted
	if err := s.ask(ctx, &answer, "insert", "cars", file, "--batch-id", batch); err != nil {
		return false, err
	}
	fmt.Printf("$ producer insert cars %s --batch-id %s\n  %d records stored, trainings set off: %v\n", file, batch, answer.Inserted, answer.Triggered)
	return len(answer.Triggered) > 0, nil
}

// A status is what the demo reads of `producer status --json`.
type status struct {
	State   string            `json:"state"`
	Version int               `json:"version"`
	Run     *retrain.Progress `json:"run"`
}

func (s *stage) model(ctx context.Context) (status, error) {
	var answer struct {
		Models []status `json:"models"`
	}
	err := s.ask(ctx, &answer, "status", "mpg")
	if err == nil && len(answer.Models) != 1 {
		err = fmt.Errorf("%d models, want 1", len(answer.Models))
	}
	if err != nil {
		return status{}, err
	}
	return answer.Models[0], nil
}

// split writes the file's records into portions, each with the header.
func split(name string, size int) ([]string, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return nil, err
	}
	var files []string
	for from := 1; from < len(rows); from += size {
		file := fmt.Sprintf("%s/cars-%d.csv", folder, len(files)+1)
		if err := write(file, append(rows[:1:1], rows[from:min(from+size, len(rows))]...)); err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

func write(name string, rows [][]string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return csv.NewWriter(f).WriteAll(rows)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"retrain"
	"retrain/internal/app"
	"retrain/internal/embedded"
	"retrain/internal/embedded/gateway"
)

// The model takes so long that no run of it ends by itself.
const declared = `
resources: {products: {}}
models:
  price: {type: neural-network, resource: products, features: [cost, weight], target: price, modelConfig: {epochs: 1000000, layers: [{units: 64}, {units: 64}]}}
`

// A stage is a system of real processes: a scheduler and two workers.
type stage struct {
	bin, dir, client string
	redis            *embedded.Redis
	s3               *gateway.S3
	app              *app.App
	scheduler        *exec.Cmd
	workers          [2]*exec.Cmd
	exits            []time.Duration // how long workers took to end when they were told to
}

func open(ctx context.Context, bin string) (s *stage, err error) {
	s = &stage{bin: bin}
	if s.dir, err = os.MkdirTemp("", "retrain-bench-runs-"); err != nil {
		return nil, err
	}
	s.client = filepath.Join(s.dir, "client.yaml")
	if err := s.servers(ctx); err != nil {
		s.close()
		return nil, err
	}
	if err := s.fill(ctx); err != nil {
		s.close()
		return nil, err
	}
	if s.scheduler, err = s.start("scheduler", "--listen", "127.0.0.1:0"); err != nil {
		s.close()
		return nil, err
	}
	for i := range s.workers {
		if s.workers[i], err = s.start("worker", "train"); err != nil {
			s.close()
			return nil, err
		}
	}
	return s, nil
}

func (s *stage) servers(ctx context.Context) error {
	folder := filepath.Join(s.dir, "redis")
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	s.redis = &embedded.Redis{Dir: folder, Log: quiet}
	if err := s.redis.Start(ctx); err != nil {
		return err
	}
	s.s3 = &gateway.S3{Dir: s.dir, Port: embedded.FreePort(0), AccessKeyID: "bench", SecretAccessKey: "bench-secret"}
	if _, err := s.s3.Start(ctx); err != nil {
		return err
	}
	if err := s.s3.CreateBucket(ctx, "bench"); err != nil {
		return err
	}
	c, err := app.Parse("retrain.yaml", []byte(declared))
	if err != nil {
		return err
	}
	c.Redis.Addr = s.redis.Addr()
	c.S3 = app.S3{Bucket: "bench", Endpoint: s.s3.Endpoint(), Region: gateway.Region, PathStyle: true, AccessKeyID: "bench", SecretAccessKey: "bench-secret"}
	if err := c.WriteClient(s.client); err != nil {
		return err
	}
	if s.app, err = app.Open(ctx, c, quiet); err != nil {
		return err
	}
	_, _, err = s.app.Apply(ctx, c)
	return err
}

func (s *stage) fill(ctx context.Context) error {
	b := retrain.Batch{ID: "one", Resource: "products", At: time.Now()}
	for i := range 2000 {
		x := float64(i)
		b.Records = append(b.Records, retrain.Record{"id": fmt.Sprint(i), "cost": x, "weight": float64(i * 7919 % 101), "price": 3*x + 7})
	}
	_, err := s.app.Inserter.Insert(ctx, b)
	return err
}

// start starts a program, whose log goes into a file of its name.
func (s *stage) start(program string, args ...string) (*exec.Cmd, error) {
	log, err := os.OpenFile(filepath.Join(s.dir, program+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the process has its own
	cmd := exec.Command(filepath.Join(s.bin, program), append(args, "--config", s.client)...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd, cmd.Start()
}

func (s *stage) close() {
	for _, cmd := range append(s.workers[:], s.scheduler) {
		if cmd != nil && cmd.Process != nil {
			_ = cmd.Process.Kill() // it may have ended
			_ = cmd.Wait()
		}
	}
	if s.app != nil {
		_ = s.app.Close()
	}
	if s.s3 != nil {
		_ = s.s3.Stop()
	}
	if s.redis != nil {
		s.redis.Stop()
	}
	_ = os.RemoveAll(s.dir)
}

// busy waits until a worker shows progress of a run, and returns which of the two that is.
func (s *stage) busy(ctx context.Context, id retrain.RunID) (at int, err error) {
	err = until(ctx, func() error {
		p, _, err := s.app.Ledger.Progress(ctx, id.Model)
		if err != nil || p.Run != id.String() || p.CurrentEpoch == 0 {
			return errors.Join(err, errors.New("no progress"))
		}
		servers, err := s.app.Redis.Servers(ctx) // a dead one is listed for some time
		for _, listed := range servers {
			for i, w := range s.workers {
				if listed.Busy > 0 && listed.PID == w.Process.Pid {
					at = i
					return nil
				}
			}
		}
		return errors.Join(err, errors.New("nobody is busy"))
	})
	return at, err
}

// until calls f until it returns nil, a minute at most.
func until(ctx context.Context, f func() error) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		err := f()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(5 * time.Millisecond):
		}
	}
}

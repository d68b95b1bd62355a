package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"retrain/internal/app"
	"retrain/internal/embedded"
	"retrain/internal/embedded/gateway"
	"retrain/internal/httpapi"
	"retrain/internal/roles"
	"retrain/internal/roles/work"
	"retrain/mlcore"
)

// A system is everything in one process.
type system struct {
	Data                  string
	Declared              *app.Config // what is applied at the start
	Listen, PredictListen string
	Entrance              roles.Entrance // of both addresses
	Stdout                io.Writer
	Log                   *slog.Logger

	home             *embedded.Home
	s3               *gateway.S3
	control, predict net.Listener
}

const bucket = "retrain"

// Run runs the system until ctx ends. What is at work is handed back then.
func (s *system) Run(ctx context.Context) (err error) {
	if err := s.open(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.home.Close()) }()
	addr, stopRedis, err := s.startRedis(ctx)
	if err != nil {
		return err
	}
	defer stopRedis()
	if err := s.startS3(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.s3.Stop()) }()
	a, err := s.join(ctx, addr)
	if err != nil {
		return err
	}
	return errors.Join(s.work(ctx, a), a.Close())
}

// open takes what only one process can have, before anything is started.
func (s *system) open() (err error) {
	if e := s.Entrance; e.Certificate != "" {
		if _, err := (&httpapi.Certificate{Cert: e.Certificate, Key: e.Priv, Log: s.Log}).Config(); err != nil {
			return err
		}
	}
	if s.control, err = httpapi.Listen(s.Listen, s.Entrance.Key != ""); err != nil {
		return err
	}
	if s.predict, err = httpapi.Listen(s.PredictListen, s.Entrance.Key != ""); err != nil {
		return err
	}
	if s.home, err = embedded.Open(s.Data); err != nil {
		return err
	}
	return s.tidy()
}

// tidy makes the data directory the place of temporary files, and removes those of a process that was killed.
func (s *system) tidy() error {
	tmp := filepath.Join(s.home.Dir, "tmp")
	err := errors.Join(os.RemoveAll(tmp), os.Mkdir(tmp, 0o700), os.Setenv("TMPDIR", tmp))
	if err != nil {
		return errors.Join(err, s.home.Close())
	}
	return nil
}

// startRedis starts the system's redis-server, or one inside this process where there is none. It outlives ctx: whoever
// started it stops it, when nobody writes to it any more.
func (s *system) startRedis(ctx context.Context) (addr string, stop func(), err error) {
	keys := &s.home.Keys
	r := &embedded.Redis{Dir: filepath.Join(s.home.Dir, "redis"), Port: keys.RedisPort, Password: keys.RedisPassword, Log: s.Log}
	keep := r.Keep
	if err = r.Start(ctx); errors.Is(err, embedded.ErrNoRedis) {
		s.Log.Warn("NO redis-server ON THIS MACHINE: Redis is imitated in this process. It is slow, and counts and queues are rebuilt " +
			"from S3 after each restart. Install the package redis-server for anything but a first look.")
		m := &embedded.Mini{Port: keys.RedisPort, Password: keys.RedisPassword}
		if err = m.Start(); err == nil {
			keep, addr = m.Keep, m.Addr()
		}
	} else {
		keys.RedisPort, addr = r.Port, r.Addr()
	}
	if err != nil {
		return "", nil, err
	}
	kept, end := context.WithCancel(context.WithoutCancel(ctx))
	stopped := make(chan struct{})
	go func() { keep(kept); close(stopped) }()
	stop = func() { end(); <-stopped }
	if err := s.home.SaveKeys(); err != nil {
		stop()
		return "", nil, err
	}
	return addr, stop, nil
}

func (s *system) startS3(ctx context.Context) error {
	keys := &s.home.Keys
	s.s3 = &gateway.S3{Dir: s.home.Dir, Port: keys.S3Port, AccessKeyID: keys.AccessKeyID, SecretAccessKey: keys.SecretAccessKey, Synced: true}
	attributes, err := s.s3.Start(ctx)
	if err != nil {
		return err
	}
	if !attributes {
		s.Log.Warn("the file system of the data directory keeps no extended attributes: a kill at the wrong moment can spoil an object; "+
			"ext4, XFS and Btrfs keep them", "data", s.home.Dir)
	}
	return s.s3.CreateBucket(ctx, bucket)
}

// join makes the parts use this process's Redis and S3, tells other programs how to, and applies what is declared.
func (s *system) join(ctx context.Context, redis string) (*app.App, error) {
	keys := s.home.Keys
	c := &app.Config{
		Redis: app.Redis{Addr: redis, Password: keys.RedisPassword},
		S3: app.S3{Bucket: bucket, Endpoint: s.s3.Endpoint(), Region: gateway.Region, PathStyle: true,
			AccessKeyID: keys.AccessKeyID, SecretAccessKey: keys.SecretAccessKey},
		PredictURL: s.url(s.predict),
	}
	if err := c.WriteClient(s.client()); err != nil {
		return nil, err
	}
	a, err := app.Open(ctx, c, s.Log)
	if err != nil {
		return nil, err
	}
	if len(s.Declared.Models)+len(s.Declared.Resources) == 0 {
		return a, nil
	}
	applied, unchanged, err := a.Apply(ctx, s.Declared)
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	s.Log.Info("applied", "applied", applied, "unchanged", unchanged)
	return a, nil
}

// url returns where a listener of ours answers.
func (s *system) url(l net.Listener) string {
	if s.Entrance.Certificate != "" {
		return "https://" + l.Addr().String()
	}
	return "http://" + l.Addr().String()
}

func (s *system) client() string { return filepath.Join(s.home.Dir, "client.yaml") }

// work has every role until ctx ends or one of them fails.
func (s *system) work(ctx context.Context, a *app.App) error {
	m := httpapi.MetricsOf(a)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.s3.Wait(ctx) })
	g.Go(func() error { return roles.Produce(ctx, a, m, s.control, s.Entrance) })
	g.Go(func() error {
		return work.Predict(ctx, a, m, s.predict, s.Entrance, filepath.Join(s.home.Dir, "tmp", "versions"))
	})
	g.Go(func() error {
		return work.Train(ctx, a, m, &mlcore.Engine{}, filepath.Join(s.home.Dir, "compiled"), nil, "")
	})
	g.Go(func() error { roles.Schedule(ctx, a, m); return nil })
	g.Go(func() error { return s.welcome(ctx) })
	return g.Wait()
}

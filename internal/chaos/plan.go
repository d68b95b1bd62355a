package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const contSignal = syscall.SIGCONT

// A fault is one thing that goes wrong, at its time after the start, for as long as it says.
type fault struct {
	At   time.Duration
	Kind string // kill, term, pause, flush, redis-kill, redis-restore, redis, s3, promote, rollback, train, cancel, pause-model, clock
	Who  string // a process or a model; "all" processes for redis and s3
	Way  string // how a connection is bad; a number that a verb needs; how far a clock is off
	For  time.Duration
}

func (f fault) String() string {
	return fmt.Sprintf("%8.2fs %s %s %s %v", f.At.Seconds(), f.Kind, f.Who, f.Way, f.For)
}

// label names what a fault is counted as.
func (f fault) label() string {
	if f.Kind == "redis" || f.Kind == "s3" {
		return f.Kind + " " + f.Way
	}
	return f.Kind
}

// A plan is all that goes wrong.
type plan []fault

func (p plan) String() string {
	lines := make([]string, len(p))
	for i, f := range p {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// How often each kind of fault is drawn.
var kinds = []string{"kill", "kill", "kill", "kill", "term", "term", "pause", "pause", "pause", "redis", "redis", "redis", "redis", "s3", "s3", "s3", "s3",
	"flush", "flush", "redis-kill", "redis-restore", "promote", "rollback", "train", "train",
	"cancel", "cancel", "pause-model", "clock", "clock", "clock"}

// newPlan draws a plan: a fault each second and a half or so, some of them at once.
func newPlan(seed uint64, length time.Duration, workers int) (p plan) {
	r := rand.New(rand.NewPCG(seed, 1))
	processes := names(workers)
	for i := range workers { // twice as often as the others
		processes = append(processes, fmt.Sprint("train-", i+1))
	}
	models := []string{"careful", "kind", "north", "price", "series", "slow"}
	for at := 2 * time.Second; at < length; at += time.Duration(100+r.IntN(2800)) * time.Millisecond {
		f := fault{At: at, Kind: kinds[r.IntN(len(kinds))], Who: processes[r.IntN(len(processes))]}
		f.For = time.Duration(50+r.IntN(2500)) * time.Millisecond
		switch f.Kind {
		case "pause":
			f.For = time.Duration(500+r.IntN(9000)) * time.Millisecond
		case "redis", "s3":
			f.Way = badWays[r.IntN(len(badWays))]
			f.For = time.Duration(200+r.IntN(7000)) * time.Millisecond
			if r.IntN(4) == 0 {
				f.Who = "all"
			}
		case "flush", "redis-kill", "redis-restore":
			f.Who = ""
		case "promote":
			f.Who, f.Way, f.For = models[r.IntN(len(models))], strconv.Itoa(1+r.IntN(8)), 0
		case "rollback", "train", "cancel":
			f.Who, f.For = models[r.IntN(len(models))], 0
		case "clock":
			f.Way, f.For = drawSkew(r).String(), 0
		case "pause-model":
			f.Who, f.For = models[r.IntN(len(models))], time.Duration(r.IntN(15000))*time.Millisecond
		}
		p = append(p, f)
	}
	return p
}

// play does what the plan says, each thing at its time, and returns when all of them are over.
func (p plan) play(ctx context.Context, s *stage) {
	began := time.Now()
	var all sync.WaitGroup
	for _, f := range p {
		select {
		case <-ctx.Done():
		case <-time.After(time.Until(began.Add(f.At))):
			all.Go(func() {
				if err := s.do(ctx, f); err != nil {
					s.sayf("%v: %v", f, err)
				}
			})
		}
	}
	all.Wait()
}

// do does one thing and undoes it when its time is over.
func (s *stage) do(ctx context.Context, f fault) error {
	over := time.After(f.For)
	p := s.named(f.Who)
	s.note(f.label())
	switch f.Kind {
	case "clock":
		off, err := time.ParseDuration(f.Way)
		return errors.Join(err, p.clock.set(off))
	case "kill":
		p.kill()
		<-over
		return p.start()
	case "term":
		p.term()
		<-over
		return p.start()
	case "pause":
		p.signal(syscall.SIGSTOP)
		<-over
		p.signal(syscall.SIGCONT)
		return nil
	case "redis", "s3":
		switch {
		case s.nodes != nil && f.Kind == "redis":
			s.nodes.freeze(int(f.At/time.Millisecond), f.Who == "all", over)
			return nil
		case s.Namespaces && f.Way == "down" && f.Who != "all":
			return s.unplug(ctx, f, over)
		}
		return s.spoil(ctx, f, over)
	case "flush", "redis-kill", "redis-restore":
		return s.harm(ctx, f, over)
	}
	return s.byHand(ctx, f, over)
}

// byHand does what a person does. It may come to nothing: there is no such version, or Redis is away.
func (s *stage) byHand(ctx context.Context, f fault, over <-chan time.Time) error {
	args := []string{f.Kind, f.Who}
	if f.Way != "" {
		args = append(args, f.Way)
	}
	if f.Kind == "pause-model" {
		_ = s.briefly(ctx, "pause", f.Who)
		<-over
		args = []string{"resume", f.Who}
	}
	_ = s.briefly(ctx, args...)
	return nil
}

func (s *stage) briefly(ctx context.Context, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	return s.producer(ctx, nil, args...)
}

// spoil makes one connection bad, or those of all processes, until it is over.
func (s *stage) spoil(ctx context.Context, f fault, over <-chan time.Time) error {
	for _, undo := range []bool{false, true} {
		for _, p := range s.all {
			if f.Who != "all" && f.Who != p.Name {
				continue
			}
			x := p.Redis
			if f.Kind == "s3" {
				x = p.S3
			}
			do := func() error { return x.spoil(f.Way) }
			if undo {
				do = func() error { return x.heal(ctx) }
			}
			if err := do(); err != nil {
				return err
			}
		}
		if !undo {
			<-over
		}
	}
	return nil
}

// unplug pulls a process' cable: it reaches nobody, and nobody reaches it.
func (s *stage) unplug(ctx context.Context, f fault, over <-chan time.Time) error {
	s.note("unplug")
	if err := s.network.plug(ctx, f.Who, false); err != nil {
		return err
	}
	<-over
	return s.network.plug(ctx, f.Who, true)
}

// harm empties Redis, kills it, or brings back an old state of it, which the first time has to be made.
func (s *stage) harm(ctx context.Context, f fault, over <-chan time.Time) error {
	s.redisMu.Lock()
	defer s.redisMu.Unlock()
	switch {
	case s.nodes != nil && f.Kind == "flush":
		return s.nodes.flush(ctx)
	case s.nodes != nil:
		return s.nodes.kill(ctx, int(f.At/time.Millisecond), over)
	case f.Kind == "flush":
		return s.flush(ctx)
	}
	s.redis.Kill()
	if f.Kind == "redis-restore" {
		if err := s.restore(); err != nil {
			return err
		}
	}
	<-over
	return s.redis.Start(ctx)
}

// restore makes a copy of what Redis has, or brings that copy back.
func (s *stage) restore() error {
	saved, data := filepath.Join(s.dir, "redis-saved"), filepath.Join(s.redis.Dir, "appendonlydir")
	s.saved = !s.saved
	if s.saved {
		return os.CopyFS(saved, os.DirFS(data))
	}
	if err := os.RemoveAll(data); err != nil {
		return err
	}
	return os.Rename(saved, data)
}

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"retrain/internal/embedded"
)

// A process is one program of the system, which may die and be started again.
type process struct {
	Name   string
	Listen string // its address; "" for none
	Redis  *proxy // its own ways to the servers; nil where Redis is more than one
	S3     *proxy
	clock  clock

	before   []string // of its command
	programs []string // the first time the first, then the next
	args     []string
	log      *os.File
	starts   int

	mu    sync.Mutex // guards the following
	cmd   *exec.Cmd
	ended chan struct{}
	told  bool            // to end
	terms []time.Duration // how long it took to end after each SIGTERM
	died  []string        // how it ended without being told
}

// process returns a program of ours that was not started. It is told where to listen unless it is a trainer.
func (s *stage) process(ctx context.Context, name, program string, args ...string) (p *process, err error) {
	p = &process{Name: name, programs: []string{filepath.Join(s.bin, program)}}
	if s.Other != "" {
		p.programs = append(p.programs, filepath.Join(s.Other, program))
		if strings.HasSuffix(name, "-2") {
			slices.Reverse(p.programs)
		}
	}
	p.clock = clock{filepath.Join(s.dir, name+".clock")}
	if err := p.clock.set(0); err != nil {
		return nil, err
	}
	host, before, err := s.network.add(ctx, name)
	if err != nil {
		return nil, err
	}
	p.before = before
	if s.nodes == nil {
		if p.Redis, err = s.proxies.open(name+"/redis", s.redis.Addr()); err != nil {
			return nil, err
		}
	}
	if p.S3, err = s.proxies.open(name+"/s3", s.s3.Endpoint()[len("http://"):]); err != nil {
		return nil, err
	}
	config := filepath.Join(s.dir, name+".yaml")
	if err := s.writeConfig(config, s.section(p.Redis), p.S3.Addr(), ""); err != nil {
		return nil, err
	}
	p.args = slices.Concat(args, []string{"--config", config})
	if len(args) == 0 || args[0] != "train" {
		p.Listen = fmt.Sprint(host, ":", embedded.FreePort(0))
		p.args = append(p.args, "--listen", p.Listen)
	}
	p.log, err = os.OpenFile(filepath.Join(s.dir, name+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	return p, err
}

// start starts the program unless it runs.
func (p *process) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		return nil
	}
	program := p.programs[p.starts%len(p.programs)]
	p.starts++
	fmt.Fprintf(p.log, "--- start %s at %s\n", program, time.Now().Format(time.RFC3339Nano))
	line := slices.Concat(p.before, []string{program}, p.args)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = append(os.Environ(), p.clock.env())
	if p.before != nil { // it listens where others reach it
		cmd.Env = append(cmd.Env, "RETRAIN_API_KEY="+apiKey)
	}
	cmd.Stdout, cmd.Stderr = p.log, p.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	p.cmd, p.ended, p.told = cmd, ended, false
	go func() {
		err := cmd.Wait()
		p.mu.Lock()
		if !p.told {
			p.died = append(p.died, fmt.Sprintf("%s at %s: %v", p.Name, time.Now().Format(time.TimeOnly), err))
		}
		p.cmd = nil
		p.mu.Unlock()
		close(ended)
	}()
	return nil
}

// signal sends one, and returns what is closed when the process has ended; nil where it is not alive.
func (p *process) signal(sig syscall.Signal) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return nil
	}
	p.told = p.told || sig == syscall.SIGKILL || sig == syscall.SIGTERM
	_ = p.cmd.Process.Signal(sig) // it may have ended
	return p.ended
}

// How long a process may take to end after a SIGTERM before it is killed.
const termPatience = 30 * time.Second

// term asks the program to end, notes how long that took, and kills it in the end.
func (p *process) term() {
	began := time.Now()
	p.signal(syscall.SIGCONT)
	ended := p.signal(syscall.SIGTERM)
	if ended == nil {
		return
	}
	select {
	case <-ended:
	case <-time.After(termPatience):
		p.kill()
	}
	took := time.Since(began)
	fmt.Fprintf(p.log, "--- ended %v after SIGTERM\n", took)
	p.mu.Lock()
	p.terms = append(p.terms, took)
	p.mu.Unlock()
}

func (p *process) kill() {
	if ended := p.signal(syscall.SIGKILL); ended != nil {
		<-ended
	}
}

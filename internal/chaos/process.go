package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"
)

// A process is one program of the system, which may die and be started again.
type process struct {
	Name   string
	Listen string // its address; "" for none
	Redis  *proxy // its own ways to the servers
	S3     *proxy

	program string
	args    []string
	log     *os.File

	mu    sync.Mutex // guards the following
	cmd   *exec.Cmd
	ended chan struct{}
	told  bool            // to end
	terms []time.Duration // how long it took to end after each SIGTERM
	died  []string        // how it ended without being told
}

func (s *stage) process(name, program, listen string, args ...string) (*process, error) {
	p := &process{Name: name, Listen: listen, program: filepath.Join(s.bin, program)}
	var err error
	if p.Redis, err = s.proxies.open(name+"/redis", s.redis.Addr()); err != nil {
		return nil, err
	}
	if p.S3, err = s.proxies.open(name+"/s3", s.s3.Endpoint()[len("http://"):]); err != nil {
		return nil, err
	}
	config := filepath.Join(s.dir, name+".yaml")
	if err := s.writeConfig(config, p.Redis.Addr(), p.S3.Addr(), ""); err != nil {
		return nil, err
	}
	p.args = slices.Concat(args, []string{"--config", config})
	if listen != "" {
		p.args = append(p.args, "--listen", listen)
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
	fmt.Fprintf(p.log, "--- start %s\n", time.Now().Format(time.RFC3339Nano))
	cmd := exec.Command(p.program, p.args...)
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

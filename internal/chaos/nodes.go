package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"retrain/internal/embedded"
)

// The kinds of Redis that the system runs on.
const (
	single   = "single"
	sentinel = "sentinel" // a master, two replicas, three sentinels
	cluster  = "cluster"  // three masters with a replica each
)

// Nodes are the servers of a Redis that is more than one. Programs find them by themselves, so there are no proxies before them:
// connections become bad by nodes that stand still.
type nodes struct {
	servers, sentinels []*process
	section            string // of a configuration
}

func newNodes(ctx context.Context, dir, kind string) (n *nodes, err error) {
	n = &nodes{}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	switch kind {
	case sentinel:
		err = n.withSentinels(ctx, dir)
	case cluster:
		err = n.clustered(ctx, dir)
	default:
		err = fmt.Errorf("-redis %s: single, sentinel and cluster are known", kind)
	}
	if err != nil {
		n.stop()
	}
	return n, err
}

func (n *nodes) withSentinels(ctx context.Context, dir string) error {
	master, err := server(dir, "master")
	if err != nil {
		return err
	}
	n.servers = []*process{master}
	_, port, _ := strings.Cut(master.Listen, ":")
	for _, name := range []string{"replica-1", "replica-2"} {
		s, err := server(dir, name, "replicaof 127.0.0.1 "+port)
		if err != nil {
			return err
		}
		n.servers = append(n.servers, s)
	}
	var addrs []string
	for i := range 3 {
		s, err := server(dir, fmt.Sprint("sentinel-", i+1), "sentinel monitor main 127.0.0.1 "+port+" 2",
			"sentinel down-after-milliseconds main 1000", "sentinel failover-timeout main 4000")
		if err != nil {
			return err
		}
		s.args = append(s.args, "--sentinel")
		n.sentinels, addrs = append(n.sentinels, s), append(addrs, s.Listen)
	}
	n.section = fmt.Sprintf("redis: {sentinel: {master: main, addrs: [%s]}}\n", quoted(addrs))
	if err := n.start(); err != nil {
		return err
	}
	return until(ctx, func() error {
		for _, s := range n.sentinels {
			c := redis.NewSentinelClient(&redis.Options{Addr: s.Listen})
			replicas, err := c.Replicas(ctx, "main").Result()
			others, err2 := c.Sentinels(ctx, "main").Result()
			_ = c.Close()
			if err := errors.Join(err, err2); err != nil || len(replicas) != 2 || len(others) != 2 {
				return fmt.Errorf("%s sees %d replicas and %d sentinels: %w", s.Name, len(replicas), len(others), err)
			}
		}
		return nil
	})
}

func (n *nodes) clustered(ctx context.Context, dir string) error {
	var addrs []string
	for i := range 6 {
		s, err := server(dir, fmt.Sprint("node-", i+1), "cluster-enabled yes", "cluster-node-timeout 2000")
		if err != nil {
			return err
		}
		n.servers, addrs = append(n.servers, s), append(addrs, s.Listen)
	}
	n.section = fmt.Sprintf("redis: {cluster: [%s]}\n", quoted(addrs))
	if err := n.start(); err != nil {
		return err
	}
	if err := n.answer(ctx); err != nil {
		return err
	}
	create := append([]string{"--cluster", "create"}, addrs...)
	if out, err := exec.CommandContext(ctx, "redis-cli", append(create, "--cluster-replicas", "1", "--cluster-yes")...).CombinedOutput(); err != nil {
		return fmt.Errorf("redis-cli --cluster create: %w\n%s", err, out)
	}
	return until(ctx, func() error {
		for _, s := range n.servers {
			c := redis.NewClient(&redis.Options{Addr: s.Listen})
			info, err := c.ClusterInfo(ctx).Result()
			known, err2 := c.ClusterNodes(ctx).Result()
			_ = c.Close()
			if err := errors.Join(err, err2); err != nil || !strings.Contains(info, "cluster_state:ok") || strings.Count(known, "slave") != 3 {
				return fmt.Errorf("%s: %s%s%w", s.Name, info, known, err)
			}
		}
		return nil
	})
}

func quoted(addrs []string) string { return `"` + strings.Join(addrs, `", "`) + `"` }

// server returns a redis-server that was not started.
func server(dir, name string, more ...string) (*process, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, name)
	if err := os.MkdirAll(data, 0o750); err != nil {
		return nil, err
	}
	port := embedded.FreePort(0)
	lines := append([]string{"bind 127.0.0.1", fmt.Sprint("port ", port), "dir " + data}, more...)
	if !strings.HasPrefix(name, "sentinel") {
		lines = append(lines, "appendonly yes", `save ""`, "maxmemory-policy noeviction", "repl-diskless-sync-delay 0")
	}
	file := filepath.Join(data, "redis.conf")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		return nil, err
	}
	p := &process{Name: name, Listen: fmt.Sprint("127.0.0.1:", port), programs: []string{program}, args: []string{file}}
	p.log, err = os.OpenFile(filepath.Join(data, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	return p, err
}

func (n *nodes) each() []*process { return append(append([]*process{}, n.servers...), n.sentinels...) }

// start starts all that do not run.
func (n *nodes) start() error {
	for _, p := range n.each() {
		p.signal(contSignal)
		if err := p.start(); err != nil {
			return err
		}
	}
	return nil
}

func (n *nodes) stop() {
	for _, p := range n.each() {
		p.kill()
		p.log.Close()
	}
}

func (n *nodes) answer(ctx context.Context) error {
	return until(ctx, func() error {
		for _, s := range n.servers {
			c := redis.NewClient(&redis.Options{Addr: s.Listen, MaxRetries: -1})
			err := c.Ping(ctx).Err()
			_ = c.Close()
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// until tries for a minute at most.
func until(ctx context.Context, try func() error) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		err := try()
		if err == nil {
			return nil
		}
		if !sleep(ctx, 50*time.Millisecond) {
			return err
		}
	}
}

// masters returns the servers that say that they are one: for a while, two may say so of the same data.
func (n *nodes) masters(ctx context.Context) (masters []*process) {
	for _, s := range n.servers {
		c := redis.NewClient(&redis.Options{Addr: s.Listen, MaxRetries: -1, ReadTimeout: 300 * time.Millisecond})
		if info, err := c.Info(ctx, "replication").Result(); err == nil && strings.Contains(info, "role:master") {
			masters = append(masters, s)
		}
		_ = c.Close()
	}
	return masters
}

// flush empties all masters that answer.
func (n *nodes) flush(ctx context.Context) error {
	var errs []error
	for _, s := range n.masters(ctx) {
		c := redis.NewClient(&redis.Options{Addr: s.Listen, MaxRetries: -1})
		if err := c.FlushAll(ctx).Err(); err != nil && !strings.HasPrefix(err.Error(), "READONLY") {
			errs = append(errs, err)
		}
		_ = c.Close()
	}
	return errors.Join(errs...)
}

// kill kills one of the masters for so long that another one takes over, mostly.
func (n *nodes) kill(ctx context.Context, which int, over <-chan time.Time) error {
	masters := n.masters(ctx)
	if len(masters) == 0 { // they are about to agree on one
		return nil
	}
	victim := masters[which%len(masters)]
	victim.kill()
	<-over
	sleep(ctx, time.Duration(which%3)*2*time.Second)
	return victim.start()
}

// freeze lets one server stand still, or all of them.
func (n *nodes) freeze(which int, all bool, over <-chan time.Time) {
	victims := n.servers
	if !all {
		which %= len(n.servers)
		victims = n.servers[which : which+1]
	}
	for _, s := range victims {
		s.signal(syscall.SIGSTOP)
	}
	<-over
	for _, s := range victims {
		s.signal(contSignal)
	}
}

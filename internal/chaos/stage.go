package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"retrain/internal/embedded"
	"retrain/internal/embedded/gateway"
)

// The models. Each is due after so many rows that it accepts; careful by the clock too, until the end. slow takes long enough
// to be interrupted, and its weights must not show it. price keeps few versions, the others all.
const declared = `
resources:
  items: {partitions: {byRegion: [region]}}
models:
  price: {type: regression, resource: items, features: [cost, demand, kind], target: price, autoTrain: true, trainAfterInserts: 120, keep: 3, modelConfig: {epochs: 10}}
  kind: {type: classification, resource: items, features: [cost, demand, price], target: kind, autoTrain: true, trainAfterInserts: 250, keep: 100000, priority: critical, modelConfig: {epochs: 5, units: 8}}
  north: {type: neural-network, resource: items, features: [cost, demand], target: price, autoTrain: true, trainAfterInserts: 60, keep: 100000, partition: {name: byRegion, values: {region: north}}, filter: "cost > 20", modelConfig: {epochs: 10, layers: [{units: 8}, {units: 4, activation: tanh, dropout: 0.2}]}}
  slow: {type: regression, resource: items, features: [cost, demand], target: price, autoTrain: true, trainAfterInserts: 400, keep: 100000, priority: low, filter: "cost < 25", modelConfig: {epochs: 800, batchSize: 8, learningRate: 0.001}}
  series: {type: timeseries, resource: items, features: [cost], target: demand, autoTrain: true, trainAfterInserts: 500, keep: 100000, partition: {name: byRegion, values: {region: south}}, filter: "cost < 15", modelConfig: {epochs: 2, lookback: 4, lstmUnits: 4, denseUnits: 4, orderBy: at}}
  careful: {type: regression, resource: items, features: [cost], target: price, autoTrain: true, trainAfterInserts: 150%s, keep: 100000, promote: {rule: improve, metric: mae}, modelConfig: {epochs: 5}}
`

// Models by what they accept, and after how many of those they are due. It is said here once more, for the checker.
var accepts = map[string]struct {
	Due int
	Row func(r row) bool
}{
	"price":   {120, func(row) bool { return true }},
	"kind":    {250, func(row) bool { return true }},
	"north":   {60, func(r row) bool { return r.Region == "north" && r.Cost > 20 }},
	"slow":    {400, func(r row) bool { return r.Cost < 25 }},
	"series":  {500, func(r row) bool { return r.Region == "south" && r.Cost < 15 }},
	"careful": {150, func(row) bool { return true }},
}

// A stage is the whole system, and those who use it.
type stage struct {
	options
	dir, bin string
	redis    *embedded.Redis // nil where there are nodes
	nodes    *nodes          // nil where there is one server
	network  *network
	s3       *gateway.S3
	proxies  *proxies
	all      []*process
	random   *rand.Rand // of the clients
	ours     string     // a configuration that goes around the proxies

	redisMu sync.Mutex // one at a time empties, kills or restores it
	saved   bool       // there is an old state of it

	acks  acks
	asked answers
	moves watch
	stop  context.CancelFunc // of the clients
	use   sync.WaitGroup

	stopInserting context.CancelFunc
	inserts       sync.WaitGroup

	mu     sync.Mutex // guards the following
	faults map[string]int
}

const (
	bucket         = "chaos"
	user, password = "chaos", "chaossecret"
)

func newStage(ctx context.Context, o options) (s *stage, err error) {
	s = &stage{options: o, proxies: newProxies(), faults: make(map[string]int), random: rand.New(rand.NewPCG(o.Seed, 2))}
	if s.dir, err = filepath.Abs(o.Dir); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(s.dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(s.dir, 0o750); err != nil {
		return nil, err
	}
	if s.bin, err = s.programs(ctx); err != nil {
		return nil, err
	}
	if s.Other != "" {
		if s.Other, err = filepath.Abs(s.Other); err != nil {
			return nil, err
		}
	}
	if s.network, err = newNetwork(ctx, o.Namespaces); err != nil {
		return nil, err
	}
	s.proxies.host = s.network.host
	if err := s.startRedis(ctx); err != nil {
		return nil, err
	}
	s.s3 = &gateway.S3{Dir: filepath.Join(s.dir, "s3"), Port: embedded.FreePort(0), AccessKeyID: user, SecretAccessKey: password}
	if _, err := s.s3.Start(ctx); err != nil {
		return nil, err
	}
	if err := s.s3.CreateBucket(ctx, bucket); err != nil {
		return nil, err
	}
	s.ours = filepath.Join(s.dir, "ours.yaml")
	if err := s.writeConfig(s.ours, s.section(nil), s.s3.Endpoint()[len("http://"):], ""); err != nil {
		return nil, err
	}
	if err := s.apply(ctx, ", trainInterval: 20s"); err != nil {
		return nil, err
	}
	return s, s.startAll(ctx)
}

func (s *stage) startRedis(ctx context.Context) (err error) {
	dir := filepath.Join(s.dir, "redis")
	if s.Redis != "" && s.Redis != single {
		s.nodes, err = newNodes(ctx, dir, s.Redis)
		return err
	}
	s.redis = &embedded.Redis{Dir: dir, Log: slog.New(slog.DiscardHandler)}
	return s.redis.Start(ctx)
}

// section returns what a configuration says of Redis, which a single one is reached by a proxy for, unless that is nil.
func (s *stage) section(by *proxy) string {
	switch {
	case s.nodes != nil:
		return s.nodes.section
	case by != nil:
		return fmt.Sprintf("redis: {addr: %q}\n", by.Addr())
	}
	return fmt.Sprintf("redis: {addr: %q}\n", s.redis.Addr())
}

// programs returns the folder with the programs, built where they are not given.
func (s *stage) programs(ctx context.Context) (string, error) {
	if s.Bin != "" {
		return filepath.Abs(s.Bin)
	}
	bin := filepath.Join(s.dir, "bin")
	with, err := overlay(ctx, filepath.Join(s.dir, "time"))
	if err != nil {
		return "", err
	}
	return bin, build(ctx, bin, "-overlay", with)
}

// build builds the programs into a folder. The state of the repository is no part of them: it changes more often.
func build(ctx context.Context, dir string, flags ...string) error {
	c := exec.CommandContext(ctx, "go", slices.Concat([]string{"build", "-buildvcs=false", "-o", dir + "/"}, flags,
		[]string{"retrain/cmd/producer", "retrain/cmd/scheduler", "retrain/cmd/worker"})...)
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

// names returns those of all processes.
func names(workers int) []string {
	all := []string{"serve-1", "serve-2", "scheduler-1", "scheduler-2"}
	for i := range workers {
		all = append(all, fmt.Sprint("train-", i+1), fmt.Sprint("predict-", i+1))
	}
	return all
}

func (s *stage) startAll(ctx context.Context) error {
	clocks := rand.New(rand.NewPCG(s.Seed, 3))
	for _, name := range names(s.Workers) {
		var p *process
		var err error
		switch role, _, _ := strings.Cut(name, "-"); role {
		case "serve":
			p, err = s.process(ctx, name, "producer", "serve")
		case "scheduler":
			p, err = s.process(ctx, name, "scheduler")
		case "train":
			p, err = s.process(ctx, name, "worker", "train", "--verbose")
		case "predict":
			p, err = s.process(ctx, name, "worker", "predict")
		}
		if err != nil {
			return err
		}
		s.all = append(s.all, p)
		off := drawSkew(clocks)
		s.sayf("the clock of %s is off by %v", name, off)
		if err := p.clock.set(off); err != nil {
			return err
		}
		if err := p.start(); err != nil {
			return err
		}
	}
	return nil
}

// ready waits until all who listen answer: a slow machine should not spend the time of the faults on starting.
func (s *stage) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.Patience)
	defer cancel()
	for _, p := range s.all {
		for p.Listen != "" {
			answer, err := http.Get("http://" + p.Listen + "/healthz")
			if err == nil {
				answer.Body.Close()
				break
			}
			if !sleep(ctx, 50*time.Millisecond) {
				return fmt.Errorf("%s does not start: %w", p.Name, err)
			}
		}
	}
	return nil
}

// named returns a process.
func (s *stage) named(name string) *process {
	for _, p := range s.all {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// writeConfig writes a configuration by which a program reaches the servers.
func (s *stage) writeConfig(file, redis, s3, rest string) error {
	text := redis + fmt.Sprintf("s3: {bucket: %s, endpoint: %q, pathStyle: true, accessKeyId: %s, secretAccessKey: %s}\n%s",
		bucket, "http://"+s3, user, password, rest)
	return os.WriteFile(file, []byte(text), 0o600)
}

// apply declares the models; careful is trained by the clock as interval says.
func (s *stage) apply(ctx context.Context, interval string) error {
	file := filepath.Join(s.dir, "retrain.yaml")
	if err := s.writeConfig(file, s.section(nil), s.s3.Endpoint()[len("http://"):], fmt.Sprintf(declared, interval)); err != nil {
		return err
	}
	return s.producer(ctx, nil, "apply", "-f", file)
}

// producer runs a command, not through proxies, and reads its JSON answer into v unless that is nil.
func (s *stage) producer(ctx context.Context, v any, args ...string) error {
	out, err := s.command(ctx, s.ours, args...).Output()
	if err != nil {
		return fmt.Errorf("producer %v: %w: %s", args, err, out)
	}
	if v == nil {
		return nil
	}
	return json.Unmarshal(out, v)
}

func (s *stage) command(ctx context.Context, config string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, filepath.Join(s.bin, "producer"), append([]string{"--config", config, "--json"}, args...)...)
}

// heal ends all faults: everybody runs, everything answers.
func (s *stage) heal(ctx context.Context) {
	if s.nodes != nil {
		if err := s.nodes.start(); err != nil {
			s.sayf("start Redis: %v", err)
		}
	}
	for i := range s.network.names {
		if err := s.network.plug(ctx, s.network.names[i], true); err != nil {
			s.sayf("plug in: %v", err)
		}
	}
	for _, x := range s.proxies.all {
		if err := x.heal(ctx); err != nil {
			s.sayf("heal %s: %v", x.Name, err)
		}
	}
	for _, p := range s.all {
		if err := p.clock.set(0); err != nil {
			s.sayf("set the clock of %s: %v", p.Name, err)
		}
		p.signal(contSignal)
		if err := p.start(); err != nil {
			s.sayf("start %s: %v", p.Name, err)
		}
	}
}

func (s *stage) stopAll() {
	var all sync.WaitGroup
	for _, p := range s.all {
		all.Go(p.term)
	}
	all.Wait()
}

func (s *stage) close() {
	s.stopClients()
	for _, p := range s.all {
		p.kill()
		p.log.Close()
	}
	for _, x := range s.proxies.all {
		x.Stop()
	}
	if s.nodes != nil {
		s.nodes.stop()
	} else {
		s.redis.Kill()
	}
	s.network.remove()
	_ = s.s3.Stop() // nobody needs it any more
}

// note counts a fault that was done.
func (s *stage) note(fault string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[fault]++
}

func (s *stage) sayf(format string, args ...any) {
	if !s.Quiet {
		fmt.Printf(time.Now().Format("15:04:05.000 ")+format+"\n", args...)
	}
}

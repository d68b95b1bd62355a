package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// The model: 8 numbers, 64 and 32 units with relu, one number.
const declared = `
resources: {bench: {}, warm: {}}
models:
  bench:
    type: neural-network
    resource: bench
    features: [f0, f1, f2, f3, f4, f5, f6, f7]
    target: y
    modelConfig: {epochs: 3, layers: [{units: 64}, {units: 32}]}
  warm: {type: regression, resource: warm, features: [x], target: y, autoTrain: true, trainAfterInserts: 10, modelConfig: {epochs: 5}}
`

// So many rows make the model warm due.
const dueAfter = 10

// servers starts everybody and returns what ends them.
func (b *bench) servers(ctx context.Context) (servers []*server, stop func(), err error) {
	store := &server{name: "standalone", path: "/v1/models/bench:predict", body: byName}
	stop = func() {
		for _, s := range servers {
			s.stop()
		}
		store.stop()
	}
	config, err := b.train(ctx, store)
	if err != nil {
		return servers, stop, err
	}
	self, err := os.Executable()
	if err != nil {
		return servers, stop, err
	}
	starts, err := b.starts(ctx, self, config)
	if err != nil {
		return servers, stop, err
	}
	for i, st := range starts {
		if i > 0 && !strings.Contains(st.s.name, b.only) {
			continue
		}
		if st.s.address, err = freeAddress(); err != nil {
			return servers, stop, err
		}
		host, port, _ := net.SplitHostPort(st.s.address)
		servers = append(servers, st.s)
		if err := st.s.start(ctx, b.dir, st.program, st.args(host, port)...); err != nil {
			return servers, stop, err
		}
		if st.s.read != nil {
			if err := st.s.agrees(servers[0]); err != nil {
				return servers, stop, err
			}
		}
	}
	return servers, stop, nil
}

// A start is a server and how its program is called.
type start struct {
	s       *server
	program string
	args    func(host, port string) []string
}

// starts returns everybody, us first.
func (b *bench) starts(ctx context.Context, self, config string) ([]start, error) {
	model := filepath.Join(b.dir, "model")
	starts := []start{
		{&server{name: "Retrain", path: "/v1/models/bench:predict", body: byName, read: firstPrediction}, "bin/worker",
			func(host, port string) []string {
				return []string{"predict", "--listen", host + ":" + port, "--config", config}
			}},
		{&server{name: "Go, a constant", path: "/", body: byName}, self,
			func(host, port string) []string { return []string{"-constant", host + ":" + port} }},
	}
	if b.python != "" {
		peers := func(what ...string) func(host, port string) []string {
			return func(host, port string) []string {
				args := append([]string{"bench/serve/peers.py", what[0], model, host, port}, what[1:]...)
				return args
			}
		}
		fastAPI := func(name string, what ...string) start {
			return start{&server{name: "FastAPI + " + name, path: "/predict", body: byName, read: firstPrediction}, b.python, peers(what...)}
		}
		starts = append(starts,
			fastAPI("onnxruntime, 2 workers, as documented", "onnx", "2"),
			fastAPI("onnxruntime, 2 workers, tuned", "onnx", "2", "tuned"),
			fastAPI("tf.function, 2 workers, as documented", "tensorflow", "2"),
			fastAPI("tf.function, 2 workers, tuned", "tensorflow", "2", "tuned"),
			start{&server{name: "MLServer", path: "/v2/models/bench/infer", body: openInference, read: firstOutput}, b.python, peers("mlserver")})
		if err := command(ctx, b.python, "bench/serve/peers.py", "convert", model, model+".onnx"); err != nil {
			return nil, err
		}
	}
	return starts, nil
}

// train starts a standalone, trains the model there and writes its files for the peers. It returns the file by which workers
// connect.
func (b *bench) train(ctx context.Context, s *server) (config string, err error) {
	yaml, csv, data := filepath.Join(b.dir, "retrain.yaml"), filepath.Join(b.dir, "bench.csv"), filepath.Join(b.dir, "data")
	if err := os.WriteFile(yaml, []byte(declared), 0o600); err != nil {
		return "", err
	}
	if err := os.WriteFile(csv, []byte(records(2000)), 0o600); err != nil {
		return "", err
	}
	listen, err := freeAddress()
	if err != nil {
		return "", err
	}
	if s.address, err = freeAddress(); err != nil {
		return "", err
	}
	b.control = listen
	config = filepath.Join(data, "client.yaml")
	started := make(chan error, 1)
	go func() {
		started <- s.start(ctx, b.dir, "bin/standalone", "--data", data, "--config", yaml, "--listen", listen, "--predict-listen", s.address)
	}()
	for range 600 { // until it says where it is
		if _, err := os.Stat(config); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	time.Sleep(time.Second)
	for _, args := range [][]string{
		{"insert", "bench", csv}, {"train", "bench", "--wait"}, {"export", "bench", "-o", filepath.Join(b.dir, "model")},
	} {
		if err := command(ctx, "bin/producer", append([]string{"--config", config}, args...)...); err != nil {
			return "", err
		}
	}
	return config, <-started
}

// records returns a CSV whose columns reach from 0 to 1, so that scaling changes nothing.
func records(n int) string {
	var b strings.Builder
	b.WriteString("id,f0,f1,f2,f3,f4,f5,f6,f7,y\n")
	random := rand.New(rand.NewPCG(3, 4))
	for i, row := range randomRows(random, n) {
		fmt.Fprintf(&b, "%d", i)
		y := 0.0
		for j, v := range row {
			if i < 200 { // whatever rows are held out, both ends of all columns are learnt
				v = 0
				if (j >= 3) == (i%2 == 0) {
					v = 1
				}
			}
			y += v * float64(j-3)
			fmt.Fprintf(&b, ",%v", v)
		}
		fmt.Fprintf(&b, ",%v\n", (y+6)/16)
	}
	return b.String()
}

func command(ctx context.Context, program string, args ...string) error {
	out, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w\n%s", program, strings.Join(args, " "), err, out)
	}
	return nil
}

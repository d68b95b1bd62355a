package mlcore

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"retrain/mlcore/nn"
	"retrain/mlcore/session"
)

// BenchmarkSteps trains 10,000 rows, 8 → 64 → 32 → 1 in batches of 32, and an LSTM, and reports the time of a step.
func BenchmarkSteps(b *testing.B) {
	mlp := plan{network: nn.Network{Layers: []nn.Layer{dense(8, 64, "relu"), dense(64, 32, "relu"), dense(32, 1, "")}}}
	lstm := plan{lookback: 7, network: nn.Network{Layers: []nn.Layer{nn.LSTM{In: 8, Units: 50, Steps: 7}, dense(50, 25, "relu"), dense(25, 1, "")}}}
	long := func(steps int, recurrent float64) plan {
		return plan{lookback: steps, network: nn.Network{Layers: []nn.Layer{nn.LSTM{In: 8, Units: 50, Steps: steps, Recurrent: recurrent}, dense(50, 25, "relu"), dense(25, 1, "")}}}
	}
	lstm30 := plan{lookback: 30, network: nn.Network{Layers: []nn.Layer{nn.LSTM{In: 8, Units: 50, Steps: 30}, dense(50, 25, "relu"), dense(25, 1, "")}}}
	linear := plan{network: nn.Network{Layers: []nn.Layer{dense(8, 1, "")}}}
	dropped := plan{network: nn.Network{Layers: []nn.Layer{dense(8, 64, "relu"), nn.Dropout{Of: 64, Rate: 0.2}, dense(64, 32, "relu"), nn.BatchNormalization{Of: 32}, dense(32, 1, "")}}}
	configs := map[string]*session.Config{"here": session.Here(), "default": {}, "2 threads": {InterOpParallelismThreads: 1, IntraOpParallelismThreads: 2}, "1 1": {InterOpParallelismThreads: 1, IntraOpParallelismThreads: 1}}
	for name, p := range map[string]plan{"mlp": mlp, "lstm7": lstm, "lstm30": lstm30, "lstm32": long(32, 0), "lstm33": long(33, 0), "lstm33looped": long(33, 0.2), "lstm120": long(120, 0), "lstm120looped": long(120, 0.2), "lstm512": long(512, 0), "lstm512looped": long(512, 0.2), "linear": linear, "dropout": dropped} {
		for config, cfg := range configs {
			for _, compile := range []bool{false, true} {
				if compile && p.lookback > 10 {
					continue
				}
				b.Run(name+"/"+config+map[bool]string{false: "/plain", true: "/xla"}[compile], func(b *testing.B) {
					p := p
					p.loss, p.optimizer, p.batch, p.width, p.targets, p.compile = nn.MeanSquaredError, nn.Optimizer{Name: "adam"}, 32, 8, 1, compile
					benchmarkEpochs(b, &p, cfg)
				})
			}
		}
	}
}

func benchmarkEpochs(b *testing.B, p *plan, cfg *session.Config) {
	rows := 10_000
	if p.lookback > 30 {
		rows = 1000
	}
	p.rows, p.train = bucket(rows), bucket(rows)
	p.chunk = p.chunkOf(rows)
	began := time.Now()
	program, err := p.build(cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer program.session.Close()
	learn := make([]int32, rows-p.lookback)
	for i := range learn {
		learn[i] = int32(i + p.lookback)
	}
	x, y := make([]float32, rows*p.width), make([]float32, rows*p.targets)
	r := rand.New(rand.NewPCG(1, 1))
	for _, numbers := range [][]float32{x, y} {
		for i := range numbers {
			numbers[i] = r.Float32()
		}
	}
	t := &training{program: program, feed: fed(p, x, y, learn), rate: 0.001, shuffle: shuffled(1),
		state: p.begin(nn.First(p.network.Parameters(), 1)), between: func(context.Context) error { return nil }}
	t.epochs = 1
	if err := t.run(b.Context()); err != nil {
		b.Fatal(err)
	}
	first := time.Since(began)
	defer func() { b.ReportMetric(first.Seconds(), "s/first") }()
	b.ResetTimer()
	for range b.N {
		t.epochs++
		if err := t.run(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*p.steps(len(learn))), "µs/step")
}

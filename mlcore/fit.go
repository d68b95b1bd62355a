package mlcore

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"hash"
	"slices"
	"time"

	tf "github.com/tensorflow/tensorflow/tensorflow/go"

	"retrain"
	"retrain/mlcore/nn"
	"retrain/mlcore/prep"
	"retrain/mlcore/session"
)

// A fit is one job on its way.
type fit struct {
	retrain.Job
	engine      *Engine
	preparation *prep.Preparation
	data        *prep.Data
	rows        *session.Tensor // the encoded rows, where they are in memory
	training    *training
	result      retrain.Fit
	details     Details
}

// run is the way: records → rows → program → training → metrics → files.
func (f *fit) run(ctx context.Context) error {
	f.Model = f.Model.WithDefaults()
	var err error
	room := prep.Room{Memory: f.engine.memory(), Dir: f.engine.Dir, Floats: f.floats}
	if f.preparation, f.data, err = room.Prepare(f.Model, f.Data); err != nil {
		return err
	}
	defer f.data.Close()
	if err := f.enough(); err != nil {
		return err
	}
	plan, err := f.plan()
	if err != nil {
		return err
	}
	if f.details.Device, err = device(f.Model.Device); err != nil {
		return err
	}
	if f.details.Device == "gpu" {
		done, err := f.engine.gpu.take(ctx)
		if err != nil {
			return err
		}
		defer done()
	}
	program, release, err := f.engine.programs.take(ctx, plan, config(f.details.Device, plan.operations()))
	if err != nil {
		return err
	}
	defer release()
	if f.training, err = f.begin(program); err != nil {
		return err
	}
	defer f.training.free()
	train := f.training.run
	if f.Model.ModelConfig.Solver == "exact" {
		train = f.solve
	}
	if err := train(ctx); err != nil {
		return err
	}
	if err := f.judge(ctx); err != nil {
		return err
	}
	return f.write(ctx)
}

// floats makes the memory of the encoded rows: that of the tensor which they are learnt from.
func (f *fit) floats(rows, width int) []float32 {
	f.rows = session.New[float32](bucket(rows), width)
	return session.View[float32](f.rows)[:rows*width]
}

// enough returns an InsufficientDataError where there are fewer rows than the model asks for, or no window of a series.
func (f *fit) enough() error {
	least, have := f.Model.MinTrainingSamples, f.data.Rows
	if f.Model.Type == retrain.TimeSeries {
		least = max(least, f.Model.ModelConfig.Lookback+1)
	}
	if have >= least && len(f.data.Train) > 0 {
		return nil
	}
	err := retrain.Errorf(retrain.InsufficientDataError, "Insufficient training data: %d samples (minimum: %d)", have, least)
	err.Needs = max(1, least-have)
	if have >= least {
		err.Message = "Insufficient training data: no window of the time series is complete"
		err.Hint = "a smaller lookback or a longer maxGap leaves more windows"
	}
	return err
}

// plan returns the program that suits the model and the size of its data.
func (f *fit) plan() (*plan, error) {
	network, loss, err := architecture(&f.Model, f.preparation)
	if err != nil {
		return nil, err
	}
	c := &f.Model.ModelConfig
	p := &plan{network: network, loss: loss, optimizer: nn.Optimizer{Name: c.Optimizer}, batch: c.BatchSize, width: f.data.Width,
		targets: f.data.Outputs, lookback: f.preparation.Lookback, weighted: len(c.ClassWeights) > 0,
		rows: roomFor(f.data, f.preparation.Lookback, f.engine.memory())}
	p.train = bucket(min(len(f.data.Train), p.rows))
	if c.Optimizer == "sgd" {
		p.optimizer.Momentum = c.Momentum
	}
	p.chunk = p.chunkOf(max(len(f.data.Train), len(f.data.Holdout)))
	p.compile = p.worthCompiling(c.Epochs * p.steps(len(f.data.Train)))
	return p, nil
}

// begin makes the tensors and finds the state to go on from.
func (f *fit) begin(program *program) (*training, error) {
	p, c := program.plan, &f.Model.ModelConfig
	t := &training{program: program, feed: f.feed(p), epochs: c.Epochs, rate: c.LearningRate, seed: f.Model.Seed, shuffle: shuffled(f.Model.Seed),
		stopping: c.EarlyStopping, pace: pace{sliced: f.engine.slice}}
	of, err := f.digest(p)
	if err != nil {
		return nil, err
	}
	if t.state, err = f.first(p, of); err != nil {
		return nil, err
	}
	t.between = (&reporter{fit: f, training: t, of: of, began: time.Now(), saved: time.Now(), first: t.done()}).between
	return t, nil
}

// feed makes what the program reads the rows from.
func (f *fit) feed(p *plan) *feed {
	d := &feed{data: f.data, room: p.rows, lookback: p.lookback, x: f.rows, y: session.New[float32](p.rows, p.targets)}
	if d.x == nil {
		d.x = session.New[float32](p.rows, p.width)
	}
	if p.weighted {
		d.weights, d.weigh = session.New[float32](p.rows), f.weigh
	}
	d.cut()
	return d
}

// first returns the state to go on from: the checkpoint, the version to continue, or the seed.
func (f *fit) first(p *plan, of string) (*state, error) {
	if f.Checkpoint != nil {
		if s, err := p.restore(f.Checkpoint, of); err == nil {
			return s, nil
		}
	}
	if f.Continue.Dir == "" {
		return p.begin(nn.First(p.network.Parameters(), f.Model.Seed)), nil
	}
	first, err := f.continued()
	if err != nil {
		return nil, err
	}
	return p.begin(first), nil
}

// digest names the work: a checkpoint belongs to the same plan, rows and settings only.
func (f *fit) digest(p *plan) (string, error) {
	h, d := sha256.New(), f.data
	_ = json.NewEncoder(h).Encode([]any{p.key(), f.Model.ModelConfig, f.Model.Seed, len(d.Train), len(d.Holdout), tf.Version()}) // plain data marshal, a hash takes all
	sum(h, d.Train)
	sum(h, d.Holdout)
	sum(h, d.Y)
	piece := max(1, (1<<18)/d.Width) // rows
	for at := 0; at < d.Rows; at += piece {
		x := make([]float32, min(piece, d.Rows-at)*d.Width)
		if err := d.Encoded(x, at); err != nil {
			return "", err
		}
		sum(h, x)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// sum adds numbers to a hash.
func sum[T int32 | float32](h hash.Hash, x []T) {
	var b []byte
	for some := range slices.Chunk(x, 1<<16) {
		b, _ = binary.Append(b[:0], binary.LittleEndian, some) // plain numbers
		h.Write(b)
	}
}

// weigh returns how much a row counts: as its class does.
func (f *fit) weigh(row int) float32 {
	class := f.preparation.Targets[0].Classes[int(f.data.Y[row])]
	if w, ok := f.Model.ModelConfig.ClassWeights[class]; ok {
		return float32(w)
	}
	return 1
}

// write puts the version's files into the folder and completes the result.
func (f *fit) write(ctx context.Context) error {
	p, s := f.training.plan, f.training.state
	sm := &savedModel{network: &p.network, preparation: f.preparation, temperature: f.details.Temperature}
	for _, t := range f.training.final() {
		sm.weights = append(sm.weights, t.Floats())
	}
	if err := sm.write(f.Dir); err != nil {
		return err
	}
	f.details.describe(&p.network, p.loss)
	f.details.TensorFlow, f.details.Execution, f.details.Seed = tf.Version(), "plain", f.Model.Seed
	if p.compile {
		f.details.Execution = "xla"
	}
	f.details.TrainRows, f.details.HoldoutRows, f.details.BestEpoch = len(f.data.Train), len(f.data.Holdout), s.BestEpoch
	if !f.training.whole() {
		f.details.LoadRows = f.training.room
	}
	r := &f.result
	r.Samples, r.Skipped, r.Epochs = f.data.Rows, f.data.Skipped, s.Epoch
	r.Losses, r.ValLosses, r.Parameters = orEmpty(s.Losses), orEmpty(s.ValLosses), f.details.TotalParameters
	last := s.Epoch - 1
	if s.best != nil {
		last = s.BestEpoch - 1
	}
	r.Loss = s.Losses[last]
	if len(s.ValLosses) > 0 {
		r.ValLoss = &s.ValLosses[last]
	}
	var err error
	if r.Preparation, err = json.Marshal(f.preparation); err != nil {
		return err
	}
	if err := f.exemplify(ctx); err != nil {
		return err
	}
	if *f.Model.SaveTrainingData {
		return f.writeTrainingData()
	}
	return nil
}

// orEmpty makes a list of nothing [] in JSON, not null.
func orEmpty(x []float64) []float64 { return append([]float64{}, x...) }

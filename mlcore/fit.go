package mlcore

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
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
	training    *training
	result      retrain.Fit
	details     Details
}

// run is the way: records → rows → program → training → metrics → files.
func (f *fit) run(ctx context.Context) error {
	f.Model = f.Model.WithDefaults()
	var err error
	if f.preparation, f.data, err = prep.Prepare(f.Model, f.Data); err != nil {
		return err
	}
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
		rows: bucket(f.data.Rows), train: bucket(len(f.data.Train))}
	if c.Optimizer == "sgd" {
		p.optimizer.Momentum = c.Momentum
	}
	p.chunk = p.chunkOf(max(len(f.data.Train), len(f.data.Holdout)))
	p.compile = p.worthCompiling(c.Epochs * p.steps(len(f.data.Train)))
	return p, nil
}

// begin puts the data into tensors and finds the state to go on from.
func (f *fit) begin(program *program) (*training, error) {
	p, c := program.plan, &f.Model.ModelConfig
	t := &training{program: program, x: session.New[float32](p.rows, p.width), y: session.New[float32](p.rows, p.targets),
		learn: indexes(f.data.Train), judged: indexes(f.data.Holdout), epochs: c.Epochs, rate: c.LearningRate, seed: f.Model.Seed,
		stopping: c.EarlyStopping, pace: pace{sliced: f.engine.slice}}
	copy(session.View[float32](t.x), f.data.X)
	copy(session.View[float32](t.y), f.data.Y)
	of := f.digest(p)
	f.data.X = nil
	if p.weighted {
		t.weights = f.rowWeights(p)
	}
	t.order = shuffled(t.learn, t.seed)
	var err error
	if t.state, err = f.first(p, of); err != nil {
		return nil, err
	}
	t.between = (&reporter{fit: f, training: t, of: of, began: time.Now(), saved: time.Now(), first: t.state.Number}).between
	return t, nil
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
	first, err := weightsOf(f.Continue, p.network.Parameters())
	if err != nil {
		return nil, err
	}
	return p.begin(first), nil
}

// digest names the work: a checkpoint belongs to the same plan, rows and settings only.
func (f *fit) digest(p *plan) string {
	h := sha256.New()
	_ = json.NewEncoder(h).Encode([]any{p.key(), f.Model.ModelConfig, f.Model.Seed, f.data.Train, f.data.Holdout, tf.Version()}) // plain data marshal, a hash takes all
	_ = binary.Write(h, binary.LittleEndian, f.data.X)
	_ = binary.Write(h, binary.LittleEndian, f.data.Y)
	return hex.EncodeToString(h.Sum(nil))
}

// rowWeights returns how much each row counts: as its class does.
func (f *fit) rowWeights(p *plan) *session.Tensor {
	t := session.New[float32](p.rows)
	weights := session.View[float32](t)
	classes := f.preparation.Targets[0].Classes
	for i, class := range f.data.Y {
		weights[i] = 1
		if w, ok := f.Model.ModelConfig.ClassWeights[classes[int(class)]]; ok {
			weights[i] = float32(w)
		}
	}
	return t
}

func indexes(rows []int) []int32 {
	x := make([]int32, len(rows))
	for i, row := range rows {
		x[i] = int32(row)
	}
	return x
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

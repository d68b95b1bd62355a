package mlcore

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	meta "github.com/tensorflow/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"retrain"
	"retrain/mlcore/portable"
	"retrain/mlcore/prep"
	"retrain/mlcore/session"
)

// A Loaded is a version that answers any number of goroutines.
type Loaded struct {
	session *session.Session
	network *session.Call // encoded rows to the network's answers
	batcher *batcher
	encoder *prep.Encoder
	details *Details
	classes [][]byte // as JSON has them; nil where the answers are numbers
	drift   *drift
	buffers sync.Pool // of *buffers
}

var _ retrain.JSONServable = (*Loaded)(nil)

// A Loader opens versions. The zero value works.
type Loader struct {
	AtOnce  int           // runs of one version at the same time; as many as there are processors
	Queue   int           // questions that may wait for one version; 1024
	Slowest time.Duration // what a prediction may take; 1 s
	Aside   bool          // loading gives way to whoever is at work on this machine
}

// The most rows of one run. More take longer without being faster, and a long run makes others wait.
const mostRows = 1024

// Load opens a version with the defaults.
func Load(v retrain.Version) (retrain.Servable, error) { return Loader{}.Load(v) }

// Load opens a version, warms it and sees to it that it gives the predictions that it gave when it was made, and in time.
func (o Loader) Load(v retrain.Version) (retrain.Servable, error) {
	l, err := o.open(v)
	if err != nil {
		return nil, fmt.Errorf("load the SavedModel of version %d: %w", v.Manifest.Version, err)
	}
	if err := errors.Join(l.check(), l.quick(cmp.Or(o.Slowest, time.Second))); err != nil {
		l.session.Close()
		return nil, err
	}
	l.drift = newDrift(l.encoder.Preparation) // its own examples were no questions
	return l, nil
}

func (o Loader) open(v retrain.Version) (*Loaded, error) {
	l := new(Loaded)
	p := new(prep.Preparation)
	err := json.Unmarshal(v.Manifest.Fit.Preparation, p)
	if err != nil {
		return nil, fmt.Errorf("preparation: %w", err)
	}
	if l.encoder, err = p.Encoder(); err != nil {
		return nil, err
	}
	if l.details, err = ReadDetails(&v.Manifest.Fit); err != nil {
		return nil, err
	}
	s, mg, err := load(v.Dir, o.Aside)
	if err != nil {
		return nil, err
	}
	l.session = s
	signature := mg.GetSignatureDef()[encodedSignature]
	l.network, err = s.Call([]string{signature.GetInputs()["x"].GetName()}, []string{signature.GetOutputs()["y"].GetName()})
	if err == nil {
		err = o.batch(l)
	}
	if err == nil {
		l.classes, err = l.written()
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return l, nil
}

// load opens the SavedModel in dir. One with an operation that ours have not is refused before TensorFlow sees it: who may write
// to the bucket may not thereby read files here, or run programs.
func load(dir string, aside bool) (*session.Session, *meta.MetaGraphDef, error) {
	graph, err := os.ReadFile(filepath.Join(dir, "saved_model.pb"))
	if err != nil {
		return nil, nil, err
	}
	if err := portable.CheckGraph(graph); err != nil {
		return nil, nil, err
	}
	if aside {
		return session.LoadAside(dir, session.Here())
	}
	return session.Load(dir, session.Here())
}

// batch gives l its batcher.
func (o Loader) batch(l *Loaded) error {
	l.drift = newDrift(l.encoder.Preparation)
	shape := []int{l.encoder.Width()}
	if l.encoder.Lookback > 0 {
		shape = []int{l.encoder.Lookback, l.encoder.Width()}
	}
	if err := l.network.Warm(append([]int{blocks[0]}, shape...), o.Aside); err != nil {
		return err
	}
	r, err := newRows(l.network, shape, l.details.OutputUnits)
	if err != nil {
		return err
	}
	l.batcher = &batcher{run: r.run, in: r.in, out: r.out, most: mostRows, alone: r.block == 0,
		atOnce: cmp.Or(o.AtOnce, runtime.GOMAXPROCS(0)), queue: cmp.Or(o.Queue, 1024)}
	return nil
}

// Size implements retrain.Servable: the weights, which the session holds once more in its own form, and what a session of a
// small graph takes.
func (l *Loaded) Size() int64 {
	const session, number = 1 << 20, 4
	return session + 2*number*int64(l.details.TotalParameters)
}

// Close implements retrain.Servable.
func (l *Loaded) Close() error {
	l.session.Close()
	return nil
}

// Predict implements retrain.Servable. For a time series the records are its latest, in the order of time: at least as many
// as its lookback, and each further one gives another prediction; the last is that of the record to come.
func (l *Loaded) Predict(ctx context.Context, records []retrain.Record) ([]retrain.Prediction, error) {
	if len(records) == 0 {
		return []retrain.Prediction{}, nil
	}
	width, lookback := l.encoder.Width(), l.encoder.Lookback
	b := l.room()
	defer l.buffers.Put(b)
	b.x = resized(b.x, len(records)*width)
	if err := l.encoder.Encode(records, b.x); err != nil {
		return nil, err
	}
	l.drift.add(b.x, width)
	if lookback == 0 {
		return l.answer(ctx, b, len(records))
	}
	if len(records) < lookback {
		return nil, retrain.Errorf(retrain.DataValidationError, "a prediction needs the latest %d records, not %d", lookback, len(records))
	}
	ends := make([]int, 0, len(records)-lookback+1)
	for end := lookback; end <= len(records); end++ {
		ends = append(ends, end)
	}
	b.x = windows(b.x, width, lookback, ends)
	return l.answer(ctx, b, len(ends))
}

// room returns what a prediction needs, which goes back into l.buffers.
func (l *Loaded) room() *buffers {
	if b, ok := l.buffers.Get().(*buffers); ok {
		return b
	}
	return new(buffers)
}

// windows returns the lookback rows before each end, out of x [rows, width]: [ends, lookback, width].
func windows(x []float32, width, lookback int, ends []int) []float32 {
	w := make([]float32, 0, len(ends)*lookback*width)
	for _, end := range ends {
		w = append(w, x[(end-lookback)*width:end*width]...)
	}
	return w
}

// answer runs the network on b.x, n rows, and reads its answers.
func (l *Loaded) answer(ctx context.Context, b *buffers, n int) ([]retrain.Prediction, error) {
	if err := l.compute(ctx, b, n); err != nil {
		return nil, err
	}
	outputs := l.details.OutputUnits
	predictions := make([]retrain.Prediction, n)
	for i := range predictions {
		predictions[i] = l.read(b.y[i*outputs : (i+1)*outputs])
	}
	return predictions, nil
}

// compute runs the network on b.x, n rows, into b.y, all of whose numbers are finite then.
func (l *Loaded) compute(ctx context.Context, b *buffers, n int) error {
	outputs := l.details.OutputUnits
	b.y = resized(b.y, n*outputs)
	if err := l.batcher.answer(ctx, b.x, n, b.y); err != nil {
		if ctx.Err() == nil && retrain.CodeOf(err) == retrain.MLError {
			err = retrain.Errorf(retrain.PredictionError, "predict: %w", err)
		}
		return err
	}
	for i, v := range b.y {
		if v-v != 0 {
			return retrain.Errorf(retrain.DataValidationError, "the answer to record %d is not a number", i/outputs+1).WithHint("its values are far outside of those that were learnt")
		}
	}
	return nil
}

// read turns the network's answer to one record into a prediction.
func (l *Loaded) read(y []float32) retrain.Prediction {
	targets := l.encoder.Targets
	if t := &targets[0]; len(t.Classes) > 0 {
		return classPrediction(t, distributions(y, len(y))[0])
	}
	values := make([]float64, len(y))
	for i := range y {
		values[i] = targets[i].Unscale(float64(y[i]))
	}
	if len(values) > 1 {
		return retrain.Prediction{Prediction: values}
	}
	p := retrain.Prediction{Prediction: values[0]}
	if in := l.details.Interval; in != nil {
		p.Interval = &[2]float64{values[0] - in.HalfWidth, values[0] + in.HalfWidth}
	}
	return p
}

// classPrediction answers with the likeliest class; the confidence is its probability.
func classPrediction(t *prep.Target, p []float64) retrain.Prediction {
	best := likeliest(p)
	probabilities := make(map[string]float64, len(p))
	for i, v := range p {
		probabilities[t.Classes[i]] = v
	}
	return retrain.Prediction{Prediction: t.Class(best), Confidence: &p[best], Probabilities: probabilities}
}

func resized(x []float32, n int) []float32 {
	if cap(x) < n {
		return make([]float32, n)
	}
	return x[:n]
}

package retrain

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// A Kind names a method of learning. It is stored in specs and manifests: never change a value.
type Kind string

// The four model types.
const (
	Regression     Kind = "regression"
	Classification Kind = "classification"
	TimeSeries     Kind = "timeseries"
	NeuralNetwork  Kind = "neural-network"
)

// A Model is a declared thing to learn. Its JSON form is a model of retrain.yaml and the content of spec.json.
type Model struct {
	Name               string            `json:"name,omitempty"` // the key in retrain.yaml
	Type               Kind              `json:"type"`
	Resource           string            `json:"resource"`
	Features           []string          `json:"features"`
	Target             Names             `json:"target"`
	Partition          *PartitionRef     `json:"partition,omitempty"`
	Filter             string            `json:"filter,omitempty"` // an expression: only records for which it is true are learnt
	Map                map[string]string `json:"map,omitempty"`    // field: expression, evaluated before features are read
	AutoTrain          bool              `json:"autoTrain,omitempty"`
	TrainAfterInserts  int               `json:"trainAfterInserts,omitempty"`
	TrainInterval      Duration          `json:"trainInterval,omitempty"`
	Device             string            `json:"device,omitempty"`   // auto (default), cpu, gpu
	Priority           string            `json:"priority,omitempty"` // critical, default (default), low
	Seed               uint64            `json:"seed,omitempty"`     // 1
	MinTrainingSamples int               `json:"minTrainingSamples,omitempty"`
	SaveModel          *bool             `json:"saveModel,omitempty"`
	SaveTrainingData   *bool             `json:"saveTrainingData,omitempty"`
	OnMissing          string            `json:"onMissing,omitempty"` // skip (default), mean, zero, error
	Promote            Promote           `json:"promote,omitzero"`
	Keep               int               `json:"keep,omitempty"`           // versions kept besides champion and previous; 10
	RetrainOnDrift     float64           `json:"retrainOnDrift,omitempty"` // with autoTrain: train when a feature's stability index in the questions reaches this and there are new rows; 0.25 is much
	Labels             map[string]int    `json:"labels,omitempty"`         // versions by further names than champion and previous
	MaxRunTime         Duration          `json:"maxRunTime,omitempty"`     // a run that takes longer fails; 0: any time
	ModelConfig        ModelConfig       `json:"modelConfig,omitzero"`

	Paused *Pause `json:"-"` // not declared, but said by a person; nil: it isn't
}

// A Pause says that no training of a model may begin by itself.
type Pause struct {
	At time.Time `json:"at"`
	By string    `json:"by,omitempty"` // who said so
}

// Names is a list of names; in JSON and YAML a single one may stand by itself.
type Names []string

// A PartitionRef chooses the records of one partition: those whose fields have these values.
type PartitionRef struct {
	Name   string         `json:"name"`
	Values map[string]any `json:"values"`
}

// Promote is the rule by which a new version becomes champion.
type Promote struct {
	Rule   string  `json:"rule,omitempty"`   // always (default), improve, manual
	Metric string  `json:"metric,omitempty"` // for improve: a name in Metrics; "" is the validation loss
	Margin float64 `json:"margin,omitempty"` // for improve: by how much it must beat the champion
}

// ModelConfig holds the settings of a fit. Zero values stand for the defaults of the model's type, see WithDefaults.
type ModelConfig struct {
	Epochs          int      `json:"epochs,omitempty"`          // 50
	BatchSize       int      `json:"batchSize,omitempty"`       // 32
	LearningRate    float64  `json:"learningRate,omitempty"`    // 0.01
	ValidationSplit *float64 `json:"validationSplit,omitempty"` // 0.2
	Optimizer       string   `json:"optimizer,omitempty"`       // adam (default), sgd, rmsprop
	Momentum        float64  `json:"momentum,omitempty"`        // of sgd; 0

	EarlyStopping *EarlyStopping     `json:"earlyStopping,omitempty"`
	ClassWeights  map[string]float64 `json:"classWeights,omitempty"` // by class
	Solver        string             `json:"solver,omitempty"`       // gradient (default), exact

	Polynomial int    `json:"polynomial,omitempty"` // regression: degree of the terms, 1 to 5; 1
	Units      int    `json:"units,omitempty"`      // 64
	Activation string `json:"activation,omitempty"` // relu

	Dropout          *float64 `json:"dropout,omitempty"`          // classification, timeseries: 0.2
	RecurrentDropout *float64 `json:"recurrentDropout,omitempty"` // timeseries: 0.2
	Lookback         int      `json:"lookback,omitempty"`         // timeseries: 10
	LSTMUnits        int      `json:"lstmUnits,omitempty"`        // timeseries: 50
	DenseUnits       int      `json:"denseUnits,omitempty"`       // timeseries: 25
	OrderBy          string   `json:"orderBy,omitempty"`          // timeseries: createdAt
	MaxGap           Duration `json:"maxGap,omitempty"`           // timeseries: no window reaches over a longer gap; 0: any

	Layers           []Layer  `json:"layers,omitempty"`           // neural-network
	OutputActivation string   `json:"outputActivation,omitempty"` // of the last layer; by default what suits the target
	OutputUnits      int      `json:"outputUnits,omitempty"`      // of the last layer; by default as many as the target needs
	Loss             string   `json:"loss,omitempty"`             // by default what suits the target
	Metrics          []string `json:"metrics,omitempty"`          // by default those that suit the target
}

// A Layer is one dense layer of a neural network.
type Layer struct {
	Units              int     `json:"units"`
	Activation         string  `json:"activation,omitempty"` // relu
	Dropout            float64 `json:"dropout,omitempty"`
	BatchNormalization bool    `json:"batchNormalization,omitempty"`
}

// EarlyStopping ends a fit when its monitored loss no longer falls.
type EarlyStopping struct {
	Patience           int     `json:"patience"` // epochs without improvement before it stops
	MinDelta           float64 `json:"minDelta,omitempty"`
	Monitor            string  `json:"monitor,omitempty"` // valLoss (default), loss
	RestoreBestWeights bool    `json:"restoreBestWeights,omitempty"`
}

// A Resource is a named collection of records. Its JSON form is a resource of retrain.yaml and the content of its spec.json.
type Resource struct {
	Name       string              `json:"name,omitempty"`   // the key in retrain.yaml
	Source     string              `json:"source,omitempty"` // native (default), s3db, files
	Partitions map[string][]string `json:"partitions,omitempty"`
	S3DB       *S3DBSource         `json:"s3db,omitempty"`
	Files      *FilesSource        `json:"files,omitempty"`
}

// Native reports whether the resource's records are those that were inserted here.
func (r *Resource) Native() bool { return r.Source == "" || r.Source == "native" }

// S3DBSource says where an existing s3db.js database lies.
type S3DBSource struct {
	Bucket        string `json:"bucket,omitempty"` // ours by default
	Prefix        string `json:"prefix,omitempty"`
	Resource      string `json:"resource,omitempty"` // the same name by default
	PassphraseEnv string `json:"passphraseEnv,omitempty"`
}

// FilesSource says where data files lie.
type FilesSource struct {
	Bucket string `json:"bucket,omitempty"` // ours by default
	Prefix string `json:"prefix"`
	Format string `json:"format,omitempty"` // csv, jsonl, parquet; by the file's name by default
}

// A Duration is a time.Duration that JSON and YAML write as "24h" and also read as a plain number of milliseconds.
type Duration time.Duration

// MarshalJSON writes the duration in Go's form.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// UnmarshalJSON reads "24h" or a number of milliseconds.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var ms float64
	if json.Unmarshal(b, &ms) == nil {
		*d = Duration(ms * float64(time.Millisecond))
		return nil
	}
	s := string(bytes.Trim(b, `"`))
	v, err := time.ParseDuration(s)
	if err != nil {
		return Errorf(ModelConfigError, `%q is not a duration`, s).WithHint(`write 30s, 5m, 24h or a number of milliseconds`)
	}
	*d = Duration(v)
	return nil
}

// MarshalJSON writes a single name by itself.
func (n Names) MarshalJSON() ([]byte, error) {
	if len(n) == 1 {
		return json.Marshal(n[0])
	}
	return json.Marshal([]string(n))
}

// UnmarshalJSON reads one name or a list.
func (n *Names) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	if !bytes.HasPrefix(b, []byte("[")) {
		*n = make(Names, 1)
		return json.Unmarshal(b, &(*n)[0])
	}
	return json.Unmarshal(b, (*[]string)(n))
}

// String joins the names.
func (n Names) String() string { return strings.Join(n, ", ") }

// Trigger returns when a training of m is due.
func (m *Model) Trigger() Trigger {
	if !m.AutoTrain {
		return Trigger{}
	}
	return Trigger{Inserts: m.TrainAfterInserts, Every: time.Duration(m.TrainInterval), Drift: m.RetrainOnDrift}
}

// In reports whether r belongs to the partition: each field, by its path, has its value. A day, as 2026-03-01, is the value of
// all moments in it, in UTC.
func (p *PartitionRef) In(r Record) bool {
	for path, want := range p.Values {
		if !sameValue(r.At(path), want) {
			return false
		}
	}
	return true
}

// At returns the value at a dotted path, and nil where there is none. A field whose name has the dots in it comes first.
func (r Record) At(path string) any {
	if v, ok := r[path]; ok {
		return v
	}
	var v any = map[string]any(r)
	for part := range strings.SplitSeq(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[part]
	}
	return v
}

// sameValue compares as text, since YAML and CSV know fewer kinds of values than JSON.
func sameValue(a, b any) bool {
	if a == nil {
		return false
	}
	is, want := ValueText(a), ValueText(b)
	return is == want || len(want) == len(time.DateOnly) && onDay(is, want)
}

func onDay(moment, day string) bool {
	if len(moment) <= len(day) || moment[len(day)] != 'T' {
		return false
	}
	t, err := time.Parse(time.RFC3339, moment)
	return err == nil && t.UTC().Format(time.DateOnly) == day
}

// ValueText returns a value as partitions compare it: a text as it is, anything else as JSON.
func ValueText(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, _ := json.Marshal(v) // decoded JSON or YAML marshals
	return string(b)
}

// WithDefaults returns m with every setting that was left out filled in, as a fit uses them.
func (m Model) WithDefaults() Model {
	m.Device, m.Priority, m.OnMissing = cmp.Or(m.Device, "auto"), cmp.Or(m.Priority, "default"), cmp.Or(m.OnMissing, "skip")
	m.Seed, m.Keep, m.MinTrainingSamples = cmp.Or(m.Seed, 1), cmp.Or(m.Keep, 10), cmp.Or(m.MinTrainingSamples, 10)
	m.Promote.Rule = cmp.Or(m.Promote.Rule, "always")
	m.SaveModel, m.SaveTrainingData = orTrue(m.SaveModel), cmp.Or(m.SaveTrainingData, new(bool))
	m.ModelConfig = m.ModelConfig.withDefaults(m.Type)
	return m
}

// Lane names the queue that m's runs wait in: its priority, after the device where it insists on one, as in "gpu-low". A
// worker may serve some of the lanes alone.
func (m Model) Lane() string {
	m = m.WithDefaults()
	if m.Device == "auto" {
		return m.Priority
	}
	return m.Device + "-" + m.Priority
}

func (c ModelConfig) withDefaults(k Kind) ModelConfig {
	c.Epochs, c.BatchSize, c.LearningRate = cmp.Or(c.Epochs, 50), cmp.Or(c.BatchSize, 32), cmp.Or(c.LearningRate, 0.01)
	c.ValidationSplit = cmp.Or(c.ValidationSplit, new(0.2))
	c.Optimizer, c.Solver, c.Activation = cmp.Or(c.Optimizer, "adam"), cmp.Or(c.Solver, "gradient"), cmp.Or(c.Activation, "relu")
	c.Units = cmp.Or(c.Units, 64)
	switch k {
	case Regression:
		c.Polynomial, c.Loss = cmp.Or(c.Polynomial, 1), cmp.Or(c.Loss, "meanSquaredError")
	case Classification:
		c.Dropout = cmp.Or(c.Dropout, new(0.2))
	case TimeSeries:
		c.Dropout, c.RecurrentDropout = cmp.Or(c.Dropout, new(0.2)), cmp.Or(c.RecurrentDropout, new(0.2))
		c.Lookback, c.LSTMUnits, c.DenseUnits = cmp.Or(c.Lookback, 10), cmp.Or(c.LSTMUnits, 50), cmp.Or(c.DenseUnits, 25)
		c.OrderBy, c.Loss = cmp.Or(c.OrderBy, "createdAt"), cmp.Or(c.Loss, "meanSquaredError")
	case NeuralNetwork:
		c.OutputActivation, c.Loss = cmp.Or(c.OutputActivation, "linear"), cmp.Or(c.Loss, "meanSquaredError")
		c.Layers = slices.Clone(c.Layers)
		for i := range c.Layers {
			c.Layers[i].Activation = cmp.Or(c.Layers[i].Activation, "relu")
		}
	}
	return c
}

func orTrue(v *bool) *bool { return cmp.Or(v, new(true)) }

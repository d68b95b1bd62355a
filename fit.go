package retrain

import (
	"context"
	"iter"
)

// A Job is the work of a Fitter.
type Job struct {
	Model      Model // with its defaults
	Data       iter.Seq2[*Table, error]
	Continue   Version // where the weights start; zero: from the seed
	Champion   Version // to be evaluated on the same holdout; zero: none
	Checkpoint []byte  // what SaveCheckpoint was given last, nil at the start
	Import     []byte  // a file whose model is to be taken over; there is nothing to learn then. nil: none
	Dir        string  // an empty folder for the version's files

	SaveCheckpoint func(ctx context.Context, state []byte) error // called between slices; may be nil
	Progress       func(Progress)                                // called between slices; may be nil
}

// A Version is a version's files on the local disk.
type Version struct {
	Dir      string // "" for none
	Manifest *Manifest
}

// A Fitter learns.
type Fitter interface {
	// Fit trains job.Model on job.Data and writes the version's files into job.Dir. It heeds ctx between slices. The same data,
	// model and seed give the same bytes, resumed or not. Errors: InsufficientDataError, DataValidationError, ModelConfigError,
	// TrainingError.
	Fit(ctx context.Context, job Job) (Fit, error)
}

// Progress is how far a fit has come.
type Progress struct {
	Run                       string             `json:"run"`
	State                     RunState           `json:"state"`
	CurrentEpoch              int                `json:"currentEpoch"`
	TotalEpochs               int                `json:"totalEpochs"`
	ProgressPercentage        float64            `json:"progressPercentage"`
	EstimatedRemainingSeconds float64            `json:"estimatedRemainingSeconds"`
	Samples                   int                `json:"samples"`
	TrainMetrics              map[string]float64 `json:"trainMetrics,omitempty"`
	EvalMetrics               map[string]float64 `json:"evalMetrics,omitempty"`
	Why                       string             `json:"why,omitempty"`   // what keeps it from beginning
	Curve                     *Curve             `json:"curve,omitempty"` // nil before the first epoch, and in lists
}

// A Curve is how losses fell from epoch to epoch. Of many epochs it has some, and always the last.
type Curve struct {
	Epochs    []int     `json:"epochs"` // from 1
	Losses    []float64 `json:"losses"`
	ValLosses []float64 `json:"valLosses,omitempty"`
}

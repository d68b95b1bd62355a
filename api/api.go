// Package api has the words of the HTTP API, for both of its ends: the server answers them, and package client returns them.
// Words that the whole system shares are those of package retrain.
package api

import (
	"encoding/json"
	"time"

	"retrain"
)

// Models are all models, as they stand.
type Models struct {
	Models []retrain.ModelStatus `json:"models"`
}

// Resources are all resources, as they were declared.
type Resources struct {
	Resources []retrain.Resource `json:"resources"`
}

// Applied says what was new or different of what was declared, like models/price, and what was not.
type Applied struct {
	Applied   []string `json:"applied"`   // new or changed
	Unchanged []string `json:"unchanged"` // as they were
}

// Fields are what values the fields of a resource's records have.
type Fields struct {
	Resource string  `json:"resource"`
	Fields   []Field `json:"fields"`
}

// A Field is one of them. It is mixed where its values are of several kinds, of which null is none: something that was inserted is
// not what the rest is.
type Field struct {
	Name  string      `json:"name"`
	Mixed bool        `json:"mixed"` // values are of several kinds
	Kinds []FieldKind `json:"kinds"` // the commonest first
}

// A FieldKind says how many of a field's values are of one kind, and between which times they were inserted, as far as that is known.
type FieldKind struct {
	Kind   string    `json:"kind"`          // number, boolean, text, json (an object or a list) or null
	Values int       `json:"values"`        // how many are of this kind
	From   time.Time `json:"from,omitzero"` // not before
	To     time.Time `json:"to,omitzero"`   // not after
}

// A Count is how many records there are.
type Count struct {
	Resource string `json:"resource"`
	Count    int    `json:"count"`
}

// A Training asks for a run.
type Training struct {
	ResetWeights *bool `json:"resetWeights,omitempty"` // false: go on from the champion's weights
}

// A Requested is a run that was requested, or the one that waits already.
type Requested struct {
	Run   string           `json:"run"`
	Model string           `json:"model"`
	State retrain.RunState `json:"state"`
}

// A ChosenVersion names a version.
type ChosenVersion struct {
	Version int `json:"version" min:"1"`
}

// Steps say how far to go back.
type Steps struct {
	Steps int `json:"steps,omitempty" min:"1"` // 1
}

// A Moved is the pointer after it was moved.
type Moved struct {
	Model    string `json:"model"`
	Version  int    `json:"version"`
	Previous int    `json:"previous"`
}

// Pinned are the versions that retention leaves alone.
type Pinned struct {
	Model   string `json:"model"`
	Version int    `json:"version"` // that was pinned or let go
	Pinned  []int  `json:"pinned"`
}

// A ListedRun is a run in a list of runs.
type ListedRun struct {
	Run             string           `json:"run"`
	Number          int              `json:"number"`
	State           retrain.RunState `json:"state"`
	Reason          retrain.Reason   `json:"reason"`
	RequestedAt     time.Time        `json:"requestedAt"`
	BeganAt         *time.Time       `json:"beganAt,omitempty"`
	EndedAt         *time.Time       `json:"endedAt,omitempty"`
	DurationSeconds float64          `json:"durationSeconds,omitempty"`
	Version         int              `json:"version,omitempty"`
	Samples         int              `json:"samples,omitempty"`
	Why             string           `json:"why,omitempty"`
	Error           *retrain.Error   `json:"error,omitempty"`
}

// Ended reports whether the run has its verdict.
func (r *ListedRun) Ended() bool { return r.EndedAt != nil }

// Runs are those of a model, newest first.
type Runs struct {
	Model string      `json:"model"`
	Runs  []ListedRun `json:"runs"`
}

// A ListedVersion is a version in a list of versions.
type ListedVersion struct {
	Version   int                `json:"version"`
	Champion  bool               `json:"champion"`
	Pinned    bool               `json:"pinned"`
	TrainedAt time.Time          `json:"trainedAt"` // when its run was requested
	Reason    retrain.Reason     `json:"reason"`
	Samples   int                `json:"samples"`
	Epochs    int                `json:"epochs"`
	Loss      float64            `json:"loss"`
	ValLoss   *float64           `json:"valLoss,omitempty"`
	Metrics   map[string]float64 `json:"metrics"`
}

// Versions are those of a model, newest first.
type Versions struct {
	Model    string          `json:"model"`
	Versions []ListedVersion `json:"versions"`
}

// A Move is an entry of a model's history: from At until the next move, Version served.
type Move struct {
	Sequence int        `json:"sequence"`
	Version  int        `json:"version"` // 0: none
	Previous int        `json:"previous,omitempty"`
	At       time.Time  `json:"at"`
	Until    *time.Time `json:"until,omitempty"` // nil: it still serves
	Why      string     `json:"why"`
	By       string     `json:"by,omitempty"`
}

// A History is what served when, newest first.
type History struct {
	Model   string `json:"model"`
	History []Move `json:"history"`
}

// A Cancellation is a run that was cancelled.
type Cancellation struct {
	Run   string           `json:"run"`
	Model string           `json:"model"`
	State retrain.RunState `json:"state"`
}

// Cancelled are the runs that were ended.
type Cancelled struct {
	Cancelled []Cancellation `json:"cancelled"`
}

// A Disposal says what is left of a model.
type Disposal struct {
	Model string `json:"model"`
	Done  bool   `json:"done"` // false: a scheduler removes the rest
}

// A Stat is how a model has done so far.
type Stat struct {
	Model         string             `json:"model"`
	Type          retrain.Kind       `json:"type"`
	Trained       bool               `json:"trained"`
	Version       int                `json:"version"`
	Samples       int                `json:"samples"`
	Metrics       map[string]float64 `json:"metrics"`
	Trainings     int                `json:"trainings"`               // that came to a verdict
	Failures      int                `json:"failures"`                // of them
	LastTrainedAt *time.Time         `json:"lastTrainedAt,omitempty"` // when the last run ended that made a version
}

// Stats are those of all models.
type Stats struct {
	Models []Stat `json:"models"`
}

// A Question is records to predict for.
type Question struct {
	Instances []retrain.Record `json:"instances" min:"1"` // records, or what is known of them
}

// Predictions are the answers of one version, in the order of the records; values alone, unless details were asked for.
type Predictions struct {
	Predictions []any `json:"predictions"` // values, or objects with details
	Version     int   `json:"version"`
}

// Changed are the resources that are looked at because S3 says that something in them has changed.
type Changed struct {
	Resources []string `json:"resources"` // their names
}

// Ready says that Redis and S3 answer.
type Ready struct {
	Ready bool `json:"ready"`
}

// A Version is everything about one version.
type Version struct {
	Model           string             `json:"model"`
	Version         int                `json:"version"`
	Champion        bool               `json:"champion"`
	Type            retrain.Kind       `json:"type"`
	Resource        string             `json:"resource"`
	Features        []string           `json:"features"`
	Target          retrain.Names      `json:"target"`
	RequestedAt     time.Time          `json:"requestedAt"`
	Reason          retrain.Reason     `json:"reason"`
	Samples         int                `json:"samples"`
	Skipped         int                `json:"skipped"` // rows left out for a missing value
	Epochs          int                `json:"epochs"`
	Loss            float64            `json:"loss"`
	ValLoss         *float64           `json:"valLoss,omitempty"`
	Losses          []float64          `json:"losses"`
	ValLosses       []float64          `json:"valLosses"`
	Metrics         map[string]float64 `json:"metrics"`
	Importance      map[string]float64 `json:"featureImportance,omitempty"` // how much is lost without each feature
	Origin          *retrain.Origin    `json:"origin,omitempty"`            // where it was imported from
	TotalParameters int                `json:"totalParameters"`             // weights that were learnt
	Architecture    json.RawMessage    `json:"architecture,omitempty"`      // the layers
	Preparation     json.RawMessage    `json:"preparation,omitempty"`       // what happens to the features before
	Objects         int                `json:"objects"`                     // of S3 that it was trained from
	Spec            retrain.Model      `json:"spec"`                        // the model as it was declared then
}

// A Forecasting asks for the next values of a time series.
type Forecasting struct {
	Steps   int              `json:"steps"`
	History []retrain.Record `json:"history,omitempty"` // the latest records; those that are stored by default
}

// A Forecast is the next values of a time series.
type Forecast struct {
	Forecast []any `json:"forecast"`
	Version  int   `json:"version"`
}

// A TrainedOn is what a version was trained on.
type TrainedOn struct {
	ModelName string           `json:"modelName"` // the model's name
	Version   int              `json:"version"`
	Samples   int              `json:"samples"`
	Features  []string         `json:"features"`
	Target    retrain.Names    `json:"target"`
	SavedAt   time.Time        `json:"savedAt"` // with the version
	Data      []retrain.Record `json:"data"`    // the rows, in the order of the training
}

// A Checkup is what doctor finds.
type Checkup struct {
	OK     bool      `json:"ok"` // nothing is broken
	Checks []Finding `json:"checks"`
}

// A Finding is what one check found.
type Finding struct {
	Name   string `json:"name"`   // of what was looked at
	OK     bool   `json:"ok"`     // it is as it should be
	Detail string `json:"detail"` // what was found
	Hint   string `json:"hint,omitempty"`

	Warning bool `json:"warning,omitempty"` // nothing is broken, but somebody should look
}

// RecentErrors are what went wrong lately, newest first.
type RecentErrors struct {
	Errors []retrain.Event `json:"errors"`
}

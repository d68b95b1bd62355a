// Package tensorboard writes what is known of a version as TensorBoard reads it: the losses of each epoch, the metrics on the holdout
// and the graph. All of it stands in the version's manifest and SavedModel, so nothing is stored twice, and versions that were made
// before this was written have their curves, too. It links no TensorFlow.
package tensorboard

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"retrain"
)

// The fields of TensorFlow's messages that are written and read here.
const (
	eventWallTime    = 1 // double
	eventStep        = 2
	eventFileVersion = 3
	eventGraph       = 4 // a GraphDef
	eventSummary     = 5

	summaryValue = 1
	valueTag     = 1
	valueSimple  = 2 // float

	savedModelMeta = 2 // a MetaGraphDef
	metaGraph      = 2 // a GraphDef
)

// fileVersion is what the first event of a file says.
const fileVersion = "brain.Event:2"

// Write writes the event files of a version below dir, as Keras lays them out: RUN/train and RUN/validation. savedModel is its
// saved_model.pb, nil for no graph. The same version gives the same bytes: events bear the time at which the run was requested.
func Write(dir string, mf *retrain.Manifest, savedModel []byte) error {
	run := filepath.Join(dir, retrain.RunID{Model: mf.Model, Number: mf.Version}.String())
	train := newFile(mf.RequestedAt)
	if graph := graphOf(savedModel); graph != nil {
		train.graph(graph)
	}
	for i, loss := range mf.Fit.Losses {
		train.scalar(i, "epoch_loss", loss)
		train.scalar(i, "learning_rate", mf.Spec.ModelConfig.LearningRate)
	}
	validation, last := newFile(mf.RequestedAt), max(0, mf.Fit.Epochs-1)
	for i, loss := range mf.Fit.ValLosses {
		validation.scalar(i, "epoch_loss", loss)
	}
	for _, name := range slices.Sorted(maps.Keys(mf.Fit.Metrics)) {
		validation.scalar(last, "holdout/"+name, mf.Fit.Metrics[name])
	}
	return cmp.Or(train.save(filepath.Join(run, "train")), validation.save(filepath.Join(run, "validation")))
}

// graphOf returns the graph of a SavedModel, nil for none.
func graphOf(savedModel []byte) []byte {
	return member(member(savedModel, savedModelMeta), metaGraph)
}

// A file is an event file on its way.
type file struct {
	at   time.Time
	text []byte
}

func newFile(at time.Time) *file {
	f := &file{at: at}
	f.event(0, eventFileVersion, []byte(fileVersion))
	return f
}

// event adds an event with one field besides its time and step.
func (f *file) event(step int, field protowire.Number, value []byte) {
	e := protowire.AppendTag(nil, eventWallTime, protowire.Fixed64Type)
	e = protowire.AppendFixed64(e, bits(f.at))
	if step > 0 {
		e = protowire.AppendVarint(protowire.AppendTag(e, eventStep, protowire.VarintType), uint64(step))
	}
	f.text = appendRecord(f.text, with(e, field, value))
}

func (f *file) graph(graph []byte) { f.event(0, eventGraph, graph) }

func (f *file) scalar(step int, tag string, v float64) {
	value := with(nil, valueTag, []byte(tag))
	value = protowire.AppendFixed32(protowire.AppendTag(value, valueSimple, protowire.Fixed32Type), bits32(v))
	f.event(step, eventSummary, with(nil, summaryValue, value))
}

// save writes the file into dir, under a name that TensorBoard looks for.
func (f *file) save(dir string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, fmt.Sprintf("events.out.tfevents.%010d.retrain", f.at.Unix())), f.text, 0o600)
}

func with(message []byte, n protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(message, n, protowire.BytesType), value)
}

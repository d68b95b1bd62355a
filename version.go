package retrain

import (
	"context"
	"encoding/json"
	"io/fs"
	"math"
	"time"
)

// A Manifest describes a version: what it was made from, how good it is, and which files it consists of. It is written last:
// a version exists when its manifest does. Nothing in it depends on when or where the work was done, so that the same run
// gives the same bytes on any worker.
type Manifest struct {
	Format      int             `json:"format"` // of this file; 1
	Model       string          `json:"model"`
	Version     int             `json:"version"` // the number of its run
	RequestedAt time.Time       `json:"requestedAt"`
	Reason      Reason          `json:"reason"`
	By          string          `json:"by,omitempty"`        // who asked for it, where that was a person
	Continues   int             `json:"continues,omitempty"` // the version whose weights it began with
	Spec        Model           `json:"spec"`                // as it was trained, defaults filled in
	Dataset     Dataset         `json:"dataset"`             // exactly what it saw; nothing of ours where it was imported
	Origin      *Origin         `json:"origin,omitempty"`    // where it was imported from
	Fit         Fit             `json:"fit"`
	Files       map[string]File `json:"files"` // by path
}

// A File is one file of a version.
type File struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // hexadecimal
}

// A Fit is what a Fitter found out.
type Fit struct {
	Samples   int                `json:"samples"` // rows learnt from, validation included
	Skipped   int                `json:"skipped"` // rows left out for a missing value
	Epochs    int                `json:"epochs"`
	Loss      float64            `json:"loss"`
	ValLoss   *float64           `json:"valLoss,omitempty"`
	Losses    []float64          `json:"losses"`             // per epoch
	ValLosses []float64          `json:"valLosses"`          // per epoch
	Metrics   map[string]float64 `json:"metrics"`            // on the holdout, in the target's own units
	Champion  map[string]float64 `json:"champion,omitempty"` // the same of the champion, on the same holdout

	// FeatureImportance is what is lost of R², or of classes' accuracy, when a feature is shuffled among the rows that Metrics come
	// from; nil where it was not measured.
	FeatureImportance map[string]float64 `json:"featureImportance,omitempty"`

	Parameters  int             `json:"parameters"`
	Preparation json.RawMessage `json:"preparation"` // how features are made from records; mlcore/prep reads it
	Details     json.RawMessage `json:"details"`     // architecture, library, device and examples; mlcore reads it
}

// A Champion is the pointer to the version that predictions come from. It only goes forward in its own sequence.
type Champion struct {
	Model    string    `json:"model"`
	Version  int       `json:"version"`
	Previous int       `json:"previous,omitempty"`
	Sequence int       `json:"sequence"` // how often the pointer was moved
	Highest  int       `json:"highest"`  // the highest version that ever became champion by itself
	At       time.Time `json:"at"`
	Why      string    `json:"why"`
	By       string    `json:"by,omitempty"`    // who moved it, where that was a person
	Trace    string    `json:"trace,omitempty"` // of the move, where it is followed; as Tracer.Mark names it
}

// A Verdict is the gate's answer.
type Verdict struct {
	Promote bool   `json:"promote"`
	Why     string `json:"why"`
}

// Gate decides whether a fit becomes champion, by the model's rule. A fit with a number that is none never does.
func Gate(rule Promote, f *Fit) Verdict {
	for name, v := range f.Metrics {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return Verdict{false, name + " is not a number"}
		}
	}
	switch rule.Rule {
	case "manual":
		return Verdict{false, "promotion is by hand"}
	case "improve":
		return improves(rule, f)
	}
	return Verdict{true, "rule always"}
}

// A metric of which more is better.
var moreIsBetter = map[string]bool{"r2": true, "accuracy": true, "f1": true, "precision": true, "recall": true, "auc": true}

func improves(rule Promote, f *Fit) Verdict {
	metric := rule.Metric
	if metric == "" {
		metric = "loss"
	}
	was, ok := f.Champion[metric]
	if !ok {
		return Verdict{true, "no champion to beat"}
	}
	gain := was - f.Metrics[metric]
	if moreIsBetter[metric] {
		gain = -gain
	}
	if gain > rule.Margin {
		return Verdict{true, metric + " improved"}
	}
	return Verdict{false, metric + " did not improve by the margin"}
}

// Next returns the pointer moved to a version that a run published, and false where it must stay: a version that is not
// higher than all before it comes from a worker that was presumed dead.
func (c Champion) Next(version int, at time.Time, why string) (Champion, bool) {
	if version <= c.Highest {
		return c, false
	}
	c.Highest = version
	return c.moved(version, at, why), true
}

// Moved returns the pointer moved to any version by a person, and false where it is there already.
func (c Champion) Moved(version int, at time.Time, why string) (Champion, bool) {
	if version == c.Version {
		return c, false
	}
	return c.moved(version, at, why), true
}

func (c Champion) moved(version int, at time.Time, why string) Champion {
	if version != c.Version { // a person may have promoted it before its run had ended
		c.Previous, c.Version = c.Version, version
	}
	c.Sequence++
	c.At, c.Why, c.By, c.Trace = at.UTC(), why, "", ""
	return c
}

// A Registry keeps versions and champions.
type Registry interface {
	// Publish stores files as a version, the manifest last, and returns it with the files' digests. Where the version exists
	// already it is left as it is and returned.
	Publish(ctx context.Context, mf Manifest, files fs.FS) (Manifest, error)
	// Manifest returns a version's manifest, or a NotFoundError.
	Manifest(ctx context.Context, model string, version int) (Manifest, error)
	// MoveChampion replaces the pointer by what move returns, unless it says false; move is called again when somebody else
	// was first. It returns the pointer as it stands.
	MoveChampion(ctx context.Context, model string, move func(Champion) (Champion, bool)) (Champion, error)
}

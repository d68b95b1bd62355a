package retrain

import (
	"context"
	"fmt"
	"time"
)

// An Import says which model a run takes over in the place of learning one. The file with its weights was stored before the
// request, so that whoever works the run off finds it.
type Import struct {
	SHA256 string `json:"sha256"` // of the file
	Spec   Model  `json:"spec"`   // as the model was trained; name, resource and rules are those of the model that takes it over
	Origin Origin `json:"origin"`
}

// An Origin says where an imported version comes from.
type Origin struct {
	From        string    `json:"from"` // retrain, mlplugin
	Model       string    `json:"model,omitempty"`
	Version     int       `json:"version,omitempty"`
	Resource    string    `json:"resource,omitempty"`
	RequestedAt time.Time `json:"requestedAt,omitzero"`
	SHA256      string    `json:"sha256"` // of the file that was imported
}

// Taken returns the spec of a version of m that was trained elsewhere as from says: what shapes the network and its input
// is from's, all that concerns records, triggers and rules is m's. A ModelConfigError says where the two cannot be the same
// model.
func (m *Model) Taken(from *Model) (Model, error) {
	if m.Type != from.Type {
		return Model{}, m.differs("a %s model, the file has a %s model", m.Type, from.Type)
	}
	if !sameNames(m.Features, from.Features) {
		return Model{}, m.differs("learning from %s, the file's from %s", Names(m.Features), Names(from.Features))
	}
	if !sameNames(m.Target, from.Target) {
		return Model{}, m.differs("predicting %s, the file's %s", m.Target, from.Target)
	}
	spec := *m
	spec.Features, spec.Target, spec.Map, spec.OnMissing = from.Features, from.Target, from.Map, from.OnMissing
	spec.Seed, spec.ModelConfig = from.Seed, from.ModelConfig
	return spec, nil
}

func (m *Model) differs(format string, args ...any) error {
	return Errorf(ModelConfigError, "model %q is %s", m.Name, fmt.Sprintf(format, args...)).
		WithHint("declare a model like the file's under another name, or let --apply do it")
}

func sameNames(a, b []string) bool {
	seen := make(map[string]int, len(a))
	for _, name := range a {
		seen[name]++
	}
	for _, name := range b {
		seen[name]--
	}
	for _, n := range seen {
		if n != 0 {
			return false
		}
	}
	return true
}

// Import makes sure that a run starts that takes a model over, and returns it. Imports do not coalesce: while another run of
// m waits, it returns a ConflictError.
func (q *Requester) Import(ctx context.Context, m *Model, s State, what Import) (RunID, error) {
	if s.Queued != 0 {
		return RunID{}, waits(RunID{m.Name, s.Queued})
	}
	return q.ask(ctx, m, s, Run{ID: RunID{m.Name, s.Latest + 1}, Reason: ByImport, ResetWeights: true, Import: &what})
}

func waits(id RunID) error {
	return Errorf(ConflictError, "run %s waits already", id).WithHint("try again when it has ended: producer status %s --watch", id.Model)
}

// judge is the gate for a run. An import was not measured on the records of its model, so by the rule improve it does not
// replace a champion: a person may promote it.
func (t *Training) judge(ctx context.Context, run *Run, rule Promote, fit *Fit) (Verdict, error) {
	if run.Import == nil || rule.Rule != "improve" {
		return Gate(rule, fit), nil
	}
	c, err := t.Registry.MoveChampion(ctx, run.ID.Model, stay)
	if CodeOf(err) == ModelNotTrainedError {
		return Gate(rule, fit), nil
	} else if err != nil {
		return Verdict{}, err
	}
	return Verdict{false, fmt.Sprintf("an import is not measured against version %d: promote it by hand", c.Version)}, nil
}

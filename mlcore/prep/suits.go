package prep

import (
	"maps"
	"math"
	"slices"

	"retrain"
)

// Suits returns a DataValidationError unless p could have been made by preparing records for m: an encoder can be made of it,
// and the network of m takes what it makes. It is for preparations that somebody else wrote.
func (p *Preparation) Suits(m *retrain.Model) error {
	d := m.WithDefaults()
	if p.Format != 1 {
		return unsuited("format is %d, this program reads 1", p.Format)
	}
	for _, part := range []func(*retrain.Model) error{p.suitsSettings, p.suitsFeatures, p.suitsTargets} {
		if err := part(&d); err != nil {
			return err
		}
	}
	if err := p.suitsTerms(&d); err != nil {
		return err
	}
	_, err := p.Encoder()
	return err
}

func unsuited(format string, args ...any) error { return invalid("preparation: "+format, args...) }

func (p *Preparation) suitsSettings(m *retrain.Model) error {
	want := newPreparation(m)
	switch {
	case p.OnMissing != want.OnMissing:
		return unsuited("onMissing is %q, the model's %q", p.OnMissing, want.OnMissing)
	case p.Lookback != want.Lookback:
		return unsuited("lookback is %d, the model's %d", p.Lookback, want.Lookback)
	case m.Type != retrain.TimeSeries && p.OrderBy != "":
		return unsuited("orderBy is for time series")
	case !maps.Equal(p.Map, want.Map):
		return unsuited("map is not the model's")
	}
	return nil
}

func (p *Preparation) suitsFeatures(m *retrain.Model) error {
	names := make([]string, len(p.Features))
	for i := range p.Features {
		names[i] = p.Features[i].Name
	}
	if want := p.inputs(m); !slices.Equal(names, want) {
		return unsuited("the features are %q, the model's are %q", names, want)
	}
	for i := range p.Features {
		if err := p.Features[i].sound(); err != nil {
			return err
		}
	}
	if p.base() == 0 {
		return unsuited("the features have no columns")
	}
	return nil
}

// sound looks at what an encoder relies on.
func (f *Feature) sound() error {
	switch f.Form {
	case Category:
		if !slices.IsSorted(f.Levels) || len(slices.Compact(slices.Clone(f.Levels))) != len(f.Levels) || slices.Contains(f.Levels, "") {
			return unsuited("the levels of %s are not sorted, empty or there twice", f.Name)
		}
		if len(f.Counts) > len(f.Levels) {
			return unsuited("%s has %d levels and %d counts", f.Name, len(f.Levels), len(f.Counts))
		}
	case Numeric, Boolean, Date:
		if len(f.Levels) > 0 {
			return unsuited("%s is a %s and has levels", f.Name, f.Form)
		}
		if len(f.Counts) > bins {
			return unsuited("%s has %d counts", f.Name, len(f.Counts))
		}
	default:
		return unsuited("%s has the unknown form %q", f.Name, f.Form)
	}
	return inOrder(f.Name, f.Min, f.Max, f.Mean)
}

func inOrder(name string, low, high float64, others ...float64) error {
	for _, v := range append(others, low, high) {
		if math.IsNaN(v) || !finite(v) {
			return unsuited("a number of %s is %s", name, numberText(v))
		}
	}
	if low > high {
		return unsuited("%s reaches from %s to %s", name, numberText(low), numberText(high))
	}
	return nil
}

func (p *Preparation) suitsTargets(m *retrain.Model) error {
	if len(p.Targets) != len(m.Target) {
		return unsuited("%d targets, the model has %d", len(p.Targets), len(m.Target))
	}
	for i := range p.Targets {
		t := &p.Targets[i]
		if t.Name != m.Target[i] {
			return unsuited("target %q, the model's is %q", t.Name, m.Target[i])
		}
		if err := inOrder(t.Name, t.Min, t.Max); err != nil {
			return err
		}
		if !Classes(m) {
			if len(t.Classes) > 0 {
				return unsuited("target %s is a number and has classes", t.Name)
			}
			continue
		}
		if err := t.sound(); err != nil {
			return err
		}
	}
	return nil
}

// sound looks at the classes of a target.
func (t *Target) sound() error {
	if n := len(t.Classes); n < 2 || n > maxClasses {
		return unsuited("target %s has %d classes", t.Name, n)
	}
	if t.Of != Category && t.Of != Numeric && t.Of != Boolean {
		return unsuited("the classes of %s are of the unknown form %q", t.Name, t.Of)
	}
	sorted := slices.Sorted(slices.Values(t.Classes))
	if len(slices.Compact(sorted)) != len(t.Classes) {
		return unsuited("a class of %s is there twice", t.Name)
	}
	return nil
}

// suitsTerms looks at the products of columns.
func (p *Preparation) suitsTerms(m *retrain.Model) error {
	if m.Type != retrain.Regression && len(p.Terms) > 0 {
		return unsuited("terms are for regressions")
	}
	base := p.base()
	for i, t := range p.Terms {
		if len(t) < 2 || len(t) > 5 || slices.Min(t) < 0 || slices.Max(t) >= base {
			return unsuited("terms[%d] is %v, with %d columns", i, t, base)
		}
	}
	return nil
}

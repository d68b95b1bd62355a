package retrain

// A Drift is how far what a version is asked lies from what it learnt: for each feature the population stability index of the two.
// Below 0.1 they are alike; from 0.25 on they are different.
type Drift struct {
	Rows int                `json:"rows"` // that it is measured on; the latest count more
	PSI  map[string]float64 `json:"psi"`  // by feature
}

// Fewer rows than this say nothing.
const leastDriftRows = 500

// Most returns the feature that has drifted most and by how much, and false where too few rows were asked to tell.
func (d Drift) Most() (feature string, psi float64, ok bool) {
	for name, v := range d.PSI {
		if v > psi || v == psi && name < feature || feature == "" {
			feature, psi = name, v
		}
	}
	return feature, psi, d.Rows >= leastDriftRows && feature != ""
}

// A Drifter is a Servable that watches what it is asked.
type Drifter interface{ Drift() Drift }

// Drift returns how far what a model's champion is asked here lies from what it learnt, and false where too few rows were asked to
// tell.
func (l *Live) Drift(model string) (Drift, bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	p := l.places[model]
	if p == nil || p.champion == nil {
		return Drift{}, false
	}
	d, ok := p.champion.Servable.(Drifter)
	if !ok {
		return Drift{}, false
	}
	drift := d.Drift()
	_, _, ok = drift.Most()
	return drift, ok
}

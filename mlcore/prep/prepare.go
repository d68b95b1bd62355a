package prep

import (
	"iter"
	"maps"
	"slices"

	"retrain"
)

// maxBytes bounds X: one-hot columns of a field that is different in every record would fill any memory.
const maxBytes = 4 << 30

// Prepare reads the records and returns how they are prepared, and what the fit learns from. The same records in the same
// order, model and seed give the same bytes. Fewer rows than the model's minimum are counted and no more: the Preparation is
// nil then, and there is no error, whatever else is wrong with them; whoever called knows what to say.
//
// Errors: ModelConfigError for an expression; DataValidationError for data that cannot be learnt from, naming the field and
// a record; whatever the tables yield.
func Prepare(m retrain.Model, tables iter.Seq2[*retrain.Table, error]) (*Preparation, *Data, error) {
	m = m.WithDefaults()
	s, err := newSelection(&m)
	if err != nil {
		return nil, nil, err
	}
	p := newPreparation(&m)
	inputs := p.inputs(&m)
	g, err := gather(s, slices.Concat(inputs, m.Target, p.order()), tables)
	if err != nil {
		return nil, nil, err
	}
	if p.OrderBy != "" && p.OrderBy == defaultOrder && !g.has(p.OrderBy) {
		p.OrderBy = "" // nobody chose it and no record has it: the order of the records is the order of time
	}
	d := &Data{Read: g.read, Rows: len(g.origins)}
	if d.Rows < m.MinTrainingSamples {
		return nil, d, nil
	}
	rows, err := g.complete(&m, inputs, slices.Concat(m.Target, p.order()))
	if err != nil {
		return nil, nil, err
	}
	if d.Rows, d.Skipped = len(rows), d.Rows-len(rows); d.Rows < m.MinTrainingSamples {
		return nil, d, nil
	}
	learnt, err := d.divide(p, g, rows, &m)
	if err != nil {
		return nil, nil, err
	}
	if err := p.learn(&m, g, inputs, learnt, rows); err != nil {
		return nil, nil, err
	}
	return p, d, d.encode(p, g, rows)
}

// defaultOrder is the field that a time series is ordered by where its model does not say.
const defaultOrder = "createdAt"

func newPreparation(m *retrain.Model) *Preparation {
	p := &Preparation{Format: 1, OnMissing: m.OnMissing}
	if m.Type == retrain.TimeSeries {
		p.Lookback, p.OrderBy = m.ModelConfig.Lookback, m.ModelConfig.OrderBy
	}
	p.Map = maps.Clone(m.Map)
	maps.DeleteFunc(p.Map, func(field, _ string) bool { return !slices.Contains(p.inputs(m), field) })
	return p
}

// inputs returns the fields that the network sees.
func (p *Preparation) inputs(m *retrain.Model) []string {
	inputs := slices.Clone(m.Features)
	if m.Type == retrain.TimeSeries && !slices.Contains(inputs, m.Target[0]) {
		inputs = append(inputs, m.Target[0])
	}
	return inputs
}

func (p *Preparation) order() []string {
	if p.OrderBy == "" {
		return nil
	}
	return []string{p.OrderBy}
}

// has reports whether any row has the field.
func (g *gathering) has(field string) bool {
	return slices.ContainsFunc(g.column(field).kinds, func(k retrain.Cell) bool { return k != retrain.Missing })
}

// complete returns the rows that have what the rule onMissing asks for. The target and the time are always needed.
func (g *gathering) complete(m *retrain.Model, inputs, always []string) ([]int, error) {
	needed := always
	if m.OnMissing == "skip" || m.OnMissing == "error" {
		needed = slices.Concat(inputs, always)
	}
	for _, name := range slices.Concat(inputs, always) {
		if !g.has(name) {
			return nil, invalid("no record has the field %s", name).WithHint("see what the records have: producer records %s --limit 1", m.Resource)
		}
	}
	rows := make([]int, 0, len(g.origins))
	for row := range g.origins {
		lacks := slices.IndexFunc(needed, func(name string) bool { return g.column(name).kinds[row] == retrain.Missing })
		switch {
		case lacks < 0:
			rows = append(rows, row)
		case m.OnMissing == "error":
			return nil, invalid("%s has no %s", g.record(row), needed[lacks]).WithHint("onMissing: skip leaves such records out")
		}
	}
	return rows, nil
}

// divide puts the rows in their order and says which are learnt from. It returns the rows whose values may be known before
// the holdout: those that scales and levels come from.
func (d *Data) divide(p *Preparation, g *gathering, rows []int, m *retrain.Model) ([]int, error) {
	if m.Type != retrain.TimeSeries {
		d.Train, d.Holdout = split(g, rows, m.Seed, *m.ModelConfig.ValidationSplit)
		learnt := make([]int, len(d.Train))
		for i, t := range d.Train {
			learnt[i] = rows[t]
		}
		return learnt, nil
	}
	times, err := chronological(g, rows, p.OrderBy)
	if err != nil {
		return nil, err
	}
	d.Train, d.Holdout = windows(len(rows), times, m)
	if len(d.Holdout) > 0 {
		return rows[:d.Holdout[0]], nil
	}
	return rows, nil
}

// learn fills p in from the learnt rows; classes are found in all rows.
func (p *Preparation) learn(m *retrain.Model, g *gathering, inputs []string, learnt, rows []int) error {
	for _, name := range inputs {
		f, err := learnFeature(g, g.column(name), learnt)
		if err != nil {
			return err
		}
		p.Features = append(p.Features, f)
	}
	if m.Type == retrain.Regression {
		p.Terms = polynomial(p.Features, m.ModelConfig.Polynomial)
	}
	for _, name := range m.Target {
		t, err := learnTargetOf(m, g, g.column(name), learnt, rows)
		if err != nil {
			return err
		}
		p.Targets = append(p.Targets, t)
	}
	return p.agree(m)
}

func learnTargetOf(m *retrain.Model, g *gathering, c *column, learnt, rows []int) (Target, error) {
	binary := m.ModelConfig.Loss == "binaryCrossentropy"
	if Classes(m) {
		t, err := learnClasses(g, c, rows)
		if err == nil && binary && len(t.Classes) != 2 {
			return t, invalid("target %s has %d classes; binaryCrossentropy tells two apart", t.Name, len(t.Classes)).WithHint("loss: categoricalCrossentropy")
		}
		return t, err
	}
	t, err := learnTarget(g, c, learnt)
	if err == nil && binary { // several labels, each of which is there or not
		if t.Min < 0 || t.Max > 1 {
			return t, invalid("target %s reaches from %s to %s; binaryCrossentropy needs 0 to 1", t.Name, numberText(t.Min), numberText(t.Max))
		}
		t.Min, t.Max = 0, 1
	}
	return t, err
}

// agree gives the past of a series' target, which is a feature, the scale of the target.
func (p *Preparation) agree(m *retrain.Model) error {
	if m.Type != retrain.TimeSeries {
		return nil
	}
	t := p.Targets[0]
	f := &p.Features[slices.IndexFunc(p.Features, func(f Feature) bool { return f.Name == t.Name })]
	if f.Form == Boolean {
		f.Form = Numeric
	}
	if f.Form != Numeric {
		return invalid("target %s of a time series is a %s, not a number", f.Name, f.Form)
	}
	f.Min, f.Max = t.Min, t.Max
	return nil
}

// encode fills X and Y.
func (d *Data) encode(p *Preparation, g *gathering, rows []int) error {
	d.Width, d.Outputs = p.Width(), p.Outputs()
	if size := 4 * d.Width * d.Rows; size > maxBytes {
		return p.tooWide(d.Rows, size)
	}
	e, err := p.Encoder()
	if err != nil {
		return err
	}
	d.X, d.Y = make([]float32, d.Rows*d.Width), make([]float32, d.Rows*d.Outputs)
	d.Origins = make([]Origin, d.Rows)
	columns := make([]*column, len(p.Features))
	for i := range p.Features {
		columns[i] = g.column(p.Features[i].Name)
	}
	targets := make([]targetColumn, len(p.Targets))
	for i := range p.Targets {
		targets[i] = newTargetColumn(&p.Targets[i], g)
	}
	cells := make([]cell, len(columns))
	for i, row := range rows {
		d.Origins[i] = g.origins[row]
		for j, c := range columns {
			cells[j] = c.at(row)
		}
		if _, err := e.row(d.X[i*d.Width:(i+1)*d.Width], cells); err != nil {
			return invalid("%w (%s)", err, g.record(row))
		}
		for j := range targets {
			if d.Y[i*d.Outputs+j], err = targets[j].at(row); err != nil {
				return invalid("%w (%s)", err, g.record(row))
			}
		}
	}
	return nil
}

func (p *Preparation) tooWide(rows, size int) error {
	widest := slices.MaxFunc(p.Features, func(a, b Feature) int { return a.Width() - b.Width() })
	return invalid("%d rows of %d columns are %d GB; feature %s alone has %d levels", rows, p.Width(), size>>30, widest.Name, len(widest.Levels)).
		WithHint("a text that differs in almost every record teaches nothing: leave it out, or group it in map")
}

// A targetColumn encodes a target.
type targetColumn struct {
	*Target
	column *column
	index  map[string]int // of the classes
}

func newTargetColumn(t *Target, g *gathering) targetColumn {
	return targetColumn{t, g.column(t.Name), indexOf(t.Classes)}
}

func (t targetColumn) at(row int) (float32, error) {
	v := t.column.at(row)
	if len(t.Classes) > 0 {
		return float32(t.index[v.label()]), nil
	}
	n, err := targetNumber(t.Name, v)
	return t.Scale(n), err
}

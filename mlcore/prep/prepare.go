package prep

import (
	"fmt"
	"iter"
	"maps"
	"slices"

	"retrain"
)

// Prepare reads the records and returns how they are prepared, and what the fit learns from. The same records in the same
// order, model and seed give the same bytes. Fewer rows than the model's minimum are counted and no more: the Preparation is
// nil then, and there is no error, whatever else is wrong with them; whoever called knows what to say.
//
// Errors: ModelConfigError for an expression; DataValidationError for data that cannot be learnt from, naming the field and
// a record; whatever the tables yield.
func Prepare(m retrain.Model, tables iter.Seq2[*retrain.Table, error]) (*Preparation, *Data, error) {
	return new(Room).Prepare(m, tables)
}

// Prepare is the same in a room of another size. The data must be closed.
func (r *Room) Prepare(m retrain.Model, tables iter.Seq2[*retrain.Table, error]) (*Preparation, *Data, error) {
	m = m.WithDefaults()
	s, err := newSelection(&m)
	if err != nil {
		return nil, nil, err
	}
	p := newPreparation(&m)
	g, err := gather(s, r, slices.Concat(p.inputs(&m), m.Target, p.order()), tables)
	if err != nil {
		return nil, nil, err
	}
	d := &Data{Read: g.read, Rows: g.rows, gathering: g}
	if err := d.prepare(p, &m); err != nil {
		d.Close()
		return nil, nil, err
	}
	if d.Rows < m.MinTrainingSamples {
		p = nil
	}
	return p, d, nil
}

// prepare learns from what was gathered, and encodes it.
func (d *Data) prepare(p *Preparation, m *retrain.Model) error {
	g, inputs := d.gathering, p.inputs(m)
	if p.OrderBy != "" && p.OrderBy == defaultOrder && !g.has[g.index[p.OrderBy]] {
		p.OrderBy = "" // nobody chose it and no record has it: the order of the records is the order of time
	}
	if d.Rows < m.MinTrainingSamples {
		return nil
	}
	rows, err := g.complete(m, inputs, slices.Concat(m.Target, p.order()))
	if err != nil {
		return err
	}
	if d.Rows, d.Skipped = len(rows), d.Rows-len(rows); d.Rows < m.MinTrainingSamples {
		return nil
	}
	learnt, err := d.divide(p, rows, m)
	if err != nil {
		return err
	}
	place := placesOf(d.order, g.rows)
	if err := p.learn(m, g, inputs, place, learnt); err != nil {
		return err
	}
	return d.encode(p, place, learnt)
}

// placesOf returns where each of n accepted rows went, -1 for those that were left out.
func placesOf(rows []int32, n int) []int32 {
	place := make([]int32, n)
	for i := range place {
		place[i] = -1
	}
	for i, row := range rows {
		place[row] = int32(i)
	}
	return place
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

// complete returns the rows that have what the rule onMissing asks for. The target and the time are always needed.
func (g *gathering) complete(m *retrain.Model, inputs, always []string) ([]int32, error) {
	for _, name := range slices.Concat(inputs, always) {
		if !g.has[g.index[name]] {
			return nil, invalid("no record has the field %s", name).WithHint("see what the records have: producer records %s --limit 1", m.Resource)
		}
	}
	needed := always
	if m.OnMissing == "skip" || m.OnMissing == "error" {
		needed = slices.Concat(inputs, always)
	}
	rows := make([]int32, 0, g.rows)
	for b, err := range g.all() {
		if err != nil {
			return nil, err
		}
		for i := range b.rows {
			lacks := slices.IndexFunc(needed, func(name string) bool { return b.cell(g.index[name], i).kind == retrain.Missing })
			switch {
			case lacks < 0:
				rows = append(rows, int32(b.first+i))
			case m.OnMissing == "error":
				return nil, invalid("%s has no %s", g.record(b.first+i), needed[lacks]).WithHint("onMissing: skip leaves such records out")
			}
		}
	}
	return rows, nil
}

// divide puts the rows in their order and says which are learnt from. It returns how many of the first rows may be known
// before the holdout: those that scales and levels come from.
func (d *Data) divide(p *Preparation, rows []int32, m *retrain.Model) (learnt int, err error) {
	if m.Type != retrain.TimeSeries {
		train, holdout := split(d.ids, rows, m.Seed, *m.ModelConfig.ValidationSplit)
		d.ids = nil
		d.order = slices.Concat(train, holdout)
		numbers := make([]int32, len(d.order))
		for i := range numbers {
			numbers[i] = int32(i)
		}
		d.Train, d.Holdout = numbers[:len(train)], numbers[len(train):]
		return len(train), nil
	}
	times, err := chronological(d.gathering, rows, p.OrderBy)
	if err != nil {
		return 0, err
	}
	d.order, d.timed = rows, true
	d.Train, d.Holdout = windows(len(rows), times, m)
	if len(d.Holdout) > 0 {
		return int(d.Holdout[0]), nil
	}
	return len(rows), nil
}

// learn fills p in from the learnt rows; classes are found in all rows.
func (p *Preparation) learn(m *retrain.Model, g *gathering, inputs []string, place []int32, learnt int) error {
	features := make([]learner, len(inputs))
	p.Features, p.Targets = make([]Feature, len(inputs)), make([]Target, len(m.Target))
	var looks []look
	for i, name := range inputs {
		p.Features[i].Name = name
		features[i] = learner{Feature: &p.Features[i], column: g.index[name], tally: tally{of: map[string]int{}, example: map[string]example{}}}
		looks = append(looks, features[i].kinds())
	}
	if err := g.look(place, learnt, looks...); err != nil {
		return err
	}
	looks = nil
	for i := range features {
		f := &features[i]
		var err error
		if f.Form, err = f.form(g); err != nil {
			return err
		}
		looks = append(looks, f.reach())
	}
	targets := make([]targetLearner, len(m.Target))
	for i, name := range m.Target {
		p.Targets[i].Name = name
		targets[i] = targetLearner{Target: &p.Targets[i], column: g.index[name]}
		looks = append(looks, targets[i].reach(Classes(m)))
	}
	if err := g.look(place, learnt, looks...); err != nil {
		return err
	}
	for i := range targets {
		if err := targets[i].reached(m.ModelConfig.Loss == "binaryCrossentropy"); err != nil {
			return err
		}
	}
	looks = nil
	for i := range features {
		if features[i].reached(); features[i].Form != Category {
			looks = append(looks, features[i].spread())
		}
	}
	if err := g.look(place, learnt, looks...); err != nil {
		return err
	}
	if m.Type == retrain.Regression {
		p.Terms = polynomial(p.Features, m.ModelConfig.Polynomial)
	}
	return p.agree(m)
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

// encode fills X and Y, or the file.
func (d *Data) encode(p *Preparation, place []int32, learnt int) error {
	d.Width, d.Outputs = p.Width(), p.Outputs()
	size := 4 * int64(d.Width) * int64(d.Rows)
	if size > d.room.disk() || size > d.room.memory() && p.names(d.Rows) {
		return p.tooWide(d.Rows, size)
	}
	d.Y = make([]float32, d.Rows*d.Outputs)
	if size <= d.room.memory() {
		d.X = d.room.floats(d.Rows, d.Width)
	} else {
		file, err := d.room.file()
		if err != nil {
			return fmt.Errorf("keep encoded rows: %w", err)
		}
		d.file = &matrix{file: file, width: d.Width}
	}
	w, err := d.writer(p, learnt)
	if err != nil {
		return err
	}
	for b, err := range d.all() {
		if err != nil {
			return err
		}
		for i := range b.rows {
			at := int(place[b.first+i])
			if at < 0 {
				continue
			}
			x, err := w.encode(b, i, at)
			if err != nil {
				return invalid("%w (%s)", err, d.record(b.first+i))
			}
			if err := w.keep(x, at); err != nil {
				return err
			}
		}
	}
	if d.file != nil {
		return d.file.flush()
	}
	return nil
}

// A writer encodes rows to their places.
type writer struct {
	*Data
	encoder *Encoder
	learnt  int
	fields  []int // [features], in the blocks
	targets []targetColumn
	cells   []cell    // [features], of a row
	row     []float32 // where it goes to the file
}

func (d *Data) writer(p *Preparation, learnt int) (*writer, error) {
	w := &writer{Data: d, learnt: learnt, cells: make([]cell, len(p.Features)), row: make([]float32, d.Width)}
	for i := range p.Features {
		w.fields = append(w.fields, d.index[p.Features[i].Name])
	}
	for i := range p.Targets {
		t := &p.Targets[i]
		w.targets = append(w.targets, targetColumn{t, d.index[t.Name], indexOf(t.Classes)})
	}
	var err error
	w.encoder, err = p.Encoder()
	return w, err
}

// encode encodes the i-th row of a block, which goes to the place at.
func (w *writer) encode(b *block, i, at int) (x []float32, err error) {
	for j, field := range w.fields {
		w.cells[j] = b.cell(field, i)
	}
	x = w.row
	if w.file == nil {
		x = w.X[at*w.Width : (at+1)*w.Width]
	}
	if _, err := w.encoder.row(x, w.cells); err != nil {
		return nil, err
	}
	for j := range w.targets {
		if w.Y[at*w.Outputs+j], err = w.targets[j].of(b.cell(w.targets[j].column, i)); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// keep puts an encoded row into the file, if there is one.
func (w *writer) keep(x []float32, at int) error {
	switch {
	case w.file == nil:
		return nil
	case at < w.learnt:
		return w.file.put(0, at, x)
	}
	return w.file.put(1, at, x)
}

// names reports whether most columns are those of a text that has another value in every tenth row: it names records, rather
// than saying what they share.
func (p *Preparation) names(rows int) bool {
	n := len(p.widest().Levels)
	return 2*n > p.Width() && 10*n >= rows
}

func (p *Preparation) widest() *Feature {
	i := 0
	for j := range p.Features {
		if p.Features[j].Width() > p.Features[i].Width() {
			i = j
		}
	}
	return &p.Features[i]
}

func (p *Preparation) tooWide(rows int, size int64) error {
	widest := p.widest()
	err := invalid("%d rows of %d columns are %d GB", rows, p.Width(), size>>30)
	if n := len(widest.Levels); 2*n > p.Width() {
		err.Message += fmt.Sprintf("; feature %s alone has %d levels", widest.Name, n)
		return err.WithHint("a text that differs in almost every record teaches nothing: leave it out, or group it in map")
	}
	return err.WithHint("filter, or a partition, leaves some of them out")
}

// A targetColumn encodes a target.
type targetColumn struct {
	*Target
	column int            // in the blocks
	index  map[string]int // of the classes
}

func (t *targetColumn) of(v cell) (float32, error) {
	if len(t.Classes) > 0 {
		return float32(t.index[v.label()]), nil
	}
	n, err := targetNumber(t.Name, v)
	return t.Scale(n), err
}

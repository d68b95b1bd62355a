package mlcore

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"

	"retrain/mlcore/session"
)

// A state is everything that a fit has come to. What follows depends on it, the data and the model alone: random numbers are
// made anew from the seed and the position.
type state struct {
	position
	w, slots []*session.Tensor
	best     []*session.Tensor // the weights of BestEpoch; nil where nobody will ask for them
}

// A position is a state's numbers.
type position struct {
	Epoch     int       `json:"epoch"`          // epochs done
	Load      int       `json:"load,omitempty"` // loads done in the next one
	Step      int       `json:"step"`           // steps done in the load after these
	Number    int32     `json:"number"`         // steps done in all
	Loss      float32   `json:"loss"`           // of the epoch so far, summed over rows
	Losses    []float64 `json:"losses"`
	ValLosses []float64 `json:"valLosses"`
	BestEpoch int       `json:"bestEpoch"` // whose monitored loss was the lowest; from 1, 0 before the first epoch
	BestLoss  float64   `json:"bestLoss"`
	Waited    int       `json:"waited"` // epochs since, without a better one
	Stopped   bool      `json:"stopped"`
}

// A checkpoint is a state as bytes: the length of its JSON header, the header, the arrays as little-endian float32.
type header struct {
	Format  int    `json:"format"` // 1
	Of      string `json:"of"`     // the digest of plan and data
	HasBest bool   `json:"hasBest"`
	position
}

// checkpoint writes the state down. Of says what it is the state of.
func (s *state) checkpoint(of string) ([]byte, error) {
	head, err := json.Marshal(header{1, of, s.best != nil, s.position})
	if err != nil {
		return nil, err
	}
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(head)))
	b = append(b, head...)
	for _, t := range slices.Concat(s.w, s.slots, s.best) {
		if b, err = binary.Append(b, binary.LittleEndian, session.View[float32](t)); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// restore returns the state that a checkpoint holds. It is no error of the fit when it cannot: it begins anew then.
func (p *plan) restore(checkpoint []byte, of string) (*state, error) {
	r := bytes.NewReader(checkpoint)
	var length uint32
	if err := binary.Read(r, binary.LittleEndian, &length); err != nil {
		return nil, err
	}
	if int(length) > r.Len() {
		return nil, errors.New("checkpoint: cut off")
	}
	head := make([]byte, length)
	_, _ = r.Read(head) // a bytes.Reader with as many bytes left
	var h header
	if err := json.Unmarshal(head, &h); err != nil {
		return nil, err
	}
	if h.Format != 1 || h.Of != of {
		return nil, errors.New("checkpoint: of another model or other data")
	}
	s := &state{position: h.position}
	var err error
	read := func(shapes [][]int) []*session.Tensor {
		var ts []*session.Tensor
		for _, shape := range shapes {
			t := session.New[float32](shape...)
			err = errors.Join(err, binary.Read(r, binary.LittleEndian, session.View[float32](t)))
			ts = append(ts, t)
		}
		return ts
	}
	s.w, s.slots = read(p.weightShapes()), read(p.slotShapes())
	if h.HasBest {
		s.best = read(p.weightShapes())
	}
	if err == nil && r.Len() > 0 {
		err = errors.New("checkpoint: too long")
	}
	return s, err
}

// begin returns the state before the first step.
func (p *plan) begin(first [][]float32) *state {
	s := new(state)
	for i, shape := range p.weightShapes() {
		s.w = append(s.w, session.Of(first[i], shape...))
	}
	for _, shape := range p.slotShapes() {
		s.slots = append(s.slots, session.New[float32](shape...))
	}
	return s
}

func (p *plan) weightShapes() (shapes [][]int) {
	for _, parameter := range p.network.Parameters() {
		shapes = append(shapes, parameter.Shape)
	}
	return shapes
}

// advance takes the results of a call in the place of what they follow.
func (s *state) advance(results []*session.Tensor) {
	s.Number, s.Loss = session.View[int32](results[0])[0], session.View[float32](results[1])[0]
	old := slices.Concat(s.w, s.slots)
	s.w, s.slots = results[2:2+len(s.w)], results[2+len(s.w):]
	for _, t := range append(old, results[:2]...) {
		if !slices.Contains(s.best, t) {
			t.Free()
		}
	}
}

// remember keeps the weights of this moment as the best.
func (s *state) remember() {
	for _, t := range s.best {
		if !slices.Contains(s.w, t) {
			t.Free()
		}
	}
	s.best = s.w
}

package mlcore

import (
	"context"
	"math"
	"strconv"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// AnswerJSON implements retrain.JSONServable.
func (l *Loaded) AnswerJSON(ctx context.Context, text []byte, most int, out []byte) (answer []byte, rows int, ok bool, err error) {
	b := l.room()
	defer l.buffers.Put(b)
	if b.x, rows, ok = l.encoder.EncodeJSON(text, b.x[:0], most); !ok {
		return out, 0, false, nil
	}
	l.drift.add(b.x, l.encoder.Width())
	if err := l.compute(ctx, b, rows); err != nil {
		return out, rows, true, err
	}
	out = append(out, `{"predictions":[`...)
	outputs := l.details.OutputUnits
	for i := range rows {
		if i > 0 {
			out = append(out, ',')
		}
		if out, ok = l.write(out, b.y[i*outputs:(i+1)*outputs]); !ok {
			return out, rows, false, nil
		}
	}
	return append(out, "]}\n"...), rows, true, nil
}

// write appends the prediction that the network's answer y to one record means, as read returns it. It reports false for what JSON
// cannot write.
func (l *Loaded) write(out []byte, y []float32) (written []byte, ok bool) {
	if l.classes != nil {
		return append(out, l.classes[likeliestOf(y)]...), true
	}
	targets := l.encoder.Targets
	if len(y) > 1 {
		out = append(out, '[')
	}
	for i := range y {
		v := targets[i].Unscale(float64(y[i]))
		if v-v != 0 {
			return out, false
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = appendNumber(out, v)
	}
	if len(y) > 1 {
		out = append(out, ']')
	}
	return out, true
}

// likeliestOf returns the likeliest class of the network's answer to one record; of two classes it gives the second one's probability.
func likeliestOf(y []float32) int {
	if len(y) == 1 {
		if yes := float64(y[0]); yes > 1-yes {
			return 1
		}
		return 0
	}
	best := 0
	for i, v := range y {
		if v > y[best] {
			best = i
		}
	}
	return best
}

// written returns each class as JSON has it; nil where the answers are numbers.
func (l *Loaded) written() ([][]byte, error) {
	t := &l.encoder.Targets[0]
	var classes [][]byte
	for i := range t.Classes {
		b, err := jsonv2.Marshal(t.Class(i), jsontext.AllowInvalidUTF8(true))
		if err != nil {
			return nil, err
		}
		classes = append(classes, b)
	}
	return classes, nil
}

// appendNumber appends a number in the way in which JavaScript, and whoever writes our other answers, writes it.
func appendNumber(out []byte, v float64) []byte {
	const small, large = 1e-6, 1e21
	if size := math.Abs(v); size == 0 || size >= small && size < large {
		return strconv.AppendFloat(out, v, 'f', -1, 64)
	}
	out = strconv.AppendFloat(out, v, 'e', -1, 64)
	if n := len(out); n >= 4 && out[n-4] == 'e' && out[n-2] == '0' { // e-09 is e-9
		out[n-2] = out[n-1]
		out = out[:n-1]
	}
	return out
}

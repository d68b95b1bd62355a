package mlcore

import (
	"math/bits"
	"math/rand/v2"
	"slices"

	"retrain/mlcore/prep"
	"retrain/mlcore/session"
)

// A feed brings rows to where the program reads them, the tensors x and y. Where these hold all rows, they are brought once.
// Otherwise an epoch goes through the data load by load: the learnt rows are cut into segments of rows that follow each other,
// an epoch takes the segments in an order drawn from the seed, and as many of them as there is room for are one load, whose rows
// are shuffled. With some thirty segments in a load, rows from all over the data meet in it. All loads of an epoch together are
// all learnt rows, each once.
type feed struct {
	data          *prep.Data
	x, y, weights *session.Tensor // room for so many rows; weights only where rows count by their class
	room          int             // rows
	lookback      int
	weigh         func(row int) float32
	segments      []segment
	here          []span // the rows that are in x, one span after the other
}

// A span is rows that follow each other, [first, end).
type span struct{ first, end int }

func (s span) rows() int { return s.end - s.first }

// A segment is learnt rows, and the span that their inputs stand in.
type segment struct {
	learn []int32
	span
}

// segmentsOfRoom is how many segments a load has, about.
const segmentsOfRoom = 32

// roomFor returns how many rows x and y have room for: all of them, up to the next power of two, where the data are in memory,
// and otherwise as many as take up that much memory.
func roomFor(d *prep.Data, lookback int, memory int64) int {
	if d.X != nil {
		return bucket(d.Rows)
	}
	rows := max(1, memory/int64(4*(d.Width+d.Outputs)))
	least := bucket(2 * (lookback + 1)) // a segment and what its first window begins with
	return max(least, 1<<(bits.Len64(uint64(rows))-1))
}

// cut divides the learnt rows into segments.
func (f *feed) cut() {
	learn := f.data.Train
	if f.whole() {
		f.segments = []segment{{learn, span{0, f.data.Rows}}}
		return
	}
	size := max(1, f.lookback, f.room/segmentsOfRoom-f.lookback) // rows; with those that windows begin with a load has about so many
	for len(learn) > 0 {
		first := int(learn[0])
		end, _ := slices.BinarySearch(learn, int32(first+size))
		f.segments = append(f.segments, segment{learn[:end], span{first - f.lookback, int(learn[end-1]) + 1}})
		learn = learn[end:]
	}
}

// whole reports whether all rows have room.
func (f *feed) whole() bool { return f.data.Rows <= f.room }

// loads returns the segments of each load of an epoch, by their numbers.
func (f *feed) loads(seed uint64, epoch int) [][]int {
	order := make([]int, len(f.segments))
	for i := range order {
		order[i] = i
	}
	longest := 0
	for i := range f.segments {
		longest = max(longest, f.segments[i].rows())
	}
	parts := max(1, f.room/longest)            // segments that certainly have room
	n := (len(f.segments) + parts - 1) / parts // loads
	if n > 1 {
		r := rand.New(rand.NewPCG(seed, uint64(epoch)|1<<63))
		r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	loads := make([][]int, n)
	for i := range loads { // of the same size, as far as that goes
		loads[i] = order[i*len(order)/n : (i+1)*len(order)/n]
		slices.Sort(loads[i])
	}
	return loads
}

// load brings segments and returns where their learnt rows stand.
func (f *feed) load(segments []int) ([]int32, error) {
	spans := make([]span, len(segments))
	for i, s := range segments {
		spans[i] = f.segments[s].span
	}
	if err := f.bring(spans); err != nil {
		return nil, err
	}
	var rows []int32
	at := 0
	for _, s := range segments {
		s := &f.segments[s]
		for _, row := range s.learn {
			rows = append(rows, row-int32(s.first)+int32(at))
		}
		at += s.rows()
	}
	return rows, nil
}

// window brings rows that follow each other and returns how many rows before its own place the first of them stands.
func (f *feed) window(s span) (back int, err error) {
	if len(f.here) != 1 || f.here[0].first > s.first || f.here[0].end < s.end {
		err = f.bring([]span{s})
	}
	if err != nil {
		return 0, err
	}
	return f.here[0].first, nil
}

// fits returns how many of the rows from the first on have room together, with what their inputs begin with.
func (f *feed) fits(rows []int32) int {
	n, _ := slices.BinarySearch(rows, rows[0]-int32(f.lookback)+int32(f.room))
	return n
}

// bring reads spans into the tensors, unless they are there.
func (f *feed) bring(spans []span) error {
	if slices.Equal(f.here, spans) {
		return nil
	}
	f.here = nil
	at, d := 0, f.data
	for _, s := range spans {
		n := s.rows()
		if err := d.Encoded(session.View[float32](f.x)[at*d.Width:(at+n)*d.Width], s.first); err != nil {
			return err
		}
		copy(session.View[float32](f.y)[at*d.Outputs:], d.Y[s.first*d.Outputs:s.end*d.Outputs])
		for i := range n {
			if f.weights != nil {
				session.View[float32](f.weights)[at+i] = f.weigh(s.first + i)
			}
		}
		at += n
	}
	f.here = spans
	return nil
}

// free gives the tensors back.
func (f *feed) free() {
	for _, t := range []*session.Tensor{f.x, f.y, f.weights} {
		if t != nil {
			t.Free()
		}
	}
}

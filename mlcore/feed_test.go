package mlcore

import (
	"fmt"
	"slices"
	"testing"

	"retrain"
	"retrain/mlcore/prep"
	"retrain/mlcore/session"
)

// counted returns the data of n records whose number is their feature and their target, none of them in memory.
func counted(t *testing.T, n int, kind retrain.Kind, gap int) *prep.Data {
	t.Helper()
	records := make([]retrain.Record, n)
	for i := range records {
		at := float64(i)
		if gap > 0 {
			at += float64(i / gap) // seconds: one is missing after each gap of rows
		}
		records[i] = retrain.Record{"id": fmt.Sprint(i), "n": float64(i), "createdAt": at}
	}
	m := retrain.Model{Name: "m", Type: kind, Features: []string{"n"}, Target: retrain.Names{"n"}, MinTrainingSamples: 1}
	m.ModelConfig.Lookback, m.ModelConfig.MaxGap = 7, retrain.Duration(1e9)
	_, d, err := (&prep.Room{Memory: 1, Dir: t.TempDir()}).Prepare(m, func(yield func(*retrain.Table, error) bool) { yield(retrain.NewTable(records), nil) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// An epoch learns each row once, whatever has room, in an order that no other epoch has.
func TestLoads(t *testing.T) {
	for _, test := range []struct {
		name          string
		d             *prep.Data
		lookback      int
		room, atLeast int
	}{
		{"rows", counted(t, 1000, retrain.Regression, 0), 0, 128, 6},
		{"rows that just have room", counted(t, 320, retrain.Regression, 0), 0, 256, 1},
		{"windows", counted(t, 1000, retrain.TimeSeries, 0), 7, 64, 13},
		{"windows in a small room", counted(t, 100, retrain.TimeSeries, 0), 7, 16, 8},
		{"windows between gaps", counted(t, 1000, retrain.TimeSeries, 11), 7, 64, 13},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := &feed{data: test.d, room: test.room, lookback: test.lookback, x: session.New[float32](test.room, 1), y: session.New[float32](test.room, 1)}
			defer f.free()
			f.cut()
			first, again, second := f.learnt(t, 0), f.learnt(t, 0), f.learnt(t, 1)
			if len(first) < test.atLeast || !slices.EqualFunc(first, again, slices.Equal) {
				t.Errorf("got %d loads, and others the second time", len(first))
			}
			if len(first) > 1 && slices.EqualFunc(first, second, slices.Equal) {
				t.Error("the second epoch has the loads of the first")
			}
			for _, epoch := range [][][]int32{first, second} {
				if got := slices.Sorted(slices.Values(slices.Concat(epoch...))); !slices.Equal(got, test.d.Train) {
					t.Errorf("got %d rows, want each of %d once", len(got), len(test.d.Train))
				}
			}
		})
	}
}

// learnt returns the rows of each load of an epoch. What the program would read of them must be theirs.
func (f *feed) learnt(t *testing.T, epoch int) [][]int32 {
	t.Helper()
	var all [][]int32
	d, want := f.data, make([]float32, max(1, f.lookback))
	for _, segments := range f.loads(1, epoch) {
		places, err := f.load(segments)
		if err != nil {
			t.Fatal(err)
		}
		var rows []int32
		for _, s := range segments {
			rows = append(rows, f.segments[s].learn...)
		}
		x, y := session.View[float32](f.x), session.View[float32](f.y)
		for i, row := range rows {
			place := int(places[i])
			if err := d.Encoded(want, int(row)-f.lookback); err != nil {
				t.Fatal(err)
			}
			if got := x[place-f.lookback : place-f.lookback+len(want)]; !slices.Equal(got, want) || y[place] != d.Y[row] {
				t.Fatalf("row %d: got %v and %v, want %v and %v", row, got, y[place], want, d.Y[row])
			}
		}
		all = append(all, rows)
	}
	return all
}

package prep_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"testing"
	"time"

	"retrain"
	"retrain/mlcore/prep"
)

// crowd makes records of everything that a record may hold, in no order of time, some with gaps.
func crowd(n int) [][]retrain.Record {
	r := rand.New(rand.NewPCG(3, 3))
	tables := make([][]retrain.Record, 9)
	for i := range n {
		at := time.Unix(1_700_000_000+r.Int64N(1e7), 0).UTC()
		record := retrain.Record{"id": fmt.Sprint("r", i), "x": r.Float64(), "new": r.IntN(2) == 1, "level": string(rune('a' + r.IntN(20))), "tags": []any{"a", 1.0},
			"day": at.Format(time.RFC3339), "deep": map[string]any{"er": r.NormFloat64()}, "price": r.ExpFloat64()}
		if r.IntN(9) == 0 {
			delete(record, []string{"x", "level", "new", "price", "id"}[r.IntN(5)])
		}
		tables[i%9] = append(tables[i%9], record)
	}
	return tables
}

// However little stays in memory, the data are the same.
func TestARoomChangesNothing(t *testing.T) {
	m := regression("x", "new", "level", "deep.er", "made")
	m.Map, m.Filter, m.ModelConfig.Polynomial = map[string]string{"made": "(x ?? 0) * 2"}, "level != 'k'", 2
	s := series(3, "x", "made")
	s.Map, s.OnMissing = m.Map, "mean"
	for name, m := range map[string]retrain.Model{"rows": m, "a time series": s} {
		tables := crowd(1000)
		p, d, err := prep.Prepare(m, blocks(tables...))
		if err != nil {
			t.Fatal(err)
		}
		for _, memory := range []int64{1, 10_000, 50_000} { // nothing, some rows, some tables
			t.Run(fmt.Sprint(name, " in ", memory), func(t *testing.T) {
				dir := t.TempDir()
				room := &prep.Room{Memory: memory, Dir: dir}
				q, e, err := room.Prepare(m, blocks(tables...))
				if err != nil {
					t.Fatal(err)
				}
				defer e.Close()
				if !reflect.DeepEqual(p, q) || !slices.Equal(d.Y, e.Y) || !slices.Equal(d.Train, e.Train) || !slices.Equal(d.Holdout, e.Holdout) || d.Skipped != e.Skipped {
					t.Fatalf("other rows are learnt: %+v, %+v", p, q)
				}
				if (e.X == nil) != (4*int64(len(d.X)) > memory) {
					t.Errorf("%d bytes in memory: %v", 4*len(d.X), e.X != nil)
				}
				sameRows(t, d, e)
				if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
					t.Errorf("got files with names: %v, %v", left, err)
				}
			})
		}
	}
}

// sameRows compares the encoded rows and the records.
func sameRows(t *testing.T, d, e *prep.Data) {
	t.Helper()
	x := make([]float32, 7*d.Width)
	for first := 0; first+7 <= d.Rows; first += 5 {
		if err := e.Encoded(x, first); err != nil || !slices.Equal(x, d.X[first*d.Width:first*d.Width+len(x)]) {
			t.Fatalf("row %d: got %v, %v", first, x, err)
		}
		if got, want := record(e, first), record(d, first); !reflect.DeepEqual(got, want) {
			t.Fatalf("row %d: got %v, want %v", first, got, want)
		}
	}
	if got, want := readAll(t, e), readAll(t, d); len(got) != d.Rows || !reflect.DeepEqual(got, want) {
		t.Errorf("got %d records, want %d, or others", len(got), d.Rows)
	}
}

func readAll(t *testing.T, d *prep.Data) (records []retrain.Record) {
	t.Helper()
	for r, err := range d.Records() {
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	return records
}

func TestTooLarge(t *testing.T) {
	m := regression("x", "level")
	room := &prep.Room{Disk: 100}
	for _, test := range []struct {
		values []any
		want   string
	}{
		{[]any{"a", "b", "c", "d", "e", "f", "g"}, "feature x alone has "},
		{[]any{1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0}, "7 rows of 5 columns are "},
	} {
		records := rows("x", test.values...)
		for i, r := range records {
			r["level"] = "abcd"[i%4 : i%4+1]
		}
		m := all(m)
		m.ModelConfig.Polynomial = 1
		_, _, err := room.Prepare(m, blocks(records))
		wantError(t, err, retrain.DataValidationError, test.want)
	}
	_, _, err := (&prep.Room{Memory: 1, Dir: "/nowhere"}).Prepare(m, blocks(rows("x", 1.0, 2.0)))
	if err == nil {
		t.Error("no folder for the files, no error")
	}
}

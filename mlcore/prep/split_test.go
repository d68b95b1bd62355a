package prep_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"retrain"
	"retrain/mlcore/prep"
)

func numbered(n int) []retrain.Record {
	records := make([]retrain.Record, n)
	for i := range records {
		records[i] = retrain.Record{"id": fmt.Sprint("r", i), "x": float64(i), "price": float64(2 * i), "day": time.Date(2024, 1, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)}
	}
	return records
}

// ids returns the records of some rows of Data.
func ids(d *prep.Data, rows []int32) []string {
	var ids []string
	for _, row := range rows {
		ids = append(ids, record(d, int(row)).ID())
	}
	return ids
}

func TestSplit(t *testing.T) {
	for _, test := range []struct {
		n     int
		share float64
		want  int
	}{
		{10, .2, 2}, {392, .2, 79}, {30, .1, 3}, {3, .1, 1}, {2, .9, 1}, {1, .5, 0}, {10, 0, 0}, {1000, .999, 999},
	} {
		m := regression("x")
		m.ModelConfig.ValidationSplit = &test.share
		_, d := prepare(t, m, numbered(test.n))
		if len(d.Holdout) != test.want || len(d.Train) != test.n-test.want {
			t.Errorf("%v of %d: got %d and %d", test.share, test.n, len(d.Train), len(d.Holdout))
		}
		both := slices.Sorted(slices.Values(slices.Concat(d.Train, d.Holdout)))
		for i := range test.n {
			if int(both[i]) != i {
				t.Fatalf("%v of %d: not a division of the rows: %v", test.share, test.n, both)
			}
		}
	}
}

func TestSplitIsThatOfTheSeed(t *testing.T) {
	m := regression("x")
	_, a := prepare(t, m, numbered(1000))
	_, b := prepare(t, m, numbered(1000))
	if !slices.Equal(a.Holdout, b.Holdout) {
		t.Error("the same seed divides differently")
	}
	m.Seed = 2
	_, c := prepare(t, m, numbered(1000))
	if common := intersection(ids(a, a.Holdout), ids(c, c.Holdout)); common > 80 { // 40 by chance
		t.Errorf("another seed holds %d of 200 records out as well", common)
	}
}

func TestRecordsKeepTheirSide(t *testing.T) {
	_, before := prepare(t, regression("x"), numbered(1000))
	grown := numbered(1100)
	slices.Reverse(grown) // nor does their order matter
	_, after := prepare(t, regression("x"), grown)
	if common := intersection(ids(before, before.Holdout), ids(after, after.Holdout)); common < 180 {
		t.Errorf("only %d of 200 records are still held out", common)
	}
}

func TestSplitWithoutIDs(t *testing.T) {
	records := numbered(100)
	for _, r := range records {
		delete(r, "id")
	}
	_, d := prepare(t, regression("x"), records)
	if len(d.Holdout) != 20 {
		t.Fatalf("got %v", d.Holdout)
	}
	first, last := record(d, int(d.Holdout[0]))["x"].(float64), record(d, int(d.Holdout[19]))["x"].(float64)
	if last == 19 || first == 80 {
		t.Errorf("got %v to %v: not by chance", first, last)
	}
}

func intersection(a, b []string) int {
	return len(slices.DeleteFunc(slices.Clone(a), func(id string) bool { return !slices.Contains(b, id) }))
}

// series is a valid model of price over days.
func series(lookback int, features ...string) retrain.Model {
	m := regression(features...)
	m.Type = retrain.TimeSeries
	m.ModelConfig.Lookback, m.ModelConfig.OrderBy = lookback, "day"
	return m
}

func TestSeries(t *testing.T) {
	records := numbered(20)
	slices.Reverse(records)
	p, d := prepare(t, series(5, "x"), records)
	if got := record(d, 0).ID(); got != "r0" {
		t.Errorf("the first row is %s", got)
	}
	if want := []int32{5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}; !slices.Equal(d.Train, want) {
		t.Errorf("got %v, want %v", d.Train, want)
	}
	if want := []int32{17, 18, 19}; !slices.Equal(d.Holdout, want) {
		t.Errorf("got %v, want %v", d.Holdout, want)
	}
	if p.Features[0].Max != 16 || p.Targets[0].Max != 32 {
		t.Errorf("the holdout is known to the scales: %v, %v", p.Features[0], p.Targets[0])
	}
	if len(p.Features) != 2 || p.Features[1].Name != "price" {
		t.Fatalf("the target's past is not the last feature: %v", p.Features)
	}
	for row := range d.Rows {
		if d.X[row*2+1] != d.Y[row] {
			t.Errorf("row %d: the target is %v as feature and %v as target", row, d.X[row*2+1], d.Y[row])
		}
	}
}

func TestSeriesOfItsTargetOnly(t *testing.T) {
	for _, features := range [][]string{nil, {"price"}} {
		p, d := prepare(t, series(3, features...), numbered(10))
		if len(p.Features) != 1 || d.Width != 1 || !slices.Equal(d.X, d.Y) {
			t.Errorf("%v: got %v", features, p.Features)
		}
	}
}

func TestSeriesTies(t *testing.T) {
	records := numbered(6)
	for _, r := range records {
		r["day"] = "2024-01-01"
	}
	_, d := prepare(t, all(series(2)), records)
	if got, want := ids(d, []int32{0, 1, 2, 3, 4, 5}), []string{"r0", "r1", "r2", "r3", "r4", "r5"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestSeriesGaps(t *testing.T) {
	records := slices.Delete(numbered(12), 4, 6) // days 1 to 4, 7 to 12
	for _, test := range []struct {
		gap  time.Duration
		want []int32
	}{
		{0, []int32{2, 3, 4, 5, 6, 7, 8, 9}},
		{24 * time.Hour, []int32{2, 3, 6, 7, 8, 9}},
		{71 * time.Hour, []int32{2, 3, 6, 7, 8, 9}},
		{72 * time.Hour, []int32{2, 3, 4, 5, 6, 7, 8, 9}},
		{time.Hour, nil},
	} {
		m := all(series(2))
		m.ModelConfig.MaxGap = retrain.Duration(test.gap)
		if _, d := prepare(t, m, records); !slices.Equal(d.Train, test.want) {
			t.Errorf("%v: got %v, want %v", test.gap, d.Train, test.want)
		}
	}
}

func TestSeriesTimes(t *testing.T) {
	for _, test := range []struct {
		name  string
		times [3]any // out of order: the second is first
		gap   time.Duration
		want  []int32
	}{
		{"months", [3]any{"1949-02", "1949-01", "1949-03"}, 31 * 24 * time.Hour, []int32{1, 2}},
		{"seconds", [3]any{60.0, 0.0, 300.0}, time.Minute, []int32{1}},
		{"milliseconds", [3]any{1.7e12 + 60_000, 1.7e12, 1.7e12 + 300_000}, time.Minute, []int32{1}},
		{"text of numbers", [3]any{"2", "1", "10"}, 0, []int32{1, 2}},
		{"before 1970", [3]any{"1950-01-01T00:00:00Z", "1949-12-31T23:59:00Z", "1950-01-01T00:01:00Z"}, time.Minute, []int32{1, 2}},
	} {
		t.Run(test.name, func(t *testing.T) {
			records := numbered(3)
			for i, r := range records {
				r["day"] = test.times[i]
			}
			m := all(series(1))
			m.ModelConfig.MaxGap = retrain.Duration(test.gap)
			_, d := prepare(t, m, records)
			if got := ids(d, []int32{0, 1, 2}); !slices.Equal(got, []string{"r1", "r0", "r2"}) || !slices.Equal(d.Train, test.want) {
				t.Errorf("got %v and windows %v, want %v", got, d.Train, test.want)
			}
		})
	}
}

func TestSeriesOrder(t *testing.T) {
	m := series(2)
	m.ModelConfig.OrderBy = "" // createdAt, which no record has
	if p, d := prepare(t, m, numbered(5)); p.OrderBy != "" || d.Rows != 5 {
		t.Errorf("got order by %q, %d rows", p.OrderBy, d.Rows)
	}
	m.ModelConfig.OrderBy = "when"
	_, _, err := prep.Prepare(m, blocks(numbered(5)))
	wantError(t, err, retrain.DataValidationError, "no record has the field when")
	records := numbered(5)
	records[3]["day"] = "later"
	_, _, err = prep.Prepare(series(2), blocks(records))
	wantError(t, err, retrain.DataValidationError, `orderBy day: "later" is neither a date nor a number (record "r3")`)
}

func TestSeriesTooShort(t *testing.T) {
	for n, want := range map[int]int{1: 0, 10: 0, 11: 1, 12: 1, 13: 2} { // one window is always learnt from
		p, d := prepare(t, series(10), numbered(n))
		if len(d.Train) != want || d.Rows != n || p == nil {
			t.Errorf("%d rows: got %v and %v", n, d.Train, d.Holdout)
		}
	}
}

func TestSeriesOfText(t *testing.T) {
	records := numbered(5)
	for i, r := range records {
		r["price"] = fmt.Sprint("p", i)
	}
	_, _, err := prep.Prepare(series(2), blocks(records))
	wantError(t, err, retrain.DataValidationError, `target price: "p0" is not a number`)
}

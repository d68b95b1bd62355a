package prep

import (
	"iter"
	"slices"

	"retrain"
)

// Data is what a fit learns from. Its rows are the learnt ones and then those that are held out, in the order of the records
// each; those of a time series are in the order of time.
//
// Train and Holdout name rows whose targets are learnt and judged. In a time series each of them stands for a window: the
// input is X's rows t-lookback to t-1, the answer is Y's row t. Every window is complete and crosses no forbidden gap.
type Data struct {
	*gathering

	X       []float32 // [Rows, Width], encoded and scaled; nil where they are too many for memory
	Y       []float32 // [Rows, Outputs], scaled; for classes the index in one column
	Rows    int
	Width   int
	Outputs int
	Train   []int32 // row numbers, ascending
	Holdout []int32 // row numbers, ascending; empty where validationSplit is 0
	Read    int     // records read, before partition and filter
	Skipped int     // accepted rows that were left out for a missing value

	file  *matrix // of X, where they are too many
	order []int32 // [Rows], the accepted rows that they were
	timed bool    // the order is that of time
}

// Encoded fills x, [any, Width], with the encoded rows from first on.
func (d *Data) Encoded(x []float32, first int) error {
	if d.file != nil {
		return d.file.read(x, first)
	}
	copy(x, d.X[first*d.Width:])
	return nil
}

// Record returns a row as it was read, before map. Rows that follow each other are found fast.
func (d *Data) Record(row int) (retrain.Record, error) {
	t, at, err := d.origin(int(d.order[row]))
	if err != nil {
		return nil, err
	}
	return t.Record(at), nil
}

// Records yields all rows as they were read: in the order of time those of a time series, others as they came.
func (d *Data) Records() iter.Seq2[retrain.Record, error] {
	rows := d.order
	if !d.timed {
		rows = slices.Sorted(slices.Values(rows))
	}
	return func(yield func(retrain.Record, error) bool) {
		for _, row := range rows {
			t, at, err := d.origin(int(row))
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(t.Record(at), nil) {
				return
			}
		}
	}
}

// Close gives memory and files back.
func (d *Data) Close() {
	d.close()
	if d.file != nil {
		d.file.file.Close()
	}
}

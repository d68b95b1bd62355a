package main

import (
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"

	"retrain"
	"retrain/internal/dialect"
	"retrain/mlcore/prep"
)

// rowGroup is how many rows are in memory before they are written.
const rowGroup = 50_000

// answerRow has the columns that all answers have.
type answerRow struct {
	Row           int64              `parquet:"row"`
	ID            *string            `parquet:"id,optional"`
	Version       int64              `parquet:"version"`
	Confidence    *float64           `parquet:"confidence,optional"`
	Probabilities map[string]float64 `parquet:"probabilities,optional"`
	Low           *float64           `parquet:"interval_low,optional"`
	High          *float64           `parquet:"interval_high,optional"`
	Code          *string            `parquet:"error_code,optional"`
	Error         *string            `parquet:"error,optional"`
}

// predictionRow adds the prediction: a number, a text or a boolean.
type predictionRow[T any] struct {
	answerRow

	Prediction *T `parquet:"prediction,optional"`
}

// listRow adds the predictions of several targets.
type listRow struct {
	answerRow

	Prediction []float64 `parquet:"prediction,list"`
}

// newParquetResults writes answers of a version as Parquet.
func newParquetResults(w io.Writer, mf *retrain.Manifest) (results, error) {
	s, err := dialect.SchemaOf(mf)
	if err != nil {
		return nil, err
	}
	target := s.Targets[0]
	switch {
	case len(s.Targets) > 1:
		return parquetOf(w, listOf), nil
	case len(target.Classes) > 0 && target.Of == prep.Category:
		return parquetOf(w, predictionOf[string]), nil
	case len(target.Classes) > 0 && target.Of == prep.Boolean:
		return parquetOf(w, predictionOf[bool]), nil
	}
	return parquetOf(w, predictionOf[float64]), nil
}

// parquetResults writes rows of one type.
type parquetResults[R any] struct {
	*parquet.GenericWriter[R]

	row  func(a *retrain.Answered) (R, error)
	rows int // since the last row group
}

func parquetOf[R any](w io.Writer, row func(a *retrain.Answered) (R, error)) results {
	return &parquetResults[R]{GenericWriter: parquet.NewGenericWriter[R](w, parquet.Compression(&parquet.Zstd)), row: row}
}

func (p *parquetResults[R]) write(answers []retrain.Answered) error {
	rows := make([]R, len(answers))
	for i := range answers {
		var err error
		if rows[i], err = p.row(&answers[i]); err != nil {
			return err
		}
	}
	if _, err := p.Write(rows); err != nil {
		return err
	}
	if p.rows += len(rows); p.rows < rowGroup {
		return nil
	}
	p.rows = 0
	return p.Flush()
}

func (p *parquetResults[R]) close() error { return p.Close() }

// answerRowOf returns what all answers have.
func answerRowOf(a *retrain.Answered) answerRow {
	r := answerRow{Row: int64(a.Row), Version: int64(a.Version)}
	if a.ID != "" {
		r.ID = &a.ID
	}
	if e := a.Error; e != nil {
		code := string(e.Code)
		r.Code, r.Error = &code, &e.Message
	}
	if p := a.Prediction; p != nil {
		r.Confidence, r.Probabilities = p.Confidence, p.Probabilities
		if p.Interval != nil {
			r.Low, r.High = &p.Interval[0], &p.Interval[1]
		}
	}
	return r
}

func predictionOf[T any](a *retrain.Answered) (predictionRow[T], error) {
	r := predictionRow[T]{answerRow: answerRowOf(a)}
	if a.Prediction == nil {
		return r, nil
	}
	v, ok := a.Prediction.Prediction.(T)
	if !ok {
		return r, fmt.Errorf("row %d: the prediction %v is no %T", a.Row, a.Prediction.Prediction, v)
	}
	r.Prediction = &v
	return r, nil
}

func listOf(a *retrain.Answered) (listRow, error) {
	r := listRow{answerRow: answerRowOf(a)}
	if a.Prediction == nil {
		return r, nil
	}
	list, _ := a.Prediction.Prediction.([]any)
	for _, v := range list {
		n, ok := v.(float64)
		if !ok {
			return r, fmt.Errorf("row %d: %v is no number", a.Row, v)
		}
		r.Prediction = append(r.Prediction, n)
	}
	return r, nil
}

package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"retrain"
)

// The most that one insert may have, in bytes.
const mostInserted = 64 << 20

// insert stores the records of a request: one JSON list, or an object per line. The same Idempotency-Key again stores nothing.
func (c *Control) insert(w http.ResponseWriter, r *http.Request) (any, error) {
	b, err := body(w, r, mostInserted)
	if err != nil {
		return nil, err
	}
	records, err := recordsOf(b)
	if err != nil {
		return nil, err
	}
	inserted, err := c.App.Inserter.Insert(r.Context(), c.batch(r, records))
	if err == nil {
		c.Metrics.inserted.WithLabelValues(inserted.Resource).Add(float64(inserted.Inserted))
	}
	return inserted, err
}

// recordsOf reads a JSON list of objects, or objects one after the other.
func recordsOf(b []byte) (records []retrain.Record, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	list := bytes.HasPrefix(bytes.TrimSpace(b), []byte("["))
	if list {
		if _, err := d.Token(); err != nil {
			return nil, unreadable(1, err)
		}
	}
	for !list || d.More() {
		var record retrain.Record
		err := d.Decode(&record)
		if errors.Is(err, io.EOF) && !list {
			break
		}
		if err == nil && record == nil {
			err = errors.New("null is no record")
		}
		if err != nil {
			return nil, unreadable(len(records)+1, err)
		}
		records = append(records, record)
	}
	if list {
		if _, err := d.Token(); err != nil {
			return nil, unreadable(len(records)+1, err)
		}
		if _, err := d.Token(); !errors.Is(err, io.EOF) {
			return nil, retrain.Errorf(retrain.DataValidationError, "something stands behind the list of records")
		}
	}
	if len(records) == 0 {
		return nil, retrain.Errorf(retrain.DataValidationError, "no records").WithHint(`send [{"id":"1","cost":100}], or an object per line`)
	}
	return records, nil
}

func unreadable(n int, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the JSON ends in the middle")
	}
	return retrain.Errorf(retrain.DataValidationError, "record %d: %w", n, err)
}

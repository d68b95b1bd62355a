package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"retrain"
	"retrain/api"
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
	if errors.Is(err, retrain.DataValidationError) {
		err = c.faults(r, records, err)
	}
	if err == nil {
		c.Metrics.Inserted(inserted.Resource, inserted.Inserted)
	}
	return inserted, err
}

// The most faults of one request that are told.
const mostFaults = 100

// faults finds out which of the records an insert was refused for: those that a model's filter fails on.
func (c *Control) faults(r *http.Request, records []retrain.Record, refused error) error {
	models, err := c.App.Catalog.Learners(r.Context(), r.PathValue("resource"))
	if err != nil {
		return refused
	}
	var found []api.RecordError
	for i, record := range records {
		for _, m := range models {
			if _, err := c.App.Inserter.Accepts(m, []retrain.Record{record}); err != nil && len(found) < mostFaults {
				found = append(found, api.RecordError{Index: i, ID: record.ID(), Reason: reasonOf(err)})
				break
			}
		}
	}
	if len(found) == 0 {
		return refused
	}
	return recordErrors{refused, found}
}

func reasonOf(err error) string {
	if e, ok := errors.AsType[*retrain.Error](err); ok {
		return e.Message
	}
	return err.Error()
}

// recordsOf reads a JSON list of objects, or objects one after the other. What is wrong with several of them is told of each.
func recordsOf(b []byte) (records []retrain.Record, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	list := bytes.HasPrefix(bytes.TrimSpace(b), []byte("["))
	if list {
		if _, err := d.Token(); err != nil {
			return nil, unreadable(0, err)
		}
	}
	var faults []api.RecordError
	n := 0
	for ; !list || d.More(); n++ {
		var text json.RawMessage
		if err := d.Decode(&text); errors.Is(err, io.EOF) && !list {
			break
		} else if err != nil {
			return nil, unreadable(n, err)
		}
		var record retrain.Record
		if err := recordOf(text, &record); err == nil {
			records = append(records, record)
		} else if len(faults) < mostFaults {
			faults = append(faults, api.RecordError{Index: n, Reason: err.Error()})
		}
	}
	if list {
		if err := closed(d, n); err != nil {
			return nil, err
		}
	}
	if len(faults) > 0 {
		first := retrain.Errorf(retrain.DataValidationError, "record %d: %s", faults[0].Index+1, faults[0].Reason)
		if len(faults) > 1 {
			first = first.WithHint("the same request has more such records: see errors")
		}
		return nil, recordErrors{first, faults}
	}
	if len(records) == 0 {
		return nil, retrain.Errorf(retrain.DataValidationError, "no records").WithHint(`send [{"id":"1","cost":100}], or an object per line`)
	}
	return records, nil
}

func recordOf(text json.RawMessage, into *retrain.Record) error {
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s is no object", some(text))
	}
	if *into == nil {
		return errors.New("null is no record")
	}
	switch (*into)["id"].(type) {
	case nil, string, float64, bool:
		return nil
	}
	return errors.New("its id is neither a text nor a number")
}

// some is the beginning of a text.
func some(text []byte) string {
	const most = 40
	if len(text) > most {
		return strings.ToValidUTF8(string(text[:most]), "") + "…"
	}
	return string(text)
}

// closed reads the end of a list.
func closed(d *json.Decoder, n int) error {
	if _, err := d.Token(); err != nil {
		return unreadable(n, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return retrain.Errorf(retrain.DataValidationError, "something stands behind the list of records")
	}
	return nil
}

// unreadable is the error for a text that is no JSON from a record on.
func unreadable(n int, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the JSON ends in the middle")
	}
	return recordErrors{retrain.Errorf(retrain.DataValidationError, "record %d: %w", n+1, err), []api.RecordError{{Index: n, Reason: err.Error()}}}
}

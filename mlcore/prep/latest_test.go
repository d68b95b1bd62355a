package prep_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"retrain"
	"retrain/mlcore/prep"
)

func TestLatest(t *testing.T) {
	record := func(id, at string, ok bool) retrain.Record { return retrain.Record{"id": id, "day": at, "ok": ok} }
	tables := func(yield func(*retrain.Table, error) bool) {
		_ = yield(retrain.NewTable([]retrain.Record{record("c", "2026-01-03", true), record("a", "2026-01-01", true), record("x", "2026-01-09", false)}), nil) &&
			yield(retrain.NewTable([]retrain.Record{record("d", "2026-01-04", true), record("b", "2026-01-02", true), record("e", "2026-01-04", true)}), nil)
	}
	m := retrain.Model{Name: "sales", Type: retrain.TimeSeries, Filter: "ok", ModelConfig: retrain.ModelConfig{Lookback: 3, OrderBy: "day"}}
	got, err := prep.Latest(m, tables)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, r := range got {
		ids = append(ids, r.ID())
	}
	if want := []string{"c", "d", "e"}; !slices.Equal(ids, want) {
		t.Errorf("%v, want %v: the filter's last three, ties in their own order", ids, want)
	}
	m.ModelConfig.Lookback = 6
	if _, err := prep.Latest(m, tables); !errors.Is(err, retrain.InsufficientDataError) {
		t.Errorf("six of five: %v", err)
	}
	broken := errors.New("broken")
	if _, err := prep.Latest(m, func(yield func(*retrain.Table, error) bool) { yield(nil, broken) }); !errors.Is(err, broken) {
		t.Errorf("a source that fails: %v", err)
	}
}

func TestLatestInTheRecordsOwnOrder(t *testing.T) {
	var records []retrain.Record
	for i := range 20 {
		records = append(records, retrain.Record{"id": fmt.Sprint(i)})
	}
	got, err := prep.Latest(retrain.Model{Type: retrain.TimeSeries}, func(yield func(*retrain.Table, error) bool) { yield(retrain.NewTable(records), nil) })
	if err != nil || len(got) != 10 || got[0].ID() != "10" || got[9].ID() != "19" {
		t.Errorf("%v, %v, want the last ten", got, err)
	}
}

package retrain_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"retrain"
)

func TestDurationReads(t *testing.T) {
	for text, want := range map[string]time.Duration{`"24h"`: 24 * time.Hour, `3600000`: time.Hour, `"1m30s"`: 90 * time.Second, `0`: 0} {
		var d retrain.Duration
		if err := json.Unmarshal([]byte(text), &d); err != nil || time.Duration(d) != want {
			t.Errorf("%s: %v, %v, want %v", text, time.Duration(d), err, want)
		}
	}
	var d retrain.Duration
	if err := json.Unmarshal([]byte(`"soon"`), &d); !errors.Is(err, retrain.ModelConfigError) {
		t.Errorf("soon: %v, want a ModelConfigError", err)
	}
}

func TestNamesReadOneOrMany(t *testing.T) {
	for text, want := range map[string]retrain.Names{`"price"`: {"price"}, `["a","b"]`: {"a", "b"}} {
		var n retrain.Names
		if err := json.Unmarshal([]byte(text), &n); err != nil || !reflect.DeepEqual(n, want) {
			t.Errorf("%s: %v, %v", text, n, err)
		}
		if b, err := json.Marshal(n); err != nil || string(b) != text {
			t.Errorf("%s: written as %s, %v", text, b, err)
		}
	}
}

func TestModelDefaults(t *testing.T) {
	m := retrain.Model{Type: retrain.TimeSeries}.WithDefaults()
	c := m.ModelConfig
	if c.Epochs != 50 || c.BatchSize != 32 || c.LearningRate != 0.01 || *c.ValidationSplit != 0.2 ||
		c.Lookback != 10 || c.LSTMUnits != 50 || c.DenseUnits != 25 || *c.Dropout != 0.2 || *c.RecurrentDropout != 0.2 || c.OrderBy != "createdAt" {
		t.Errorf("time series: %+v", c)
	}
	if m.Seed != 1 || m.Keep != 10 || m.MinTrainingSamples != 10 || !*m.SaveModel || *m.SaveTrainingData || m.Promote.Rule != "always" {
		t.Errorf("model: %+v", m)
	}
	kept := retrain.Model{Type: retrain.Classification, ModelConfig: retrain.ModelConfig{Dropout: new(0.0), ValidationSplit: new(0.0)}}.WithDefaults()
	if *kept.ModelConfig.Dropout != 0 || *kept.ModelConfig.ValidationSplit != 0 {
		t.Errorf("a zero that was written was replaced: %+v", kept.ModelConfig)
	}
}

func TestPartition(t *testing.T) {
	p := retrain.PartitionRef{Name: "by", Values: map[string]any{"category": "electronics", "stock.amount": 3}}
	for _, test := range []struct {
		record string
		want   bool
	}{
		{`{"category":"electronics","stock":{"amount":3}}`, true},
		{`{"category":"electronics","stock.amount":"3"}`, true},
		{`{"category":"elec","stock":{"amount":3}}`, false},
		{`{"category":"electronics"}`, false},
		{`{"category":"electronics","stock":null}`, false},
	} {
		var r retrain.Record
		if err := json.Unmarshal([]byte(test.record), &r); err != nil {
			t.Fatal(err)
		}
		if got := p.In(r); got != test.want {
			t.Errorf("%s: %v, want %v", test.record, got, test.want)
		}
	}
}

func TestRunID(t *testing.T) {
	for _, name := range []string{"price", "price-2", "a.b_c-d"} {
		id := retrain.RunID{Model: name, Number: 17}
		if got, err := retrain.ParseRunID(id.String()); got != id || err != nil {
			t.Errorf("%s: %v, %v", id, got, err)
		}
	}
	for _, s := range []string{"", "price", "price-", "-7", "price-x", "price-0", "price--1x"} {
		if _, err := retrain.ParseRunID(s); !errors.Is(err, retrain.NotFoundError) {
			t.Errorf("%q: %v, want a NotFoundError", s, err)
		}
	}
}

func TestTableGivesBackWhatWentIn(t *testing.T) {
	const lines = `{"id":"1","n":1.5,"b":true,"s":"x"}
{"id":"2","n":"became text","o":{"a":[1,null]}}
{"id":"3","n":null,"b":false}`
	var records []retrain.Record
	for line := range strings.Lines(lines) {
		var r retrain.Record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	table := retrain.NewTable(records)
	delete(records[2], "n") // null is missing
	i := 0
	for got := range table.Records() {
		if !reflect.DeepEqual(got, records[i]) {
			t.Errorf("row %d: %v, want %v", i, got, records[i])
		}
		i++
	}
	if i != 3 || table.Column("absent") != nil || table.Column("absent").Value(0) != nil {
		t.Errorf("%d rows", i)
	}
}

func TestErrorIsItsCode(t *testing.T) {
	cause := errors.New("refused")
	var err error = retrain.Errorf(retrain.UnavailableError, "redis at %s: %w", "localhost", cause).WithHint("start it")
	for _, target := range []error{retrain.UnavailableError, retrain.MLError, cause} {
		if !errors.Is(err, target) {
			t.Errorf("%v is not %v", err, target)
		}
	}
	if errors.Is(err, retrain.ConflictError) || retrain.CodeOf(err) != retrain.UnavailableError || retrain.CodeOf(cause) != retrain.MLError {
		t.Errorf("%v", err)
	}
	if got, want := err.Error(), "UnavailableError: redis at localhost: refused"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

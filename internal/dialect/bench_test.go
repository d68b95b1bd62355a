package dialect_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"retrain"
	"retrain/internal/dialect"
)

// Reading 100 records of 8 numbers and writing their answers, beside what encoding/json takes for the same.
func BenchmarkRecords(b *testing.B) {
	rows := make([]string, 100)
	for i := range rows {
		rows[i] = fmt.Sprintf(`{"a":%d,"b":1.5,"c":2.25,"d":100,"e":0.125,"f":3,"g":17.75,"h":0.5}`, i)
	}
	body := []byte(`{"instances":[` + strings.Join(rows, ",") + `]}`)
	predictions := make([]retrain.Prediction, len(rows))
	for i := range predictions {
		predictions[i].Prediction = 1.25 * float64(i)
	}
	b.Run("dialect", func(b *testing.B) {
		for b.Loop() {
			q, err := dialect.ReadPredict(body, nil)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := dialect.Write(q.Answer(predictions)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding/json", func(b *testing.B) {
		for b.Loop() {
			var request struct {
				Instances *[]retrain.Record `json:"instances"`
			}
			if err := json.Unmarshal(body, &request); err != nil {
				b.Fatal(err)
			}
			if _, err := json.Marshal(map[string]any{"predictions": dialect.Values(predictions)}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

package s3io_test

import (
	"reflect"
	"slices"
	"testing"

	"retrain"
	"retrain/s3io"
)

func TestSpecs(t *testing.T) {
	s := &s3io.Specs{Bucket: s3io.Under(open(t, gateway(t)), "a/b")}
	if got, err := s.Specs(t.Context()); len(got.Models)+len(got.Resources) != 0 || err != nil {
		t.Errorf("got %+v, %v, want nothing", got, err)
	}
	specs := retrain.Specs{
		Resources: []retrain.Resource{{Name: "flights", Source: "files", Files: &retrain.FilesSource{Prefix: "lake/"}}, products},
		Models: []*retrain.Model{
			{Name: "price", Type: retrain.Regression, Resource: "products", Features: []string{"cost"}, Target: retrain.Names{"price"},
				Partition: &retrain.PartitionRef{Name: "byCategory", Values: map[string]any{"category": "elec"}}},
			{Name: "stock", Type: retrain.Regression, Resource: "products", Features: []string{"cost"}, Target: retrain.Names{"stock", "sold"}},
		},
	}
	apply(t, s, specs, []string{"resources/flights", "resources/products", "models/price", "models/stock"}, []string{})
	if got, err := s.Specs(t.Context()); err != nil || !reflect.DeepEqual(got, specs) {
		t.Errorf("got %+v, %v, want %+v", got, err, specs)
	}
	specs.Models[1].AutoTrain = true
	apply(t, s, specs, []string{"models/stock"}, []string{"resources/flights", "resources/products", "models/price"})
	apply(t, s, retrain.Specs{Models: specs.Models[:1]}, []string{}, []string{"models/price"})
	if got, err := s.Specs(t.Context()); err != nil || !reflect.DeepEqual(got, specs) {
		t.Errorf("got %+v, %v, want %+v", got, err, specs)
	}
}

func apply(t *testing.T, s *s3io.Specs, specs retrain.Specs, applied, unchanged []string) {
	t.Helper()
	a, u, err := s.Apply(t.Context(), specs)
	if err != nil || !slices.Equal(a, applied) || !slices.Equal(u, unchanged) {
		t.Errorf("got %q, %q, %v, want %q, %q", a, u, err, applied, unchanged)
	}
}

// TestSpecsOfOthersFolders has runs and records without a spec: of what was disposed of.
func TestSpecsOfOthersFolders(t *testing.T) {
	s := &s3io.Specs{Bucket: new(s3io.Memory)}
	apply(t, s, retrain.Specs{Models: []*retrain.Model{{Name: "price"}}}, []string{"models/price"}, []string{})
	for _, key := range []string{"models/gone/champion.json", "resources/gone/log/1.jsonl.zst", "models/stray", "other/x/spec.json"} {
		if _, err := s.Bucket.Put(t.Context(), key, nil, s3io.Always); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := s.Specs(t.Context()); len(got.Models) != 1 || len(got.Resources) != 0 || err != nil {
		t.Errorf("got %+v, %v", got, err)
	}
}

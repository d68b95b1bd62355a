package mlcore_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"retrain"
	"retrain/mlcore"
)

func TestAnExportIsTheWholeVersion(t *testing.T) {
	e := &mlcore.Engine{}
	defer e.Close()
	for name, m := range kinds() {
		t.Run(name, func(t *testing.T) {
			v := train(t, e, retrain.Job{Model: m, Data: tables(products(60))})
			x, err := mlcore.Export(v.Version)
			if err != nil {
				t.Fatal(err)
			}
			b, err := json.Marshal(x)
			if err != nil {
				t.Fatal(err)
			}
			back := new(mlcore.Exported)
			if err := json.Unmarshal(b, back); err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			fit, err := back.Write(dir)
			if err != nil {
				t.Fatal(err)
			}
			if got := digest(t, dir, fit); got != v.sum {
				t.Errorf("got %s, want %s", got, v.sum)
			}
		})
	}
}

func TestExportsThatCannotBeRead(t *testing.T) {
	e := &mlcore.Engine{}
	defer e.Close()
	v := train(t, e, retrain.Job{Model: price(), Data: tables(products(60))})
	for says, spoil := range map[string]func(x *mlcore.Exported){
		"its format is 2, not 1":                func(x *mlcore.Exported) { x.Format = 2 },
		"normalizer: ":                          func(x *mlcore.Exported) { x.Normalizer = []byte(`[]`) },
		"names no target":                       func(x *mlcore.Exported) { x.Normalizer = []byte(`{}`) },
		"it has no weights dense/kernel":        func(x *mlcore.Exported) { x.Weights = x.Weights[1:] },
		"weights dense/bias are [1] in 3 bytes": func(x *mlcore.Exported) { x.Weights[1].Values = x.Weights[1].Values[:3] },
	} {
		x, err := mlcore.Export(v.Version)
		if err != nil {
			t.Fatal(err)
		}
		spoil(x)
		if _, err := x.Write(t.TempDir()); !errors.Is(err, retrain.DataValidationError) || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
}

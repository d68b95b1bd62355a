package work

import (
	"errors"
	"testing"

	"retrain"
)

func TestAdmission(t *testing.T) {
	const gib = 1 << 30
	a := admission{Most: 4 * gib, Room: func() (free, total int64) { return 2 * gib, 3 * gib }}
	for _, test := range []struct {
		name  string
		bytes int64
		want  error
	}{
		{"no data", 0, nil},
		{"fits", gib / 8, nil},
		{"fits later", gib / 8 * 5 / 2, retrain.UnavailableError},
		{"never fits", gib, retrain.TrainingError},
	} {
		s := retrain.Start{Dataset: retrain.Dataset{Objects: []retrain.DataObject{{Size: test.bytes / 2}, {Size: test.bytes - test.bytes/2}}}}
		if err := a.admit(t.Context(), &s); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", test.name, err, test.want)
		}
	}
	a.Most = gib
	if err := a.admit(t.Context(), &retrain.Start{Dataset: retrain.Dataset{Objects: []retrain.DataObject{{Size: 100 * gib}}}}); err != nil {
		t.Errorf("what is learnt from files fits: %v", err)
	}
	if free, total := room(); free <= 0 || total < free {
		t.Errorf("%s of %s are free", size(free), size(total))
	}
}

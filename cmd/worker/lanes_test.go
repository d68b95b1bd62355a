package main

import (
	"slices"
	"testing"
)

func TestLanesOfSettings(t *testing.T) {
	for _, test := range []struct {
		name                string
		devices, priorities []string
		want                []string
	}{
		{"nothing said", nil, nil, nil},
		{"a GPU's", []string{"gpu", "auto"}, []string{"critical", "low"}, []string{"gpu-critical", "gpu-low", "critical", "low"}},
		{"a device alone", []string{"cpu"}, nil, []string{"cpu-critical", "cpu-default", "cpu-low"}},
		{"a priority alone", nil, []string{"low"}, []string{"low", "cpu-low", "gpu-low"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got, err := lanes(test.devices, test.priorities); err != nil || !slices.Equal(got, test.want) {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
		})
	}
	if _, err := lanes([]string{"tpu"}, nil); err == nil {
		t.Error("a device that no model can have is accepted")
	}
}

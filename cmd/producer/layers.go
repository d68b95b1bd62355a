package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// A layer is one layer of a version's network, as the version describes it.
type layer struct {
	Name             string           `json:"name"`
	Activation       string           `json:"activation"`
	Output           int              `json:"output"`
	Parameters       int              `json:"parameters"`
	Dropout          float64          `json:"dropout"`
	RecurrentDropout float64          `json:"recurrentDropout"`
	Shapes           map[string][]int `json:"shapes"`
}

// printLayers writes the network layer by layer.
func (v *shown) printLayers(w io.Writer) {
	var network struct {
		Layers []layer `json:"layers"`
	}
	if json.Unmarshal(v.Architecture, &network) != nil || len(network.Layers) == 0 { // another program's version
		return
	}
	fmt.Fprintln(w)
	t := listing(w, "layer", "output", "parameters", "")
	for _, l := range network.Layers {
		t.AppendRow([]any{l.Name, l.Output, l.Parameters, l.words()})
	}
	t.AppendRow([]any{"total", "", v.TotalParameters, ""})
	t.Render()
}

func (l *layer) words() string {
	var words []string
	if l.Activation != "" {
		words = append(words, l.Activation)
	}
	if l.Dropout > 0 {
		words = append(words, fmt.Sprintf("dropout %g", l.Dropout))
	}
	if l.RecurrentDropout > 0 {
		words = append(words, fmt.Sprintf("recurrent dropout %g", l.RecurrentDropout))
	}
	for _, name := range slices.Sorted(maps.Keys(l.Shapes)) {
		words = append(words, fmt.Sprintf("%s %v", name, l.Shapes[name]))
	}
	return strings.Join(words, ", ")
}

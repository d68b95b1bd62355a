package app

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"retrain"
)

// Predict says how prediction workers work.
type Predict struct {
	Memory      Bytes            `json:"memory,omitempty"`      // what loaded versions may take: beyond it those asked longest ago go, and come back when asked; 0: no limit
	Concurrency int              `json:"concurrency,omitempty"` // runs of one version at once; as many as there are processors
	Queue       int              `json:"queue,omitempty"`       // questions that may wait for one version; 1024
	Slowest     retrain.Duration `json:"slowest,omitempty"`     // what one prediction may take, or the version is refused; 1s
}

// Bytes is an amount of memory. YAML and JSON write it as a number, or as a text with a unit: 512MiB, 2GiB, 2GB.
type Bytes int64

// The units of Bytes.
var units = []struct {
	name string
	size float64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}, {"", 1}}

// UnmarshalJSON reads a number, or a text with a unit.
func (b *Bytes) UnmarshalJSON(text []byte) error {
	s := string(bytes.Trim(text, `"`))
	for _, unit := range units {
		number, ok := strings.CutSuffix(s, unit.name)
		if n, err := strconv.ParseFloat(strings.TrimSpace(number), 64); ok && err == nil && n >= 0 && n*unit.size < 1<<62 {
			*b = Bytes(n * unit.size)
			return nil
		}
	}
	return retrain.Errorf(retrain.ModelConfigError, `%q is no amount of memory`, s).WithHint("write 512MiB, 2GiB or a number of bytes")
}

// MarshalJSON writes a number.
func (b Bytes) MarshalJSON() ([]byte, error) { return json.Marshal(int64(b)) }

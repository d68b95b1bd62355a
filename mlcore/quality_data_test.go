package mlcore_test

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"retrain"
)

// A division is a data set with the rows that are learnt and the rows that judge, see testdata/quality/README.md.
type division struct{ train, test []retrain.Record }

func divided(t *testing.T, name string) division {
	t.Helper()
	lines, err := csv.NewReader(open(t, name)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var d division
	for i, line := range lines[1:] {
		r := retrain.Record{"id": strconv.Itoa(i)}
		for j, column := range lines[0] {
			r[column] = value(line[j])
		}
		if r["part"] == "train" {
			d.train = append(d.train, r)
		} else {
			d.test = append(d.test, r)
		}
	}
	return d
}

// open returns a data set's file, unpacked.
func open(t *testing.T, name string) io.Reader {
	t.Helper()
	b, err := os.ReadFile("testdata/quality/" + name)
	if err != nil {
		t.Fatal(err)
	}
	r := io.Reader(strings.NewReader(string(b)))
	if strings.HasSuffix(name, ".gz") {
		if r, err = gzip.NewReader(r); err != nil {
			t.Fatal(err)
		}
	}
	return bufio.NewReader(r)
}

func value(s string) any {
	if n, err := strconv.ParseFloat(s, 64); err == nil {
		return n
	}
	return s
}

func truths(records []retrain.Record, target string) []any {
	values := make([]any, len(records))
	for i, r := range records {
		values[i] = r[target]
	}
	return values
}

// A spread is what Keras reached over several seeds.
type spread struct{ Mean, SD float64 }

// reference returns what Keras reached on a data set with a network, by metric.
func reference(t *testing.T, set, network string) map[string]spread {
	t.Helper()
	var oracle struct {
		Keras map[string]map[string]map[string]spread
	}
	b, err := os.ReadFile("testdata/quality/oracle.json")
	if err == nil {
		err = json.Unmarshal(b, &oracle)
	}
	goals := oracle.Keras[set][network]
	if err != nil || len(goals) == 0 {
		t.Fatalf("no reference for %s, %s: %v", set, network, err)
	}
	return goals
}

// worse reports whether a metric is worse than the reference's mean by more than two of its standard deviations.
func (s spread) worse(metric string, got float64) bool {
	if slices.Contains([]string{"mae", "rmse", "mape"}, metric) {
		return !(got <= s.Mean+2*s.SD)
	}
	return !(got >= s.Mean-2*s.SD)
}

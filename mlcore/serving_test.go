package mlcore_test

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	tf "github.com/tensorflow/tensorflow/tensorflow/go"
	"github.com/tensorflow/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	"github.com/tensorflow/tensorflow/tensorflow/go/core/framework/types_go_proto"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"retrain"
	"retrain/mlcore"
)

// What classify and regress make of tf.Examples is what serving_default makes of the same values.
func TestExamplesAnswerLikeRaw(t *testing.T) {
	e := &mlcore.Engine{}
	defer e.Close()
	method := map[string]string{"linear": "regress", "dated": "regress", "polynomial": "regress", "binary": "classify", "sizes": "classify", "digits": "classify"}
	for name, m := range kinds() {
		t.Run(name, func(t *testing.T) {
			v := train(t, e, retrain.Job{Model: m, Data: tables(products(60))})
			var want []string
			if method[name] != "" {
				want = []string{method[name]}
			}
			if got := ofServing(t, v.Dir); !slices.Equal(got, want) {
				t.Fatalf("got signatures %v, want %v", got, want)
			}
			if want == nil {
				return
			}
			raw := rawInputs(t, v, products(70)[60:])
			direct := serve(t, v.Dir, raw)
			got, err := ask(t, v.Dir, method[name], map[string]any{"inputs": examplesOf(raw, 10)})
			if err != nil {
				t.Fatal(err)
			}
			if method[name] == "regress" {
				for i, y := range got["outputs"].([][]float32) {
					if len(y) != 1 || y[0] != direct["prediction"].([]float32)[i] {
						t.Errorf("record %d: got %v, want %v", i, y, direct["prediction"])
					}
				}
				return
			}
			if !reflect.DeepEqual(got["scores"], direct["probabilities"]) {
				t.Errorf("got %v, want %v", got["scores"], direct["probabilities"])
			}
			for i, scores := range got["scores"].([][]float32) {
				class := got["classes"].([][]string)[i][slices.Index(scores, slices.Max(scores))]
				if want := fmt.Sprint(reflect.ValueOf(direct["prediction"]).Index(i)); class != want {
					t.Errorf("record %d: got class %s, want %s", i, class, want)
				}
			}
		})
	}
}

// ofServing returns the names of the signatures that take examples.
func ofServing(t *testing.T, dir string) (names []string) {
	t.Helper()
	m, err := tf.LoadSavedModel(dir, []string{"serve"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Session.Close()
	for name, s := range m.Signatures {
		if s.MethodName == "tensorflow/serving/"+name {
			names = append(names, name)
		}
	}
	return names
}

func TestAnExampleWithoutAFeatureIsAnError(t *testing.T) {
	v := train(t, &mlcore.Engine{}, retrain.Job{Model: kinds()["linear"], Data: tables(products(40))})
	raw := rawInputs(t, v, products(2))
	delete(raw, "demand")
	if _, err := ask(t, v.Dir, "regress", map[string]any{"inputs": examplesOf(raw, 2)}); err == nil || !strings.Contains(err.Error(), "demand") {
		t.Errorf("got %v", err)
	}
}

// examplesOf returns serialized tf.Examples, without what is missing: features = 1 {feature = 1 {key = 1, value = 2 {bytes_list, float_list or int64_list}}}.
func examplesOf(raw map[string]any, n int) []string {
	message := func(n protowire.Number, value []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, n, protowire.BytesType), value)
	}
	examples := make([]string, n)
	for i := range examples {
		var features []byte
		for name, column := range raw {
			if v := reflect.ValueOf(column).Index(i); v.Kind() == reflect.String && v.Len() == 0 || v.CanFloat() && math.IsNaN(v.Float()) {
				continue
			}
			var list []byte
			switch x := column.(type) {
			case []string:
				list = message(1, message(1, []byte(x[i])))
			case []float32:
				list = message(2, protowire.AppendFixed32(protowire.AppendTag(nil, 1, protowire.Fixed32Type), math.Float32bits(x[i])))
			case []float64:
				list = message(3, protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(x[i])))
			}
			features = append(features, message(1, append(message(1, []byte(name)), message(2, list)...))...)
		}
		examples[i] = string(message(1, features))
	}
	return examples
}

// The warm-up requests are read back: TFRecord's framing, its checksums, and the self-check's values in each request.
func TestWarmupAsksTheExamples(t *testing.T) {
	e := &mlcore.Engine{}
	defer e.Close()
	for name, m := range kinds() {
		t.Run(name, func(t *testing.T) {
			v := train(t, e, retrain.Job{Model: m, Data: tables(products(60))})
			d, err := mlcore.ReadDetails(&v.Fit)
			if err != nil {
				t.Fatal(err)
			}
			logs := tfRecords(t, read(t, v.Dir, "assets.extra", "tf_serving_warmup_requests"))
			if got, want := len(logs), len(d.Examples); got != want || want == 0 {
				t.Fatalf("got %d requests, want %d", got, want)
			}
			for i, log := range logs {
				request := only(t, only(t, log, 6), 1)
				spec := only(t, request, 1)
				if got, want := string(only(t, spec, 1))+" "+string(only(t, spec, 3)), "price serving_default"; got != want {
					t.Errorf("got %s, want %s", got, want)
				}
				inputs := make(map[string]any)
				for _, entry := range membersOf(t, request, 2) {
					inputs[string(only(t, entry, 1))] = valuesOf(t, only(t, entry, 2), m.ModelConfig.Lookback)
				}
				want := rawInputs(t, v, d.Examples[i].Records)
				if m.Type == retrain.TimeSeries {
					want = windowed(want, m.ModelConfig.Lookback)
				}
				if !reflect.DeepEqual(inputs, want) {
					t.Errorf("got %v, want %v", inputs, want)
				}
				answer := answersOf(t, v.Version, d.Examples[i].Records)[0]
				if got := serve(t, v.Dir, inputs); !same(t, got, 0, answer) {
					t.Errorf("got %v, want %v", got, answer)
				}
			}
		})
	}
}

// tfRecords returns what is framed: length, its masked CRC-32C, data, their masked CRC-32C.
func tfRecords(t *testing.T, file []byte) (records [][]byte) {
	t.Helper()
	summed := func(b []byte) bool { // unmasks what is written, and compares
		n := len(b) - 4
		sum := binary.LittleEndian.Uint32(b[n:]) - 0xa282ead8
		return sum>>17|sum<<15 == crc32.Checksum(b[:n], crc32.MakeTable(crc32.Castagnoli))
	}
	for len(file) > 0 {
		n := int(binary.LittleEndian.Uint64(file))
		if !summed(file[:12]) || !summed(file[12:12+n+4]) {
			t.Fatal("a checksum is wrong")
		}
		records, file = append(records, file[12:12+n]), file[12+n+4:]
	}
	return records
}

// membersOf returns the messages and texts of a message with a number; only, the one there is.
func membersOf(t *testing.T, message []byte, number protowire.Number) (members [][]byte) {
	t.Helper()
	for len(message) > 0 {
		n, _, tag := protowire.ConsumeTag(message)
		value, size := protowire.ConsumeBytes(message[tag:])
		if tag < 0 || size < 0 {
			t.Fatal("not a message")
		}
		if message = message[tag+size:]; n == number {
			members = append(members, value)
		}
	}
	return members
}

func only(t *testing.T, message []byte, number protowire.Number) []byte {
	t.Helper()
	members := membersOf(t, message, number)
	if len(members) != 1 {
		t.Fatalf("got %d members with number %d, want 1", len(members), number)
	}
	return members[0]
}

// valuesOf reads a TensorProto of [1], or of [1, lookback].
func valuesOf(t *testing.T, b []byte, lookback int) any {
	t.Helper()
	p := new(tensor_go_proto.TensorProto)
	if err := proto.Unmarshal(b, p); err != nil {
		t.Fatal(err)
	}
	dims := p.GetTensorShape().GetDim()
	if window := lookback > 0; dims[0].GetSize() != 1 || window != (len(dims) == 2) || window && dims[1].GetSize() != int64(lookback) {
		t.Errorf("got dimensions %v", dims)
	}
	texts := make([]string, len(p.GetStringVal()))
	for i, s := range p.GetStringVal() {
		texts[i] = string(s)
	}
	values := map[types_go_proto.DataType]any{types_go_proto.DataType_DT_STRING: texts, types_go_proto.DataType_DT_FLOAT: p.GetFloatVal(),
		types_go_proto.DataType_DT_DOUBLE: p.GetDoubleVal()}[p.GetDtype()]
	if lookback > 0 {
		return windowed(map[string]any{"": values}, lookback)[""]
	}
	return values
}

// A file with examples that are none of the model's gives no version.
func TestImportRefusesExamplesOfAnotherLength(t *testing.T) {
	v := train(t, &mlcore.Engine{}, retrain.Job{Model: kinds()["series"], Data: tables(products(60))})
	dir := t.TempDir()
	file := regexp.MustCompile(`"records":\s*\[`).ReplaceAll(exported(t, v), []byte(`$0{"cost":1,"category":"basic"},`))
	_, err := tryTrain(t, &mlcore.Engine{}, retrain.Job{Model: v.Manifest.Spec, Import: file, Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "an example of 6 records") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "assets.extra")); err == nil {
		t.Error("there is a warm-up file")
	}
}

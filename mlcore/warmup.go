package mlcore

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"

	"github.com/tensorflow/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	"github.com/tensorflow/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	"github.com/tensorflow/tensorflow/tensorflow/go/core/framework/types_go_proto"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"retrain"
	"retrain/mlcore/prep"
)

// TensorFlow Serving asks a version the requests of this file before it asks it anything else, so that the first caller does
// not wait for what is done once.
const warmupFile = "assets.extra/tf_serving_warmup_requests"

// The file is a TFRecord of PredictionLog messages. Their definitions are those of TensorFlow Serving, which is not needed
// here for these few fields:
//
//	PredictionLog   predict_log = 6
//	PredictLog      request = 1
//	PredictRequest  model_spec = 1, inputs = 2 (a map: key = 1, value = 2, a TensorProto)
//	ModelSpec       name = 1, signature_name = 3
const (
	logPredictLog      = 6
	predictLogRequest  = 1
	requestModelSpec   = 1
	requestInputs      = 2
	entryKey           = 1
	entryValue         = 2
	specName           = 1
	specSignature      = 3
	castagnoliMask     = 0xa282ead8 // what TFRecord adds to its rotated checksums
	castagnoliRotation = 15
)

// writeWarmup writes a request to serving_default for each example into the SavedModel in dir; without examples, no file. The
// same examples give the same bytes.
func writeWarmup(dir, model string, p *prep.Preparation, examples []Example) error {
	if len(examples) == 0 {
		return nil
	}
	e, err := p.Encoder()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	for _, example := range examples {
		if n := len(example.Records); p.Lookback > 0 && n != p.Lookback {
			return retrain.Errorf(retrain.DataValidationError, "an example of %d records, where a window has %d", n, p.Lookback)
		}
		raw, err := e.Raw(example.Records)
		if err != nil {
			return err
		}
		log, err := predictionLog(model, raw, p.Lookback)
		if err != nil {
			return err
		}
		b.Write(tfRecord(log))
	}
	file := filepath.Join(dir, filepath.FromSlash(warmupFile))
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		return err
	}
	return os.WriteFile(file, b.Bytes(), 0o600)
}

// predictionLog returns the message that asks one question.
func predictionLog(model string, features []prep.Raw, lookback int) ([]byte, error) {
	spec := member(member(nil, specName, []byte(model)), specSignature, []byte(rawSignature))
	request := member(nil, requestModelSpec, spec)
	for i := range features {
		tensor, err := proto.MarshalOptions{Deterministic: true}.Marshal(rawTensor(&features[i], lookback))
		if err != nil {
			return nil, err
		}
		request = member(request, requestInputs, member(member(nil, entryKey, []byte(features[i].Name)), entryValue, tensor))
	}
	return member(nil, logPredictLog, member(nil, predictLogRequest, request)), nil
}

func member(message []byte, n protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(message, n, protowire.BytesType), value)
}

// rawTensor returns a feature of some records, [records], or of a window, [1, lookback], as serving_default takes it.
func rawTensor(r *prep.Raw, lookback int) *tensor_go_proto.TensorProto {
	dims := []*tensor_shape_go_proto.TensorShapeProto_Dim{{Size: int64(len(r.Numbers) + len(r.Texts))}} // it has one of the two
	if lookback > 0 {
		dims = append([]*tensor_shape_go_proto.TensorShapeProto_Dim{{Size: 1}}, dims...)
	}
	t := &tensor_go_proto.TensorProto{Dtype: types_go_proto.DataType(rawType(r.Form)), TensorShape: &tensor_shape_go_proto.TensorShapeProto{Dim: dims}}
	switch r.Form {
	case prep.Category:
		for _, text := range r.Texts {
			t.StringVal = append(t.StringVal, []byte(text))
		}
	case prep.Date:
		t.DoubleVal = slices.Clone(r.Numbers)
	default:
		for _, n := range r.Numbers {
			t.FloatVal = append(t.FloatVal, float32(n))
		}
	}
	return t
}

// tfRecord frames data: its length, a checksum of that, the data, a checksum of them.
func tfRecord(data []byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(data)))
	b = binary.LittleEndian.AppendUint32(b, maskedSum(b))
	return binary.LittleEndian.AppendUint32(append(b, data...), maskedSum(data))
}

// maskedSum is TFRecord's CRC-32C, rotated and shifted so that checksums can be part of what is summed.
func maskedSum(b []byte) uint32 {
	sum := crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
	return (sum>>castagnoliRotation | sum<<(32-castagnoliRotation)) + castagnoliMask
}

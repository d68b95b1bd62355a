package dialect_test

import (
	"fmt"
	"math"
	"testing"

	"retrain/internal/dialect"
	"retrain/mlcore/prep"
)

// The number 3, or one that shows the sign and the size, in every datatype.
func TestBinaryNumbers(t *testing.T) {
	s := &dialect.Schema{Model: "price", Fields: []prep.Field{{Name: "cost"}}, Targets: []prep.Target{{Name: "price"}}}
	for _, test := range []struct {
		datatype, bytes string
		want            any
	}{
		{"BOOL", "\x01", true},
		{"UINT8", "\xff", 255.0},
		{"INT8", "\xff", -1.0},
		{"UINT16", "\x03\x01", 259.0},
		{"INT16", "\xfe\xff", -2.0},
		{"UINT32", "\x00\x00\x00\x80", 2147483648.0},
		{"INT32", "\x00\x00\x00\x80", -2147483648.0},
		{"UINT64", "\x03\x00\x00\x00\x00\x00\x00\x00", 3.0},
		{"INT64", "\xfd\xff\xff\xff\xff\xff\xff\xff", -3.0},
		{"FP16", "\x00\xc2", -3.0},
		{"FP16", "\x01\x00", math.Ldexp(1, -24)}, // the smallest there is
		{"FP16", "\xff\x7b", 65504.0},
		{"FP32", "\x00\x00\x40\x40", 3.0},
		{"FP64", "\x00\x00\x00\x00\x00\x00\x08\x40", 3.0},
		{"BYTES", "\x03\x00\x00\x00red", "red"},
		{"FP16", "\x00\x7c", nil}, // infinite
		{"FP32", "\x00\x00\x80\x7f", nil},
		{"BYTES", "\x01\x00\x00\x00\xff", nil}, // no text
		{"BYTES", "\xff\xff\xff\xffred", nil},
		{"BYTES", "\x03\x00", nil},
		{"INT32", "\x00\x00\x00", nil},
	} {
		text := fmt.Sprintf(`{"inputs":[{"name":"cost","shape":[1],"datatype":%q,"parameters":{"binary_data_size":%d}}]}`, test.datatype, len(test.bytes))
		q, err := s.ReadInfer([]byte(text+test.bytes), len(text))
		if test.want == nil {
			if err == nil {
				t.Errorf("%s %q: got %v", test.datatype, test.bytes, q.Records)
			}
			continue
		}
		if err != nil || len(q.Records) != 1 || q.Records[0]["cost"] != test.want {
			t.Errorf("%s %q: got %v, %v, want %v", test.datatype, test.bytes, q, err, test.want)
		}
	}
}

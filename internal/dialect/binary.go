package dialect

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// The data of a tensor may stand behind the JSON, one tensor's after the other's: numbers in little endian, booleans as a byte,
// texts behind their length in four bytes. The clients of Triton and KServe send them so unless they are told not to.

// sizeParameter is the parameter of a tensor whose data stand there: how many bytes they are.
const sizeParameter = "binary_data_size"

// attach gives the tensors the data that stand behind the JSON.
func attach(tensors []Tensor, rest []byte) error {
	for i := range tensors {
		t := &tensors[i]
		v, ok := t.Parameters[sizeParameter]
		if !ok {
			continue
		}
		n, ok := v.(float64)
		if !ok || n != math.Trunc(n) || n < 0 || n > float64(len(rest)) {
			return invalid("input %q: %s is %.40v, %d bytes are left", short(t.Name), sizeParameter, v, len(rest))
		}
		if t.Data != nil {
			return invalid("input %q has both data and %s", short(t.Name), sizeParameter)
		}
		data, err := t.unpacked(rest[:int(n)])
		if err != nil {
			return err
		}
		t.Data, rest = data, rest[int(n):]
	}
	if len(rest) > 0 {
		return invalid("%d bytes behind the JSON belong to no input", len(rest)).WithHint("each has its %s", sizeParameter)
	}
	return nil
}

// unpacked returns the values in binary data.
func (t *Tensor) unpacked(b []byte) ([]any, error) {
	of, ok := datatypes[t.Datatype]
	switch {
	case !ok:
		return nil, t.unknownType()
	case of.size == 0:
		return t.unpackedTexts(b)
	case len(b)%of.size != 0:
		return nil, invalid("input %q: %d bytes are no whole number of %s", short(t.Name), len(b), t.Datatype)
	}
	data := make([]any, 0, len(b)/of.size)
	for ; len(b) > 0; b = b[of.size:] {
		if n := number(t.Datatype, b); !math.IsNaN(n) {
			data = append(data, n)
		} else {
			data = append(data, nil) // a missing value
		}
	}
	return data, nil
}

// number returns the first number in b.
func number(datatype string, b []byte) float64 {
	le := binary.LittleEndian
	switch datatype {
	case "BOOL", "UINT8":
		return float64(b[0])
	case "INT8":
		return float64(int8(b[0]))
	case "UINT16":
		return float64(le.Uint16(b))
	case "INT16":
		return float64(int16(le.Uint16(b)))
	case "UINT32":
		return float64(le.Uint32(b))
	case "INT32":
		return float64(int32(le.Uint32(b)))
	case "UINT64":
		return float64(le.Uint64(b))
	case "INT64":
		return float64(int64(le.Uint64(b)))
	case "FP16":
		return half(le.Uint16(b))
	case "FP32":
		return float64(math.Float32frombits(le.Uint32(b)))
	}
	return math.Float64frombits(le.Uint64(b))
}

// half returns the value of a number of 16 bits: a sign, 5 bits of exponent, 10 of the fraction.
func half(bits uint16) float64 {
	exponent, fraction := int(bits>>10&31), float64(bits&1023)/1024
	v := math.Ldexp(1+fraction, exponent-15)
	switch {
	case exponent == 0:
		v = math.Ldexp(fraction, -14)
	case exponent == 31 && fraction == 0:
		v = math.Inf(1)
	case exponent == 31:
		v = math.NaN()
	}
	if bits>>15 == 1 {
		v = -v
	}
	return v
}

func (t *Tensor) unpackedTexts(b []byte) ([]any, error) {
	var data []any
	for len(b) > 0 {
		if len(b) < 4 || uint64(binary.LittleEndian.Uint32(b)) > uint64(len(b)-4) {
			return nil, invalid("input %q: text %d is longer than what is left", short(t.Name), len(data)+1)
		}
		end := 4 + int(binary.LittleEndian.Uint32(b))
		if !utf8.Valid(b[4:end]) {
			return nil, invalid("input %q: text %d is not UTF-8", short(t.Name), len(data)+1)
		}
		data, b = append(data, string(b[4:end])), b[end:]
	}
	return data, nil
}

// packed returns the data of an output: FP64, BOOL or BYTES.
func (t *Tensor) packed() (b []byte) {
	b = []byte{}
	list, _ := t.Data.([]any)
	for _, v := range list {
		switch v := v.(type) {
		case float64:
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		case bool:
			one := byte(0)
			if v {
				one = 1
			}
			b = append(b, one)
		case string:
			b = append(binary.LittleEndian.AppendUint32(b, uint32(len(v))), v...)
		}
	}
	return b
}

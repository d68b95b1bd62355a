package tensorboard

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// What TFRecord does to its checksums, so that checksums can be part of what is summed.
const (
	maskAdded   = 0xa282ead8
	maskRotated = 15
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendRecord adds a TFRecord: the length of data, a checksum of that, data, a checksum of them.
func appendRecord(file, data []byte) []byte {
	length := binary.LittleEndian.AppendUint64(nil, uint64(len(data)))
	file = binary.LittleEndian.AppendUint32(append(file, length...), masked(length))
	return binary.LittleEndian.AppendUint32(append(file, data...), masked(data))
}

func masked(b []byte) uint32 {
	sum := crc32.Checksum(b, castagnoli)
	return (sum>>maskRotated | sum<<(32-maskRotated)) + maskAdded
}

// bits returns seconds since 1970 as a double.
func bits(t time.Time) uint64 { return math.Float64bits(float64(t.UnixNano()) / float64(time.Second)) }

func bits32(v float64) uint32 { return math.Float32bits(float32(v)) }

// member returns the first field of a message that is bytes and has that number, nil where there is none.
func member(message []byte, number protowire.Number) []byte {
	for len(message) > 0 {
		n, kind, size := protowire.ConsumeTag(message)
		if size < 0 {
			return nil
		}
		message = message[size:]
		if n == number && kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(message)
			return value
		}
		if size = protowire.ConsumeFieldValue(n, kind, message); size < 0 {
			return nil
		}
		message = message[size:]
	}
	return nil
}

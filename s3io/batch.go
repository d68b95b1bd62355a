package s3io

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/klauspost/compress/zstd"

	"retrain"
)

// A batch's object is a zstd file of JSON lines, which zstdcat shows. Before it stands a frame that zstd skips, with a header
// that we read without unpacking anything.

// A batchHeader says what is in a log's object. Format 1 is one batch of records; format 2 may hold several batches, whose lines
// follow one another, and batches of deletions.
type batchHeader struct {
	Format  int         `json:"format"`
	Batch   string      `json:"batch,omitempty"`   // of format 1
	At      time.Time   `json:"at"`                // when the first of them was inserted
	Records int         `json:"records"`           // lines
	Checked int         `json:"checked,omitempty"` // whoever wrote it had made sure that none of so many absorptions has any of its batches
	Batches []batchHead `json:"batches,omitempty"` // of format 2; filled in for format 1 by openBatch
}

// A batchHead is what is known of a batch without its records.
type batchHead struct {
	ID      string    `json:"id"`
	At      time.Time `json:"at"`
	Records int       `json:"records"`
	Gone    bool      `json:"gone,omitempty"` // the records with its ids are deleted
}

// The longest batch that is unpacked: a broken or hostile frame must not take all memory.
const mostUnpacked = 1 << 30

// Both work on many goroutines at once.
var (
	packer   = sync.OnceValues(func() (*zstd.Encoder, error) { return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault)) })
	unpacker = sync.OnceValues(func() (*zstd.Decoder, error) {
		return zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(mostUnpacked))
	})
)

// encodeBatch returns a batch's object. Records without an id get one.
func encodeBatch(b retrain.Batch) ([]byte, error) { return encodeBatches([]retrain.Batch{b}, 0) }

// encodeBatches returns the object of some batches, at least one.
func encodeBatches(list []retrain.Batch, checked int) ([]byte, error) {
	h := batchHeader{Format: 1, Batch: list[0].ID, At: list[0].At.UTC(), Checked: checked}
	var lines bytes.Buffer
	enc := jsontext.NewEncoder(&lines, jsontext.AllowDuplicateNames(true)) // a map has none
	for _, b := range list {
		if err := encodeLines(enc, b); err != nil {
			return nil, err
		}
		h.Records += len(b.Records)
		h.Batches = append(h.Batches, batchHead{ID: b.ID, At: b.At.UTC(), Records: len(b.Records), Gone: b.Gone})
		if b.At.Before(h.At) {
			h.At = b.At.UTC()
		}
	}
	if len(list) > 1 || list[0].Gone {
		h.Format, h.Batch = 2, ""
	} else {
		h.Batches = nil
	}
	header, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	zip, err := packer()
	if err != nil {
		return nil, err
	}
	return zip.EncodeAll(lines.Bytes(), skippedFrame(header)), nil
}

// skippedFrame returns a frame that zstd skips.
func skippedFrame(content []byte) []byte {
	frame := binary.LittleEndian.AppendUint32(make([]byte, 0, 8+len(content)), skippable)
	frame = binary.LittleEndian.AppendUint32(frame, uint32(len(content)))
	return append(frame, content...)
}

func encodeLines(enc *jsontext.Encoder, b retrain.Batch) error {
	for i, r := range b.Records {
		if b.Gone {
			if r.ID() == "" {
				return retrain.Errorf(retrain.DataValidationError, "record %d: it has no id to delete", i+1)
			}
			r = retrain.Record{"id": r["id"]}
		}
		if err := encodeRecord(enc, r, b.ID, i); err != nil {
			return retrain.Errorf(retrain.DataValidationError, "record %d: %w", i+1, err)
		}
	}
	return nil
}

const skippable = 0x184D2A5E // the first bytes of a frame that zstd skips

// encodeRecord writes a record as one line: the id first, where a reader finds it without looking at the rest, then the other
// fields by name.
func encodeRecord(enc *jsontext.Encoder, r retrain.Record, batch string, i int) error {
	id, err := recordID(r, batch, i)
	if err != nil {
		return err
	}
	if err := writeTokens(enc, jsontext.BeginObject, jsontext.String("id")); err != nil {
		return err
	}
	if err := encodeValue(enc, id); err != nil {
		return fmt.Errorf("id: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(r)) {
		if name == "id" {
			continue
		}
		if err := enc.WriteToken(jsontext.String(name)); err != nil {
			return fmt.Errorf("a field's name: %w", err)
		}
		if err := encodeValue(enc, r[name]); err != nil {
			return fmt.Errorf("field %q: %w", name, err)
		}
	}
	return enc.WriteToken(jsontext.EndObject)
}

// recordID returns a record's id. One that has none gets the batch's id and its place in it, so that it is the same however
// often the batch is sent.
func recordID(r retrain.Record, batch string, i int) (any, error) {
	switch id := r["id"].(type) {
	case nil:
		return batch + "-" + strconv.Itoa(i+1), nil
	case string, float64, bool:
		if id == "" {
			return batch + "-" + strconv.Itoa(i+1), nil
		}
		return id, nil
	default:
		return nil, fmt.Errorf("its id is %T, and not a text or a number", id)
	}
}

func encodeValue(enc *jsontext.Encoder, v any) error {
	switch v := v.(type) {
	case nil:
		return enc.WriteToken(jsontext.Null)
	case bool:
		return enc.WriteToken(jsontext.Bool(v))
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("%v is not a number that JSON has", v)
		}
		return enc.WriteToken(jsontext.Float(v))
	case string:
		return enc.WriteToken(jsontext.String(v))
	}
	return jsonv2.MarshalEncode(enc, v, jsonv2.Deterministic(true))
}

func writeTokens(enc *jsontext.Encoder, tokens ...jsontext.Token) error {
	for _, t := range tokens {
		if err := enc.WriteToken(t); err != nil {
			return err
		}
	}
	return nil
}

// headSize returns how many bytes an object has before its records, by its first bytes.
func headSize(object []byte) int64 {
	if len(object) < 8 {
		return 0
	}
	return 8 + int64(binary.LittleEndian.Uint32(object[4:]))
}

// openBatch reads an object's header and returns what follows it.
func openBatch(object []byte) (h batchHeader, packed []byte, err error) {
	if len(object) < 8 || binary.LittleEndian.Uint32(object) != skippable {
		return h, nil, retrain.Errorf(retrain.DataValidationError, "it does not begin with a batch's header")
	}
	n := int64(binary.LittleEndian.Uint32(object[4:]))
	if n > int64(len(object)-8) {
		return h, nil, retrain.Errorf(retrain.DataValidationError, "it ends within the header, after %d bytes", len(object))
	}
	if err := json.Unmarshal(object[8:8+n], &h); err != nil {
		return h, nil, retrain.Errorf(retrain.DataValidationError, "its header: %w", err)
	}
	switch h.Format {
	case 1:
		h.Batches = []batchHead{{ID: h.Batch, At: h.At, Records: h.Records}}
	case 2:
		rows := 0
		for _, b := range h.Batches {
			rows += max(b.Records, 0)
		}
		if rows != h.Records || len(h.Batches) == 0 {
			return h, nil, retrain.Errorf(retrain.DataValidationError, "its header has batches of %d records and says %d", rows, h.Records)
		}
	default:
		return h, nil, retrain.Errorf(retrain.DataValidationError, "format %d", h.Format).WithHint("it was written by a newer Retrain")
	}
	return h, object[8+n:], nil
}

// unpack appends the JSON lines to buf. The header says how many there are.
func (h *batchHeader) unpack(packed, buf []byte) ([]byte, error) {
	unzip, err := unpacker()
	if err != nil {
		return buf, err
	}
	lines, err := unzip.DecodeAll(packed, buf)
	n := bytes.Count(lines, []byte{'\n'})
	if err != nil {
		return lines, retrain.Errorf(retrain.DataValidationError, "after record %d of %d: zstd: %w", n, h.Records, err)
	}
	if n != h.Records {
		return lines, retrain.Errorf(retrain.DataValidationError, "it has %d records, its header says %d", n, h.Records)
	}
	return lines, nil
}

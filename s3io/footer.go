package s3io

import (
	"encoding/binary"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"retrain"
)

// Of a copy little is read: the end of the file, which has the metadata, and the row groups of a partition. So that the first is not
// more than the second, it stands there twice: before the end, where Parquet's readers see nothing, with what we need of
// it alone, as a zstd frame. Who does not know of it reads the end.

// The most bytes that metadata unpack to.
const mostMetadata = 64 << 20

// withBrief returns a Parquet file with its metadata in brief before its end, and how many bytes those are.
func withBrief(file []byte, meta *format.FileMetaData) ([]byte, int64, error) {
	text, err := thrift.Marshal(new(thrift.CompactProtocol), inBrief(meta))
	if err != nil {
		return nil, 0, err
	}
	zip, err := packer()
	if err != nil {
		return nil, 0, err
	}
	brief := zip.EncodeAll(text, nil)
	at := int64(len(file)) - footSize(file)
	out := make([]byte, 0, len(file)+len(brief))
	out = append(append(append(out, file[:at]...), brief...), file[at:]...)
	return out, int64(len(brief)), nil
}

// inBrief returns metadata without what we do not read: statistics, and where indexes of pages are.
func inBrief(meta *format.FileMetaData) *format.FileMetaData {
	b := *meta
	b.ColumnOrders = nil
	b.RowGroups = make([]format.RowGroup, len(meta.RowGroups))
	for i, g := range meta.RowGroups {
		b.RowGroups[i] = format.RowGroup{TotalByteSize: g.TotalByteSize, NumRows: g.NumRows, Columns: make([]format.ColumnChunk, len(g.Columns))}
		for j := range g.Columns {
			m := &g.Columns[j].MetaData
			b.RowGroups[i].Columns[j] = format.ColumnChunk{MetaData: format.ColumnMetaData{Type: m.Type, Encoding: m.Encoding, PathInSchema: m.PathInSchema,
				Codec: m.Codec, NumValues: m.NumValues, TotalUncompressedSize: m.TotalUncompressedSize, TotalCompressedSize: m.TotalCompressedSize,
				DataPageOffset: m.DataPageOffset, DictionaryPageOffset: m.DictionaryPageOffset}}
		}
	}
	return &b
}

// endOf returns what could be the end of a Parquet file that has metadata in brief.
func endOf(brief []byte) ([]byte, error) {
	unzip, err := unpacker()
	if err != nil {
		return nil, err
	}
	end, err := unzip.DecodeAll(brief, nil)
	if err != nil || len(end) > mostMetadata {
		return nil, retrain.Errorf(retrain.DataValidationError, "its metadata in brief are damaged: %w", err)
	}
	end = binary.LittleEndian.AppendUint32(end, uint32(len(end)))
	return append(end, "PAR1"...), nil
}

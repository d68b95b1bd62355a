package mlcore

import (
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
)

// writeTrainingData writes the records that were learnt from, as they were read, one JSON object a line.
func (f *fit) writeTrainingData() error {
	file, err := os.Create(filepath.Join(f.Dir, "training-data.jsonl.zst"))
	if err != nil {
		return err
	}
	defer file.Close()
	z, err := zstd.NewWriter(file, zstd.WithEncoderConcurrency(1)) // with more, the bytes depend on timing
	if err != nil {
		return err
	}
	lines := json.NewEncoder(z)
	for record, err := range f.data.Records() {
		if err == nil {
			err = lines.Encode(record)
		}
		if err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	return file.Close()
}

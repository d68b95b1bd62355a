package prep

import (
	"cmp"
	"os"
)

// A Room says what a preparation may take up. The zero value is what most machines have. The size of the data alone decides
// what goes to files, never how much of the machine is free: the same records are always prepared and learnt in the same way.
type Room struct {
	// Memory is how many bytes of records, and how many bytes of encoded rows, stay in memory; 1 GiB. What is more lies in
	// files. Beside these some 30 bytes for each row are needed while it is prepared, and half of them afterwards.
	Memory int64
	// Disk is how many bytes of encoded rows there may be; 256 GiB.
	Disk int64
	// Dir is the folder for the files, which nobody else sees and which are gone with the process; os.TempDir.
	Dir string
	// Floats makes the memory for encoded rows where they stay there, [rows, width]; nil: Go's own.
	Floats func(rows, width int) []float32
}

const (
	defaultMemory = 1 << 30
	defaultDisk   = 256 << 30
)

func (r *Room) memory() int64 { return cmp.Or(r.Memory, defaultMemory) }
func (r *Room) disk() int64   { return cmp.Or(r.Disk, defaultDisk) }

func (r *Room) floats(rows, width int) []float32 {
	if r.Floats == nil {
		return make([]float32, rows*width)
	}
	return r.Floats(rows, width)
}

// file returns a new file that has no name any more: it is gone when it is closed, however that happens.
func (r *Room) file() (*os.File, error) {
	f, err := os.CreateTemp(r.Dir, "retrain-*.rows")
	if err != nil {
		return nil, err
	}
	return f, os.Remove(f.Name())
}

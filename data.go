package retrain

import (
	"context"
	"iter"
)

// A Dataset names exactly the records of a training.
type Dataset struct {
	Resource  string        `json:"resource"`
	From      *Resource     `json:"from,omitempty"` // as it was declared, where the records are not ours but read from another source
	Partition *PartitionRef `json:"partition,omitempty"`
	Objects   []DataObject  `json:"objects"`

	// Of our own records, which are compacted as they grow old:
	Absorbed   int `json:"absorbed,omitempty"`   // the batches of so many absorptions are in it, beside those that the objects name
	Generation int `json:"generation,omitempty"` // of the index that it was made from
}

// A DataObject is one object that records are read from.
type DataObject struct {
	Key     string   `json:"key"`
	ETag    string   `json:"etag,omitempty"`
	Batch   string   `json:"batch,omitempty"`   // the batch it holds, by which its rows were counted; without one, the others are read with its help
	Batches []string `json:"batches,omitempty"` // or several: those of the batches in it that are read
	Size    int64    `json:"size,omitempty"`    // in bytes, of a segment
	Without string   `json:"without,omitempty"` // the object that says which of a segment's rows no longer hold
}

// A Source reads the records of a resource.
type Source interface {
	// Snapshot names the records of a resource, or of one partition of it, as they are now.
	Snapshot(ctx context.Context, r Resource, p *PartitionRef) (Dataset, error)
	// Tables yields a snapshot's records in blocks, each record once in its latest state, in the order of their insertion.
	Tables(ctx context.Context, d Dataset) iter.Seq2[*Table, error]
}

// Batches returns the ids of the batches that the data set holds.
func (d *Dataset) Batches() []string {
	var ids []string
	for _, o := range d.Objects {
		if o.Batch != "" {
			ids = append(ids, o.Batch)
		}
		ids = append(ids, o.Batches...)
	}
	return ids
}
